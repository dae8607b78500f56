"""What comes next: of a question that names one step of a path and asks for the following one, that step.

All that such a question says stands in the step it has behind it, so search finds that one.
"""

from collections.abc import Sequence
from dataclasses import replace

from indexes.types import Hit, Unit
from service.asking import asks_next
from service.grounding.quantities import counters, section_number
from service.grounding.words import fold


def stepped(question: str, hits: Sequence[Hit]) -> list[Hit]:
    """The hits as they are; where a question asks for what comes next and the best row is a numbered step, the step
    after it stands before it: another item of its list, or else the first hit of the next numbered section."""
    if not hits or not asks_next(question):
        return list(hits)
    best = hits[0]
    row = (best.units or best.chunk.units)[0]
    if (item := _next_item(best.chunk.units, row)) is not None:
        rest = (unit for unit in best.units if unit.id not in {item.id, row.id})
        return [replace(best, units=(item, row, *rest)), *hits[1:]]
    following = _next_section(best, hits[1:])
    return list(hits) if following is None else [following, *(hit for hit in hits if hit is not following)]


def _next_item(units: Sequence[Unit], row: Unit) -> Unit | None:
    """The unit behind `row` whose counter is the next number."""
    number = _counter(row.text)
    if number is None:
        return None
    return next((unit for unit in units if unit.start >= row.end and _counter(unit.text) == number + 1), None)


def _next_section(best: Hit, others: Sequence[Hit]) -> Hit | None:
    """The first hit in the section beside that of the best one with the next number."""
    number = _section(best)
    if number is None:
        return None
    place = (best.chunk.document.id, best.chunk.heading[:-1])
    beside = (hit for hit in others if (hit.chunk.document.id, hit.chunk.heading[:-1]) == place)
    return next((hit for hit in beside if _section(hit) == number + 1), None)


def _counter(text: str) -> float | None:
    return next((quantity.value for quantity in counters(fold(text))), None)


def _section(hit: Hit) -> float | None:
    number = section_number(fold(hit.chunk.heading[-1])) if hit.chunk.heading else None
    return number.value if number is not None else None
