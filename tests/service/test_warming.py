"""Passages are warmed exactly as questions will show them, and only where the engine keeps states."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from indexes.errors import EngineError
from indexes.types import Chunk
from service import warming
from service.llm.types import Prompt
from service.passagewise import prompt_of
from service.prompt import LEAD_INS, SYSTEM, Budget, build_prompt, passage_block
from service.rendering import Renderer
from service.runtime import Holder, Runtime, View, translator_of
from service.settings import Settings
from service.warming import prompts_of, read_words, translate, warm, warm_in_background
from tests.conftest import chunk_of
from tests.doubles import FakeEmbedder
from tests.service.answering import ScriptedLLM, WordChecker, hit_of
from tests.service.test_alignment import TokenDouble


@dataclass
class KeepingEngine:
    """Records what it was asked to warm, or is closed before it is done."""

    closed: bool = False
    warmed: list[Prompt] = field(default_factory=list)

    def warm(self, prompts: Sequence[Prompt], timeout_s: float | None = None) -> None:
        if self.closed:
            raise EngineError("The engine was closed.")
        self.warmed += prompts


CHUNKS = (chunk_of("Redis caches hot data."), chunk_of("向量数据库检索相似的向量。"))


def view_of(*chunks: Chunk, renderer: Renderer | None = None) -> View:
    return cast(View, SimpleNamespace(generation=SimpleNamespace(chunks=chunks), renderer=renderer))


def runtime_with(llm: Any, **settings: Any) -> Runtime:
    known = Settings(**settings)
    renderer = Renderer(translator_of(llm, known), WordChecker()) if isinstance(llm, ScriptedLLM) else None
    return Runtime(known, FakeEmbedder(), llm, None, Holder(view_of(*CHUNKS, renderer=renderer)))


def until(condition: Callable[[], bool]) -> None:
    begun = time.monotonic()
    while not condition():
        assert time.monotonic() - begun < 10.0
        time.sleep(0.005)


def test_each_passage_and_row_is_warmed_as_questions_show_it() -> None:
    engine = KeepingEngine()
    assert warm(runtime_with(engine)) == 2
    warmed = [text for prompt in engine.warmed if prompt.system == SYSTEM for text in prompt.passages]
    assert len(warmed) == len(set(warmed)) == 8
    assert warmed[:2] == [passage_block(chunk) for chunk in CHUNKS]
    for lang in ("en", "zh"):
        shown = build_prompt("?", [hit_of(chunk) for chunk in CHUNKS], ScriptedLLM([]), Budget(4, 9999), lang=lang)
        assert set(shown.prompt.passages) <= set(warmed)


def test_rows_of_a_large_corpus_are_left_to_the_questions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(warming, "MOST_STATES", 1)
    monkeypatch.setattr(warming, "FEW_PASSAGES", 1)
    blocks = [*(passage_block(chunk) for chunk in CHUNKS), *LEAD_INS]
    assert [prompt.passages for prompt in prompts_of(CHUNKS)] == [(block,) for block in blocks]


def test_few_passages_are_warmed_as_they_are_read_alone_too() -> None:
    read = [prompt for prompt in prompts_of(CHUNKS) if prompt.system != SYSTEM]
    assert read == [replace(prompt_of("?", chunk), request="") for chunk in CHUNKS]


@pytest.mark.parametrize("runtime", [runtime_with(None), runtime_with(object())], ids=["quoting", "remote"])
def test_an_engine_without_states_is_left_alone(runtime: Runtime) -> None:
    assert warm(runtime) == 0


def test_nothing_is_warmed_where_states_are_not_reused() -> None:
    engine = KeepingEngine()
    assert warm(runtime_with(engine, kv_reuse="off")) == 0
    assert engine.warmed == []


def test_an_engine_closed_meanwhile_ends_the_thread_quietly() -> None:
    runtime = runtime_with(KeepingEngine(closed=True))
    thread = warm_in_background(runtime)
    runtime.holder.close()
    thread.join(timeout=5)
    assert not thread.is_alive()


def test_changed_documents_are_warmed_too_until_the_runtime_is_closed(tmp_path: Path) -> None:
    engine = KeepingEngine()
    runtime = runtime_with(engine, home=tmp_path)
    first, added = CHUNKS[0], chunk_of("Kafka moves events.")
    runtime.holder.show(view_of(first))
    thread = warm_in_background(runtime)
    until(lambda: [prompt.passages for prompt in engine.warmed][:1] == [(passage_block(first),)])
    runtime.holder.show(view_of(first, added))
    until(lambda: (passage_block(added),) in [prompt.passages for prompt in engine.warmed])
    runtime.holder.close()
    thread.join(timeout=5)
    assert not thread.is_alive()


def test_a_generation_that_questions_no_longer_see_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    class Overtaken(KeepingEngine):
        def warm(self, prompts: Sequence[Prompt], timeout_s: float | None = None) -> None:
            super().warm(prompts)
            runtime.holder.show(view_of(CHUNKS[1]))

    monkeypatch.setattr(warming, "HANDED_OVER", 2)
    engine = Overtaken()
    runtime = runtime_with(engine)
    warm(runtime)
    assert [prompt.passages for prompt in engine.warmed] == [(passage_block(chunk),) for chunk in CHUNKS]


def test_rows_of_chinese_passages_are_translated_once(tmp_path: Path) -> None:
    first, second = ScriptedLLM(["Vector databases find similar vectors."]), ScriptedLLM(["Other."])
    steps: list[tuple[int, int]] = []
    assert translate(runtime_with(first, home=tmp_path), lambda *step: steps.append(step)) == 1
    assert [prompt.request for prompt in first.prompts] == [
        "Line: 向量数据库检索相似的向量。",
        "Words: 向量 = vector; 数据库 = database\nLine: 向量数据库检索相似的向量。",  # the checker took all
    ]
    assert steps == [(1, 1)]
    assert translate(runtime_with(second, home=tmp_path)) == 1
    assert second.prompts == []


def test_an_engine_that_says_nothing_is_not_asked_for_every_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    silent = ScriptedLLM([], finish="length")
    many = tuple(chunk_of(f"第{number}个向量数据库检索相似的向量。") for number in range(9))
    runtime = runtime_with(silent, home=tmp_path)
    monkeypatch.setattr(runtime.generation, "chunks", many)
    assert translate(runtime) == 0
    assert len(silent.prompts) == 5


def test_rows_and_headings_of_a_small_corpus_are_read_word_by_word(monkeypatch: pytest.MonkeyPatch) -> None:
    embedder = TokenDouble()
    runtime = Runtime(Settings(), embedder, None, None, Holder(view_of(*CHUNKS)))
    assert read_words(runtime) == 2
    assert embedder.read == [
        ("Redis caches hot data.", True),
        ("Title > Heading", True),
        ("向量数据库检索相似的向量。", True),
    ]
    monkeypatch.setattr(warming, "MOST_STATES", 1)
    assert read_words(runtime) == 0
    assert len(embedder.read) == 3


def test_an_embedder_that_tells_no_tokens_reads_nothing() -> None:
    assert read_words(runtime_with(None)) == 0
