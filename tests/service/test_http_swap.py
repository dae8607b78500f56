"""Row 4: the corpus changes under twenty askers; `python -m tests.benchmarks.swap` does it ten thousand times."""

from pathlib import Path

import pytest

from tests.benchmarks.swap import swap_under_load


@pytest.mark.slow
def test_row_4_generations_change_under_twenty_askers(tmp_path: Path) -> None:
    outcome = swap_under_load(tmp_path, 2230, 20)
    assert outcome.errors == []
    assert outcome.mixed == []
    assert outcome.ghosts == []
    assert (outcome.searches, outcome.answers) == (2007, 223)
    assert outcome.watched >= 40
    assert outcome.swaps >= 4
    assert outcome.generations >= 3
