"""Votes on answers, one row an answer, each stored with the answer it judges."""

import json
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

_SCHEMA = """
CREATE TABLE IF NOT EXISTS feedback (
  answer_id TEXT PRIMARY KEY, rating TEXT NOT NULL, tags TEXT NOT NULL, note TEXT NOT NULL,
  answer TEXT NOT NULL, at TEXT NOT NULL
) STRICT
"""


@dataclass(frozen=True, slots=True)
class Vote:
    """`rating` is up or down; `answer` the whole native Answer."""

    answer_id: str
    rating: str
    tags: Sequence[str]
    note: str
    answer: dict[str, Any]


class FeedbackStore:
    """A file that appears with the first vote; a later vote on the same answer replaces the earlier one."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()

    def save(self, vote: Vote) -> None:
        row = (vote.answer_id, vote.rating, _dumps(vote.tags), vote.note, _dumps(vote.answer), _now())
        with self._open() as connection:
            connection.execute("INSERT OR REPLACE INTO feedback VALUES (?, ?, ?, ?, ?, ?)", row)

    def votes(self) -> list[Vote]:
        """All votes, oldest first."""
        if not self._path.is_file():
            return []
        with self._open() as connection:
            rows = connection.execute("SELECT answer_id, rating, tags, note, answer FROM feedback ORDER BY at, rowid")
            return [
                Vote(a, rating, json.loads(tags), note, json.loads(answer)) for a, rating, tags, note, answer in rows
            ]

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._lock, closing(sqlite3.connect(self._path)) as connection, connection:
            connection.execute(_SCHEMA)
            yield connection


def _dumps(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
