"""The fit finds the direction that tells, and says of noise, where it has not seen it, that it tells nothing."""

import numpy as np

from service.evaluation.fit_probe import can_fit, fit_probe, unseen_values
from service.evaluation.logistic import Floats
from service.evaluation.risk_coverage import auc

RANDOM = np.random.default_rng(5)
LABELS = RANDOM.random(400) < 0.7
IMAGE = RANDOM.normal(size=(24, 96))
"""From a state of 24 dimensions to 96 values."""


def states() -> Floats:
    """One direction tells, among others that spread ten times as far."""
    found = RANDOM.normal(0.0, 10.0, (len(LABELS), 24))
    found[:, 3] = RANDOM.normal(0.0, 1.0, len(LABELS)) + 3.0 * LABELS
    return found


def unseen(values: Floats) -> Floats:
    return np.array(unseen_values(values, LABELS))


def test_it_finds_what_tells_though_other_directions_spread_further() -> None:
    values = states() @ IMAGE
    assert auc(unseen(values), LABELS) > 0.97
    probe = fit_probe(values[:200], LABELS[:200])
    told = np.array([probe.value(row.tolist()) for row in values[200:]])
    assert auc(told, LABELS[200:]) > 0.97


def test_noise_tells_nothing_of_what_was_not_seen() -> None:
    noise = RANDOM.normal(size=(len(LABELS), 300))
    assert 0.4 < auc(unseen(noise), LABELS) < 0.6
    seen = fit_probe(noise, LABELS)
    assert auc(np.array([seen.value(row.tolist()) for row in noise]), LABELS) > 0.95


def test_a_question_is_not_told_by_its_neighbours_translation() -> None:
    pairs = np.repeat(RANDOM.normal(size=(len(LABELS) // 2, 300)), 2, axis=0)
    labels = np.repeat(LABELS[::2], 2)
    assert 0.4 < auc(np.array(unseen_values(pairs, labels)), labels) < 0.6


def test_a_few_examples_are_too_few() -> None:
    assert can_fit(LABELS)
    assert not can_fit(LABELS[:60])
    assert not can_fit(np.ones(400, np.bool_))
