"""What an engine is underneath its queue: requests go in under a number, progress comes out through a sink.

Two cores exist: the model in this process (`llama.LlamaCore`) and the same in a process of its own
(`worker.WorkerCore`). `desk.QueuedLLM` makes an LLM of either.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol, TypeAlias

from indexes.errors import CareerError, EngineError
from service.llm.types import Done, GenerateOptions, Leaning, Prompt, Text


class Reuse(StrEnum):
    """Which state of passages is reused; the first is exact, the others trade closeness to it for time.

    OFF computes every prompt anew. ALL joins the states of all passages, which then have not seen one another.
    LAST_FRESH computes the last passage (the best row is restated last) with sight of all others. BOUNDARY computes the
    first tokens of every passage in place, with sight of what stands before (after CacheBlend, arXiv 2405.16444).
    """

    OFF = "off"
    ALL = "all"
    LAST_FRESH = "last_fresh"
    BOUNDARY = "boundary"


@dataclass(frozen=True, slots=True)
class EngineInfo:
    """`slots` answers are generated at once."""

    name: str
    context_tokens: int
    slots: int


@dataclass(frozen=True, slots=True)
class Started:
    """The request has left the line."""


@dataclass(frozen=True, slots=True)
class Cancelled:
    """Its slot is free; nothing follows."""


@dataclass(frozen=True, slots=True)
class Failed:
    error: CareerError


Progress: TypeAlias = Started | Leaning | Text | Done | Cancelled | Failed
Sink: TypeAlias = Callable[[Progress], None]
"""Takes the progress of one request, in order, the last of it Done, Cancelled or Failed; must return at once."""

Stats: TypeAlias = Mapping[str, int | float | str]


class Core(Protocol):
    """Safe to call from many threads; requests start in the order they came."""

    @property
    def info(self) -> EngineInfo: ...

    def count_tokens(self, texts: Sequence[str], /) -> list[int]: ...

    def submit(self, number: int, prompt: Prompt, options: GenerateOptions, sink: Sink) -> None: ...

    def warm(self, number: int, prompts: Sequence[Prompt], sink: Sink) -> None:
        """Compute what is missing of the prompts' passages, whenever nobody else waits; ends with Done."""

    def cancel(self, number: int) -> None:
        """Of a request that has ended, does nothing."""

    def stats(self) -> Stats: ...

    def step_s(self) -> float:
        """Seconds that the step being computed has taken so far; 0 between steps, or where that is not known."""

    def close(self) -> None: ...


def told(error: Exception) -> CareerError:
    """An error as it may be shown to people."""
    if isinstance(error, CareerError):
        return error
    return EngineError(f"The engine failed ({error!r}). Report it, please.")
