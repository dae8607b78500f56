"""Paired statistics over questions: bootstrap intervals, randomisation tests, selective-prediction curves.

Every estimate is a function of how often each question was drawn (weights of shape (draws, n)), so that a bootstrap is
one matrix product. Seeded, hence repeatable.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float64]

RESAMPLES = 2000
PERMUTATIONS = 10_000
SEED = 20250
_CELLS = 8_000_000
"""Size of one block of draws or signs, in numbers: bounds the memory to some 64 MB."""


class Estimate(Protocol):
    """Weights (draws, n) → one value a draw; NaN where a draw leaves nothing to measure."""

    def __call__(self, weights: Floats, /) -> Floats: ...


@dataclass(frozen=True, slots=True)
class Interval:
    """A value with its 95 % bootstrap interval over n questions (percentile method)."""

    value: float
    low: float
    high: float
    n: int


@dataclass(frozen=True, slots=True)
class Mean:
    """The mean of `values`, (n,) or (n, metrics), over the questions where it is not NaN."""

    values: Floats

    def __call__(self, weights: Floats) -> Floats:
        applies = ~np.isnan(self.values)
        return _ratio(weights @ np.where(applies, self.values, 0.0), weights @ applies)


@dataclass(frozen=True, slots=True)
class Ratio:
    """Σ over / Σ under: micro-averaged precision and recall."""

    over: Floats
    under: Floats

    def __call__(self, weights: Floats) -> Floats:
        return _ratio(weights @ self.over, weights @ self.under)


@dataclass(frozen=True, slots=True)
class BalancedAccuracy:
    """Mean of the share of answerable questions answered and of unanswerable questions refused (NaN: unlabelled)."""

    right: Floats
    answerable: Floats

    def __call__(self, weights: Floats) -> Floats:
        shares = []
        for label in (1.0, 0.0):
            chosen = (self.answerable == label).astype(np.float64)
            shares.append(_ratio(weights @ np.where(chosen > 0, self.right, 0.0), weights @ chosen))
        return (shares[0] + shares[1]) / 2


@dataclass(frozen=True, slots=True)
class Aurc:
    """Area under the risk–coverage curve (Geifman & El-Yaniv, 2017), 0 is best.

    The mean, over all coverages, of the mean loss of the questions answered when the most confident come first.
    """

    confidence: Floats
    loss: Floats

    def __call__(self, weights: Floats) -> Floats:
        order = np.argsort(-self.confidence, kind="stable")
        drawn = weights[:, order]
        covered = np.cumsum(drawn, axis=1)
        risk = np.cumsum(drawn * self.loss[order], axis=1) / np.maximum(covered, 1)
        return _ratio((risk * drawn).sum(axis=1), drawn.sum(axis=1))


def _ratio(over: Floats, under: Floats) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(under > 0, over / under, np.nan)


def intervals(estimates: Mapping[str, Estimate], n: int, resamples: int = RESAMPLES) -> dict[str, Interval]:
    """Point estimate and interval of each over n questions; all see the same draws, which are made once."""
    if not estimates:
        return {}
    points = _all_of(estimates, np.ones((1, n)))[0]
    draws = np.concatenate([_all_of(estimates, weights) for weights in resample(n, resamples)])
    found = {}
    for index, name in enumerate(estimates):
        low, high = _percentiles(draws[:, index])
        found[name] = Interval(float(points[index]), low, high, n)
    return found


def interval(estimate: Estimate, n: int, resamples: int = RESAMPLES) -> Interval:
    return intervals({"": estimate}, n, resamples)[""]


def unanimous(found: Interval, n: int) -> Interval:
    """Where all n questions agree, at 0 or 1, draws cannot vary: the exact binomial bound (Clopper-Pearson) instead."""
    if not found.low == found.value == found.high or n < 1:
        return found
    bound = 0.025 ** (1 / n)
    if found.value == 1.0:
        return Interval(1.0, bound, 1.0, found.n)
    return Interval(0.0, 0.0, 1 - bound, found.n) if found.value == 0.0 else found


def _all_of(estimates: Mapping[str, Estimate], weights: Floats) -> Floats:
    """(draws, estimates); the means together, as one matrix product."""
    means = [estimate.values for estimate in estimates.values() if isinstance(estimate, Mean)]
    columns = iter(Mean(np.stack(means, axis=1))(weights).T) if means else iter(())
    return np.stack([next(columns) if isinstance(e, Mean) else e(weights) for e in estimates.values()], axis=1)


def difference(a: Estimate, b: Estimate, n: int, resamples: int = RESAMPLES) -> Interval:
    """b − a with its interval, both measured on the same draws of the same n questions."""
    value = float((b(np.ones((1, n))) - a(np.ones((1, n))))[0])
    draws = np.concatenate([b(weights) - a(weights) for weights in resample(n, resamples)])
    low, high = _percentiles(draws)
    return Interval(value, low, high, n)


def _percentiles(draws: Floats) -> tuple[float, float]:
    kept = draws[~np.isnan(draws)]
    if not len(kept):
        return float("nan"), float("nan")
    low, high = np.percentile(kept, [2.5, 97.5])
    return float(low), float(high)


def resample(n: int, draws: int, seed: int = SEED) -> Iterator[Floats]:
    """Blocks of bootstrap weights: each row counts how often each of n questions was drawn, n draws in all."""
    random = np.random.default_rng(seed)
    step = max(1, _CELLS // n)
    for start in range(0, draws, step):
        rows = min(step, draws - start)
        chosen = random.integers(0, n, size=(rows, n)) + n * np.arange(rows)[:, None]
        yield np.bincount(chosen.ravel(), minlength=rows * n).reshape(rows, n).astype(np.float64)


def randomisation(differences: Floats, permutations: int = PERMUTATIONS, seed: int = SEED) -> Floats:
    """Two-sided p of Fisher's paired randomisation test for each column of (questions, metrics); NaN is no pair.

    Under the null hypothesis the runs are exchangeable, so each pair's sign is a coin. p = (1 + as extreme) / (1 + all)
    is never 0 (Smucker, Allan & Carterette, CIKM 2007).
    """
    random = np.random.default_rng(seed)
    pairs = np.nan_to_num(differences)
    observed = np.abs(pairs.sum(axis=0)) - 1e-9
    extreme = np.zeros(pairs.shape[1])
    step = max(1, _CELLS // max(1, len(pairs)))
    for start in range(0, permutations, step):
        rows = min(step, permutations - start)
        signs = random.integers(0, 2, size=(rows, len(pairs)), dtype=np.int8) * 2.0 - 1.0
        extreme += (np.abs(signs @ pairs) >= observed).sum(axis=0)
    return np.asarray((1 + extreme) / (1 + permutations))


def holm(p_values: list[float]) -> list[float]:
    """Holm's step-down adjustment for testing several metrics at once, in the given order."""
    order = sorted(range(len(p_values)), key=lambda index: p_values[index])
    adjusted = [1.0] * len(p_values)
    running = 0.0
    for place, index in enumerate(order):
        running = max(running, min(1.0, (len(p_values) - place) * p_values[index]))
        adjusted[index] = running
    return adjusted


