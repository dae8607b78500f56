"""FaissStore: unit vectors behind FAISS, its kind chosen by size; scores are exact, a row is never -1."""

import logging
import subprocess
import sys
import threading
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from indexes.errors import IndexDamaged
from indexes.threads import import_sleeping
from indexes.types import Vectors
from indexes.vectorkinds import IndexChoice, IndexLimits, choose_index, rank_exactly, train, tune

EXACT_SUFFIX = ".f32"
"""Beside an index of codes: the vectors themselves, (rows, dimension) float32 little-endian, read where needed."""

_FILTER_EXACT_ROWS = 20_000
_GPU_DEPTH = 2048
"""What FAISS's GPU kernels can return at most."""
_SAVED_ROWS = 65_536
_READING = threading.Lock()
_PROBE = """
import faiss, numpy
rows = numpy.eye(8, dtype=numpy.float32)
index = faiss.IndexFlatIP(8)
index.add(rows)
assert (faiss.index_cpu_to_all_gpus(index).search(rows, 1)[1][:, 0] == range(8)).all()
"""
_PROBE_S = 30.0
_log = logging.getLogger("career.vectors")

Device = Literal["auto", "cpu", "cuda"]
Rows: TypeAlias = NDArray[np.int64]


def faiss_version() -> str:
    return str(_faiss().__version__)


