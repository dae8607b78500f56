"""Makes an LLM of a Core: one line for all askers, with a bound and a place for each, and streams one can close."""

import contextlib
import heapq
import itertools
import queue
import threading
import time
import weakref
from collections.abc import Callable, Iterator, Sequence
from types import TracebackType
from typing import Self

from indexes.errors import EngineBusy, EngineError
from service.llm.core import Cancelled, Core, Failed, Progress, Started, Stats
from service.llm.types import Done, EngineEvent, GenerateOptions, Leaning, Prompt, Queued, Text
from service.types import Usage

# A core ends a request at its deadline by itself; when its process is gone or stuck, the stream does so a little later.
_GRACE_S = 0.3
_FIRST_GUESS_S = 10.0
_SMOOTHING = 0.3


class Line:
    """Who waits and who is served; learns how long serving one takes, by exponential smoothing. Not thread-safe.

    Times are of a monotonic clock, in seconds.
    """

    def __init__(self, slots: int, bound: int) -> None:
        self._slots = slots
        self._bound = bound
        self._waiting: dict[int, None] = {}
        self._serving: dict[int, float] = {}
        self._service_s: float | None = None

    def enter(self, number: int, now: float) -> int:
        """How many are before it.

        Raises:
            EngineBusy: the line is full.
        """
        before = len(self._waiting)
        free = max(self._slots - len(self._serving), 0)
        if before >= self._bound + free:
            raise EngineBusy(
                f"{len(self._serving)} answers are being written and {before} askers wait. Try again later.",
                retry_after_s=round(max(self.eta_s(before, now), 1.0), 1),
            )
        self._waiting[number] = None
        return before

    def must_wait(self, before: int) -> bool:
        return before + len(self._serving) >= self._slots

    def start(self, number: int, now: float) -> None:
        if number in self._waiting:
            del self._waiting[number]
            self._serving[number] = now

    def leave(self, number: int, now: float, *, served: bool) -> None:
        """`served` when it was there to its end: one who left early teaches nothing about how long that takes."""
        self._waiting.pop(number, None)
        started = self._serving.pop(number, None)
        if started is not None and served:
            took, known = now - started, self._service_s
            self._service_s = took if known is None else known + _SMOOTHING * (took - known)

    def places(self) -> list[tuple[int, int]]:
        """(number, how many are before it) of each who waits."""
        return [(number, place) for place, number in enumerate(self._waiting)]

    def eta_s(self, before: int, now: float) -> float:
        """Seconds until somebody with `before` others before them is served, if all take as long as those so far."""
        takes = _FIRST_GUESS_S if self._service_s is None else self._service_s
        free = [0.0] * (self._slots - len(self._serving))
        free += [max(start + takes - now, 0.0) for start in self._serving.values()]
        heapq.heapify(free)
        for _ in range(before):
            heapq.heapreplace(free, free[0] + takes)
        return free[0]


class Stream(Iterator[EngineEvent]):
    """The events of one generation; `cancel` ends it, from any thread, and so do `close` and forgetting the stream."""

    def __init__(
        self, number: int, deadline: float | None, cancel: Callable[[int], None], forgotten: "queue.SimpleQueue[int]"
    ) -> None:
        self._number = number
        self._deadline = deadline
        self._cancel = cancel
        self._forgotten = forgotten
        self._events: queue.SimpleQueue[EngineEvent | Failed | None] = queue.SimpleQueue()
        self._ended = False

    def put(self, event: EngineEvent | Failed) -> None:
        self._events.put(event)

    def __next__(self) -> EngineEvent:
        if self._ended:
            raise StopIteration
        timeout = None if self._deadline is None else max(self._deadline + _GRACE_S - time.monotonic(), 0.0)
        try:
            event = self._events.get(timeout=timeout)
        except queue.Empty:
            self.close()
            return Done("deadline", Usage())
        if event is None:
            raise StopIteration
        if isinstance(event, Failed):
            self._ended = True
            raise event.error
        self._ended = isinstance(event, Done)
        return event

    def cancel(self) -> None:
        if not self._ended:
            self._ended = True
            self._cancel(self._number)
            self._events.put(None)

    def close(self) -> None:
        self.cancel()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def __del__(self) -> None:
        # This may run anywhere, in the middle of anything: no lock may be taken here.
        if not self._ended:
            self._forgotten.put(self._number)


