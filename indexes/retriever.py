"""Search: a query against units by meaning and by words, their chunks ranked, near-duplicates left out."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from indexes.errors import IndexMissing
from indexes.fusion import Evidence, Weights, diversify, language_gaps, rank_chunks, score_units
from indexes.generation import Generation
from indexes.reranking import RERANKED, Reranker, reorder, text_of
from indexes.text import ENGLISH_FUNCTION, detect_lang, normalise, simplify, tokens
from indexes.types import Chunk, Embedder, Filters, Hit, Leg, LegScore, Unit, Vectors

_DEPTH = 200
"""Units and chunks asked of each leg."""

_SAMPLE = 1000
"""Units that tell how far cosines spread and where each language lies: the same for every question."""

_RARE = 0.02
"""A Latin word is a name that tells passages apart when no more than this share of them holds it."""

_MIN_SPREAD = 0.02
_UNITS_SHOWN = 8


Terms: TypeAlias = Callable[[str], Sequence[str]]
"""From a query to what it names, as texts of another language name it."""
Suiting: TypeAlias = Callable[[str], Callable[[Chunk], float]]
"""From a query to how well a chunk suits it by what neither meaning nor words see, from -1 to 2."""


@dataclass(frozen=True, slots=True)
class _Scope:
    """What a search may return, as unit rows, rows of vectors and chunk numbers; None: everything."""

    rows: Sequence[int] | None
    vectors: Sequence[int] | None
    chunks: Sequence[int] | None


@dataclass(frozen=True, slots=True)
class _Words:
    """BM25 of units by row, of chunks, and of chunks by rare names alone and by terms of the other language."""

    units: Mapping[int, float]
    chunks: Mapping[int, float]
    names: Mapping[int, float]
    terms: Mapping[int, float]


class Retriever:
    """Searches one generation; safe for any number of threads as far as the embedder is."""

    def __init__(
        self,
        generation: Generation,
        embedder: Embedder,
        weights: Weights | None = None,
        *,
        reranker: Reranker | None = None,
        terms: Terms | None = None,
        suiting: Suiting | None = None,
    ) -> None:
        """Without `terms`, passages of another language than the query's are found by meaning and rare names alone.

        Raises:
            IndexMissing: the generation was built with another embedder; names both.
        """
        _require_same(generation, embedder)
        self._generation = generation
        self._embedder = embedder
        self._weights = weights or Weights()
        self._reranker = reranker
        self._terms = terms
        self._suiting = suiting or (lambda query: lambda chunk: 0.0)
        counts = [len(chunk.units) for chunk in generation.chunks]
        self._first_row = np.concatenate([[0], np.cumsum(counts)]).tolist()
        self._chunk_of = np.repeat(np.arange(len(counts)), counts).tolist()
        self._parts = _grouped(self._chunk_of[row] for row in generation.owners)
        sample = np.unique(np.linspace(0, len(generation.units) - 1, _SAMPLE).astype(int)).tolist()
        self._sample = generation.vectors.vectors(sample)
        self._sample_langs = [self._lang(row) for row in sample]

    def search(self, query: str, k: int = 8, filters: Filters = Filters()) -> list[Hit]:  # noqa: B008 (frozen)
        """At most k hits, best first; none for a query without any visible character.

        A hit's score is comparable across languages: a cosine, as if it were written in the query's language.
        """
        scope = self._scope(filters)
        if k < 1 or not normalise(query) or (scope.rows is not None and not scope.rows):
            return []
        lang = detect_lang(query)
        vector = self._embedder.embed_queries([simplify(query)])
        words = self._words(query, scope)
        dense, closest = self._dense(vector, scope, words)
        background = self._sample @ vector[0]
        spread = max(float(np.std(background)), _MIN_SPREAD)
        visible = {row for row in dense if self._lang(row) == lang}
        scores = score_units(closest, words.units, visible, spread * self._weights.units)
        evidence = self._evidence(dense, scores, words, query, lang)
        gaps = language_gaps(background.tolist(), self._sample_langs, lang)
        ranked, read = self._reranked(query, rank_chunks(evidence, lang, gaps, spread, self._weights))
        return self._hits(ranked, k, evidence, scores, read)

    def _reranked(
        self, query: str, ranked: Sequence[tuple[int, float]]
    ) -> tuple[Sequence[tuple[int, float]], Mapping[int, float]]:
        """In the order of the reranker, with what it said of the chunks it read."""
        if self._reranker is None:
            return ranked, {}
        read = [number for number, _ in ranked[:RERANKED]]
        scores = self._reranker.score(query, [text_of(self._generation.chunks[number]) for number in read])
        return reorder(ranked, scores), dict(zip(read, scores, strict=True))

    def _scope(self, filters: Filters) -> _Scope:
        if filters.document_ids is None and filters.lang is None:
            return _Scope(None, None, None)
        chunks = [number for number, chunk in enumerate(self._generation.chunks) if _passes(chunk, filters)]
        rows = [row for number in chunks for row in self._rows(number)]
        return _Scope(rows, [*rows, *(row for number in chunks for row in self._part_rows(number))], chunks)

    def _words(self, query: str, scope: _Scope) -> _Words:
        words = tokens(query)
        by_passage = self._generation.passages
        names = [word for word in words if word.isascii() and word not in ENGLISH_FUNCTION]
        limit = max(2, _RARE * len(self._generation.chunks))
        rare = [name for name, count in by_passage.frequencies(names).items() if count <= limit]
        return _Words(
            units=dict(self._generation.lexical.search(words, _DEPTH, scope.rows)),
            chunks=dict(by_passage.search(words, _DEPTH, scope.chunks)),
            names=dict(by_passage.search(rare, _DEPTH, scope.chunks)),
            terms=dict(by_passage.search_phrases(map(tokens, self._translated(query)), _DEPTH, scope.chunks)),
        )

    def _translated(self, query: str) -> Sequence[str]:
        return self._terms(query) if self._terms is not None else ()

    def _dense(self, vector: Vectors, scope: _Scope, words: _Words) -> tuple[dict[int, float], dict[int, float]]:
        """Unit row → its cosine, and that of the closest of itself and its parts.

        For the nearest units, for those of the nearest parts, and for all of chunks that only words have found.
        """
        found = dict(self._generation.vectors.search(vector, _DEPTH, scope.vectors))
        near = {self._chunk_of[self._unit_row(row)] for row in found}
        by_words = {*words.chunks, *words.names, *words.terms, *(self._chunk_of[row] for row in words.units)}
        others = {row for number in by_words - near for row in (*self._rows(number), *self._part_rows(number))}
        others |= {self._unit_row(row) for row in found} - found.keys()
        rows = sorted(others)
        cosines = self._generation.vectors.vectors(rows) @ vector[0]
        found |= dict(zip(rows, cosines.tolist(), strict=True))
        closest = _best((self._unit_row(row), cosine) for row, cosine in found.items())
        return {row: found[row] for row in closest}, closest

    def _evidence(
        self, dense: Mapping[int, float], scores: Mapping[int, float], words: _Words, query: str, lang: str
    ) -> list[Evidence]:
        suits = self._suiting(query)
        nearest = _best((self._chunk_of[row], cosine) for row, cosine in dense.items())
        best = _best((self._chunk_of[row], score) for row, score in scores.items())
        return [
            Evidence(
                chunk=number,
                lang=(own := self._generation.chunks[number].lang),
                dense=nearest[number],
                relevance=best[number],
                words=words.chunks.get(number, 0.0) if own == lang else 0.0,
                names=words.names.get(number, 0.0),
                terms=words.terms.get(number, 0.0) if own != lang else 0.0,
                suits=suits(self._generation.chunks[number]),
            )
            for number in sorted(nearest)
        ]

    def _hits(
        self,
        ranked: Sequence[tuple[int, float]],
        k: int,
        evidence: Sequence[Evidence],
        scores: Mapping[int, float],
        read: Mapping[int, float],
    ) -> list[Hit]:
        chunks = [(self._generation.chunks[number], score) for number, score in ranked]
        legs = {
            Leg.DENSE: _places({e.chunk: e.dense for e in evidence}),
            Leg.LEXICAL: _places({e.chunk: found for e in evidence if (found := max(e.words, e.names)) > 0}),
            Leg.TERMS: _places({e.chunk: e.terms for e in evidence if e.terms > 0}),
        }
        hits = []
        for rank, index in enumerate(diversify(chunks, k), 1):
            number, (chunk, score) = ranked[index][0], chunks[index]
            found_by = tuple(LegScore(leg, *places[number]) for leg, places in legs.items() if number in places)
            hits.append(Hit(chunk, score, rank, found_by, self._matching(number, scores), read.get(number)))
        return hits

    def _matching(self, number: int, scores: Mapping[int, float]) -> tuple[Unit, ...]:
        """The units of a chunk that were found, best first."""
        rows = sorted((row for row in self._rows(number) if row in scores), key=lambda row: -scores[row])
        return tuple(self._generation.units[row][0] for row in rows[:_UNITS_SHOWN])

    def _rows(self, number: int) -> range:
        return range(self._first_row[number], self._first_row[number + 1])

    def _part_rows(self, number: int) -> list[int]:
        """Rows of vectors of the parts of a chunk's units."""
        return [len(self._chunk_of) + at for at in self._parts.get(number, ())]

    def _unit_row(self, row: int) -> int:
        """The unit that a row of vectors is, or is a part of."""
        units = len(self._chunk_of)
        return row if row < units else self._generation.owners[row - units]

    def _lang(self, row: int) -> str:
        return self._generation.units[row][1].lang


