"""A request before and after it has started: what it wants, and how far it is."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from service.llm.core import Progress, Sink
from service.llm.decoding import Sampler, TextStream, log_probability
from service.llm.layout import Layout
from service.llm.plan import Plan, Run
from service.llm.types import GenerateOptions
from service.types import Usage


@dataclass(frozen=True, slots=True)
class Request:
    """`deadline` is a time of the monotonic clock; `options` None computes state only, when nobody else waits.

    `watched` is the token whose probability as the first one is told.
    """

    number: int
    layout: Layout
    options: GenerateOptions | None
    deadline: float | None
    sink: Sink
    watched: int | None = None


@dataclass(slots=True)
class Slot:
    """A request that has started."""

    request: Request
    plan: Plan
    cells: int
    max_tokens: int
    sampler: Sampler
    text: TextStream
    position: int
    pending: int | None = None
    likelihoods: list[float] = field(default_factory=list)
    """Natural logarithms of the probabilities of the tokens of a reply that stands already."""
    generated: int = 0

    @property
    def number(self) -> int:
        return self.request.number

    @property
    def background(self) -> bool:
        """Whether only state is computed."""
        return self.request.options is None

    @property
    def usage(self) -> Usage:
        return Usage(self.request.layout.size, self.plan.cached, self.generated)

    def judge(self, run: Run, rows: range, logits: Callable[[int], NDArray[np.float32]]) -> None:
        """Note how likely those tokens of a reply were that the next tokens of a run, computed as `rows`, have before
        them.

        Args:
            logits: of a row, shape (vocabulary,).
        """
        first = len(run.tokens) - run.wanted
        for at, row in enumerate(rows, start=run.done):
            if first <= at < len(run.tokens) - 1:
                self.likelihoods.append(log_probability(logits(row), run.tokens[at + 1]))

    def emit(self, progress: Progress) -> None:
        self.request.sink(progress)
