"""Search: a query against units by meaning and by words, their chunks ranked, near-duplicates left out."""

from collections.abc import Iterable, Sequence

import numpy as np

from indexes.errors import IndexMissing
from indexes.fusion import Candidate, Weights, diversify, fuse_chunks, fuse_units
from indexes.generation import Generation
from indexes.text import ENGLISH_FUNCTION, detect_lang, normalise, simplify, tokens
from indexes.types import Chunk, Embedder, Filters, Hit, Leg, LegScore, Unit, Vectors

_DEPTH = 200
"""Units asked of each leg: the spread of their scores is what the legs are scaled by."""

_UNITS_SHOWN = 8


class Retriever:
    """Searches one generation; safe for any number of threads as far as the embedder is."""

    def __init__(self, generation: Generation, embedder: Embedder, weights: Weights | None = None) -> None:
        """
        Raises:
            IndexMissing: the generation was built with another embedder; names both.
        """
        _require_same(generation, embedder)
        self._generation = generation
        self._embedder = embedder
        self._weights = weights or Weights()
        order = {chunk.id: number for number, chunk in enumerate(generation.chunks)}
        self._chunk_of = [order[chunk.id] for _, chunk in generation.units]

    def search(self, query: str, k: int = 8, filters: Filters = Filters()) -> list[Hit]:  # noqa: B008 (frozen)
        """At most k hits, best first; none for a query without any letter or digit."""
        if k < 1 or not normalise(query):
            return []
        rows = self._rows(filters)
        if rows is not None and not rows:
            return []
        lang = detect_lang(query)
        vector = self._embedder.embed_queries([simplify(query)])
        dense = dict(self._generation.vectors.search(vector, _DEPTH, rows))
        lexical = self._lexical(query, lang, rows)
        candidates = self._candidates(vector, dense, lexical, lang)
        scores = fuse_units(candidates, self._weights)
        ranked = fuse_chunks(scores, {c.row: c.chunk for c in candidates}, self._weights)
        return self._hits(ranked, k, candidates, scores)

    def _rows(self, filters: Filters) -> list[int] | None:
        if filters.document_ids is None and filters.lang is None:
            return None
        return [row for row, (_, chunk) in enumerate(self._generation.units) if _passes(chunk, filters)]

    def _lexical(self, query: str, lang: str, rows: Sequence[int] | None) -> dict[int, float]:
        """BM25 of what the leg can see: every word within the query's language, only names beyond it."""
        words = tokens(query)
        found = dict(self._generation.lexical.search(words, _DEPTH, rows))
        names = [word for word in words if word.isascii() and word not in ENGLISH_FUNCTION]
        beyond = dict(self._generation.lexical.search(names, _DEPTH, rows)) if names else {}
        within = {row: score for row, score in found.items() if self._lang(row) == lang}
        return within | {row: score for row, score in beyond.items() if self._lang(row) != lang}

    def _lang(self, row: int) -> str:
        return self._generation.units[row][1].lang

    def _candidates(
        self, vector: Vectors, dense: dict[int, float], lexical: dict[int, float], lang: str
    ) -> list[Candidate]:
        unseen = [row for row in lexical if row not in dense]
        cosines = self._generation.vectors.vectors(unseen) @ vector[0] if unseen else np.zeros(0)
        cosine = dense | dict(zip(unseen, map(float, cosines), strict=True))
        return [
            Candidate(row, self._chunk_of[row], cosine[row], lexical.get(row, 0.0), self._lang(row) == lang)
            for row in sorted(cosine)
        ]

    def _hits(
        self,
        ranked: Sequence[tuple[int, float]],
        k: int,
        candidates: Sequence[Candidate],
        scores: dict[int, float],
    ) -> list[Hit]:
        chunks = [(self._generation.chunks[number], score) for number, score in ranked]
        legs = {
            Leg.DENSE: _best_by_chunk((c.chunk, c.dense) for c in candidates),
            Leg.LEXICAL: _best_by_chunk((c.chunk, c.lexical) for c in candidates if c.lexical > 0),
        }
        hits = []
        for rank, index in enumerate(diversify(chunks, k), 1):
            number, (chunk, score) = ranked[index][0], chunks[index]
            found_by = tuple(LegScore(leg, *found[number]) for leg, found in legs.items() if number in found)
            hits.append(Hit(chunk, score, rank, found_by, self._matching(number, candidates, scores)))
        return hits

    def _matching(self, number: int, candidates: Sequence[Candidate], scores: dict[int, float]) -> tuple[Unit, ...]:
        """The units of a chunk that are candidates, best first."""
        rows = sorted((c.row for c in candidates if c.chunk == number), key=lambda row: (-scores[row], row))
        return tuple(self._generation.units[row][0] for row in rows[:_UNITS_SHOWN])


def _best_by_chunk(scored: Iterable[tuple[int, float]]) -> dict[int, tuple[float, int]]:
    """Chunk → (its best score, its rank by that score)."""
    best: dict[int, float] = {}
    for chunk, score in scored:
        best[chunk] = max(score, best.get(chunk, -np.inf))
    ordered = sorted(best.items(), key=lambda item: (-item[1], item[0]))
    return {chunk: (float(score), rank) for rank, (chunk, score) in enumerate(ordered, 1)}


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
