"""An answer under way that another thread may end: whatever it waits for is cancelled, so that nobody waits for that.

A generator cannot be closed while it runs, and one that waits for a long prompt's first token runs. `cancel` ends the
wait, from any thread; `close` ends the generator, once it stands still.
"""

import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from typing import TypeVar

from service.types import Answer, AnswerEvent

Event = TypeVar("Event")


class Cancel:
    """Ends what is watched, now or as soon as something is; from any thread, any number of times."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._called = False
        self._end: Callable[[], object] | None = None

    def watch(self, waited_for: object) -> None:
        """`waited_for` has a `cancel` that any thread may call, or cannot be cancelled."""
        with self._lock:
            self._end = getattr(waited_for, "cancel", None)
            called = self._called
        if called:
            self._finish()

    def __call__(self) -> None:
        with self._lock:
            self._called = True
        self._finish()

    def _finish(self) -> None:
        if self._end is not None:
            self._end()


class AnswerStream(Iterator[AnswerEvent]):
    """The events of one answer; stepped and closed by one thread at a time, cancelled by any.

    `so_far` is the answer as it stands between two steps, for whoever ends it early; its `usage` knows of the prompt.
    """

    def __init__(
        self, events: Generator[AnswerEvent, None, None], cancel: Cancel, so_far: Callable[[], Answer]
    ) -> None:
        self._events = events
        self.cancel = cancel
        self.so_far = so_far

    def __next__(self) -> AnswerEvent:
        return next(self._events)

    def close(self) -> None:
        self._events.close()


@contextmanager
def closing_iterator(events: Iterator[Event]) -> Iterator[Iterator[Event]]:
    """Close a generator on the way out, whichever way that is; a plain iterator has nothing to close."""
    try:
        yield events
    finally:
        close = getattr(events, "close", None)
        if close is not None:
            close()
