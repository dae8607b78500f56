"""Summaries: groups, abstention, curves and latency of a handful of answers counted by hand."""

from typing import Any

import pytest

from service.evaluation.dataset import Case
from service.evaluation.records import Record
from service.evaluation.scoring import Scored, latency, score_run, selective, summarise
from tests.service.evaluation.test_answers import REFUSED, answer, sentence


def scored(number: int, answerable: bool, refused: bool, confidence: float, recall: float | None = None) -> Scored:
    given = REFUSED | {"refusal": {"confidence": confidence}} if refused else answer("x", [], [], confidence=confidence)
    scores: dict[str, float] = {"abstention": float(refused is not answerable)}
    scores["false_refusal" if answerable else "false_answer"] = float(refused is answerable)
    if recall is not None:
        scores["nugget_recall"] = recall
    case = Case(f"q{number}", "?", lang="en" if number % 2 else "zh", answerable=answerable, docs=("d",) * (number % 3))
    record = Record(case.id, given, (), (), ())
    return Scored(case, record, scores, {"total_ms": 10.0 * number}, confidence, (0, 0, 0, 0))


ROWS = [
    scored(1, True, False, 0.9, 1.0),
    scored(2, True, False, 0.8, 0.5),
    scored(3, True, True, 0.3, 0.0),
    scored(4, False, True, 0.2),
    scored(5, False, False, 0.6),
]


def values(rows: list[Scored]) -> dict[str, float]:
    return {name: metric["value"] for name, metric in summarise(rows, resamples=50)["metrics"].items()}


def test_abstention_by_hand() -> None:
    found = values(ROWS)
    assert found["false_refusal"] == pytest.approx(1 / 3, abs=1e-6)
    assert found["false_answer"] == 0.5
    assert found["balanced_accuracy"] == pytest.approx((2 / 3 + 1 / 2) / 2, abs=1e-6)
    # Refused: q3 wrongly, q4 rightly; should be refused: q4, q5. Precision 1/2, recall 1/2, F1 1/2.
    assert (found["refusal_precision"], found["refusal_recall"], found["refusal_f1"]) == (0.5, 0.5, 0.5)


def test_risk_coverage_by_hand() -> None:
    found = selective(ROWS)
    # By confidence: q1 loss 0, q2 1/2, q5 1 (unanswerable), q3 1 (refused), q4 1.
    assert found["risk_coverage"] == [[0.2, 0.0], [0.4, 0.25], [0.6, 0.5], [0.8, 0.625], [1.0, 0.7]]
    assert found["operating_point"] == {"coverage": 0.6, "risk": 0.5}
    # Answerable 0.9, 0.8, 0.3 against 0.2, 0.6: 5 of 6 pairs in order.
    assert found["answerable_auroc"] == pytest.approx(5 / 6, abs=1e-6)
    assert values(ROWS)["aurc"] == pytest.approx((0 + 0.25 + 0.5 + 0.625 + 0.7) / 5, abs=1e-6)


def test_shortfall_of_a_right_refusal_is_nothing() -> None:
    assert [row.shortfall for row in ROWS] == [0.0, 0.5, 1.0, 0.0, 1.0]


def test_one_class_alone_has_no_balanced_accuracy() -> None:
    assert "balanced_accuracy" not in values(ROWS[:3])
    assert "aurc" not in values(ROWS[:3])


def test_groups_hold_only_what_applies() -> None:
    groups = summarise(ROWS, resamples=50)["groups"]
    assert groups["lang"]["zh"] == {
        "n": 2,
        "nugget_recall": 0.5,
        "abstention": 1.0,
        "false_answer": 0.0,
        "false_refusal": 0.0,
        "balanced_accuracy": 1.0,
        "refusal_precision": 1.0,
        "refusal_recall": 1.0,
        "refusal_f1": 1.0,
        "aurc": 0.625,  # q2 loss 1/2, then 3/4: their mean
    }
    # docs: q1 and q4 name one document, q2 and q5 two, q3 none.
    assert {name: group["n"] for name, group in groups["doc"].items()} == {"d": 2, "several": 2}


def test_latency_percentiles() -> None:
    spread = latency(ROWS)["total_ms"]
    # 10, 20, 30, 40, 50: linear interpolation puts 90 % at 40 + 0.6 · 10
    assert (spread["p50"], spread["p90"], spread["mean"], spread["sum"], spread["n"]) == (30.0, 46.0, 30.0, 150.0, 5)


def test_support_precision_and_recall_are_pooled_over_questions() -> None:
    rows: list[Any] = []
    for number, labels in enumerate([(3, 1, 0, 0), (1, 0, 2, 5)]):
        case, record = Case(str(number), "?"), Record(str(number), answer("x", [sentence("x")], []), (), (), ())
        rows.append(Scored(case, record, {}, {}, None, labels))
    found = values(rows)
    assert found == {
        "support_precision": pytest.approx(4 / 5),  # (3 + 1) / (3 + 1 + 1)
        "support_recall": pytest.approx(4 / 6, abs=1e-6),  # (3 + 1) / (3 + 1 + 2)
    }


def test_nothing_asked_is_nothing_scored(tmp_path: Any) -> None:
    from tests.service.evaluation.synthetic import write_run

    folder = write_run(tmp_path / "run", 3, 1.0)
    (folder / "answers.jsonl").write_text("")
    from service.evaluation.records import load_run

    rows = score_run(load_run(folder))
    assert rows == []
    assert summarise(rows)["metrics"] == {}