def risk_coverage(confidence: Floats, loss: Floats) -> list[tuple[float, float]]:
    """Points (coverage, risk), most confident first; questions of equal confidence enter together."""
    order = np.argsort(-confidence, kind="stable")
    sorted_confidence, risks = confidence[order], np.cumsum(loss[order]) / np.arange(1, len(loss) + 1)
    last_of_tie = np.append(sorted_confidence[1:] != sorted_confidence[:-1], True)
    coverage = np.arange(1, len(loss) + 1) / len(loss)
    return [(float(c), float(r)) for c, r in zip(coverage[last_of_tie], risks[last_of_tie], strict=True)]


@dataclass(frozen=True, slots=True)
class CalibrationBin:
    """Questions whose confidence lies in [low, high): their mean confidence and the share that came true."""

    low: float
    high: float
    n: int
    confidence: float
    observed: float


def calibration(confidence: Floats, outcome: Floats, bins: int = 10) -> list[CalibrationBin]:
    """Ten bins of equal width; empty ones are left out."""
    index = np.minimum((confidence * bins).astype(int), bins - 1)
    found = []
    for number in range(bins):
        chosen = index == number
        if chosen.any():
            mean, share = float(confidence[chosen].mean()), float(outcome[chosen].mean())
            found.append(CalibrationBin(number / bins, (number + 1) / bins, int(chosen.sum()), mean, share))
    return found


def calibration_error(bins: list[CalibrationBin]) -> float:
    """Expected calibration error: |confidence − observed|, weighted by the questions in each bin."""
    total = sum(b.n for b in bins)
    return sum(b.n * abs(b.confidence - b.observed) for b in bins) / total


def auroc(score: Floats, positive: NDArray[np.bool_]) -> float:
    """Chance that a positive scores above a negative, ties counting half; NaN when a class is empty."""
    n_pos, n_neg = int(positive.sum()), int((~positive).sum())
    if not n_pos or not n_neg:
        return float("nan")
    _, inverse, counts = np.unique(score, return_inverse=True, return_counts=True)
    ranks = np.cumsum(counts) - (counts - 1) / 2
    return float((ranks[inverse][positive].sum() - n_pos * (n_pos + 1) / 2) / (n_pos * n_neg))
