"""Two runs over the same questions: which metrics moved, by how much, and could it be chance."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from indexes.errors import UsageError
from service.evaluation.records import load_run
from service.evaluation.scoring import LOWER_IS_BETTER, MEANS, Scored, column, estimates, score_run
from service.evaluation.stats import PERMUTATIONS, RESAMPLES, Estimate, Mean, difference, holm, intervals, randomisation

WORST = 20
TESTED = tuple(
    name for name in MEANS if name not in {"nuggets_all", "verdict_supported", "hit@3", "evidence_recall@10"}
)
"""Metrics that enter the family of tests; the others say the same again, or are the answerer's own opinion."""
COMPUTED = frozenset({"balanced_accuracy", "aurc", "support_precision", "support_recall"})
"""Metrics over the whole set that are judged by their interval; those of refusals say what these say."""


@dataclass(frozen=True, slots=True)
class Change:
    """B − A of one metric over the questions both runs have a score for.

    `p` is that of the randomisation test, `p_holm` adjusted for all metrics tested; NaN where a metric is no mean over
    questions (its interval still tells). `wins` counts questions where B is better.
    """

    metric: str
    a: float
    b: float
    low: float
    high: float
    p: float
    p_holm: float
    wins: int
    ties: int
    losses: int
    n: int

    @property
    def delta(self) -> float:
        return self.b - self.a

    @property
    def gain(self) -> float:
        """The change in the good direction."""
        return -self.delta if self.metric in LOWER_IS_BETTER else self.delta


@dataclass(frozen=True, slots=True)
class Regression:
    """A question that B answers worse; `lost` is how much, in loss or else in summed scores."""

    before: Scored
    after: Scored
    lost: float


@dataclass(frozen=True, slots=True)
class Comparison:
    a: Path
    b: Path
    n: int
    changes: tuple[Change, ...]
    regressions: tuple[Regression, ...]


def compare(a: Path, b: Path, resamples: int = RESAMPLES, permutations: int = PERMUTATIONS) -> Comparison:
    """Compare two run folders on the questions that both have answered.

    Raises:
        UsageError: they share none.
    """
    before, after = _by_id(score_run(load_run(a))), _by_id(score_run(load_run(b)))
    shared = [question for question in before if question in after]
    if not shared:
        raise UsageError(f"{a} and {b} share no question. Compare runs of the same data set.")
    rows_a, rows_b = [before[q] for q in shared], [after[q] for q in shared]
    changed = [
        row.case.id for row, other in zip(rows_a, rows_b, strict=True) if row.case.question != other.case.question
    ]
    if changed:
        raise UsageError(f"Question {changed[0]} is not the same in {a} and {b}. Compare runs of the same data set.")
    return Comparison(a, b, len(shared), changes(rows_a, rows_b, resamples, permutations), regressions(rows_a, rows_b))


def _by_id(rows: Sequence[Scored]) -> dict[str, Scored]:
    return {row.case.id: row for row in rows}


def changes(a: Sequence[Scored], b: Sequence[Scored], resamples: int, permutations: int) -> tuple[Change, ...]:
    """Every metric both runs have: means with their test, then the metrics computed over the whole set."""
    names = [n for n in MEANS if (~np.isnan(column(a, n)) & ~np.isnan(column(b, n))).any()]
    means = _mean_changes(a, b, names, resamples, permutations) if names else []
    of_a, of_b = estimates(a), estimates(b)
    computed = [
        _computed_change(name, of_a[name][0], of_b[name][0], len(a), resamples)
        for name in of_a
        if name in of_b and name not in MEANS
    ]
    return tuple(means + computed)


