"""Small real collaborators for tests: deterministic, explainable, without models."""

import zlib
from collections.abc import Sequence

import numpy as np

from indexes.text import tokens
from indexes.types import Vectors


class FakeEmbedder:
    """Feature hashing: each token adds its own pseudo-random direction, so texts sharing words are near.

    crc32 instead of `hash()`, which differs from process to process.
    """

    def __init__(self, dimension: int = 64, name: str = "fake@1") -> None:
        self._dimension = dimension
        self._name = name
        self.texts: list[str] = []
        """Every passage embedded so far: what a cache saved is not here."""

    @property
    def name(self) -> str:
        return self._name

    @property
    def dimension(self) -> int:
        return self._dimension

    def embed_queries(self, texts: Sequence[str], /) -> Vectors:
        return self._embed(texts)

    def embed_passages(self, texts: Sequence[str], /) -> Vectors:
        self.texts += texts
        return self._embed(texts)

    def _embed(self, texts: Sequence[str]) -> Vectors:
        if not texts:
            return np.zeros((0, self._dimension), np.float32)
        rows = np.stack([self._row(text) for text in texts])
        return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), np.float32)

    def _row(self, text: str) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
        row = np.full(self._dimension, 1e-6)
        for token in tokens(text):
            row += np.random.default_rng(zlib.crc32(token.encode())).standard_normal(self._dimension)
        return row
