"""The engine in a process of its own: a crash in native code ends the answers in flight and nothing else.

The process is started again after a growing pause. After MAX_CRASHES in a row without an answer in between it stays
down, with the reason; search and everything else go on.
"""

import itertools
import queue
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from indexes.errors import CareerError, EngineCrashed, EngineError
from service.llm.core import Cancelled, EngineInfo, Failed, Progress, Sink, Started, Stats
from service.llm.desk import QueuedLLM
from service.llm.process import EngineProcess
from service.llm.protocol import (
    AskStats,
    Cancel,
    Count,
    Counted,
    FromChild,
    Generate,
    Load,
    Loaded,
    NotLoaded,
    Reported,
    StatsTold,
    Warm,
)
from service.llm.types import Done, GenerateOptions, Prompt

MAX_CRASHES = 5
FIRST_PAUSE_S = 0.2
LONGEST_PAUSE_S = 10.0
_TRIES = 2
_REPLY_WAIT_S = 30.0
_CLOSE_WAIT_S = 3.0


class EngineState(StrEnum):
    STARTING = "starting"
    READY = "ready"
    RESTARTING = "restarting"
    DOWN = "down"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class EngineHealth:
    """For /readyz: `reason` says why it is not ready; `restarts` since the beginning."""

    state: EngineState
    reason: str | None
    restarts: int
    pid: int | None


@dataclass(slots=True)
class _Pending:
    """A request until it has ended. One that has started dies with the process; any other is sent once more."""

    message: Generate | Warm
    sink: Sink
    deadline: float | None = None
    started: bool = False
    sent: int = 0

    def next_message(self) -> Generate | Warm:
        self.sent += 1
        if isinstance(self.message, Warm) or self.deadline is None:
            return self.message
        left = max(self.deadline - time.monotonic(), 0.0)
        return replace(self.message, options=replace(self.message.options, deadline_s=left))


