"""Fits the gate: weights of the signals and the threshold, on questions that are known to be answered or not.

    python -m service.evaluation.fit_abstention DATASET.jsonl… --out service/data/abstention.json

Questions of the dev split (or without a split) are fitted on, those of the test split are only reported. The index must
be that of the questions (`career ingest`). Method: logistic regression with an L2 penalty on standardised signals, both
classes weighing the same; one model for questions in the language of the passages, one for the others. The threshold is
the highest that, cross-validated, lets the target share of answerable questions through: a wrong refusal cannot be
mended later, while verification of the draft still turns away what the gate lets through.
"""

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from indexes.text import detect_lang
from indexes.types import Filters
from service.abstention import Weights, crosses
from service.answerer import SEARCHED, Searcher
from service.asking import Intent, understand
from service.evaluation.dataset import Case, load_dataset
from service.grounding.glossary import load_glossary
from service.runtime import open_runtime
from service.settings import Settings
from service.signals import IndexedWords, Vocabulary, signals

Floats = NDArray[np.float64]
PENALTY = 30.0
SPEAKS_FOR = frozenset(("top", "mean", "margin", "agreement", "coverage", "concepts"))
"""Signals that can only speak for an answer; all others can only speak against one."""

FOLDS = 10
TARGET_COVERAGE = 0.97
QUOTING_COVERAGE = 0.6


@dataclass(frozen=True, slots=True)
class Example:
    """A question that reached the gate; `cross` as of `abstention.crosses`."""

    id: str
    lang: str
    split: str
    answerable: bool
    cross: bool
    signals: dict[str, float]


def examples_of(cases: Sequence[Case], searcher: Searcher, vocabulary: Vocabulary) -> list[Example]:
    """Search every labelled case; what the rules turn away before the gate, or finds nothing, is left out."""
    found = []
    for case in cases:
        asked = understand(case.question, case.lang or detect_lang(case.question))
        if case.answerable is None or asked.intent is not Intent.QUESTION:
            continue
        if hits := searcher.search(case.question, SEARCHED, Filters()):
            values = signals(asked, hits, vocabulary, load_glossary())
            split = case.split or "dev"
            found.append(Example(case.id, asked.lang, split, case.answerable, crosses(asked, hits), values))
    return found


def fit(examples: Sequence[Example], penalty: float = PENALTY) -> Weights:
    """Weights on the raw signals; one that would get the wrong sign, against its meaning, is left out."""
    names = sorted(examples[0].signals)
    while True:
        model = _fit(examples, names, penalty)
        kept = [name for name in names if (model.weights[name] >= 0) is (name in SPEAKS_FOR)]
        if kept == names:
            return model
        names = kept


def _fit(examples: Sequence[Example], names: Sequence[str], penalty: float) -> Weights:
    x = np.array([[example.signals[name] for name in names] for example in examples])
    y = np.array([example.answerable for example in examples], np.float64)
    centre, scale = x.mean(axis=0), x.std(axis=0)
    scale[scale < 1e-9] = np.inf
    solution = _logistic((x - centre) / scale, y, penalty)
    slopes = solution[1:] / scale
    weights = {name: round(float(slope), 4) for name, slope in zip(names, slopes, strict=True)}
    return Weights(round(float(solution[0] - slopes @ centre), 4), weights)


def _logistic(x: Floats, y: Floats, penalty: float) -> Floats:
    """Newton's method; the classes weigh the same, the intercept is not penalised."""
    design = np.hstack([np.ones((len(x), 1)), x])
    share = y.mean()
    weight = np.where(y > 0, 0.5 / share, 0.5 / (1.0 - share))
    ridge = np.diag([1e-6, *[penalty] * x.shape[1]])
    solution = np.zeros(design.shape[1])
    for _ in range(50):
        p = 1.0 / (1.0 + np.exp(-design @ solution))
        gradient = design.T @ (weight * (y - p)) - ridge @ solution
        hessian = (design * (weight * p * (1.0 - p))[:, None]).T @ design + ridge
        step = np.linalg.solve(hessian, gradient)
        solution = solution + step
        if np.abs(step).max() < 1e-9:
            break
    return solution


