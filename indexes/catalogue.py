"""chunks.sqlite: documents, chunks and units of one generation, with the tables of words beside them.

Chunk and unit texts are not stored twice: `document.text[start:end]` is their text, by the invariant of `types`.
"""

import json
import queue
import sqlite3
import weakref
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from indexes import lexical
from indexes.errors import IndexDamaged
from indexes.rows import insert
from indexes.spellings import SCHEMA, Spellings, known_spellings
from indexes.types import Chunk, ChunkKind, Document, DocumentInfo, Section, Unit, UnitKind

_SCHEMA = """
CREATE TABLE documents(id TEXT PRIMARY KEY, uri TEXT, title TEXT, lang TEXT, url TEXT, digest TEXT, text TEXT,
                       sections TEXT);
CREATE TABLE contexts(number INTEGER PRIMARY KEY, text TEXT);
CREATE TABLE chunks(number INTEGER PRIMARY KEY, id TEXT, document TEXT, heading TEXT, kind TEXT, lang TEXT,
                    start INTEGER, "end" INTEGER);
CREATE TABLE units(row INTEGER PRIMARY KEY, chunk INTEGER, id TEXT, kind TEXT, start INTEGER, "end" INTEGER,
                   context INTEGER);
"""


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Everything of chunks.sqlite that is held in memory; `chunks` are in the order their units have rows."""

    documents: dict[str, Document]
    chunks: tuple[Chunk, ...]

    @classmethod
    def of(cls, documents: Iterable[Document], chunks: Iterable[Chunk]) -> Self:
        return cls({document.info.id: document for document in documents}, tuple(chunks))


def write_catalogue(
    path: Path, documents: Sequence[Document], chunks: Sequence[Chunk], before: Path | None = None
) -> None:
    """Write a new file; unit rows number `[unit for chunk in chunks for unit in chunk.units]` from 0.

    Words of texts that the generation in the folder `before` holds too are taken over from there.

    Raises:
        ValueError: a chunk or unit is not the text its document has at its place, or its document is not given.
        OSError: there is no room or no permission.
    """
    try:
        _write(path, documents, chunks, Spellings(known_spellings(before)))
    except sqlite3.OperationalError as error:
        raise OSError(f"{path}: {error}") from None


def _write(path: Path, documents: Sequence[Document], chunks: Sequence[Chunk], spellings: Spellings) -> None:
    texts = {document.info.id: document.text for document in documents}
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript("PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF;" + _SCHEMA + SCHEMA)
        with connection:
            insert(connection, "documents", map(_document_row, documents))
            _insert_chunks(connection, chunks, texts)
            units = (unit for chunk in chunks for unit in chunk.units)
            # No word goes over a line end: these are the words of a unit's `embedding_text`.
            lexical.create(connection, enumerate(spellings.of(unit.context, unit.text) for unit in units))
            passages = (spellings.of("\n".join((c.document.title, *c.heading)), c.text) for c in chunks)
            lexical.create(connection, enumerate(passages), "passages")
            spellings.save(connection)


def read_catalogue(connection: sqlite3.Connection) -> Catalogue:
    documents = {row[0]: _document(row) for row in connection.execute("SELECT * FROM documents ORDER BY rowid")}
    contexts = dict(connection.execute("SELECT number, text FROM contexts"))
    units: dict[int, list[tuple[str, str, int, int, int]]] = {}
    for chunk, *rest in connection.execute('SELECT chunk, id, kind, start, "end", context FROM units ORDER BY row'):
        units.setdefault(chunk, []).append((rest[0], rest[1], rest[2], rest[3], rest[4]))
    chunks = []
    for number, id_, document_id, heading, kind, lang, start, end in connection.execute(
        "SELECT * FROM chunks ORDER BY number"
    ):
        document = documents[document_id]
        chunks.append(
            Chunk(
                id=id_,
                document=document.info,
                heading=tuple(json.loads(heading)),
                kind=ChunkKind(kind),
                lang=lang,
                start=start,
                end=end,
                text=document.text[start:end],
                units=tuple(_unit(document.text, contexts, unit) for unit in units.get(number, [])),
            )
        )
    return Catalogue(documents, tuple(chunks))


class ConnectionPool:
    """Read-only connections to one immutable file, opened at once so that the file may be unlinked meanwhile.

    They are closed with the pool, or when nobody holds it any more. An open `sqlite3.Connection` refers to itself
    through its cache of statements: let go without being closed, it and its file would wait for the garbage collector,
    whose next full turn may be hours away.
    """

    def __init__(self, path: Path, size: int = 4) -> None:
        connections = [_open_read_only(path) for _ in range(size)]
        self._free: queue.SimpleQueue[sqlite3.Connection] = queue.SimpleQueue()
        for connection in connections:
            self._free.put(connection)
        self._close = weakref.finalize(self, _close_all, connections)

    @contextmanager
    def lend(self) -> Iterator[sqlite3.Connection]:
        connection = self._free.get()
        try:
            yield connection
        finally:
            self._free.put(connection)

    def close(self) -> None:
        self._close()


def _close_all(connections: Sequence[sqlite3.Connection]) -> None:
    for connection in connections:
        connection.close()


def _open_read_only(path: Path) -> sqlite3.Connection:
    try:
        connection = sqlite3.connect(
            f"{path.resolve().as_uri()}?mode=ro&immutable=1", uri=True, check_same_thread=False
        )
        connection.execute("SELECT count(*) FROM chunks").fetchone()  # the file is opened by the first read only
    except sqlite3.Error as error:
        raise IndexDamaged(f"{path} cannot be read ({error}). Run `career ingest` to build it again.") from None
    return connection


def _insert_chunks(connection: sqlite3.Connection, chunks: Sequence[Chunk], texts: dict[str, str]) -> None:
    contexts: dict[str, int] = {}
    insert(connection, "chunks", (_chunk_row(number, chunk, texts) for number, chunk in enumerate(chunks)))
    units = ((number, chunk, unit) for number, chunk in enumerate(chunks) for unit in chunk.units)
    insert(
        connection,
        "units",
        (
            (row, number, *_unit_row(unit, texts[chunk.document.id], contexts))
            for row, (number, chunk, unit) in enumerate(units)
        ),
    )
    insert(connection, "contexts", ((number, text) for text, number in contexts.items()))


def _chunk_row(number: int, chunk: Chunk, texts: dict[str, str]) -> tuple[object, ...]:
    text = texts.get(chunk.document.id)
    if text is None or text[chunk.start : chunk.end] != chunk.text:
        raise ValueError(f"chunk {chunk.id} is not what document {chunk.document.id} holds at its place")
    heading = json.dumps(chunk.heading, ensure_ascii=False)
    return (number, chunk.id, chunk.document.id, heading, chunk.kind, chunk.lang, chunk.start, chunk.end)


def _unit_row(unit: Unit, text: str, contexts: dict[str, int]) -> tuple[object, ...]:
    if text[unit.start : unit.end] != unit.text:
        raise ValueError(f"unit {unit.id} is not what its document holds at its place")
    return (unit.id, unit.kind, unit.start, unit.end, contexts.setdefault(unit.context, len(contexts)))


def _document_row(document: Document) -> tuple[object, ...]:
    info = document.info
    sections = json.dumps([[section.heading, section.start, section.end] for section in document.sections])
    return (info.id, info.uri, info.title, info.lang, info.url, document.digest, document.text, sections)


def _document(row: tuple[str, str, str, str, str | None, str, str, str]) -> Document:
    id_, uri, title, lang, url, digest, text, sections = row
    return Document(
        info=DocumentInfo(id=id_, uri=uri, title=title, lang=lang, url=url),
        text=text,
        sections=tuple(Section(tuple(heading), start, end) for heading, start, end in json.loads(sections)),
        digest=digest,
    )


def _unit(text: str, contexts: dict[int, str], row: tuple[str, str, int, int, int]) -> Unit:
    id_, kind, start, end, context = row
    return Unit(id=id_, kind=UnitKind(kind), start=start, end=end, text=text[start:end], context=contexts[context])
