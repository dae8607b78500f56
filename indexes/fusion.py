"""Pure functions that make one ranking of chunks out of what each leg said of their units."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from indexes.types import Chunk


@dataclass(frozen=True, slots=True)
class Weights:
    """How much each leg counts, in standard deviations of its own scores; tuned on half of the project's questions."""

    lexical: float = 0.3
    names: float = 0.15
    further: float = 0.1


@dataclass(frozen=True, slots=True)
class Candidate:
    """A unit and what the legs say: its cosine, and its BM25 where the leg can see its language (0: no word shared)."""

    row: int
    chunk: int
    dense: float
    lexical: float
    same_language: bool


def fuse_units(candidates: Sequence[Candidate], weights: Weights) -> dict[int, float]:
    """Row → fused score: cosine plus the lexical leg, scaled to the spread of the cosines.

    In the query's language BM25 is z-scored over the candidates of that language (dense + 0.3 z, as measured on XQuAD).
    In another language only shared names were searched: they may add, and sharing none takes nothing away. Both are
    multiplied by one spread for all candidates, so that scores compare across languages.
    """
    if not candidates:
        return {}
    spread = _deviation([candidate.dense for candidate in candidates])
    same = [candidate.lexical for candidate in candidates if candidate.same_language]
    mean, deviation = (float(np.mean(same)), _deviation(same)) if same else (0.0, 0.0)
    strongest = max((c.lexical for c in candidates if not c.same_language), default=0.0)
    fused = {}
    for candidate in candidates:
        if candidate.same_language:
            bonus = weights.lexical * (candidate.lexical - mean) / deviation if deviation else 0.0
        else:
            bonus = weights.names * 3 * candidate.lexical / strongest if strongest else 0.0
        fused[candidate.row] = candidate.dense + spread * bonus
    return fused


def fuse_chunks(scores: Mapping[int, float], chunk_of: Mapping[int, int], weights: Weights) -> list[tuple[int, float]]:
    """(chunk, score) best first: its best unit, plus a little for each further unit above the average of all."""
    average = float(np.mean(list(scores.values()))) if scores else 0.0
    by_chunk: dict[int, list[float]] = {}
    for row, score in scores.items():
        by_chunk.setdefault(chunk_of[row], []).append(score)
    fused = {}
    for chunk, found in by_chunk.items():
        best, *rest = sorted(found, reverse=True)
        further = sum((score - average) / 2**place for place, score in enumerate(rest, 1) if score > average)
        fused[chunk] = best + weights.further * further
    return sorted(fused.items(), key=lambda item: (-item[1], item[0]))


def diversify(ranked: Sequence[tuple[Chunk, float]], k: int, a_section: int = 2) -> list[int]:
    """Indexes of at most k of `ranked`: no near-duplicates, at most `a_section` of one section unless nothing else is
    left, order kept."""
    taken: list[int] = []
    waiting: list[int] = []
    sections: dict[tuple[str, tuple[str, ...]], int] = {}
    shingled: list[frozenset[str]] = []
    for index, (chunk, _) in enumerate(ranked):
        if len(taken) == k:
            break
        shingles = _shingles(chunk.text)
        if any(_overlap(shingles, other) > 0.8 for other in shingled):
            continue
        section = (chunk.document.id, chunk.heading)
        if sections.get(section, 0) >= a_section:
            waiting.append(index)
            continue
        sections[section] = sections.get(section, 0) + 1
        shingled.append(shingles)
        taken.append(index)
    return sorted([*taken, *waiting[: k - len(taken)]])


def _shingles(text: str, size: int = 5) -> frozenset[str]:
    packed = "".join(text.split()).casefold()
    return frozenset(packed[at : at + size] for at in range(max(1, len(packed) - size + 1)))


def _overlap(one: frozenset[str], other: frozenset[str]) -> float:
    """Share of the smaller one that the other holds: a chunk within a chunk is a duplicate, too."""
    return len(one & other) / max(1, min(len(one), len(other)))


def _deviation(values: Iterable[float]) -> float:
    deviation = float(np.std(list(values)))
    return deviation if math.isfinite(deviation) and deviation > 1e-9 else 0.0
