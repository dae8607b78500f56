"""The native API's bodies as pydantic models: what is checked on the way in, and what OpenAPI shows on the way out."""

import json
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from indexes import types as core
from service.types import Message, Policy, Question, Role


def _has_words(text: str) -> str:
    if not text.strip() or "\0" in text:
        raise ValueError("must hold text, and no NUL")
    return text


Text = Annotated[str, AfterValidator(_has_words)]
Lang = Annotated[str, Field(pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$", max_length=35)]
DocumentId = Annotated[str, Field(min_length=1, max_length=200)]


class Unicode(BaseModel):
    """Refuses half a surrogate pair wherever it hides: JSON can spell one, but nothing can store or send it."""

    @model_validator(mode="before")
    @classmethod
    def _check(cls, value: object) -> object:
        try:
            json.dumps(value, ensure_ascii=False, default=str).encode()
        except UnicodeEncodeError:
            raise ValueError("must be valid Unicode, without half of a surrogate pair") from None
        return value


class Body(Unicode):
    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


class Filters(Body):
    """Restricts the search to one document, or several, and to one language."""

    document_id: DocumentId | Annotated[list[DocumentId], Field(min_length=1, max_length=100)] | None = Field(
        None, description="Only these documents: an id, or several, as `GET /api/documents` lists them."
    )
    lang: Lang | None = Field(None, description="Only passages written in this language: `en`, `zh`, `zh-CN`, …")

    def value(self) -> core.Filters:
        ids = [self.document_id] if isinstance(self.document_id, str) else self.document_id
        return core.Filters(frozenset(ids) if ids else None, primary(self.lang))


class Turn(Body):
    role: Role
    content: str

    def value(self) -> Message:
        return Message(self.role, self.content)


class AskBody(Body):
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"question": "What should a backend developer learn first to move into AI?"},
                {"question": "向量数据库有哪些？", "lang": "zh", "deadline_s": 60},
                {
                    "question": "And which of them are open source?",
                    "history": [
                        {"role": "user", "content": "Which vector databases are there?"},
                        {"role": "assistant", "content": "Milvus, Pinecone and FAISS. [1]"},
                    ],
                    "filters": {"lang": "zh"},
                    "policy": "strict",
                },
            ]
        }
    )

    question: Text = Field(description="What to answer, in English or Chinese.")
    lang: Lang | None = Field(None, description="Language of the answer; by default that of the question.")
    history: list[Turn] = Field(default_factory=list, description="Earlier turns, oldest first.")
    filters: Filters = Field(default_factory=Filters, description="Where to look; by default everywhere.")
    deadline_s: float | None = Field(
        None,
        gt=0,
        le=3600,
        description="Seconds after which writing ends with what was checked until then (`cut` is then true), or with "
        "504 where there is nothing; never more than the service's own CAREER_DEADLINE_S, which holds by default.",
    )
    policy: Policy | None = Field(
        None,
        description="What happens to sentences that no passage supports: `strict` drops them, `flag` delivers them "
        "with their verdict, `off` checks nothing. By default the service's CAREER_POLICY; with a site key no laxer.",
    )

    def value(self, policy: Policy, deadline_s: float) -> Question:
        """The question, with the service's own policy and longest time where the body names none."""
        deadline_s = min(self.deadline_s or deadline_s, deadline_s)
        history = tuple(turn.value() for turn in self.history)
        lang = primary(self.lang)
        return Question(self.question, lang, history, self.filters.value(), deadline_s, self.policy or policy)


class SearchBody(Body):
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"query": "vector databases", "k": 3},
                {"query": "向量数据库", "k": 5, "filters": {"lang": "zh"}, "explain": True},
            ]
        }
    )

    query: Text = Field(description="What to look for, in English or Chinese.")
    k: int = Field(8, ge=1, le=100, description="How many passages at most.")
    filters: Filters = Field(default_factory=Filters, description="Where to look; by default everywhere.")
    explain: bool = Field(False, description="Whether each hit says what each leg of the search gave it.")


class FeedbackBody(Body):
    model_config = ConfigDict(
        json_schema_extra={"examples": [{"answer_id": "a1b2", "rating": "down", "tags": ["incorrect"], "note": "…"}]}
    )

    answer_id: str = Field(min_length=1, max_length=100, description="`id` of an answer of the last thousand.")
    rating: Literal["up", "down"]
    tags: list[Literal["incorrect", "not_what_i_asked", "incomplete", "slow_or_buggy", "style_or_tone", "other"]] = (
        Field(default_factory=list, max_length=6)
    )
    note: str = Field("", max_length=1000)


class HitOut(BaseModel):
    rank: int
    score: float
    document_id: str
    chunk_id: str
    title: str
    heading: list[str]
    text: str
    start: int
    end: int
    lang: str
    found_by: list[str]


class SearchOut(BaseModel):
    query: str
    lang: str
    generation: int
    ms: float
    hits: list[HitOut]


class SentenceOut(BaseModel):
    text: str
    verdict: Literal["supported", "partial", "unsupported"]
    score: float
    citations: list[int]
    start: int
    end: int


class CitationOut(BaseModel):
    marker: int
    document_id: str
    chunk_id: str
    title: str
    heading: list[str]
    url: str
    lang: str
    quote: str
    start: int
    end: int
    score: float


class DroppedOut(BaseModel):
    text: str
    reason: str


class RefusalOut(BaseModel):
    reason: Literal["not_in_corpus", "below_confidence", "unsafe", "no_model"]
    confidence: float
    nearest: list[str]


class AnswerOut(BaseModel):
    id: str
    question: str
    lang: str
    status: Literal["answered", "partial", "refused", "extractive"]
    text: str
    sentences: list[SentenceOut]
    citations: list[CitationOut]
    dropped: list[DroppedOut]
    refusal: RefusalOut | None
    retrieval: dict[str, float]
    usage: dict[str, int]
    timing: dict[str, float | None]
    generation: int
    model: str
    confidence: float
    cut: bool
    cached: bool


class SectionOut(BaseModel):
    heading: list[str]
    start: int
    end: int


class DocumentInfoOut(BaseModel):
    id: str
    uri: str
    title: str
    lang: str
    source: str | None


class DocumentOut(DocumentInfoOut):
    text: str
    sections: list[SectionOut]


class DocumentsOut(BaseModel):
    generation: int
    documents: list[DocumentInfoOut]


class JobOut(BaseModel):
    id: str
    kind: Literal["add", "remove"]
    name: str
    state: Literal["queued", "running", "done", "failed"]
    detail: str
    document_id: str | None
    generation: int | None


class ProblemOut(BaseModel):
    type: str
    title: str
    status: int
    detail: str
    instance: str
    errors: list[dict[str, str]] = Field(default_factory=list)


class OpenAIError(BaseModel):
    error: dict[str, str | None]


def primary(lang: str | None) -> str | None:
    """`zh-CN` → `zh`: documents and answers know primary languages only."""
    return lang.split("-")[0].lower() if lang else None
