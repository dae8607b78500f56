"""Faults of serving, each under its number in the fault list: loading, ending, deadlines, floods."""

import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from fastapi.testclient import TestClient

import service.app
from indexes.errors import MissingError
from service.app import create_app
from service.settings import Settings
from service.sse import frames
from tests.service.answering import ALWAYS
from tests.service.http_fakes import fake_runtime
from tests.service.http_llms import SlowLLM
from tests.service.http_model_free import KEY, model_free
from tests.service.http_server import serving
from tests.service.test_http_faults import is_problem

STREAM = {"Accept": "text/event-stream"}
QUESTION = {"question": "vector databases and model deployment"}
ROOT = Path(__file__).resolve().parents[2]


def test_row_11_loading_is_not_ready_but_alive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    go_on = threading.Event()

    @contextmanager
    def slowly(_: Settings) -> Iterator[None]:
        go_on.wait(10)
        if go_on.is_set():
            raise MissingError("No model: run `career models pull`.")
        yield

    monkeypatch.setattr(service.app, "open_runtime", slowly)
    with TestClient(create_app(Settings(home=tmp_path))) as client:
        for path in ("/readyz", "/healthz"):
            reply = client.get(path)
            assert is_problem(reply, 503)
            assert reply.json()["type"].endswith(":loading")
            assert reply.headers["retry-after"] == "2"
        assert client.get("/livez").status_code == 200
        assert client.get("/widget/v1/career-chat.js").status_code == 200
        assert is_problem(client.post("/api/ask", json=QUESTION), 503)
        assert client.get("/v1/models").json()["error"]["code"] == "loading"
        go_on.set()
        wait_for(lambda: client.get("/readyz").json()["detail"] == "No model: run `career models pull`.")


@pytest.mark.parametrize(
    ("state", "reason", "status", "detail"),
    [
        ("ready", None, 200, ""),
        ("starting", None, 503, "The engine is starting."),
        ("restarting", "signal 11", 503, "The engine is restarting: signal 11"),
        (
            "down",
            "It crashed 5 times. Try another file.",
            503,
            "The engine is down: It crashed 5 times. Try another file.",
        ),
    ],
)
def test_row_11_ready_tells_the_truth_of_the_engine(
    tmp_path: Path, state: str, reason: str | None, status: int, detail: str
) -> None:
    fake = fake_runtime(Settings(home=tmp_path))
    health = SimpleNamespace(state=state, reason=reason, restarts=1, pid=None)
    llm = SimpleNamespace(name="m", context_tokens=4096, count_tokens=fake.llm.count_tokens, health=lambda: health)
    runtime = fake_runtime(Settings(home=tmp_path), llm=llm)
    with TestClient(create_app(runtime)) as client:
        reply = client.get("/readyz")
        assert reply.status_code == status
        assert client.get("/livez").status_code == 200
        assert client.post("/api/search", json={"query": "vector"}).status_code == 200
    if status == 200:
        assert reply.json()["engine"] == "ready"
    else:
        assert reply.json()["detail"] == detail
        assert int(reply.headers["retry-after"]) >= 2


SERVER = """
import sys
from pathlib import Path
from service import serving
from service.app import create_app
from service.commands.serve import bind
from service.settings import Settings
from tests.service.test_http_streams import slow
settings = Settings(home=Path(sys.argv[1]), drain_s=float(sys.argv[3]))
with bind("127.0.0.1", int(sys.argv[2])) as listener:
    serving.serve(create_app(slow(settings, 0.3)), settings, listener)
"""


