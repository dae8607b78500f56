"""At the edge of the service: names it does not answer to, bodies that trickle, what is left of a minute."""

import contextlib
import hashlib
import re
import socket
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from fastapi.testclient import TestClient

from service import middleware
from service.access import Buckets
from service.app import create_app
from service.quotas import Quota, quota_headers
from service.settings import Settings
from tests.service.http_fakes import compose, fake_runtime
from tests.service.http_server import serving
from tests.service.test_http_faults import KEYS, USER, is_problem

QUESTION = {"question": "vector databases"}


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost", 200),
        ("LOCALHOST:8000", 200),
        ("career.localhost", 200),
        ("127.0.0.1:8000", 200),
        ("[::1]:8000", 200),
        ("192.168.1.7", 200),
        ("testserver", 200),
        ("team.example", 200),
        ("shop.example:8443", 200),
        ("evil.example", 421),
        ("evil.example:8000", 421),
        ("127.0.0.1.evil.example", 421),
        ("localhost.evil.example", 421),
        ("[::1", 421),
        ("x", 421),
    ],
)
def test_without_keys_a_service_at_home_answers_to_its_own_names(tmp_path: Path, host: str, status: int) -> None:
    sites = ("pk_abcd@https://shop.example",)
    config = Settings(home=tmp_path, cors_origins=("https://team.example:444",), site_keys=sites)
    with TestClient(create_app(fake_runtime(config))) as client:
        for path in ("/api/documents", "/", "/livez", "/widget/v1/embed.js"):
            assert client.get(path, headers={"Host": host}).status_code == status, path
        asked = client.post("/api/ask", json=QUESTION, headers={"Host": host})
    assert asked.status_code == status
    if status == 421:
        assert is_problem(asked, 421)
        assert asked.json()["type"].endswith(":host_refused")


@pytest.mark.parametrize(
    "changes", [{"host": "0.0.0.0"}, {"host": "::"}, {"host": "192.168.1.7"}, {"api_keys": KEYS}], ids=str
)
def test_where_others_may_come_or_keys_are_asked_for_every_name_will_do(tmp_path: Path, changes: Any) -> None:
    with TestClient(create_app(fake_runtime(Settings(home=tmp_path, **changes)))) as client:
        headers = {"Host": "career.example", "X-API-Key": USER}
        assert client.get("/api/documents", headers=headers).status_code == 200


def test_a_real_connection_with_a_foreign_name_is_refused(tmp_path: Path) -> None:
    with serving(create_app(fake_runtime(Settings(home=tmp_path)))) as address:
        assert httpx.get(f"{address}/api/documents").status_code == 200
        assert is_problem(httpx.get(f"{address}/api/documents", headers={"Host": "evil.example"}), 421)
        reply = httpx.post(f"{address}/v1/chat/completions", json={}, headers={"Host": "evil.example"})
    assert (reply.status_code, reply.json()["error"]["code"]) == (421, "host_refused")


def trickle(address: str, path: str, length: int, every_s: float) -> tuple[bytes, float]:
    """What comes back when a body is sent byte by byte, and after how long the connection ends."""
    host = urlsplit(address)
    fields = f"Host: localhost\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n"
    started, said = time.monotonic(), b""
    with socket.create_connection((host.hostname, host.port or 0), timeout=every_s) as connection:
        connection.sendall(f"POST {path} HTTP/1.1\r\n{fields}\r\n{{".encode())
        while time.monotonic() - started < 10:
            try:
                part = connection.recv(4096)
            except TimeoutError:
                with contextlib.suppress(ConnectionError):
                    connection.sendall(b" ")
                continue
            except ConnectionError:  # a last byte crossed the end
                break
            if not part:
                break
            said += part
    return said, time.monotonic() - started


@pytest.mark.parametrize("path", ["/api/ask", "/v1/chat/completions", "/mcp"])
def test_a_body_that_trickles_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    monkeypatch.setattr(middleware, "BODY_S", 0.5)
    with serving(create_app(fake_runtime(Settings(home=tmp_path)))) as address:
        said, seconds = trickle(address, path, 1000, 0.1)
    assert said.startswith(b"HTTP/1.1 408 ")
    assert b"The body came too slowly." in said
    assert 0.4 <= seconds < 5


