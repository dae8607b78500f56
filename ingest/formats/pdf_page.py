"""The characters of one page: which of them are hidden, and the lines that the others make."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TypeAlias

Box: TypeAlias = tuple[float, float, float, float]
"""(left, bottom, right, top) in points, y upwards."""

_TINY_POINTS = 1.5
_MAX_GROUNDS = 500


@dataclass(frozen=True, slots=True)
class Glyph:
    """A character at its place; `ink` names what makes it invisible on a white page, `heavy` is bold."""

    char: str
    left: float
    bottom: float
    right: float
    top: float
    ink: str = ""
    heavy: bool = False

    @property
    def middle(self) -> tuple[float, float]:
        return (self.left + self.right) / 2, (self.bottom + self.top) / 2


@dataclass(frozen=True, slots=True)
class Line:
    """A line of text on the page; `size` is the height most of its characters have, in half points."""

    text: str
    left: float
    right: float
    bottom: float
    top: float
    size: float
    heavy: bool


def without_hidden(
    glyphs: Iterable[Glyph], page: Box, grounds: Sequence[Box]
) -> tuple[list[Glyph], list[tuple[str, str]]]:
    """What a reader sees, and (text, rule) of what not."""
    seen: list[Glyph] = []
    ruled: list[tuple[str, str]] = []
    for glyph in glyphs:
        rule = _rule(glyph, page, grounds) if glyph.char.strip() else ""
        if rule:
            ruled.append((glyph.char, rule))
            continue
        seen.append(glyph)
        if ruled and ruled[-1][0] != " " and not glyph.char.strip():
            ruled.append((" ", ruled[-1][1]))
    runs = [("".join(char for char, _ in run), rule) for rule, run in groupby(ruled, key=lambda item: item[1])]
    return seen, [(" ".join(text.split()), rule) for text, rule in runs if text.strip()]


def _rule(glyph: Glyph, page: Box, grounds: Sequence[Box]) -> str:
    if glyph.left == glyph.right == glyph.top == 0.0:
        return ""
    x, y = glyph.middle
    if not (page[0] - 2 <= x <= page[2] + 2 and page[1] - 2 <= y <= page[3] + 2):
        return "off the page"
    if glyph.top - glyph.bottom < _TINY_POINTS:
        return "tiny text"
    if glyph.ink == "white text" and any(_inside(x, y, ground) for ground in grounds[:_MAX_GROUNDS]):
        return ""
    return glyph.ink


def _inside(x: float, y: float, box: Box) -> bool:
    return box[0] <= x <= box[2] and box[1] <= y <= box[3]


def lines_of(glyphs: Iterable[Glyph]) -> Iterator[Line]:
    """Between line feeds; where a table was taken out of a line, what stood on both sides of it stays apart."""
    run: list[Glyph] = []
    for glyph in glyphs:
        if glyph.char == "\n":
            yield from _line(run)
            run = []
        else:
            run.append(glyph)
    yield from _line(run)


def _line(run: Sequence[Glyph]) -> Iterator[Line]:
    placed = [glyph for glyph in run if glyph.char.strip() and glyph.right > glyph.left]
    text = " ".join("".join(glyph.char for glyph in run).split(" ")).strip()
    if not placed or not text:
        return
    sizes = Counter(round(2 * (glyph.top - glyph.bottom)) / 2 for glyph in placed)
    yield Line(
        text=" ".join(text.split()),
        left=min(glyph.left for glyph in placed),
        right=max(glyph.right for glyph in placed),
        bottom=min(glyph.bottom for glyph in placed),
        top=max(glyph.top for glyph in placed),
        size=sizes.most_common(1)[0][0],
        heavy=sum(glyph.heavy for glyph in placed) > 0.9 * len(placed),
    )
