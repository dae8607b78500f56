"""Vectors and plain exact search for the tests of stores."""

from collections.abc import Sequence

import numpy as np

from indexes.types import Vectors


def clustered(rows: int, dimension: int = 64, seed: int = 0) -> Vectors:
    centres = np.random.default_rng(99).standard_normal((40, dimension))
    picker = np.random.default_rng(seed)
    found = centres[picker.integers(0, 40, rows)] + 0.4 * picker.standard_normal((rows, dimension))
    return np.asarray(found / np.linalg.norm(found, axis=1, keepdims=True), np.float32)


class NumpyStore:
    """Exact search, as plain as it gets."""

    def __init__(self, vectors: Vectors) -> None:
        self._vectors = vectors

    def __len__(self) -> int:
        return len(self._vectors)

    def search(self, query: Vectors, k: int, rows: Sequence[int] | None = None) -> list[tuple[int, float]]:
        allowed = range(len(self)) if rows is None else sorted(set(rows))
        scores = self._vectors @ query[0]
        return [(row, float(scores[row])) for row in sorted(allowed, key=lambda row: -scores[row])[:k]]
