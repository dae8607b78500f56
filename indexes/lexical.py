"""BM25 over `text.tokens` in an SQLite FTS5 table: rows in, (row, score) out, higher is better."""

import sqlite3
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager

_SCHEMA = """
CREATE VIRTUAL TABLE words USING fts5(tokens, content='', tokenize="ascii tokenchars '_'")
"""
_SEARCH = "SELECT rowid, bm25(words) FROM words WHERE words MATCH ? {filter} ORDER BY bm25(words), rowid LIMIT ?"

Connect = Callable[[], AbstractContextManager[sqlite3.Connection]]


class LexicalIndex:
    """Reads the table through connections that `connect` lends for the time of one query."""

    def __init__(self, connect: Connect) -> None:
        self._connect = connect

    def search(self, query_tokens: Iterable[str], k: int, rows: Sequence[int] | None = None) -> list[tuple[int, float]]:
        """At most k rows that hold any of the tokens, best first, equal scores by row; `rows` restricts.

        Scores are Okapi BM25 (k1 1.2, b 0.75) as of FTS5, with its sign turned.
        """
        words = sorted({encode(token) for token in query_tokens})
        if not words or k < 1 or (rows is not None and not len(rows)):
            return []
        match = " OR ".join(f'"{word}"' for word in words)
        with self._connect() as connection:
            found = connection.execute(*_statement(match, k, rows)).fetchall()
        return [(row, -score) for row, score in found]


def create(connection: sqlite3.Connection, rows: Iterable[tuple[int, Sequence[str]]]) -> None:
    """Make the table and fill it with (row, tokens)."""
    connection.execute(_SCHEMA)
    connection.executemany(
        "INSERT INTO words(rowid, tokens) VALUES (?, ?)",
        ((row, " ".join(encode(token) for token in tokens)) for row, tokens in rows),
    )
    connection.execute("INSERT INTO words(words) VALUES ('optimize')")


def encode(token: str) -> str:
    """A spelling FTS5's ascii tokenizer can neither split nor fold; one to one."""
    return token if token.isascii() and token.isalnum() and token.islower() else "_" + token.encode().hex()


def _statement(match: str, k: int, rows: Sequence[int] | None) -> tuple[str, tuple[object, ...]]:
    if rows is None:
        return _SEARCH.format(filter=""), (match, k)
    ids = "[" + ",".join(str(int(row)) for row in rows) + "]"
    return _SEARCH.format(filter="AND rowid IN (SELECT value FROM json_each(?))"), (match, ids, k)
