"""Places for answers: none is lost to a bug, none is charged less than it cost, and nobody takes all of them."""

import asyncio
import hashlib
import threading
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from fastapi.testclient import TestClient

from service import asks as asks_module
from service import jobs as jobs_module
from service.access import Access, Buckets
from service.app import create_app
from service.asks import Asks
from service.jobs import Jobs, State
from service.metrics import create_metrics
from service.problems import Problem
from service.settings import Settings
from service.telemetry import NoTelemetry
from service.types import DraftToken, Evidence, Question
from tests.service.http_fakes import compose, fake_runtime
from tests.service.http_server import serving
from tests.service.test_http_faults import KEYS, is_problem

STREAM = {"Accept": "text/event-stream"}
QUESTION = {"question": "vector databases and model deployment"}
CHAT = {"model": "career", "messages": [{"role": "user", "content": "vector databases"}], "stream": True}


def asks_of(limit: int = 2, tokens: Buckets | None = None) -> Asks:
    return Asks(limit, create_metrics(), NoTelemetry(), tokens)


def wait_until(done: Callable[[], bool], seconds: float = 30.0) -> None:
    deadline = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.01)


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


def test_a_closed_answer_keeps_its_place_but_no_job_waiting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asks_module, "GRACE_S", 0.0)
    go_on = threading.Event()
    runtime = fake_runtime(Settings(home=tmp_path), lambda _: [lambda: go_on.wait(20)])  # type: ignore[list-item, return-value]

    async def work() -> None:
        asks = asks_of()
        ask = asks.open(runtime, Question("x", deadline_s=0.05))
        assert asks.running_before(time.monotonic()) == 1
        with pytest.raises(Problem) as late:
            await ask.first()
        assert late.value.status == 504
        assert (asks.running, asks.running_before(time.monotonic())) == (1, 0)
        go_on.set()
        while asks.running:
            await asyncio.sleep(0.01)
        asks.close()

    in_loop(work)


def removing(monkeypatch: pytest.MonkeyPatch, longest_s: float) -> tuple[Jobs, str]:
    """A job whose document is gone at once, while an answer of before never ends."""
    written = SimpleNamespace(number=2)
    monkeypatch.setattr(jobs_module, "remove_document", lambda _, document_id: (document_id, written))
    jobs = Jobs(create_metrics(), lambda _: 1, longest_s)
    runtime: Any = SimpleNamespace(refresh=lambda shown: shown is written)
    return jobs, jobs.remove("a", runtime).id


def state(jobs: Jobs, job_id: str) -> State | None:
    job = jobs.get(job_id)
    return job.state if job else None


def test_an_answer_that_never_ends_holds_no_job_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    started = time.monotonic()
    jobs, job_id = removing(monkeypatch, longest_s=0.3)
    wait_until(lambda: state(jobs, job_id) is State.DONE)
    assert time.monotonic() - started >= 0.3
    jobs.close()


def test_shutting_down_waits_for_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    jobs, job_id = removing(monkeypatch, longest_s=60.0)
    wait_until(lambda: state(jobs, job_id) is State.RUNNING)
    time.sleep(0.1)
    assert state(jobs, job_id) is State.RUNNING
    closing = time.monotonic()
    jobs.close()
    assert time.monotonic() - closing < 5
    assert state(jobs, job_id) is State.DONE


ONE = (f"user:{hashlib.sha256(b'one').hexdigest()}",)
SITES = ("pk_abcd@https://shop.example",)


@pytest.mark.parametrize(
    ("keys", "sites", "account", "share"),
    [
        ((), (), "anyone 127.0.0.1", 1.0),
        ((), (), "anyone ::1", 1.0),
        ((), (), "anyone local", 1.0),
        ((), (), "anyone 203.0.113.5", 0.5),
        ((), SITES, "pk_abcd 127.0.0.1", 0.5),
        (ONE, (), "key-12345678", 1.0),
        (KEYS, (), "key-12345678", 0.5),
        (ONE, SITES, "key-12345678", 0.5),
        (KEYS, (), "", 1.0),
    ],
)
def test_who_shares_with_others(
    tmp_path: Path, keys: tuple[str, ...], sites: tuple[str, ...], account: str, share: float
) -> None:
    assert Access(Settings(home=tmp_path, api_keys=keys, site_keys=sites)).share(account) == share


def test_one_key_takes_half_of_the_places_at_most(tmp_path: Path) -> None:
    held = threading.Event()
    keys = tuple(f"user:{hashlib.sha256(key.encode()).hexdigest()}" for key in ("one", "two"))
    settings = Settings(home=tmp_path, queue=4, api_keys=keys)
    plain = fake_runtime(settings)
    runtime = fake_runtime(settings, lambda question: [held.wait, *compose(plain.retriever, question)])
    with serving(create_app(runtime)) as address, ThreadPoolExecutor(3) as askers:

        def ask(key: str) -> httpx.Response:
            return httpx.post(f"{address}/api/ask", json=QUESTION, headers={"X-API-Key": key}, timeout=20)

        accepted = [askers.submit(ask, "one") for _ in range(2)]  # of five places
        wait_until(lambda: len(runtime.answerer.asked) == 2)
        refused = ask("one")
        other = askers.submit(ask, "two")
        wait_until(lambda: len(runtime.answerer.asked) == 3)
        held.set()
        assert [reply.result().status_code for reply in (*accepted, other)] == [200, 200, 200]
        metrics = httpx.get(f"{address}/metrics", headers={"X-API-Key": "one"}).text
    assert is_problem(refused, 429)
    assert refused.json()["type"].endswith(":too_many_at_once")
    assert refused.headers["retry-after"] == "2"
    assert 'rag_rejected_total{reason="share"} 1.0' in metrics


def test_one_place_is_nobodys_share(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, queue=0, api_keys=KEYS)
    with TestClient(create_app(fake_runtime(settings)), headers={"X-API-Key": "user-key"}) as client:
        assert [client.post("/api/ask", json=QUESTION).status_code for _ in range(2)] == [200, 200]
