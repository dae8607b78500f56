"""The batch that is being computed, as other threads see it: who cancels or asks lets it end where that helps."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from service.llm.binding import Context
from service.llm.plan import Run
from service.llm.slots import Slot

# A batch of fewer rows is over before an interruption pays: what it has computed for others is computed again.
_ROWS_WORTH_ABORTING = 16


@dataclass(frozen=True, slots=True)
class Part:
    """What of a batch belongs to a slot: rows [start, start + count)."""

    slot: Slot
    run: Run | None
    start: int
    count: int


class Flight:
    """`of`, `cancelled` and `asked` are the scheduler's; the others may be called from any thread.

    Who interrupts first says why and then sends the request: a batch that begins in between does not begin at all.
    """

    def __init__(self, context: Context) -> None:
        self._context = context
        self._lock = threading.Lock()
        self._parts: Sequence[Part] = ()
        self._cancelling: set[int] = set()
        self._asked = False

    def cancel(self, number: int) -> None:
        """A request is about to be cancelled."""
        with self._lock:
            self._cancelling.add(number)
            self._abort_if_unwanted()

    def ask(self) -> None:
        """A request is about to come: nobody waits for what is computed in the background."""
        with self._lock:
            self._asked = True
            self._abort_if_unwanted()

    def stop(self) -> None:
        """All is about to end."""
        with self._lock:
            if self._parts:
                self._context.abort()

    def cancelled(self, number: int) -> None:
        with self._lock:
            self._cancelling.discard(number)

    def asked(self) -> None:
        with self._lock:
            self._asked = False

    @contextmanager
    def of(self, parts: Sequence[Part], *, can_be_aborted: bool) -> Iterator[bool]:
        """While a batch is computed; False when that is not wanted any more."""
        with self._lock:
            wanted = not self._is_unwanted(parts)
            self._parts = parts if can_be_aborted else ()
            self._context.resume()
        try:
            yield wanted
        finally:
            with self._lock:
                self._parts = ()

    def _abort_if_unwanted(self) -> None:
        if self._is_unwanted(self._parts):
            self._context.abort()

    def _is_unwanted(self, parts: Sequence[Part]) -> bool:
        """Whether a batch is in the way of who cancels, and not nearly over anyway, or of who asks."""
        if self._asked and parts and all(part.slot.background for part in parts):
            return True
        cancelled = [part.slot.number in self._cancelling for part in parts]
        large = sum(part.count for part in parts) >= _ROWS_WORTH_ABORTING
        return any(cancelled) and (large or all(cancelled))
