"""Lines of pages become Markdown: headings by size, paragraphs by distance, lists by marker; running heads go."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from ingest.formats.pdf_page import Line
from ingest.formats.pdf_tables import Table

_HEADING_RATIO = 1.13
_HEADING_LEVELS = 4
_HEADING_CHARS = 90
_PARAGRAPH_GAP = 0.75
"""Of the line's height, between two lines of one paragraph."""
_HEAD_GAP = 0.9
"""Of the line's height, between a running head and the text."""
_FULL = 0.8
"""Share of the widest line from which on a line is one that was wrapped."""
_RECURS_ON = 3
_BULLET = re.compile(r"^[•●○▪■□◦‣➢✓·\uf0b7\uf0a7-]\s+|^[•●▪■\uf0b7\uf0a7]")
_NUMBER = re.compile(r"^(?:\d{1,3}[.)、．]|[(（]\d{1,2}[)）]|[①-⑳])\s*\S")
_PAGE_NUMBER = re.compile(
    r"^(?:page|第)?\s*[-–—|]?\s*\d{1,4}\s*(?:页|頁)?\s*(?:(?:of|/|共)\s*\d{1,4}\s*(?:页|頁)?)?\s*[-–—|]?$", re.I
)
_ENDED = re.compile(r"[。！？；!?;.…:：][”’」』）)\"']*$")
_DIVIDED = re.compile(r"\u00ad$|(?<=[a-z])-$")
_WIDE = re.compile(r"[\u2e80-\u9fff\uf900-\ufaff\uff00-\uffef，。；：！？、（）《》“”]")


@dataclass(frozen=True, slots=True)
class PageLines:
    """The lines of a page in reading order, its tables top to bottom, its width in points."""

    lines: tuple[Line, ...]
    tables: tuple[Table, ...]
    width: float


def markdown_of(pages: Sequence[PageLines]) -> tuple[str, tuple[tuple[str, str], ...]]:
    """The text, and (line, rule) of running heads and page numbers that were left out."""
    kept, dropped = _without_running_heads(pages)
    levels = _levels([line for page in kept for line in page.lines])
    blocks: list[str] = []
    open_end: Line | None = None
    for page in kept:
        parts = list(_parts(page, levels))
        first = parts[0] if parts else None
        if open_end and isinstance(first, list) and _runs_on(open_end, first[0], page, levels):
            blocks[-1] = joined([blocks[-1], *(line.text for line in first)])
            parts = parts[1:]
        blocks += [part.markdown if isinstance(part, Table) else _block(part, levels) for part in parts]
        last = parts[-1] if parts else None
        open_end = last[-1] if isinstance(last, list) else None
    return re.sub(r"(?m)^(- .*)\n\n(?=- )", r"\1\n", "\n\n".join(block for block in blocks if block)) + "\n", dropped


def joined(lines: Iterable[str]) -> str:
    """Lines of one paragraph: words that were divided are whole again, Chinese has no spaces at line ends."""
    text = ""
    for line in lines:
        if _DIVIDED.search(text) and line[:1].islower():
            text = text[:-1] + line
        elif text and not (_WIDE.match(text[-1]) and _WIDE.match(line[:1])):
            text += " " + line
        else:
            text += line
    return text.replace("\u00ad", "")


