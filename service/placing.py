"""Where a name stands in a passage or in the best rows, and the clause around a place; pure text."""

import re
from collections.abc import Sequence

from indexes.types import Chunk, Hit, Unit
from service.grounding.glossary import load_glossary
from service.grounding.words import fold
from service.types import Citation

COPIED_SCORE = 0.8
"""What a citation of words found letter by letter scores."""
BEST_UNITS = 2
"""Units of each of the two best hits that are its best rows: where a copied fragment may stand, for one."""
_CLAUSE_ENDS = "，。；|\n"
_LONGEST_CLAUSE = 80
_LONGEST_NAME = 40
_OPENING = 6
"""Characters of numbering or quotation marks that may stand before the name that opens a unit."""


def named(chunk: Chunk, name: str) -> Citation | None:
    """Where a unit of a chunk opens with a name, or in its own language with what the glossary knows it as."""
    for unit in chunk.units:
        at = unit.text.casefold().find(name.casefold(), 0, len(name) + _OPENING)
        if at >= 0:
            start = unit.start + at
            return Citation(0, chunk, start, start + len(name), unit.text[at : at + len(name)], COPIED_SCORE)
    wanted = _known_as(name)
    for unit in chunk.units if wanted else ():
        opening = [m for m in load_glossary().mentions(fold(unit.text[:_LONGEST_NAME])) if m.start <= _OPENING]
        if any(mention.concepts & wanted for mention in opening[:1]):
            return Citation(0, chunk, unit.start, unit.end, unit.text, COPIED_SCORE)
    return None


def _known_as(name: str) -> frozenset[str]:
    """The concepts of a name that the glossary knows as a whole."""
    folded = fold(name)
    whole = (m.concepts for m in load_glossary().mentions(folded) if m.end - m.start == len(folded))
    return next(whole, frozenset())


def clause_around(text: str, start: int, end: int) -> tuple[int, int]:
    """The clause or cell of a text that holds [start, end), if it is short; else that stretch itself."""
    first = max(text.rfind(mark, 0, start) for mark in _CLAUSE_ENDS) + 1
    last = min((at for mark in _CLAUSE_ENDS if (at := text.find(mark, end)) >= 0), default=len(text))
    clause = text[first:last]
    first, last = first + len(clause) - len(clause.lstrip(" -*")), last - len(clause) + len(clause.rstrip())
    return (first, last) if last - first <= _LONGEST_CLAUSE else (start, end)


def best_rows(hits: Sequence[Hit]) -> list[tuple[Chunk, Unit]]:
    """The rows of a search that are most likely to answer, best first."""
    return [(hit.chunk, unit) for hit in hits[:2] for unit in hit.units[:BEST_UNITS]]


def units_of(citation: Citation) -> list[Unit]:
    """The units that a citation is from."""
    return [unit for unit in citation.chunk.units if unit.start < citation.end and citation.start < unit.end]


def is_of(rows: Sequence[tuple[Chunk, Unit]], citation: Citation) -> bool:
    """Whether what is cited is of one of some rows."""
    return any(
        chunk.id == citation.chunk.id and unit.start < citation.end and citation.start < unit.end
        for chunk, unit in rows
    )


def standing_in(rows: Sequence[tuple[Chunk, Unit]], fragment: str) -> Citation | None:
    """The clause of the first row in which some words stand letter by letter, and not within longer ones."""
    edged = re.compile(rf"(?<![A-Za-z0-9.]){re.escape(fragment)}(?![A-Za-z0-9]|\.[0-9])")
    for chunk, unit in rows:
        if found := edged.search(unit.text):
            first, last = clause_around(unit.text, found.start(), found.end())
            return Citation(0, chunk, unit.start + first, unit.start + last, unit.text[first:last], COPIED_SCORE)
    return None


def surroundings(citations: Sequence[Citation]) -> str:
    """The passages cited, with their titles and headings."""
    chunks = {citation.chunk.id: citation.chunk for citation in citations}
    return " ".join(" ".join([chunk.document.title, *chunk.heading, chunk.text]) for chunk in chunks.values())
