"""Embeds the texts of a build, only those never embedded before, and tells how far it is."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from indexes.embedding_cache import FILE, CachedEmbedder, EmbeddingCache, text_digest
from indexes.types import Embedder, Vectors


class CountedEmbedder:
    """The texts of one build in front of the cache; `missing` is how many of them the model has yet to see."""

    def __init__(
        self, embedder: Embedder, home: Path, texts: Sequence[str], progress: Callable[[str, int, int], None]
    ) -> None:
        self._embedder = embedder
        self._cache = EmbeddingCache(home / FILE)
        self._progress = progress
        self._done = 0
        self._digests = [text_digest(text) for text in texts]
        self._known = self._cache.get(embedder.name, dict.fromkeys(self._digests), embedder.dimension)
        self._missing = {d: text for d, text in zip(self._digests, texts, strict=True) if d not in self._known}
        self.missing = len(self._missing)

    @property
    def name(self) -> str:
        return self._embedder.name

    @property
    def dimension(self) -> int:
        return self._embedder.dimension

    def embed_queries(self, texts: Sequence[str], /) -> Vectors:
        return self._embedder.embed_queries(texts)

    def embed_passages(self, texts: Sequence[str], /) -> Vectors:
        """What the cache lacks comes here, in slices."""
        vectors = self._embedder.embed_passages(texts)
        self._done += len(texts)
        self._progress("embedding", self._done, self.missing)
        return vectors

    def embed(self) -> Vectors:
        """One row for each text of the build, in order."""
        fresh = CachedEmbedder(self, self._cache).embed_passages(list(self._missing.values()))
        known = self._known | dict(zip(self._missing, fresh, strict=True))
        rows = np.empty((len(self._digests), self.dimension), np.float32)
        for row, digest in enumerate(self._digests):
            rows[row] = known[digest]
        return rows