class WorkerCore:
    """A `Core` whose work is done by another process; `info` is what is expected until it has loaded."""

    def __init__(self, load: Load, expected: EngineInfo, *, first_pause_s: float = FIRST_PAUSE_S) -> None:
        self.info = expected
        self._load = load
        self._first_pause_s = first_pause_s
        self._numbers = itertools.count(1)
        self._changed = threading.Condition()
        self._pending: dict[int, _Pending] = {}
        self._questions: dict[int, queue.SimpleQueue[Counted | StatsTold | None]] = {}
        self._state = EngineState.STARTING
        self._error: CareerError | None = None
        self._crashes = 0
        self._restarts = 0
        self._process: EngineProcess | None = None
        self._thread = threading.Thread(target=self._supervise, name="engine", daemon=True)
        self._thread.start()

    def health(self) -> EngineHealth:
        with self._changed:
            pid = self._process.pid if self._process is not None else None
            reason = str(self._error) if self._error is not None and self._state is not EngineState.READY else None
            return EngineHealth(self._state, reason, self._restarts, pid)

    def wait_ready(self, timeout_s: float) -> None:
        """Raises: ModelMissing, ModelDamaged, EngineError: it is down, or not ready in time."""
        starting = {EngineState.STARTING, EngineState.RESTARTING}
        with self._changed:
            self._changed.wait_for(lambda: self._state not in starting, timeout_s)
            self._check_alive()
            if self._state is not EngineState.READY:
                raise EngineError(f"The engine is not ready after {timeout_s:.0f} s. Try again later.")

    def submit(self, number: int, prompt: Prompt, options: GenerateOptions, sink: Sink) -> None:
        """Raises: EngineError: the engine is down or closed."""
        deadline = None if options.deadline_s is None else time.monotonic() + options.deadline_s
        self._enter(number, _Pending(Generate(number, prompt, options), sink, deadline))

    def warm(self, number: int, prompts: Sequence[Prompt], sink: Sink) -> None:
        """Raises: EngineError: the engine is down or closed."""
        self._enter(number, _Pending(Warm(number, tuple(prompts)), sink))

    def cancel(self, number: int) -> None:
        with self._changed:
            pending = self._pending.get(number)
            if pending is None:
                return
            if pending.sent and self._state is EngineState.READY and self._process is not None:
                self._process.send(Cancel(number))
                return
            del self._pending[number]
        pending.sink(Cancelled())

    def count_tokens(self, texts: Sequence[str], /) -> list[int]:
        """Raises: EngineError: the engine is down, or does not reply."""
        self.wait_ready(_REPLY_WAIT_S)
        reply = self._ask(lambda number: Count(number, tuple(texts)))
        if not isinstance(reply, Counted):
            raise EngineCrashed("The engine's process died while it counted. It restarts by itself: try again.")
        return list(reply.counts)

    def stats(self) -> Stats:
        health = self.health()
        reply = self._ask(AskStats) if health.state is EngineState.READY else None
        told = reply.stats if isinstance(reply, StatsTold) else {}
        return {"state": health.state.value, "restarts": health.restarts, **told}

    def close(self) -> None:
        """End the process; what is in flight ends with an error. Within about a second, at most _CLOSE_WAIT_S."""
        with self._changed:
            self._state = EngineState.CLOSED
            self._error = EngineError("The engine is closed: the service is ending.")
            process = self._process
            self._changed.notify_all()
        if process is not None:
            process.hang_up()
        self._thread.join(_CLOSE_WAIT_S)
        if self._thread.is_alive() and process is not None:
            process.kill()
            self._thread.join()

    def _enter(self, number: int, pending: _Pending) -> None:
        with self._changed:
            self._check_alive()
            self._pending[number] = pending
            if self._state is EngineState.READY and self._process is not None:
                self._process.send(pending.next_message())

    def _check_alive(self) -> None:
        if self._state in {EngineState.DOWN, EngineState.CLOSED}:
            # A new one each time: an exception that is raised twice collects the traces of both.
            error = self._error or EngineError("The engine is down.")
            raise type(error)(str(error))

    def _ask(self, make: Callable[[int], Count | AskStats]) -> Counted | StatsTold | None:
        """The reply, or None when the process dies or keeps silent."""
        reply: queue.SimpleQueue[Counted | StatsTold | None] = queue.SimpleQueue()
        with self._changed:
            number = next(self._numbers)
            if self._process is None:
                return None
            self._questions[number] = reply
            self._process.send(make(number))
        try:
            return reply.get(timeout=_REPLY_WAIT_S)
        except queue.Empty:
            return None
        finally:
            with self._changed:
                self._questions.pop(number, None)

    def _supervise(self) -> None:
        """One thread for the engine's whole life: start, listen, bury, pause, again."""
        while (process := self._begin()) is not None:
            for message in process.messages():
                self._take(message)
            process.wait(_CLOSE_WAIT_S)
            self._bury(process.cause_of_death())
            with self._changed:
                pause = min(self._first_pause_s * 2 ** max(self._crashes - 1, 0), LONGEST_PAUSE_S)
                self._changed.wait_for(lambda: self._state is not EngineState.RESTARTING, pause)

    def _begin(self) -> EngineProcess | None:
        with self._changed:
            if self._state in {EngineState.DOWN, EngineState.CLOSED}:
                return None
            self._process = EngineProcess(self._load)
            return self._process

    def _take(self, message: FromChild) -> None:
        if isinstance(message, Reported):
            self._forward(message.number, message.progress)
            return
        with self._changed:
            if isinstance(message, Counted | StatsTold):
                if reply := self._questions.get(message.number):
                    reply.put(message)
            elif isinstance(message, NotLoaded):
                self._error = message.error
                if self._state is not EngineState.CLOSED:
                    self._state = EngineState.DOWN
            elif isinstance(message, Loaded) and self._state is not EngineState.CLOSED:
                self._ready(message)

    def _ready(self, loaded: Loaded) -> None:
        self.info = loaded.info
        self._state = EngineState.READY
        for pending in self._pending.values():
            if self._process is not None:
                self._process.send(pending.next_message())
        self._changed.notify_all()

    def _forward(self, number: int, progress: Progress) -> None:
        with self._changed:
            pending = self._pending.get(number)
            if pending is None:
                return
            if isinstance(progress, Started):
                pending.started = True
            elif isinstance(progress, Done | Cancelled | Failed):
                del self._pending[number]
            if isinstance(progress, Done):
                self._crashes = 0
        pending.sink(progress)

    def _bury(self, cause: str) -> None:
        with self._changed:
            self._process = None
            if self._state in {EngineState.STARTING, EngineState.READY, EngineState.RESTARTING}:
                self._note_crash(cause)
            ended = self._take_ended()
            questions = list(self._questions.values())
            error = self._error or EngineError("The engine is down.")
            self._changed.notify_all()
        for reply in questions:
            reply.put(None)
        for pending in ended:
            pending.sink(Failed(type(error)(str(error))))

    def _note_crash(self, cause: str) -> None:
        self._crashes += 1
        if self._crashes >= MAX_CRASHES:
            self._state = EngineState.DOWN
            self._error = EngineCrashed(
                f"The engine's process died {self._crashes} times in a row and stays down ({cause}). "
                "Mend that and start the service again; `career doctor` looks for the cause."
            )
        else:
            self._state = EngineState.RESTARTING
            self._restarts += 1
            self._error = EngineCrashed(f"The engine's process died ({cause}). It restarts by itself: try again.")

    def _take_ended(self) -> Iterable[_Pending]:
        """Those whose request died with the process; all of them when it stays down."""
        down = self._state is not EngineState.RESTARTING
        ended = {n: p for n, p in self._pending.items() if down or p.started or p.sent >= _TRIES}
        for number in ended:
            del self._pending[number]
        return ended.values()


class WorkerLLM(QueuedLLM):
    """An LLM whose engine is another process; usable at once, requests wait until it has loaded."""

    def __init__(self, core: WorkerCore, queue_bound: int) -> None:
        super().__init__(core, queue_bound)
        self._worker = core

    def health(self) -> EngineHealth:
        return self._worker.health()

    def wait_ready(self, timeout_s: float) -> None:
        """Raises: ModelMissing, ModelDamaged, EngineError: it is down, or not ready in time."""
        self._worker.wait_ready(timeout_s)
