"""The engine's process may die at any time: what was in flight ends with an error, everything else goes on."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from indexes.errors import EngineCrashed, EngineError, ModelDamaged
from service.llm.child import NICE
from service.llm.health import EngineState
from service.llm.protocol import Load
from service.llm.types import LLM, Done, GenerateOptions, Prompt, Text
from service.llm.worker import MAX_CRASHES, WorkerCore, WorkerLLM
from tests.service.llm.scripted import INFO

OPTIONS = GenerateOptions(max_tokens=100_000)
MAKER = "tests.service.llm.scripted:make_core"


def ask(request: str) -> Prompt:
    return Prompt("", ("p",), request)


def start(queue_bound: int = 4, **config: object) -> WorkerLLM:
    return WorkerLLM(WorkerCore(Load(MAKER, config), INFO, first_pause_s=0.02), queue_bound)


def words(llm: LLM, request: str, options: GenerateOptions = OPTIONS) -> str:
    return "".join(event.text for event in llm.generate(ask(request), options) if isinstance(event, Text))


def until(condition: Callable[[], bool], timeout_s: float = 10.0) -> float:
    begun = time.monotonic()
    while not condition():
        assert time.monotonic() - begun < timeout_s
        time.sleep(0.002)
    return time.monotonic() - begun


def pid(llm: WorkerLLM) -> int:
    found = llm.health().pid
    assert found is not None
    return found


@pytest.fixture
def llm() -> Iterator[WorkerLLM]:
    llm = start()
    llm.wait_ready(20.0)
    yield llm
    llm.close()


def test_the_engine_gives_way_to_who_answers_in_milliseconds(llm: WorkerLLM) -> None:
    own = os.getpriority(os.PRIO_PROCESS, 0)
    assert os.getpriority(os.PRIO_PROCESS, pid(llm)) == min(own + NICE, 19)


def test_it_answers_as_the_engine_itself_would(llm: WorkerLLM) -> None:
    assert isinstance(llm, LLM)
    assert (llm.name, llm.context_tokens, llm.count_tokens(["a b", "词"])) == ("scripted", 1000, [2, 1])
    events = list(llm.generate(ask("say 早 上 好"), GenerateOptions(max_tokens=2)))
    assert events[:-1] == [Text("早 "), Text("上 ")]
    assert isinstance(events[-1], Done)
    assert (events[-1].finish, events[-1].usage.prompt_tokens) == ("length", 1)
    llm.warm([ask("")])
    assert llm.stats()["warmed"] == 1


def test_requests_may_come_before_it_has_loaded() -> None:
    llm = start()
    assert words(llm, "say early") == "early "
    llm.close()
    assert llm.health().state is EngineState.CLOSED


def test_what_native_code_prints_does_not_disturb() -> None:
    llm = start(print=True)
    assert words(llm, "say fine") == "fine "
    llm.close()


def test_errors_of_one_request_end_that_request_alone(llm: WorkerLLM) -> None:
    with pytest.raises(EngineError, match="7 tokens"):
        words(llm, "refuse")
    with pytest.raises(EngineError, match="could not compute"):
        words(llm, "fail")
    assert words(llm, "say on") == "on "


def test_closing_a_stream_cancels_in_the_process(llm: WorkerLLM) -> None:
    stream = llm.generate(ask("endless"), OPTIONS)
    next(stream)
    stream.close()
    until(lambda: llm.stats()["cancelled"] == 1, 0.5)


@pytest.mark.parametrize("request_text", ["die", "abort"])
def test_a_crash_ends_the_answers_in_flight_and_the_next_one_is_answered(llm: WorkerLLM, request_text: str) -> None:
    running = llm.generate(ask("endless"), OPTIONS)
    next(running)
    with pytest.raises(EngineCrashed, match=r"SIGKILL|SIGABRT") as caught:
        list(llm.generate(ask(request_text), OPTIONS))
    assert "try again" in str(caught.value)
    with pytest.raises(EngineCrashed):
        list(running)
    assert words(llm, "say again") == "again "
    assert llm.health().restarts == 1
    assert llm.health().reason is None


def test_who_had_not_started_is_answered_after_the_restart(llm: WorkerLLM) -> None:
    blocking = [llm.generate(ask("endless"), OPTIONS) for _ in range(2)]
    for stream in blocking:
        next(stream)
    waiting = llm.generate(ask("say patience"), OPTIONS)
    os.kill(pid(llm), signal.SIGKILL)
    assert [event.text for event in waiting if isinstance(event, Text)] == ["patience "]
    for stream in blocking:
        with pytest.raises(EngineCrashed):
            list(stream)


def test_ten_kills_under_load_hang_nobody(llm: WorkerLLM) -> None:
    stop = threading.Event()
    told: list[str] = []

    def asker() -> None:
        while not stop.is_set():
            try:
                told.append(words(llm, "slow a b c", GenerateOptions(deadline_s=20.0)))
            except EngineError as error:
                told.append(type(error).__name__)

    threads = [threading.Thread(target=asker) for _ in range(4)]
    for thread in threads:
        thread.start()
    for _ in range(10):
        until(lambda: llm.health().state is EngineState.READY)
        answered = told.count("a b c ")
        until(lambda: told.count("a b c ") > answered)  # noqa: B023
        os.kill(pid(llm), signal.SIGKILL)
        until(lambda: llm.health().state is not EngineState.READY)
    stop.set()
    for thread in threads:
        thread.join(20.0)
    assert not any(thread.is_alive() for thread in threads)
    assert set(told) == {"a b c ", "EngineCrashed"}
    assert llm.health().restarts == 10


def test_after_too_many_crashes_it_stays_down_with_reason_and_cure(tmp_path: Path) -> None:
    count = tmp_path / "tries"
    llm = start(crash=True, count_file=str(count))
    with pytest.raises(EngineCrashed, match="SIGSEGV") as caught:
        llm.wait_ready(30.0)
    assert "career doctor" in str(caught.value)
    assert count.read_text("ascii") == "x" * MAX_CRASHES
    assert llm.health().state is EngineState.DOWN
    with pytest.raises(EngineCrashed, match="stays down"):
        llm.generate(ask("say no"), OPTIONS)
    assert llm.stats()["state"] == "down"
    llm.close()


def test_a_model_that_cannot_be_loaded_is_not_tried_again(tmp_path: Path) -> None:
    count = tmp_path / "tries"
    llm = start(damaged=True, count_file=str(count))
    waiting = llm.generate(ask("say no"), OPTIONS)
    with pytest.raises(ModelDamaged, match="cut off"):
        list(waiting)
    with pytest.raises(ModelDamaged, match="cut off"):
        llm.wait_ready(10.0)
    assert count.read_text("ascii") == "x"
    llm.close()


def test_a_deadline_holds_while_nobody_is_there_to_keep_it() -> None:
    llm = WorkerLLM(WorkerCore(Load(MAKER, {"crash": True}), INFO, first_pause_s=5.0), 4)
    until(lambda: llm.health().state is EngineState.RESTARTING)
    begun = time.monotonic()
    events = list(llm.generate(ask("say no"), GenerateOptions(deadline_s=0.1)))
    assert time.monotonic() - begun < 1.0
    assert isinstance(events[-1], Done)
    assert events[-1].finish == "deadline"
    llm.close()


def test_closing_ends_the_process_and_whoever_waits(llm: WorkerLLM) -> None:
    stream = llm.generate(ask("endless"), OPTIONS)
    next(stream)
    child = pid(llm)
    begun = time.monotonic()
    llm.close()
    assert time.monotonic() - begun < 2.0
    with pytest.raises(EngineError, match="closed"):
        list(stream)
    with pytest.raises(EngineError, match="closed"):
        llm.generate(ask("say no"), OPTIONS)
    with pytest.raises(ProcessLookupError):
        os.kill(child, 0)


def test_the_process_ends_with_a_parent_that_is_killed() -> None:
    script = (
        "import sys, time\n"
        "from tests.service.llm.test_worker import start\n"
        "llm = start(); llm.wait_ready(20.0)\n"
        "print(llm.health().pid, flush=True); time.sleep(60)\n"
    )
    root = Path(__file__).resolve().parents[3]
    with subprocess.Popen([sys.executable, "-c", script], cwd=root, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        parent.kill()
    assert until(lambda: not _alive(child)) < 3.0


def _alive(process: int) -> bool:
    try:
        state = Path(f"/proc/{process}/stat").read_text("ascii").rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"
