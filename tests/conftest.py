"""Factories of small documents and chunks, and the real models for tests marked `models`."""

import hashlib
import signal
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import pytest

from indexes.errors import ModelMissing
from indexes.generation import Generation, write_generation
from indexes.settings import IndexSettings
from indexes.text import detect_lang, split_sentences
from indexes.types import Chunk, ChunkKind, Document, DocumentInfo, Embedder, Section, Unit, UnitKind
from tests.doubles import FakeEmbedder


class MakeDocument(Protocol):
    def __call__(
        self, text: str, *, id: str = ..., title: str = ..., lang: str | None = ..., heading: Sequence[str] = ...
    ) -> Document: ...


class MakeChunk(Protocol):
    def __call__(
        self,
        text: str,
        *,
        document: Document | None = ...,
        heading: Sequence[str] = ...,
        start: int = ...,
        kind: ChunkKind = ...,
        context: str | None = ...,
    ) -> Chunk: ...


def document_of(
    text: str, *, id: str = "doc", title: str = "Title", lang: str | None = None, heading: Sequence[str] = ("Heading",)
) -> Document:
    """A document of one section; the language is detected unless given."""
    info = DocumentInfo(id=id, uri=f"{id}.md", title=title, lang=lang or detect_lang(text))
    digest = hashlib.sha256(text.encode()).hexdigest()
    return Document(info=info, text=text, sections=(Section(tuple(heading), 0, len(text)),), digest=digest)


def write_and_open(home: Path, *made: Any, **options: Any) -> Generation:
    """`write_generation`, and the generation that it wrote, verified and open."""
    return Generation.open(write_generation(home, *made, **options).path)


def chunk_of(
    text: str,
    *,
    document: Document | None = None,
    heading: Sequence[str] = ("Heading",),
    start: int = 0,
    kind: ChunkKind = ChunkKind.PROSE,
    context: str | None = None,
) -> Chunk:
    """A chunk of `document` (default: one made of `text` alone) at `start`, its sentences as units."""
    document = document or document_of(text)
    if document.text[start : start + len(text)] != text:
        raise ValueError("the chunk's text is not in its document at start")
    chunk_id = f"{document.info.id}-{start}-{start + len(text)}"
    units = tuple(
        Unit(
            id=f"{chunk_id}-{number}",
            kind=UnitKind.SENTENCE,
            start=start + first,
            end=start + last,
            text=text[first:last],
            context=" > ".join([document.info.title, *heading]) if context is None else context,
        )
        for number, (first, last) in enumerate(split_sentences(text))
    )
    return Chunk(
        id=chunk_id,
        document=document.info,
        heading=tuple(heading),
        kind=kind,
        lang=detect_lang(text),
        start=start,
        end=start + len(text),
        text=text,
        units=units,
    )


def pytest_configure() -> None:
    """A shell's background jobs ignore Ctrl-C, and so would what the tests start: some tests send it."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def make_document() -> MakeDocument:
    return document_of


@pytest.fixture
def make_chunk() -> MakeChunk:
    return chunk_of


@pytest.fixture
def fake_embedder() -> FakeEmbedder:
    return FakeEmbedder()


@pytest.fixture(scope="session")
def settings() -> IndexSettings:
    """The settings of this machine; tests that write take `tmp_path` as home instead."""
    return IndexSettings.load({})


@pytest.fixture(scope="session")
def embedder(settings: IndexSettings) -> Embedder:
    """The real embedder from the model store, fetched when absent."""
    from indexes.embedding import load_embedder
    from indexes.modelstore import ModelStore

    store = ModelStore.from_settings(settings)
    try:
        path = store.resolve(settings.embedder)
    except ModelMissing:
        path = store.pull(settings.embedder)
    return load_embedder(settings, path)


@pytest.fixture(scope="session")
def shared() -> Path:
    """Data beside the checkout that never enters the project."""
    folder = Path(__file__).resolve().parents[2] / "shared"
    if not folder.is_dir():
        pytest.skip("no ../shared beside this checkout")
    return folder
