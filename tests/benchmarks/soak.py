"""Hours of ordinary use, shortened: errors, memory that grows, latency that drifts, at a share of what the machine can.

    python -m tests.benchmarks.soak [--minutes 30] [--load 0.7] [--real] [--json FILE]

First the service is asked as fast as it answers, to know its pace; then requests come at `--load` of that pace, at
random moments, searches mostly, with asks (whole, streamed, left half way), documents read, votes and a document that
keeps changing. Warm-up is the first fifth. Memory is the resident set of the service and its children; its slope is a
least squares line over samples of each second. Drift compares the 99th percentile of the last third with that of the
first after warm-up, of all visits and, in `kinds_p99_ms`, of each kind by itself. By default the vectors are hashed
words and answers are quotations; `--real` takes the models and the index of this machine, whose documents stay as they
are.
"""

import argparse
import json
import random
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

import httpx
import numpy as np

from ingest.build import build
from service.settings import Settings
from tests.benchmarks.http import ROOT, opened, questions
from tests.doubles import FakeEmbedder
from tests.service.http_model_free import ADMIN_KEYS, KEY

WARM_UP = 0.2
CLIENTS = 16
MIX = (("search", 60), ("ask", 12), ("stream", 10), ("leave", 5), ("read", 10), ("vote", 2), ("change", 1))
STREAM = {"Accept": "text/event-stream"}


@dataclass
class Soak:
    """`slope_mb_h` and `drift` are after warm-up; `drift` 0.1 is ten per cent slower at the 99th percentile."""

    minutes: float
    pace_per_s: float = 0.0
    requests: int = 0
    errors: Counter[str] = field(default_factory=Counter)
    memory_mb: float = 0.0
    minute_mb: list[float] = field(default_factory=list)
    slope_mb_h: float = 0.0
    p50_ms: float = 0.0
    p99_ms: float = 0.0
    drift: float = 0.0
    kinds_p99_ms: dict[str, tuple[float, float]] = field(default_factory=dict)
    """Of each kind of visit, in the first third after warm-up and in the last."""


@dataclass(frozen=True, slots=True)
class Took:
    """A visit: when it began, and how long it was, in seconds from the start."""

    kind: str
    at: float
    spent: float


class Visitor:
    """One client with its connection; `visit` does one thing of the mix and raises what is wrong."""

    def __init__(self, address: str, asked: Sequence[str], seed: int) -> None:
        self._client = httpx.Client(base_url=address, headers=KEY, timeout=120)
        self._asked = asked
        self._random = random.Random(seed)
        self._may_change = self._client.get("/api/jobs/x").status_code == 404  # 403 without an admin's key
        self._documents = [item["id"] for item in self._client.get("/api/documents").json()["documents"]]

    def choose(self) -> str:
        mix = MIX if self._may_change else MIX[:-1]
        return self._random.choices([kind for kind, _ in mix], [weight for _, weight in mix])[0]

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

    def run(number: int) -> None:
        visitor = Visitor(address, asked, number)
        while time.monotonic() < end:
            visitor.visit(visitor.choose())
            done[number] += 1

    with ThreadPoolExecutor(clients) as pool:
        for future in [pool.submit(run, number) for number in range(clients)]:
            future.result()
    return done.total() / seconds


def soak(address: str, pid: int, soaked: Soak, load: float, asked: Sequence[str]) -> Soak:
    soaked.pace_per_s = pace(address, asked, min(30.0, soaked.minutes * 12), 4)
    began, end = time.monotonic(), time.monotonic() + soaked.minutes * 60
    took: list[Took] = []
    memory: list[tuple[float, float]] = []
    visitors = threading.local()
    seeds = iter(range(1000, 10**9))

    def visit() -> None:
        if not hasattr(visitors, "one"):
            visitors.one = Visitor(address, asked, next(seeds))
        kind, started = visitors.one.choose(), time.monotonic()
        try:
            visitors.one.visit(kind)
        except (AssertionError, httpx.HTTPError) as error:
            soaked.errors[f"{type(error).__name__} {error}"[:160]] += 1
        took.append(Took(kind, started - began, time.monotonic() - started))

    chance = random.Random(7)
    with ThreadPoolExecutor(CLIENTS) as pool:
        due = began
        while due < end:
            time.sleep(max(0.0, due - time.monotonic()))
            pool.submit(visit)
            if not memory or time.monotonic() - began - memory[-1][0] >= 1:
                memory.append((time.monotonic() - began, resident_mb(pid)))
            due += chance.expovariate(soaked.pace_per_s * load)
    return summed(soaked, took, memory)


