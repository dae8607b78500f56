"""One place wires everything: what is missing is said, a new generation is swapped in, an answer keeps its own."""

import gc
import os
import platform
import threading
import weakref
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest

from indexes.errors import IndexMissing, ModelMissing
from indexes.settings import IndexSettings
from ingest.build import build
from service import runtime as module
from service.runtime import open_runtime
from service.settings import Settings
from service.types import Finished, Question, Status
from tests.doubles import FakeEmbedder

REDIS = "# Storage\n\nRedis caches hot data for the recommendation service.\n"
KAFKA = "# Queues\n\nKafka moves events between services.\n"


@pytest.fixture
def seeds(tmp_path: Path) -> Path:
    folder = tmp_path / "seeds"
    folder.mkdir()
    (folder / "storage.md").write_text(REDIS, "utf-8")
    return folder


@pytest.fixture
def settings(tmp_path: Path, seeds: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setattr(module, "load_embedder", lambda settings: FakeEmbedder())
    ready = Settings(home=tmp_path / "home", models_dir=tmp_path / "models", llm="extractive")
    ingest(seeds, ready)
    return ready


def ingest(seeds: Path, settings: IndexSettings) -> None:
    build([seeds], settings, FakeEmbedder())


def test_everything_is_wired(settings: Settings) -> None:
    with open_runtime(settings) as runtime:
        assert (runtime.llm, runtime.no_model) == (None, None)
        assert runtime.generation.number == 1
        (hit, *_) = runtime.retriever.search("Redis caches")
        assert "Redis" in hit.chunk.text
        answer = runtime.answerer.answer(Question("What does Redis cache for the recommendation service?"))
    assert answer.generation == 1
    assert answer.model == "extractive"


def test_a_missing_model_leaves_search_working_and_says_the_cure(settings: Settings) -> None:
    lost = settings.model_copy(update={"llm": "qwen2.5-coder-0.5b-instruct-q4_k_m"})
    with open_runtime(lost) as runtime:
        assert runtime.llm is None
        assert runtime.no_model is not None
        assert "career models pull" in runtime.no_model
        assert runtime.retriever.search("Redis")


def test_embedder_and_engine_load_side_by_side(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    both = threading.Barrier(2, timeout=10)

    def loaded(made: Any) -> Callable[..., Any]:
        return lambda _: (both.wait(), made)[1]

    monkeypatch.setattr(module, "load_embedder", loaded(FakeEmbedder()))
    monkeypatch.setattr(module, "_try_llm", loaded((None, "why not")))
    with open_runtime(settings) as runtime:
        assert runtime.no_model == "why not"


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc keeps freed memory behind what is in use")
def test_what_loading_leaves_goes_back(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    pins = []

    def load(_: Settings) -> FakeEmbedder:
        blocks = [bytes(2000) for _ in range(64 * 2**20 // 2000)]
        pins.extend(blocks[::500])  # one in a megabyte stays, so that no arena can shrink from its end
        return FakeEmbedder()

    monkeypatch.setattr(module, "load_embedder", load)
    before = resident_bytes()
    with open_runtime(settings):
        assert resident_bytes() - before < 32 * 2**20
    assert len(pins) > 60


def resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def test_an_engine_is_closed_where_the_embedder_cannot_be_had(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(_: Settings) -> FakeEmbedder:
        raise ModelMissing("no embedder")

    engine = Mock(spec=["close", "name"])
    monkeypatch.setattr(module, "load_embedder", missing)
    monkeypatch.setattr(module, "_try_llm", lambda _: (engine, None))
    with pytest.raises(ModelMissing, match="no embedder"), open_runtime(settings):
        pass
    engine.close.assert_called_once_with()


def test_searching_opens_no_model(settings: Settings) -> None:
    lost = settings.model_copy(update={"llm": "nowhere/at-all.gguf"})
    with open_runtime(lost, need_llm=False) as runtime:
        assert (runtime.llm, runtime.no_model) == (None, None)


def test_without_a_generation_the_cure_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "load_embedder", lambda settings: FakeEmbedder())
    with (
        pytest.raises(IndexMissing, match="career ingest"),
        open_runtime(Settings(home=tmp_path, llm="extractive")),
    ):
        pass


def test_a_new_generation_serves_new_questions_while_running_ones_keep_theirs(settings: Settings, seeds: Path) -> None:
    with open_runtime(settings) as runtime:
        assert runtime.refresh() is False
        running = runtime.answerer.stream(Question("What does Redis cache for the recommendation service?"))
        next(running)
        (seeds / "queues.md").write_text(KAFKA, "utf-8")
        ingest(seeds, settings)
        assert runtime.refresh() is True
        assert runtime.generation.number == 2
        assert runtime.refresh() is False
        *_, last = running
        assert isinstance(last, Finished)
        assert last.answer.generation == 1
        assert runtime.answerer.answer(Question("What does Kafka move between services?")).generation == 2
        assert runtime.retriever.search("Kafka events")[0].chunk.document.title == "Queues"


def test_a_generation_that_nobody_sees_any_more_is_let_go_at_once(settings: Settings, seeds: Path) -> None:
    gc.disable()  # Nothing may wait for a collection: each generation holds files open and megabytes.
    try:
        with open_runtime(settings) as runtime:
            seen = []
            for number, text in enumerate([KAFKA, KAFKA.replace("events", "orders")], 2):
                runtime.answerer.answer(Question("What does Redis cache for the recommendation service?"))
                seen.append(weakref.ref(runtime.generation))
                (seeds / "queues.md").write_text(text, "utf-8")
                ingest(seeds, settings)
                assert runtime.refresh() is True
                assert runtime.generation.number == number
            assert [generation() for generation in seen] == [None, None]
            assert _open_catalogues(settings.home) <= {"000003"}
    finally:
        gc.enable()


def _open_catalogues(home: Path) -> set[str]:
    """Generations below `home` whose catalogue this process has open; empty where the system does not tell."""
    named = []
    for descriptor in Path("/proc/self/fd").glob("*"):
        with suppress(OSError):  # The one that lists them is closed by now.
            named.append(Path(os.readlink(descriptor)))
    return {path.parent.name for path in named if home in path.parents and path.name.startswith("chunks.sqlite")}


def test_a_refusal_and_an_answer_come_from_the_gate(settings: Settings) -> None:
    with open_runtime(settings) as runtime:
        refused = runtime.answerer.answer(Question("Who won the football World Cup in Atlantis?"))
    assert refused.status is Status.REFUSED
