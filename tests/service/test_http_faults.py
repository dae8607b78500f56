"""What callers get wrong or try on: numbers in the names of the tests are the rows of the fault list they cover."""

import hashlib
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from service.app import create_app
from service.settings import Settings
from tests.service.http_fakes import fake_runtime

JSON = {"Content-Type": "application/json"}
ADMIN, USER = "admin-key", "user-key"
KEYS = tuple(f"{role}:{hashlib.sha256(key.encode()).hexdigest()}" for role, key in (("admin", ADMIN), ("user", USER)))
OPENAI_PATHS = ("/v1/chat/completions", "/v1/embeddings")


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    runtime = fake_runtime(Settings(home=tmp_path_factory.mktemp("home"), rate_per_minute=0, tokens_per_minute=0))
    with TestClient(create_app(runtime), raise_server_exceptions=False) as client:
        yield client


def is_problem(reply: Any, status: int) -> bool:
    body = reply.json()
    return (
        reply.status_code == status
        and reply.headers["content-type"] == "application/problem+json"
        and body["status"] == status
        and set(body) >= {"type", "title", "detail", "instance"}
        and body["instance"].endswith(reply.headers["x-request-id"])
    )


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 422),
        (b"{", 400),
        (b"\xef\xbb\xbf{}", 422),
        ('{"question": "x"}'.encode("utf-16"), 400),
        (b"\xff\xfe\x00", 400),
        (b"[" * 1_00_000, 400),
        (b'{"question": ' + b"[" * 50_000 + b"]" * 50_000 + b"}", 400),
        (b"null", 422),
        (b"[]", 422),
        (b'"text"', 422),
        (b"{}", 422),
        (b'{"question": null}', 422),
        (b'{"question": 3}', 422),
        (b'{"question": ""}', 422),
        (b'{"question": " \\t\\n "}', 422),
        ('{"question": "　　"}'.encode(), 422),
        (b'{"question": "a\\u0000b"}', 422),
        (b'{"question": "\\ud800"}', 422),
        (b'{"question": "x", "deadline_s": NaN}', 422),
        (b'{"question": "x", "deadline_s": Infinity}', 422),
        (b'{"question": "x", "deadline_s": -1}', 422),
        (b'{"question": "x", "deadline_s": 1e400}', 422),
        (b'{"question": "x", "policy": "yolo"}', 422),
        (b'{"question": "x", "lang": "../../etc"}', 422),
        (b'{"question": "x", "surprise": 1}', 422),
        (b'{"question": "x", "history": [{"role": "system", "content": "x"}]}', 422),
        (b'{"question": "x", "filters": {"document_id": []}}', 422),
    ],
)
def test_row_17_bad_bodies(client: TestClient, body: bytes, status: int) -> None:
    reply = client.post("/api/ask", content=body, headers=JSON)
    assert is_problem(reply, status), (reply.status_code, reply.text[:300])


@pytest.mark.parametrize("depth", [100, 300, 900, 990, 2000, 20_000])
@pytest.mark.parametrize("path", ["/api/ask", "/v1/chat/completions"])
def test_row_17_deep_nesting(client: TestClient, path: str, depth: int) -> None:
    for field in (b"filters", b"messages", b"x"):
        body = b'{"question": "x", "model": "career", "' + field + b'": ' + b"[" * depth + b"]" * depth + b"}"
        assert client.post(path, content=body, headers=JSON).status_code in {400, 422}


def test_row_16_too_large(client: TestClient) -> None:
    def endless() -> Iterator[bytes]:
        yield b'{"question": "'
        for _ in range(1000):
            yield b"x" * 10_000

    assert is_problem(client.post("/api/ask", content=b"x" * 300_000, headers=JSON), 413)
    assert is_problem(client.post("/api/ask", content=endless(), headers=JSON), 413)
    assert is_problem(client.post("/api/ask", json={"question": "x" * 2001}), 413)
    history = [{"role": "user", "content": "x"}] * 21
    assert is_problem(client.post("/api/ask", json={"question": "x", "history": history}), 413)
    assert is_problem(client.post("/api/search", json={"query": "x" * 2001}), 413)


@pytest.mark.parametrize(
    "question", ["🙂", "?", "\u200b\u200b.", "\u202eabc", "Ｆｕｌｌ", "ا", "a" * 2000, "\U0010ffff"]
)
def test_row_18_odd_questions_are_answered_or_refused(client: TestClient, question: str) -> None:
    reply = client.post("/api/ask", json={"question": question})
    assert reply.status_code == 200
    assert reply.json()["question"] == question


def test_row_19_unknown_routes_methods_and_types(client: TestClient) -> None:
    assert is_problem(client.get("/api/nothing"), 404)
    assert is_problem(client.get("/../../etc/passwd"), 404)
    assert is_problem(client.get("/widget/v1/..%2f..%2fsettings.py"), 404)
    assert is_problem(client.put("/api/ask"), 405)
    assert is_problem(client.post("/api/ask", content=b"{}", headers={"Content-Type": "text/plain"}), 415)
    assert is_problem(client.post("/api/ask", json={"question": "x"}, headers={"Accept": "text/csv"}), 406)
    assert is_problem(client.get("/api/documents/no-such"), 404)
    missing = client.post("/v1/nothing", json={})
    assert missing.status_code == 404
    assert missing.json()["error"]["type"] == "not_found_error"


def test_a_bug_is_a_problem_without_a_traceback(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    runtime = fake_runtime(Settings(home=tmp_path), lambda _: [RuntimeError("secret path /etc")])
    with TestClient(create_app(runtime), raise_server_exceptions=False) as client, caplog.at_level(logging.ERROR):
        reply = client.post("/api/ask", json={"question": "my private question"}, headers={"X-Request-Id": "abc"})
    assert is_problem(reply, 500)
    assert "secret" not in reply.text
    assert "bug in POST /api/ask" in caplog.text
    assert "private" not in caplog.text


@pytest.mark.parametrize("asked_for", [True, False])
def test_questions_are_logged_only_when_asked_for(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, asked_for: bool
) -> None:
    runtime = fake_runtime(Settings(home=tmp_path, log_questions=asked_for))
    with TestClient(create_app(runtime)) as client, caplog.at_level(logging.DEBUG):
        client.post("/api/ask", json={"question": "am I underpaid?"})
        client.post(
            "/v1/chat/completions", json={"model": "career", "messages": [{"role": "user", "content": "underpaid"}]}
        )
    assert caplog.text.count("underpaid") == (2 if asked_for else 0)


def test_request_ids(client: TestClient) -> None:
    assert client.get("/livez", headers={"X-Request-Id": "Ab-1_2.3"}).headers["x-request-id"] == "Ab-1_2.3"
    for bad in ("x" * 65, "a b", "<script>", "a\tb"):
        given_back = client.get("/livez", headers={"X-Request-Id": bad}).headers["x-request-id"]
        assert given_back != bad
        assert len(given_back) == 32


def test_headers_are_safe(client: TestClient) -> None:
    for path in ("/", "/api/documents", "/livez", "/widget/v1/career-chat.js", "/nothing"):
        headers = client.get(path).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert "server" not in headers or "uvicorn" in headers["server"]
    assert "unsafe" not in client.get("/").headers["content-security-policy"]
    assert client.get("/widget/v1/career-chat.js").headers["access-control-allow-origin"] == "*"


def test_an_unchanged_page_is_not_sent_again(client: TestClient) -> None:
    first = client.get("/")
    again = client.get("/", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    # A policy in the confirmation would replace that of the page in the browser's cache.
    assert "content-security-policy" not in again.headers
