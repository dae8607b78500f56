"""Fusion: each leg counts as far as it can see, and languages compare."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexes.fusion import Evidence, Weights, diversify, language_gaps, rank_chunks, score_units, standardise
from tests.conftest import chunk_of, document_of

SPREAD = 0.07


def evidence(chunk: int, dense: float, words: float = 0.0, names: float = 0.0, lang: str = "zh") -> Evidence:
    return Evidence(chunk=chunk, lang=lang, dense=dense, relevance=dense, words=words, names=names)


def ranked(found: Sequence[Evidence], gaps: dict[str, float] | None = None) -> list[tuple[int, float]]:
    return rank_chunks(found, "zh", gaps or {}, SPREAD, Weights())


def test_without_words_the_cosine_decides() -> None:
    assert ranked([evidence(0, 0.4), evidence(1, 0.6), evidence(2, 0.5)]) == [(1, 0.6), (2, 0.5), (0, 0.4)]


def test_words_decide_between_near_meanings_and_the_cosines_keep_their_places() -> None:
    found = [evidence(0, 0.52), evidence(1, 0.5, words=9), evidence(2, 0.3), evidence(3, 0.2)]
    assert ranked(found) == [(1, 0.52), (0, 0.5), (2, 0.3), (3, 0.2)]


def test_words_of_one_language_do_not_bury_the_other() -> None:
    """However many words the Chinese chunks share with the question, the English one keeps its place by meaning."""
    chinese = [evidence(number, 0.5 - number / 50, words=30 - number) for number in range(5)]
    english = evidence(9, 0.49, words=0, lang="en")
    assert [chunk for chunk, _ in ranked([*chinese, english])] == [0, 9, 1, 2, 3, 4]


def test_terms_order_the_other_language_only_and_words_the_query_s_own() -> None:
    english = [evidence(number, 0.5 - number / 100, lang="en") for number in range(3)]
    english[2] = replace(english[2], terms=5.0)
    assert [chunk for chunk, _ in ranked(english)] == [2, 0, 1]
    assert [chunk for chunk, _ in ranked([replace(found, lang="zh") for found in english])] == [0, 1, 2]


def test_what_suits_comes_before_what_does_not() -> None:
    found = [evidence(0, 0.5), evidence(1, 0.46), evidence(2, 0.4)]
    half = [replace(found[0], suits=-0.5), found[1], replace(found[2], suits=0.5)]
    assert ranked(half) == [(0, 0.5), (1, 0.46), (2, 0.4)]
    whole = [replace(found[0], suits=-1.0), found[1], replace(found[2], suits=1.0)]
    assert ranked(whole) == [(2, 0.5), (1, 0.46), (0, 0.4)]


def test_the_gap_between_languages_is_closed() -> None:
    found = [evidence(0, 0.5), evidence(1, 0.47, lang="en")]
    assert ranked(found, {"zh": 0.0, "en": 0.05}) == [(1, pytest.approx(0.52)), (0, 0.5)]


def test_a_rare_name_counts_in_every_language() -> None:
    found = [evidence(0, 0.5), evidence(1, 0.495, names=6, lang="en"), evidence(2, 0.2)]
    assert [chunk for chunk, _ in ranked(found)] == [1, 0, 2]


@given(
    st.lists(
        st.tuples(st.floats(-1, 1), st.floats(0, 30), st.floats(0, 30), st.sampled_from(["zh", "en"])), max_size=20
    ),
)
def test_every_chunk_once_best_first_in_whatever_order_they_come(
    values: list[tuple[float, float, float, str]],
) -> None:
    found = [evidence(number, *value) for number, value in enumerate(values)]
    result = ranked(found)
    assert ranked(found[::-1]) == result
    assert sorted(chunk for chunk, _ in result) == list(range(len(values)))
    assert [score for _, score in result] == sorted((score for _, score in result), reverse=True)


@given(st.lists(st.tuples(st.floats(-1, 1), st.floats(0, 30)), min_size=1, max_size=20))
def test_words_only_reorder_cosines(values: list[tuple[float, float]]) -> None:
    found = [evidence(number, *value) for number, value in enumerate(values)]
    assert sorted(score for _, score in ranked(found)) == sorted(cosine for cosine, _ in values)


def test_units_are_lifted_only_where_the_leg_sees_them() -> None:
    scores = score_units({0: 0.4, 1: 0.4, 2: 0.4}, {0: 6.0, 2: 6.0}, {0, 1}, weight=0.1)
    assert scores == pytest.approx({0: 0.5, 1: 0.3, 2: 0.4})


def test_gaps_are_measured_against_the_language_of_the_query() -> None:
    cosines, langs = [0.30] * 1000 + [0.26] * 1000, ["zh"] * 1000 + ["en"] * 1000
    assert language_gaps(cosines, langs, "zh") == pytest.approx({"zh": 0.0, "en": 0.04}, abs=0.001)
    assert language_gaps(cosines, langs, "fr") == {}
    few = language_gaps([0.3] * 20 + [0.1] * 20, ["zh"] * 20 + ["en"] * 20, "zh")
    assert few["en"] == pytest.approx(0.1)


def test_standardise() -> None:
    assert standardise([1.0, 2.0, 3.0]) == pytest.approx([-1.2247, 0, 1.2247], abs=1e-4)
    assert standardise([5.0, 5.0]) == [0.0, 0.0]
    assert standardise([]) == []


def test_two_of_a_section_unless_nothing_else_is_left() -> None:
    one = document_of("甲" * 20 + "乙" * 20 + "丙" * 20 + "丁" * 20)
    same = [(chunk_of(one.text[at : at + 20], document=one, start=at), 1.0) for at in (0, 20, 40)]
    other = (chunk_of(one.text[60:80], document=one, start=60, heading=("Other",)), 0.1)
    assert diversify([*same, other], 3) == [0, 1, 3]
    assert diversify([*same, other], 4) == [0, 1, 2, 3]
    assert diversify(same, 3) == [0, 1, 2]


def test_near_duplicates_never_return() -> None:
    texts = [
        "模型部署要压测和监控，上线之后还要回滚。",
        "模型部署要压测和监控，上线之后还要回滚！",
        "完全不同的另一段文字，讲的是数据。",
    ]
    ranked = [(chunk_of(text, document=document_of(text, id=str(n))), 1.0) for n, text in enumerate(texts)]
    assert diversify(ranked, 3) == [0, 2]