class FaissStore:
    """A `VectorStore`. The CPU index is canonical and saved; a GPU clone only answers unfiltered searches.

    `exact` are the vectors themselves, (rows, dimension): an index of codes finds candidates, they rank them.
    """

    def __init__(self, index: Any, choice: IndexChoice, exact: Vectors | None = None, device: Device = "cpu") -> None:
        self._index = index
        self._exact = np.asarray(_inside(index) if exact is None else exact)
        self.choice = choice
        self._gpu = _gpu_clone(index, choice, device)
        self._gpu_lock = threading.Lock()

    @classmethod
    def build(
        cls,
        vectors: Vectors,
        limits: IndexLimits = IndexLimits(),  # noqa: B008 (frozen)
        device: Device = "cpu",
    ) -> "FaissStore":
        """An index of these rows, (n, dimension) and L2-normalised; approximate kinds measure their own recall.

        Compressed kinds hold on to `vectors`, which may be memory-mapped.
        """
        faiss = _faiss()
        vectors = np.ascontiguousarray(vectors, np.float32)
        rows, dimension = vectors.shape
        choice = choose_index(rows, dimension, limits)
        index = train(faiss, vectors, choice.kind)
        if choice.is_exact:
            return cls(index, choice, device=device)
        return cls(index, tune(faiss, index, vectors, choice), vectors, device)

    @classmethod
    def load(cls, path: Path, choice: IndexChoice, device: Device = "cpu") -> "FaissStore":
        """Read an index whose bytes have been verified; its vectors are mapped, not read.

        Raises:
            IndexDamaged: FAISS refuses it, or its vectors are absent or of another number.
        """
        faiss = _faiss()
        try:
            with _READING:  # the limit is the library's own global
                faiss.set_deserialization_vector_byte_limit(2 * path.stat().st_size + (1 << 20))
                index = faiss.read_index(str(path))
        except (RuntimeError, OSError) as error:
            raise IndexDamaged(f"{path} cannot be read ({_first_line(error)}). Run `career ingest`.") from None
        exact = None if choice.is_exact else _map(path.with_suffix(EXACT_SUFFIX), index)
        return cls(index, choice, exact, device)

    def save(self, path: Path) -> list[Path]:
        """Write the canonical index, and the vectors beside it where it holds codes; returns the files.

        Raises:
            OSError: one could not be written whole.
        """
        faiss = _faiss()
        try:
            faiss.write_index(self._index, str(path))
        except RuntimeError as error:
            raise OSError(f"{path}: {_first_line(error)}") from None
        if self.choice.is_exact:
            return [path]
        beside = path.with_suffix(EXACT_SUFFIX)
        with beside.open("wb") as file:
            for start in range(0, len(self), _SAVED_ROWS):
                file.write(np.asarray(self._exact[start : start + _SAVED_ROWS], "<f4").tobytes())
        return [path, beside]

    def __len__(self) -> int:
        return int(self._index.ntotal)

    @property
    def dimension(self) -> int:
        return int(self._index.d)

    def search(self, query: Vectors, k: int, rows: Sequence[int] | None = None) -> list[tuple[int, float]]:
        """At most k (row, cosine) for one query of shape (1, dimension), best first, never row -1; `rows` restricts.

        Cosines are exact for every kind; k rows are returned wherever so many are allowed.

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
        few = allowed is not None and len(allowed) <= _FILTER_EXACT_ROWS  # they would leave lists unprobed
        if not few and not (self.choice.is_exact and self._gpu is None):
            allowed = self._candidates(query, k, allowed)
        return list(zip(*rank_exactly(_faiss(), self._exact, query[0], allowed, k), strict=True))

    def vectors(self, rows: Sequence[int] | Rows) -> Vectors:
        """Vectors of these rows in this order, (len(rows), dimension), as they were added.

        Raises:
            ValueError: one of the rows is outside the index.
        """
        found: Vectors = self._exact[_checked(rows, len(self), unique=False)]
        return found

    def _candidates(self, query: Vectors, k: int, allowed: Rows | None) -> Rows | None:
        """At least k rows where so many are allowed: all lists are probed when some of them held too few."""
        depth = min(k * self.choice.candidates, len(self) if allowed is None else len(allowed))
        if allowed is None and self._gpu is not None and depth <= _GPU_DEPTH:
            with self._gpu_lock:
                found = self._gpu.search(query, depth)[1][0]
        elif self.choice.is_exact:
            return allowed
        else:
            share = 1.0 if allowed is None else len(allowed) / len(self)
            found = self._probe(query, depth, allowed, round(self.choice.probes / share))
        if np.count_nonzero(found >= 0) < k and not self.choice.is_exact:
            found = self._probe(query, depth, allowed, len(self))
        return np.asarray(found[found >= 0], np.int64)

    def _probe(self, query: Vectors, depth: int, allowed: Rows | None, probes: int) -> Rows:
        faiss = _faiss()
        options: dict[str, Any] = {"nprobe": min(probes, faiss.extract_index_ivf(self._index).nlist)}
        if allowed is not None:
            bits = np.zeros((len(self) + 7) // 8 * 8, bool)
            bits[allowed] = True
            bitmap = np.packbits(bits, bitorder="little")
            options["sel"] = faiss.IDSelectorBitmap(bitmap)
        found: Rows = self._index.search(query, depth, params=faiss.SearchParametersIVF(**options))[1][0]
        return found


def _faiss() -> Any:
    return import_sleeping("faiss")


def _inside(index: Any) -> Vectors:
    """The vectors of a Flat index, where they are: valid as long as the index."""
    faiss = _faiss()
    held: Vectors = faiss.rev_swig_ptr(faiss.downcast_index(index).get_xb(), index.ntotal * index.d)
    return held.reshape(index.ntotal, index.d)


def _gpu_clone(index: Any, choice: IndexChoice, device: Device) -> Any | None:
    """None where FAISS has no GPU, or no GPU code for this kind."""
    if device == "cpu":
        return None
    faiss = _faiss()
    if faiss.get_num_gpus() < 1 or not gpu_code_runs():
        return None
    if not choice.is_exact:
        faiss.extract_index_ivf(index).nprobe = choice.probes  # the clone takes it from here
    try:
        return faiss.index_cpu_to_all_gpus(index)
    except RuntimeError:
        return None


@cache
def gpu_code_runs() -> bool:
    """Whether FAISS's kernels run on the GPUs here, tried once in a process of its own.

    Kernels built for other cards end the process that calls them: faiss-gpu-cu12 1.14.1 has none for an H200.
    """
    try:
        done = subprocess.run(
            [sys.executable, "-c", _PROBE], capture_output=True, text=True, timeout=_PROBE_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        trouble = str(error)
    else:
        if done.returncode == 0:
            return True
        trouble = (done.stderr.strip().splitlines() or [f"it ended with {done.returncode}"])[-1]
    _log.warning(
        "FAISS sees a GPU, but its code does not run there (%s): searching on the CPU. Install a FAISS that was built "
        "for this card, or set CAREER_DEVICE=cpu.",
        trouble,
    )
    return False


def _map(path: Path, index: Any) -> Vectors:
    try:
        size = path.stat().st_size
        if size != 4 * index.ntotal * index.d:
            raise IndexDamaged(
                f"{path} has {size} bytes, not {index.ntotal} vectors of {index.d}. Run `career ingest`."
            )
        return np.memmap(path, "<f4", mode="r", shape=(index.ntotal, index.d))
    except OSError as error:
        raise IndexDamaged(f"{path} cannot be read ({error.strerror}). Run `career ingest`.") from None


def _checked(rows: Sequence[int] | Rows, total: int, unique: bool = True) -> Rows:
    wanted = np.asarray(rows, np.int64).reshape(-1)
    if len(wanted) and (wanted.min() < 0 or wanted.max() >= total):
        raise ValueError(f"rows outside 0..{total - 1}")
    return np.unique(wanted) if unique else wanted


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[-1] if str(error).strip() else type(error).__name__
