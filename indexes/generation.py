"""Immutable generations of the index: written beside, renamed into place, verified before a byte is parsed.

<home>/generations/000042/{manifest.json, chunks.sqlite, vectors.faiss}; vectors.f32 where vectors.faiss holds codes
<home>/generations/CURRENT                                              the number that serves, replaced atomically
"""

import shutil
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Self

import numpy as np

from indexes.catalogue import Catalogue, ConnectionPool, read_catalogue, write_catalogue
from indexes.errors import IndexDamaged, IndexMissing, MissingError
from indexes.files import FileSystem, replace_file
from indexes.generations import (
    CURRENT,
    GenerationInfo,
    current_number,
    folder_of,
    list_generations,
    next_number,
    prune,
    prune_locked,
    remove_leftovers,
    use,
    verify,
    writer_lock,
)
from indexes.lexical import LexicalIndex
from indexes.manifest import CHUNKS, CURE, MANIFEST, VECTORS, BuildMeta, Manifest, damage, describe_file
from indexes.parts import owners_of
from indexes.types import Chunk, Document, DocumentInfo, Unit, Vectors
from indexes.vectorkinds import IndexChoice, IndexLimits
from indexes.vectors import Device, FaissStore, faiss_version

__all__ = [
    "BuildMeta",
    "Generation",
    "GenerationInfo",
    "Written",
    "list_generations",
    "prune",
    "use",
    "verify",
    "write_generation",
    "writer_lock",
]


class Generation:
    """One generation, open: safe for any number of threads until it is closed.

    Rows number the units of all chunks in order, in `units`, `vectors` and `lexical` alike; rows of `passages` number
    `chunks`. Further rows of `vectors` are parts of units: `owners` has the unit's row for each.
    """

    def __init__(self, path: Path, manifest: Manifest, catalogue: Catalogue, vectors: FaissStore, pool: ConnectionPool):
        self.path = path
        self.manifest = manifest
        self.number = manifest.number
        self.chunks = catalogue.chunks
        self.units: tuple[tuple[Unit, Chunk], ...] = tuple(
            (unit, chunk) for chunk in catalogue.chunks for unit in chunk.units
        )
        self.vectors = vectors
        has_parts = len(vectors) > len(self.units)
        self.owners: tuple[int, ...] = tuple(owners_of([unit for unit, _ in self.units]) if has_parts else ())
        self.lexical = LexicalIndex(pool.lend)
        self.passages = LexicalIndex(pool.lend, "passages")
        self._documents = catalogue.documents
        self._pool = pool
        self._row_of: Mapping[str, int] = MappingProxyType({unit.id: row for row, (unit, _) in enumerate(self.units)})

    @classmethod
    def current(cls, home: Path, *, fallback: bool = False, device: Device = "cpu") -> Self:
        """Open the generation that serves; with `fallback`, the newest sound one before it when it is damaged.

        Raises:
            IndexMissing: nothing has been built; IndexDamaged: what has been built is not sound.
        """
        number = current_number(home)
        try:
            return cls.open(folder_of(home, number), device=device)
        except IndexDamaged:
            if not fallback:
                raise
            for info in reversed(list_generations(home)):
                if info.number != number:
                    with suppress(IndexDamaged):
                        return cls.open(info.path, device=device)
            raise

    @classmethod
    def open(cls, path: Path, *, device: Device = "cpu") -> Self:
        """Verify every byte, then load.

        Raises:
            IndexMissing: there is no such folder; IndexDamaged: it is not what was written.
        """
        if not path.is_dir():
            raise IndexMissing(f"There is no generation at {path}. Run `career ingest`.")
        manifest = Manifest.read(path)
        if problems := damage(path, manifest):
            raise IndexDamaged(f"{problems[0]}. {CURE}")
        try:
            choice = IndexChoice.of(manifest.vectors)
        except (KeyError, ValueError) as error:
            raise IndexDamaged(f"{path / MANIFEST} describes no vectors ({error}). {CURE}") from None
        vectors = FaissStore.load(path / VECTORS, choice, device)
        pool = ConnectionPool(path / CHUNKS)
        with pool.lend() as connection:
            generation = cls(path, manifest, read_catalogue(connection), vectors, pool)
        if len(generation.units) + len(generation.owners) != len(vectors):
            pool.close()
            raise IndexDamaged(f"{path} holds {len(generation.units)} units but {len(vectors)} vectors. {CURE}")
        return generation

    def documents(self) -> tuple[DocumentInfo, ...]:
        return tuple(document.info for document in self._documents.values())

    def document(self, document_id: str) -> Document | None:
        return self._documents.get(document_id)

    def row(self, unit_id: str) -> int:
        """The row of a unit; KeyError for an id of another generation."""
        return self._row_of[unit_id]

    def unit_vectors(self, unit_ids: Sequence[str]) -> Vectors:
        """(len(unit_ids), dimension), in their order; KeyError for an id of another generation."""
        return self.vectors.vectors([self._row_of[unit_id] for unit_id in unit_ids])

    def close(self) -> None:
        self._pool.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


