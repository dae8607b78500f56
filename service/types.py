"""The vocabulary of answering: Hits become Passages, sentences carry Citations and Verdicts, an Answer holds them all.

`Citation.quote == document.text[start:end]` always holds; `Answer.text[s.start:s.end]` is sentence s with its markers.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeAlias

from indexes.types import Chunk, Filters, Hit


class Role(StrEnum):
    USER = "user"
    ASSISTANT = "assistant"


@dataclass(frozen=True, slots=True)
class Message:
    role: Role
    content: str


class Policy(StrEnum):
    """What happens to a sentence no passage supports: dropped, delivered with its verdict, or not checked at all."""

    STRICT = "strict"
    FLAG = "flag"
    OFF = "off"

    @property
    def laxity(self) -> int:
        """0 is the strictest."""
        return list(Policy).index(self)


@dataclass(frozen=True, slots=True)
class Question:
    """What a person asks; `lang` None means the language of the text; `deadline_s` is seconds from now."""

    text: str
    lang: str | None = None
    history: Sequence[Message] = ()
    filters: Filters = field(default_factory=Filters)
    deadline_s: float | None = None
    policy: Policy = Policy.STRICT


@dataclass(frozen=True, slots=True)
class Passage:
    """A hit as the model saw it: under its marker, as `text`."""

    marker: int
    hit: Hit
    text: str


@dataclass(frozen=True, slots=True)
class Citation:
    """A quote that supports a sentence; start and end are code points into the stored document text."""

    marker: int
    chunk: Chunk
    start: int
    end: int
    quote: str
    score: float


class Verdict(StrEnum):
    SUPPORTED = "supported"
    PARTIAL = "partial"
    UNSUPPORTED = "unsupported"


@dataclass(frozen=True, slots=True)
class AnswerSentence:
    """One sentence of an answer without markers; start and end are its span in `Answer.text`, markers included."""

    text: str
    verdict: Verdict
    score: float
    citations: tuple[Citation, ...]
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Dropped:
    """A sentence the model wrote and nobody was shown as true."""

    text: str
    reason: str


class Status(StrEnum):
    ANSWERED = "answered"
    PARTIAL = "partial"
    REFUSED = "refused"
    EXTRACTIVE = "extractive"


class RefusalReason(StrEnum):
    NOT_IN_CORPUS = "not_in_corpus"
    BELOW_CONFIDENCE = "below_confidence"
    UNSAFE = "unsafe"
    NO_MODEL = "no_model"


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why there is no answer; `confidence` that the corpus answers; `nearest` topics it does cover."""

    reason: RefusalReason
    confidence: float
    nearest: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens; `cached_tokens` of the prompt were not computed again."""

    prompt_tokens: int = 0
    cached_tokens: int = 0
    completion_tokens: int = 0


@dataclass(frozen=True, slots=True)
class Timing:
    """Milliseconds since the question arrived; None where it never happened."""

    first_token_ms: float | None = None
    first_sentence_ms: float | None = None
    total_ms: float = 0.0


@dataclass(frozen=True, slots=True)
class Retrieval:
    """What was found; `hits` are best first."""

    hits: tuple[Hit, ...]
    ms: float


@dataclass(frozen=True, slots=True)
class Answer:
    id: str
    question: str
    lang: str
    status: Status
    text: str
    sentences: tuple[AnswerSentence, ...]
    citations: tuple[Citation, ...]
    dropped: tuple[Dropped, ...]
    refusal: Refusal | None
    retrieval: Retrieval
    usage: Usage
    timing: Timing
    generation: int
    model: str
    confidence: float = 1.0
    cut: bool = False
    """Whether the draft ended before the model meant it to."""
    cached: bool = False
    """Whether it is an answer given before, told again."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """First event: what was found, before any text."""

    retrieval: Retrieval


@dataclass(frozen=True, slots=True)
class Waiting:
    """The engine is busy: `position` askers are before this one."""

    position: int
    eta_ms: float


@dataclass(frozen=True, slots=True)
class DraftToken:
    """A piece of draft text, not yet checked."""

    text: str


@dataclass(frozen=True, slots=True)
class SentenceChecked:
    """A sentence of the final answer, checked, with the citations it introduces."""

    sentence: AnswerSentence


@dataclass(frozen=True, slots=True)
class Finished:
    """Last event: the whole answer."""

    answer: Answer


AnswerEvent: TypeAlias = Evidence | Waiting | DraftToken | SentenceChecked | Finished
