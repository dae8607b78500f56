"""Hours of ordinary use, shortened: errors, memory that grows, latency that drifts, at a share of what the machine can.

    python -m tests.benchmarks.soak [--minutes 30] [--load 0.7] [--real] [--json FILE]

First the service is asked as fast as it answers, to know its pace; then requests come at `--load` of that pace, at
random moments, searches mostly, with asks (whole, streamed, left half way), documents read, votes and a document that
keeps changing. Warm-up is the first fifth. Memory is the resident set of the service and its children; its slope is a
least squares line over samples of each second. Drift compares the 99th percentile of the last third with that of the
first after warm-up, of all visits and, in `kinds_p99_ms`, of each kind by itself. A machine whose own speed wanders
moves it too: so afterwards the aged service and a fresh one are visited in turns (`beside_fresh_ms`). By default the
vectors are hashed words and answers are quotations; `--real` takes the models and the index of this machine, whose
documents stay as they are, and compares with nothing.
"""

import argparse
import json
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

import httpx
import numpy as np

from ingest.build import build
from service.settings import Settings
from tests.benchmarks.http import ROOT, opened, questions
from tests.benchmarks.visitors import Took, p50_ms, p99_ms, pace, visits
from tests.doubles import FakeEmbedder
from tests.service.http_model_free import ADMIN_KEYS

WARM_UP = 0.2
TURNS, TURN_S = 4, 60.0


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
    beside_fresh_ms: dict[str, tuple[float, float]] = field(default_factory=dict)
    """Percentiles of the aged service and of a fresh one, in turns of a minute after the end."""


def soak(address: str, pid: int, soaked: Soak, load: float, asked: Sequence[str]) -> Soak:
    soaked.pace_per_s = pace(address, asked, min(30.0, soaked.minutes * 12), 4)
    memory: list[tuple[float, float]] = []

    def look(at: float) -> None:
        if not memory or at - memory[-1][0] >= 1:
            memory.append((at, resident_mb(pid)))

    took, soaked.errors = visits(address, asked, soaked.pace_per_s * load, soaked.minutes * 60, look)
    return summed(soaked, took, memory)


def compare(old: str, fresh: str, asked: Sequence[str], load: float, soaked: Soak) -> None:
    """The service that has aged and one just started, at the same load, in turns; the first of each warms it up."""
    spent: dict[str, list[Took]] = {old: [], fresh: []}
    turn_s = min(TURN_S, soaked.minutes * 6)
    for turn in range(TURNS):
        for address, took in spent.items():
            found, errors = visits(address, asked, soaked.pace_per_s * load, turn_s)
            took += found if turn else []
            soaked.errors += errors
    soaked.beside_fresh_ms = {
        "p50": (p50_ms(spent[old]), p50_ms(spent[fresh])),
        "p99": (p99_ms(spent[old]), p99_ms(spent[fresh])),
    }


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
    soaked.p50_ms = p50_ms(steady)
    soaked.p99_ms = p99_ms(steady)
    soaked.drift = p99_ms(last) / p99_ms(first) - 1
    for kind in sorted({visit.kind for visit in first} & {visit.kind for visit in last}):
        early, late = ([visit for visit in part if visit.kind == kind] for part in (first, last))
        soaked.kinds_p99_ms[kind] = (round(p99_ms(early), 1), round(p99_ms(late), 1))
    return soaked


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
        role = "real" if given.real else "model-free"
        with served(role, Path(name)) as (address, pid):
            soaked = soak(address, pid, Soak(given.minutes), given.load, questions(400))
            if not given.real:
                build([ROOT / "seeds"], Settings(home=Path(name) / "fresh"), FakeEmbedder())
                with served(role, Path(name) / "fresh") as (fresh, _):
                    compare(address, fresh, questions(400), given.load, soaked)
    print(json.dumps(asdict(soaked), indent=1))
    if given.json:
        given.json.write_text(json.dumps(asdict(soaked)), "utf-8")
    raise SystemExit(bool(soaked.errors or soaked.slope_mb_h >= 2 or soaked.drift > 0.1))


if __name__ == "__main__":
    main()
