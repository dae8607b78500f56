"""What a writer has at hand opens as what is read back from its files."""

import shutil
from pathlib import Path

import pytest

from indexes.errors import IndexDamaged
from indexes.generation import BuildMeta, Generation, Written, write_generation, writer_lock
from indexes.text import tokens
from tests.conftest import chunk_of, document_of
from tests.doubles import FakeEmbedder

META = BuildMeta(embedder="fake@1", chunker="1")
TEXTS = {
    "zh": "后端工程师先学数据库。然后学向量检索。TorchServe 用来部署模型。",
    "en": "Backend engineers learn databases first. Then they deploy models with TorchServe.",
}


def written(home: Path) -> Written:
    documents = [document_of(text, id=name) for name, text in TEXTS.items()]
    chunks = [chunk_of(document.text, document=document) for document in documents]
    vectors = FakeEmbedder().embed_passages([unit.embedding_text for chunk in chunks for unit in chunk.units])
    with writer_lock(home):
        return write_generation(home, documents, chunks, vectors, META)


def test_opened_as_written_it_is_what_is_read_back(tmp_path: Path) -> None:
    made = written(tmp_path)
    with made.open() as own, Generation.current(tmp_path) as read:
        assert (own.number, own.path, own.manifest) == (read.number, read.path, read.manifest)
        assert own.chunks == read.chunks
        assert own.documents() == read.documents()
        assert [own.document(info.id) for info in own.documents()] == [read.document(i.id) for i in read.documents()]
        rows = range(len(read.units))
        assert (own.vectors.vectors(rows) == read.vectors.vectors(rows)).all()
        assert own.lexical.search(tokens("TorchServe"), 5) == read.lexical.search(tokens("TorchServe"), 5) != []


def test_opened_as_written_without_its_files_is_refused(tmp_path: Path) -> None:
    made = written(tmp_path)
    shutil.rmtree(made.path)
    with pytest.raises(IndexDamaged, match="career ingest"):
        made.open()
