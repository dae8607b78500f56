"""What was read token by token is there again in the next process, and trouble with the file is no trouble."""

from pathlib import Path

import numpy as np
import pytest

from indexes.token_store import FILE, TokenStore
from indexes.tokenwise import Tokenwise
from indexes.types import TokenVectors

TOKENS = TokenVectors(((0, 2), (2, 5)), np.array([[1, 0, 0], [0, 0.5, 0.25]], np.float16))


@pytest.fixture
def store(tmp_path: Path) -> TokenStore:
    return TokenStore(tmp_path / FILE, "model@1")


def test_tokens_come_back_as_they_were(store: TokenStore) -> None:
    assert store.get("p: ", "字词") is None
    store.put("p: ", "字词", TOKENS)
    found = store.get("p: ", "字词")
    assert found is not None
    assert found.spans == TOKENS.spans
    assert found.vectors.tolist() == [[1, 0, 0], [0, 0.5, 0.25]]


def test_another_prompt_text_or_model_has_its_own(store: TokenStore) -> None:
    store.put("p: ", "a", TOKENS)
    assert store.get("q: ", "a") is None
    assert store.get("p: ", "b") is None
    assert TokenStore(store.path, "model@2").get("p: ", "a") is None


def test_a_damaged_file_or_row_is_nothing(store: TokenStore) -> None:
    store.put("", "a", TokenVectors(((0, 1), (1, 2), (2, 3)), np.zeros((3, 2), np.float16)))
    store.put("", "a", TokenVectors(((0, 1), (1, 2)), np.zeros((1, 3), np.float16)))
    assert store.get("", "a") is None
    store.path.write_bytes(b"no database" * 100)
    assert store.get("", "a") is None
    store.put("", "a", TOKENS)
    assert store.path.read_bytes().startswith(b"no database")


def test_a_folder_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    nowhere = TokenStore(tmp_path / "missing" / FILE, "model@1")
    nowhere.put("", "a", TOKENS)
    assert nowhere.get("", "a") is None
    assert not nowhere.path.parent.exists()


def test_a_full_file_takes_no_more(store: TokenStore, monkeypatch: pytest.MonkeyPatch) -> None:
    store.put("", "a", TOKENS)
    monkeypatch.setattr("indexes.token_store.MOST_BYTES", store.path.stat().st_size)
    store.put("", "b", TOKENS)
    assert store.get("", "b") is None
    assert store.get("", "a") is not None


def test_a_passage_is_read_once_in_its_life_and_a_question_is_not_kept(store: TokenStore) -> None:
    read: list[str] = []

    class Read(Tokenwise):
        def _read(self, prompt: str, text: str) -> TokenVectors:
            read.append(text)
            return TOKENS

    for _ in range(2):
        process = Read(None, None, store)
        passage = process.read("p: ", "passage", keep=True)
        assert passage is not None
        assert passage.spans == TOKENS.spans
        process.read("q: ", "question")
    assert read == ["passage", "question", "question"]
