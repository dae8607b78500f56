"""Structure becomes Chunks of about the wanted length, made of whole units, each within one section."""

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise

from indexes.text import detect_lang
from indexes.types import Chunk, ChunkKind, DocumentInfo, Unit
from ingest.packing import pack
from ingest.structure import Part
from ingest.units import Draft, Piece, pieces_of

CHUNKER_VERSION = "2"


def chunk(text: str, parts: Sequence[Part], info: DocumentInfo, chunk_chars: int) -> tuple[Chunk, ...]:
    """Chunks in the order of the text; ids depend on uri, heading path and text, not on what stands elsewhere."""
    seen: Counter[str] = Counter()
    return tuple(
        _chunk(text, group, part.section.heading, info, seen)
        for part in parts
        for group in _groups(text, part, info.title, chunk_chars)
    )


def _groups(text: str, part: Part, title: str, chunk_chars: int) -> Iterator[Sequence[Piece]]:
    pieces = pieces_of(text, part, title, chunk_chars)
    if pieces:
        cuts = pack([(piece.start, piece.end) for piece in pieces], [p.cut_cost for p in pieces], chunk_chars)
        for first, last in pairwise([0, *cuts, len(pieces)]):
            yield pieces[first:last]


def _chunk(
    text: str, pieces: Sequence[Piece], heading: tuple[str, ...], info: DocumentInfo, seen: Counter[str]
) -> Chunk:
    start, end = pieces[0].start, pieces[-1].end
    body = text[start:end]
    return Chunk(
        id=_identify(seen, "chunk", info.uri, *heading, body),
        document=info,
        heading=heading,
        kind=_main_kind(pieces),
        lang=detect_lang(body),
        start=start,
        end=end,
        text=body,
        units=tuple(_unit(text, draft, heading, info, seen) for piece in pieces for draft in piece.units),
    )


def _unit(text: str, draft: Draft, heading: tuple[str, ...], info: DocumentInfo, seen: Counter[str]) -> Unit:
    body = text[draft.start : draft.end]
    unit_id = _identify(seen, "unit", info.uri, *heading, draft.context, body)
    return Unit(unit_id, draft.kind, draft.start, draft.end, body, draft.context)


def _main_kind(pieces: Sequence[Piece]) -> ChunkKind:
    lengths: Counter[ChunkKind] = Counter()
    for piece in pieces:
        lengths[piece.kind] += piece.end - piece.start
    return max(lengths, key=lambda kind: lengths[kind])


def _identify(seen: Counter[str], *names: str) -> str:
    """16 hexadecimal digits; equal texts under one heading are told apart by their order."""
    digest = hashlib.sha256("\x1f".join(names).encode()).hexdigest()
    seen[digest] += 1
    return digest[:16] if seen[digest] == 1 else hashlib.sha256(f"{digest}{seen[digest]}".encode()).hexdigest()[:16]
