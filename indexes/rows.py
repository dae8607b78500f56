"""Rows into SQLite, many in one statement.

Python lets other threads run at each step of a statement, and gets its turn back when they give theirs up: row by row,
a thousand rows wait a thousand times beside threads that answer questions.
"""

import sqlite3
from collections.abc import Iterable, Sequence
from itertools import chain, islice

_VARIABLES = 8000
"""In one statement: SQLite takes 32,766 unless it was built otherwise."""


def insert(connection: sqlite3.Connection, target: str, rows: Iterable[Sequence[object]]) -> None:
    """Insert rows, all as long as the first, into `target`: a table of ours, with its columns if not all are meant."""
    rest = iter(rows)
    if (first := next(rest, None)) is None:
        return
    row = f"({','.join('?' * len(first))})"
    rest = chain([first], rest)
    while batch := list(islice(rest, _VARIABLES // len(first))):
        connection.execute(f"INSERT INTO {target} VALUES {','.join([row] * len(batch))}", [*chain.from_iterable(batch)])
