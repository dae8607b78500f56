"""Streams of a real server: who leaves frees the engine, who stalls is cut, who comes too many is told at once."""

import asyncio
import http.client
import json
import logging
import socket
import threading
import time
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from starlette.types import Message

from service.app import create_app
from service.settings import Settings
from service.sse import Stream
from service.types import DraftToken
from tests.service.http_fakes import compose, fake_runtime
from tests.service.http_server import serving

STREAM = {"Accept": "text/event-stream"}
QUESTION = {"question": "vector databases and model deployment"}


def slow(settings: Settings, pause_s: float) -> Any:
    plain = fake_runtime(settings)
    return fake_runtime(settings, lambda question: compose(plain.retriever, question, pause_s))


@pytest.fixture
def client() -> Iterator[httpx.Client]:
    with httpx.Client(timeout=10) as client:
        yield client


@pytest.mark.parametrize("headers", [STREAM, {}])
def test_row_13_a_reader_who_leaves_frees_the_engine(tmp_path: Path, headers: dict[str, str]) -> None:
    runtime = slow(Settings(home=tmp_path), 0.2)
    app = create_app(runtime)
    with serving(app) as address:
        for _ in range(10):
            host = urlsplit(address)
            connection = http.client.HTTPConnection(host.hostname or "", host.port or 0, timeout=5)
            body = json.dumps(QUESTION)
            connection.request("POST", "/api/ask", body, {"Content-Type": "application/json", **headers})
            if headers:
                connection.getresponse().read(20)
            else:
                time.sleep(0.05)
            connection.close()
        left = time.monotonic()
        assert runtime.answerer.wait_closed(10, 2.0)
        assert time.monotonic() - left < 1.0
        deadline = time.monotonic() + 2
        while (running := httpx.get(f"{address}/metrics").text).count("rag_requests_running 0.0") == 0:
            assert time.monotonic() < deadline, running
        assert "rag_cancelled_total 10.0" in running


def test_row_13_a_hundred_leave_and_no_place_is_lost(tmp_path: Path, client: httpx.Client) -> None:
    runtime = slow(Settings(home=tmp_path, queue=2), 0.01)
    with serving(create_app(runtime)) as address:
        for count in range(1, 101):
            with client.stream("POST", f"{address}/api/ask", json=QUESTION, headers=STREAM) as reply:
                assert reply.status_code == 200
                next(reply.iter_raw(10))
            assert runtime.answerer.wait_closed(count, 2.0)
        assert client.post(f"{address}/api/ask", json=QUESTION).status_code == 200


def test_row_10_ten_times_too_many_are_told_at_once(tmp_path: Path, client: httpx.Client) -> None:
    """Three places, thirty askers: three are answered, the others hear 429 at once, and searching goes on."""
    held = threading.Event()
    settings = Settings(home=tmp_path, queue=2)
    plain = fake_runtime(settings)
    runtime = fake_runtime(settings, lambda question: [held.wait, *compose(plain.retriever, question)])
    with serving(create_app(runtime)) as address, ThreadPoolExecutor(3) as askers:
        accepted = [askers.submit(httpx.post, f"{address}/api/ask", json=QUESTION, timeout=20) for _ in range(3)]
        while len(runtime.answerer.asked) < 3:
            time.sleep(0.01)
        took = []
        for number in range(270):
            started = time.perf_counter()
            refusal = client.post(f"{address}/api/ask", json=QUESTION, headers=STREAM if number % 2 else {})
            took.append(time.perf_counter() - started)
            assert (refusal.status_code, refusal.headers["retry-after"]) == (429, "2")
        search = client.post(f"{address}/api/search", json={"query": "vector databases"})
        held.set()
        assert [reply.result().status_code for reply in accepted] == [200, 200, 200]
        assert 'rag_rejected_total{reason="queue_full"} 270.0' in client.get(f"{address}/metrics").text
    assert search.status_code == 200
    assert len(runtime.answerer.asked) == 3
    assert sorted(took)[135] < 0.05  # the median: the slowest depend on what else the machine does


def resident_mb() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 2**20


def test_row_14_a_reader_who_stalls_is_cut(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Half a gigabyte is on offer; what piles up for a reader who takes nothing is a few kilobytes, and no alarm."""
    caplog.set_level(logging.INFO, "career")
    endless = fake_runtime(Settings(home=tmp_path, write_timeout_s=0.3))
    endless.answerer.script = lambda _: (DraftToken("x" * 50_000) for _ in range(10_000))
    with serving(create_app(endless)) as address:
        host = urlsplit(address)
        body = json.dumps(QUESTION).encode()
        fields = [
            "Host: localhost",
            "Accept: text/event-stream",
            "Content-Type: application/json",
            f"Content-Length: {len(body)}",
        ]
        head = "\r\n".join(["POST /api/ask HTTP/1.1", *fields, "", ""])
        before = resident_mb()
        with socket.create_connection((host.hostname, host.port or 0)) as reader:
            reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            reader.sendall(head.encode() + body)
            assert endless.answerer.wait_closed(1, 5.0)
        assert resident_mb() - before < 10
        metrics = httpx.get(f"{address}/metrics").text
    assert "rag_slow_readers_total 1.0" in metrics
    assert "rag_cancelled_total 1.0" in metrics
    assert "slow reader" in caplog.text
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


@pytest.mark.parametrize("ends", [True, False], ids=["at its end", "when the service ends"])
def test_a_last_chunk_that_nobody_takes_keeps_no_place(ends: bool) -> None:
    """Not even then is what is behind a stream held for longer than a write may take."""
    closed, slow = [], []

    async def chunks() -> AsyncIterator[bytes]:
        if not ends:
            await asyncio.sleep(60)
        for chunk in ():
            yield chunk

    async def stalled(message: Message) -> None:
        if message["type"] == "http.response.body":
            await asyncio.sleep(60)

    async def silent() -> Message:
        await asyncio.sleep(60)
        return {"type": "http.disconnect"}

    async def close() -> None:
        closed.append(True)

    async def run() -> None:
        stream = Stream(chunks(), close, 0.05, farewell=b"bye", on_slow=lambda: slow.append(True))
        task = asyncio.ensure_future(stream({"type": "http"}, silent, stalled))
        await asyncio.sleep(0.02)
        if not ends:
            task.cancel()
        await asyncio.wait({task}, timeout=5)
        assert task.done()
        assert task.cancelled() is not ends

    asyncio.run(run())
    assert (closed, slow) == ([True], [True] if ends else [])
