"""Asking over HTTP: the whole answer, its events in order, and what happens when somebody leaves."""

from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from indexes.errors import DeadlineExceeded, EngineBusy, EngineCrashed
from service.app import create_app
from service.settings import Settings
from service.sse import frames
from service.types import Message, Policy, Role
from tests.service.http_fakes import EN, compose, fake_runtime

STREAM = {"Accept": "text/event-stream"}


def settings_of(home: Path, **changes: Any) -> Settings:
    return Settings(home=home, **changes)


@pytest.fixture
def runtime(tmp_path: Path) -> Any:
    return fake_runtime(settings_of(tmp_path))


def test_an_answer_is_the_contract(runtime: Any) -> None:
    with TestClient(create_app(runtime)) as client:
        reply = client.post("/api/ask", json={"question": "vector databases"})
    answer = reply.json()
    assert reply.status_code == 200
    assert answer["status"] == "answered"
    assert answer["text"].startswith("Then learn model deployment and vector databases. [1]")
    [first, *_] = answer["citations"]
    assert first["url"] == "/api/documents/en-doc#char=50,99"
    assert first["quote"] == EN[first["start"] : first["end"]] == "Then learn model deployment and vector databases."
    sentence = answer["sentences"][0]
    assert answer["text"][sentence["start"] : sentence["end"]] == sentence["text"] + " [1]"
    assert sentence["citations"] == [1]
    assert answer["retrieval"] == {"hits": len(runtime.retriever.search("vector databases", 3)), "ms": 1.5}


def test_events_come_in_the_order_of_the_contract(runtime: Any) -> None:
    with TestClient(create_app(runtime)) as client:
        reply = client.post("/api/ask", json={"question": "model deployment"}, headers=STREAM)
        whole = client.post("/api/ask", json={"question": "model deployment"}).json()
    assert reply.headers["content-type"].startswith("text/event-stream")
    events = frames([reply.content])
    names = [name for name, _ in events]
    assert names[0] == "evidence"
    assert names[-1] == "answer"
    assert set(names[1:-1]) == {"token", "sentence"}
    assert events[-1][1] == whole
    assert events[0][1]["hits"][0]["text"] == "Then learn model deployment and vector databases."
    sentences = [data for name, data in events if name == "sentence"]
    assert [{k: v for k, v in s.items() if k != "sources"} for s in sentences] == whole["sentences"]
    assert [source for s in sentences for source in s["sources"]] == whole["citations"]
    assert runtime.answerer.closed == 2


def test_what_the_body_says_reaches_the_answerer(runtime: Any) -> None:
    asked = {
        "question": "哪些？",
        "lang": "zh-CN",
        "history": [{"role": "user", "content": "向量数据库"}, {"role": "assistant", "content": "有几种。"}],
        "filters": {"document_id": "zh-doc", "lang": "zh"},
        "deadline_s": 9,
        "policy": "flag",
    }
    with TestClient(create_app(runtime)) as client:
        assert client.post("/api/ask", json=asked).status_code == 200
    [question] = runtime.answerer.asked
    assert question.lang == "zh"
    assert question.history == (Message(Role.USER, "向量数据库"), Message(Role.ASSISTANT, "有几种。"))
    assert question.filters.document_ids == frozenset({"zh-doc"})
    assert question.filters.lang == "zh"
    assert question.deadline_s == 9
    assert question.policy is Policy.FLAG


def test_a_deadline_is_never_longer_than_the_service_allows(runtime: Any) -> None:
    with TestClient(create_app(runtime)) as client:
        client.post("/api/ask", json={"question": "x", "deadline_s": 3000})
    assert runtime.answerer.asked[0].deadline_s == runtime.settings.deadline_s


@pytest.mark.parametrize(
    ("error", "status", "retry"),
    [
        (EngineBusy("full", 3.0), 429, "3"),
        (EngineCrashed("gone"), 503, "5"),
        (DeadlineExceeded("late"), 504, None),
    ],
)
@pytest.mark.parametrize("headers", [{}, STREAM])
def test_trouble_before_the_first_byte_is_a_problem(
    tmp_path: Path, error: Exception, status: int, retry: str | None, headers: dict[str, str]
) -> None:
    runtime = fake_runtime(settings_of(tmp_path), lambda _: [error])
    with TestClient(create_app(runtime)) as client:
        reply = client.post("/api/ask", json={"question": "x"}, headers=headers)
    assert reply.status_code == status
    assert reply.headers["content-type"] == "application/problem+json"
    assert reply.headers.get("retry-after") == retry
    assert reply.json()["detail"] == str(error)
    assert runtime.answerer.closed == 1


def test_trouble_after_the_first_byte_is_an_error_event_and_the_end(tmp_path: Path) -> None:
    settings = settings_of(tmp_path)
    fake = fake_runtime(settings)
    runtime = fake_runtime(settings, lambda q: [*compose(fake.retriever, q)[:3], EngineCrashed("gone")])
    with TestClient(create_app(runtime)) as client:
        events = frames([client.post("/api/ask", json={"question": "model deployment"}, headers=STREAM).content])
    assert events[-1][0] == "error"
    assert events[-1][1]["problem"]["status"] == 503
    assert "answer" not in [name for name, _ in events]


def test_silence_is_filled_with_pings(tmp_path: Path) -> None:
    settings = settings_of(tmp_path, ping_s=0.05)
    fake = fake_runtime(settings)
    runtime = fake_runtime(settings, lambda q: [compose(fake.retriever, q)[0], 0.3, compose(fake.retriever, q)[-1]])
    with TestClient(create_app(runtime)) as client:
        content = client.post("/api/ask", json={"question": "model deployment"}, headers=STREAM).content
    assert content.count(b": ping\n\n") >= 3
    assert [name for name, _ in frames([content])] == ["evidence", "answer"]


def test_only_json_or_events_are_sent(runtime: Any) -> None:
    with TestClient(create_app(runtime)) as client:
        reply = client.post("/api/ask", json={"question": "x"}, headers={"Accept": "image/png"})
    assert reply.status_code == 406


def test_a_refusal_names_the_nearest_topics(runtime: Any) -> None:
    with TestClient(create_app(runtime)) as client:
        answer = client.post("/api/ask", json={"question": "zzz"}).json()
    assert answer["status"] == "refused"
    assert answer["refusal"] == {
        "reason": "not_in_corpus",
        "confidence": 0.07,
        "nearest": ["向量数据库", "Model deployment"],
    }