def _without_running_heads(pages: Sequence[PageLines]) -> tuple[list[PageLines], tuple[tuple[str, str], ...]]:
    largest = _body_size([line for page in pages for line in page.lines]) * _HEADING_RATIO  # "Chapter 3" is a heading
    edges = Counter(key for page in pages for key in {_key(line) for line in _edge_lines(page)})
    least = max(_RECURS_ON, len(pages) // 3)
    kept: list[PageLines] = []
    dropped: list[tuple[str, str]] = []
    for page in pages:
        rules: dict[Line, str] = {}
        for line in _edge_lines(page):
            if _PAGE_NUMBER.match(line.text):
                rules[line] = "page number"
            elif edges[_key(line)] >= least and (line.size < largest or not re.search("[0-9]", line.text)):
                rules[line] = "running head"
        dropped += [(line.text, rules[line]) for line in page.lines if line in rules]
        lines = tuple(line for line in page.lines if line not in rules)
        kept.append(PageLines(lines, page.tables, page.width))
    return kept, tuple(dropped)


def _edge_lines(page: PageLines) -> list[Line]:
    """Lines above and below the text that a gap parts from it."""
    by_height = sorted(page.lines, key=lambda line: -line.top)
    found: list[Line] = []
    for order in (by_height, by_height[::-1]):
        for number, (line, following) in enumerate(pairwise(order[:4])):
            gap = max(line.bottom, following.bottom) - min(line.top, following.top)
            if gap > _HEAD_GAP * (line.top - line.bottom):
                found += order[: number + 1]
                break
    return found


def _key(line: Line) -> str:
    return f"{re.sub(r'[0-9]+', '#', line.text)} {round(line.top / 4)}"


def _levels(lines: Sequence[Line]) -> dict[float, int]:
    """Heading level by size of type: sizes above that of most text, the largest first."""
    body = _body_size(lines)
    sizes = {line.size for line in lines}
    large = sorted((size for size in sizes if size >= body * _HEADING_RATIO), reverse=True)
    return {size: min(level, _HEADING_LEVELS) for level, size in enumerate(large, 1)}


def _body_size(lines: Sequence[Line]) -> float:
    sizes: Counter[float] = Counter()
    for line in lines:
        sizes[line.size] += len(line.text)
    return sizes.most_common(1)[0][0] if sizes else 0.0


def _parts(page: PageLines, levels: dict[float, int]) -> Iterator[list[Line] | Table]:
    """Blocks of the page in reading order; a table stands before the first line that is below it."""
    waiting = list(page.tables)
    widest = max((line.right - line.left for line in page.lines), default=0.0)
    block: list[Line] = []
    for line in page.lines:
        while waiting and line.top <= waiting[0].box[1] + 1:
            if block:
                yield block
            block = []
            yield waiting.pop(0)
        if block and _breaks(block, line, widest, levels):
            yield block
            block = []
        block.append(line)
    if block:
        yield block
    yield from waiting


def _breaks(block: Sequence[Line], line: Line, widest: float, levels: dict[float, int]) -> bool:
    """Whether a line opens a new block."""
    last = block[-1]
    if (line.size in levels or last.size in levels) and line.size != last.size:
        return True
    if line.heavy != last.heavy and (len(block) == 1 or line.heavy) and not _PAGE_NUMBER.match(line.text):
        return True
    if _BULLET.match(line.text) or _NUMBER.match(line.text):
        return True
    gap = last.bottom - line.top
    height = last.top - last.bottom
    if gap > _PARAGRAPH_GAP * height or gap < -3 * height:
        return True
    if line.size in levels:
        return False
    indented = line.left > last.left + 0.8 * height and not _BULLET.match(block[0].text)
    short = last.right - last.left < _FULL * widest and last.right < line.left + _FULL * widest
    return (indented and bool(_ENDED.search(last.text))) or (short and bool(_ENDED.search(last.text)))


def _runs_on(last: Line, line: Line, page: PageLines, levels: dict[float, int]) -> bool:
    """Whether the first line of a page goes on with the paragraph at the end of the page before."""
    return (
        last.size == line.size
        and last.size not in levels
        and not _ENDED.search(last.text)
        and not (_BULLET.match(line.text) or _NUMBER.match(line.text))
        and last.right - last.left > 0.5 * page.width
        and last.heavy == line.heavy
    )


def _block(lines: Sequence[Line], levels: dict[float, int]) -> str:
    text = joined(line.text for line in lines)
    short = len(text) <= _HEADING_CHARS and not (_ENDED.search(text) and not text.endswith(("?", "？")))
    if lines[0].size in levels and len(text) <= 2 * _HEADING_CHARS:
        return f"{'#' * levels[lines[0].size]} {text}"
    if short and len(lines) <= 2 and all(line.heavy for line in lines) and not _BULLET.match(text):
        return f"{'#' * min(max(levels.values(), default=0) + 1, 6)} {text}"
    if match := _BULLET.match(text):
        return f"- {text[match.end() :].lstrip()}"
    return text