@dataclass(frozen=True, slots=True)
class Written:
    """A generation on disk, and what it was written from."""

    path: Path
    manifest: Manifest
    catalogue: Catalogue
    vectors: FaissStore

    @property
    def number(self) -> int:
        return self.manifest.number

    def open(self, device: Device = "cpu") -> Generation:
        """The generation, without reading back what is at hand: it shares documents and chunks with its writer.

        Raises:
            IndexDamaged: its files are not there any more.
        """
        pool = ConnectionPool(self.path / CHUNKS)
        vectors = self.vectors
        if device != "cpu" or not vectors.choice.is_exact:  # codes keep their vectors in a file, not in memory
            vectors = FaissStore.load(self.path / VECTORS, vectors.choice, device)
        return Generation(self.path, self.manifest, self.catalogue, vectors, pool)


def write_generation(
    home: Path,
    documents: Sequence[Document],
    chunks: Sequence[Chunk],
    vectors: Vectors,
    meta: BuildMeta,
    *,
    keep: int = 2,
    limits: IndexLimits = IndexLimits(),  # noqa: B008 (frozen)
    files: FileSystem | None = None,
) -> Written:
    """Write the next generation and make it the current one; the caller holds `writer_lock(home)`.

    `vectors` has one row for each of `parts.embedded_texts(chunks)`, or of the units alone, which come first. Whatever
    interrupts it, the previous generation still serves and the next call cleans up.

    Raises:
        ValueError: rows and units differ in number, or a chunk is not in its document.
        MissingError: there is no room or no permission; nothing is left behind.
    """
    files = files or FileSystem()
    units = [unit for chunk in chunks for unit in chunk.units]
    fitting = {len(units), len(units) + len(owners_of(units))}
    if vectors.ndim != 2 or len(vectors) not in fitting or not units:
        raise ValueError(f"{len(units)} units need as many vectors (at least one), not an array of {vectors.shape}")
    number = next_number(home)
    final = folder_of(home, number)
    draft = final.with_name(final.name + ".tmp")
    try:
        files.make_folder(final.parent)
        remove_leftovers(home, files)
        manifest, store = _write_draft(
            files,
            draft,
            number=number,
            before=_serving(home),
            documents=documents,
            chunks=chunks,
            vectors=vectors,
            meta=meta,
            limits=limits,
        )
        files.rename(draft, final)
        files.sync(final.parent)
        replace_file(files, final.parent / CURRENT, f"{number:06d}\n".encode())
    except OSError as error:
        shutil.rmtree(draft, ignore_errors=True)
        raise _unwritable(error, draft) from error
    prune_locked(home, keep, files)
    return Written(final, manifest, Catalogue.of(documents, chunks), store)


def _serving(home: Path) -> Path | None:
    try:
        return folder_of(home, current_number(home))
    except (IndexMissing, IndexDamaged):
        return None


def _unwritable(error: OSError, path: Path) -> MissingError:
    reason = error.strerror or str(error)
    return MissingError(
        f"Cannot write {error.filename or path}: {reason}. Free some space or name a writable folder as CAREER_HOME; "
        "the previous generation is untouched."
    )


def _write_draft(
    files: FileSystem,
    draft: Path,
    *,
    number: int,
    before: Path | None,
    documents: Sequence[Document],
    chunks: Sequence[Chunk],
    vectors: Vectors,
    meta: BuildMeta,
    limits: IndexLimits,
) -> tuple[Manifest, FaissStore]:
    files.make_folder(draft)
    write_catalogue(draft / CHUNKS, documents, chunks, before)
    store = FaissStore.build(np.asarray(vectors, np.float32), limits)
    written = [draft / CHUNKS, *store.save(draft / VECTORS)]
    manifest = Manifest(
        number=number,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        meta=meta,
        dimension=vectors.shape[1],
        vectors=store.choice.describe(),
        counts={"documents": len(documents), "chunks": len(chunks), "units": sum(len(chunk.units) for chunk in chunks)},
        files=tuple(map(describe_file, written)),
        versions={"faiss": faiss_version(), "numpy": np.__version__},
    )
    files.write(draft / MANIFEST, manifest.to_bytes())
    for path in (*written, draft / MANIFEST):
        files.sync(path)
    files.sync(draft)
    return manifest, store
