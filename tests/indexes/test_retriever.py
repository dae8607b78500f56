"""Search finds what holds the words or the meaning, in either language, and says which leg found it."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from indexes.errors import IndexMissing
from indexes.generation import BuildMeta, Generation, writer_lock
from indexes.retriever import Retriever
from indexes.types import Chunk, Document, Filters, Leg
from tests.conftest import chunk_of, document_of, write_and_open
from tests.doubles import FakeEmbedder

TEXTS = {
    "databases": "后端工程师先学数据库和索引。再学事务。",
    "serving": "TorchServe 用来部署模型。上线前要压测。",
    "english": "Backend engineers learn databases first. Then they deploy models with BentoML.",
    "copy": "TorchServe 用来部署模型。上线前要压测！",
    "salary": "薪资随经验增长。面试要准备项目。",
}


@pytest.fixture
def generation(tmp_path: Path) -> Iterator[Generation]:
    documents: list[Document] = []
    chunks: list[Chunk] = []
    for name, text in TEXTS.items():
        document = document_of(text, id=name, title=name)
        documents.append(document)
        chunks.append(chunk_of(text, document=document, context=""))
    texts = [unit.embedding_text for chunk in chunks for unit in chunk.units]
    with writer_lock(tmp_path):
        built = write_and_open(
            tmp_path, documents, chunks, FakeEmbedder().embed_passages(texts), BuildMeta("fake@1", "1")
        )
    with built:
        yield built


@pytest.fixture
def retriever(generation: Generation) -> Retriever:
    return Retriever(generation, FakeEmbedder())


def ids(retriever: Retriever, query: str, k: int = 8, filters: Filters | None = None) -> list[str]:
    return [hit.chunk.document.id for hit in retriever.search(query, k, filters or Filters())]


@pytest.mark.parametrize(
    ("query", "best"),
    [
        ("数据库", "databases"),
        ("資料庫", "databases"),
        ("TorchServe 是做什么的?", "serving"),
        ("what is TorchServe for?", "serving"),
        ("ＴｏｒｃｈＳｅｒｖｅ", "serving"),
        ("which database should engineers learn", "english"),
        ("BentoML 怎么用", "english"),
        ("薪资", "salary"),
    ],
)
def test_the_best_hit(retriever: Retriever, query: str, best: str) -> None:
    assert ids(retriever, query)[0] == best


def test_hits_are_ranked_and_explained(retriever: Retriever, generation: Generation) -> None:
    hits = retriever.search("TorchServe 部署", k=3)
    assert [hit.rank for hit in hits] == [1, 2, 3]
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)
    best = hits[0]
    assert best.chunk in generation.chunks
    assert best.units[0].text == "TorchServe 用来部署模型。"
    assert [found.leg for found in best.found_by] == [Leg.DENSE, Leg.LEXICAL]
    assert all(found.rank == 1 for found in best.found_by)
    assert 0 < best.found_by[0].score <= 1


def test_terms_find_what_is_written_in_the_other_language(generation: Generation) -> None:
    retriever = Retriever(generation, FakeEmbedder(), terms=lambda query: ["薪资", "面试"])
    best = retriever.search("pay and interviews", 8, Filters(lang="zh"))[0]
    assert best.chunk.document.id == "salary"
    assert {found.leg: found.rank for found in best.found_by}[Leg.TERMS] == 1
    without = Retriever(generation, FakeEmbedder()).search("pay and interviews", 8)
    assert all(found.leg is not Leg.TERMS for hit in without for found in hit.found_by)


def test_what_suits_a_query_otherwise_comes_first_in_its_language(generation: Generation) -> None:
    query = "数据库"
    plain = Retriever(generation, FakeEmbedder()).search(query, 8, Filters(lang="zh"))
    last = plain[-1].chunk

    def suiting(asked: str) -> Callable[[Chunk], float]:
        return lambda chunk: 9.0 * (chunk == last and asked == query)

    found = Retriever(generation, FakeEmbedder(), suiting=suiting).search(query, 8, Filters(lang="zh"))
    assert (found[0].chunk, found[0].score) == (last, plain[0].score)
    assert plain[0].chunk != last


def test_near_duplicates_are_shown_once(retriever: Retriever) -> None:
    found = ids(retriever, "TorchServe 部署模型")
    assert ("serving" in found) != ("copy" in found)


def test_filters(retriever: Retriever) -> None:
    assert ids(retriever, "数据库", filters=Filters(lang="en")) == ["english"]
    assert ids(retriever, "database", filters=Filters(document_ids=frozenset({"salary"}))) == ["salary"]
    assert ids(retriever, "database", filters=Filters(document_ids=frozenset())) == []


@pytest.mark.parametrize("query", ["", "   ", "\u3000\u200b"])
def test_nothing_asked_nothing_found(retriever: Retriever, query: str) -> None:
    assert retriever.search(query) == []


@pytest.mark.parametrize(
    "query", ["😀😀", '"', "' OR 1=1 --", "*", "NEAR(", "\ud800", "数\ud800据", "a\x00b", "数" * 5000]
)
def test_any_query_is_answered(retriever: Retriever, query: str) -> None:
    assert len(retriever.search(query, k=4)) == 4


def test_k_bounds_the_hits(retriever: Retriever) -> None:
    assert len(retriever.search("数据库", k=2)) == 2
    assert retriever.search("数据库", k=0) == []
    assert len(retriever.search("数据库", k=100)) == 4


def test_another_embedder_is_refused(generation: Generation) -> None:
    with pytest.raises(IndexMissing, match=r"built with fake@1 \(64.*name fake@2 \(64"):
        Retriever(generation, FakeEmbedder(name="fake@2"))
    with pytest.raises(IndexMissing, match=r"64 dimensions.*\(32\)"):
        Retriever(generation, FakeEmbedder(dimension=32))
