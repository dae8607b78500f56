"""A request before and after it has started: what it wants, and how far it is."""

from dataclasses import dataclass

from service.llm.core import Progress, Sink
from service.llm.decoding import Sampler, TextStream
from service.llm.layout import Layout
from service.llm.plan import Plan
from service.llm.types import GenerateOptions
from service.types import Usage


@dataclass(slots=True)
class Slot:
    """A request that has started; `options` None means that only state is computed."""

    number: int
    sink: Sink
    plan: Plan
    cells: int
    prompt_tokens: int
    max_tokens: int
    deadline: float | None
    sampler: Sampler
    text: TextStream
    background: bool
    position: int
    pending: int | None = None
    generated: int = 0

    @property
    def usage(self) -> Usage:
        return Usage(self.prompt_tokens, self.plan.cached, self.generated)

    def emit(self, progress: Progress) -> None:
        self.sink(progress)


@dataclass(frozen=True, slots=True)
class Request:
    """`deadline` is a time of the monotonic clock; `options` None computes state only, when nobody else waits."""

    number: int
    layout: Layout
    options: GenerateOptions | None
    deadline: float | None
    sink: Sink
