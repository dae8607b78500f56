"""A workbook becomes Markdown: a section with a table for each sheet, values as they are shown, no hidden cells."""

import datetime
import io
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree

from openpyxl import load_workbook

from indexes.errors import DamagedError
from ingest.formats.archive import checked
from ingest.formats.tables import pipe_table
from ingest.limits import MAX_COLUMNS, MAX_TEXT_CHARS
from ingest.raw import RawDocument

_S = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
_WHITE = {"FFFFFFFF", "00FFFFFF"}
_WHITE_THEME = 0
_PERCENT = re.compile(r"^0(?:\.(0+))?%$")


@dataclass(frozen=True, slots=True)
class _Concealed:
    """Rows and columns of a sheet that are hidden, counted from 1."""

    rows: frozenset[int]
    columns: frozenset[int]


def read_xlsx(raw: bytes) -> RawDocument:
    """Raises: DamagedError: it is no sound workbook, or is made to do harm."""
    archive = checked(raw, ".xlsx")
    book = load_workbook(io.BytesIO(raw), read_only=True, data_only=True, keep_links=False)
    hidden: list[tuple[str, str]] = []
    parts: list[str] = []
    for sheet in book.worksheets:
        if sheet.sheet_state != "visible":
            words = [word for row in sheet.iter_rows() for cell in row if (word := _shown(cell))]
            hidden += [(" ".join(words), "hidden sheet")] if words else []
            continue
        rows = list(_rows(sheet, _concealed(archive, sheet), hidden))
        if table := pipe_table(rows):
            parts.append(f"## {' '.join(sheet.title.split())}\n\n{table}")
        if sum(map(len, parts)) > MAX_TEXT_CHARS:
            raise DamagedError(f"holds more than {MAX_TEXT_CHARS:,} characters of text. Split it.")
    book.close()
    return RawDocument("\n\n".join(parts) + "\n", hidden=tuple(hidden))


def _rows(sheet: Any, concealed: _Concealed, hidden: list[tuple[str, str]]) -> Iterator[list[str]]:
    for row in sheet.iter_rows():
        shown: list[str] = []
        for cell in row:
            text = _shown(cell)
            rule = _rule(cell, concealed) if text else ""
            if rule:
                hidden.append((text, rule))
            shown.append("" if rule else text)
        while shown and not shown[-1]:
            shown.pop()
        if len(shown) > MAX_COLUMNS:
            raise DamagedError(f"has rows of more than {MAX_COLUMNS} columns ({sheet.title!r}). Split it.")
        yield shown


def _rule(cell: Any, concealed: _Concealed) -> str:
    if cell.row in concealed.rows:
        return "hidden row"
    if cell.column in concealed.columns:
        return "hidden column"
    if cell.number_format.strip() == ";;;":
        return "hidden cell"
    if cell.font.sz is not None and cell.font.sz < 1.5:
        return "tiny text"
    return "white text" if _is_white(cell.font.color) and cell.fill.fill_type is None else ""


def _is_white(colour: Any) -> bool:
    if colour is None:
        return False
    if colour.type == "theme":
        return bool(colour.theme == _WHITE_THEME and not colour.tint)
    return colour.type == "rgb" and colour.rgb in _WHITE


def _shown(cell: Any) -> str:
    value = cell.value
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, float | int):
        return _number(value, cell.number_format)
    if isinstance(value, datetime.datetime):
        return value.date().isoformat() if value.time() == datetime.time() else value.isoformat(" ", "minutes")
    return " ".join(str(value).split())


def _number(value: float, shape: str) -> str:
    """A share as per cent where it is shown so; else the number without the noise of its last digits."""
    if match := _PERCENT.match(shape):
        return f"{value:.{len(match[1] or '')}%}"
    if isinstance(value, int):
        return str(value)
    return str(int(value)) if value.is_integer() and abs(value) < 1e15 else f"{value:.12g}"


def _concealed(archive: zipfile.ZipFile, sheet: Any) -> _Concealed:
    """From the sheet's XML, as openpyxl passes over it when it streams. Rows that a filter hides are not meant."""
    rows: set[int] = set()
    columns: set[int] = set()
    filtered = False
    path = sheet._worksheet_path.lstrip("/")
    with archive.open(path) as file:
        for _, node in ElementTree.iterparse(file):
            if node.tag == f"{_S}row":
                if node.get("hidden") in {"1", "true"}:
                    rows.add(int(node.get("r", "0")))
                node.clear()
            elif node.tag == f"{_S}col" and node.get("hidden") in {"1", "true"}:
                last = min(int(node.get("max", "0")), int(node.get("min", "0")) + MAX_COLUMNS)
                columns.update(range(int(node.get("min", "0")), last + 1))
            filtered = filtered or node.tag == f"{_S}filterColumn"
    return _Concealed(frozenset() if filtered else frozenset(rows), frozenset(columns))
