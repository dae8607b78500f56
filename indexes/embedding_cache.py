"""What has been embedded once is not embedded again: passages on disk, recent queries in memory."""

import hashlib
import sqlite3
import threading
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from pathlib import Path

import numpy as np

from indexes.errors import MissingError
from indexes.types import Embedder, Vectors

FILE = "embeddings.sqlite"
_LOOKUP = 500
_SLICE = 64
"""Texts embedded between two commits: what a killed build loses at most."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS embeddings(embedder TEXT, digest BLOB, vector BLOB, PRIMARY KEY (embedder, digest))
WITHOUT ROWID
"""


class EmbeddingCache:
    """embeddings.sqlite: (embedder, SHA-256 of the text) → vector. A damaged file is set aside, never trusted."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def get(self, embedder: str, digests: Iterable[bytes], dimension: int) -> dict[bytes, Vectors]:
        """What is there, as vectors of (dimension,)."""
        wanted = list(digests)
        if not wanted or not self._path.exists():
            return {}
        found: dict[bytes, Vectors] = {}
        with closing(self._connect()) as connection:
            for start in range(0, len(wanted), _LOOKUP):
                part = wanted[start : start + _LOOKUP]
                marks = ",".join("?" * len(part))
                rows = connection.execute(
                    f"SELECT digest, vector FROM embeddings WHERE embedder = ? AND digest IN ({marks})",
                    (embedder, *part),
                )
                found |= {digest: np.frombuffer(blob, "<f4") for digest, blob in rows if len(blob) == 4 * dimension}
        return found

    def put(self, embedder: str, vectors: Mapping[bytes, Vectors]) -> None:
        """Remember; committed when it returns.

        Raises:
            MissingError: there is no room or no permission.
        """
        rows = [(embedder, digest, vector.astype("<f4").tobytes()) for digest, vector in vectors.items()]
        with closing(self._connect()) as connection, connection:
            connection.executemany("INSERT OR REPLACE INTO embeddings VALUES (?, ?, ?)", rows)

    def keep_only(self, embedder: str, digests: Iterable[bytes]) -> int:
        """Forget every other text of this embedder; returns how many are gone."""
        kept = set(digests)
        with closing(self._connect()) as connection, connection:
            there = connection.execute("SELECT digest FROM embeddings WHERE embedder = ?", (embedder,)).fetchall()
            gone = [(embedder, digest) for (digest,) in there if digest not in kept]
            connection.executemany("DELETE FROM embeddings WHERE embedder = ? AND digest = ?", gone)
        return len(gone)

    def _connect(self) -> sqlite3.Connection:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            return self._open()
        except sqlite3.OperationalError as error:
            raise MissingError(f"Cannot use {self._path}: {error}. Name a writable folder as CAREER_HOME.") from error
        except OSError as error:
            raise MissingError(f"Cannot use {self._path}: {error.strerror}. Set CAREER_HOME.") from error
        except sqlite3.DatabaseError:
            self._path.replace(self._path.with_suffix(".damaged"))
            return self._open()

    def _open(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._path, timeout=30)
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute(_SCHEMA)
        except sqlite3.Error:
            connection.close()
            raise
        return connection


class CachedEmbedder:
    """An `Embedder` in front of another: passages through `cache`, the last `queries` queries kept in memory."""

    def __init__(self, inner: Embedder, cache: EmbeddingCache, queries: int = 256) -> None:
        self._inner = inner
        self._cache = cache
        self._queries: OrderedDict[str, Vectors] = OrderedDict()
        self._limit = queries
        self._lock = threading.Lock()

    @property
    def name(self) -> str:
        return self._inner.name

    @property
    def dimension(self) -> int:
        return self._inner.dimension

    def embed_queries(self, texts: Sequence[str], /) -> Vectors:
        rows = {text: row for text in dict.fromkeys(texts) if (row := self._recall(text)) is not None}
        missing = [text for text in dict.fromkeys(texts) if text not in rows]
        if missing:
            fresh = dict(zip(missing, self._inner.embed_queries(missing), strict=True))
            rows |= fresh
            self._remember(fresh)
        return _stack([rows[text] for text in texts], self.dimension)

    def embed_passages(self, texts: Sequence[str], /) -> Vectors:
        """Only texts never seen are embedded, in slices that are remembered as soon as they are done."""
        digests = [text_digest(text) for text in texts]
        known = self._cache.get(self.name, dict.fromkeys(digests), self.dimension)
        missing = {digest: text for digest, text in zip(digests, texts, strict=True) if digest not in known}
        # Longest last, as one sorted run: slices of like length waste no padding.
        order = sorted(missing.items(), key=lambda item: len(item[1]))
        for start in range(0, len(order), _SLICE):
            part = order[start : start + _SLICE]
            vectors = self._inner.embed_passages([text for _, text in part])
            fresh = dict(zip((digest for digest, _ in part), vectors, strict=True))
            self._cache.put(self.name, fresh)
            known.update(fresh)
        return _stack([known[digest] for digest in digests], self.dimension)

    def _recall(self, text: str) -> Vectors | None:
        with self._lock:
            if text in self._queries:
                self._queries.move_to_end(text)
            return self._queries.get(text)

    def _remember(self, fresh: Mapping[str, Vectors]) -> None:
        with self._lock:
            self._queries.update(fresh)
            while len(self._queries) > self._limit:
                self._queries.popitem(last=False)


def text_digest(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()


def _stack(rows: Sequence[Vectors], dimension: int) -> Vectors:
    return np.stack(rows).astype(np.float32) if len(rows) else np.zeros((0, dimension), np.float32)
