"""BM25 over `text.tokens` in SQLite FTS5 tables: rows in, (row, score) out, higher is better."""

import json
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from typing import Literal

from indexes.rows import insert

_SCHEMA = """
CREATE VIRTUAL TABLE {table} USING fts5(tokens, content='', tokenize="ascii tokenchars '_'");
CREATE VIRTUAL TABLE {table}_terms USING fts5vocab({table}, 'row');
"""
_SEARCH = (
    "SELECT rowid, bm25({table}) FROM {table} WHERE {table} MATCH ? {filter} ORDER BY bm25({table}), rowid LIMIT ?"
)
_COUNT = "SELECT term, doc FROM {table}_terms WHERE term IN (SELECT value FROM json_each(?))"

Table = Literal["words", "passages"]
Connect = Callable[[], AbstractContextManager[sqlite3.Connection]]


class LexicalIndex:
    """Reads one table through connections that `connect` lends for the time of one query."""

    def __init__(self, connect: Connect, table: Table = "words") -> None:
        self._connect = connect
        self._table = table

    def search(self, query_tokens: Iterable[str], k: int, rows: Sequence[int] | None = None) -> list[tuple[int, float]]:
        """At most k rows that hold any of the tokens, best first, equal scores by row; `rows` restricts.

        Scores are Okapi BM25 (k1 1.2, b 0.75) as of FTS5, with its sign turned.
        """
        return self.search_phrases(([token] for token in query_tokens), k, rows)

    def search_phrases(
        self, phrases: Iterable[Sequence[str]], k: int, rows: Sequence[int] | None = None
    ) -> list[tuple[int, float]]:
        """As `search`, for phrases: tokens that stand one after another; each phrase is as rare as it is as a whole."""
        quoted = sorted({" ".join(map(encode, phrase)) for phrase in phrases} - {""})
        if not quoted or k < 1 or (rows is not None and not len(rows)):
            return []
        match = " OR ".join(f'"{phrase}"' for phrase in quoted)
        with self._connect() as connection:
            found = connection.execute(*_statement(self._table, match, k, rows)).fetchall()
        return [(row, -score) for row, score in found]

    def frequencies(self, tokens: Iterable[str]) -> dict[str, int]:
        """Token → rows that hold it, for those that any row holds."""
        spelled = {encode(token): token for token in tokens}
        with self._connect() as connection:
            found = connection.execute(_COUNT.format(table=self._table), (json.dumps(list(spelled)),)).fetchall()
        return {spelled[term]: count for term, count in found}


def create(connection: sqlite3.Connection, rows: Iterable[tuple[int, str]], table: Table = "words") -> None:
    """Make a table and fill it with (row, words as of `encode` with spaces between)."""
    for statement in _SCHEMA.format(table=table).strip().splitlines():
        connection.execute(statement)
    insert(connection, f"{table}(rowid, tokens)", rows)
    connection.execute(f"INSERT INTO {table}({table}) VALUES ('optimize')")


def encode(token: str) -> str:
    """A spelling FTS5's ascii tokenizer can neither split nor fold; one to one."""
    return token if token.isascii() and token.isalnum() and token.islower() else "_" + token.encode().hex()


def _statement(table: Table, match: str, k: int, rows: Sequence[int] | None) -> tuple[str, tuple[object, ...]]:
    if rows is None:
        return _SEARCH.format(table=table, filter=""), (match, k)
    ids = "[" + ",".join(str(int(row)) for row in rows) + "]"
    return _SEARCH.format(table=table, filter="AND rowid IN (SELECT value FROM json_each(?))"), (match, ids, k)
