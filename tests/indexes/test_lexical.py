"""BM25 finds whole tokens only, and ranks as Okapi BM25 does."""

import math
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexes import lexical
from indexes.lexical import LexicalIndex
from indexes.text import tokens


@contextmanager
def index_of(texts: Sequence[Sequence[str]]) -> Iterator[LexicalIndex]:
    with closing(sqlite3.connect(":memory:")) as connection:
        lexical.create(connection, enumerate(" ".join(map(lexical.encode, words)) for words in texts))

        @contextmanager
        def lend() -> Iterator[sqlite3.Connection]:
            yield connection

        yield LexicalIndex(lend)


TEXTS = [
    "用 gpt-4v 看图",
    "用 GPT-4 写作",
    "学 C++ 和 C",
    "向量数据库与数据",
    "Vector databases, explained",
    "C# 与 .NET",
]


@pytest.mark.parametrize(
    ("query", "rows"),
    [
        ("gpt-4v", [0, 1]),
        ("c++", [2]),
        ("C#", [5]),
        ("数据库", [3]),
        ("database", [4]),
        ("not here", []),
        ("，。", []),
    ],
)
def test_finds(query: str, rows: list[int]) -> None:
    with index_of([tokens(text) for text in TEXTS]) as index:
        assert [row for row, _ in index.search(tokens(query), 10)] == rows


def test_a_phrase_is_tokens_in_their_order() -> None:
    with index_of([tokens("数据库的库存"), tokens("库存与数据"), tokens("数据库")]) as index:
        assert [row for row, _ in index.search_phrases([tokens("数据库")], 10)] == [2, 0]
        assert {row for row, _ in index.search(tokens("数据库"), 10)} == {0, 1, 2}
        assert [row for row, _ in index.search_phrases([tokens("库存"), tokens("没有")], 10, [1])] == [1]
        assert index.search_phrases([[], []], 10) == []


def test_scores_are_okapi_bm25() -> None:
    texts = [["a", "b", "b"], ["a"], ["c", "c", "c", "c"], ["d"], ["d"]]
    with index_of(texts) as index:
        found = dict(index.search(["b", "a"], 10))
    average = sum(map(len, texts)) / len(texts)

    def term(frequency: int, length: int, holding: int) -> float:
        inverse = math.log((len(texts) - holding + 0.5) / (holding + 0.5))
        return inverse * frequency * 2.2 / (frequency + 1.2 * (0.25 + 0.75 * length / average))

    assert found[0] == pytest.approx(term(1, 3, 2) + term(2, 3, 1), rel=1e-6)
    assert found[1] == pytest.approx(term(1, 1, 2), rel=1e-6)
    assert set(found) == {0, 1}


def test_k_and_rows_restrict() -> None:
    with index_of([["x"]] * 9) as index:
        assert [row for row, _ in index.search(["x"], 3)] == [0, 1, 2]
        assert [row for row, _ in index.search(["x"], 3, [8, 4])] == [4, 8]
        assert index.search(["x"], 3, []) == []
        assert index.search(["x"], 0) == []
        assert index.search([], 3) == []


def test_frequencies_count_rows() -> None:
    with index_of([tokens(text) for text in TEXTS]) as index:
        assert index.frequencies(["gpt", "c++", "向量", "nothing"]) == {"gpt": 2, "c++": 1, "向量": 1}
        assert index.frequencies([]) == {}


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8), min_size=1, max_size=6))
def test_any_token_is_found_whole_and_nothing_else_is(words: list[str]) -> None:
    with index_of([[word] for word in words]) as index:
        for word in words:
            assert {row for row, _ in index.search([word], 10)} == {
                row for row, other in enumerate(words) if other == word
            }
