"""Intervals, tests and curves against values worked out by hand or by another road."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.evaluation.stats import (
    Aurc,
    BalancedAccuracy,
    Mean,
    Ratio,
    auroc,
    calibration,
    calibration_error,
    difference,
    holm,
    interval,
    randomisation,
    resample,
    risk_coverage,
    unanimous,
)

NAN = float("nan")


def ones(n: int) -> np.ndarray:
    return np.ones((1, n))


def test_mean_and_ratio_leave_out_what_does_not_apply() -> None:
    assert Mean(np.array([1.0, NAN, 0.0, 1.0]))(ones(4))[0] == pytest.approx(2 / 3)
    assert Ratio(np.array([1.0, 0.0]), np.array([2.0, 2.0]))(ones(2))[0] == 0.25
    assert np.isnan(Mean(np.array([NAN]))(ones(1))[0])


def test_balanced_accuracy_weighs_both_classes_alike() -> None:
    # Answerable: 3 of 4 right. Unanswerable: 0 of 1. (0.75 + 0) / 2
    right = np.array([1.0, 1.0, 1.0, 0.0, 0.0])
    answerable = np.array([1.0, 1.0, 1.0, 1.0, 0.0])
    assert BalancedAccuracy(right, answerable)(ones(5))[0] == 0.375


def test_risk_coverage_and_its_area() -> None:
    confidence, loss = np.array([0.9, 0.8, 0.7, 0.1]), np.array([0.0, 1.0, 0.0, 1.0])
    # Risks: 0/1, 1/2, 1/3, 2/4; their mean is (0 + 1/2 + 1/3 + 1/2) / 4 = 1/3
    assert risk_coverage(confidence, loss) == [
        (0.25, 0.0),
        (0.5, 0.5),
        (0.75, pytest.approx(1 / 3)),
        (1.0, 0.5),
    ]
    assert Aurc(confidence, loss)(ones(4))[0] == pytest.approx(1 / 3)


def test_questions_of_equal_confidence_enter_the_curve_together() -> None:
    assert risk_coverage(np.array([0.9, 0.5, 0.5]), np.array([0.0, 1.0, 0.0])) == [
        (pytest.approx(1 / 3), 0.0),
        (1.0, pytest.approx(1 / 3)),
    ]


def test_a_better_order_has_a_smaller_area() -> None:
    loss = np.array([0.0, 0.0, 1.0, 1.0])
    good, bad = Aurc(np.array([4.0, 3.0, 2.0, 1.0]), loss), Aurc(np.array([1.0, 2.0, 3.0, 4.0]), loss)
    assert good(ones(4))[0] < bad(ones(4))[0]


def test_interval_of_a_proportion_is_near_the_normal_one() -> None:
    values = np.array([1.0] * 80 + [0.0] * 20)
    found = interval(Mean(values), 100)
    # 0.8 ± 1.96 · sqrt(0.8 · 0.2 / 100) = 0.8 ± 0.078
    assert found.value == 0.8
    assert found.low == pytest.approx(0.722, abs=0.015)
    assert found.high == pytest.approx(0.878, abs=0.015)
    assert interval(Mean(values), 100) == found  # seeded


def test_an_interval_of_unanimous_questions_is_not_a_point() -> None:
    found = unanimous(interval(Mean(np.ones(10)), 10), 10)
    # Clopper-Pearson for 10 of 10: 0.025^(1/10)
    assert (found.value, found.low, found.high) == (1.0, pytest.approx(0.6915, abs=1e-4), 1.0)
    none = unanimous(interval(Mean(np.zeros(10)), 10), 10)
    assert (none.low, none.high) == (0.0, pytest.approx(0.3085, abs=1e-4))
    half = interval(Mean(np.full(10, 0.5)), 10)
    assert unanimous(half, 10) == half


def test_paired_difference_is_tighter_than_two_intervals() -> None:
    easy = np.linspace(0, 1, 200)
    found = difference(Mean(easy), Mean(easy - 0.1), 200)
    assert found.value == pytest.approx(-0.1)
    assert found.high - found.low < 1e-9


def test_resampling_draws_n_each_time_in_blocks() -> None:
    weights = np.concatenate(list(resample(50, 300)))
    assert weights.shape == (300, 50)
    assert (weights.sum(axis=1) == 50).all()


def test_randomisation_agrees_with_all_sign_patterns() -> None:
    # Six pairs, all better by 1: of 2^6 sign patterns, two are as extreme. p = 2/64 = 0.031
    p = randomisation(np.ones((6, 1)))[0]
    assert p == pytest.approx(2 / 64, abs=0.006)


def test_randomisation_sees_no_difference_where_there_is_none_and_skips_missing_pairs() -> None:
    columns = np.array([[0.0, 1.0], [0.0, -1.0], [0.0, NAN]])
    p = randomisation(columns)
    assert p[0] == 1.0
    assert p[1] == 1.0  # sums to 0: every pattern is as extreme


def test_p_is_never_zero() -> None:
    assert randomisation(np.ones((200, 1)), permutations=1000)[0] == pytest.approx(1 / 1001)


def test_holm() -> None:
    # Sorted: 0.01·3 = 0.03, 0.02·2 = 0.04, 0.5·1; in the given order.
    assert holm([0.5, 0.01, 0.02]) == [0.5, pytest.approx(0.03), pytest.approx(0.04)]
    assert holm([0.04, 0.03]) == [pytest.approx(0.06), pytest.approx(0.06)]  # never falls as p rises


def test_calibration() -> None:
    bins = calibration(np.array([0.05, 0.95, 0.95, 1.0]), np.array([0.0, 1.0, 0.0, 1.0]))
    assert [(b.low, b.n) for b in bins] == [(0.0, 1), (0.9, 3)]
    # 1/4 · |0.05 − 0| + 3/4 · |(0.95 + 0.95 + 1)/3 − 2/3|
    assert calibration_error(bins) == pytest.approx(0.25 * 0.05 + 0.75 * (2.9 / 3 - 2 / 3))


def test_auroc_by_pairs() -> None:
    # Pairs (positive, negative): 0.9>0.5, 0.9>0.4, 0.5=0.5 (half), 0.5>0.4: 3.5 of 4
    score, positive = np.array([0.9, 0.5, 0.5, 0.4]), np.array([True, True, False, False])
    assert auroc(score, positive) == pytest.approx(3.5 / 4)
    assert np.isnan(auroc(score, np.ones(4, bool)))


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=1, max_size=30))
def test_area_is_the_mean_of_the_risks(pairs: list[tuple[float, float]]) -> None:
    confidence, loss = (np.array(values) for values in zip(*pairs, strict=True))
    order = np.argsort(-confidence, kind="stable")
    risks = np.cumsum(loss[order]) / np.arange(1, len(loss) + 1)
    assert Aurc(confidence, loss)(ones(len(loss)))[0] == pytest.approx(risks.mean())
