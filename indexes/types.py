"""The vocabulary of the core: a file becomes a Document, a Document becomes Chunks, a search returns Hits.

All offsets are Unicode code points, 0-based and end-exclusive, into `Document.text`; `document.text[x.start:x.end] ==
x.text` holds for every Chunk and every Unit (property-tested). A value *holds* the one before it; ids are for storage
and for JSON.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol, TypeAlias, runtime_checkable

import numpy as np
from numpy.typing import NDArray

Vectors: TypeAlias = NDArray[np.float32]
"""(n, dimension) float32, rows L2-normalised."""


class ChunkKind(StrEnum):
    PROSE = "prose"
    LIST = "list"
    TABLE = "table"
    CODE = "code"


PATH_MARK = " › "
"""Between a title and the headings below it, in the first line of a unit's context."""


class UnitKind(StrEnum):
    SENTENCE = "sentence"
    ITEM = "item"
    ROW = "row"
    CODE = "code"


class Leg(StrEnum):
    """A way a hit can be found."""

    DENSE = "dense"
    LEXICAL = "lexical"
    TERMS = "terms"
    """Words of another language that mean what the query says."""


@dataclass(frozen=True, slots=True)
class DocumentInfo:
    """What a chunk knows of its document; `url` is where the source says it was published, if it says so."""

    id: str
    uri: str
    title: str
    lang: str
    url: str | None = None


@dataclass(frozen=True, slots=True)
class Section:
    """The text under one heading, up to the next heading of any level; `heading` is the path from the top."""

    heading: tuple[str, ...]
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Document:
    """A cleaned text; `digest` is the SHA-256 of the raw bytes it was read from, in hexadecimal."""

    info: DocumentInfo
    text: str
    sections: tuple[Section, ...]
    digest: str


@dataclass(frozen=True, slots=True)
class Unit:
    """What is embedded: a table row, list item, sentence or code block inside its chunk.

    `context` (title, heading path, table header, lead-in) goes into what is embedded and never into the offsets.
    """

    id: str
    kind: UnitKind
    start: int
    end: int
    text: str
    context: str

    @property
    def embedding_text(self) -> str:
        return f"{self.context}\n{self.text}" if self.context else self.text


@dataclass(frozen=True, slots=True)
class Chunk:
    """What is read: a passage of one section, about 450 characters, made of whole units."""

    id: str
    document: DocumentInfo
    heading: tuple[str, ...]
    kind: ChunkKind
    lang: str
    start: int
    end: int
    text: str
    units: tuple[Unit, ...]


@dataclass(frozen=True, slots=True)
class LegScore:
    """What one leg said of a hit: its own score and its own 1-based rank."""

    leg: Leg
    score: float
    rank: int


@dataclass(frozen=True, slots=True)
class Hit:
    """A chunk found for a query; `score` is fused, higher is better; `units` are those that matched, best first.

    `reranked` is the cross-encoder's own score, where one has read the chunk.
    """

    chunk: Chunk
    score: float
    rank: int
    found_by: tuple[LegScore, ...]
    units: tuple[Unit, ...] = ()
    reranked: float | None = None


@dataclass(frozen=True, slots=True)
class Filters:
    """Restricts a search; None means no restriction."""

    document_ids: frozenset[str] | None = None
    lang: str | None = None


@runtime_checkable
class Embedder(Protocol):
    """Text to unit vectors. Queries and passages are embedded differently."""

    @property
    def name(self) -> str:
        """Model name with revision: vectors of two embedders of one name may be mixed."""

    @property
    def dimension(self) -> int: ...

    def embed_queries(self, texts: Sequence[str], /) -> Vectors: ...

    def embed_passages(self, texts: Sequence[str], /) -> Vectors: ...


@dataclass(frozen=True, slots=True)
class TokenVectors:
    """A text token by token, as an embedder has it before it pools.

    `spans` are characters [start, end) of the text; `vectors` (tokens, width) L2-normalised, in any precision.
    """

    spans: tuple[tuple[int, int], ...]
    vectors: NDArray[np.floating[Any]]


@runtime_checkable
class TokenEmbedder(Protocol):
    """What an `Embedder` may offer besides; texts are read as `embed_queries` and `embed_passages` read them."""

    def embed_tokens(self, text: str, /, *, passage: bool) -> TokenVectors | None:
        """None where the model does not tell."""


@runtime_checkable
class VectorStore(Protocol):
    """Rows of unit vectors, searched by inner product."""

    def __len__(self) -> int: ...

    def search(self, query: Vectors, k: int, rows: Sequence[int] | None = None) -> list[tuple[int, float]]:
        """At most k (row, cosine) for one query of shape (1, dimension), best first, never row -1; `rows` restricts."""
