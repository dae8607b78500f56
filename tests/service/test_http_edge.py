"""At the edge of the service: what is left of a minute."""

import hashlib
import re
from pathlib import Path

from fastapi.testclient import TestClient

from service.access import Buckets
from service.app import create_app
from service.quotas import Quota, quota_headers
from service.settings import Settings
from tests.service.http_fakes import fake_runtime
from tests.service.test_http_faults import USER

QUESTION = {"question": "vector databases"}


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
