"""Fits the gate: weights of the signals and the thresholds, on questions that are known to be answered or not.

Questions of the dev split (or without a split) are fitted on, those of the test split are only reported. Method:
logistic regression with an L2 penalty on standardised signals, both classes weighing the same, one model for each
situation. A threshold is a point of the cross-validated risk–coverage curve: by default the highest that lets the
target share of answerable questions through, for a wrong refusal cannot be mended later, while verification of the
draft still turns away what the gate lets through. `career eval calibrate` is the way in.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from indexes.text import detect_lang
from indexes.types import Embedder, Filters, Hit
from service.abstention import LEANING, PROBE, PROBED, READ_ALONE, Model, Situation, leaning, situation_of
from service.answerer import SEARCHED, Searcher
from service.asking import Intent, understand
from service.evaluation.dataset import Case
from service.evaluation.logistic import Floats, logistic
from service.evaluation.risk_coverage import measures, threshold_at_risk, threshold_for
from service.grounding.glossary import load_glossary
from service.llm.types import Leaning
from service.naming import with_names
from service.passagewise import BEST, MEAN, READER, Reading, was_read
from service.signals import Vocabulary, signals
from service.wordwise import ordered_by_words

PENALTY = 30.0
PENALTIES = {PROBE: 1.0, READER: 1.0}
"""Of signals that are no more than one number made of many, fitted with a penalty already."""
SPEAKS_FOR = frozenset(
    ("top", "mean", "margin", "agreement", "coverage", "concepts", "row", "row_alignment", PROBE, BEST, MEAN, READER)
)
"""Signals that can only speak for an answer; all others can only speak against one."""

FOLDS = 10
ASKING = 1.0
"""Share of the answerable questions for which an engine is worth asking, where it tells how it leans: all of those
that are fitted on, for a question in plain words may look like none of the passages."""
TARGET_COVERAGE = {Situation.FEW: 0.8, Situation.SAME: 0.97, Situation.CROSS: 0.97}
SURE = 0.87
SURE_PROBED = {Situation.SAME: 0.96, Situation.CROSS: 0.98, Situation.FEW: 0.94}
"""Share of the answerable questions that may be answered with quotations where no sentence survived; where a probe
is heard, more get through at less risk (ten-fold 5 of 175 and 8 of 179 unanswerable ones)."""
PROBED_COVERAGE = 0.985
"""In place of the default target, for models that hear a probe: ten-fold, 29 of 354 unanswerable questions then go
through, where without it a third does at a coverage of 0.97."""

USED_AMONG_FEW = frozenset(("top", "mean", "kind_far", "kind_unmet", BEST, MEAN, READER))


@dataclass(frozen=True, slots=True)
class Target:
    """Where on the risk–coverage curve a threshold lies.

    `coverage` is the share of the answerable questions to let through, one for each situation. `risk`, if given, goes
    first: of the questions let through, at most this share may be unanswerable.
    """

    coverage: Mapping[Situation, float] = field(default_factory=lambda: dict(TARGET_COVERAGE))
    risk: float | None = None

    def probed(self) -> "Target":
        """Where a probe is heard: higher, unless somebody chose."""
        chosen = self.coverage != TARGET_COVERAGE
        return self if chosen else replace(self, coverage=dict.fromkeys(Situation, PROBED_COVERAGE))

    def described(self) -> dict[str, Any]:
        return {"coverage": {str(key): value for key, value in self.coverage.items()}, "risk": self.risk}


@dataclass(frozen=True, slots=True)
class Example:
    """A question that reached the gate, and what the gate sees of it."""

    id: str
    lang: str
    split: str
    answerable: bool
    situation: Situation
    signals: dict[str, float]
    values: tuple[float, ...] = ()
    read_logits: tuple[float, ...] = ()
    """Of the engine at single passages."""


Lean: TypeAlias = Callable[[str, str, Sequence[Hit]], Leaning | None]
"""What an engine tells at its first token: of a question, in a language, with these hits."""
Read: TypeAlias = Callable[[str, Sequence[Hit]], Reading]
"""What an engine says of single passages: of a question, with these hits."""


def examples_of(
    cases: Sequence[Case],
    searcher: Searcher,
    vocabulary: Vocabulary,
    corpus_size: int,
    *,
    lean: Lean | None = None,
    read: Read | None = None,
    embedder: Embedder | None = None,
) -> list[Example]:
    """Search every labelled case; what the rules turn away before the gate, or finds nothing, is left out.

    Single passages are read where there are few, and nowhere else.
    """
    found = []
    for case in cases:
        asked = understand(case.question, case.lang or detect_lang(case.question))
        if case.answerable is None or asked.intent is not Intent.QUESTION:
            continue
        hits = searcher.search(case.question, SEARCHED, Filters())
        # A fit does not depend on which rows were read before.
        if hits := ordered_by_words(asked, hits, embedder, patience_s=math.inf):
            asked = with_names(asked, hits)
            values = signals(asked, hits, vocabulary, load_glossary(), embedder)
            told = lean(case.question, asked.lang, hits) if lean is not None else None
            if told is not None:
                values[LEANING] = leaning(told.log_probability)
            split = case.split or "dev"
            situation = situation_of(asked, hits, corpus_size)
            alone = read(case.question, hits) if read is not None and situation is Situation.FEW else Reading()
            values |= alone.signals
            held = told.values if told is not None else ()
            found.append(Example(case.id, asked.lang, split, case.answerable, situation, values, held, alone.logits))
    return found


def fit(examples: Sequence[Example], penalty: float = PENALTY) -> Model:
    """Weights on the raw signals; one that would get the wrong sign, against its meaning, is left out."""
    names = sorted(examples[0].signals)
    while True:
        model = _fit(examples, names, penalty)
        kept = [name for name in names if (model.weights[name] >= 0) is (name in SPEAKS_FOR)]
        if kept == names:
            return model
        names = kept


def _fit(examples: Sequence[Example], names: Sequence[str], penalty: float) -> Model:
    x = np.array([[example.signals[name] for name in names] for example in examples])
    y = np.array([example.answerable for example in examples], np.float64)
    centre, scale = x.mean(axis=0), x.std(axis=0)
    scale[scale < 1e-9] = np.inf
    penalties = np.array([PENALTIES.get(name, penalty) for name in names])
    solution = logistic((x - centre) / scale, y, penalties)
    slopes = solution[1:] / scale
    weights = {name: round(float(slope), 4) for name, slope in zip(names, slopes, strict=True)}
    return Model(round(float(solution[0] - slopes @ centre), 4), weights)


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


def calibrate(
    examples: Sequence[Example], target: Target | None = None, shipped: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """What `abstention.json` holds, but for its provenance; `report` tells cross-validated dev from test.

    A situation that too few questions are in keeps its `shipped` model, or where there is none is fitted on all.
    """
    target = target or Target()
    models: dict[str, Any] = {}
    heard: dict[str, dict[str, Any]] = {LEANING: {}, PROBED: {}, READ_ALONE: {}}
    report: dict[str, Any] = {}
    for situation in Situation:
        mine = [_seen_in(situation, example) for example in examples if example.situation is situation]
        if not _fits(_dev(mine)) and shipped is not None:
            models[situation.value] = shipped[situation.value]
            continue
        others = [_seen_in(situation, e) for e in _dev(examples) if e.situation is not situation]
        group = [
            _without(e, LEANING, PROBE, BEST, MEAN, READER) for e in (mine if _fits(_dev(mine)) else [*others, *mine])
        ]
        models[situation.value], told = _fitted(situation, group, target, str(situation))
        report |= told
        leaning_known = [_without(example, PROBE) for example in mine if LEANING in example.signals]
        if _fits(_dev(leaning_known)):
            title = f"{situation} {LEANING}"
            heard[LEANING][situation.value], told = _fitted(situation, leaning_known, target, title)
            report |= told
        probe_known = [example for example in mine if PROBE in example.signals]
        if _fits(_dev(probe_known)):
            title, sure = f"{situation} {PROBED}", SURE_PROBED[situation]
            heard[PROBED][situation.value], told = _fitted(situation, probe_known, target.probed(), title, sure)
            report |= told
        read_known = [_without(example, LEANING, PROBE) for example in mine if was_read(example.signals)]
        if _fits(_dev(read_known)):
            title = f"{situation} {READ_ALONE}"
            heard[READ_ALONE][situation.value], told = _fitted(situation, read_known, target, title)
            report |= told
    return {"models": models, **heard, "report": report}


def _fitted(
    situation: Situation, group: Sequence[Example], target: Target, title: str, sure: float = SURE
) -> tuple[dict[str, Any], dict[str, Any]]:
    """A model as the file holds it, and its report."""
    dev = _dev(group)
    confidence = cross_validated(dev)
    labels = np.array([example.answerable for example in dev])
    threshold, quoting = _thresholds(confidence, labels, target, situation, sure)
    model = fit(dev)
    table = {
        "asking": min(threshold, threshold_for(confidence, labels, ASKING)),
        "threshold": threshold,
        "quoting": quoting,
        "bias": model.bias,
        "weights": dict(model.weights),
    }
    unseen = [example for example in group if example.split == "test"]
    report = _report(title, dev, confidence, threshold)
    report |= _report(title, unseen, np.array([model.probability(e.signals) for e in unseen]), threshold)
    return table, report


def _dev(examples: Sequence[Example]) -> list[Example]:
    return [example for example in examples if example.split != "test"]


def _without(example: Example, *names: str) -> Example:
    return replace(example, signals={k: v for k, v in example.signals.items() if k not in names})


def _thresholds(
    confidence: Floats, labels: NDArray[np.bool_], target: Target, situation: Situation, sure: float
) -> tuple[float, float]:
    """From where on a question is answered, and answered with quotations."""
    share = target.coverage[situation]
    threshold = threshold_for(confidence, labels, share)
    if target.risk is not None:
        threshold = threshold_at_risk(confidence, labels, target.risk)
    return threshold, max(threshold, threshold_for(confidence, labels, min(share, sure)))


def _seen_in(situation: Situation, example: Example) -> Example:
    """An example with the signals that mean something in a situation."""
    used = {k: v for k, v in example.signals.items() if situation is not Situation.FEW or k in USED_AMONG_FEW}
    return replace(example, signals=used)


def _fits(group: Sequence[Example]) -> bool:
    """Whether a group has enough of both classes for a model of its own."""
    positive = sum(example.answerable for example in group)
    return min(positive, len(group) - positive) >= FOLDS


def _report(
    title: str, examples: Sequence[Example], confidence: Floats, threshold: float
) -> dict[str, dict[str, float]]:
    found = {}
    for lang in sorted({example.lang for example in examples}):
        rows = [i for i, example in enumerate(examples) if example.lang == lang]
        labels = np.array([examples[i].answerable for i in rows])
        if labels.any() and not labels.all():
            found[f"{title} {lang} {examples[rows[0]].split}"] = measures(confidence[rows], labels, threshold)
    return found
