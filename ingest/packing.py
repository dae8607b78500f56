"""Where to cut a row of pieces so that the passages come as near as possible to the wanted length."""

from collections.abc import Sequence

_LONG = 2.0
"""A passage too long is worse than one too short: it pushes another out of the model's context."""
_REACH = 2.5
"""Longest passage considered, in wanted lengths; a single piece may be longer."""


def pack(spans: Sequence[tuple[int, int]], cut_costs: Sequence[float], wanted: int) -> list[int]:
    """Indices of the pieces that open a new passage, the first one left out.

    Minimises the sum over passages of the squared relative deviation from `wanted`, plus `cut_costs[i]` for a cut
    before piece i. A dynamic programme over the pieces (Knuth and Plass, 1981, for lines of a paragraph).
    """
    best = [0.0] + [float("inf")] * len(spans)
    before = [0] * (len(spans) + 1)
    for last in range(1, len(spans) + 1):
        for first in range(last - 1, -1, -1):
            length = spans[last - 1][1] - spans[first][0]
            if first < last - 1 and length > _REACH * wanted:
                break
            cost = best[first] + _misfit(length, wanted) + (cut_costs[first] if first else 0.0)
            if cost < best[last]:
                best[last], before[last] = cost, first
    cuts: list[int] = []
    index = len(spans)
    while before[index]:
        index = before[index]
        cuts.append(index)
    return cuts[::-1]


def _misfit(length: int, wanted: int) -> float:
    deviation = (length - wanted) / wanted
    return deviation * deviation * (_LONG if deviation > 0 else 1.0)