def cross_validated(examples: Sequence[Example], penalty: float = PENALTY) -> Floats:
    """Confidence in each example by a model that has not seen it; classes are spread over the folds."""
    fold = np.zeros(len(examples), np.int64)
    for label in (True, False):
        rows = [i for i, example in enumerate(examples) if example.answerable is label]
        fold[rows] = np.arange(len(rows)) % FOLDS
    confidence = np.zeros(len(examples))
    for number in range(FOLDS):
        model = fit([example for i, example in enumerate(examples) if fold[i] != number], penalty)
        for i in np.flatnonzero(fold == number).tolist():
            confidence[i] = model.probability(examples[i].signals)
    return confidence


def threshold_for(confidence: Floats, answerable: NDArray[np.bool_], coverage: float) -> float:
    """The highest threshold that lets at least this share of the answerable through."""
    known = np.sort(confidence[answerable])
    refused = int(len(known) * (1.0 - coverage) + 1e-9)
    return round(float(known[refused]) - 1e-4, 4)


def auc(confidence: Floats, answerable: NDArray[np.bool_]) -> float:
    """Probability that an answerable question gets more confidence than an unanswerable one."""
    above = confidence[answerable][:, None] - confidence[~answerable][None, :]
    return float((above > 0).mean() + 0.5 * (above == 0).mean())


def measures(confidence: Floats, answerable: NDArray[np.bool_], threshold: float) -> dict[str, float]:
    answered = confidence >= threshold
    false_refusals = float((~answered[answerable]).mean())
    false_answers = float(answered[~answerable].mean())
    return {
        "n": len(answerable),
        "auc": round(auc(confidence, answerable), 4),
        "balanced_accuracy": round(1.0 - (false_refusals + false_answers) / 2.0, 4),
        "false_refusals": round(false_refusals, 4),
        "false_answers": round(false_answers, 4),
    }


def calibrate(examples: Sequence[Example]) -> dict[str, Any]:
    """What `abstention.json` holds, but for its provenance; `report` tells cross-validated dev from test."""
    dev = [example for example in examples if example.split != "test"]
    groups = {name: [e for e in dev if e.cross is cross] for name, cross in (("same", False), ("cross", True))}
    groups = {name: group if _fits(group) else dev for name, group in groups.items()}
    models = {name: fit(group) for name, group in groups.items()}
    seen = {e.id: c for g in groups.values() for e, c in zip(g, cross_validated(g), strict=True)}
    confidence = np.array([seen[example.id] for example in dev])
    labels = np.array([example.answerable for example in dev])
    threshold = threshold_for(confidence, labels, TARGET_COVERAGE)
    quoting = threshold_for(confidence, labels, QUOTING_COVERAGE)
    unseen = {e.id: models["cross" if e.cross else "same"].probability(e.signals) for e in examples}
    return {
        "threshold": threshold,
        "quoting": quoting,
        "models": {name: {"bias": m.bias, "weights": dict(m.weights)} for name, m in models.items()},
        "report": _report(dev, seen, threshold)
        | _report([e for e in examples if e.split == "test"], unseen, threshold),
    }


def _fits(group: Sequence[Example]) -> bool:
    """Whether a group has enough of both classes for a model of its own."""
    positive = sum(example.answerable for example in group)
    return min(positive, len(group) - positive) >= FOLDS


def _report(examples: Sequence[Example], confidence: dict[str, float], threshold: float) -> dict[str, Any]:
    found = {}
    for lang in sorted({example.lang for example in examples}):
        chosen = [example for example in examples if example.lang == lang]
        labels = np.array([example.answerable for example in chosen])
        if labels.any() and not labels.all():
            values = np.array([confidence[example.id] for example in chosen])
            found[f"{lang} {chosen[0].split}"] = measures(values, labels, threshold)
    return found


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="fit_abstention", description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("datasets", nargs="+", type=Path)
    parser.add_argument("--out", type=Path, help="Where the parameters go; without it they are only printed.")
    options = parser.parse_args(argv)
    with open_runtime(Settings.load(), need_llm=False) as runtime:
        cases = [case for path in options.datasets for case in load_dataset(path).cases]
        found = examples_of(cases, runtime.retriever, IndexedWords(runtime.generation.lexical))
    provenance = {
        "fitted": datetime.now(UTC).date().isoformat(),
        "by": "service/evaluation/fit_abstention.py",
        "on": [path.name for path in options.datasets],
        "embedder": runtime.embedder.name,
        "target_coverage": TARGET_COVERAGE,
    }
    text = json.dumps({"provenance": provenance, **calibrate(found)}, indent=2, ensure_ascii=False) + "\n"
    if options.out:
        options.out.write_text(text, "utf-8")
    print(text, end="")


if __name__ == "__main__":
    main()