class QueuedLLM:
    """An LLM (see `service.llm.types`) over a Core; `queue_bound` askers may wait besides those being served."""

    def __init__(self, core: Core, queue_bound: int) -> None:
        self._core = core
        self._line = Line(core.info.slots, queue_bound)
        # Weak: a stream that nobody holds any more is one that nobody will read.
        self._streams: weakref.WeakValueDictionary[int, Stream] = weakref.WeakValueDictionary()
        self._forgotten: queue.SimpleQueue[int] = queue.SimpleQueue()
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()

    @property
    def name(self) -> str:
        return self._core.info.name

    @property
    def context_tokens(self) -> int:
        return self._core.info.context_tokens

    def count_tokens(self, texts: Sequence[str], /) -> list[int]:
        return self._core.count_tokens(texts)

    def generate(self, prompt: Prompt, options: GenerateOptions) -> Stream:
        """Take a place in the line at once; the generation runs whether or not the stream is read.

        Raises:
            EngineBusy: the line is full.
            EngineError: the engine is down, or the prompt does not fit.
        """
        now = time.monotonic()
        deadline = None if options.deadline_s is None else now + options.deadline_s
        with self._lock:
            number = next(self._numbers)
            before = self._line.enter(number, now)
            stream = Stream(number, deadline, self._core.cancel, self._forgotten)
            self._streams[number] = stream
            if self._line.must_wait(before):
                stream.put(Queued(before, self._line.eta_s(before, now) * 1000))
        try:
            self._core.submit(number, prompt, options, lambda progress: self._report(number, progress))
        except EngineError:
            self._report(number, Cancelled())
            raise
        return stream

    def warm(self, prompts: Sequence[Prompt], timeout_s: float | None = None) -> None:
        """Compute the missing states of the prompts' passages whenever nobody waits; returns when done.

        Raises:
            EngineError: it could not be done, or not in time.
        """
        ended: queue.SimpleQueue[Progress] = queue.SimpleQueue()
        number = next(self._numbers)
        self._core.warm(number, prompts, ended.put)
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        while True:
            try:
                progress = ended.get(timeout=None if deadline is None else max(deadline - time.monotonic(), 0.0))
            except queue.Empty:
                self._core.cancel(number)
                raise EngineError(f"Warming took more than {timeout_s} s. Give it more time.") from None
            if isinstance(progress, Failed):
                raise progress.error
            if isinstance(progress, Done | Cancelled):
                return

    def stats(self) -> Stats:
        return self._core.stats()

    def close(self) -> None:
        self._core.close()

    def _report(self, number: int, progress: Progress) -> None:
        """Called by the core's thread."""
        with contextlib.suppress(queue.Empty):
            while True:
                self._core.cancel(self._forgotten.get_nowait())
        now = time.monotonic()
        with self._lock:
            stream = self._streams.get(number)
            if isinstance(progress, Started):
                self._line.start(number, now)
                self._tell_places(now)
                return
            if isinstance(progress, Done | Cancelled | Failed):
                self._line.leave(number, now, served=isinstance(progress, Done))
                self._streams.pop(number, None)
                self._tell_places(now)
        if stream is not None and isinstance(progress, Leaning | Text | Done | Failed):
            stream.put(progress)

    def _tell_places(self, now: float) -> None:
        for number, before in self._line.places():
            stream = self._streams.get(number) if self._line.must_wait(before) else None
            if stream is not None:
                stream.put(Queued(before, self._line.eta_s(before, now) * 1000))
