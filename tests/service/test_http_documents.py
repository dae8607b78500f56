"""Documents over HTTP, against real generations: added, replaced, removed, under running searches and answers."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from indexes.generation import Generation, writer_lock
from ingest.build import build
from service.app import create_app
from service.runtime import Runtime
from tests.doubles import FakeEmbedder
from tests.service.http_model_free import KEY, model_free

NOTES = "# 向量库笔记\n\n向量数据库 Qdrant 用 Rust 写成。\n\n它支持过滤检索。\n"


@pytest.fixture
def runtime(tmp_path: Path) -> Iterator[Runtime]:
    corpus = {
        "a.md": "# Databases\n\nMilvus is a vector database.\n\nRedis caches hot data.\n",
        "b.md": "# 部署\n\n模型部署常用 Triton。\n",
    }
    with model_free(tmp_path, corpus) as runtime:
        yield runtime


@pytest.fixture
def client(runtime: Runtime) -> Iterator[TestClient]:
    with TestClient(create_app(runtime), headers=KEY) as client:
        yield client


def finished(client: TestClient, reply: Any) -> dict[str, Any]:
    assert reply.status_code == 202, reply.text
    for _ in range(500):
        job: dict[str, Any] = client.get(reply.headers["location"]).json()
        if job["state"] in {"done", "failed"}:
            return job
        time.sleep(0.01)
    raise AssertionError(job)


def add(client: TestClient, name: str, text: str) -> dict[str, Any]:
    return finished(client, client.post("/api/documents", params={"name": name}, content=text.encode()))


def found(client: TestClient, query: str) -> list[str]:
    hits = client.post("/api/search", json={"query": query}).json()["hits"]
    return [hit["document_id"] for hit in hits]


def test_listed_and_read(client: TestClient) -> None:
    listed = client.get("/api/documents").json()
    assert listed["generation"] == 1
    assert [(d["id"], d["title"], d["lang"]) for d in listed["documents"]] == [
        ("a", "Databases", "en"),
        ("b", "部署", "zh"),
    ]
    document = client.get("/api/documents/b").json()
    assert set(document) == {"id", "uri", "title", "lang", "source", "text", "sections"}
    section = document["sections"][0]
    assert "模型部署常用 Triton。" in document["text"][section["start"] : section["end"]]


def test_search_explains_itself(client: TestClient) -> None:
    hit = client.post("/api/search", json={"query": "Milvus", "explain": True}).json()["hits"][0]
    text = client.get(f"/api/documents/{hit['document_id']}").json()["text"]
    assert text[hit["start"] : hit["end"]] == hit["text"]
    assert {leg["leg"] for leg in hit["legs"]} == set(hit["found_by"])
    assert all(text[unit["start"] : unit["end"]] == unit["text"] for unit in hit["units"])


def test_the_same_hits_through_http_as_through_the_retriever(client: TestClient, runtime: Runtime) -> None:
    reply = client.post("/api/search", json={"query": "vector database", "k": 3}).json()
    hits = runtime.retriever.search("vector database", 3)
    assert [(hit["chunk_id"], hit["score"]) for hit in reply["hits"]] == [(hit.chunk.id, hit.score) for hit in hits]


def test_added_is_found_and_only_it_is_embedded(client: TestClient, runtime: Runtime) -> None:
    embedder: Any = runtime.embedder
    before = len(embedder.texts)
    job = add(client, "notes.md", NOTES)
    assert (job["state"], job["document_id"], job["generation"]) == ("done", "notes", 2)
    assert found(client, "Qdrant Rust")[0] == "notes"
    assert all("笔记" in text or "Qdrant" in text or "过滤" in text for text in embedder.texts[before:])
    assert (runtime.settings.home / "uploads" / "notes.md").read_text("utf-8") == NOTES


def test_added_twice_is_replaced(client: TestClient) -> None:
    add(client, "notes.md", NOTES)
    job = add(client, "notes.md", "# 新笔记\n\nWeaviate 也是向量数据库。\n")
    assert job["document_id"] == "notes"
    assert "Weaviate" in client.get("/api/documents/notes").json()["text"]
    assert [d["id"] for d in client.get("/api/documents").json()["documents"]] == ["a", "b", "notes"]
    again = add(client, "other.md", "# 新笔记\n\nWeaviate 也是向量数据库。\n")
    assert (again["state"], again["detail"]) == ("failed", "This file has the same content as uploads/notes.md.")


def test_a_generation_of_jobs_is_what_a_build_from_scratch_makes(
    client: TestClient, runtime: Runtime, tmp_path: Path
) -> None:
    add(client, "notes.md", NOTES)
    fresh = runtime.settings.model_copy(update={"home": tmp_path / "fresh"})
    build([tmp_path / "corpus", runtime.settings.home / "uploads"], fresh, FakeEmbedder())
    with Generation.current(fresh.home) as scratch:
        assert scratch.chunks == runtime.generation.chunks
        rows = range(len(scratch.units))
        assert (scratch.vectors.vectors(rows) == runtime.generation.vectors.vectors(rows)).all()


def test_a_change_reads_nothing_back(client: TestClient, runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    """What stays is shared with the generation before, not parsed again: changes are cheap beside questions."""

    def opened(path: Path, **_: Any) -> Generation:
        raise AssertionError(f"{path} was read")

    monkeypatch.setattr(Generation, "open", opened)
    before = runtime.generation.chunks
    assert add(client, "notes.md", NOTES)["state"] == "done"
    assert found(client, "Qdrant Rust")[0] == "notes"
    assert finished(client, client.delete("/api/documents/a"))["state"] == "done"
    after = {chunk.id: chunk for chunk in runtime.generation.chunks}
    assert [after[chunk.id] is chunk for chunk in before if chunk.document.id == "b"] == [True]


def test_what_another_process_made_of_the_index_is_kept(client: TestClient, runtime: Runtime, tmp_path: Path) -> None:
    (tmp_path / "corpus" / "c.md").write_text("# Queues\n\nKafka moves events.\n", "utf-8")
    with runtime.holder.lock:  # the service cannot follow before the job begins
        build([tmp_path / "corpus"], runtime.settings, FakeEmbedder())
        reply = client.post("/api/documents", params={"name": "notes.md"}, content=NOTES.encode())
        assert runtime.generation.number == 1
    assert finished(client, reply)["generation"] == 3
    assert [d["id"] for d in client.get("/api/documents").json()["documents"]] == ["a", "b", "c", "notes"]


def test_removed_is_gone_and_its_upload_too(client: TestClient, runtime: Runtime) -> None:
    add(client, "notes.md", NOTES)
    assert finished(client, client.delete("/api/documents/notes"))["state"] == "done"
    assert client.get("/api/documents/notes").status_code == 404
    assert "notes" not in found(client, "Qdrant Rust 向量数据库")
    assert not (runtime.settings.home / "uploads" / "notes.md").exists()
    assert client.delete("/api/documents/notes").status_code == 404


def test_a_file_of_the_users_own_stays(client: TestClient, tmp_path: Path) -> None:
    assert finished(client, client.delete("/api/documents/a"))["state"] == "done"
    assert (tmp_path / "corpus" / "a.md").exists()
    last = finished(client, client.delete("/api/documents/b"))
    assert (last["state"], last["detail"]) == ("failed", "The last document cannot be removed: add another first.")
    assert client.get("/api/documents/b").status_code == 200


NAMES = [
    "../../etc/passwd", "/etc/passwd", "..\\x.md", "a/b.md", "a\\b.md", ".hidden.md", "..", ".", "con", "CON.md",
    "nul.txt", "a\x00.md", "a\n.md", "x.md ", "x.md.", "x.exe", "x", "x" * 200 + ".md", "~/.ssh/x.md", "C:\\x.md", "file://x.md",
    "%2e%2e%2fx.md", "x.md/", "-rf.md", "$(id).md", "a;b.md", "a|b.md", "<b>.md",
]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_row_20_names_that_lead_elsewhere(client: TestClient, runtime: Runtime, name: str) -> None:
    before = sorted(path for path in runtime.settings.home.parent.rglob("*"))
    reply = client.post("/api/documents", params={"name": name}, content=b"# x\n\ntext")
    assert reply.status_code == 422
    assert sorted(path for path in runtime.settings.home.parent.rglob("*")) == before


@pytest.mark.parametrize("name", ["笔记.md", "Notes (2) final.txt", "a-b_c.md"])
def test_ordinary_names_are_taken(client: TestClient, name: str) -> None:
    assert add(client, name, "# T\n\nKafka moves messages.\n")["state"] == "done"


def test_what_holds_no_text_fails_and_changes_nothing(client: TestClient) -> None:
    assert client.post("/api/documents?name=x.md", content=b"").status_code == 422
    assert add(client, "blank.md", "  \n\n ")["state"] == "failed"
    assert add(client, "broken.md", "x" * 3)["state"] in {"done", "failed"}
    assert client.get("/api/documents/blank").status_code == 404


def test_another_writer_is_named(client: TestClient, runtime: Runtime) -> None:
    with writer_lock(runtime.settings.home):
        job = add(client, "notes.md", NOTES)
    assert job["state"] == "failed"
    assert "Another writer is at work" in job["detail"]


def test_unknown_job(client: TestClient) -> None:
    assert client.get("/api/jobs/nope").status_code == 404


def test_row_4_swaps_under_searches_and_answers(client: TestClient) -> None:
    """Every reply comes from one generation: the number it names and the documents it shows agree."""
    holds = {1: {"a", "b"}}
    stop = threading.Event()
    trouble: list[str] = []
    seen: set[int] = set()
    replies: list[tuple[int, set[str]]] = []

    def search() -> None:
        while not stop.is_set():
            reply = client.post("/api/search", json={"query": "vector database Qdrant 部署 Milvus", "k": 20})
            asked = client.post("/api/ask", json={"question": "Which vector database is written in Rust, Qdrant?"})
            if (reply.status_code, asked.status_code) != (200, 200):
                trouble.append(reply.text + asked.text)
                return
            body, answer = reply.json(), asked.json()
            replies.append((body["generation"], {hit["document_id"] for hit in body["hits"]}))
            replies.append((answer["generation"], {citation["document_id"] for citation in answer["citations"]}))

    searchers = [threading.Thread(target=search) for _ in range(4)]
    for searcher in searchers:
        searcher.start()
    for number in range(2, 12):
        job = (
            add(client, "notes.md", NOTES)
            if number % 2 == 0
            else finished(client, client.delete("/api/documents/notes"))
        )
        assert (job["state"], job["generation"]) == ("done", number)
        holds[number] = {"a", "b", "notes"} if number % 2 == 0 else {"a", "b"}
        if number % 2:
            gone = client.post(
                "/api/ask", json={"question": "Which vector database is written in Rust, Qdrant?"}
            ).json()
            assert "notes" not in {citation["document_id"] for citation in gone["citations"]}
    stop.set()
    for searcher in searchers:
        searcher.join()
    assert trouble == []
    for number, shown in replies:
        seen.add(number)
        assert shown <= holds[number]
    assert len(seen) >= 3


def test_done_waits_for_answers_of_the_generation_before(runtime: Runtime) -> None:
    app = create_app(runtime)
    running = threading.Event()
    go_on = threading.Event()

    class Held:
        def stream(self, question: Any) -> Iterator[Any]:
            running.set()
            go_on.wait(10)
            yield from answerer.stream(question)

    answerer = runtime.answerer
    view = runtime.holder.view
    runtime.holder.view = type(view)(view.generation, view.retriever, Held())  # type: ignore[arg-type]
    with TestClient(app, headers=KEY) as client:
        asker = threading.Thread(target=client.post, args=("/api/ask",), kwargs={"json": {"question": "Milvus?"}})
        asker.start()
        assert running.wait(5)
        reply = client.post("/api/documents", params={"name": "notes.md"}, content=NOTES.encode())
        time.sleep(0.5)
        assert client.get(reply.headers["location"]).json()["state"] == "running"
        assert client.get("/api/documents").json()["generation"] == 2
        go_on.set()
        asker.join()
        assert finished(client, reply)["state"] == "done"
