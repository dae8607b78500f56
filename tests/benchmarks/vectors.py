"""Index of vectors: recall, latency, memory and build time against exact search and txtai, same vectors, same run.

    python -m tests.benchmarks.vectors [--rows 10000,100000,1000000] [--memory-mb 1536] [--with exact,ours,txtai]

Vectors of 768 dimensions are drawn around seeded centres, one for each 200 rows, by blocks, into a file that all map.
Each contender builds and answers in a process of its own: memory is what its own pages grew by, the file's not counted.
txtai runs with its defaults where it can be imported (`pip install --no-deps txtai` is enough); it needs no model.
"""

import argparse
import ctypes
import gc
import importlib.util
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from indexes.threads import import_sleeping
from indexes.types import Vectors
from indexes.vectorkinds import IndexLimits
from indexes.vectors import FaissStore

DIMENSION = 768
NOISE = 0.7
"""Length of what is added to a centre of length 1: rows of one cluster have a cosine of about two thirds."""
_BLOCK = 20_000
_K = 10
_SHARES = (0.01, 0.1, 0.5)

Search = Callable[[Vectors, int], list[int]]


@dataclass(frozen=True, slots=True)
class Measured:
    """`found` are the rows for each query, best first; `filtered` is (share allowed, recall, median ms)."""

    kind: str
    build_s: float
    memory_mb: float
    ms: list[float]
    found: list[list[int]]
    filtered: list[tuple[float, float, float]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", default="10000,100000,1000000")
    parser.add_argument("--queries", type=int, default=200)
    parser.add_argument("--memory-mb", type=int, default=IndexLimits().memory_mb)
    parser.add_argument("--with", dest="contenders", default="exact,ours,txtai")
    parser.add_argument("--scratch", type=Path, help="folder for the vectors (3 GB for a million); default: temporary")
    parser.add_argument("--child", nargs=2, metavar=("CONTENDER", "ROWS"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        name, rows = arguments.child
        measured = measure(name, arguments.scratch, int(rows), arguments.queries, arguments.memory_mb)
        print(json.dumps(asdict(measured)))
        return
    contenders = [name for name in arguments.contenders.split(",") if _is_there(name)]
    for rows in map(int, arguments.rows.split(",")):
        with tempfile.TemporaryDirectory(dir=arguments.scratch) as folder:
            write_vectors(Path(folder), rows, arguments.queries)
            exact: Measured | None = None
            for name in contenders:
                measured = _in_child(name, Path(folder), rows, arguments)
                exact = measured if name == "exact" else exact
                report(name, rows, measured, exact)


def write_vectors(folder: Path, rows: int, queries: int) -> None:
    """vectors.f32 and queries.f32: other points around the same centres."""
    centres = _unit(np.random.default_rng(0).standard_normal((max(50, rows // 200), DIMENSION), dtype=np.float32))
    for name, count, seed in (("vectors", rows, 1), ("queries", queries, 2)):
        with (folder / f"{name}.f32").open("wb") as file:
            for block in _blocks(centres, count, seed):
                file.write(block.tobytes())


def _blocks(centres: Vectors, count: int, seed: int) -> Iterator[Vectors]:
    random = np.random.default_rng(seed)
    for start in range(0, count, _BLOCK):
        size = min(_BLOCK, count - start)
        noise = random.standard_normal((size, DIMENSION), dtype=np.float32) * np.float32(NOISE / DIMENSION**0.5)
        yield _unit(centres[random.integers(0, len(centres), size)] + noise)


def _unit(rows: Vectors) -> Vectors:
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), np.float32)


def measure(name: str, folder: Path, rows: int, queries: int, memory_mb: int) -> Measured:
    """One contender in this process."""
    faiss = import_sleeping("faiss")
    vectors = np.memmap(folder / "vectors.f32", "<f4", mode="r", shape=(rows, DIMENSION))
    asked = np.fromfile(folder / "queries.f32", "<f4").reshape(queries, DIMENSION)
    faiss.knn(asked[:1], vectors[:1000], 1, metric=faiss.METRIC_INNER_PRODUCT)  # the libraries' own pages first
    before = _own_mb()
    started = time.perf_counter()
    kind, search, held = _BUILDERS[name](vectors, memory_mb)
    build_s = time.perf_counter() - started
    memory = _own_mb() - before
    for query in asked[:5]:
        search(query[None], _K)
    ms, found = [], []
    for query in asked:
        started = time.perf_counter()
        found.append(search(query[None], _K))
        ms.append((time.perf_counter() - started) * 1000)
    filtered = [_filtered(held, vectors, asked, share) for share in _SHARES] if isinstance(held, FaissStore) else []
    return Measured(kind, build_s, memory, ms, found, filtered)


def _filtered(store: FaissStore, vectors: Vectors, queries: Vectors, share: float) -> tuple[float, float, float]:
    """A stretch of rows is allowed, as the rows of some documents are."""
    import faiss

    first, count = len(vectors) // 4, max(_K, int(len(vectors) * share))
    allowed = range(first, first + count)
    exact = faiss.knn(queries, vectors[first : first + count], _K, metric=faiss.METRIC_INNER_PRODUCT)[1] + first
    recalls, ms = [], []
    for query, expected in zip(queries, exact.tolist(), strict=True):
        started = time.perf_counter()
        found = [row for row, _ in store.search(query[None], _K, allowed)]
        ms.append((time.perf_counter() - started) * 1000)
        assert len(found) == _K
        assert set(found) <= set(allowed)
        recalls.append(len(set(found) & set(expected)) / _K)
    return share, statistics.mean(recalls), statistics.median(ms)


def _exact(vectors: Vectors, memory_mb: int) -> tuple[str, Search, Any]:
    import faiss

    index = faiss.IndexFlatIP(DIMENSION)
    index.add(vectors)
    return "IndexFlatIP", lambda query, k: [int(row) for row in index.search(query, k)[1][0]], index


def _ours(vectors: Vectors, memory_mb: int) -> tuple[str, Search, Any]:
    store = FaissStore.build(vectors, IndexLimits(memory_mb=memory_mb))
    described = "; ".join(f"{name} {value}" for name, value in store.choice.describe().items())
    return described, lambda query, k: [row for row, _ in store.search(query, k)], store


def _txtai(vectors: Vectors, memory_mb: int) -> tuple[str, Search, Any]:
    from txtai.ann import ANNFactory  # type: ignore[import-not-found, unused-ignore]

    ann = ANNFactory.create({"backend": "faiss", "dimensions": DIMENSION})
    ann.index(vectors)
    kind = f"{ann.config['build']['settings']['components']}, nprobe {ann.nprobe()}"
    return kind, lambda query, k: [row for row, _ in ann.search(query, k)[0]], ann


_BUILDERS = {"exact": _exact, "ours": _ours, "txtai": _txtai}


def _is_there(name: str) -> bool:
    if name not in _BUILDERS:
        sys.exit(f"No contender {name}: there are {', '.join(_BUILDERS)}.")
    if name == "txtai" and importlib.util.find_spec("txtai") is None:
        print("txtai is left out: it is not installed")
        return False
    return True


def _in_child(name: str, folder: Path, rows: int, arguments: argparse.Namespace) -> Measured:
    command = [sys.executable, "-m", "tests.benchmarks.vectors", "--child", name, str(rows), "--scratch", str(folder)]
    command += ["--queries", str(arguments.queries), "--memory-mb", str(arguments.memory_mb)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return Measured(**json.loads(done.stdout.splitlines()[-1]))


def report(name: str, rows: int, measured: Measured, exact: Measured | None) -> None:
    middle, slow = statistics.median(measured.ms), statistics.quantiles(measured.ms, n=20)[-1]
    print(
        f"{rows} rows, {name}: {measured.kind}\n  built in {measured.build_s:.0f} s, {measured.memory_mb:.0f} MiB in "
        f"memory, a search takes {middle:.2f} ms (19 of 20 at most {slow:.2f} ms)",
        flush=True,
    )
    if exact is not None and exact is not measured:
        times = statistics.median(exact.ms) / middle
        recall = _recall(measured.found, exact.found)
        print(f"  recall@{_K} {recall:.4f} against exact search, {times:.1f} times its speed", flush=True)
    for share, recall, ms in measured.filtered:
        print(f"  {share:.0%} of the rows allowed: recall@{_K} {recall:.4f}, {ms:.2f} ms", flush=True)


def _recall(found: Sequence[Sequence[int]], exact: Sequence[Sequence[int]]) -> float:
    return statistics.mean(len(set(a) & set(b)) / len(b) for a, b in zip(found, exact, strict=True))


def _own_mb() -> float:
    """Memory of this process that no file backs, in MiB, after what was freed has been given back."""
    gc.collect()
    ctypes.CDLL("libc.so.6").malloc_trim(0)
    lines = Path("/proc/self/status").read_text("ascii").splitlines()
    return int(next(line for line in lines if line.startswith("RssAnon")).split()[1]) / 1024


if __name__ == "__main__":
    main()