def test_a_large_body_has_longer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A tenth of a second, and another for each hundred bytes: five hundred in half a second are quick enough."""
    monkeypatch.setattr(middleware, "BODY_S", 0.3)
    monkeypatch.setattr(middleware, "SLOWEST_BODY", 200)

    def slowly() -> Any:
        yield b'{"question": "vector'
        for _ in range(5):
            time.sleep(0.1)
            yield b" " * 100
        yield b'databases"}'

    with serving(create_app(fake_runtime(Settings(home=tmp_path)))) as address:
        headers = {"Content-Type": "application/json"}
        assert httpx.post(f"{address}/api/ask", content=slowly(), headers=headers).status_code == 200


def test_a_slow_answer_is_waited_for_however_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once the body is here, silence of the caller is no trickle."""
    monkeypatch.setattr(middleware, "BODY_S", 0.2)
    settings = Settings(home=tmp_path)
    plain = fake_runtime(settings)
    runtime = fake_runtime(settings, lambda question: [0.6, *compose(plain.retriever, question)])
    with serving(create_app(runtime)) as address:
        for headers in ({}, {"Accept": "text/event-stream"}):
            reply = httpx.post(f"{address}/api/ask", json=QUESTION, headers=headers)
            assert reply.status_code == 200
            assert "answered" in reply.text


def test_what_is_left_of_a_minute_is_told(tmp_path: Path) -> None:
    config = Settings(home=tmp_path, rate_per_minute=3, tokens_per_minute=130)
    with TestClient(create_app(fake_runtime(config))) as client:
        asked = client.post("/api/ask", json=QUESTION).headers
        listed = client.get("/v1/models").headers
        client.get("/api/documents")
        refused = client.get("/api/documents")
        alive = client.get("/livez").headers
    assert asked["ratelimit-policy"] == '"requests";q=3;w=60, "tokens";q=130;w=60'
    assert asked["x-ratelimit-limit-requests"] == "3"
    assert asked["x-ratelimit-remaining-requests"] == "2"
    assert listed["x-ratelimit-remaining-requests"] == "1"
    assert listed["x-ratelimit-limit-tokens"] == "130"
    assert 10 <= int(listed["x-ratelimit-remaining-tokens"]) <= 70  # an answer counts 120
    assert 20 <= float(listed["x-ratelimit-reset-requests"].removesuffix("s")) <= 40
    assert re.fullmatch(r'"requests";r=1;t=\d\d, "tokens";r=\d\d;t=\d\d', listed["ratelimit"])
    assert refused.status_code == 429
    assert refused.headers["x-ratelimit-remaining-requests"] == "0"
    assert "retry-after" in refused.headers
    assert not [name for name in alive if "ratelimit" in name]


def test_a_quota_is_what_its_bucket_holds() -> None:
    now = [0.0]
    buckets = Buckets(60, lambda: now[0])
    assert buckets.quota("a") == Quota(60, 60, 0.0)
    buckets.spend("a", 90)
    assert buckets.quota("a") == Quota(60, 0, 90.0)
    now[0] = 40.5
    assert buckets.quota("a") == Quota(60, 10, 49.5)
    assert Buckets(0, lambda: 0.0).quota("a") is None


def test_each_caller_is_told_of_its_own(tmp_path: Path) -> None:
    site = {"X-Site-Key": "pk_abcd", "Origin": "https://shop.example"}
    config = Settings(
        home=tmp_path,
        api_keys=(f"user:{hashlib.sha256(USER.encode()).hexdigest()}",),
        site_keys=("pk_abcd@https://shop.example",),
        rate_per_minute=50,
        site_rate_per_minute=5,
        tokens_per_minute=0,
    )
    with TestClient(create_app(fake_runtime(config))) as client:
        public = client.get("/api/documents", headers=site).headers
        own = client.get("/api/documents", headers={"X-API-Key": USER}).headers
        nobody = client.get("/api/documents")
    assert public["ratelimit-policy"] == '"requests";q=5;w=60'
    assert (public["x-ratelimit-remaining-requests"], own["x-ratelimit-remaining-requests"]) == ("4", "49")
    assert "RateLimit" in public["access-control-expose-headers"]
    assert "x-ratelimit-limit-tokens" not in own
    assert nobody.status_code == 401
    assert "ratelimit" not in nobody.headers


def test_without_limits_nothing_is_told(tmp_path: Path) -> None:
    config = Settings(home=tmp_path, rate_per_minute=0, tokens_per_minute=0)
    with TestClient(create_app(fake_runtime(config))) as client:
        assert not [name for name in client.get("/api/documents").headers if "ratelimit" in name]


def test_durations_are_written_as_openai_writes_them() -> None:
    quotas = {"requests": Quota(600, 599, 0.1), "tokens": Quota(100_000, 0, 61.5)}
    headers = quota_headers(quotas)
    assert headers["RateLimit"] == '"requests";r=599;t=1, "tokens";r=0;t=62'
    assert headers["x-ratelimit-reset-requests"] == "0.1s"
    assert headers["x-ratelimit-reset-tokens"] == "1m1.5s"
    assert quota_headers({"requests": Quota(1, 1, 0.0)})["x-ratelimit-reset-requests"] == "0s"
