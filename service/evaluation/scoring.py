"""A run's records become scores: one row a question, and a summary over all and over each group."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from service.evaluation.answers import confidence_of, is_refused, label_counts, score_answer, timings
from service.evaluation.dataset import Case
from service.evaluation.ranking import score_ranking
from service.evaluation.records import Record, RunData
from service.evaluation.stats import (
    Aurc,
    BalancedAccuracy,
    Estimate,
    Floats,
    Interval,
    Mean,
    Ratio,
    auroc,
    calibration,
    calibration_error,
    intervals,
    risk_coverage,
    unanimous,
)

Summary: TypeAlias = dict[str, Any]

MEANS = (
    "nugget_recall", "nuggets_all", "abstention", "false_answer", "false_refusal",
    "citation_validity", "citation_coverage", "quote_exactness", "support_proxy", "verdict_supported",
    "language", "must_not_contain", "stability",
    "hit@1", "hit@3", "hit@5", "hit@10", "recall@5", "recall@10", "mrr@10", "ndcg@10",
    "evidence_recall@5", "evidence_recall@10", "evidence_in_context",
)  # fmt: skip
LOWER_IS_BETTER = frozenset({"false_answer", "false_refusal", "aurc", "calibration_error"})
GROUPS: Mapping[str, Callable[[Case], str | None]] = {
    "lang": lambda case: case.lang,
    "pair": lambda case: f"{case.lang}→{case.doc_lang}" if case.lang and case.doc_lang else None,
    "category": lambda case: case.category,
    "doc": lambda case: case.docs[0] if len(case.docs) == 1 else "several" if case.docs else None,
    "split": lambda case: case.split,
    "answerable": lambda case: None if case.answerable is None else str(case.answerable).lower(),
}
PERCENTILES = (50, 90, 95, 99)


@dataclass(frozen=True, slots=True)
class Scored:
    """One question with everything measured of it; a metric that does not apply is absent from `scores`."""

    case: Case
    record: Record
    scores: Mapping[str, float]
    timings: Mapping[str, float]
    confidence: float | None
    labels: tuple[int, int, int, int]

    @property
    def refused(self) -> bool | None:
        return None if self.record.answer is None else is_refused(self.record.answer)

    @property
    def loss(self) -> float | None:
        """1 − nugget recall where there are nuggets, else whether answering or refusing was wrong.

        Of a refused unanswerable question the loss is 1: answering it, as full coverage would, is wrong.
        """
        return 1.0 if self.case.answerable is False and self.record.answer is not None else self.shortfall

    @property
    def shortfall(self) -> float | None:
        """How far the answer as it was given falls short: of a rightly refused question, 0."""
        right = self.scores.get("nugget_recall", self.scores.get("abstention"))
        return None if right is None else 1.0 - right


def score_case(run: RunData, case: Case, record: Record) -> Scored:
    scores = score_ranking(case, record, run.relevant.get(case.id, {}), run.passages)
    if record.answer is None:
        return Scored(case, record, scores, {}, None, (0, 0, 0, 0))
    scores |= score_answer(case, record.answer, record.context, run.passages)
    if record.same_again is not None:
        scores["stability"] = float(record.same_again)
    labels = label_counts(case, record.answer)
    return Scored(case, record, scores, timings(record.answer), confidence_of(record.answer), labels)


def score_run(run: RunData) -> list[Scored]:
    """Every question that has a record, in the order of the data set."""
    return [score_case(run, case, run.records[case.id]) for case in run.cases if case.id in run.records]


def column(rows: Sequence[Scored], name: str) -> Floats:
    """Scores of one metric, NaN where it does not apply."""
    return np.array([row.scores.get(name, math.nan) for row in rows], dtype=np.float64)


def estimates(rows: Sequence[Scored]) -> dict[str, tuple[Estimate, int]]:
    """Every metric that applies to some question, with the number of questions it applies to."""
    found: dict[str, tuple[Estimate, int]] = {}
    for name in MEANS:
        values = column(rows, name)
        if n := int((~np.isnan(values)).sum()):
            found[name] = (Mean(values), n)
    return found | _abstention_estimates(rows) | _label_estimates(rows)


def _abstention_estimates(rows: Sequence[Scored]) -> dict[str, tuple[Estimate, int]]:
    labelled = [row for row in rows if row.refused is not None and row.case.answerable is not None]
    classes = {row.case.answerable for row in labelled}
    if len(classes) < 2:
        return {}
    answerable = np.array([_as_float(row.case.answerable) for row in rows])
    refused = np.array([_as_float(row.refused) for row in rows])
    known = ~np.isnan(answerable) & ~np.isnan(refused)
    both = np.where(known, refused * (1 - answerable), 0.0)
    said, should = np.where(known, refused, 0.0), np.where(known, 1 - answerable, 0.0)
    found: dict[str, tuple[Estimate, int]] = {
        "balanced_accuracy": (
            BalancedAccuracy(column(rows, "abstention"), np.where(known, answerable, np.nan)),
            len(labelled),
        ),
        "refusal_precision": (Ratio(both, said), int(said.sum())),
        "refusal_recall": (Ratio(both, should), int(should.sum())),
        "refusal_f1": (Ratio(2 * both, said + should), len(labelled)),
    }
    return found | _aurc_estimate(rows)


def _aurc_estimate(rows: Sequence[Scored]) -> dict[str, tuple[Estimate, int]]:
    confidence, loss = confidence_and_loss(rows)
    known = ~np.isnan(confidence) & ~np.isnan(loss)
    if not known.any() or known.sum() < len(rows):
        return {}
    return {"aurc": (Aurc(confidence, loss), int(known.sum()))}


def _label_estimates(rows: Sequence[Scored]) -> dict[str, tuple[Estimate, int]]:
    counts = np.array([row.labels for row in rows], dtype=np.float64)
    if not counts.any():
        return {}
    true_pos, false_pos, false_neg, _ = counts.T
    n = int(counts.any(axis=1).sum())
    return {
        "support_precision": (Ratio(true_pos, true_pos + false_pos), n),
        "support_recall": (Ratio(true_pos, true_pos + false_neg), n),
    }


def _as_float(value: float | None) -> float:
    return math.nan if value is None else float(value)


def confidence_and_loss(rows: Sequence[Scored]) -> tuple[Floats, Floats]:
    """Two columns, NaN where unknown."""
    confidence = np.array([_as_float(row.confidence) for row in rows], dtype=np.float64)
    return confidence, np.array([_as_float(row.loss) for row in rows], dtype=np.float64)


def summarise(rows: Sequence[Scored], errors: int = 0, resamples: int = 2000) -> Summary:
    """Every metric with its interval, over all questions and over each group; NaN never enters."""
    return {
        "n": len(rows),
        "errors": errors,
        "metrics": measure(rows, resamples),
        "groups": {name: _by_group(rows, key) for name, key in GROUPS.items()},
        "latency": latency(rows),
        "statuses": _statuses(rows),
        **selective(rows),
    }


def measure(rows: Sequence[Scored], resamples: int) -> dict[str, dict[str, Any]]:
    measured = estimates(rows)
    found = intervals({name: estimate for name, (estimate, _) in measured.items()}, len(rows), resamples)
    kept = {name: value for name, value in found.items() if not math.isnan(value.value)}
    return {name: _shown(name, unanimous(value, n := measured[name][1]), n) for name, value in kept.items()}


def _shown(name: str, value: Interval, n: int) -> dict[str, Any]:
    better = "lower" if name in LOWER_IS_BETTER else "higher"
    numbers = {"value": value.value, "low": value.low, "high": value.high}
    return {**{key: round(number, 6) for key, number in numbers.items()}, "n": n, "better": better}


def _by_group(rows: Sequence[Scored], key: Callable[[Case], str | None]) -> dict[str, Any]:
    groups: dict[str, list[Scored]] = {}
    for row in rows:
        if (name := key(row.case)) is not None:
            groups.setdefault(name, []).append(row)
    return {name: {"n": len(members), **_points(members)} for name, members in sorted(groups.items())}


def _points(rows: Sequence[Scored]) -> dict[str, float]:
    """Point estimates only: intervals of small groups would be wide and many."""
    ones = np.ones((1, len(rows)))
    values = {name: float(estimate(ones)[0]) for name, (estimate, _) in estimates(rows).items()}
    return {name: round(value, 6) for name, value in values.items() if not math.isnan(value)}


def latency(rows: Iterable[Scored]) -> dict[str, dict[str, float]]:
    """Percentiles (linear interpolation), mean and sum of each timing and token count."""
    columns: dict[str, list[float]] = {}
    for row in rows:
        for name, value in row.timings.items():
            columns.setdefault(name, []).append(value)
        if row.record.search_ms is not None:
            columns.setdefault("search_ms", []).append(row.record.search_ms)
    found = {}
    for name, values in columns.items():
        cuts = np.percentile(values, PERCENTILES)
        found[name] = {f"p{p}": round(float(cut), 3) for p, cut in zip(PERCENTILES, cuts, strict=True)}
        found[name] |= {
            "mean": round(float(np.mean(values)), 3),
            "sum": round(float(np.sum(values)), 3),
            "n": len(values),
        }
    return found


def _statuses(rows: Iterable[Scored]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for row in rows:
        if row.record.answer is not None:
            status = str(row.record.answer["status"])
            counts[status] = counts.get(status, 0) + 1
    return dict(sorted(counts.items()))


def selective(rows: Sequence[Scored]) -> Summary:
    """Risk–coverage curve with the point the run works at, calibration of the confidence, and how well it separates."""
    confidence, loss = confidence_and_loss(rows)
    known = ~np.isnan(confidence) & ~np.isnan(loss)
    if not known.any():
        return {}
    kept = [row for row, use in zip(rows, known, strict=True) if use]
    answered = [row.loss for row in kept if not row.refused]
    bins = calibration(confidence[known], 1 - loss[known])
    labels = np.array([row.case.answerable is not False for row in kept])
    separation = auroc(confidence[known], labels)
    return {
        "risk_coverage": [[round(c, 5), round(r, 5)] for c, r in risk_coverage(confidence[known], loss[known])],
        "operating_point": {
            "coverage": len(answered) / len(kept),
            "risk": float(np.mean([value or 0.0 for value in answered])) if answered else None,
        },
        "calibration": [[b.low, b.high, b.n, round(b.confidence, 5), round(b.observed, 5)] for b in bins],
        "calibration_error": round(calibration_error(bins), 6),
        "answerable_auroc": None if math.isnan(separation) else round(separation, 6),
    }
