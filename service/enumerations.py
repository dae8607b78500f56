"""Finds what a text lists – `A、B和C`, `(Java/Go/Rust)`, bulleted lines – as items with exact offsets."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

_CLAUSE = re.compile(r"[^；;。|\n]+")
_PARENTHESISED = re.compile(r"[（(]([^（()）]*)[)）]")
_LINE = re.compile(r"^[ \t]*(?:[-*•]|\d{1,2}[.)、])[ \t]*(.+?)[ \t]*$", re.MULTILINE)
_INTRODUCED = re.compile(r"^.*(?:：|:\s|包括|分别是|分为|例如|比如|如(?=[A-Za-z])|有：)")
_LAST = re.compile(r"和|与|以及|及|或者?| and | or ")
_NUMBERED = re.compile(r"\s*\d{1,2}[.、]\s*")
_EDGES = " \t，,、。.；;：:“”\"'·-*"
MAX_ITEM_CHARS = 24


@dataclass(frozen=True, slots=True)
class Item:
    """A listed thing at [start, end) of the text it was found in, without what stands in brackets `behind` it."""

    text: str
    start: int
    end: int
    behind: str = ""


@dataclass(frozen=True, slots=True)
class Enumeration:
    """At least two items; start and end span the clause or the lines that list them.

    `loose`: nothing marks where the list begins, so that its first item may have words before it and its last one words
    after it: `对GPU、TPU有了解`.
    """

    items: tuple[Item, ...]
    start: int
    end: int
    loose: bool = False


def enumerations(text: str) -> list[Enumeration]:
    """Lists of a text in order; lists inside brackets are lists of their own."""
    lines = [_item(text, match.start(1), match.end(1)) for match in _LINE.finditer(text)]
    whole = [line for line in lines if line is not None]
    found = [Enumeration(tuple(whole), whole[0].start, whole[-1].end)] if len(whole) > 1 else []
    for clause in _CLAUSE.finditer(text):
        for match in _PARENTHESISED.finditer(text, clause.start(), clause.end()):
            found += _listed(text, match.start(1), match.end(1), apart=True)
        found += _listed(text, clause.start(), clause.end(), apart=False)
    return found


def _listed(text: str, start: int, end: int, *, apart: bool) -> Iterator[Enumeration]:
    """The one list of a clause, if it is one: parted by `、`, else by `/`, else by `+` or commas between names.

    Args:
        apart: whether the clause stands in brackets of its own.
    """
    introduced = _INTRODUCED.match(_without_brackets(text[start:end]))
    first = start + introduced.end() if introduced else start
    for mark in ("、", "/", " + ", ", "):
        spans = list(_parts(text, first, end, mark))
        if len(spans) > 1:
            opened = spans[0] = _behind_comma(text, *spans[0])
            spans = _within_quotes(text, spans)
            if mark == "/" and any("，" in _without_brackets(text[a:b]) for a, b in spans[1:-1]):
                return
            for own in _parted(text, spans):
                items = [item for a, b in own if (item := _item(text, a, b)) is not None]
                if len(items) > 1 and len(items) == len(own):
                    begun = bool(introduced) and opened[0] == first and own[0] == opened
                    yield Enumeration(tuple(items), start, end, loose=not apart and not begun)
            return


def _parts(text: str, start: int, end: int, mark: str) -> Iterator[tuple[int, int]]:
    """Spans between marks outside brackets; the last part may hold two items joined by `和` or `and`."""
    depth, since, count = 0, start, 0
    for index in range(start, end):
        depth += (text[index] in "（(") - (text[index] in "）)")
        if depth == 0 and text.startswith(mark, index):
            yield since, index
            since, count = index + len(mark), count + 1
    joined = _LAST.search(text, since, end) if count and mark == "、" else None
    if joined and joined.start() > since and joined.end() < end:
        yield since, joined.start()
        since = joined.end()
    yield since, end


def _parted(text: str, spans: Sequence[tuple[int, int]]) -> list[list[tuple[int, int]]]:
    """The lists of which a comma inside ends one and begins the next: `…、实时数据处理普及以后，例子有推荐系统、…`."""
    found = [[spans[0]]]
    for number, (start, end) in enumerate(spans[1:], 2):
        commas = [at for at, char in enumerate(_without_brackets(text[start:end])) if char == "，"]
        if not commas or number == len(spans):
            found[-1].append((start, end))
            continue
        found[-1].append((start, start + commas[0]))
        found.append([(start + commas[-1] + 1, end)])
    return found


def _without_brackets(text: str) -> str:
    """The same with blanks for brackets and what is in them: `例如` there introduces no list out here."""
    return _PARENTHESISED.sub(lambda match: " " * len(match.group()), text)


def _behind_comma(text: str, start: int, end: int) -> tuple[int, int]:
    """A first item without the clause before it: `…，兼顾技术深度、工程实践`."""
    comma = _without_brackets(text[start:end]).rfind("，")
    return (start + comma + 1, end) if comma >= 0 else (start, end)


def _within_quotes(text: str, spans: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Of a list that stands in quotation marks as a whole, what is within them: `要能处理“海量、异构”的数据`."""
    (start, first), (last, end) = spans[0], spans[-1]
    opened, closed = text.rfind("“", start, first), text.find("”", last, end)
    if min(opened, closed) < 0 or "”" in text[opened:first] or "“" in text[last:closed]:
        return list(spans)
    return [(opened + 1, first), *spans[1:-1], (last, closed)]


def _is_balanced(text: str) -> bool:
    """Whether each bracket and quotation mark of a text has its other half."""
    return all(text.count(left) == text.count(right) for left, right in ("()", "（）", "[]", "“”", "《》", "「」"))


def _item(text: str, start: int, end: int) -> Item | None:
    """The part without brackets, quotation marks and what follows a comma; None when it is no short thing."""
    bracket = re.search(r"[（(，,：:]", text[start:end])
    if bracket and bracket.start() > 0:
        end = start + bracket.start()
    numbered = _NUMBERED.match(text, start, end)
    start = numbered.end() if numbered else start
    while start < end and text[start] in _EDGES:
        start += 1
    while end > start and text[end - 1] in _EDGES:
        end -= 1
    is_short = 0 < end - start <= MAX_ITEM_CHARS
    if not is_short or not _is_balanced(text[start:end]):
        return None
    behind = _PARENTHESISED.match(text, end)
    return Item(text[start:end], start, end, behind[1] if behind else "")
