"""Visitors of a running service: what they do and how often, as fast as they can or at a pace, and what each took."""

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import httpx
import numpy as np

from tests.service.http_model_free import KEY

CLIENTS = 16
MIX = (("search", 60), ("ask", 12), ("stream", 10), ("leave", 5), ("read", 10), ("vote", 2), ("change", 1))
STREAM = {"Accept": "text/event-stream"}


@dataclass(frozen=True, slots=True)
class Took:
    """A visit: when it began, and how long it was, in seconds from the start."""

    kind: str
    at: float
    spent: float


class Deck:
    """What is done next: each hundred visits are the mix itself, in an order of their own, so that stretches of a run
    differ in speed and not in what was asked of it. Threads share one."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._left: list[str] = []
        self._lock = threading.Lock()

    def draw(self) -> str:
        with self._lock:
            if not self._left:
                self._left = [kind for kind, times in MIX for _ in range(times)]
                self._random.shuffle(self._left)
            return self._left.pop()


class Visitor:
    """One client with its connection; `visit` does one thing of the mix and raises what is wrong."""

    def __init__(self, address: str, asked: Sequence[str], seed: int, deck: Deck | None = None) -> None:
        self._deck = deck or Deck(seed)
        self._client = httpx.Client(base_url=address, headers=KEY, timeout=120)
        self._asked = asked
        self._random = random.Random(seed)
        self._may_change = self._client.get("/api/jobs/x").status_code == 404  # 403 without an admin's key
        self._documents = [item["id"] for item in self._client.get("/api/documents").json()["documents"]]

    def choose(self) -> str:
        kind = self._deck.draw()
        return kind if kind != "change" or self._may_change else "search"

    def visit(self, kind: str) -> None:
        getattr(self, f"_{kind}")()

    def _question(self) -> str:
        return self._random.choice(self._asked)

    def _search(self) -> None:
        self._ok(self._client.post("/api/search", json={"query": self._question()}))

    def _ask(self) -> httpx.Response:
        return self._ok(self._client.post("/api/ask", json={"question": self._question()}))

    def _stream(self) -> None:
        with self._client.stream("POST", "/api/ask", json={"question": self._question()}, headers=STREAM) as reply:
            if not reply.read().rstrip().split(b"\n\n")[-1].startswith(b"event: answer"):
                raise AssertionError("a stream without its answer")

    def _leave(self) -> None:
        with self._client.stream("POST", "/api/ask", json={"question": self._question()}, headers=STREAM) as reply:
            next(reply.iter_raw(64))

    def _read(self) -> None:
        self._ok(self._client.get(f"/api/documents/{self._random.choice(self._documents)}"))

    def _vote(self) -> None:
        answer = self._ask().json()
        self._ok(self._client.post("/api/feedback", json={"answer_id": answer["id"], "rating": "up"}))

    def _change(self) -> None:
        text = f"# Soak\n\nThe number of this visit is {self._random.random()}.\n"
        reply = self._ok(self._client.post("/api/documents", params={"name": "soak.md"}, content=text.encode()))
        while (job := self._client.get(reply.headers["location"]).json())["state"] in {"queued", "running"}:
            time.sleep(0.05)
        if job["state"] != "done" and "same content" not in job["detail"]:
            raise AssertionError(job["detail"])

    def _ok(self, reply: httpx.Response) -> httpx.Response:
        if reply.status_code >= 300:
            raise AssertionError(f"{reply.status_code} {reply.text[:120]}")
        return reply


def pace(address: str, asked: Sequence[str], seconds: float, clients: int) -> float:
    """Visits a second when nobody waits in between."""
    end = time.monotonic() + seconds
    done = Counter[int]()
    deck = Deck(0)

    def run(number: int) -> None:
        visitor = Visitor(address, asked, number, deck)
        while time.monotonic() < end:
            visitor.visit(visitor.choose())
            done[number] += 1

    with ThreadPoolExecutor(clients) as pool:
        for future in [pool.submit(run, number) for number in range(clients)]:
            future.result()
    return done.total() / seconds


def visits(
    address: str,
    asked: Sequence[str],
    per_s: float,
    seconds: float,
    look: Callable[[float], None] = lambda at: None,
    *,
    seed: int = 0,
) -> tuple[list[Took], Counter[str]]:
    """Visits at random moments, so many a second, until the last has ended, and the errors that were met; `look` is
    called with the time of each. Another `seed`, other visits."""
    began = time.monotonic()
    took: list[Took] = []
    errors: Counter[str] = Counter()
    visitors = threading.local()
    seeds = iter(range((seed + 1) * 1000, (seed + 2) * 1000))
    deck = Deck(seed)

    def visit() -> None:
        if not hasattr(visitors, "one"):
            visitors.one = Visitor(address, asked, next(seeds), deck)
        kind, started = visitors.one.choose(), time.monotonic()
        try:
            visitors.one.visit(kind)
        except (AssertionError, httpx.HTTPError) as error:
            errors[f"{type(error).__name__} {error}"[:160]] += 1
        took.append(Took(kind, started - began, time.monotonic() - started))

    chance = random.Random(seed)
    with ThreadPoolExecutor(CLIENTS) as pool:
        due = began
        while due < began + seconds:
            time.sleep(max(0.0, due - time.monotonic()))
            pool.submit(visit)
            look(time.monotonic() - began)
            due += chance.expovariate(per_s)
    return took, errors


def p99_ms(visits: Sequence[Took]) -> float:
    return float(np.percentile([visit.spent for visit in visits], 99)) * 1000


def p50_ms(visits: Sequence[Took]) -> float:
    return float(np.median([visit.spent for visit in visits])) * 1000
