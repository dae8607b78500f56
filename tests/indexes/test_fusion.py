"""Fusion: each leg counts as far as it can see, and languages compare."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexes.fusion import Candidate, Weights, diversify, fuse_chunks, fuse_units
from tests.conftest import chunk_of, document_of

WEIGHTS = Weights()


def candidate(row: int, dense: float, lexical: float = 0.0, same: bool = True) -> Candidate:
    return Candidate(row=row, chunk=row, dense=dense, lexical=lexical, same_language=same)


def best(candidates: list[Candidate]) -> int:
    scores = fuse_units(candidates, WEIGHTS)
    return max(scores, key=lambda row: scores[row])


def test_without_words_the_cosine_decides() -> None:
    candidates = [candidate(0, 0.4), candidate(1, 0.6), candidate(2, 0.5)]
    assert fuse_units(candidates, WEIGHTS) == pytest.approx({0: 0.4, 1: 0.6, 2: 0.5})


def test_words_decide_between_near_meanings() -> None:
    assert best([candidate(0, 0.52), candidate(1, 0.50, lexical=9), candidate(2, 0.3), candidate(3, 0.2)]) == 1


def test_a_leg_that_cannot_see_a_language_takes_nothing_from_it() -> None:
    """Absolute scores of the other language do not fall because the query's language has matching words."""
    foreign = candidate(9, 0.6, same=False)
    scores = fuse_units([candidate(0, 0.4, lexical=8), candidate(1, 0.3), foreign], WEIGHTS)
    assert scores[9] == pytest.approx(0.6)


def test_a_shared_name_counts_across_languages() -> None:
    assert best([candidate(0, 0.52, same=False), candidate(1, 0.5, lexical=5, same=False), candidate(2, 0.2)]) == 1


@given(st.lists(st.tuples(st.floats(-1, 1), st.floats(0, 30), st.booleans()), max_size=20), st.randoms())
def test_order_of_candidates_does_not_matter(values: list[tuple[float, float, bool]], picker: object) -> None:
    candidates = [candidate(row, *value) for row, value in enumerate(values)]
    assert fuse_units(candidates[::-1], WEIGHTS) == pytest.approx(fuse_units(candidates, WEIGHTS), abs=1e-9)


def test_a_chunk_scores_as_its_best_unit_and_a_little_more() -> None:
    ranked = fuse_chunks({0: 0.9, 1: 0.88, 2: 0.87, 3: 0.1}, {0: 0, 1: 1, 2: 1, 3: 2}, WEIGHTS)
    assert [chunk for chunk, _ in ranked] == [0, 1, 2]
    tied = fuse_chunks({0: 0.9, 1: 0.9, 2: 0.87, 3: 0.1}, {0: 0, 1: 1, 2: 1, 3: 2}, WEIGHTS)
    assert [chunk for chunk, _ in tied] == [1, 0, 2]
    assert fuse_chunks({}, {}, WEIGHTS) == []


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
