"""Who asks or leaves while something long is computed: real llama.cpp on a tiny model, its large batches made slow."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from queue import SimpleQueue
from types import SimpleNamespace
from typing import Any, cast

import pytest

from indexes.errors import EngineError
from service.llm.binding import Context, Row
from service.llm.core import Cancelled, Progress
from service.llm.flight import Flight, Part
from service.llm.kvstore import KvStore
from service.llm.llama import LlamaCore, LlamaEngine
from service.llm.llama_config import LlamaConfig
from service.llm.types import GenerateOptions, Prompt, Text
from tests.service.llm.test_tiny import ENDLESS, PASSAGES, PROMPT, once, said, until

LONG = "A passage that takes its time. " * 12
SYSTEM = "Be brief."


@dataclass
class Slow:
    """Batches of at least `rows` rows take seconds, unless they are aborted as llama.cpp aborts its own."""

    rows: int = 100_000
    sizes: list[int] = field(default_factory=list)
    under_way: threading.Event = field(default_factory=threading.Event)

    def decode(self, context: Context, rows: Sequence[Row]) -> bool:
        self.sizes.append(len(rows))
        begun = time.monotonic()
        while len(rows) >= self.rows and time.monotonic() - begun < 5.0:
            self.under_way.set()
            if context._flag[0] != b"\x00":
                return False
            time.sleep(0.001)
        return DECODE(context, rows)


DECODE = Context.decode


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> Slow:
    slow = Slow()

    def decode(context: Context, rows: Sequence[Row]) -> bool:
        return slow.decode(context, rows)

    monkeypatch.setattr(Context, "decode", decode)
    return slow


@pytest.fixture
def llm(config: LlamaConfig, slow: Slow) -> Iterator[LlamaEngine]:
    llm = LlamaEngine(config, 8)
    yield llm
    slow.rows = 100_000
    llm.close()


def in_background(work: Callable[[], object]) -> threading.Thread:
    thread = threading.Thread(target=work)
    thread.start()
    return thread


def first_text_s(llm: LlamaEngine, prompt: Prompt) -> float:
    begun = time.monotonic()
    stream = llm.generate(prompt, ENDLESS)
    assert any(isinstance(event, Text) for event in stream)
    stream.close()
    return time.monotonic() - begun


def planner_of(llm: LlamaEngine) -> Any:
    return cast(LlamaCore, llm._core)._scheduler._planner


def test_a_question_does_not_wait_for_what_is_computed_in_the_background(
    llm: LlamaEngine, slow: Slow, config: LlamaConfig
) -> None:
    slow.rows = 100
    warming = in_background(lambda: llm.warm([Prompt(SYSTEM, (LONG,), "")]))
    assert slow.under_way.wait(5.0)
    assert first_text_s(llm, Prompt("", (), "Short?")) < 0.5
    slow.rows = 100_000
    warming.join(10.0)
    assert not warming.is_alive()
    asked = Prompt(SYSTEM, (LONG,), "What?")
    text, done = said(llm, asked)
    assert done.usage.cached_tokens > len(LONG)
    assert text == once(config, asked)


def test_nothing_is_computed_in_the_background_while_an_answer_is_written(llm: LlamaEngine, slow: Slow) -> None:
    running = llm.generate(Prompt("", (), "Short?"), ENDLESS)
    next(running)
    before = len(slow.sizes)
    warming = in_background(lambda: llm.warm([Prompt(SYSTEM, (LONG,), "")]))
    until(lambda: len(slow.sizes) > before + 100)
    assert warming.is_alive()
    assert set(slow.sizes[before:]) == {1}
    running.close()
    warming.join(10.0)
    assert not warming.is_alive()
    assert sum(slow.sizes[before:]) > len(LONG)


@pytest.mark.parametrize("moment", range(6))
def test_what_was_set_aside_at_any_moment_is_computed_right(llm: LlamaEngine, config: LlamaConfig, moment: int) -> None:
    free = len(planner_of(llm)._free)
    prompts = [Prompt(SYSTEM, (f"{text} {number}",), "") for number, text in enumerate([LONG, *PASSAGES, LONG])]
    warming = in_background(lambda: llm.warm(prompts))
    for _ in range(4):
        time.sleep(0.002 * moment)
        llm.generate(Prompt("", (), "Short?"), GenerateOptions(max_tokens=2)).close()
    warming.join(20.0)
    assert not warming.is_alive()
    asked = Prompt(SYSTEM, tuple(prompt.passages[0] for prompt in prompts[1:]), "What?")
    assert said(llm, asked)[0] == once(config, asked)
    until(lambda: len(planner_of(llm)._free) == free)


def test_who_leaves_an_answer_does_not_wait_for_somebody_elses_prompt(
    llm: LlamaEngine, slow: Slow, config: LlamaConfig
) -> None:
    leaving, staying = (llm.generate(Prompt("", (), text), ENDLESS) for text in ("One?", "Two?"))
    next(leaving)
    begun_text = next(event.text for event in staying if isinstance(event, Text))
    slow.rows = 60
    reading = Prompt("", (), LONG)
    read: list[str] = []
    reader = in_background(lambda: read.append(said(llm, reading)[0]))
    assert slow.under_way.wait(5.0)
    begun = time.monotonic()
    leaving.cancel()
    until(lambda: llm.stats()["running"] == 2)
    assert time.monotonic() - begun < 0.3
    slow.rows = 100_000
    reader.join(10.0)
    assert read == [once(config, reading)]
    more = [begun_text] + [event.text for event, _ in zip(staying, range(20), strict=False) if isinstance(event, Text)]
    staying.close()
    assert said(llm, Prompt("", (), "Two?"), ENDLESS)[0].startswith("".join(more))


def test_a_batch_that_is_over_soon_is_not_computed_twice(llm: LlamaEngine, slow: Slow) -> None:
    flight = Flight(cast(Context, SimpleNamespace(abort=lambda: aborted.append(1), resume=lambda: None)))
    aborted: list[int] = []
    parts = [part(number, 1) for number in range(4)]
    with flight.of(parts, can_be_aborted=True) as wanted:
        flight.cancel(2)
        assert (wanted, aborted) == (True, [])
    with flight.of([*parts, part(5, 60)], can_be_aborted=True) as wanted:
        assert not wanted
    flight.cancelled(2)
    with flight.of([*parts, part(5, 60)], can_be_aborted=True) as wanted:
        flight.cancel(6)
        assert (wanted, aborted) == (True, [])
        flight.cancel(5)
        assert aborted == [1]
    with flight.of([part(5, 1)], can_be_aborted=True) as wanted:
        assert not wanted


def test_a_batch_nobody_waits_for_does_not_begin_when_somebody_has_just_asked() -> None:
    flight = Flight(cast(Context, SimpleNamespace(abort=lambda: None, resume=lambda: None)))
    flight.ask()
    for background, expected in ((True, False), (False, True)):
        with flight.of([part(1, 64, background=background)], can_be_aborted=True) as wanted:
            assert wanted is expected
    flight.asked()
    with flight.of([part(1, 64, background=True)], can_be_aborted=True) as wanted:
        assert wanted


def part(number: int, count: int, *, background: bool = False) -> Part:
    return Part(cast(Any, SimpleNamespace(number=number, background=background)), None, 0, count)


@pytest.mark.parametrize("number_of", [1, 3])
def test_what_is_computed_in_the_background_ends_once_when_it_is_cancelled(llm: LlamaEngine, number_of: int) -> None:
    running = llm.generate(Prompt("", (), "Short?"), ENDLESS)
    next(running)
    told: SimpleQueue[Progress] = SimpleQueue()
    llm._core.warm(77, [Prompt(SYSTEM, (f"{LONG} {n}",), "") for n in range(number_of)], told.put)
    llm._core.cancel(77)
    assert isinstance(told.get(timeout=5.0), Cancelled)
    running.close()
    assert said(llm, PROMPT)[0]
    assert told.empty()


def test_how_long_a_step_takes_is_known_while_it_does(llm: LlamaEngine, slow: Slow) -> None:
    assert llm._core.step_s() == 0.0
    slow.rows = 30
    stream = llm.generate(Prompt("", (), LONG), ENDLESS)
    assert slow.under_way.wait(5.0)
    until(lambda: llm._core.step_s() > 0.1)
    stream.close()
    until(lambda: llm._core.step_s() == 0.0)


@pytest.mark.parametrize(
    "broken",
    [
        (Context, "save", EngineError("llama.cpp refuses")),
        (Context, "share", RuntimeError("share")),
        (KvStore, "get", MemoryError("get")),
    ],
)
def test_trouble_with_the_state_of_one_request_ends_that_one_alone(
    llm: LlamaEngine, config: LlamaConfig, monkeypatch: pytest.MonkeyPatch, broken: tuple[type, str, Exception]
) -> None:
    owner, name, error = broken
    planner = planner_of(llm)
    said(llm, Prompt(SYSTEM, (), "Base?"))
    until(lambda: llm.stats()["running"] == 0)
    free = sorted(planner._free)
    running = llm.generate(Prompt("", (), "Short?"), ENDLESS)
    heard = [next(running)]
    with monkeypatch.context() as patched:

        def fail(*_: object, **__: object) -> None:
            raise error

        patched.setattr(owner, name, fail)
        with pytest.raises(EngineError, match=str(error)):
            said(llm, replace(PROMPT, system=SYSTEM))
    heard += [event for event, _ in zip(running, range(20), strict=False)]
    assert all(isinstance(event, Text) for event in heard)
    running.close()
    assert said(llm, PROMPT)[0] == once(config, PROMPT)
    until(lambda: sorted(planner._free) == free)


def test_states_on_disk_survive_what_was_set_aside(config: LlamaConfig, tmp_path: Path) -> None:
    kept = LlamaEngine(replace(config, kv_folder=tmp_path), 2)
    warming = in_background(lambda: kept.warm([Prompt(SYSTEM, (text,), "") for text in (LONG, *PASSAGES)]))
    while warming.is_alive():
        kept.generate(Prompt("", (), "Short?"), GenerateOptions(max_tokens=1)).close()
        time.sleep(0.01)
    kept.close()
    again = LlamaEngine(replace(config, kv_folder=tmp_path), 2)
    asked = Prompt(SYSTEM, (LONG, *PASSAGES), "What?")
    text, done = said(again, asked)
    again.close()
    assert done.usage.cached_tokens >= len(LONG) + sum(len(passage.encode()) for passage in PASSAGES)
    assert text == once(config, asked)