def summed(soaked: Soak, took: Sequence[Took], memory: Sequence[tuple[float, float]]) -> Soak:
    """Figures of what came after the warm-up."""
    length = soaked.minutes * 60
    third = length * (1 - WARM_UP) / 3
    steady = [visit for visit in took if visit.at >= length * WARM_UP]
    first = [visit for visit in steady if visit.at < length * WARM_UP + third]
    last = [visit for visit in steady if visit.at >= length - third]
    at, mb = np.array([sample for sample in memory if sample[0] >= length * WARM_UP]).T
    soaked.requests = len(took)
    soaked.memory_mb = float(mb[-1])
    soaked.minute_mb = [
        round(statistics.median(mb for at, mb in memory if minute <= at / 60 < minute + 1), 1)
        for minute in range(int(soaked.minutes))
    ]
    soaked.slope_mb_h = float(np.polyfit(at, mb, 1)[0] * 3600)
    soaked.p50_ms = statistics.median(visit.spent for visit in steady) * 1000
    soaked.p99_ms = p99_ms(steady)
    soaked.drift = p99_ms(last) / p99_ms(first) - 1
    for kind in sorted({visit.kind for visit in first} & {visit.kind for visit in last}):
        early, late = ([visit for visit in part if visit.kind == kind] for part in (first, last))
        soaked.kinds_p99_ms[kind] = (round(p99_ms(early), 1), round(p99_ms(late), 1))
    return soaked


def p99_ms(visits: Sequence[Took]) -> float:
    return float(np.percentile([visit.spent for visit in visits], 99)) * 1000


def resident_mb(pid: int) -> float:
    """Of a process and those it started."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    own = int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4096 / 2**20
    return own + sum(resident_mb(int(child)) for child in children if Path(f"/proc/{child}").exists())


def serve(role: str, home: Path, port: int) -> None:
    import uvicorn

    from service.app import create_app

    if role == "real":
        uvicorn.run(create_app(Settings.load()), port=port, log_level="error", access_log=False)
        return
    with opened(home, api_keys=ADMIN_KEYS) as runtime:
        uvicorn.run(create_app(runtime), port=port, log_level="error", access_log=False)


@contextmanager
def served(role: str, home: Path) -> Iterator[tuple[str, int]]:
    """(address, pid) of the service, once it is ready."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    command = [sys.executable, "-m", "tests.benchmarks.soak", "--serve", role, str(home), str(port)]
    with subprocess.Popen(command, cwd=ROOT) as process:
        try:
            address = f"http://127.0.0.1:{port}"
            for _ in range(1200):
                try:
                    if httpx.get(f"{address}/readyz").status_code == 200:
                        break
                except httpx.TransportError:
                    pass
                time.sleep(0.2)
            yield address, process.pid
        finally:
            process.kill()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--load", type=float, default=0.7)
    parser.add_argument("--real", action="store_true")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--serve", nargs=3, metavar=("ROLE", "HOME", "PORT"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.serve:
        serve(given.serve[0], Path(given.serve[1]), int(given.serve[2]))
        return
    with tempfile.TemporaryDirectory() as name:
        if not given.real:
            build([ROOT / "seeds"], Settings(home=Path(name)), FakeEmbedder())
        with served("real" if given.real else "model-free", Path(name)) as (address, pid):
            soaked = soak(address, pid, Soak(given.minutes), given.load, questions(400))
    print(json.dumps(asdict(soaked), indent=1))
    if given.json:
        given.json.write_text(json.dumps(asdict(soaked)), "utf-8")
    raise SystemExit(bool(soaked.errors or soaked.slope_mb_h >= 2 or soaked.drift > 0.1))


if __name__ == "__main__":
    main()
