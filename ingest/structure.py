"""A cleaned text becomes sections of blocks (prose, list, table, code), each with exact offsets into that text."""

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeAlias

from indexes.types import ChunkKind, Section
from ingest.headings import Heading, find_headings
from ingest.lines import (
    BULLET,
    EMPTY_BULLET,
    LEAD_END,
    NUMBER,
    RULE,
    SENTENCE_END,
    bare_code,
    fenced_lines,
    is_table_rule,
)

Span: TypeAlias = tuple[int, int]
"""[start, end) in code points of the text."""
Code: TypeAlias = tuple[int, bool]
"""The line after a run of code, and whether it is fenced."""


MIN_WRAPPED = 40
MIN_WRAPPED_HAN = 60
"""Columns of a line that an editor may have wrapped; Chinese fills its lines, English breaks at words."""

_LABEL = re.compile(r"\s*[^\s:：,，。]{1,12}\s?[:：]")
_HAN = re.compile(r"[\u4e00-\u9fff]")


@dataclass(frozen=True, slots=True)
class Item:
    """A list item without its nested items; `depth` 0 is outermost. `start` is the marker, `body` what follows it."""

    start: int
    body: int
    end: int
    depth: int


@dataclass(frozen=True, slots=True)
class Block:
    """A paragraph, list, table or run of code; `rows` are a table's data rows, `inner` is code without its fences."""

    kind: ChunkKind
    start: int
    end: int
    items: tuple[Item, ...] = ()
    header: Span | None = None
    rows: tuple[Span, ...] = ()
    inner: Span | None = None


@dataclass(frozen=True, slots=True)
class Part:
    """A section with its blocks in order; a section without blocks is a heading alone."""

    section: Section
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class Lines:
    """A text as lines with the offset of each."""

    text: tuple[str, ...]
    starts: tuple[int, ...]
    """One more than there are lines: the last is where the text ends."""

    @classmethod
    def of(cls, text: str) -> "Lines":
        lines = text.split("\n")
        starts, offset = [], 0
        for line in lines:
            starts.append(offset)
            offset += len(line) + 1
        return cls(tuple(lines), (*starts, len(text)))

    def span(self, first: int, last: int) -> Span:
        """From the first visible character of line `first` to the last one of line `last - 1`."""
        head, tail = self.text[first], self.text[last - 1]
        return self.starts[first] + len(head) - len(head.lstrip()), self.starts[last - 1] + len(tail.rstrip())


def parse(text: str, title: str = "") -> tuple[Part, ...]:
    """Sections in order, from the start of the text to its end. A top heading that is the title opens no path."""
    lines = Lines.of(text)
    code = _code(lines.text)
    headings = find_headings(
        lines.text, frozenset(i for first, (last, _) in code.items() for i in range(first, last)), title
    )
    parts: list[Part] = []
    path: list[tuple[int, str]] = []
    edges = [*headings, Heading(len(lines.text), len(lines.text), 0, "")]
    if edges[0].first > 0:
        parts.append(_part(lines, (), 0, edges[0].first, code))
    for heading, following in pairwise(edges):
        path = [entry for entry in path if entry[0] < heading.level]
        if not (heading.level == 1 and _same(heading.text, title)):
            path.append((heading.level, heading.text))
        names = tuple(name for _, name in path)
        parts.append(_part(lines, names, heading.last, following.first, code))
    return tuple(part for part in parts if part.section.heading or part.blocks)


def _same(left: str, right: str) -> bool:
    return "".join(unicodedata.normalize("NFKC", left).split()) == "".join(unicodedata.normalize("NFKC", right).split())


def _code(lines: Sequence[str]) -> dict[int, Code]:
    """Runs of code by their first line."""
    fenced = fenced_lines(lines)
    taken = frozenset(index for span in fenced for index in range(*span))
    bare = bare_code(lines, taken)
    return {first: (last, True) for first, last in fenced} | {first: (last, False) for first, last in bare}


def _part(lines: Lines, path: tuple[str, ...], first: int, last: int, code: Mapping[int, Code]) -> Part:
    return Part(Section(path, lines.starts[first], lines.starts[last]), tuple(_blocks(lines, first, last, code)))


def _blocks(lines: Lines, first: int, last: int, code: Mapping[int, Code]) -> Iterator[Block]:
    index = first
    while index < last:
        line = lines.text[index]
        if not line.strip() or RULE.match(line):
            index += 1
        elif index in code:
            end, fenced = code[index]
            yield _code_block(lines, index, end, fenced)
            index = end
        elif index + 1 < last and "|" in line and is_table_rule(lines.text[index + 1]):
            end = _end_of_table(lines.text, index + 2, last)
            yield _table(lines, index, end)
            index = end
        elif _marker(line):
            end = _end_of_list(lines.text, index, last, code)
            yield _list(lines, index, end)
            index = end
        else:
            end = _end_of_paragraph(lines.text, index, last, code)
            yield Block(ChunkKind.PROSE, *lines.span(index, end))
            index = end


