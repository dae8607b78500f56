"""FaissStore: unit vectors behind FAISS, its kind chosen by size; never yields row -1."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from indexes.errors import IndexDamaged
from indexes.types import Vectors

EXACT_ROWS = 100_000
"""Up to here exact search of 768 dimensions takes a few milliseconds on one core."""

_FILTER_EXACT_ROWS = 20_000
_TRAINING_ROWS_A_LIST = 64
_PROBES = (8, 16, 32, 64, 128, 256)
_WANTED_RECALL = 0.97
_READING = threading.Lock()

Device = Literal["auto", "cpu", "cuda"]
Rows: TypeAlias = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class IndexChoice:
    """A FAISS factory string with the reason it was chosen; `probes` is 0 where nothing is probed."""

    kind: str
    reason: str
    probes: int = 0
    recall: float | None = None
    """Of the ten nearest of exact search, on queries between its rows; None where search is exact."""

    def describe(self) -> dict[str, str]:
        parts = {"kind": self.kind, "reason": self.reason, "probes": str(self.probes)}
        return parts if self.recall is None else {**parts, "recall_at_10": f"{self.recall:.4f}"}


def choose_index(rows: int, exact_rows: int = EXACT_ROWS) -> IndexChoice:
    """Flat while exact search is fast; then inverted lists of 8-bit vectors, a quarter of the memory."""
    if rows <= exact_rows:
        return IndexChoice("Flat", f"{rows} rows: exact search is fast up to {exact_rows}")
    lists = max(64, 1 << round(float(np.log2(4 * rows**0.5))))
    return IndexChoice(f"IVF{lists},SQ8", f"{rows} rows: more than {exact_rows}, so lists are probed")


def faiss_version() -> str:
    return str(_faiss().__version__)


class FaissStore:
    """A `VectorStore`. The CPU index is canonical and saved; a GPU clone only answers unfiltered searches."""

    def __init__(self, index: Any, choice: IndexChoice, device: Device = "cpu") -> None:
        self._index = index
        self.choice = choice
        self._gpu = _gpu_clone(index, device)
        self._gpu_lock = threading.Lock()

    @classmethod
    def build(cls, vectors: Vectors, *, exact_rows: int = EXACT_ROWS, device: Device = "cpu") -> "FaissStore":
        """An index of these rows, (n, dimension) and L2-normalised; approximate kinds measure their own recall."""
        faiss = _faiss()
        vectors = np.ascontiguousarray(vectors, np.float32)
        rows, dimension = vectors.shape
        choice = choose_index(rows, exact_rows)
        index = faiss.index_factory(dimension, choice.kind, faiss.METRIC_INNER_PRODUCT)
        if not index.is_trained:
            lists = faiss.extract_index_ivf(index).nlist
            index.train(_sample(vectors, _TRAINING_ROWS_A_LIST * lists))
        index.add(vectors)
        if choice.kind != "Flat":
            choice = _tune(index, vectors, choice)
        return cls(index, choice, device)

    @classmethod
    def load(cls, path: Path, choice: IndexChoice, device: Device = "cpu") -> "FaissStore":
        """Read an index whose bytes have been verified.

        Raises:
            IndexDamaged: FAISS refuses it.
        """
        faiss = _faiss()
        try:
            with _READING:  # the limit is the library's own global
                faiss.set_deserialization_vector_byte_limit(2 * path.stat().st_size + (1 << 20))
                index = faiss.read_index(str(path))
        except (RuntimeError, OSError) as error:
            raise IndexDamaged(f"{path} cannot be read ({_first_line(error)}). Run `career ingest`.") from None
        if choice.kind != "Flat":
            _prepare(index, choice.probes)
        return cls(index, choice, device)

    def save(self, path: Path) -> None:
        """Write the canonical index.

        Raises:
            OSError: it could not be written whole.
        """
        faiss = _faiss()
        try:
            faiss.write_index(self._index, str(path))
        except RuntimeError as error:
            raise OSError(f"{path}: {_first_line(error)}") from None

    def __len__(self) -> int:
        return int(self._index.ntotal)

    @property
    def dimension(self) -> int:
        return int(self._index.d)

    def search(self, query: Vectors, k: int, rows: Sequence[int] | None = None) -> list[tuple[int, float]]:
        """At most k (row, cosine) for one query of shape (1, dimension), best first, never row -1; `rows` restricts.

        Raises:
            ValueError: the query's shape or one of the rows is outside the index.
        """
        if query.shape != (1, self.dimension):
            raise ValueError(f"query of shape {query.shape}, the index holds vectors of {self.dimension}")
        allowed = None if rows is None else _checked(rows, len(self))
        k = min(k, len(self) if allowed is None else len(allowed))
        if k < 1:
            return []
        query = np.ascontiguousarray(query, np.float32)
        if allowed is not None and len(allowed) <= _FILTER_EXACT_ROWS:
            return self._search_exactly(query, k, allowed)
        scores, found = self._search_all(query, k) if allowed is None else self._search_selected(query, k, allowed)
        return [(int(row), float(score)) for row, score in zip(found[0], scores[0], strict=True) if row >= 0]

    def vectors(self, rows: Sequence[int] | Rows) -> Vectors:
        """Vectors of these rows in this order, (len(rows), dimension), L2-normalised; lossy where the kind is."""
        wanted = _checked(rows, len(self), unique=False)
        if not len(wanted):
            return np.zeros((0, self.dimension), np.float32)
        found: Vectors = self._index.reconstruct_batch(wanted)
        if self.choice.kind == "Flat":
            return found
        return np.asarray(found / np.linalg.norm(found, axis=1, keepdims=True), np.float32)

    def _search_all(self, query: Vectors, k: int) -> Any:
        if self._gpu is None:
            return self._index.search(query, k)
        with self._gpu_lock:
            return self._gpu.search(query, k)

    def _search_selected(self, query: Vectors, k: int, rows: Rows) -> Any:
        faiss = _faiss()
        bits = np.zeros((len(self) + 7) // 8 * 8, bool)
        bits[rows] = True
        bitmap = np.packbits(bits, bitorder="little")
        selector = faiss.IDSelectorBitmap(bitmap)
        if self.choice.kind == "Flat":
            return self._index.search(query, k, params=faiss.SearchParameters(sel=selector))
        params = faiss.SearchParametersIVF(sel=selector, nprobe=self.choice.probes)
        return self._index.search(query, k, params=params)

    def _search_exactly(self, query: Vectors, k: int, rows: Rows) -> list[tuple[int, float]]:
        """A filter that leaves few rows would leave lists unprobed: compare with each of them instead."""
        scores = self.vectors(rows) @ query[0]
        best = np.lexsort((rows, -scores))[:k]
        return [(int(rows[at]), float(scores[at])) for at in best]


def _faiss() -> Any:
    import faiss

    return faiss


def _gpu_clone(index: Any, device: Device) -> Any | None:
    if device == "cpu":
        return None
    faiss = _faiss()
    if faiss.get_num_gpus() < 1:
        return None
    return faiss.index_cpu_to_all_gpus(index)


def _tune(index: Any, vectors: Vectors, choice: IndexChoice) -> IndexChoice:
    """The fewest probes that find 97 % of the ten rows nearest to each of 200 queries, as exact search has them."""
    faiss = _faiss()
    queries = _between(vectors, 200)
    exact = faiss.knn(queries, vectors, 10, metric=faiss.METRIC_INNER_PRODUCT)[1]
    for probes in _PROBES:
        _prepare(index, probes)
        found = index.search(queries, 10)[1]
        recall = float(np.mean([len(set(a) & set(b)) / 10 for a, b in zip(exact, found, strict=True)]))
        choice = replace(choice, probes=probes, recall=recall)
        if recall >= _WANTED_RECALL:
            break
    return choice


def _between(vectors: Vectors, count: int) -> Vectors:
    """Queries are not rows: points between a row and half of another are as far from the lists' centres as they are."""
    mixed = _sample(vectors, count, seed=1) + 0.5 * _sample(vectors, count, seed=2)
    return np.asarray(mixed / np.linalg.norm(mixed, axis=1, keepdims=True), np.float32)


def _prepare(index: Any, probes: int) -> None:
    faiss = _faiss()
    lists = faiss.extract_index_ivf(index)
    lists.nprobe = probes
    lists.make_direct_map()  # reconstruct needs it


def _sample(vectors: Vectors, size: int, seed: int = 0) -> Vectors:
    if len(vectors) <= size:
        return vectors
    picked = np.random.default_rng(seed).choice(len(vectors), size, replace=False)
    return np.ascontiguousarray(vectors[np.sort(picked)])


def _checked(rows: Sequence[int] | Rows, total: int, unique: bool = True) -> Rows:
    wanted = np.asarray(rows, np.int64).reshape(-1)
    if len(wanted) and (wanted.min() < 0 or wanted.max() >= total):
        raise ValueError(f"rows outside 0..{total - 1}")
    return np.unique(wanted) if unique else wanted


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[-1] if str(error).strip() else type(error).__name__
