"""A draft in pieces becomes checked sentences: each is judged as it closes, and delivered only if the policy allows."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Protocol

from indexes.text import ENGLISH_FUNCTION, detect_lang, latin_names, tokens
from service.asking import Asked, Wanted, denies, holds
from service.composing import is_exact
from service.gloss import gloss, has_han
from service.grounding import Checked, DraftSentence, SentenceStream
from service.grounding.glossary import load_glossary
from service.turn import Turn
from service.types import AnswerSentence, Citation, Passage, Policy, Verdict

NO_SUPPORT = "no passage supports it"
REPEATED = "says again what was said"
DENIAL = "says only that the passages do not answer"
UNFINISHED = "was not finished"
OTHER_LANGUAGE = "is not in the language of the question"
KIND_UNMET = "does not give what was asked for"

_ITEM_HEAD = re.compile(r"(.{2,40}?)\s*(?:[:：]|\s[-–—]\s|——)")
"""`TensorRT: a library that …` has the head `TensorRT`."""

_HAN_RUN = re.compile(r"[\u3400-\u9fff]+")
COPIED_CHARS = 40
COPIED_SCORE = 0.8
SPOKEN_SHARE = 0.7
"""Share of a Chinese sentence that the glossary must know for its terms to stand in an English answer."""


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

    Where a figure, a date or a person is asked for, nothing is delivered until a supported sentence holds one:
    sentences beside the point are not an answer. Where the gate is unsure, one sentence must be fully supported first.
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
        self._open = policy is Policy.OFF or (asked.wanted is Wanted.ANY and turn.assessment.sure)
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
        if denies(sentence.text):
            self.denied += 1
            self._turn.drop(sentence.text, DENIAL)
            return
        sentence, checked = self._verdict(sentence)
        spoken = self._spoken(sentence.text)
        if spoken is None:
            self._turn.drop(sentence.text, OTHER_LANGUAGE)
            return
        if checked.verdict is Verdict.UNSUPPORTED and self._policy is Policy.STRICT:
            self._turn.drop(sentence.text, checked.reason or NO_SUPPORT)
            return
        self._waiting.append((self._shown(replace(sentence, text=spoken)), checked))
        self._open = self._open or self._is_to_the_point(sentence, checked)
        if self._open:
            yield from self._deliver()

    def _is_to_the_point(self, sentence: DraftSentence, checked: Checked) -> bool:
        """Whether a sentence gives the figure or person asked for; half supported, it may be another one's."""
        trusted = self._policy is not Policy.STRICT or checked.verdict is Verdict.SUPPORTED
        return trusted and holds(self._asked.wanted, sentence.text)

    def _verdict(self, sentence: DraftSentence) -> tuple[DraftSentence, Checked]:
        """What may be delivered of a sentence: of a list item whose explanation has no support, its head alone."""
        if self._policy is Policy.OFF:
            return sentence, Checked(Verdict.UNSUPPORTED, 0.0, (), "not checked")
        checked = self._check(sentence)
        if checked.verdict is Verdict.UNSUPPORTED and (citation := self._copied(sentence.text)):
            checked = Checked(Verdict.SUPPORTED, COPIED_SCORE, (citation,), "")
        head = _ITEM_HEAD.match(sentence.text) if sentence.bullet else None
        if checked.verdict is not Verdict.UNSUPPORTED or head is None:
            return sentence, checked
        named = replace(sentence, text=head.group(1).strip())
        saved = self._check(named)
        if saved.verdict is Verdict.UNSUPPORTED or not self._is_about_the_same(named, saved):
            return sentence, checked
        self._turn.drop(sentence.text, checked.reason or NO_SUPPORT)
        return named, saved

    def _copied(self, text: str) -> Citation | None:
        """Where a short answer stands word for word in the best rows of a sure search.

        `JWT/OAuth2.0` makes no claim that could be checked by itself, but it stands where the question led.
        """
        fragment = text.strip(" 。.；;")
        if not self._turn.assessment.sure or not 1 < len(fragment) <= COPIED_CHARS:
            return None
        for hit in self._turn.retrieval.hits[:2]:
            for unit in hit.units[:1]:
                at = unit.text.find(fragment)
                if at >= 0:
                    start = unit.start + at
                    return Citation(0, hit.chunk, start, start + len(fragment), fragment, COPIED_SCORE)
        return None

    def _is_about_the_same(self, head: DraftSentence, checked: Checked) -> bool:
        """Whether the units cited for a head have the names that its list is about: a term stands in many places."""
        names = {tokens(name)[0] for name in latin_names(f"{self._asked.text} {head.lead_in}") if tokens(name)}
        cited = " ".join(
            unit.embedding_text
            for citation in checked.citations
            for unit in citation.chunk.units
            if unit.start < citation.end and citation.start < unit.end
        )
        return names <= set(tokens(cited))

    def _spoken(self, text: str) -> str | None:
        """A sentence in the asker's language: Chinese goes into English by the glossary, or not at all."""
        if self._turn.lang.startswith("zh"):
            return text if has_han(text) or not is_prose(text) else None
        if detect_lang(text) != "zh":
            return _HAN_RUN.sub(_translated, text)
        terms, share = gloss(text, load_glossary())
        return terms if share >= SPOKEN_SHARE else None

    def _shown(self, sentence: DraftSentence) -> str:
        """A sentence as it is delivered: behind its bullet, the first of a list behind the line that announced it."""
        text = sentence.text
        if sentence.bullet and sentence.raw.startswith(sentence.bullet):
            text = f"{sentence.bullet} {text}"
        if self._lead_in and sentence.lead_in == self._lead_in:
            text, self._lead_in = f"{self._lead_in} {text}", ""
        return text

    def _check(self, sentence: DraftSentence) -> Checked:
        checked = self._checker.check(
            sentence.text,
            self._passages,
            hints=sentence.hints,
            question=self._asked.text,
            lead_in=sentence.lead_in or self._subject(sentence),
        )
        if checked.verdict is not Verdict.UNSUPPORTED and not any(map(is_exact, checked.citations)):
            return replace(checked, verdict=Verdict.UNSUPPORTED, citations=(), reason=NO_SUPPORT)
        return checked

    def _subject(self, sentence: DraftSentence) -> str:
        """The question, where a sentence names nothing of it: `120,000 dollars` is said of whatever was asked about."""
        said, asked = set(tokens(sentence.text)), self._asked.words
        return "" if said & asked else self._asked.text

    def _deliver(self) -> Iterator[AnswerSentence]:
        waiting, self._waiting = self._waiting, []
        for text, checked in waiting:
            sentence = self._turn.composer.add(text, checked.verdict, checked.score, checked.citations)
            if sentence is None:
                self._turn.drop(text, REPEATED)
            else:
                self._turn.saw_sentence()
                yield sentence


def _translated(match: re.Match[str]) -> str:
    """A run of Chinese inside an English sentence, by the glossary where that knows all of it."""
    terms, share = gloss(match.group(), load_glossary())
    return f" {terms} ".strip() if share > 0.99 else match.group()


def is_prose(text: str) -> bool:
    """Whether Latin words form a sentence rather than a list of names."""
    words = re.findall(r"[A-Za-z']+", text.lower())
    return sum(word in ENGLISH_FUNCTION for word in words) > len(words) // 5
