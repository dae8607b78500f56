"""Rows get into SQLite in their order and all of them, many at a time."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pytest

from indexes.rows import insert


@pytest.fixture
def connection() -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(":memory:")) as opened:
        opened.execute("CREATE TABLE things(number INTEGER, name TEXT, note TEXT DEFAULT 'none')")
        yield opened


@pytest.mark.parametrize("count", [0, 1, 2_666, 2_667, 10_000])
def test_all_rows_in_their_order(connection: sqlite3.Connection, count: int) -> None:
    insert(connection, "things", ((number, f"词{number}", None) for number in range(count)))
    found = connection.execute("SELECT number, name, note FROM things ORDER BY rowid").fetchall()
    assert found == [(number, f"词{number}", None) for number in range(count)]


def test_many_in_one_statement(connection: sqlite3.Connection) -> None:
    statements: list[str] = []
    connection.set_trace_callback(statements.append)
    insert(connection, "things", [(number, "x", "y") for number in range(6_000)])
    assert len([statement for statement in statements if statement.startswith("INSERT")]) == 3


def test_only_the_columns_that_are_named(connection: sqlite3.Connection) -> None:
    insert(connection, "things(name)", [("a",), ("b",)])
    found = connection.execute("SELECT number, name, note FROM things ORDER BY rowid").fetchall()
    assert found == [(None, "a", "none"), (None, "b", "none")]


def test_a_row_of_another_length_is_refused(connection: sqlite3.Connection) -> None:
    with pytest.raises(sqlite3.Error):
        insert(connection, "things(number, name)", [(1, "a"), (2,)])
