"""llama.cpp itself on a model of a few hundred kilobytes: reuse, moving, batching and cancelling, in seconds."""

import os
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from indexes.errors import EngineCrashed, EngineError
from service.llm import llama as module
from service.llm.batch_sizes import LAST_PIECE_ALONE, MOST_ANSWERS, PIECE_ALONE
from service.llm.binding import Context, Model, Row
from service.llm.core import Reuse
from service.llm.desk import QueuedLLM
from service.llm.factory import open_worker
from service.llm.llama import LlamaEngine
from service.llm.llama_config import LlamaConfig
from service.llm.rotation import Rotation, find_rotation
from service.llm.types import Done, GenerateOptions, Prompt, Text
from service.types import Message, Role
from tests.service.llm.tiny import HEAD, SPECIAL

SHORT = GenerateOptions(max_tokens=16)
LONGER = GenerateOptions(max_tokens=60)
ENDLESS = GenerateOptions(max_tokens=1000)
VOCABULARY = 256 + len(SPECIAL)
PASSAGES = ("First: 向量数据库。\n", "Second passage, somewhat longer than the first.\n", "Third.\n")
PROMPT = Prompt("Be brief.", PASSAGES, "What?")


def said(llm: QueuedLLM, prompt: Prompt, options: GenerateOptions = SHORT) -> tuple[str, Done]:
    *texts, done = [event for event in llm.generate(prompt, options) if isinstance(event, Text | Done)]
    assert isinstance(done, Done)
    return "".join(event.text for event in texts if isinstance(event, Text)), done


def until(condition: Callable[[], bool], timeout_s: float = 20.0) -> float:
    begun = time.monotonic()
    while not condition():
        assert time.monotonic() - begun < timeout_s
        time.sleep(0.002)
    return time.monotonic() - begun


