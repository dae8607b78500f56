"""Places for answers: none is lost to a bug, and none is charged less than it cost."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from service.access import Buckets
from service.app import create_app
from service.asks import Asks
from service.metrics import create_metrics
from service.settings import Settings
from service.telemetry import NoTelemetry
from service.types import DraftToken, Evidence, Question
from tests.service.http_fakes import compose, fake_runtime

STREAM = {"Accept": "text/event-stream"}
QUESTION = {"question": "vector databases and model deployment"}
CHAT = {"model": "career", "messages": [{"role": "user", "content": "vector databases"}], "stream": True}


def asks_of(limit: int = 2, tokens: Buckets | None = None) -> Asks:
    return Asks(limit, create_metrics(), NoTelemetry(), tokens)


@pytest.mark.parametrize(("path", "body"), [("/api/ask", QUESTION), ("/v1/chat/completions", CHAT)])
def test_a_bug_before_the_first_event_loses_no_place(tmp_path: Path, path: str, body: dict[str, Any]) -> None:
    runtime = fake_runtime(Settings(home=tmp_path, queue=0), lambda _: [RuntimeError("a bug")])
    with TestClient(create_app(runtime), raise_server_exceptions=False) as client:
        replies = [client.post(path, json=body, headers=STREAM).status_code for _ in range(3)]
        assert "rag_requests_running 0.0" in client.get("/metrics").text
    assert replies == [500, 500, 500]


def test_a_bug_before_the_first_step_loses_no_place(tmp_path: Path) -> None:
    runtime = fake_runtime(Settings(home=tmp_path, queue=0))
    runtime.answerer.stream = lambda _: 1 / 0
    with TestClient(create_app(runtime), raise_server_exceptions=False) as client:
        assert [client.post("/api/ask", json=QUESTION).status_code for _ in range(2)] == [500, 500]


def in_loop(work: Callable[[], Awaitable[None]]) -> None:
    async def run() -> None:
        await work()

    asyncio.run(run())


def test_who_leaves_is_charged_with_the_prompt_and_what_was_drafted(tmp_path: Path) -> None:
    runtime = fake_runtime(Settings(home=tmp_path))
    tokens = Buckets(1000, lambda: 0.0)

    async def work() -> None:
        ask = asks_of(tokens=tokens).open(runtime, Question(QUESTION["question"]), "somebody")
        assert isinstance(await ask.first(), Evidence)
        for _ in range(3):
            assert isinstance(await ask.step(), DraftToken)
        await ask.close()
        await ask.close()

    in_loop(work)
    assert tokens.wait("somebody", 1000) == pytest.approx((100 + 3) * 60 / 1000)


def test_a_failure_is_charged_too(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    plain = fake_runtime(settings)
    runtime = fake_runtime(settings, lambda q: [*compose(plain.retriever, q)[:2], RuntimeError("a bug")])
    tokens = Buckets(1000, lambda: 0.0)

    async def work() -> None:
        ask = asks_of(tokens=tokens).open(runtime, Question(QUESTION["question"]), "somebody")
        try:
            with pytest.raises(RuntimeError):
                await ask.answer()
        finally:
            await ask.close()

    in_loop(work)
    assert tokens.wait("somebody", 1000) == pytest.approx((100 + 1) * 60 / 1000)


def test_embeddings_cost_tokens(tmp_path: Path) -> None:
    runtime = fake_runtime(Settings(home=tmp_path, tokens_per_minute=1))
    with TestClient(create_app(runtime)) as client:
        body = {"model": "career", "input": ["one two three four five six", "seven eight nine ten eleven"]}
        first = client.post("/v1/embeddings", json=body)
        second = client.post("/v1/embeddings", json=body)
        asked = client.post("/api/ask", json=QUESTION)
    assert first.json()["usage"] == {"prompt_tokens": 11, "total_tokens": 11}
    assert (second.status_code, second.json()["error"]["code"]) == (429, "tokens_limited")
    assert 600 <= int(second.headers["retry-after"]) <= 661  # ten that are owed and one more, at a minute each
    assert asked.status_code == 429
