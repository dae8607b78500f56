"""A service sees what another process makes of its index: newer, older again, and never one that is broken."""

import logging
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from indexes.generations import current_number, folder_of, use
from indexes.manifest import VECTORS
from ingest.build import build
from service import runtime as module
from service.app import create_app
from service.following import follow_in_background, look
from service.runtime import Runtime, open_runtime
from service.settings import Settings
from tests.doubles import FakeEmbedder


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setattr(module, "load_embedder", lambda settings: FakeEmbedder())
    ready = Settings(home=tmp_path / "home", models_dir=tmp_path / "models", llm="extractive")
    ingest(ready, "Redis caches hot data.")
    return ready


@pytest.fixture
def runtime(settings: Settings) -> Iterator[Runtime]:
    with open_runtime(settings) as opened:
        yield opened


def ingest(settings: Settings, text: str, embedder: FakeEmbedder | None = None) -> None:
    folder = settings.home.parent / "texts"
    folder.mkdir(exist_ok=True)
    (folder / "notes.md").write_text(f"# Notes\n\n{text}\n", "utf-8")
    build([folder], settings, embedder or FakeEmbedder())


def soon(true: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 10
    while not true() and time.monotonic() < deadline:
        time.sleep(0.01)
    return true()


def damage(settings: Settings) -> None:
    path = folder_of(settings.home, current_number(settings.home)) / VECTORS
    path.write_bytes(path.read_bytes()[:-1] + b"?")


def test_another_generation_is_seen_and_so_is_going_back(runtime: Runtime, settings: Settings) -> None:
    assert look(runtime) is None
    assert runtime.generation.number == 1
    ingest(settings, "Kafka moves events.")
    assert look(runtime) is None
    assert runtime.generation.number == 2
    assert "Kafka" in runtime.retriever.search("Kafka")[0].chunk.text
    use(settings.home, 1)
    assert look(runtime) is None
    assert runtime.generation.number == 1
    assert "Redis" in runtime.retriever.search("Redis")[0].chunk.text


def test_a_damaged_generation_is_told_of_once_and_the_one_before_serves(
    runtime: Runtime, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    ingest(settings, "Kafka moves events.")
    damage(settings)
    assert look(runtime) == 2
    assert look(runtime, refused=2) == 2
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    assert "Generation 1 goes on serving" in caplog.text
    ingest(settings, "Flink counts events.")
    assert look(runtime, refused=2) is None
    assert runtime.generation.number == 3


def test_an_index_by_another_model_is_not_served(
    runtime: Runtime, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    ingest(settings, "Kafka moves events.", FakeEmbedder(name="another@1"))
    assert look(runtime) == 2
    assert "another@1" in caplog.text
    assert runtime.generation.number == 1


def test_an_index_that_is_gone_is_no_trouble(runtime: Runtime, settings: Settings) -> None:
    (settings.home / "generations" / "CURRENT").unlink()
    assert look(runtime) is None
    assert "Redis" in runtime.retriever.search("Redis")[0].chunk.text


def test_the_thread_follows_and_ends_with_the_runtime(settings: Settings) -> None:
    with open_runtime(settings) as runtime:
        thread = follow_in_background(runtime, 0.01)
        ingest(settings, "Kafka moves events.")
        assert soon(lambda: runtime.generation.number == 2)
        assert thread.is_alive()
    thread.join(10)
    assert not thread.is_alive()


def test_the_served_app_follows(settings: Settings) -> None:
    with TestClient(create_app(settings), base_url="http://127.0.0.1") as client:
        assert soon(lambda: client.get("/readyz").status_code == 200)
        ingest(settings, "Kafka moves events.")

        def found() -> str:
            reply = client.post("/api/search", json={"query": "Kafka"})
            return str(reply.json()["hits"][0]["text"])

        assert soon(lambda: "Kafka" in found())
