"""The line is fair and bounded, everybody knows their place, and a stream that is closed or forgotten is cancelled."""

import gc
import threading
import time
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexes.errors import EngineBusy, EngineError
from service.llm.desk import Line, QueuedLLM
from service.llm.types import LLM, Done, GenerateOptions, Prompt, Queued, Text
from tests.service.llm.scripted import ScriptedCore

OPTIONS = GenerateOptions(max_tokens=100_000)


def ask(request: str) -> Prompt:
    return Prompt("", (), request)


def until(condition: Callable[[], bool], timeout_s: float = 2.0) -> float:
    """Seconds until it holds."""
    start = time.monotonic()
    while not condition():
        assert time.monotonic() - start < timeout_s
        time.sleep(0.002)
    return time.monotonic() - start


def words(llm: QueuedLLM, request: str) -> str:
    return "".join(event.text for event in llm.generate(ask(request), OPTIONS) if isinstance(event, Text))


def test_it_is_an_llm() -> None:
    llm = QueuedLLM(ScriptedCore(), 4)
    assert isinstance(llm, LLM)
    assert (llm.name, llm.context_tokens, llm.count_tokens(["a b", ""])) == ("scripted", 1000, [2, 0])


def test_events_come_in_order_and_end_with_done() -> None:
    events = list(QueuedLLM(ScriptedCore(), 4).generate(ask("say one two"), OPTIONS))
    assert [event.text for event in events if isinstance(event, Text)] == ["one ", "two "]
    assert isinstance(events[-1], Done)
    assert (events[-1].finish, events[-1].usage.completion_tokens) == ("stop", 2)


def test_over_the_bound_is_refused_at_once_and_says_when_to_come_back() -> None:
    llm = QueuedLLM(ScriptedCore(), 3)
    streams = [llm.generate(ask("endless"), OPTIONS) for _ in range(5)]
    start = time.monotonic()
    with pytest.raises(EngineBusy, match="3 askers wait") as caught:
        llm.generate(ask("say no"), OPTIONS)
    assert time.monotonic() - start < 0.05
    assert caught.value.retry_after_s >= 1.0
    for stream in streams:
        stream.close()


def test_who_waits_is_told_the_place_and_moves_up() -> None:
    llm = QueuedLLM(ScriptedCore(), 3)
    first, second, third, fourth = (llm.generate(ask("endless"), OPTIONS) for _ in range(4))
    assert isinstance(next(first), Text)
    assert isinstance(next(second), Text)
    assert [stream.__next__() for stream in (third, fourth)] == [
        Queued(0, pytest.approx(10_000, abs=200)),
        Queued(1, pytest.approx(10_000, abs=200)),
    ]
    second.close()
    moved = next(event for event in third if not isinstance(event, Queued))
    assert moved == Text("again ")
    places = [event.position for event in (next(fourth), next(fourth)) if isinstance(event, Queued)]
    assert places[-1] == 0
    for stream in (first, third, fourth):
        stream.close()


def test_the_wait_told_is_the_wait() -> None:
    llm = QueuedLLM(ScriptedCore(), 8)
    words(llm, "slow a b c d e")  # How long one takes is learnt from this one.
    told: dict[int, list[float]] = {}
    waited: dict[int, float] = {}

    def one(number: int, stream: Iterator[object], begun: float) -> None:
        for event in stream:
            if isinstance(event, Queued):
                told.setdefault(number, []).append(event.eta_ms / 1000)
            elif number not in waited:
                waited[number] = time.monotonic() - begun

    threads = []
    for number in range(8):
        begun = time.monotonic()
        stream = llm.generate(ask("slow a b c d e"), OPTIONS)
        threads.append(threading.Thread(target=one, args=(number, stream, begun)))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    # Two at a time, 0.1 s each: the last pair waits for three others.
    assert sorted(told) == [2, 3, 4, 5, 6, 7]
    for number, told_s in told.items():
        assert told_s[0] == pytest.approx(waited[number], rel=0.6, abs=0.1)
    assert told[7][0] > 2 * told[2][0]


def test_closing_frees_the_place_within_a_tenth_of_a_second() -> None:
    llm = QueuedLLM(ScriptedCore(), 0)
    streams = [llm.generate(ask("endless"), OPTIONS) for _ in range(2)]
    with pytest.raises(EngineBusy):
        llm.generate(ask("say no"), OPTIONS)
    streams[0].close()
    assert list(streams[0]) == []
    start = time.monotonic()
    while True:
        try:
            assert next(llm.generate(ask("say yes"), OPTIONS)) == Text("yes ")
            break
        except EngineBusy:
            assert time.monotonic() - start < 0.1
    streams[1].close()


