"""`career eval calibrate`: a gate for somebody's own corpus, from a target on the risk–coverage curve."""

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from indexes.errors import UsageError
from service.abstention import LEANING, PROBE, PROBED, READ_ALONE, Abstention, Situation
from service.evaluation.calibrate import Request, calibration, probed, save, shipped, target_of
from service.evaluation.fit_abstention import Example, Target, calibrate
from service.evaluation.risk_coverage import auc, aurc, threshold_at_risk
from service.probe import Probe
from service.settings import Settings
from tests.service.evaluation.test_fit_abstention import example


def test_the_area_under_the_curve_is_the_mean_risk() -> None:
    confidence, labels = np.array([0.9, 0.6, 0.4, 0.2]), np.array([True, False, True, False])
    assert aurc(confidence, labels) == pytest.approx((0 + 1 / 2 + 1 / 3 + 2 / 4) / 4)


def test_a_threshold_at_a_risk_is_the_lowest_that_keeps_it() -> None:
    confidence = np.array([0.9, 0.8, 0.7, 0.6, 0.5])
    labels = np.array([True, True, False, True, False])
    assert threshold_at_risk(confidence, labels, 0.25) == pytest.approx(0.5999)
    assert threshold_at_risk(confidence, labels, 0.0) == pytest.approx(0.7999)
    assert threshold_at_risk(confidence, ~labels, 0.0) == 0.9999


def test_equal_confidences_go_through_together() -> None:
    assert threshold_at_risk(np.array([0.9, 0.5, 0.5]), np.array([True, True, False]), 0.1) == pytest.approx(0.8999)


def examples() -> list[Example]:
    return [replace(example(i, i % 2 == 0), situation=Situation.SAME, split="dev") for i in range(80)]


def test_a_situation_without_questions_keeps_what_ships() -> None:
    found = calibrate(examples(), Target(), shipped()["models"])["models"]
    assert found["few"] == shipped()["models"]["few"]
    assert found["cross"] == shipped()["models"]["cross"]
    assert found["same"] != shipped()["models"]["same"]


def test_the_risk_asked_for_is_kept_on_the_fitted_questions() -> None:
    report = calibrate(examples(), target_of(None, 0.05), shipped()["models"])["report"]["same en dev"]
    assert report["false_answers"] <= 0.06
    assert calibrate(examples(), target_of(0.6, None))["report"]["same en dev"]["false_refusals"] == pytest.approx(0.4)


def with_values(count: int) -> list[Example]:
    """Examples whose first value tells, and 19 others that do not."""
    rng = np.random.default_rng(7)
    found = [replace(example(i, i % 2 == 0), situation=Situation.SAME, split="dev") for i in range(count)]
    rows = rng.normal(size=(count, 20))
    rows[:, 0] += [4.0 * e.answerable for e in found]
    return [replace(e, values=tuple(row.tolist())) for e, row in zip(found, rows, strict=True)]


def test_a_probe_is_fitted_where_there_are_values_and_tells_of_what_it_has_not_seen() -> None:
    given = [*with_values(200), *(replace(e, split="test") for e in with_values(20))]
    found, probe = probed(given, None, Counter(a=40))
    assert probe is not None
    assert probe.documents == {"a"}
    values = np.array([e.signals[PROBE] for e in found])
    labels = np.array([e.answerable for e in found])
    assert auc(values[:200], labels[:200]) > 0.95
    assert values[200:].tolist() == [probe.value(e.values) for e in given[200:]]
    assert values[:200].tolist() != [probe.value(e.values) for e in given[:200]]


def test_where_examples_are_too_few_a_shipped_probe_tells() -> None:
    given = with_values(40)
    ships = Probe(0.0, (1.0,) * 20, frozenset("b"))
    found, probe = probed(given, ships, Counter(a=40))
    assert probe is ships
    assert [e.signals[PROBE] for e in found] == [ships.value(e.values) for e in given]
    assert probed(given) == (given, None)


def test_what_nobody_told_the_values_of_is_left_without_it() -> None:
    found, _ = probed([*with_values(200), example(3, True)])
    assert PROBE not in found[-1].signals


QUESTIONS = [("What does Redis do?", True), ("Who bakes bread in Lima?", False)]


@pytest.fixture
def asked(tmp_path: Path) -> Path:
    path = tmp_path / "mine.jsonl"
    rows = [
        {"id": f"{number}-{kind}", "question": f"{text} {number}", "lang": "en", "answerable": kind}
        for text, kind in QUESTIONS
        for number in range(3)
    ]
    path.write_text("\n".join(map(json.dumps, rows)), "utf-8")
    return path


def test_too_few_questions_are_refused_with_the_count(asked: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = ([example(i, i < 3) for i in range(6)], "embedder", Counter(a=40), "")
    monkeypatch.setattr("service.evaluation.calibrate._examples", lambda request, settings: found)
    with pytest.raises(UsageError, match=r"3 questions that the corpus answers .* takes 10 at least"):
        calibration(Request([asked]), Settings())


def test_what_the_engine_tells_of_other_situations_is_heard_as_before(
    asked: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = shipped()
    few = [replace(e, situation=Situation.FEW, signals={"top": e.signals["top"]}) for e in examples()]
    corpus = Counter(dict.fromkeys(table[PROBE]["documents"], 8))

    def calibrated(engine: str, corpus: Counter[str]) -> dict[str, Any]:
        found = (few, "e@1", corpus, engine)
        monkeypatch.setattr("service.evaluation.calibrate._examples", lambda request, settings: found)
        return calibration(Request([asked]), Settings())

    same = calibrated(table["engine"], corpus)
    assert same["models"]["few"] != table["models"]["few"]
    assert same["provenance"]["kept"] == {"situations": ["same", "cross"], "of": table["provenance"]}
    assert same[LEANING] == table[LEANING]
    assert same[PROBED] == table[PROBED]
    assert same[PROBE]["documents"] == table[PROBE]["documents"]
    assert same[READ_ALONE] == {}  # Fitted to another gate of this situation.
    other = calibrated(table["engine"], Counter(a=40))
    assert (other[LEANING], other[PROBED]) == (table[LEANING], {})
    assert calibrated("another engine", corpus)[LEANING] == {}


def test_what_is_saved_is_a_gate_and_says_where_it_is_from(
    asked: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "service.evaluation.calibrate._examples", lambda request, settings: (examples(), "e@1", Counter(a=40), "m")
    )
    table = calibration(Request([asked], target=target_of(0.9, None)), Settings())
    out = tmp_path / "new" / "gate.json"
    save(table, out)
    gate = Abstention.load(out)
    assert gate.models[Situation.SAME].weights == table["models"]["same"]["weights"]
    assert gate.engine == "m"
    assert table["provenance"]["questions"] == {"few": 0, "same": 80, "cross": 0}
    assert table["provenance"]["target"]["coverage"] == {"few": 0.9, "same": 0.9, "cross": 0.9}
    assert list(table["provenance"]["on"]) == ["mine.jsonl"]
    assert table["provenance"]["passages"] == 40
