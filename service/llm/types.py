"""The seam to every engine: a Prompt goes in, an iterator of events comes out; closing the iterator cancels at once."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias, runtime_checkable

from service.types import Message, Usage


@dataclass(frozen=True, slots=True)
class Prompt:
    """Parts, not one text, so that an engine can keep what it has computed of each.

    The model sees, inside its own chat template: `system`; then one user turn of the `passages` in this order followed
    by `request` (the question with the last instructions). Earlier turns of `history` come before that user turn. A
    passage is any text that other questions may need again: a chunk, or a row of one. An engine that reuses state may
    do so for `system` and for each passage; what follows the passages is always computed.
    """

    system: str
    passages: tuple[str, ...]
    request: str
    history: tuple[Message, ...] = ()


@dataclass(frozen=True, slots=True)
class GenerateOptions:
    """`deadline_s` is seconds from the call; temperature 0 is greedy and repeatable.

    `watch`: a text; an engine that can see its own probabilities tells how likely it was to begin with it (`Leaning`).
    `sample_logits`: how many of the logits of the first token it tells with that; `tell_values`: whether it tells what
    the token before it holds.
    """

    max_tokens: int = 384
    temperature: float = 0.0
    seed: int = 0
    stop: tuple[str, ...] = ()
    deadline_s: float | None = None
    watch: str = ""
    sample_logits: int = 0
    tell_values: bool = False


@dataclass(frozen=True, slots=True)
class Leaning:
    """Comes before the first text where `watch` was asked for: the natural logarithm of the probability that the
    answer begins with the first token of that text, whatever was then chosen. Remote engines do not say it.

    `logits`: `sample_logits` of that first token, evenly spaced over the vocabulary, less the mean of all.
    `values`: what the last token of the prompt holds for those to come, its values of attention in some layers past the
    middle (`service.llm.saved_state`); empty unless asked for, and from an engine that cannot read its own state.
    """

    log_probability: float
    logits: tuple[float, ...] = ()
    values: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Text:
    """A piece of text: never half a character."""

    text: str


@dataclass(frozen=True, slots=True)
class Queued:
    position: int
    eta_ms: float


@dataclass(frozen=True, slots=True)
class Done:
    """Last event of a generation that was not cancelled."""

    finish: Literal["stop", "length", "deadline"]
    usage: Usage


EngineEvent: TypeAlias = Leaning | Text | Queued | Done


@runtime_checkable
class LLM(Protocol):
    """An engine. Safe to call from many threads at once.

    Raises (from generate): EngineBusy when the queue is full, EngineCrashed when its process died, else EngineError.
    """

    @property
    def name(self) -> str: ...

    @property
    def context_tokens(self) -> int: ...

    def count_tokens(self, texts: Sequence[str], /) -> list[int]:
        """Tokens of each text, without template or special tokens."""

    def generate(self, prompt: Prompt, options: GenerateOptions) -> Iterator[EngineEvent]: ...

    def close(self) -> None: ...
