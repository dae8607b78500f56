"""Where translations of rows are kept: what was made here in one SQLite file, behind it what ships with the package.

The rows of the shipped documents were translated by the default model, as `career index warm --english` does it; on two
cores that takes most of an hour, and until then an English answer would wait for its rows. They are checked against
their rows like any other before they are delivered. `--export` makes the file that ships.
"""

import hashlib
import json
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

FILE = "renderings.sqlite"
SHIPPED = "renderings.json"


@dataclass(frozen=True, slots=True)
class RenderingStore:
    """Translations by model and text; a folder that cannot be written keeps none. `shipped` gives what is not there."""

    path: Path
    shipped: Mapping[str, str] = field(default_factory=dict)

    def get(self, key: str) -> str | None:
        try:
            with self._open() as connection:
                row = connection.execute("SELECT text FROM renderings WHERE key = ?", (key,)).fetchone()
        except sqlite3.Error:
            row = None
        return self.shipped.get(key) if row is None else str(row[0])

    def put(self, key: str, text: str) -> None:
        try:
            with self._open() as connection, connection:
                connection.execute("INSERT OR REPLACE INTO renderings VALUES (?, ?)", (key, text))
        except sqlite3.Error:
            return

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        with closing(sqlite3.connect(self.path, timeout=5.0)) as connection:
            connection.execute("CREATE TABLE IF NOT EXISTS renderings(key TEXT PRIMARY KEY, text TEXT) WITHOUT ROWID")
            yield connection


@cache
def fingerprint() -> str:
    """Of all code and data that decides what of a translation stands: the packages themselves. What was checked by
    another version of them is checked again."""
    found = (path for package in ("service", "indexes") for path in _files(files(package)))
    digests = sorted(hashlib.sha256(path.read_bytes()).hexdigest() for path in found)
    return hashlib.sha256(" ".join(digests).encode()).hexdigest()


def _files(folder: Traversable) -> Iterator[Traversable]:
    for entry in folder.iterdir():
        if entry.is_dir() and entry.name != "static":
            yield from _files(entry)
        elif entry.name.endswith((".py", ".toml", ".json")):
            yield entry


@cache
def shipped_translations() -> Mapping[str, str]:
    """Those that come with the package, by key; read once."""
    table: dict[str, str] = json.loads((files("service") / "data" / SHIPPED).read_text("utf-8"))["texts"]
    return table


def save_translations(texts: Mapping[str, str], engine: str, path: Path) -> None:
    """Write translations as the package ships them; a folder that is missing is made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    table = {"by": "career index warm --english --export", "engine": engine, "texts": dict(sorted(texts.items()))}
    path.write_text(json.dumps(table, indent=1, ensure_ascii=False) + "\n", "utf-8")
