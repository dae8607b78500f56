"""The rows that may answer in the order in which a model, having read one, would ask the question of it.

A cosine sees that an English question and a Chinese row have a topic in common; the engine can read both. So it is
told a row, and says how likely it is that the question follows, which it need not write: the zero-shot reranking of
Sachan et al. 2022 (https://arxiv.org/abs/2204.07496). A row's state is computed ahead: only the question is read.
"""

from collections.abc import Sequence
from dataclasses import replace

from indexes.errors import EngineError
from indexes.types import Chunk, Hit, Unit, UnitKind
from service.llm.types import LikelihoodLLM, Prompt
from service.rendering import one_line

SYSTEM = "Write the question that the line answers."
REREAD, NEAR = 4, 0.1
"""Best hits that are read again, and how far below the first one's score: the best row of each, of the first one two.

Of 34 English questions in plain words (tests/evaluation/career_plain.jsonl), the first row held 0.91 instead of 0.79
of what an answer must say, read at 2.8 rows each; 11 Chinese ones gained nothing.
"""
PLACE = 0.1
"""What each place in the order of the search costs a row, in natural logarithms of the probability of a token; with a
half of it or twice as much they gained less."""
MOST_CHARS = 200
PATIENCE_S = 3.0
"""Rows whose states are at hand take a sixth of this with AVX-512 and half of it without; where states are computed
first, or others ask, the order stays."""


def line_of(unit: Unit) -> str:
    """A row as it is read: below its headings, and the names of its columns."""
    above = f"{unit.context}\n" if unit.context else ""
    return f"{above}{one_line(unit.text)[:MOST_CHARS]}"


def reread(question: str, hits: Sequence[Hit], engine: object, left_s: float) -> list[Hit]:
    """The hits, and the rows of the best one, in the order of their likelihood; as they are where the engine cannot
    tell it, or does not in time."""
    rows = _candidates(hits)
    if not isinstance(engine, LikelihoodLLM) or len(rows) < 2 or not question.strip():
        return list(hits)
    prompts = [Prompt(SYSTEM, (line_of(unit),), question) for _, unit in rows]
    found = _likelihoods(prompts, engine, min(PATIENCE_S, left_s))
    worth = [(likely - PLACE * place, row) for place, (likely, row) in enumerate(zip(found, rows, strict=False))]
    worth.sort(key=lambda row: -row[0])
    return _in_order(hits, [row for _, row in worth])


def _candidates(hits: Sequence[Hit]) -> list[tuple[int, Unit]]:
    """(place of the hit, row): the two best rows of the best hit, the best one of each that is near it."""
    near = [hit.score >= hits[0].score - NEAR for hit in hits[:REREAD]]
    found = [(at, unit) for at, hit in enumerate(hits[:REREAD]) if near[at] for unit in _rows(hit)[: 1 if at else 2]]
    return [(at, unit) for at, unit in found if unit.kind is not UnitKind.CODE]


def _rows(hit: Hit) -> Sequence[Unit]:
    return hit.units or hit.chunk.units


def _likelihoods(prompts: Sequence[Prompt], engine: LikelihoodLLM, left_s: float) -> Sequence[float]:
    """None of them where the engine cannot tell all in time."""
    try:
        return (engine.likelihoods(prompts, left_s) if left_s > 0 else None) or ()
    except EngineError:
        return ()


def _in_order(hits: Sequence[Hit], rows: Sequence[tuple[int, Unit]]) -> list[Hit]:
    """The hits in the order of their first row in `rows`, which comes first of theirs; the others stay behind them."""
    first: dict[int, list[Unit]] = {}
    for at, unit in rows:
        first.setdefault(at, []).append(unit)
    best = [replace(hits[at], units=(*units, *_others(hits[at], units))) for at, units in first.items()]
    return [*best, *(hit for at, hit in enumerate(hits) if at not in first)]


def _others(hit: Hit, units: Sequence[Unit]) -> list[Unit]:
    return [unit for unit in _rows(hit) if unit.id not in {known.id for known in units}]


def prompts_ahead(chunks: Sequence[Chunk]) -> list[Prompt]:
    """One prompt for each row that may be read again, for its state to be computed ahead."""
    units = (unit for chunk in chunks for unit in chunk.units if unit.kind is not UnitKind.CODE)
    return [Prompt(SYSTEM, (line,), "") for line in dict.fromkeys(map(line_of, units))]
