"""Nothing is embedded twice, and a cache that cannot be trusted is not."""

import sqlite3
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from indexes.embedding_cache import CachedEmbedder, EmbeddingCache, text_digest
from indexes.errors import MissingError
from indexes.types import Embedder, Vectors
from tests.doubles import FakeEmbedder


class CountingEmbedder(FakeEmbedder):
    def __init__(self, dimension: int = 64, name: str = "fake@1", dies_at: str | None = None) -> None:
        super().__init__(dimension, name)
        self.queries: list[str] = []
        self.dies_at = dies_at

    def embed_queries(self, texts: Sequence[str], /) -> Vectors:
        self.queries += texts
        return super().embed_queries(texts)

    def embed_passages(self, texts: Sequence[str], /) -> Vectors:
        if self.dies_at in texts:
            raise KeyboardInterrupt
        return super().embed_passages(texts)


@pytest.fixture
def cache(tmp_path: Path) -> EmbeddingCache:
    return EmbeddingCache(tmp_path / "home" / "embeddings.sqlite")


def test_only_new_texts_are_embedded(cache: EmbeddingCache) -> None:
    inner = CountingEmbedder()
    embedder = CachedEmbedder(inner, cache)
    assert isinstance(embedder, Embedder)
    first = embedder.embed_passages(["数据库", "模型", "数据库"])
    second = CachedEmbedder(inner, cache).embed_passages(["模型", "新", "数据库"])
    assert inner.texts == ["模型", "数据库", "新"]
    assert np.array_equal(first, FakeEmbedder().embed_passages(["数据库", "模型", "数据库"]))
    assert np.array_equal(second[[2, 0]], first[:2])
    assert embedder.embed_passages([]).shape == (0, 64)


def test_embedders_do_not_share(cache: EmbeddingCache) -> None:
    CachedEmbedder(CountingEmbedder(), cache).embed_passages(["一"])
    other, wider = CountingEmbedder(name="fake@2"), CountingEmbedder(dimension=8)
    CachedEmbedder(other, cache).embed_passages(["一"])
    assert CachedEmbedder(wider, cache).embed_passages(["一"]).shape == (1, 8)
    assert other.texts == wider.texts == ["一"]


def test_what_was_done_before_a_kill_is_kept(cache: EmbeddingCache) -> None:
    texts = [f"{number:03d}" for number in range(200)]
    with pytest.raises(KeyboardInterrupt):
        CachedEmbedder(CountingEmbedder(dies_at="150"), cache).embed_passages(texts)
    rerun = CountingEmbedder()
    CachedEmbedder(rerun, cache).embed_passages(texts)
    assert rerun.texts == texts[128:]


def test_recent_queries_are_remembered(cache: EmbeddingCache) -> None:
    inner = CountingEmbedder()
    embedder = CachedEmbedder(inner, cache, queries=2)
    for query in ("a1", "b1", "a1", "c1", "a1", "b1"):
        assert np.array_equal(embedder.embed_queries([query]), FakeEmbedder().embed_queries([query]))
    assert inner.queries == ["a1", "b1", "c1", "b1"]
    assert embedder.embed_queries(["x1", "y1", "z1", "x1"]).shape == (4, 64)


def test_a_damaged_file_is_set_aside(cache: EmbeddingCache, tmp_path: Path) -> None:
    CachedEmbedder(CountingEmbedder(), cache).embed_passages(["一"])
    path = tmp_path / "home" / "embeddings.sqlite"
    path.write_bytes(b"not a database at all" * 100)
    inner = CountingEmbedder()
    expected = FakeEmbedder().embed_passages(["一"])
    assert np.array_equal(CachedEmbedder(inner, cache).embed_passages(["一"]), expected)
    assert np.array_equal(CachedEmbedder(inner, cache).embed_passages(["一"]), expected)
    assert inner.texts == ["一"]
    assert path.with_suffix(".damaged").exists()


def test_a_torn_vector_is_embedded_again(cache: EmbeddingCache, tmp_path: Path) -> None:
    CachedEmbedder(CountingEmbedder(), cache).embed_passages(["一"])
    with sqlite3.connect(tmp_path / "home" / "embeddings.sqlite") as connection:
        connection.execute("UPDATE embeddings SET vector = x'00'")
    connection.close()
    inner = CountingEmbedder()
    CachedEmbedder(inner, cache).embed_passages(["一"])
    assert inner.texts == ["一"]


def test_keep_only(cache: EmbeddingCache) -> None:
    CachedEmbedder(CountingEmbedder(), cache).embed_passages(["一", "二", "三"])
    assert cache.keep_only("fake@1", [text_digest("二")]) == 2
    assert set(cache.get("fake@1", map(text_digest, "一二三"), 64)) == {text_digest("二")}


def test_a_home_that_cannot_be_written_names_the_cure() -> None:
    cache = EmbeddingCache(Path("/proc/nowhere/embeddings.sqlite"))
    with pytest.raises(MissingError, match=r"/proc/nowhere.*CAREER_HOME"):
        CachedEmbedder(CountingEmbedder(), cache).embed_passages(["一"])
