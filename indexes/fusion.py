"""Pure functions that make one ranking of chunks out of what each leg said of their units."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from indexes.text import normalise
from indexes.types import Chunk

_PRIOR_UNITS = 20
"""Units of a language at which half of its measured gap is believed."""


@dataclass(frozen=True, slots=True)
class Weights:
    """What words count beside meaning, in spreads of the cosine; tuned on half of the project's own questions."""

    units: float = 0.2
    """Each standard deviation of a unit's BM25."""
    passages: float = 0.3
    """Each standard deviation of a chunk's BM25."""
    names: float = 0.05
    """Each point of BM25 of rare Latin names, in whatever language the chunk is."""
    terms: float = 0.25
    """Each standard deviation of a chunk's BM25 of the query's terms in the chunk's own, other language. Between 0.15
    and 0.3 evidence of the own English questions (tuning half) was first for 0.87 to 0.88 of them instead of 0.85 in
    the original documents, 0.91 instead of 0.90 in seeds/, and among four for 0.99 and 1.00 instead of 0.98 in both;
    from 0.5 on fewer were first than without. As loose words instead of phrases it did no better."""
    suits: float = 1.0
    """How well a chunk suits the query by what neither meaning nor words see, from -1 to 2. Of 16 questions from a time
    on a path, the first hit was of its stage for 13 with 0.5 and for 14 with 1."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the legs say of a chunk.

    `dense` is the cosine of its nearest unit, `relevance` its best unit by `score_units`, `words` its own BM25 (0 where
    the lexical leg cannot see its language), `names` its BM25 of rare names alone, `terms` that of what the query
    names, as its language names it (0 in the query's own), `suits` how well it suits the query otherwise, -1 to 2.
    """

    chunk: int
    lang: str
    dense: float
    relevance: float
    words: float
    names: float
    terms: float = 0.0
    suits: float = 0.0


def score_units(
    dense: Mapping[int, float], words: Mapping[int, float], visible: Collection[int], weight: float
) -> dict[int, float]:
    """Row → cosine plus `weight` standard deviations of BM25, for rows in a language that the lexical leg can see."""
    rows = [row for row in dense if row in visible]
    lifts = dict(zip(rows, standardise([words.get(row, 0.0) for row in rows]), strict=True))
    return {row: cosine + weight * lifts.get(row, 0.0) for row, cosine in dense.items()}


def rank_chunks(
    found: Sequence[Evidence], lang: str, gaps: Mapping[str, float], spread: float, weights: Weights
) -> list[tuple[int, float]]:
    """(chunk, score) best first; a score is a cosine as if the chunk were written in the query's language `lang`.

    BM25 sees the query's language, and another one as far as terms were translated, so it decides the order *within* a
    language and nothing else: the cosines of the language are handed out again in the new order. How languages compare
    is left to meaning, corrected by `gaps` (language → how much lower its cosines lie), and to rare names, which both
    languages write alike.
    """
    scores: dict[int, float] = {}
    for language in sorted({evidence.lang for evidence in found}):
        group = [evidence for evidence in found if evidence.lang == language]
        own = language == lang
        lifts = standardise([evidence.words if own else evidence.terms for evidence in group])
        weight = spread * (weights.passages if own else weights.terms)
        order = sorted(
            zip(group, lifts, strict=True),
            key=lambda pair: (
                -pair[0].relevance - weight * pair[1] - spread * weights.suits * pair[0].suits,
                -pair[0].dense,
                pair[0].chunk,
            ),
        )
        cosines = sorted((evidence.dense for evidence in group), reverse=True)
        for (evidence, _), cosine in zip(order, cosines, strict=True):
            scores[evidence.chunk] = cosine + gaps.get(language, 0.0) + spread * weights.names * evidence.names
    return sorted(scores.items(), key=lambda item: (-item[1], item[0]))


def language_gaps(cosines: Sequence[float], langs: Sequence[str], lang: str) -> dict[str, float]:
    """Language → mean cosine of `lang` minus its own, over a sample of units; small samples are trusted less."""
    means = {name: (float(np.mean(group)), len(group)) for name, group in _grouped(cosines, langs).items()}
    if lang not in means:
        return {}
    here, count = means[lang]
    return {
        name: (here - mean) * min(count, size) / (min(count, size) + _PRIOR_UNITS)
        for name, (mean, size) in means.items()
    }


def standardise(values: Sequence[float]) -> list[float]:
    """z-scores; zeros when all values are the same."""
    deviation = float(np.std(values)) if values else 0.0
    if deviation < 1e-9:
        return [0.0] * len(values)
    return [float(z) for z in (np.asarray(values) - np.mean(values)) / deviation]


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


@lru_cache(maxsize=256)  # some 20 KB for each passage of ordinary length
def _shingles(text: str, size: int = 5) -> frozenset[str]:
    """Letters and digits only: a copy in other marks, widths or characters is a copy."""
    packed = "".join(filter(str.isalnum, normalise(text)))
    return frozenset(packed[at : at + size] for at in range(max(1, len(packed) - size + 1)))


def _overlap(one: frozenset[str], other: frozenset[str]) -> float:
    """Share of the smaller one that the other holds: a chunk within a chunk is a duplicate, too."""
    return len(one & other) / max(1, min(len(one), len(other)))


def _grouped(values: Sequence[float], names: Sequence[str]) -> dict[str, list[float]]:
    groups: dict[str, list[float]] = {}
    for value, name in zip(values, names, strict=True):
        groups.setdefault(name, []).append(value)
    return groups