def test_one_thread_computes_everything(config: LlamaConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also what is computed once, while loading: a second thread's workers would slow each barrier down for good."""
    computing: list[str] = []
    decode = Context.decode

    def listen(self: Context, rows: Sequence[Row]) -> bool:
        computing.append(threading.current_thread().name)
        return decode(self, rows)

    monkeypatch.setattr(Context, "decode", listen)
    llm = LlamaEngine(config, 8)
    while_loading = len(computing)
    said(llm, PROMPT)
    llm.close()
    assert 0 < while_loading < len(computing)
    assert set(computing) == {"llama"}


def test_what_fails_in_its_thread_while_loading_is_raised(config: LlamaConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object, **__: object) -> None:
        raise EngineError("no rotation")

    monkeypatch.setattr(module, "find_rotation", fails)
    with pytest.raises(EngineError, match="no rotation"):
        LlamaEngine(config, 8)


def once(config: LlamaConfig, prompt: Prompt) -> str:
    llm = LlamaEngine(config, 2)
    text, _ = said(llm, prompt)
    llm.close()
    return text


def test_states_are_moved_as_llama_moves_them_or_by_llama(config: LlamaConfig) -> None:
    model = Model(config.path)
    context = Context(model, cells=512, sequences=4, batch=64, threads=1, kv_type="f16")
    found = find_rotation(context, model.info, halves=model.turns_halves)
    assert found == Rotation(1_000_000.0, HEAD, HEAD, halves=True)
    # A model we know too little of is llama.cpp's to move.
    assert find_rotation(context, replace(model.info, rope_base=10_000.0), halves=True) is None
    assert find_rotation(context, model.info, halves=False) is None
    context.close()
    model.close()


def test_the_answer_does_not_depend_on_who_moves(config: LlamaConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    ours = once(config, PROMPT)
    monkeypatch.setattr(module, "find_rotation", lambda *_, **__: None)
    assert once(config, PROMPT) == ours
    assert len(ours) > 4


def test_quantised_states_are_computed_each_time(config: LlamaConfig) -> None:
    llm = LlamaEngine(replace(config, kv_type="q8_0"), 2)
    (first, cold), (second, warm) = said(llm, PROMPT), said(llm, PROMPT)
    llm.close()
    assert first == second
    assert cold.usage.cached_tokens == warm.usage.cached_tokens == 0


def test_a_later_asking_joins_the_very_same_numbers(config: LlamaConfig) -> None:
    llm = LlamaEngine(config, 2)
    (first, cold), (second, warm) = said(llm, PROMPT), said(llm, PROMPT)
    history = (Message(Role.USER, "Hello"), Message(Role.ASSISTANT, "Hi"))
    (third, _), (fourth, _) = (said(llm, replace(PROMPT, history=history)) for _ in range(2))
    llm.close()
    assert first == second
    assert third == fourth
    assert cold.usage.cached_tokens == 0
    assert warm.usage.cached_tokens > sum(llm_tokens(text) for text in PASSAGES)


def llm_tokens(text: str) -> int:
    return len(text.encode())


def test_alone_behind_the_system_text_a_reused_passage_is_the_full_computation(config: LlamaConfig) -> None:
    one = replace(PROMPT, passages=PASSAGES[1:2])
    assert once(replace(config, reuse=Reuse.ALL), one) == once(replace(config, reuse=Reuse.OFF), one)


@pytest.mark.parametrize("size", [PIECE_ALONE + 1, LAST_PIECE_ALONE, LAST_PIECE_ALONE + 1, 2 * PIECE_ALONE + 3])
def test_pieces_of_any_size_give_one_answer(config: LlamaConfig, size: int) -> None:
    """A prompt of `size` tokens, in one piece or several, ends in the same place as one that is cut small."""
    prompt = Prompt("", (), "x" * size)
    alone = once(replace(config, reuse=Reuse.OFF), prompt)
    llm = LlamaEngine(replace(config, reuse=Reuse.OFF), 4)
    running = llm.generate(Prompt("", (), "company"), ENDLESS)
    next(running)
    assert said(llm, prompt)[0] == alone
    running.close()
    llm.close()


def test_cancels_at_any_moment_leave_nothing_behind(llm: LlamaEngine) -> None:
    rng = random.Random(0)
    before = said(llm, PROMPT)[0]
    for number in range(40):
        streams = [llm.generate(Prompt("", (), f"{number} {i} " * 60), ENDLESS) for i in range(3)]
        time.sleep(rng.uniform(0.0, 0.03))
        rng.shuffle(streams)
        for stream in streams:
            stream.cancel()
        assert until(lambda: llm.stats()["running"] == llm.stats()["waiting"] == 0) < 1.0
    assert said(llm, PROMPT)[0] == before


def asked_together(llm: QueuedLLM, asked: Sequence[Prompt], options: GenerateOptions = SHORT) -> list[str]:
    with ThreadPoolExecutor(len(asked)) as pool:
        return list(pool.map(lambda prompt: said(llm, prompt, options)[0], asked))


def test_many_at_once_say_what_they_say_alone(llm: LlamaEngine) -> None:
    asked = [replace(PROMPT, request=f"Question {number}?") for number in range(9)]
    alone = [said(llm, prompt)[0] for prompt in asked]
    assert asked_together(llm, asked) == alone


def test_more_answers_than_a_step_bears_take_turns(config: LlamaConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    llm = LlamaEngine(replace(config, slots=10), 16)
    asked = [replace(PROMPT, request=f"Question {number}?") for number in range(10)]
    alone = [said(llm, prompt, LONGER)[0] for prompt in asked]
    written: list[list[int]] = []
    decode = Context.decode

    def listen(self: Context, rows: Sequence[Row]) -> bool:
        written.append([row.sequence for row in rows if row.wanted])
        return decode(self, rows)

    monkeypatch.setattr(Context, "decode", listen)
    assert asked_together(llm, asked, LONGER) == alone
    llm.close()
    most = max(map(len, written))
    assert most in {MOST_ANSWERS, MOST_ANSWERS + 1}  # one more, where a prompt ends
    at_most = [step for step in written if len(step) == MOST_ANSWERS]
    counts = Counter(sequence for step in at_most for sequence in step)
    assert len(counts) == 10
    assert max(counts.values()) - min(counts.values()) <= len(at_most) // 2


def test_kills_under_load_are_survived(config: LlamaConfig) -> None:
    llm = open_worker(config, 8)
    expected = said(llm, PROMPT)[0]
    for _ in range(2):
        streams = [llm.generate(replace(PROMPT, request=f"{n}"), ENDLESS) for n in range(3)]
        next(streams[0])
        pid = llm.health().pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        with pytest.raises(EngineCrashed, match="SIGKILL"):
            list(streams[0])
        for stream in streams[1:]:
            stream.close()
        assert said(llm, PROMPT)[0] == expected
    assert llm.health().restarts == 2
    llm.close()


def test_states_written_by_one_process_serve_the_next(config: LlamaConfig, tmp_path: Path) -> None:
    kept = replace(config, kv_folder=tmp_path)
    texts = [once(kept, PROMPT)]
    llm = LlamaEngine(kept, 2)
    text, done = said(llm, PROMPT)
    llm.close()
    assert text == texts[0]
    assert done.usage.cached_tokens > sum(llm_tokens(passage) for passage in PASSAGES)
