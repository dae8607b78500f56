"""A process that hangs holds up nobody: it is ended and started again, and whoever talks to it never waits for it."""

import os
import queue
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from indexes.errors import EngineCrashed, EngineError
from service.llm import process
from service.llm.desk import QueuedLLM
from service.llm.health import EngineState, Patience
from service.llm.protocol import Load
from service.llm.types import GenerateOptions, Text
from service.llm.worker import MAX_CRASHES, WorkerCore, WorkerLLM
from tests.service.llm.scripted import INFO, ScriptedCore
from tests.service.llm.test_worker import MAKER, OPTIONS, ask, pid, until, words

SHORT = Patience(reply_s=0.5, step_s=0.5, load_s=30.0, look_s=0.05)


@contextmanager
def started(patience: Patience, **config: object) -> Iterator[WorkerLLM]:
    llm = WorkerLLM(WorkerCore(Load(MAKER, config), INFO, first_pause_s=0.02, patience=patience), 8)
    try:
        yield llm
    finally:
        llm.close()


def stop(llm: WorkerLLM) -> int:
    """Let its process hang as a whole."""
    found = pid(llm)
    os.kill(found, signal.SIGSTOP)
    return found


def seconds(work: Callable[[], object]) -> float:
    begun = time.monotonic()
    work()
    return time.monotonic() - begun


def test_a_process_that_reads_nothing_is_ended_and_the_next_one_answers() -> None:
    with started(SHORT) as llm:
        running = llm.generate(ask("endless"), OPTIONS)
        assert isinstance(next(running), Text)
        stop(llm)
        with pytest.raises(EngineCrashed, match=r"hung: no reply within 0.5 s.*try again"):
            list(running)
        assert words(llm, "say again") == "again "
        assert llm.health().restarts == 1


def test_one_that_hangs_while_it_counts_is_ended_too() -> None:
    with started(SHORT) as llm:
        llm.wait_ready(20.0)
        stop(llm)
        with pytest.raises(EngineCrashed, match="while it counted"):
            llm.count_tokens(["a"])
        until(lambda: llm.health().restarts == 1)
        assert llm.count_tokens(["a b"]) == [2]


def test_a_step_that_never_ends_is_seen_although_questions_are_replied_to() -> None:
    with started(SHORT) as llm:
        with pytest.raises(EngineCrashed, match=r"hung: one step took more than 0\.5 s"):
            list(llm.generate(ask("hang"), OPTIONS))
        assert words(llm, "say again") == "again "


def test_a_long_silence_of_one_that_is_well_is_no_hang() -> None:
    with started(SHORT, load_s=1.5) as llm:
        child = llm.generate(ask("silence"), OPTIONS)
        llm.wait_ready(20.0)
        first = pid(llm)
        time.sleep(1.5)
        child.close()
        assert words(llm, "say on") == "on "
        assert (pid(llm), llm.health().restarts) == (first, 0)


def test_one_that_never_comes_to_its_end_of_loading_is_started_anew() -> None:
    with started(Patience(load_s=0.3, look_s=0.05), load_s=60.0) as llm:
        with pytest.raises(EngineCrashed, match=f"{MAX_CRASHES} times in a row.*hung: not loaded within 0.3 s"):
            llm.wait_ready(30.0)
        assert llm.health().state is EngineState.DOWN


def test_nobody_waits_for_a_pipe_that_is_full_and_close_ends_all_the_same() -> None:
    with started(Patience()) as llm:
        llm.wait_ready(20.0)
        running = llm.generate(ask("endless"), OPTIONS)
        next(running)
        child = stop(llm)
        streams = [llm.generate(ask("say " + "x" * 1_000_000), OPTIONS)]  # The pipe holds 64 KiB.
        assert seconds(lambda: streams.append(llm.generate(ask("say more"), OPTIONS))) < 0.2
        assert seconds(llm.health) < 0.2
        assert seconds(streams[0].cancel) < 0.2
        assert seconds(llm.close) < 6.0
        with pytest.raises(ProcessLookupError):
            os.kill(child, 0)
        with pytest.raises(EngineError, match="closed"):
            list(running)


def test_a_process_that_cannot_be_started_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    left = 2
    real: Any = subprocess.Popen

    def popen(*arguments: Any, **options: Any) -> Any:
        nonlocal left
        left -= 1
        if left >= 0:
            raise OSError(12, "Cannot allocate memory")
        return real(*arguments, **options)

    monkeypatch.setattr(process.subprocess, "Popen", popen)
    with started(Patience()) as llm:
        assert words(llm, "say late") == "late "
        assert llm.health().restarts == 2


def test_one_that_can_never_be_started_stays_down_with_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    def popen(*arguments: Any, **options: Any) -> Any:
        raise OSError(24, "Too many open files")

    monkeypatch.setattr(process.subprocess, "Popen", popen)
    with started(Patience()) as llm:
        with pytest.raises(EngineCrashed, match=r"could not be started: .*Too many open files"):
            llm.wait_ready(20.0)
        assert llm.health().state is EngineState.DOWN
        assert seconds(llm.close) < 1.0


def test_a_queue_that_somebody_else_has_emptied_holds_up_nobody() -> None:
    class Emptied:
        """Between `empty` and `get` another thread took what there was."""

        def empty(self) -> bool:
            return False

        def get(self) -> int:
            raise AssertionError("waits for ever")

        def get_nowait(self) -> int:
            raise queue.Empty

    llm = QueuedLLM(ScriptedCore(), 1)
    llm._forgotten = Emptied()  # type: ignore[assignment]
    assert words(llm, "say on", GenerateOptions(deadline_s=5.0)) == "on "  # type: ignore[arg-type]


def test_what_is_sent_to_a_dead_process_is_no_trouble() -> None:
    with started(Patience()) as llm:
        llm.wait_ready(20.0)
        os.kill(pid(llm), signal.SIGKILL)
        streams = [llm.generate(ask("say on"), OPTIONS) for _ in range(3)]
        assert ["".join(e.text for e in stream if isinstance(e, Text)) for stream in streams] == ["on "] * 3
        until(lambda: llm.health().state is EngineState.READY)