def _best(scored: Iterable[tuple[int, float]]) -> dict[int, float]:
    """The highest score of each chunk, or unit."""
    best: dict[int, float] = {}
    for name, score in scored:
        best[name] = max(score, best.get(name, -np.inf))
    return best


def _grouped(names: Iterable[int]) -> dict[int, list[int]]:
    """Name → the places it stands at."""
    places: dict[int, list[int]] = {}
    for at, name in enumerate(names):
        places.setdefault(name, []).append(at)
    return places


def _places(scores: Mapping[int, float]) -> dict[int, tuple[float, int]]:
    """Chunk → (its score, its 1-based rank)."""
    ordered = sorted(scores.items(), key=lambda item: (-item[1], item[0]))
    return {chunk: (score, rank) for rank, (chunk, score) in enumerate(ordered, 1)}


def _passes(chunk: Chunk, filters: Filters) -> bool:
    document = filters.document_ids is None or chunk.document.id in filters.document_ids
    return document and (filters.lang is None or chunk.lang == filters.lang)


def _require_same(generation: Generation, embedder: Embedder) -> None:
    built = generation.manifest.meta.embedder
    if built != embedder.name or generation.manifest.dimension != embedder.dimension:
        raise IndexMissing(
            f"Generation {generation.number} was built with {built} ({generation.manifest.dimension} dimensions), the "
            f"settings name {embedder.name} ({embedder.dimension}). Run `career ingest`, or set CAREER_EMBEDDER back."
        )
