"""A probe: log-odds of the values it was fitted on, kept in a gate file, used over its own documents alone."""

from collections import Counter

import pytest

from service.probe import FURTHEST, Probe

PROBE = Probe(1.0, (2.0, -0.5, 0.25), frozenset({"a", "b"}))


def test_it_gives_the_log_odds_as_a_share_of_the_furthest() -> None:
    assert PROBE.value((0.5, 1.0, 2.0)) == pytest.approx((1.0 + 1.0 - 0.5 + 0.5) / FURTHEST)
    assert PROBE.value((100.0, 0.0, 0.0)) == 1.0
    assert PROBE.value((-100.0, 0.0, 0.0)) == -1.0


@pytest.mark.parametrize("values", [(), (1.0, 2.0), (1.0, 2.0, 3.0, 4.0)])
def test_other_values_tell_it_nothing(values: tuple[float, ...]) -> None:
    assert PROBE.value(values) is None


def test_a_file_gives_back_what_it_was_given() -> None:
    assert Probe.of(PROBE.table()) == PROBE


@pytest.mark.parametrize(
    "wrong", [{"values": 4}, {"weights_f4_base64": "AAAA*"}, Probe(1.0, (2.0, float("inf"), 0.0)).table()]
)
def test_a_damaged_one_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"for \d values|base64"):
        Probe.of(PROBE.table() | wrong)


def test_it_knows_a_corpus_of_which_most_passages_are_its_documents() -> None:
    assert PROBE.knows(Counter({"a": 3, "b": 3, "new": 5}))
    assert not PROBE.knows(Counter({"a": 3, "b": 3, "new": 6}))
    assert not PROBE.knows(Counter())
