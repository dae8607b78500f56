"""From supporting units to quotes: the smallest spans of the document that hold what the sentence says."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from indexes.types import Chunk, Unit, UnitKind
from service.types import Passage

LONG_CHARS = 90
_PIECE = re.compile(r"[^；;。！？!?|\n]+[；;。！？!?]?")

Covers: TypeAlias = Callable[[str], frozenset[object]]
"""What of the claim a stretch of text holds."""


@dataclass(frozen=True, slots=True)
class Spot:
    """A unit where it stands: `at` counts the units of all passages in order."""

    passage: Passage
    at: int
    unit: Unit
    cosine: float
    hinted: bool = False


@dataclass(frozen=True, slots=True)
class Quote:
    """[start, end) of the document that `passage` is from."""

    passage: Passage
    start: int
    end: int


def quote_spans(spots: Sequence[Spot]) -> list[Quote]:
    """Neighbouring units of one passage are one quote; quotes come in the order of the passages."""
    quotes: list[Quote] = []
    last: Spot | None = None
    for spot in sorted(spots, key=lambda spot: spot.at):
        if last and spot.at == last.at + 1 and spot.passage is last.passage and spot.unit.start >= last.unit.end:
            quotes[-1] = Quote(spot.passage, quotes[-1].start, spot.unit.end)
        else:
            quotes.append(Quote(spot.passage, spot.unit.start, spot.unit.end))
        last = spot
    return quotes


def tighten(quote: Quote, covers: Covers) -> Quote:
    """Cuts a long quote down to the shortest run of its clauses or cells that holds as much of the claim."""
    text = text_of(quote)
    if len(text) <= LONG_CHARS:
        return quote
    pieces = [(match.start(), match.end()) for match in _PIECE.finditer(text) if match.group().strip(" \t-:")]
    held = [covers(text[start:end]) for start, end in pieces]
    wanted: frozenset[object] = frozenset().union(*held)
    if not wanted:
        return quote
    runs = [
        (pieces[last][1] - pieces[first][0], first, last)
        for first in range(len(pieces))
        for last in range(first, len(pieces))
        if frozenset().union(*held[first : last + 1]) >= wanted
    ]
    _, first, last = min(runs)
    return trimmed(quote, quote.start + pieces[first][0], quote.start + pieces[last][1])


def trimmed(quote: Quote, start: int, end: int) -> Quote:
    """Without outer blanks; never empty."""
    text = quote.passage.hit.chunk.text
    base = quote.passage.hit.chunk.start
    while start < end - 1 and text[start - base].isspace():
        start += 1
    while end > start + 1 and text[end - 1 - base].isspace():
        end -= 1
    return Quote(quote.passage, start, end)


def text_of(quote: Quote) -> str:
    chunk = quote.passage.hit.chunk
    return chunk.text[quote.start - chunk.start : quote.end - chunk.start]


def units_of(chunk: Chunk) -> tuple[Unit, ...]:
    """The spans of a chunk that may be cited; a chunk without units is one."""
    return chunk.units or (Unit(chunk.id, UnitKind.SENTENCE, chunk.start, chunk.end, chunk.text, ""),)
