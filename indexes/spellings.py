"""The words of each text as the lexical index holds them, taken over from the generation before where it has the text.

Tokenising was half of what a rebuild cost when one file of a large corpus had changed.
"""

import hashlib
import json
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from functools import lru_cache
from itertools import islice
from pathlib import Path

from indexes import lexical
from indexes.errors import IndexDamaged
from indexes.manifest import CHUNKS, Manifest, damage
from indexes.rows import insert
from indexes.text import TOKENS_VERSION, tokens

_BLOCK = 1000

SCHEMA = f"""
CREATE TABLE spellings(block INTEGER PRIMARY KEY, words TEXT);
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
        """In blocks, JSON each: they are only ever read all together."""
        used = iter(self._used.items())
        blocks = iter(lambda: {digest.hex(): words for digest, words in islice(used, _BLOCK)}, {})
        insert(connection, "spellings", ((number, json.dumps(block)) for number, block in enumerate(blocks)))


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
            blocks = connection.execute("SELECT words FROM spellings ORDER BY block")
            return {bytes.fromhex(digest): words for (block,) in blocks for digest, words in json.loads(block).items()}
    except (IndexDamaged, sqlite3.Error):  # also where an older version kept them another way
        return {}


def _spelled(text: str) -> str:
    return " ".join(lexical.encode(token) for token in tokens(text))


_spelled_once = lru_cache(maxsize=4096)(_spelled)
