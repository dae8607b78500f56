"""Bodies of the OpenAI routes: what we honour, what we accept without effect, what we refuse with a reason."""

import base64
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import ConfigDict, Field

from indexes.types import Vectors
from service.problems import Json, Problem
from service.schemas import Unicode
from service.types import Message, Question, Role

ALIASES = frozenset({"career", "career-rag"})
"""Names that mean whatever model the service runs."""


class Lenient(Unicode):
    """OpenAI's clients send more fields every year: unknown ones have no effect."""

    model_config = ConfigDict(extra="ignore", allow_inf_nan=False)


class Part(Lenient):
    type: str
    text: str = ""


class ChatMessage(Lenient):
    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: str | list[Part] | None = None

    def text(self) -> str:
        if not isinstance(self.content, list):
            return self.content or ""
        for part in self.content:
            if part.type not in {"text", "input_text", "refusal"}:
                raise refused(f"Content of type {part.type!r} is not supported: only text is.", "messages")
        return "\n".join(part.text for part in self.content)


class StreamOptions(Lenient):
    include_usage: bool = False


class ResponseFormat(Lenient):
    type: str = "text"


class ChatBody(Lenient):
    """`temperature`, `top_p`, `seed`, penalties and `logit_bias` have no effect: answers are what the evidence says."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"model": "career", "messages": [{"role": "user", "content": "What is FAISS?"}]}]
        }
    )

    model: str = Field(max_length=200)
    messages: list[ChatMessage] = Field(min_length=1, max_length=1000)
    stream: bool | None = False
    stream_options: StreamOptions | None = None
    n: int | None = Field(1, ge=1, le=128)
    stop: str | Annotated[list[str], Field(max_length=4)] | None = None
    max_tokens: int | None = Field(None, ge=1)
    max_completion_tokens: int | None = Field(None, ge=1)
    response_format: ResponseFormat | None = None
    logprobs: bool | None = None
    tools: list[Any] | None = None
    functions: list[Any] | None = None

    def refuse_unsupported(self) -> None:
        """Raises Problem 400 for what would silently change the meaning of the reply."""
        if (self.n or 1) > 1:
            raise refused("Only n=1 is supported: the same question has the same answer.", "n")
        if self.logprobs:
            raise refused("logprobs are not supported.", "logprobs")
        if self.tools or self.functions:
            raise refused("Tools are not supported.", "tools")
        if self.response_format and self.response_format.type != "text":
            raise refused("Only response_format {'type': 'text'} is supported.", "response_format")

    def question(self, longest_s: float) -> Question:
        """The last message asks; user and assistant turns before it are history; system messages have no effect."""
        *earlier, last = self.messages
        if last.role != "user":
            raise refused("The last message must be the user's.", "messages")
        text = last.text()
        if not text.strip() or "\0" in text:
            raise refused("The last message must hold text, and no NUL.", "messages")
        roles = {"user": Role.USER, "assistant": Role.ASSISTANT}
        history = tuple(Message(roles[turn.role], turn.text()) for turn in earlier if turn.role in roles)
        return Question(text, history=history, deadline_s=longest_s)

    def stops(self) -> tuple[str, ...]:
        stops = [self.stop] if isinstance(self.stop, str) else self.stop or []
        return tuple(filter(None, stops))

    def most_tokens(self) -> int | None:
        given = [most for most in (self.max_tokens, self.max_completion_tokens) if most is not None]
        return min(given, default=None)


class EmbeddingsBody(Lenient):
    """`input_type` is ours: a query is embedded differently from a passage."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"model": "career", "input": "vector databases"}]})

    model: str = Field(max_length=200)
    input: str | list[Any]
    encoding_format: Literal["float", "base64"] | None = "float"
    dimensions: int | None = Field(None, ge=1)
    input_type: Literal["query", "passage"] = "passage"

    def texts(self, most: int, longest: int) -> list[str]:
        texts = [self.input] if isinstance(self.input, str) else self.input
        if not texts or len(texts) > most:
            raise refused(f"Give 1 to {most} texts.", "input")
        if not all(isinstance(text, str) for text in texts):
            cure = "tokens belong to one model's vocabulary (LangChain: check_embedding_ctx_length=False)"
            raise refused(f"Give text, not token numbers: {cure}.", "input")
        for text in texts:
            if not text or len(text) > longest:
                raise refused(f"Each text must hold 1 to {longest} valid characters.", "input")
        return texts


def embedding_items(vectors: Vectors, as_base64: bool) -> list[Json]:
    """OpenAI's base64 is that of little-endian float32."""

    def encode(row: np.ndarray[Any, Any]) -> str | list[float]:
        return base64.b64encode(row.astype("<f4").tobytes()).decode() if as_base64 else row.tolist()

    return [{"object": "embedding", "index": i, "embedding": encode(row)} for i, row in enumerate(vectors)]


def refused(detail: str, param: str) -> Problem:
    return Problem(400, detail, "unsupported_value", param)


def check_model(name: str, known: frozenset[str]) -> None:
    if name not in known | ALIASES:
        names = ", ".join(sorted(known | {"career"}))
        raise Problem(404, f"The model {name[:100]!r} does not exist; there are: {names}.", "model_not_found", "model")
