"""Rows of cells become a pipe table, the one shape in which tables of every format go on."""

from collections.abc import Sequence


def pipe_table(rows: Sequence[Sequence[str]]) -> str:
    """Markdown with the first row as header; empty rows and columns go; one column alone is paragraphs."""
    filled = [[cell(text) for text in row] for row in rows]
    filled = [row for row in filled if any(row)]
    if not filled:
        return ""
    width = max(len(row) for row in filled)
    square = [[*row, *[""] * (width - len(row))] for row in filled]
    kept = [column for column in range(width) if any(row[column] for row in square)]
    if len(kept) == 1:
        return "\n\n".join(row[kept[0]].replace(r"\|", "|") for row in square)
    lines = ["| " + " | ".join(row[column] for column in kept) + " |" for row in square]
    return "\n".join([lines[0], "|" + "---|" * len(kept), *lines[1:]])


def cell(text: str) -> str:
    """One line, with bars that are text told from bars that part cells."""
    return " ".join(text.split()).replace("|", r"\|")
