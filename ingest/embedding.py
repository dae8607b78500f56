"""Embeds the texts of a build, only those never embedded before, and tells how far it is."""

from collections.abc import Callable, Sequence
from pathlib import Path

from indexes.embedding_cache import FILE, CachedEmbedder, EmbeddingCache, text_digest
from indexes.types import Embedder, Vectors


class CountedEmbedder:
    """The texts of one build in front of the cache; `missing` is how many of them the model has yet to see."""

    def __init__(
        self, embedder: Embedder, home: Path, texts: Sequence[str], progress: Callable[[str, int, int], None]
    ) -> None:
        self._embedder = embedder
        self._cache = EmbeddingCache(home / FILE)
        self._texts = texts
        self._progress = progress
        self._done = 0
        digests = {text_digest(text) for text in texts}
        self.missing = len(digests - self._cache.get(embedder.name, digests, embedder.dimension).keys())

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
        return CachedEmbedder(self, self._cache).embed_passages(self._texts)
