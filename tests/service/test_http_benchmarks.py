"""The benchmarks of serving measure what they say: their sums, on numbers that can be checked by hand."""

import mmap
import os
from collections import Counter

import pytest

from tests.benchmarks.soak import Soak, resident_mb, summed
from tests.benchmarks.visitors import MIX, Deck, Took, p99_ms


def test_a_soak_is_summed_up_after_its_warm_up() -> None:
    """100 s, of which 20 are warm-up; memory grows by 2 MB a minute; the last third is twice as slow as the first."""
    spent = [9.0] * 20 + [0.1] * 54 + [0.2] * 26
    took = [Took("vote" if second == 99 else "search", float(second), spent[second]) for second in range(100)]
    memory = [(float(second), 500.0 if second < 20 else 100 + second / 30) for second in range(100)]
    paces = [99.0, 99.0, 80.0, 90.0, 70.0, 70.0, 70.0, 50.0, 60.0, 40.0]  # 80 in the first third, 50 in the last.
    soaked = summed(Soak(minutes=100 / 60, paces_per_s=paces), took, memory)
    assert soaked.requests == 100
    assert soaked.slope_mb_h == pytest.approx(120.0)
    assert soaked.memory_mb == pytest.approx(103.3)
    assert soaked.p50_ms == pytest.approx(100.0)
    assert soaked.p99_ms == pytest.approx(200.0)
    assert soaked.drift == pytest.approx(1.0)
    assert soaked.drift_at_its_pace == pytest.approx(0.25)  # Of a service twice as slow on a machine 1.6 times as slow.
    assert soaked.kinds_p99_ms == {"search": (100.0, 200.0)}  # No vote was in the first third.


def test_the_99th_percentile_is_that_of_the_slowest() -> None:
    assert p99_ms([Took("search", 0.0, 0.1)] * 1000) == pytest.approx(100.0)
    assert p99_ms([Took("search", 0.0, float(n)) for n in range(101)]) == 99_000.0


def test_each_hundred_visits_are_the_mix_itself_in_another_order() -> None:
    deck = Deck(1)
    first, second = ([deck.draw() for _ in range(100)] for _ in range(2))
    assert Counter(first) == Counter(second) == Counter(dict(MIX))
    assert first != second


def test_memory_is_that_of_this_process() -> None:
    before = resident_mb(os.getpid())
    # Fresh pages: what an allocator gives may have been this process's all the time.
    with mmap.mmap(-1, 50 * 2**20, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS) as held:
        for page in range(0, len(held), 4096):
            held[page] = 1
        assert 40 < resident_mb(os.getpid()) - before < 60
