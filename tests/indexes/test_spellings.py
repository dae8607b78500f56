"""Words are spelled once for each text, however many generations have it, and never taken from a damaged one."""

import json
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from indexes import spellings
from indexes.generation import BuildMeta, Generation, verify, writer_lock
from indexes.manifest import Manifest, describe_file
from indexes.spellings import Spellings, known_spellings
from indexes.text import TOKENS_VERSION
from tests.conftest import chunk_of, document_of, write_and_open
from tests.doubles import FakeEmbedder

TEXTS = ["向量数据库用来检索。", "Learn Docker first.", "后端先学网络。"]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The texts that were tokenised."""
    seen: list[str] = []
    real = spellings.tokens

    def listen(text: str) -> list[str]:
        seen.append(text)
        return real(text)

    monkeypatch.setattr(spellings, "tokens", listen)
    spellings._spelled_once.cache_clear()
    return seen


def built(home: Path, texts: list[str]) -> Generation:
    documents = [document_of(text, id=f"d{number}") for number, text in enumerate(texts)]
    chunks = [chunk_of(document.text, document=document) for document in documents]
    vectors = FakeEmbedder().embed_passages([unit.text for chunk in chunks for unit in chunk.units])
    with writer_lock(home):
        return write_and_open(home, documents, chunks, vectors, BuildMeta("fake@1", "1"))


def test_only_new_texts_are_tokenised(tmp_path: Path, asked: list[str]) -> None:
    built(tmp_path, TEXTS).close()
    assert set(TEXTS) <= set(asked)
    asked.clear()
    with built(tmp_path, [*TEXTS, "新的一行讲评估。"]) as generation:
        assert [text for text in asked if text in TEXTS] == []
        assert "新的一行讲评估。" in asked
        assert [row for row, _ in generation.lexical.search(["评估"], 5)] == [3]
        assert [row for row, _ in generation.lexical.search(["docker"], 5)] == [1]
        assert [row for row, _ in generation.passages.search(["网络"], 5)] == [2]


def test_a_text_that_is_gone_leaves_no_words(tmp_path: Path) -> None:
    built(tmp_path, TEXTS).close()
    with built(tmp_path, TEXTS[:1]) as generation:
        assert generation.lexical.search(["docker"], 5) == []
        assert len(known_spellings(generation.path)) == 2  # the unit and its passage


def test_another_version_of_the_tokens_is_not_taken_over(
    tmp_path: Path, asked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    built(tmp_path, TEXTS).close()
    asked.clear()
    monkeypatch.setattr(spellings, "TOKENS_VERSION", TOKENS_VERSION + 1)
    built(tmp_path, TEXTS).close()
    assert set(TEXTS) <= set(asked)


def test_a_damaged_generation_gives_no_words(tmp_path: Path) -> None:
    with built(tmp_path, TEXTS) as generation:
        path = generation.path / "chunks.sqlite"
        assert len(known_spellings(generation.path)) == 6
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE spellings SET words = 'docker'")
    assert known_spellings(generation.path) == {}
    assert known_spellings(None) == {}


def test_context_and_text_are_kept_apart() -> None:
    words = Spellings({})
    assert words.of("学习", "路线") == "_" + "学习".encode().hex() + " _" + "路线".encode().hex()
    assert words.of("", "docker") == "docker"
    words.of("docker", "")
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.executescript(spellings.SCHEMA)
        words.save(connection)
        [(block,)] = connection.execute("SELECT words FROM spellings")
    assert list(json.loads(block).values()) == [
        "_" + "学习".encode().hex() + " _" + "路线".encode().hex(),
        "docker",
        "docker",
    ]


def test_more_than_a_block_is_kept_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spellings, "_BLOCK", 2)
    with built(tmp_path, TEXTS) as generation:
        with closing(sqlite3.connect(generation.path / "chunks.sqlite")) as connection:
            blocks = [json.loads(block) for (block,) in connection.execute("SELECT words FROM spellings")]
        known = known_spellings(generation.path)
    assert [len(block) for block in blocks] == [2, 2, 2]
    assert known == {bytes.fromhex(digest): words for block in blocks for digest, words in block.items()}
    assert sum("docker" in words.split() for words in known.values()) == 2  # the unit and its passage


def test_words_of_a_version_that_kept_them_otherwise_are_not_taken(tmp_path: Path) -> None:
    with built(tmp_path, TEXTS) as generation:
        path = generation.path
    with closing(sqlite3.connect(path / "chunks.sqlite")) as connection:
        connection.executescript(
            "DROP TABLE spellings; CREATE TABLE spellings(digest BLOB PRIMARY KEY, words TEXT) WITHOUT ROWID;"
            "INSERT INTO spellings VALUES (x'00', 'docker');"
        )
    manifest = Manifest.read(path)
    files = tuple(describe_file(path / entry.name) for entry in manifest.files)
    (path / "manifest.json").write_bytes(replace(manifest, files=files).to_bytes())
    assert verify(path) == []
    assert known_spellings(path) == {}
