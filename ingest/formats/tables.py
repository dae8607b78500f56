"""Rows of cells become a pipe table, the one shape in which tables of every format go on."""

import io
from collections.abc import Callable, Iterable, Sequence


def pipe_table(rows: Sequence[Sequence[str]]) -> str:
    """Markdown with the first row as header; empty rows and columns go; one column alone is paragraphs."""
    return long_table(lambda: rows)


def long_table(read: Callable[[], Iterable[Sequence[str]]]) -> str:
    """`pipe_table` of rows that are read twice, so that a million of them need not be held."""
    used: set[int] = set()
    for row in read():
        used.update(column for column, text in enumerate(row) if column not in used and text.strip())
    columns = sorted(used)
    if not columns:
        return ""
    if len(columns) == 1:
        texts = (" ".join(row[columns[0]].split()) for row in read() if len(row) > columns[0])
        return "\n\n".join(text for text in texts if text)
    out = io.StringIO()
    for row in read():
        cells = [cell(row[column]) if column < len(row) else "" for column in columns]
        if any(cells):
            rule = "" if out.tell() else "\n|" + "---|" * len(columns)
            out.write(f"{'' if rule else chr(10)}| {' | '.join(cells)} |{rule}")
    return out.getvalue()


def cell(text: str) -> str:
    """One line, with bars that are text told from bars that part cells."""
    return " ".join(text.split()).replace("|", r"\|")