@pytest.mark.parametrize(("drain_s", "ends_with"), [("20", "answer"), ("0.5", "error")])
def test_row_12_ends_by_letting_streams_finish_or_cutting_them(tmp_path: Path, drain_s: str, ends_with: str) -> None:
    """Not ready at once, the stream ends with its answer or says why not, and the process exits with 0."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{free.getsockname()[1]}"
    command = [sys.executable, "-c", SERVER, str(tmp_path), address.rsplit(":", 1)[1], drain_s]
    with subprocess.Popen(command, cwd=ROOT) as server, httpx.Client(timeout=20) as client:
        try:
            wait_for(lambda: alive(client, address))
            with client.stream("POST", f"{address}/api/ask", json=QUESTION, headers=STREAM) as reply:
                chunks = reply.iter_raw()
                first = next(chunks)
                server.send_signal(signal.SIGTERM)
                if drain_s == "20":
                    wait_for(lambda: client.get(f"{address}/readyz").status_code == 503)
                    refused = client.post(f"{address}/api/ask", json=QUESTION)
                    assert (refused.status_code, refused.headers["retry-after"]) == (503, "5")
                    assert client.get(f"{address}/livez").status_code == 200
                events = frames([first, *chunks])
            assert events[-1][0] == ends_with
            if ends_with == "error":
                assert events[-1][1]["problem"]["status"] == 503
            assert server.wait(60) == 0
        finally:
            server.kill()


def test_row_15_a_deadline_before_the_first_byte_is_a_504(tmp_path: Path) -> None:
    """Even of an engine that hangs: the asker is told, and the place is free again once the engine ends."""
    settings = Settings(home=tmp_path, queue=0)
    go_on = threading.Event()
    hanging = fake_runtime(settings, lambda _: [lambda: go_on.wait(20)])  # type: ignore[list-item, return-value]
    with serving(create_app(hanging)) as address, httpx.Client(base_url=address, timeout=20) as client:
        for headers in ({}, STREAM):
            go_on.clear()
            started = time.monotonic()
            reply = client.post("/api/ask", json={**QUESTION, "deadline_s": 0.5}, headers=headers)
            assert is_problem(reply, 504)
            assert 2.4 <= time.monotonic() - started <= 4.5  # the deadline and the two seconds of grace
            assert client.post("/api/ask", json=QUESTION).status_code == 429
            go_on.set()
            wait_for(lambda: "rag_requests_running 0.0" in client.get("/metrics").text)


def test_row_15_a_deadline_later_keeps_what_was_checked(tmp_path: Path) -> None:
    llm = SlowLLM("Milvus is a vector database. ")
    with (
        model_free(tmp_path, llm=llm, gate=ALWAYS, deadline_s=1.0) as runtime,
        TestClient(create_app(runtime), headers=KEY) as client,
    ):
        started = time.monotonic()
        asked = "Is Milvus a vector database?"
        answer = client.post("/api/ask", json={"question": asked, "deadline_s": 1.0}).json()
        assert 0.9 <= time.monotonic() - started <= 2.5
        messages = [{"role": "user", "content": asked}]
        completion = client.post("/v1/chat/completions", json={"model": "career", "messages": messages}).json()
    assert (answer["status"], answer["cut"]) == ("partial", True)
    assert answer["text"].startswith("Milvus is a vector database. [1]")
    assert completion["choices"][0]["finish_reason"] == "length"


def test_row_16_a_length_that_is_too_large_is_refused_unread(tmp_path: Path) -> None:
    with serving(create_app(fake_runtime(Settings(home=tmp_path)))) as address:
        here = "Host: localhost\r\n"
        fields = f"{here}Content-Type: application/json\r\nContent-Length: 10000000000\r\n"
        assert b" 413 " in said_to(address, f"POST /api/ask HTTP/1.1\r\n{fields}\r\n".encode())
        many = "".join(f"X-{n}: {'y' * 1000}\r\n" for n in range(300))
        flood = f"GET /livez HTTP/1.1\r\n{here}{many}\r\n"
        reply = said_to(address, flood.encode())
        assert reply == b"" or reply.split(b" ")[1] in {b"400", b"431"}
        assert httpx.get(f"{address}/livez").status_code == 200


def said_to(address: str, request: bytes) -> bytes:
    """The first line of the reply, which must come although the request is not all there."""
    host = urlsplit(address)
    with socket.create_connection((host.hostname, host.port or 0), timeout=5) as connection:
        try:
            connection.sendall(request)
            return connection.recv(4096).split(b"\r\n")[0]
        except ConnectionError:
            return b""


def wait_for(done: Any, seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def alive(client: httpx.Client, address: str) -> bool:
    try:
        return client.get(f"{address}/livez").status_code == 200
    except httpx.ConnectError:
        return False
