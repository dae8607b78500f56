"""The fit recovers what separates the classes, keeps the sign of meaning, and reports held-out questions."""

from dataclasses import replace

import numpy as np
import pytest

from service.abstention import LEANING, PROBE, READ_ALONE, Situation
from service.evaluation.fit_abstention import Example, calibrate, fit
from service.evaluation.risk_coverage import auc, measures, threshold_for
from service.passagewise import BEST, MEAN

SAME, CROSS = Situation.SAME, Situation.CROSS


def example(number: int, answerable: bool, *, split: str = "dev", lang: str = "en") -> Example:
    noise = np.random.default_rng(number).normal(0.0, 0.1, 2)
    values = {
        "top": 0.7 * answerable + float(noise[0]),
        "unknown_names": float(not answerable),
        "coverage": 0.2 * (not answerable) + float(noise[1]),
    }
    return Example(f"q{number}", lang, split, answerable, SAME if lang == "en" else CROSS, values)


EXAMPLES = [example(i, i % 3 != 0, split="test" if i % 2 else "dev", lang="en" if i % 5 else "zh") for i in range(200)]


def test_weights_point_where_their_signal_means() -> None:
    model = fit(EXAMPLES)
    assert model.weights["top"] > 0.0
    assert model.weights["unknown_names"] < 0.0
    assert "coverage" not in model.weights


def test_the_threshold_lets_the_wanted_share_through() -> None:
    confidence = np.array([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95])
    labels = np.ones(10, np.bool_)
    threshold = threshold_for(confidence, labels, 0.9)
    assert threshold == pytest.approx(0.1999)
    assert (confidence >= threshold).sum() == 9


def test_auc_and_rates_on_a_worked_example() -> None:
    confidence, labels = np.array([0.9, 0.6, 0.4, 0.2]), np.array([True, False, True, False])
    assert auc(confidence, labels) == 0.75
    assert measures(confidence, labels, 0.5) == {
        "n": 4, "auc": 0.75, "aurc": 0.3333, "balanced_accuracy": 0.5, "false_refusals": 0.5, "false_answers": 0.5,
    }  # fmt: skip


def test_what_the_engine_told_gets_a_model_of_its_own() -> None:
    rng = np.random.default_rng(3)

    def told(e: Example) -> Example:
        near = float(rng.normal(-0.2 if not e.answerable else -0.8, 0.05))
        return replace(e, signals={"top": e.signals["unknown_names"] + float(rng.normal()), LEANING: near})

    found = calibrate([told(e) for e in EXAMPLES])
    assert set(found["leaning"]) == {"same"}  # Of the other language there are too few.
    assert LEANING not in found["models"]["same"]["weights"]
    assert found["leaning"]["same"]["weights"][LEANING] < -1.0
    assert found["report"]["same leaning en test"]["auc"] > 0.95 > found["report"]["same en test"]["auc"]
    model = found["models"]["same"]
    assert model["asking"] <= model["threshold"] <= model["quoting"]
    assert calibrate(EXAMPLES)["leaning"] == {}


def test_what_a_probe_tells_gets_one_too_and_weighs_as_much_as_it_tells() -> None:
    rng = np.random.default_rng(4)

    def told(e: Example) -> Example:
        read = float(rng.normal(0.02 if e.answerable else -0.02, 0.01))
        return replace(e, signals={"top": float(rng.normal()), LEANING: -float(rng.random()), PROBE: read})

    found = calibrate([told(e) for e in EXAMPLES])
    assert PROBE not in found["leaning"]["same"]["weights"]
    assert found["probed"]["same"]["weights"][PROBE] > 50.0
    assert found["report"]["same probed en test"]["auc"] > 0.95 > found["report"]["same leaning en test"]["auc"]
    assert calibrate(EXAMPLES)["probed"] == {}


def test_what_it_says_of_single_passages_counts_where_they_are_few() -> None:
    rng = np.random.default_rng(5)

    def told(e: Example) -> Example:
        best = float(rng.normal(0.3 if e.answerable else -0.3, 0.1))
        signals = {"top": float(rng.normal()), "coverage": float(e.answerable), BEST: best, MEAN: best - 0.1}
        return replace(e, situation=Situation.FEW, signals=signals)

    found = calibrate([told(e) for e in EXAMPLES])
    assert set(found["models"]["few"]["weights"]) <= {"top"}
    assert found[READ_ALONE]["few"]["weights"][BEST] > 2.0
    assert "coverage" not in found[READ_ALONE]["few"]["weights"]
    assert found["report"]["few read_alone en test"]["auc"] > 0.95 > found["report"]["few en test"]["auc"]
    assert calibrate(EXAMPLES)[READ_ALONE] == {}


def test_calibration_reports_dev_and_test_in_each_language() -> None:
    found = calibrate(EXAMPLES)
    assert {"same en dev", "same en test", "cross zh dev", "cross zh test"} <= set(found["report"])
    assert found["report"]["same en test"]["auc"] > 0.99
    assert set(found["models"]) == {"few", "same", "cross"}
    assert all(0.0 < model["threshold"] <= model["quoting"] < 1.0 for model in found["models"].values())


def test_among_few_passages_words_say_nothing() -> None:
    assert set(calibrate(EXAMPLES)["models"]["few"]["weights"]) == {"top"}
