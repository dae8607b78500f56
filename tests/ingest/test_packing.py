"""Packing: the cuts are the best there are, and whole pieces stay whole."""

from itertools import combinations, pairwise

from hypothesis import given
from hypothesis import strategies as st

from ingest.packing import pack


def spans_of(lengths: list[int]) -> list[tuple[int, int]]:
    ends = [sum(lengths[: index + 1]) for index in range(len(lengths))]
    return [(end - length, end) for end, length in zip(ends, lengths, strict=True)]


def cost(lengths: list[int], penalties: list[float], cuts: tuple[int, ...], wanted: int) -> float:
    total = sum(penalties[cut] for cut in cuts)
    for first, last in pairwise([0, *cuts, len(lengths)]):
        deviation = (sum(lengths[first:last]) - wanted) / wanted
        total += deviation**2 * (2 if deviation > 0 else 1)
    return total


def test_two_halves_instead_of_a_full_passage_and_a_scrap() -> None:
    assert pack(spans_of([100] * 8), [0.0] * 8, 450) == [4]


def test_what_fits_is_not_cut() -> None:
    assert pack(spans_of([200, 250]), [0.0, 0.0], 450) == []
    assert pack([], [], 450) == []


def test_a_costly_cut_moves() -> None:
    assert pack(spans_of([200, 250, 200, 250]), [0.0] * 4, 450) == [2]
    assert pack(spans_of([200, 250, 200, 250]), [0.0, 0.0, 9.0, 0.0], 450) == [1, 3]


def test_a_piece_longer_than_everything_stands_alone() -> None:
    assert pack(spans_of([100, 5000, 100]), [0.0] * 3, 450) == [1, 2]


@given(
    st.lists(st.tuples(st.integers(1, 300), st.sampled_from([0.0, 0.1, 0.3, 9.0])), min_size=1, max_size=8),
    st.integers(100, 400),
)
def test_no_other_cuts_are_better(pieces: list[tuple[int, float]], wanted: int) -> None:
    lengths, penalties = [length for length, _ in pieces], [penalty for _, penalty in pieces]
    cuts = pack(spans_of(lengths), penalties, wanted)
    inner = range(1, len(lengths))
    allowed = [
        choice
        for count in range(len(lengths))
        for choice in combinations(inner, count)
        if all(
            last - first == 1 or sum(lengths[first:last]) <= 2.5 * wanted
            for first, last in pairwise([0, *choice, len(lengths)])
        )
    ]
    best = min(cost(lengths, penalties, choice, wanted) for choice in allowed)
    assert cost(lengths, penalties, tuple(cuts), wanted) <= best + 1e-9
