"""Passages made by hand and an embedder of counted pieces of words, for the tests of grounding."""

from collections.abc import Sequence
from zlib import crc32

import numpy as np

from indexes.types import Chunk, ChunkKind, DocumentInfo, Hit, Unit, UnitKind, Vectors
from service.grounding import FEATURES, GroundingParams, Verifier
from service.grounding.glossary import load_glossary
from service.grounding.words import fold
from service.types import Passage

DIMENSION = 256
WEIGHTS = {
    "cosine_same": 6,
    "cosine_cross": 6,
    "behind_best": -4,
    "words_same": 4,
    "concepts_same": 1,
    "concepts_cross": 3,
    "back_cross": 1,
    "names_held": 0.7,
    "numbers_held": 0.7,
    "unknown": -1,
    "conflict": -8,
    "conflict_context": -1,
    "role_missing": -0.3,
    "opposite": -8,
    "negation": -8,
    "flipped": -8,
    "bound_elsewhere": -6,
    "spans": -0.3,
}
"""By hand, so that a new fit changes no test of the rules."""


class CountingEmbedder:
    """Concepts and character pairs of a text, counted into buckets: translations of glossary terms come out alike."""

    name = "counting"
    dimension = DIMENSION

    def embed_queries(self, texts: Sequence[str], /) -> Vectors:
        return np.stack([self._embed(text) for text in texts])

    embed_passages = embed_queries

    @staticmethod
    def _embed(text: str) -> np.ndarray:
        vector = np.full(DIMENSION, 1e-3, dtype=np.float32)
        folded = fold(text)
        for mention in load_glossary().mentions(folded):
            for concept in mention.concepts:
                vector[crc32(concept.encode()) % DIMENSION] += 2
        for at in range(len(folded) - 1):
            vector[crc32(folded[at : at + 2].encode()) % DIMENSION] += 0.5
        return vector / np.linalg.norm(vector)


def passage(
    marker: int,
    *units: str,
    context: str = "",
    lang: str = "zh",
    before: str = "前文。\n",
    kind: UnitKind = UnitKind.SENTENCE,
) -> Passage:
    """A passage of one chunk whose units stand line by line in a document that starts with `before`."""
    start = at = len(before)
    made = []
    for number, text in enumerate(units):
        made.append(Unit(f"u{marker}-{number}", kind, at, at + len(text), text, context))
        at += len(text) + 1
    text = "\n".join(units)
    info = DocumentInfo(f"d{marker}", f"d{marker}.md", "题", lang)
    chunk = Chunk(f"c{marker}", info, (), ChunkKind.PROSE, lang, start, start + len(text), text, tuple(made))
    return Passage(marker, Hit(chunk, 1.0, marker, ()), text)


def verifier(passages: Sequence[Passage]) -> Verifier:
    embedder = CountingEmbedder()
    units = {unit.id: unit for item in passages for unit in item.hit.chunk.units}
    return Verifier(
        embedder,
        GroundingParams({name: WEIGHTS.get(name, 0.0) for name in FEATURES}, -4.0, 0.5, 0.35, {}),
        lambda ids: embedder.embed_passages([units[unit_id].embedding_text for unit_id in ids]),
    )
