"""An answer without a model: the rows that matched best, quoted as they are and introduced in the asker's language."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from indexes.types import Hit, Unit, UnitKind
from service.messages import messages
from service.prompt import plain_row
from service.types import Citation

NAME = "extractive"
QUOTED_UNITS = 3
QUOTED_CHARS = 600


@dataclass(frozen=True, slots=True)
class Quoted:
    """A sentence made of one quotation, with the citation that proves it."""

    text: str
    citation: Citation


def quote_answer(hits: Sequence[Hit], lang: str, *, units: int = QUOTED_UNITS) -> list[Quoted]:
    """Quote the best matching units of the best hits, within QUOTED_CHARS; empty only where nothing was found."""
    texts = messages(lang)
    quoted: list[Quoted] = []
    left = QUOTED_CHARS
    for hit, unit in _best_units(hits):
        if len(quoted) == units or (quoted and len(unit.text) > left):
            break
        left -= len(unit.text)
        frame = texts.next_quote if quoted else texts.first_quote
        quoted.append(Quoted(frame.format(quote=plain_row(unit.text)), cite(hit, unit)))
    return quoted


def cite(hit: Hit, unit: Unit, score: float = 1.0) -> Citation:
    """A citation of a whole unit; its marker is given when it is used."""
    return Citation(0, hit.chunk, unit.start, unit.end, unit.text, score)


def _best_units(hits: Sequence[Hit]) -> Iterator[tuple[Hit, Unit]]:
    """Matched units of the first hit, then of the others; code last; a hit without matches gives its first units."""
    pairs = [(hit, unit) for hit in hits for unit in (hit.units or hit.chunk.units)]
    yield from (pair for pair in pairs if pair[1].kind is not UnitKind.CODE)
    yield from (pair for pair in pairs if pair[1].kind is UnitKind.CODE)
