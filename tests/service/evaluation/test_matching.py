"""A text holds a fact whatever its case, width, script, spacing or spelling of numbers, and never half a number."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.evaluation.matching import fold, holds_any, is_relevant, occurs, share_held, without_markers


@pytest.mark.parametrize(
    ("text", "nugget"),
    [
        ("They earn $120,000 a year.", "120k"),
        ("使用 ＦＡＩＳＳ 建立索引", "faiss"),
        ("向量資料庫與檢索", "检索"),
        ("使用RAG 系统", "RAG系统"),
        ("a self-driving car", "self driving"),
        ("大约 6 个月", "六个月"),
        ("In 2024,2025 and later", "2025"),
        ("第 2 步", "2"),
        ("about 3.5 million", "3,500,000"),
    ],
)
def test_held(text: str, nugget: str) -> None:
    assert holds_any(fold(text), (nugget,))


@pytest.mark.parametrize(
    ("text", "nugget"),
    [
        ("15 people", "5"),
        ("version 2.5", "2"),
        ("version 2.5", "5"),
        ("1,234 users", "234"),
        ("12,000 users", "12"),
        ("11 小时", "1 小时"),
        ("FAIS", "FAISS"),
        ("", "x"),
    ],
)
def test_not_held(text: str, nugget: str) -> None:
    assert not holds_any(fold(text), (nugget,))


def test_any_alternative_is_enough_and_shares_count_groups() -> None:
    text = fold("LangChain 与 Milvus")
    assert holds_any(text, ("Haystack", "langchain"))
    # LangChain or Haystack: held. Milvus: held. Pinecone: not. 2 of 3.
    assert share_held(text, [("Haystack", "LangChain"), ("Milvus",), ("Pinecone",)]) == pytest.approx(2 / 3)


def test_relevance_needs_every_group() -> None:
    text = fold("Entry level: $120,000 to $150,000")
    assert is_relevant(text, [("12万",), ("150k",)])
    assert not is_relevant(text, [("12万",), ("200k",)])


def test_markers_are_no_numbers_of_the_text() -> None:
    assert without_markers("It takes 6 months [1][12]. Then more [3].") == "It takes 6 months. Then more."
    assert not holds_any(fold(without_markers("Python [1]")), ("1",))


@given(st.text(min_size=1, max_size=30), st.text(max_size=20), st.text(max_size=20))
def test_a_text_holds_what_stands_between_spaces_in_it(needle: str, before: str, after: str) -> None:
    inside = fold(needle).plain
    if inside:
        assert occurs(inside, f"{before} {inside} {after}")
