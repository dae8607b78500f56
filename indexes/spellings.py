"""The words of each text as the lexical index holds them, taken over from the generation before where it has the text.

Tokenising was half of what a rebuild cost when one file of a large corpus had changed.
"""

import hashlib
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from functools import lru_cache
from pathlib import Path

from indexes import lexical
from indexes.errors import IndexDamaged
from indexes.manifest import CHUNKS, Manifest, damage
from indexes.text import TOKENS_VERSION, tokens

SCHEMA = f"""
CREATE TABLE spellings(digest BLOB PRIMARY KEY, words TEXT) WITHOUT ROWID;
PRAGMA user_version={TOKENS_VERSION};
"""


class Spellings:
    """Spells texts, and remembers them for the generation that comes next."""

    def __init__(self, known: Mapping[bytes, str]) -> None:
        self._known = known
        self._used: dict[bytes, str] = {}

    def of(self, context: str, text: str) -> str:
        """Words of a context, which many texts share, and of a text, with a space between any two."""
        digest = hashlib.blake2b(f"{context}\0{text}".encode("utf-8", "surrogatepass"), digest_size=16).digest()
        if (words := self._known.get(digest)) is None:
            words = f"{_spelled_once(context)} {_spelled(text)}".strip()
        self._used[digest] = words
        return words

    def save(self, connection: sqlite3.Connection) -> None:
        connection.executemany("INSERT INTO spellings VALUES (?, ?)", self._used.items())


def known_spellings(generation: Path | None) -> Mapping[bytes, str]:
    """Those that a generation's folder keeps; none where it is damaged, or its words are of another version."""
    if generation is None:
        return {}
    try:
        manifest = Manifest.read(generation)
        if damage(generation, manifest):
            return {}
        with closing(sqlite3.connect(f"{(generation / CHUNKS).resolve().as_uri()}?mode=ro", uri=True)) as connection:
            if connection.execute("PRAGMA user_version").fetchone() != (TOKENS_VERSION,):
                return {}
            return dict(connection.execute("SELECT digest, words FROM spellings"))
    except (IndexDamaged, sqlite3.Error):
        return {}


def _spelled(text: str) -> str:
    return " ".join(lexical.encode(token) for token in tokens(text))


_spelled_once = lru_cache(maxsize=4096)(_spelled)
