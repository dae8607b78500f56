"""Which kind of FAISS index holds so many vectors: chosen from size and memory, tuned against exact search."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from indexes.types import Vectors

_FEWEST_FOR_LISTS = 5_000
_TRAINING_ROWS_A_LIST = 64
_PROBES = (8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256)
_CANDIDATES = {"SQ8": (4,), "RaBitQ": (10, 20, 40, 80)}
"""Times k that are compared exactly. On 50,000 clustered vectors of 768 dimensions 8-bit codes alone found 0.987 of the
ten nearest, four times k compared exactly all; one-bit codes alone 0.50, four times k 0.90, twenty times k all."""
_WANTED_RECALL = 0.97
_TUNING_QUERIES = 200

Rows = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class IndexLimits:
    """Up to `exact_rows` every vector is compared: those of 768 dimensions take some 10 ms.

    `memory_mb` is what an index may hold in memory, in MiB; the vectors themselves then stay on disk.
    """

    exact_rows: int = 50_000
    memory_mb: int = 1536


@dataclass(frozen=True, slots=True)
class IndexChoice:
    """A FAISS factory string with the reason it was chosen; `probes` is 0 where nothing is probed.

    `candidates` times k rows of a compressed kind are compared exactly. `recall` is that of the ten nearest against
    exact search, on queries between the rows, measured when it was built; None where search is exact.
    """

    kind: str
    reason: str
    probes: int = 0
    candidates: int = 1
    recall: float | None = None

    @property
    def is_exact(self) -> bool:
        return self.kind == "Flat"

    def describe(self) -> dict[str, str]:
        parts = {"kind": self.kind, "reason": self.reason}
        if self.is_exact:
            return parts | {"probes": "0"}
        tuned = {"probes": str(self.probes), "candidates": str(self.candidates)}
        return parts | tuned | ({} if self.recall is None else {"recall_at_10": f"{self.recall:.4f}"})

    @classmethod
    def of(cls, described: Mapping[str, str]) -> "IndexChoice":
        """What `describe` described.

        Raises:
            KeyError, ValueError: it is no such description.
        """
        recall = described.get("recall_at_10")
        return cls(
            kind=described["kind"],
            reason=described["reason"],
            probes=int(described["probes"]),
            candidates=int(described.get("candidates", "1")),
            recall=None if recall is None else float(recall),
        )


def choose_index(rows: int, dimension: int, limits: IndexLimits = IndexLimits()) -> IndexChoice:
    """Every vector compared while that is fast; then lists of 8-bit codes; of one-bit codes for want of memory.

    Graphs (HNSW) were left out: their links come on top of the codes, and a filter that hits few rows cuts their paths.
    """
    allowed = limits.memory_mb << 20
    flat, bytes8 = rows * dimension * 4, rows * (dimension + 8)
    if rows < _FEWEST_FOR_LISTS or (rows <= limits.exact_rows and flat <= allowed):
        return IndexChoice("Flat", f"{rows} rows: every one is compared up to {limits.exact_rows}")
    many = f"{rows} rows of {dimension}"
    why = (
        f"more than the {limits.exact_rows} that are all compared"
        if rows > limits.exact_rows
        else f"{_mb(flat)} MiB uncompressed, allowed are {limits.memory_mb}"
    )
    lists = max(64, 1 << round(float(np.log2(4 * rows**0.5))))
    if bytes8 + 4 * lists * dimension <= allowed:
        return IndexChoice(f"IVF{lists},SQ8", f"{many}: {why}; 8-bit codes take {_mb(bytes8)} MiB")
    tight = f"8-bit codes would take {_mb(bytes8)} MiB, allowed are {limits.memory_mb}"
    return IndexChoice(f"IVF{lists},RaBitQ", f"{many}: {why}; {tight}: one-bit codes")


def train(faiss: Any, vectors: Vectors, kind: str) -> Any:
    """A FAISS index of this kind that holds the vectors."""
    index = faiss.index_factory(vectors.shape[1], kind, faiss.METRIC_INNER_PRODUCT)
    if not index.is_trained:
        lists = faiss.extract_index_ivf(index).nlist
        index.train(_sample(vectors, _TRAINING_ROWS_A_LIST * lists))
    index.add(vectors)
    return index


def tune(faiss: Any, index: Any, vectors: Vectors, choice: IndexChoice) -> IndexChoice:
    """The least work that finds 97 % of the ten rows nearest to each of 200 queries, as exact search has them."""
    queries = _between(vectors, _TUNING_QUERIES)
    exact = faiss.knn(queries, vectors, 10, metric=faiss.METRIC_INNER_PRODUCT)[1]
    lists = faiss.extract_index_ivf(index).nlist
    found = _Trial(faiss, index, vectors, queries, exact)
    codes = choice.kind.split(",")[1]
    candidates = next(
        (times for times in _CANDIDATES[codes] if found.recall(lists, times) >= _WANTED_RECALL), _CANDIDATES[codes][-1]
    )
    for probes in (probes for probes in _PROBES if probes < lists):
        choice = replace(choice, probes=probes, candidates=candidates, recall=found.recall(probes, candidates))
        if choice.recall is not None and choice.recall >= _WANTED_RECALL:
            break
    return choice


@dataclass(frozen=True, slots=True)
class _Trial:
    faiss: Any
    index: Any
    vectors: Vectors
    queries: Vectors
    exact: Rows

    def recall(self, probes: int, candidates: int) -> float:
        params = self.faiss.SearchParametersIVF(nprobe=probes)
        found = self.index.search(self.queries, 10 * candidates, params=params)[1]
        best = (
            rank_exactly(self.faiss, self.vectors, query, rows[rows >= 0], 10)[0]
            for query, rows in zip(self.queries, found, strict=True)
        )
        return float(np.mean([len(set(a) & set(b)) / 10 for a, b in zip(self.exact.tolist(), best, strict=True)]))


def rank_exactly(
    faiss: Any, vectors: Vectors, query: Vectors, rows: Rows | None, k: int
) -> tuple[list[int], list[float]]:
    """The k of these rows (None: of all) nearest to one query of shape (dimension,), equal ones by row; their scores.

    By FAISS's kernels without its threads: `IndexFlatIP.search` took 36 to 69 ms for one query among 100,000 vectors of
    768 dimensions beside another process, this 21 to 29.
    """
    if rows is None:
        scores = np.empty(len(vectors), np.float32)
        faiss.fvec_inner_products_ny(*map(faiss.swig_ptr, (scores, query, vectors)), len(query), len(vectors))
    else:
        rows = np.sort(rows)  # a file of vectors is read forwards
        scores = np.empty(len(rows), np.float32)
        pointers = map(faiss.swig_ptr, (scores, query, vectors, rows))
        faiss.fvec_inner_products_by_idx(*pointers, len(query), 1, len(rows))
    best = np.argpartition(-scores, k)[: k + 1] if k + 1 < len(scores) else np.arange(len(scores))
    best = best[np.lexsort((best, -scores[best]))][:k]
    return (best if rows is None else rows[best]).tolist(), scores[best].tolist()


def _between(vectors: Vectors, count: int) -> Vectors:
    """Queries are not rows: points between a row and half of another are as far from the lists' centres as they are."""
    mixed = _sample(vectors, count, seed=1) + 0.5 * _sample(vectors, count, seed=2)
    return np.asarray(mixed / np.linalg.norm(mixed, axis=1, keepdims=True), np.float32)


def _sample(vectors: Vectors, size: int, seed: int = 0) -> Vectors:
    if len(vectors) <= size:
        return vectors
    picked = np.random.default_rng(seed).choice(len(vectors), size, replace=False)
    return np.ascontiguousarray(vectors[np.sort(picked)])


def _mb(size: int) -> int:
    return round(size / (1 << 20))
