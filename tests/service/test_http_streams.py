"""Streams of a real server: who leaves frees the engine, who stalls is cut, who comes too many is told at once."""

import http.client
import json
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from service.app import create_app
from service.settings import Settings
from service.sse import frames
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
def test_a_reader_who_leaves_frees_the_engine(tmp_path: Path, headers: dict[str, str]) -> None:
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


def test_many_leave_and_no_place_is_lost(tmp_path: Path, client: httpx.Client) -> None:
    runtime = slow(Settings(home=tmp_path, queue=2), 0.01)
    with serving(create_app(runtime)) as address:
        for count in range(1, 101):
            with client.stream("POST", f"{address}/api/ask", json=QUESTION, headers=STREAM) as reply:
                assert reply.status_code == 200
                next(reply.iter_raw(10))
            assert runtime.answerer.wait_closed(count, 2.0)
        assert client.post(f"{address}/api/ask", json=QUESTION).status_code == 200


def test_full_is_said_at_once(tmp_path: Path) -> None:
    held = threading.Event()
    settings = Settings(home=tmp_path, queue=2)
    plain = fake_runtime(settings)
    runtime = fake_runtime(settings, lambda question: [held.wait, *compose(plain.retriever, question)])
    replies: list[httpx.Response] = []

    def ask(address: str) -> None:
        replies.append(httpx.post(f"{address}/api/ask", json=QUESTION, timeout=20))

    with serving(create_app(runtime)) as address:
        askers = [threading.Thread(target=ask, args=(address,)) for _ in range(3)]
        for asker in askers:
            asker.start()
        while len(runtime.answerer.asked) < 3:
            time.sleep(0.01)
        took = []
        for _ in range(30):
            started = time.perf_counter()
            refusal = httpx.post(f"{address}/api/ask", json=QUESTION)
            took.append(time.perf_counter() - started)
            assert refusal.status_code == 429
            assert refusal.headers["retry-after"] == "2"
        search = httpx.post(f"{address}/api/search", json={"query": "vector databases"})
        held.set()
        for asker in askers:
            asker.join()
    assert search.status_code == 200
    assert [reply.status_code for reply in replies] == [200, 200, 200]
    assert sorted(took)[15] < 0.05


def test_a_reader_who_stalls_is_cut(tmp_path: Path) -> None:
    endless = fake_runtime(Settings(home=tmp_path, write_timeout_s=0.3))
    endless.answerer.script = lambda _: (DraftToken("x" * 50_000) for _ in range(10_000))
    with serving(create_app(endless)) as address:
        host = urlsplit(address)
        body = json.dumps(QUESTION).encode()
        fields = [
            "Host: x",
            "Accept: text/event-stream",
            "Content-Type: application/json",
            f"Content-Length: {len(body)}",
        ]
        head = "\r\n".join(["POST /api/ask HTTP/1.1", *fields, "", ""])
        with socket.create_connection((host.hostname, host.port or 0)) as reader:
            reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            reader.sendall(head.encode() + body)
            assert endless.answerer.wait_closed(1, 5.0)


SERVER = """
import sys
from pathlib import Path
import uvicorn
from service.app import create_app
from service.settings import Settings
from tests.service.test_http_streams import slow
app = create_app(slow(Settings(home=Path(sys.argv[1])), 0.3))
config = uvicorn.Config(app, port=int(sys.argv[2]), log_level="critical", timeout_graceful_shutdown=1)
uvicorn.Server(config).run()
"""


def test_shutdown_says_farewell_to_streams(tmp_path: Path, client: httpx.Client) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    root = Path(__file__).resolve().parents[2]
    with subprocess.Popen([sys.executable, "-c", SERVER, str(tmp_path), str(port)], cwd=root) as server:
        try:
            wait_alive(client, port)
            with client.stream("POST", f"http://127.0.0.1:{port}/api/ask", json=QUESTION, headers=STREAM) as reply:
                chunks = reply.iter_raw()
                first = next(chunks)
                server.send_signal(signal.SIGTERM)
                events = frames([first, *chunks])
            assert events[0][0] == "evidence"
            assert events[-1][0] == "error"
            assert events[-1][1]["problem"]["status"] == 503
            server.wait(10)
        finally:
            server.kill()


def wait_alive(client: httpx.Client, port: int) -> None:
    for _ in range(200):
        try:
            if client.get(f"http://127.0.0.1:{port}/livez").status_code == 200:
                return
        except httpx.ConnectError:
            time.sleep(0.05)
    raise AssertionError("the server did not start")