def _mean_changes(
    a: Sequence[Scored], b: Sequence[Scored], names: list[str], resamples: int, permutations: int
) -> list[Change]:
    columns_a, columns_b = np.stack([column(a, n) for n in names], 1), np.stack([column(b, n) for n in names], 1)
    pairs = columns_b - columns_a
    p_values = dict(zip(names, randomisation(pairs, permutations).tolist(), strict=True))
    tested = [name for name in names if name in TESTED]
    adjusted = dict(zip(tested, holm([p_values[name] for name in tested]), strict=True))
    # The difference of two means over the same pairs is the mean of the differences.
    spreads = intervals({name: Mean(pairs[:, i]) for i, name in enumerate(names)}, len(pairs), resamples)
    found = []
    for index, name in enumerate(names):
        paired = ~np.isnan(pairs[:, index])
        gains = pairs[paired, index] * (-1 if name in LOWER_IS_BETTER else 1)
        counts = int((gains > 1e-9).sum()), int((np.abs(gains) <= 1e-9).sum()), int((gains < -1e-9).sum())
        means = float(columns_a[paired, index].mean()), float(columns_b[paired, index].mean())
        p_holm = adjusted.get(name, math.nan)
        spread = spreads[name]
        found.append(Change(name, *means, spread.low, spread.high, p_values[name], p_holm, *counts, len(gains)))
    return found


def _computed_change(name: str, a: Estimate, b: Estimate, n: int, resamples: int) -> Change:
    ones = np.ones((1, n))
    spread = difference(a, b, n, resamples)
    return Change(name, float(a(ones)[0]), float(b(ones)[0]), spread.low, spread.high, math.nan, math.nan, 0, 0, 0, n)


def regressions(a: Sequence[Scored], b: Sequence[Scored]) -> tuple[Regression, ...]:
    """The questions that lost most, worst first."""
    pairs = [Regression(before, after, _lost(before, after)) for before, after in zip(a, b, strict=True)]
    return tuple(sorted((pair for pair in pairs if pair.lost > 1e-9), key=lambda pair: -pair.lost)[:WORST])


def _lost(before: Scored, after: Scored) -> float:
    """What the reader lost: facts and a right refusal first, then citations, then ranking."""
    weights = {"nugget_recall": 4.0, "abstention": 4.0, "must_not_contain": 4.0, "citation_validity": 2.0}
    weights |= {"quote_exactness": 2.0, "support_proxy": 1.0, "language": 1.0, "citation_coverage": 1.0, "ndcg@10": 0.5}
    both = before.scores.keys() & after.scores.keys() & weights.keys()
    return sum(weights[name] * (before.scores[name] - after.scores[name]) for name in both)


def worse(comparison: Comparison, alpha: float = 0.05) -> list[Change]:
    """Metrics that fell significantly, after adjusting for the number of metrics; computed ones by their interval."""
    return [change for change in comparison.changes if change.gain < 0 and is_significant(change, alpha)]


def is_significant(change: Change, alpha: float = 0.05) -> bool:
    """By the adjusted p; a metric that is no mean over questions by its interval; one outside the family never."""
    if not math.isnan(change.p_holm):
        return change.p_holm < alpha
    return change.metric in COMPUTED and (change.high < 0 or change.low > 0)


def comparison_json(comparison: Comparison) -> dict[str, Any]:
    return {
        "a": str(comparison.a),
        "b": str(comparison.b),
        "n": comparison.n,
        "changes": [_change_json(change) for change in comparison.changes],
        "regressions": [
            {
                "id": pair.before.case.id,
                "question": pair.before.case.question,
                "lost": round(pair.lost, 6),
                "a": {"answer": answer_text(pair.before), "scores": dict(pair.before.scores)},
                "b": {"answer": answer_text(pair.after), "scores": dict(pair.after.scores)},
            }
            for pair in comparison.regressions
        ],
    }


def _change_json(change: Change) -> dict[str, Any]:
    values = {name: getattr(change, name) for name in change.__slots__} | {"delta": change.delta}
    return {name: None if isinstance(v, float) and math.isnan(v) else v for name, v in values.items()}


def answer_text(row: Scored) -> str | None:
    return None if row.record.answer is None else str(row.record.answer["text"])
