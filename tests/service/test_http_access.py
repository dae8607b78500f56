"""Keys, origins, rates and odd values, each a test."""

import json
import logging
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from service.access import Buckets, Right, needed
from service.app import create_app
from service.composing import Composer
from service.settings import Settings
from service.types import Policy, Retrieval
from tests.service.http_fakes import answer_of, fake_runtime
from tests.service.test_http_faults import (
    ADMIN as ADMIN,
)
from tests.service.test_http_faults import (
    JSON as JSON,
)
from tests.service.test_http_faults import (
    KEYS as KEYS,
)
from tests.service.test_http_faults import (
    OPENAI_PATHS as OPENAI_PATHS,
)
from tests.service.test_http_faults import (
    USER as USER,
)
from tests.service.test_http_faults import (
    client as client,
)
from tests.service.test_http_faults import (
    is_problem as is_problem,
)


@pytest.fixture
def keyed(tmp_path: Path) -> Iterator[TestClient]:
    sites = ("pk_abcd@https://shop.example",)
    config = Settings(home=tmp_path, api_keys=KEYS, site_keys=sites, cors_origins=("https://team.example",))
    with TestClient(create_app(fake_runtime(config))) as client:
        yield client


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


def test_row_29_keys(keyed: TestClient, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        for path in ("/", "/docs", "/openapi.json", "/metrics", "/version", "/v1/models", "/api/documents"):
            assert keyed.get(path).status_code == 401, path
            assert keyed.get(path, headers=bearer("wrong")).status_code == 401
            assert keyed.get(path, headers=bearer(USER)).status_code == 200, path
            assert keyed.get(path, headers={"X-API-Key": USER}).status_code == 200
        for path in ("/livez", "/readyz", "/healthz", "/widget/v1/embed.js"):
            assert keyed.get(path).status_code == 200
        assert keyed.delete("/api/documents/en-doc", headers=bearer(USER)).status_code == 403
        refusal = keyed.post("/v1/chat/completions", json={}, headers=bearer("wrong"))
        assert refusal.json()["error"]["type"] == "authentication_error"
        assert refusal.headers["www-authenticate"] == "Bearer"
    assert USER not in caplog.text
    assert ADMIN not in caplog.text
    assert "wrong" not in caplog.text


def test_changing_documents_is_closed_without_keys(client: TestClient) -> None:
    assert is_problem(client.post("/api/documents?name=x.md", content=b"x"), 403)
    assert is_problem(client.delete("/api/documents/en-doc"), 403)
    assert is_problem(client.get("/api/jobs/1"), 403)


def test_row_30_site_keys_are_bound_to_origins_and_routes(keyed: TestClient) -> None:
    site = {"X-Site-Key": "pk_abcd", "Origin": "https://shop.example"}
    reply = keyed.post("/api/ask", json={"question": "vector"}, headers=site)
    assert reply.status_code == 200
    assert reply.headers["access-control-allow-origin"] == "https://shop.example"
    assert keyed.get("/api/documents/en-doc", headers=site).status_code == 200
    for wrong in ({**site, "Origin": "https://evil.example"}, {**site, "Origin": "null"}, {"X-Site-Key": "pk_abcd"}):
        assert keyed.post("/api/ask", json={"question": "x"}, headers=wrong).status_code == 403
    assert keyed.get("/metrics", headers=site).status_code == 403
    assert keyed.post("/v1/embeddings", json={"model": "career", "input": "x"}, headers=site).status_code == 403
    assert keyed.delete("/api/documents/en-doc", headers=site).status_code == 403


POLICIES = ("strict", "flag", "off")


@pytest.mark.parametrize(
    ("own", "allowed"), [("strict", {"strict"}), ("flag", {"strict", "flag"}), ("off", set(POLICIES))]
)
def test_a_public_key_asks_for_no_laxer_policy(tmp_path: Path, own: str, allowed: set[str]) -> None:
    sites = ("pk_abcd@https://shop.example",)
    config = Settings(home=tmp_path, api_keys=KEYS, site_keys=sites, policy=Policy(own))
    runtime = fake_runtime(config)
    with TestClient(create_app(runtime)) as client:
        site = {"X-Site-Key": "pk_abcd", "Origin": "https://shop.example"}
        for policy in POLICIES:
            asked = {"question": "vector", "policy": policy}
            reply = client.post("/api/ask", json=asked, headers=site)
            if policy in allowed:
                assert (reply.status_code, runtime.answerer.asked[-1].policy) == (200, Policy(policy))
            else:
                assert is_problem(reply, 403)
                assert reply.json()["detail"] == f"With a site key the policy is `{own}` or a stricter one."
            assert client.post("/api/ask", json=asked, headers=bearer(USER)).status_code == 200
        assert client.post("/api/ask", json={"question": "vector"}, headers=site).status_code == 200
    assert len(runtime.answerer.asked) == len(allowed) + 4


def test_row_30_cors_is_denied_by_default(client: TestClient, keyed: TestClient) -> None:
    preflight = {"Origin": "https://team.example", "Access-Control-Request-Method": "POST"}
    assert "access-control-allow-origin" not in client.options("/api/ask", headers=preflight).headers
    allowed = keyed.options("/api/ask", headers=preflight).headers
    assert allowed["access-control-allow-origin"] == "https://team.example"
    assert "access-control-allow-credentials" not in allowed
    for origin in ("https://evil.example", "null", "https://team.example.evil.example"):
        headers = {**preflight, "Origin": origin}
        assert "access-control-allow-origin" not in keyed.options("/api/ask", headers=headers).headers


def test_row_31_rates(tmp_path: Path) -> None:
    runtime = fake_runtime(Settings(home=tmp_path, rate_per_minute=3))
    with TestClient(create_app(runtime)) as client:
        statuses = [client.get("/api/documents").status_code for _ in range(5)]
        refusal = client.get("/api/documents")
        assert statuses == [200, 200, 200, 429, 429]
        assert 1 <= int(refusal.headers["retry-after"]) <= 21
        assert client.get("/livez").status_code == 200


def test_buckets_refill_and_forget() -> None:
    now = [0.0]
    buckets = Buckets(60, lambda: now[0], most=2)
    assert [buckets.take("a") for _ in range(60)] == [0.0] * 60
    assert buckets.take("a") == pytest.approx(1.0)
    now[0] = 1.0
    assert buckets.take("a") == 0.0
    assert buckets.take("b") == buckets.take("c") == 0.0
    assert buckets.take("a") == 0.0  # forgotten, so full again
    assert len(buckets._levels) == 2


@pytest.mark.parametrize(
    ("method", "path", "right"),
    [
        ("GET", "/livez", Right.NOTHING),
        ("GET", "/livez/x", Right.USER),
        ("POST", "/api/ask", Right.SITE),
        ("POST", "/api/ask/", Right.USER),
        ("GET", "/api/documents/a/b", Right.SITE),
        ("POST", "/api/documents/", Right.ADMIN),
        ("DELETE", "/api/documents/a", Right.ADMIN),
        ("GET", "/api/jobs/a", Right.ADMIN),
        ("GET", "/anything/new", Right.USER),
    ],
)
def test_what_is_not_listed_needs_a_user(method: str, path: str, right: Right) -> None:
    assert needed(method, path) is right


def test_feedback_on_an_unknown_answer(client: TestClient) -> None:
    assert is_problem(client.post("/api/feedback", json={"answer_id": "nope", "rating": "up"}), 404)
    assert is_problem(client.post("/api/feedback", json={"answer_id": "nope", "rating": "meh"}), 422)


def test_metrics_count_by_route_pattern(client: TestClient) -> None:
    client.get("/api/documents/private-name-of-a-document")
    text = client.get("/metrics").text
    assert 'route="/api/documents/{document_id:path}"' in text
    assert "private-name" not in text
    for name in ("time_to_first_token_seconds", "abstained_total", "sentences_total", "requests_running"):
        assert f"rag_{name}" in text


def test_readiness_tells_the_truth(tmp_path: Path) -> None:
    app = create_app(Settings(home=tmp_path / "empty", models_dir=tmp_path / "no-models"))
    with TestClient(app) as client:
        assert client.get("/livez").json() == {"status": "ok"}
        reply = client.get("/readyz")
        assert is_problem(reply, 503)
        assert "retry-after" in reply.headers
        assert client.post("/api/ask", json={"question": "x"}).status_code == 503
        assert client.post("/v1/embeddings", json={"model": "career", "input": "x"}).status_code == 503


def remember_example_answer(client: TestClient) -> None:
    """The answer that the example of a vote judges: ids are random, so it has to be put there."""
    answer = answer_of("q", "en", Composer("en"), Retrieval((), 1.0))
    client.app.state.web.asks.remember(replace(answer, id="a1b2"))  # type: ignore[attr-defined]


def test_openapi_examples_run(client: TestClient) -> None:
    schema = client.get("/openapi.json").json()
    remember_example_answer(client)
    ran = 0
    for path, methods in schema["paths"].items():
        content = methods.get("post", {}).get("requestBody", {}).get("content", {}).get("application/json")
        if not content:
            continue
        name = content["schema"]["$ref"].rsplit("/", 1)[1]
        for example in schema["components"]["schemas"][name]["examples"]:
            assert client.post(path, json=example).status_code in {200, 204}, (path, example)
            ran += 1
    assert ran >= 8
    references = json.dumps(schema).split('"$ref": "#/components/schemas/')[1:]
    assert {part.split('"')[0] for part in references} <= set(schema["components"]["schemas"])


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)
FIELDS = ("question", "query", "k", "lang", "history", "filters", "deadline_s", "policy", "messages", "model", "input")


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    path=st.sampled_from(["/api/ask", "/api/search", "/api/feedback", *OPENAI_PATHS]),
    body=st.dictionaries(st.sampled_from(FIELDS), VALUES, max_size=6) | VALUES,
)
def test_row_17_fuzz_never_fails_on_our_side(client: TestClient, path: str, body: Any) -> None:
    reply = client.post(path, content=json.dumps(body).encode(), headers=JSON)
    assert reply.status_code in {200, 204, 400, 404, 413, 422}
    assert "Traceback" not in reply.text