def _code_block(lines: Lines, first: int, last: int, fenced: bool) -> Block:
    start, end = lines.span(first, last)
    body_last = last - 1 if fenced and last - first > 1 and set(lines.text[last - 1].strip()) <= set("`~") else last
    body_first = first + 1 if fenced else first
    while body_first < body_last and not lines.text[body_first].strip():
        body_first += 1
    while body_last > body_first and not lines.text[body_last - 1].strip():
        body_last -= 1
    inner = lines.span(body_first, body_last) if body_last > body_first else (start, end)
    return Block(ChunkKind.CODE, start, end, inner=inner)


def _end_of_table(lines: Sequence[str], index: int, last: int) -> int:
    while index < last and "|" in lines[index]:
        index += 1
    return index


def _table(lines: Lines, first: int, last: int) -> Block:
    start, end = lines.span(first, last)
    rows = tuple(row for index in range(first + 2, last) if (row := _row(lines, index)))
    return Block(ChunkKind.TABLE, start, end, header=_row(lines, first), rows=rows)


def _row(lines: Lines, index: int) -> Span | None:
    """A row without its outer bars; None when its cells are empty."""
    line = lines.text[index]
    left = len(line) - len(line.lstrip(" |"))
    right = len(line.rstrip(" |"))
    return (lines.starts[index] + left, lines.starts[index] + right) if right > left else None


def _marker(line: str) -> re.Match[str] | None:
    return BULLET.match(line) or NUMBER.match(line) or EMPTY_BULLET.match(line)


def _end_of_list(lines: Sequence[str], index: int, last: int, code: Mapping[int, Code]) -> int:
    """A list goes on over blank lines to the next item or indented line; a line at the margin continues an item."""
    empty = EMPTY_BULLET.match(lines[index]) is not None
    index += 1
    while index < last:
        line = lines[index]
        if index in code:
            return index
        if not line.strip():
            following = _next_filled(lines, index, last)
            if following == last or following in code or not (_marker(lines[following]) or lines[following][0] == " "):
                return index
            index = following
            continue
        if _marker(line):
            empty = EMPTY_BULLET.match(line) is not None
        elif not line[0].isspace() and not empty:
            if not _continues(lines, index, last):
                return index
        else:
            empty = False
        index += 1
    return index


def _continues(lines: Sequence[str], index: int, last: int) -> bool:
    """Whether a line at the margin is the wrapped rest of the item above it."""
    table = index + 1 < last and is_table_rule(lines[index + 1])
    return not table and not RULE.match(lines[index]) and _wrapped(lines[index - 1], lines[index])


def _next_filled(lines: Sequence[str], index: int, last: int) -> int:
    while index < last and not lines[index].strip():
        index += 1
    return index


def _list(lines: Lines, first: int, last: int) -> Block:
    start, end = lines.span(first, last)
    heads = [index for index in range(first, last) if _marker(lines.text[index])]
    items: list[Item] = []
    indents: list[int] = []
    for index, following in zip(heads, [*heads[1:], last], strict=True):
        while not lines.text[following - 1].strip():
            following -= 1
        line = lines.text[index]
        indent = len(line) - len(line.lstrip())
        while indents and indents[-1] > indent:
            indents.pop()
        if not indents or indents[-1] < indent:
            indents.append(indent)
        depth = len(indents) - 1
        if EMPTY_BULLET.match(line):  # pages copied as text: sub-items hang under an empty marker at the margin
            if following - index < 2:
                continue
            item_start, item_end = lines.span(index + 1, following)
            items.append(Item(item_start, item_start, item_end, depth + 1))
            continue
        item_start, item_end = lines.span(index, following)
        bullet = BULLET.match(line)
        body = lines.starts[index] + bullet.end() if bullet else item_start
        items.append(Item(item_start, body, item_end, depth))
    if not items:
        return Block(ChunkKind.PROSE, start, end)
    return Block(ChunkKind.LIST, start, end, items=tuple(items))


def _end_of_paragraph(lines: Sequence[str], index: int, last: int, code: Mapping[int, Code]) -> int:
    index += 1
    while index < last:
        line = lines[index]
        table = index + 1 < last and "|" in line and is_table_rule(lines[index + 1])
        if not line.strip() or index in code or RULE.match(line) or _marker(line) or table:
            break
        if not _wrapped(lines[index - 1], line):
            break
        index += 1
    return index


def _wrapped(above: str, line: str) -> bool:
    """Whether `line` goes on with the sentence of `above`.

    Text wrapped by an editor fills its lines; a page copied as text has a statement on each line, short or labelled.
    """
    if SENTENCE_END.search(above) or LEAD_END.search(above) or LEAD_END.search(line) or _LABEL.match(line):
        return False
    return _width(above) >= (MIN_WRAPPED_HAN if _HAN.search(above) else MIN_WRAPPED)


def _width(line: str) -> int:
    """Columns: wide characters take two."""
    return sum(2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in line)