def test_another_thread_ends_the_wait_of_the_one_that_reads() -> None:
    core = ScriptedCore()
    llm = QueuedLLM(core, 1)
    blocking = [llm.generate(ask("endless"), OPTIONS) for _ in range(2)]
    stream = llm.generate(ask("say late"), OPTIONS)
    read: list[object] = []
    reader = threading.Thread(target=lambda: read.extend(stream))
    reader.start()
    until(lambda: len(read) == 1)
    stream.cancel()
    reader.join(0.1)
    assert not reader.is_alive()
    assert [type(event) for event in read] == [Queued]
    until(lambda: core.stats()["cancelled"] == 1)
    for other in blocking:
        other.close()


def test_a_forgotten_stream_is_cancelled() -> None:
    core = ScriptedCore()
    stream = QueuedLLM(core, 0).generate(ask("endless"), OPTIONS)
    next(stream)
    del stream
    gc.collect()
    until(lambda: core.stats()["cancelled"] == 1)


def test_an_error_of_the_engine_is_raised_where_it_is_read() -> None:
    llm = QueuedLLM(ScriptedCore(), 1)
    with pytest.raises(EngineError, match="could not compute"):
        list(llm.generate(ask("fail"), OPTIONS))
    with pytest.raises(EngineError, match="7 tokens"):
        llm.generate(ask("refuse"), OPTIONS)
    assert words(llm, "say still here") == "still here "


def test_a_core_that_keeps_silent_does_not_hold_anybody_past_the_deadline() -> None:
    llm = QueuedLLM(ScriptedCore(), 4)
    blocking = [llm.generate(ask("endless"), OPTIONS) for _ in range(2)]
    start = time.monotonic()
    events = list(llm.generate(ask("say late"), GenerateOptions(deadline_s=0.1)))
    assert time.monotonic() - start == pytest.approx(0.4, abs=0.2)
    assert isinstance(events[-1], Done)
    assert events[-1].finish == "deadline"
    for stream in blocking:
        stream.close()


def test_many_at_once_all_get_their_own_words() -> None:
    llm = QueuedLLM(ScriptedCore(), 100)
    found: dict[int, str] = {}

    def one(number: int) -> None:
        found[number] = words(llm, f"say asker {number}")

    threads = [threading.Thread(target=one, args=(number,)) for number in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {number: f"asker {number} " for number in range(40)}


def test_warming_returns_when_it_is_done() -> None:
    core = ScriptedCore()
    QueuedLLM(core, 0).warm([ask(""), ask("")], timeout_s=1.0)
    assert core.warmed == 2


@given(slots=st.integers(1, 3), bound=st.integers(0, 4), steps=st.lists(st.integers(0, 2), max_size=60))
def test_a_line_never_holds_more_than_it_may_and_serves_in_order(slots: int, bound: int, steps: list[int]) -> None:
    line, waiting, serving, served = Line(slots, bound), list[int](), list[int](), list[int]()
    for number, step in enumerate(steps):
        if step == 0:
            room = len(waiting) + len(serving) < slots + bound
            try:
                assert line.enter(number, float(number)) == len(waiting)
                assert room
                waiting.append(number)
            except EngineBusy:
                assert not room
        elif step == 1 and waiting and len(serving) < slots:
            serving.append(waiting.pop(0))
            served.append(serving[-1])
            line.start(serving[-1], float(number))
        elif step == 2 and serving:
            line.leave(serving.pop(0), float(number), served=True)
        assert line.places() == [(number, place) for place, number in enumerate(waiting)]
    assert served == sorted(served)


def test_a_line_reckons_with_how_far_those_served_are() -> None:
    line = Line(2, 8)
    for number in range(2):
        line.enter(number, 0.0)
        line.start(number, 0.0)
    line.leave(0, 4.0, served=True)  # So one takes four seconds.
    line.enter(2, 4.0)
    line.start(2, 4.0)
    assert [line.eta_s(before, 5.0) for before in range(4)] == [0.0, 3.0, 4.0, 7.0]
    line.leave(1, 6.0, served=True)
    assert line.eta_s(0, 6.0) == 0.0
    line.enter(3, 6.0)
    line.start(3, 6.0)
    # Six seconds move the mean by 0.3: 4.6.
    assert line.eta_s(0, 6.0) == pytest.approx(4.0 + 4.6 - 6.0)


def test_who_leaves_early_does_not_make_the_wait_look_short() -> None:
    llm = QueuedLLM(ScriptedCore(), 99)
    words(llm, "slow a b c d e")  # 0.1 s
    for _ in range(9):
        stream = llm.generate(ask("endless"), OPTIONS)
        next(stream)
        stream.close()
    blocking = [llm.generate(ask("endless"), OPTIONS) for _ in range(2)]
    for stream in blocking:
        assert any(isinstance(event, Text) for event in stream)
    told = next(llm.generate(ask("say late"), OPTIONS))
    assert isinstance(told, Queued)
    assert told.eta_ms > 50  # Of 100, less what the two have been at it.
    for stream in blocking:
        stream.close()
