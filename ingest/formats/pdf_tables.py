"""Ruled tables of a page: pdfplumber finds the cells between the lines, characters fall into the cell they stand in."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ingest.formats.pdf_page import Box, Glyph, lines_of
from ingest.formats.tables import pipe_table

_STRAIGHT = 1.0
_SHORTEST = 3.0
_SNAP = 3.0


@dataclass(frozen=True, slots=True)
class Edge:
    """A straight line along one axis, in points."""

    left: float
    bottom: float
    right: float
    top: float

    @classmethod
    def between(cls, one: tuple[float, float], two: tuple[float, float]) -> "Edge | None":
        """None when the line is slanted or short."""
        (x, y), (u, v) = one, two
        wide, high = abs(x - u), abs(y - v)
        if min(wide, high) > _STRAIGHT or max(wide, high) < _SHORTEST:
            return None
        if wide > high:
            return cls(min(x, u), y, max(x, u), y)
        return cls(x, min(y, v), x, max(y, v))

    def as_plumber(self) -> dict[str, Any]:
        """pdfplumber counts y downwards: the page is turned over about its lower edge."""
        level = self.bottom == self.top
        return {
            "x0": self.left,
            "x1": self.right,
            "top": -self.top,
            "bottom": -self.bottom,
            "width": self.right - self.left,
            "height": self.top - self.bottom,
            "orientation": "h" if level else "v",
            "object_type": "line",
        }


@dataclass(frozen=True, slots=True)
class Table:
    box: Box
    rows: tuple[tuple[str, ...], ...]

    def holds(self, glyph: Glyph) -> bool:
        x, y = glyph.middle
        return glyph.char != "\n" and self.box[0] <= x <= self.box[2] and self.box[1] <= y <= self.box[3]

    @property
    def markdown(self) -> str:
        return pipe_table(self.rows)


def tables_of(edges: Sequence[Edge], glyphs: Sequence[Glyph]) -> list[Table]:
    """Of at least two rows and two columns; top to bottom."""
    from pdfplumber.table import cells_to_tables, edges_to_intersections, intersections_to_cells, merge_edges

    if len(edges) < 4:
        return []
    merged = merge_edges([edge.as_plumber() for edge in edges], _SNAP, _SNAP, _SNAP, _SNAP)
    cells = intersections_to_cells(edges_to_intersections(merged, _SNAP, _SNAP))
    found = [
        _table([(left, -bottom, right, -top) for left, top, right, bottom in group], glyphs)
        for group in cells_to_tables(cells)
    ]
    real = [table for table in found if len(table.rows) >= 2 and max(map(len, table.rows)) >= 2]
    return sorted((table for table in real if any(map(any, table.rows))), key=lambda table: -table.box[3])


def _table(cells: Sequence[Box], glyphs: Sequence[Glyph]) -> Table:
    box = (min(c[0] for c in cells), min(c[1] for c in cells), max(c[2] for c in cells), max(c[3] for c in cells))
    lefts = sorted({cell[0] for cell in cells})
    tops = sorted({cell[3] for cell in cells}, reverse=True)
    inside: dict[Box, list[Glyph]] = defaultdict(list)
    for glyph in glyphs:
        x, y = glyph.middle
        for cell in cells if box[0] <= x <= box[2] and box[1] <= y <= box[3] else ():
            if cell[0] <= x <= cell[2] and cell[1] <= y <= cell[3]:
                inside[cell].append(glyph)
                break
    rows = [[""] * len(lefts) for _ in tops]
    for cell in cells:
        rows[tops.index(cell[3])][lefts.index(cell[0])] = _text(inside[cell])
    return Table(box, tuple(tuple(row) for row in rows))


def _text(glyphs: Sequence[Glyph]) -> str:
    """Line feeds are outside of cells, so a line ends where the next character stands lower."""
    broken: list[Glyph] = []
    for glyph in glyphs:
        if broken and glyph.char.strip() and glyph.top < broken[-1].bottom + (glyph.top - glyph.bottom) * 0.3:
            broken.append(Glyph("\n", 0, 0, 0, 0))
        if glyph.char.strip() or glyph.right > glyph.left:
            broken.append(glyph)
    from ingest.formats.pdf_layout import joined

    return joined([line.text for line in lines_of(broken)])
