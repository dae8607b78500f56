"""A small table that is asked for as a whole: its rows become one piece of evidence.

Rows of a table are found one by one; of four books that are recommended, one is no answer.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

from indexes.text import tokens
from indexes.types import Chunk, Hit, Unit, UnitKind
from service.asking import Asked, Wanted
from service.grounding.analysis import telling_concepts
from service.grounding.glossary import load_glossary
from service.grounding.words import fold
from service.llm.extractive import NOT_RENDERED, Rendered
from service.prompt import plain_row
from service.types import Verdict

MOST_CHARS = 250
"""What a person reads at a glance: a table of tools with what each is for is longer, and is asked for by its rows."""

NAME_CHARS = 30
"""The most that a row of names has, which stay as they are in an answer in another language."""


def with_whole_tables(asked: Asked, hits: Sequence[Hit]) -> list[Hit]:
    """The hits; where the best row of one is of a small table that the question names by its headings, and none of its
    rows by what only they hold, all rows of that table as one in its place."""
    return [_whole(asked, hit) for hit in hits] if asked.wanted is Wanted.ANY else list(hits)


def _whole(asked: Asked, hit: Hit) -> Hit:
    rows = _table(hit.chunk, (hit.units or hit.chunk.units)[0])
    if len(rows) < 2 or rows[-1].end - rows[0].start > MOST_CHARS or not _asks_for(asked, hit.chunk, rows):
        return hit
    rest = (unit for unit in hit.units if unit not in rows)
    return replace(hit, units=(_joined(hit.chunk, rows), *rest))


def rows_in(chunk: Chunk, unit: Unit) -> list[Unit]:
    """The rows that a unit is made of: itself, or those that were joined."""
    within = [row for row in chunk.units if unit.start <= row.start and row.end <= unit.end]
    return within or [unit]


def is_whole(hit: Hit) -> bool:
    """Whether the best row of a hit is a whole table."""
    return any(len(rows_in(hit.chunk, unit)) > 1 for unit in hit.units[:1])


def in_one(rows: Sequence[Unit], render: Callable[[Unit], Rendered]) -> Rendered:
    """What rows say in one sentence; one that cannot be rendered beside others is quoted if it is a name or two."""
    rendered = [render(row) for row in rows]
    texts = [one.text for one in rendered]
    if not any(texts):
        return NOT_RENDERED
    quoted = (f"“{plain_row(row.text)}”" if len(row.text) <= NAME_CHARS else "" for row in rows)
    said = [text or quote for text, quote in zip(texts, quoted, strict=True) if text or quote]
    least = min((one for one in rendered if one.text), key=lambda one: (one.verdict is Verdict.SUPPORTED, one.score))
    return replace(least, text="; ".join([text.rstrip(".") for text in said[:-1]] + said[-1:]))


def _table(chunk: Chunk, row: Unit) -> list[Unit]:
    """The rows with the heading and the column names of this one."""
    if row.kind is not UnitKind.ROW:
        return []
    return [unit for unit in chunk.units if unit.kind is UnitKind.ROW and unit.context == row.context]


def _joined(chunk: Chunk, rows: Sequence[Unit]) -> Unit:
    first, last = rows[0], rows[-1]
    text = chunk.text[first.start - chunk.start : last.end - chunk.start]
    return replace(first, id=f"{first.id}+{len(rows) - 1}", end=last.end, text=text)


def _asks_for(asked: Asked, chunk: Chunk, rows: Sequence[Unit]) -> bool:
    glossary = load_glossary()
    named = telling_concepts(glossary.mentions(fold(asked.text)))
    above = "\n".join((*chunk.heading[-1:], *rows[0].context.splitlines()[1:]))
    titled = telling_concepts(glossary.mentions(fold(above), longest=False))
    held = telling_concepts(m for row in rows for m in glossary.mentions(fold(row.text), longest=False))
    names = {token for name in asked.names for token in tokens(name)[:1]} - set(tokens(above))
    of_a_row = named & held - titled or any(names.intersection(tokens(row.text)) for row in rows)
    return bool(named & titled) and not of_a_row
