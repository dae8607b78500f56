"""Finds headings: Markdown's own, or in loose plain text the numbered and bare ones."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from ingest.lines import HEADING, LEAD_END, NUMBER, RULE, SENTENCE_END, UNDERLINE, heading_text, is_item, is_table_rule
from ingest.markup import inline


@dataclass(frozen=True, slots=True)
class Heading:
    """Lines [first, last) are the heading; the body starts at line `last`."""

    first: int
    last: int
    level: int
    text: str


MAX_CHARS = 40
MAX_BARE_CHARS = 24
BARE = 7
"""Level of a heading that shows no level, until its neighbours give it one."""

_CHAPTER = re.compile(r"^(?:[一二三四五六七八九十]{1,3}、|第[一二三四五六七八九十百\d]{1,4}[章部篇])\s*\S")
_STAGE = re.compile(
    r"^(?:第[一二三四五六七八九十\d]{1,3}(?:阶段|步|节|周|天)|[（(][一二三四五六七八九十]{1,3}[)）])\s*\S"
)
_DECIMAL = re.compile(r"^\d{1,2}(?P<deep>(?:\.\d{1,2}){1,3})[.、]?\s+\S")
_ORDINAL = re.compile(r"^\d{1,2}[.、]\s*\S")
_STATEMENT_MARK = re.compile(r"[，。；！？,;!?|]|[:：]\s*\S|[：:]$|^[^\w\s《（(【“]")


def find_headings(lines: Sequence[str], code: frozenset[int], title: str = "") -> list[Heading]:
    """Headings in order. A text with one Markdown heading is Markdown; one without is searched for loose ones."""
    found = _markdown(lines, code)
    return found if found else _loose(lines, code, title)


def _markdown(lines: Sequence[str], code: frozenset[int]) -> list[Heading]:
    found: list[Heading] = []
    for index, line in enumerate(lines):
        if index in code:
            continue
        if (match := HEADING.match(line)) and (text := inline(heading_text(match)).strip()):
            found.append(Heading(index, index + 1, len(match["marks"]), text))
        elif _is_underlined(lines, index, code):
            level = 1 if "=" in lines[index + 1] else 2
            found.append(Heading(index, index + 2, level, inline(line).strip()))
    return found


def _is_underlined(lines: Sequence[str], index: int, code: frozenset[int]) -> bool:
    """A single line of text above a line of = or of -."""
    line = lines[index]
    if index + 1 >= len(lines) or index + 1 in code or not UNDERLINE.match(lines[index + 1]):
        return False
    above = lines[index - 1].strip() if index else ""
    return bool(line.strip()) and not above and not is_item(line) and not RULE.match(line) and "|" not in line


@dataclass(frozen=True, slots=True)
class _Line:
    """A filled line with its filled neighbours; `apart` from each by blank lines or the end of the text."""

    text: str
    above: str | None
    below: str | None
    apart_above: bool
    apart_below: bool
    above_heading: bool
    code_below: bool

    @property
    def bare(self) -> str:
        return self.text.strip()


def _loose(lines: Sequence[str], code: frozenset[int], title: str) -> list[Heading]:
    """Levels: 1 the title, 2 chapters (一、) and bare headings, 3 numbered ones, deeper as 3.1.1 says."""
    filled = [index for index, line in enumerate(lines) if line.strip()]
    found: list[Heading] = []
    for position, index in enumerate(filled):
        above = filled[position - 1] if position else None
        below = filled[position + 1] if position + 1 < len(filled) else None
        if index in code or below is None:
            continue
        line = _Line(
            text=lines[index],
            above=None if above is None else lines[above],
            below=lines[below],
            apart_above=above is None or above < index - 1,
            apart_below=below > index + 1,
            above_heading=bool(found) and found[-1].first == above,
            code_below=below in code,
        )
        if level := _level(line, title):
            found.append(Heading(index, index + 1, level, line.bare))
    return _with_levels(found, filled)


def _level(line: _Line, title: str) -> int:
    text = line.bare
    if line.above is None and title and text == title:
        return 1
    if len(text) > MAX_CHARS or SENTENCE_END.search(text):
        return 0
    if _CHAPTER.match(text):
        return 2
    if match := _DECIMAL.match(text):
        return 2 + match["deep"].count(".")
    if (_STAGE.match(text) and not LEAD_END.search(text)) or (_ORDINAL.match(text) and _heads_a_section(line)):
        return 3
    return BARE if _is_bare(line) else 0


def _with_levels(found: Sequence[Heading], filled: Sequence[int]) -> list[Heading]:
    """Bare headings show no depth: they are chapters, but of exactly two in a row the second is a child."""
    order = {line: position for position, line in enumerate(filled)}
    runs: list[list[Heading]] = []
    for heading in found:
        joins = runs and heading.level == runs[-1][-1].level == BARE
        if joins and order[heading.first] == order[runs[-1][-1].first] + 1:
            runs[-1].append(heading)
        else:
            runs.append([heading])
    return [
        replace(heading, level=3 if position == 1 and len(run) == 2 else 2) if heading.level == BARE else heading
        for run in runs
        for position, heading in enumerate(run)
    ]


def _heads_a_section(line: _Line) -> bool:
    """'1. Name' heads a section when a table, prose or bullets at the margin follow; in a list 2. or a child does."""
    if line.text[0].isspace() or ":" in line.text or "：" in line.text or line.below is None:
        return False
    return not NUMBER.match(line.below) and not line.below[0].isspace()


def _is_bare(line: _Line) -> bool:
    """A short line that states nothing, set apart by blank lines or standing between complete sentences."""
    text, below = line.text, line.below or ""
    if len(text) > MAX_BARE_CHARS or text[0].isspace() or _STATEMENT_MARK.search(text) or is_item(text):
        return False
    if line.code_below or is_table_rule(below):
        return False
    if line.apart_above and line.apart_below:
        return True
    above = line.above or ""
    between = line.apart_above or line.above_heading or SENTENCE_END.search(above) or above.rstrip().endswith("|")
    return bool(between) and not line.apart_below and (len(below) > 2 * MAX_BARE_CHARS or bool(_ORDINAL.match(below)))
