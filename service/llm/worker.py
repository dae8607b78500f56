"""The engine in a process of its own: a crash in native code ends the answers in flight and nothing else.

The process is started again after a growing pause. After MAX_CRASHES in a row without an answer in between it stays
down, with the reason; search and everything else go on. One that hangs is ended, which counts as a crash.
"""

import itertools
import logging
import queue
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from typing import TypeAlias

from indexes.errors import CareerError, EngineCrashed, EngineError
from service.llm.core import Cancelled, EngineInfo, Failed, Progress, Sink, Started, Stats
from service.llm.desk import QueuedLLM
from service.llm.health import PATIENCE, EngineHealth, EngineState, Patience
from service.llm.pending import Pending
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
    Ping,
    Pong,
    Reported,
    StatsTold,
    Warm,
)
from service.llm.types import Done, GenerateOptions, Prompt

MAX_CRASHES = 5
FIRST_PAUSE_S = 0.2
LONGEST_PAUSE_S = 10.0
_READY_WAIT_S = 30.0
_CLOSE_WAIT_S = 3.0
_KILL_WAIT_S = 2.0
_ENDED = frozenset({EngineState.DOWN, EngineState.CLOSED})

log = logging.getLogger("career.engine")
Reply: TypeAlias = Counted | StatsTold | Pong


class WorkerCore:
    """A `Core` whose work is done by another process; `info` is what is expected until it has loaded."""

    def __init__(
        self, load: Load, expected: EngineInfo, *, first_pause_s: float = FIRST_PAUSE_S, patience: Patience = PATIENCE
    ) -> None:
        self.info = expected
        self._load = load
        self._first_pause_s = first_pause_s
        self._patience = patience
        self._numbers = itertools.count(1)
        self._changed = threading.Condition()
        self._pending: dict[int, Pending] = {}
        self._questions: dict[int, queue.SimpleQueue[Reply | None]] = {}
        self._state = EngineState.STARTING
        self._error: CareerError | None = None
        self._crashes = 0
        self._restarts = 0
        self._process: EngineProcess | None = None
        self._thread = threading.Thread(target=self._supervise, name="engine", daemon=True)
        self._thread.start()
        threading.Thread(target=self._watch, name="engine-watch", daemon=True).start()

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
        self._enter(number, Pending(Generate(number, prompt, options), sink, deadline))

    def warm(self, number: int, prompts: Sequence[Prompt], sink: Sink) -> None:
        """Raises: EngineError: the engine is down or closed."""
        self._enter(number, Pending(Warm(number, tuple(prompts)), sink))

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
        self.wait_ready(_READY_WAIT_S)
        reply = self._ask(lambda number: Count(number, tuple(texts)))
        if not isinstance(reply, Counted):
            raise EngineCrashed("The engine's process died while it counted. It restarts by itself: try again.")
        return list(reply.counts)

    def stats(self) -> Stats:
        health = self.health()
        reply = self._ask(AskStats) if health.state is EngineState.READY else None
        told = reply.stats if isinstance(reply, StatsTold) else {}
        return {"state": health.state.value, "restarts": health.restarts, **told}

    def step_s(self) -> float:
        """Of no interest here: `_watch` looks at that of the process."""
        return 0.0

    def close(self) -> None:
        """End the process; what is in flight ends with an error. Within about a second; one that hangs is killed."""
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
            self._thread.join(_KILL_WAIT_S)

    def _enter(self, number: int, pending: Pending) -> None:
        with self._changed:
            self._check_alive()
            self._pending[number] = pending
            if self._state is EngineState.READY and self._process is not None:
                self._process.send(pending.next_message())

    def _check_alive(self) -> None:
        if self._state in _ENDED:
            # A new one each time: an exception that is raised twice collects the traces of both.
            error = self._error or EngineError("The engine is down.")
            raise type(error)(str(error))

    def _ask(self, make: Callable[[int], Count | AskStats | Ping]) -> Reply | None:
        """The reply; None when the process dies, or keeps silent, upon which it is killed."""
        reply: queue.SimpleQueue[Reply | None] = queue.SimpleQueue()
        with self._changed:
            process = self._process
            if process is None or self._state is not EngineState.READY:
                return None
            number = next(self._numbers)
            self._questions[number] = reply
            process.send(make(number))
        try:
            return reply.get(timeout=self._patience.reply_s)
        except queue.Empty:
            process.kill(f"it hung: no reply within {self._patience.reply_s:g} s")
            return None
        finally:
            with self._changed:
                self._questions.pop(number, None)

    def _watch(self) -> None:
        """A second thread for the engine's whole life: ends a process that hangs."""
        while not self._ends_within(self._patience.look_s):
            with self._changed:
                process, state, busy = self._process, self._state, bool(self._pending)
            if process is None:
                continue
            if state is not EngineState.READY:
                if time.monotonic() - process.started > self._patience.load_s:
                    process.kill(f"it hung: not loaded within {self._patience.load_s:g} s")
            elif busy and isinstance(pong := self._ask(Ping), Pong) and pong.step_s > self._patience.step_s:
                process.kill(f"it hung: one step took more than {self._patience.step_s:g} s")

    def _ends_within(self, seconds: float) -> bool:
        with self._changed:
            return self._changed.wait_for(lambda: self._state in _ENDED, seconds)

    def _supervise(self) -> None:
        """One thread for the engine's whole life: start, listen, bury, pause, again."""
        while not self._ends_within(0.0):
            self._bury(self._run())
            with self._changed:
                pause = min(self._first_pause_s * 2 ** max(self._crashes - 1, 0), LONGEST_PAUSE_S)
                self._changed.wait_for(lambda: self._state is not EngineState.RESTARTING, pause)

    def _run(self) -> str:
        """Start the process and listen until it ends; what it died of."""
        try:
            process = EngineProcess(self._load)
        except (OSError, RuntimeError) as error:  # RuntimeError: there is no room for another thread.
            return f"it could not be started: {error}"
        with self._changed:
            self._process = process
            if self._state is EngineState.CLOSED:
                process.kill()
        for message in process.messages():
            self._take(message)
        process.wait(_CLOSE_WAIT_S)
        return process.cause_of_death()

    def _take(self, message: FromChild) -> None:
        if isinstance(message, Reported):
            self._forward(message.number, message.progress)
            return
        with self._changed:
            if isinstance(message, Counted | StatsTold | Pong):
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
            log.warning("The engine's process died (%s) and is started again", cause)
            self._error = EngineCrashed(f"The engine's process died ({cause}). It restarts by itself: try again.")

    def _take_ended(self) -> Iterable[Pending]:
        """Those whose request died with the process; all of them when it stays down."""
        down = self._state is not EngineState.RESTARTING
        ended = {n: p for n, p in self._pending.items() if down or not p.may_be_sent_again}
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
