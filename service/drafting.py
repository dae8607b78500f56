"""A draft in pieces becomes checked sentences: each is judged as it closes, and delivered only if the policy allows."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Protocol

from service.asking import Asked, Wanted, denies, holds
from service.composing import is_exact
from service.grounding import Checked, DraftSentence, SentenceStream
from service.turn import Turn
from service.types import AnswerSentence, Passage, Policy, Verdict

NO_SUPPORT = "no passage supports it"
REPEATED = "says again what was said"
DENIAL = "says only that the passages do not answer"
UNFINISHED = "was not finished"
KIND_UNMET = "does not give what was asked for"


class Checker(Protocol):
    """What is used of `service.grounding.Verifier`."""

    def check(
        self,
        sentence: str,
        passages: Sequence[Passage],
        *,
        hints: Sequence[int] = (),
        question: str = "",
        lead_in: str = "",
    ) -> Checked: ...


class Draft:
    """Sentences of one draft on their way into one Turn.

    Where a figure, a date or a person is asked for, nothing is delivered until a sentence holds one: supported
    sentences beside the point are not an answer.
    """

    def __init__(self, turn: Turn, asked: Asked, passages: Sequence[Passage], checker: Checker, policy: Policy) -> None:
        self._turn = turn
        self._asked = asked
        self._passages = passages
        self._checker = checker
        self._policy = policy
        self._stream = SentenceStream()
        self._waiting: list[tuple[str, Checked]] = []
        self._lead_in = ""
        self._open = asked.wanted is Wanted.ANY
        self.denied = 0

    def feed(self, piece: str) -> Iterator[AnswerSentence]:
        """Take in a piece of draft; yield the sentences that it lets go."""
        for sentence in self._stream.feed(piece):
            yield from self._judge(sentence)

    def finish(self, *, cut: bool) -> Iterator[AnswerSentence]:
        """Take the rest as closed, unless it was cut; what still waits for a sentence to the point is dropped."""
        for sentence in self._stream.finish():
            if cut:
                self._turn.drop(sentence.text, UNFINISHED)
            else:
                yield from self._judge(sentence)
        for text, _ in self._waiting:
            self._turn.drop(text, KIND_UNMET)
        self._waiting.clear()

    def _judge(self, sentence: DraftSentence) -> Iterator[AnswerSentence]:
        if not sentence.bullet and sentence.text.endswith((":", "：")):
            self._lead_in = sentence.text  # Shown before the first item that survives, or not at all.
            return
        text = f"{sentence.bullet} {sentence.text}" if sentence.bullet else sentence.text
        if denies(sentence.text):
            self.denied += 1
            self._turn.drop(text, DENIAL)
            return
        if self._policy is Policy.OFF:
            checked = Checked(Verdict.UNSUPPORTED, 0.0, (), "not checked")
        else:
            checked = self._checker.check(
                sentence.text,
                self._passages,
                hints=sentence.hints,
                question=self._asked.text,
                lead_in=sentence.lead_in,
            )
        if checked.verdict is not Verdict.UNSUPPORTED and not any(map(is_exact, checked.citations)):
            checked = replace(checked, verdict=Verdict.UNSUPPORTED, citations=(), reason=NO_SUPPORT)
        if checked.verdict is Verdict.UNSUPPORTED and self._policy is Policy.STRICT:
            self._turn.drop(text, checked.reason or NO_SUPPORT)
            return
        if self._lead_in and sentence.lead_in == self._lead_in:
            text, self._lead_in = f"{self._lead_in} {text}", ""
        self._waiting.append((text, checked))
        self._open = self._open or self._policy is Policy.OFF or holds(self._asked.wanted, sentence.text)
        if self._open:
            yield from self._deliver()

    def _deliver(self) -> Iterator[AnswerSentence]:
        waiting, self._waiting = self._waiting, []
        for text, checked in waiting:
            sentence = self._turn.composer.add(text, checked.verdict, checked.score, checked.citations)
            if sentence is None:
                self._turn.drop(text, REPEATED)
            else:
                self._turn.saw_sentence()
                yield sentence
