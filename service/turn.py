"""What one question has gathered so far, and the Answer that it becomes."""

import logging
import time
from dataclasses import dataclass, field
from uuid import uuid4

from indexes.errors import EngineError
from service.abstention import Assessment
from service.asking import Intent
from service.cancelling import Cancel
from service.composing import Composer
from service.messages import messages, refusal_text
from service.types import (
    Answer,
    Dropped,
    Question,
    Refusal,
    RefusalReason,
    Retrieval,
    Status,
    Timing,
    Usage,
    Verdict,
)

log = logging.getLogger("career.answer")


@dataclass(slots=True)
class Turn:
    """The only mutable value of an answer in the making; it belongs to one thread at a time."""

    question: Question
    lang: str
    generation: int
    model: str
    deadline_s: float
    cancel: Cancel = field(default_factory=Cancel)
    composer: Composer = field(init=False)
    retrieval: Retrieval = field(default_factory=lambda: Retrieval((), 0.0))
    dropped: list[Dropped] = field(default_factory=list)
    usage: Usage = field(default_factory=Usage)
    assessment: Assessment = field(default_factory=lambda: Assessment(0.0, enough=False, sure=False))
    denied: bool = False
    """Whether the draft said that the passages do not answer."""
    cut: bool = False
    """Whether the draft ended before the model meant it to: deadline, length, or trouble of the engine."""
    trouble: str | None = None
    """What the engine failed of, if it did."""
    drafted: int | None = None
    """How many sentences are the draft's, once others follow them."""
    first_token_ms: float | None = None
    first_sentence_ms: float | None = None
    started: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        self.composer = Composer(self.lang)

    def elapsed_ms(self) -> float:
        return (time.monotonic() - self.started) * 1000.0

    def left_s(self) -> float:
        """Seconds until the deadline, never negative."""
        return max(0.0, self.deadline_s - self.elapsed_ms() / 1000.0)

    def saw_token(self) -> None:
        if self.first_token_ms is None:
            self.first_token_ms = self.elapsed_ms()

    def saw_sentence(self) -> None:
        if self.first_sentence_ms is None:
            self.first_sentence_ms = self.elapsed_ms()

    def drop(self, text: str, reason: str) -> None:
        self.dropped.append(Dropped(text, reason))

    def failed(self, error: EngineError) -> None:
        """The engine ended a draft, or the translation of a row: the answer is less than it would be another time."""
        self.cut, self.trouble = True, str(error)
        log.warning("The engine failed at an answer: %s", error)

    def answered(self) -> Answer:
        """What was composed; partial when the draft was cut, or not all of it could be supported. What was added to it
        makes it no less."""
        draft = self.composer.sentences[: self.drafted]
        whole = not self.cut and not self.dropped and all(s.verdict is Verdict.SUPPORTED for s in draft)
        return self._answer(Status.ANSWERED if whole else Status.PARTIAL, self.composer.text)

    def so_far(self) -> Answer:
        """What was composed until now, of a draft that may still go on."""
        return self._answer(Status.PARTIAL, self.composer.text)

    def extractive(self) -> Answer:
        return self._answer(Status.EXTRACTIVE, self.composer.text)

    def refused(self, reason: RefusalReason, nearest: tuple[str, ...]) -> Answer:
        refusal = Refusal(reason, self.assessment.confidence, nearest)
        return self._answer(Status.REFUSED, refusal_text(reason, nearest, self.lang), refusal)

    def turned_away(self, intent: Intent) -> Answer:
        """Small talk, an attack or a question without a topic: answered politely, without a search."""
        texts = messages(self.lang)
        if intent is Intent.ATTACK:
            return self.refused(RefusalReason.UNSAFE, ())
        if intent is Intent.SMALL_TALK:
            return self._answer(Status.REFUSED, texts.small_talk, Refusal(RefusalReason.NOT_IN_CORPUS, 0.0, ()))
        return self._answer(Status.REFUSED, texts.too_vague, Refusal(RefusalReason.BELOW_CONFIDENCE, 0.0, ()))

    def _answer(self, status: Status, text: str, refusal: Refusal | None = None) -> Answer:
        composer = self.composer if refusal is None else Composer(self.lang)
        return Answer(
            id=uuid4().hex,
            question=self.question.text,
            lang=self.lang,
            status=status,
            text=text,
            sentences=tuple(composer.sentences),
            citations=tuple(composer.citations),
            dropped=tuple(self.dropped),
            refusal=refusal,
            retrieval=self.retrieval,
            usage=self.usage,
            timing=Timing(self.first_token_ms, self.first_sentence_ms, self.elapsed_ms()),
            generation=self.generation,
            model=self.model,
            confidence=self.assessment.confidence,
            cut=self.cut,
        )
