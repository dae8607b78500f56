"""A request before and after it has started: what it wants, and how far it is."""

from collections.abc import Sequence
from dataclasses import dataclass

from service.llm.batch_sizes import by_fours_only, guesses_each
from service.llm.core import Progress, Sink
from service.llm.decoding import Sampler, TextStream
from service.llm.guessing import Guesser
from service.llm.layout import Layout
from service.llm.plan import Plan
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
    """A request that has started; `pending` is the last token of the answer, still to be computed, at `position`."""

    request: Request
    plan: Plan
    cells: int
    max_tokens: int
    sampler: Sampler
    text: TextStream
    position: int
    guesser: Guesser | None = None
    pending: int | None = None
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

    def guess(self, most: int, *, sure: bool) -> Sequence[int]:
        """What may follow the pending token, at most what the answer may still have."""
        most = min(most, self.max_tokens - self.generated - 1)
        return self.guesser.guess(most, sure=sure) if self.guesser is not None else ()

    def take(self, token: int) -> None:
        """Go on with a token."""
        self.pending = token
        self.generated += 1
        if self.guesser is not None:
            self.guesser.add(token)

    def emit(self, progress: Progress) -> None:
        self.request.sink(progress)


def guessed(slots: Sequence[Slot], guesses: int) -> list[Sequence[int]]:
    """What may follow in each of the answers that get a token now, at most `guesses` tokens; in company only what is
    sure, and as long as it fills fours."""
    count = len(slots)
    found = [slot.guess(guesses_each(guesses, count), sure=count > 1) for slot in slots]
    if count > 1:
        left = by_fours_only(count, sum(map(len, found)))
        for i, tokens in enumerate(found):
            found[i] = tokens[: max(left, 0)]
            left -= len(tokens)
    return found
