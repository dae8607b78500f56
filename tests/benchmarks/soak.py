"""Hours of ordinary use, shortened: errors, memory that grows, latency that drifts, at a share of what the machine can.

    python -m tests.benchmarks.soak [--minutes 30] [--load 0.7] [--real] [--json FILE]

Requests come at `--load` of the pace the machine can bear, at random moments, searches mostly, with asks (whole,
streamed, left half way), documents read, votes and a document that keeps changing. A machine's speed wanders, and near
its limit a tenth less speed makes the slowest wait half as long again: so every three minutes a second service, which
nobody uses otherwise, is asked as fast as it answers, and the load follows that pace, never the aged service's own.

Warm-up is the first fifth. Memory is the resident set of the service and its children; its slope is a least squares
line over samples of each second. Drift compares the 99th percentile of the last third with that of the first after
warm-up, of all visits and, in `kinds_p99_ms`, of each kind by itself; `drift_at_its_pace` is what of it the machine's
own slowing does not explain, as at a constant share of its pace all takes longer in proportion. Afterwards both
services are visited in turns (`beside_fresh_ms`).

By default the vectors are hashed words and answers are quotations; `--real` takes the models and the index of this
machine, whose documents stay as they are; its pace is its own, once, and it is compared with nothing.
"""

import argparse
import json
import math
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
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
SEGMENT_S, PACE_S = 180.0, 15.0


@dataclass
class Soak:
    """`slope_mb_h` and `drift` are after warm-up; `drift` 0.1 is ten per cent slower at the 99th percentile."""

    minutes: float
    paces_per_s: list[float] = field(default_factory=list)
    """What the machine could bear, before each stretch of the soak."""
    requests: int = 0
    errors: Counter[str] = field(default_factory=Counter)
    memory_mb: float = 0.0
    minute_mb: list[float] = field(default_factory=list)
    slope_mb_h: float = 0.0
    p50_ms: float = 0.0
    p99_ms: float = 0.0
    drift: float = 0.0
    drift_at_its_pace: float = 0.0
    kinds_p99_ms: dict[str, tuple[float, float]] = field(default_factory=dict)
    """Of each kind of visit, in the first third after warm-up and in the last."""
    beside_fresh_ms: dict[str, tuple[float, float]] = field(default_factory=dict)
    """Percentiles of the aged service and of a fresh one, in turns of a minute after the end."""

    @property
    def bearable_per_s(self) -> float:
        """The mean of the last three paces: one by itself wanders."""
        return statistics.fmean(self.paces_per_s[-3:])


def soak(address: str, pid: int, soaked: Soak, load: float, asked: Sequence[str], *, fresh: str = "") -> Soak:
    """`fresh` is the service whose pace the load follows; without one, this service's own pace at the beginning."""
    memory: list[tuple[float, float]] = []
    took: list[Took] = []
    whole = soaked.minutes * 60
    length = min(SEGMENT_S, whole / 10) if fresh else whole
    for segment in range(round(whole / length)):
        began = segment * length

        def look(at: float, began: float = began) -> None:
            if not memory or began + at - memory[-1][0] >= 1:
                memory.append((began + at, resident_mb(pid)))

        soaked.paces_per_s.append(round(pace(fresh or address, asked, min(PACE_S, length), 4), 1))
        found, errors = visits(address, asked, soaked.bearable_per_s * load, length, look, seed=segment)
        took += [replace(visit, at=began + visit.at) for visit in found]
        soaked.errors += errors
    return summed(soaked, took, memory)


def compare(old: str, fresh: str, asked: Sequence[str], load: float, soaked: Soak) -> None:
    """The service that has aged and one just started, at the same load, in turns; the first of each warms it up."""
    spent: dict[str, list[Took]] = {old: [], fresh: []}
    turn_s = min(TURN_S, soaked.minutes * 6)
    for turn in range(TURNS):
        for address, took in spent.items():
            found, errors = visits(address, asked, soaked.bearable_per_s * load, turn_s, seed=100 + turn)
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
    slowed = pace_between(soaked, length * WARM_UP, length * WARM_UP + third) / pace_between(soaked, length - third)
    soaked.drift_at_its_pace = (1 + soaked.drift) / slowed - 1
    for kind in sorted({visit.kind for visit in first} & {visit.kind for visit in last}):
        early, late = ([visit for visit in part if visit.kind == kind] for part in (first, last))
        soaked.kinds_p99_ms[kind] = (round(p99_ms(early), 1), round(p99_ms(late), 1))
    return soaked


def pace_between(soaked: Soak, start: float, end: float = math.inf) -> float:
    """The mean pace of the stretches of which the better half lies in [start, end) seconds."""
    stretch = soaked.minutes * 60 / len(soaked.paces_per_s)
    paces = [pace for i, pace in enumerate(soaked.paces_per_s) if start <= (i + 0.5) * stretch < end]
    return statistics.fmean(paces or soaked.paces_per_s)


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


def real(minutes: float, load: float) -> Soak:
    with served("real", Path()) as (address, pid):
        return soak(address, pid, Soak(minutes), load, questions(400))


def beside_fresh(home: Path, minutes: float, load: float) -> Soak:
    asked = questions(400)
    for role in ("aged", "fresh"):
        build([ROOT / "seeds"], Settings(home=home / role), FakeEmbedder())
    with served("model-free", home / "aged") as (aged, pid), served("model-free", home / "fresh") as (fresh, _):
        soaked = soak(aged, pid, Soak(minutes), load, asked, fresh=fresh)
        compare(aged, fresh, asked, load, soaked)
    return soaked


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
        soaked = real(given.minutes, given.load) if given.real else beside_fresh(Path(name), given.minutes, given.load)
    print(json.dumps(asdict(soaked), indent=1))
    if given.json:
        given.json.write_text(json.dumps(asdict(soaked)), "utf-8")
    raise SystemExit(bool(soaked.errors or soaked.slope_mb_h >= 2 or soaked.drift > 0.1))


if __name__ == "__main__":
    main()
