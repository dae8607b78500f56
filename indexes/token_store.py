"""tokens.sqlite: passages read token by token, on disk, so that a text is read once in its life; safe to delete."""

import hashlib
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from indexes.types import TokenVectors

FILE = "tokens.sqlite"
MOST_BYTES = 256 << 20
"""Nothing is added to a file of this size: some ten thousand rows of a table."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS tokens(digest BLOB PRIMARY KEY, spans BLOB, vectors BLOB) WITHOUT ROWID
"""


@dataclass(frozen=True, slots=True)
class TokenStore:
    """(embedder, SHA-256 of prompt and text) → tokens. A folder that cannot be written, or a damaged file, has none."""

    path: Path
    embedder: str

    def get(self, prompt: str, text: str) -> TokenVectors | None:
        try:
            with self._open() as connection:
                query = "SELECT spans, vectors FROM tokens WHERE digest = ?"
                row = connection.execute(query, (self._digest(prompt, text),)).fetchone()
        except sqlite3.Error:
            return None
        return _decoded(*row) if row is not None else None

    def put(self, prompt: str, text: str, tokens: TokenVectors) -> None:
        spans = np.array(tokens.spans, "<i4").tobytes()
        vectors = np.asarray(tokens.vectors, "<f2").tobytes()
        try:
            if self.path.exists() and self.path.stat().st_size + len(vectors) > MOST_BYTES:
                return
            with self._open() as connection, connection:
                row = (self._digest(prompt, text), spans, vectors)
                connection.execute("INSERT OR REPLACE INTO tokens VALUES (?, ?, ?)", row)
        except (sqlite3.Error, OSError):
            return

    def _digest(self, prompt: str, text: str) -> bytes:
        return hashlib.sha256(f"{self.embedder}\x1f{prompt}\x1f{text}".encode()).digest()

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        with closing(sqlite3.connect(self.path, timeout=1.0)) as connection:
            connection.execute("PRAGMA synchronous = OFF")  # What a power cut takes is read again.
            connection.execute(_SCHEMA)
            yield connection


def _decoded(spans: bytes, vectors: bytes) -> TokenVectors | None:
    """None for a row that is not what `put` writes."""
    if len(spans) % 8 or len(vectors) % 2:
        return None
    places = np.frombuffer(spans, "<i4").reshape(-1, 2)
    values = np.frombuffer(vectors, "<f2")
    if not len(places) or len(values) % len(places):
        return None
    return TokenVectors(tuple((int(a), int(b)) for a, b in places), values.reshape(len(places), -1))
