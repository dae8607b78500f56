"""An index over given passages, one chunk each: sets that bring their own text run through the same retriever."""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from indexes.errors import UsageError
from indexes.text import detect_lang, split_sentences
from indexes.types import Chunk, ChunkKind, Document, DocumentInfo, Embedder, Section, Unit, UnitKind
from service.evaluation.dataset import ItemPassage, decode, parse_passage_rows


def read_passages(path: Path) -> list[ItemPassage]:
    """Lines of {"id", "title", "text"}.

    Raises:
        UsageError: the file is absent or has broken lines; each is named.
    """
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise UsageError(f"Cannot read the passages {path}: {error.strerror}. Name an existing JSONL file.") from None
    rows = parse_passage_rows(decode(raw, path.name), path.name)
    if not rows:
        raise UsageError(f"{path.name} holds no passage. Write one JSON object a line with id, title and text.")
    return [ItemPassage(row["id"], str(row.get("title") or ""), row["text"]) for row in rows]


@dataclass(frozen=True, slots=True)
class Pool:
    """Passages to search among: `documents[i]` holds exactly `chunks[i]`."""

    documents: tuple[Document, ...]
    chunks: tuple[Chunk, ...]


def pool_of(passages: Iterable[ItemPassage], prefix: str = "") -> Pool:
    """Empty passages are left out; `prefix` keeps the ids of several files apart."""
    documents, chunks = [], []
    for passage in passages:
        if passage.text.strip():
            document = _document(passage, prefix)
            documents.append(document)
            chunks.append(_chunk(document))
    return Pool(tuple(documents), tuple(chunks))


def join(pools: Sequence[Pool]) -> Pool:
    return Pool(tuple(d for pool in pools for d in pool.documents), tuple(c for pool in pools for c in pool.chunks))


def _document(passage: ItemPassage, prefix: str) -> Document:
    name = prefix + passage.id
    info = DocumentInfo(name, name, passage.title.replace("_", " "), detect_lang(passage.text))
    heading = (info.title,) if info.title else ()
    digest = hashlib.sha256(passage.text.encode()).hexdigest()
    return Document(info, passage.text, (Section(heading, 0, len(passage.text)),), digest)


def _chunk(document: Document) -> Chunk:
    """The digest in the id keeps apart passages of one id and different texts, as two questions may bring."""
    text, info = document.text, document.info
    chunk_id = f"{info.id}#{document.digest[:8]}"
    units = tuple(
        Unit(f"{chunk_id}-{start}", UnitKind.SENTENCE, start, end, text[start:end], info.title)
        for start, end in split_sentences(text)
    )
    heading = document.sections[0].heading
    return Chunk(chunk_id, info, heading, ChunkKind.PROSE, info.lang, 0, len(text), text, units)


def write_pool(home: Path, pool: Pool, embedder: Embedder) -> None:
    """Make the pool the current generation of `home`."""
    from indexes.generation import BuildMeta, write_generation, writer_lock

    texts = [unit.embedding_text for chunk in pool.chunks for unit in chunk.units]
    vectors = embedder.embed_passages(texts)
    with writer_lock(home):
        write_generation(home, pool.documents, pool.chunks, vectors, BuildMeta(embedder.name, "passages-1"), keep=1)


def pool_digest(chunks: Iterable[Chunk]) -> str:
    """SHA-256 over ids and texts: equal for equal passages, however their files were written."""
    digest = hashlib.sha256()
    for chunk in chunks:
        digest.update(json.dumps([chunk.id, chunk.text], ensure_ascii=False).encode())
    return digest.hexdigest()
