"""Which documents a build has: those that changed are read anew, the others are taken over from the last generation."""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from indexes.errors import CareerError, DamagedError, IndexDamaged, IndexMissing, UsageError
from indexes.generation import Generation
from indexes.parts import embedded_texts
from indexes.settings import IndexSettings
from indexes.types import Chunk
from ingest.documents import Prepared, document_id_of, pipeline_version, prepare
from ingest.sandbox import ReadFile, Sandbox
from ingest.sources import SourceFile

Progress: TypeAlias = Callable[[str, int, int], None]
"""(what is being done, how many are done, of how many)."""


@dataclass(frozen=True, slots=True)
class Before:
    """What the generation that serves holds, by uri; empty where there is none or it is damaged."""

    generation: int | None = None
    embedder: str | None = None
    pipeline: str | None = None
    documents: Mapping[str, Prepared] = field(default_factory=dict)

    @classmethod
    def load(cls, settings: IndexSettings) -> "Before":
        try:
            with Generation.current(settings.home) as generation:
                meta = generation.manifest.meta
                return cls(generation.number, meta.embedder, meta.chunker, _by_uri(generation))
        except (IndexMissing, IndexDamaged):
            return cls()


def _by_uri(generation: Generation) -> dict[str, Prepared]:
    chunks: dict[str, list[Chunk]] = {}
    for chunk in generation.chunks:
        chunks.setdefault(chunk.document.id, []).append(chunk)
    documents = [document for info in generation.documents() if (document := generation.document(info.id))]
    return {doc.info.uri: Prepared(doc, tuple(chunks.get(doc.info.id, ()))) for doc in documents}


@dataclass(slots=True)
class Corpus:
    """The documents of a build in their order, and what became of every file."""

    documents: list[Prepared] = field(default_factory=list)
    added: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    reused: list[str] = field(default_factory=list)
    skipped: list[tuple[str, str]] = field(default_factory=list)

    @property
    def chunks(self) -> list[Chunk]:
        return [chunk for prepared in self.documents for chunk in prepared.chunks]

    @property
    def texts(self) -> list[str]:
        """What is embedded, in the order of the rows."""
        return embedded_texts(self.chunks)


def read_corpus(files: Iterable[SourceFile], before: Before, settings: IndexSettings, progress: Progress) -> Corpus:
    """Read what changed. A file that cannot be read is skipped with the reason, and so is one read already."""
    corpus, seen = Corpus(), _Seen()
    files = list(files)
    with Sandbox() as sandbox:
        for done, file in enumerate(files):
            progress("reading", done, len(files))
            try:
                prepared = None if file.skip else _document(file, before, seen, settings, sandbox.read)
            except (CareerError, OSError, RecursionError, MemoryError) as error:
                corpus.skipped.append((file.uri, _reason(error)))
                continue
            if prepared is None:
                corpus.skipped.append((file.uri, file.skip or "no text"))
                continue
            seen.ids.add(prepared.document.info.id)
            corpus.documents.append(prepared)
            _outcome(corpus, file.uri, prepared, before).append(file.uri)
    progress("reading", len(files), len(files))
    return corpus


@dataclass(slots=True)
class _Seen:
    """Documents of this build so far: the uri of each digest, and the ids that are taken."""

    uris: dict[str, str] = field(default_factory=dict)
    ids: set[str] = field(default_factory=set)


def _document(
    file: SourceFile, before: Before, seen: _Seen, settings: IndexSettings, read: ReadFile
) -> Prepared | None:
    raw = file.path.read_bytes()
    digest = hashlib.sha256(raw).hexdigest()
    if digest in seen.uris:
        raise UsageError(f"same content as {seen.uris[digest]}")
    document_id = document_id_of(file.uri, seen.ids)
    old = before.documents.get(file.uri)
    same = old and (old.document.digest, old.document.info.id) == (digest, document_id)
    if old and same and before.pipeline == pipeline_version(settings):
        prepared = old
    else:
        prepared = prepare(raw, document_id, file.uri, settings, read)
    if not prepared.chunks:
        if prepared.hidden:
            raise DamagedError(f"all its text is hidden ({prepared.hidden[0][1]}). Make visible what should be read.")
        return None
    seen.uris[digest] = file.uri
    return prepared


def _outcome(corpus: Corpus, uri: str, prepared: Prepared, before: Before) -> list[str]:
    if prepared is before.documents.get(uri):
        return corpus.reused
    return corpus.changed if uri in before.documents else corpus.added


def _reason(error: Exception) -> str:
    if isinstance(error, RecursionError | MemoryError):
        return "is nested too deeply, or too large, to be a document. Split it."
    return (error.strerror or str(error)) if isinstance(error, OSError) else str(error)
