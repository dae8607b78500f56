"""Does the corpus answer this question? A calibrated probability from what was found, before a word is generated.

The signals are those of `service.signals`; their weights and the threshold are fitted by `career eval calibrate` and
shipped in `service/data/abstention.json`, with provenance; CAREER_GATE names a file fitted to another corpus. The
threshold is where the risk–coverage curve of the fitting questions meets the target (El-Yaniv & Wiener, JMLR 2010).
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from importlib.resources import files
from pathlib import Path
from typing import Any

from indexes.errors import DamagedError
from indexes.types import Hit
from service.asking import Asked
from service.grounding.glossary import load_glossary
from service.signals import READ, Vocabulary, signals

FEW_PASSAGES = 12
"""A corpus up to this size is what a search returns, more or less."""


class Situation(StrEnum):
    """Which model judges: signals do not mean the same in each.

    FEW: the corpus is no more than a search returns, so that its words say nothing of what else it holds; SAME and
    CROSS: most of the best passages are, or are not, in the language of the question.
    """

    FEW = "few"
    SAME = "same"
    CROSS = "cross"


@dataclass(frozen=True, slots=True)
class Model:
    """A logistic model: probability = 1 / (1 + exp(-(bias + Σ weight · signal))), and what it takes to go on.

    From `threshold` on a question is answered; from `quoting` on quotations are shown where no sentence survived.
    """

    bias: float
    weights: Mapping[str, float]
    threshold: float = 0.5
    quoting: float = 0.5

    def probability(self, signals: Mapping[str, float]) -> float:
        logit = self.bias + sum(weight * signals.get(name, 0.0) for name, weight in self.weights.items())
        return 1.0 / (1.0 + math.exp(-max(-40.0, min(40.0, logit))))


@dataclass(frozen=True, slots=True)
class Assessment:
    """`confidence` that the corpus answers; whether that is enough to answer, and to quote where nothing survived."""

    confidence: float
    enough: bool
    sure: bool


@dataclass(frozen=True, slots=True)
class Abstention:
    """The gate: one fitted model for each situation."""

    models: Mapping[Situation, Model]

    @classmethod
    def load(cls, path: Path | None = None) -> "Abstention":
        """Read parameters from a file, by default the shipped ones.

        Raises:
            DamagedError: the file is not what the fitting script writes.
        """
        source = path or files("service") / "data" / "abstention.json"
        try:
            raw = json.loads(source.read_text("utf-8"))["models"]
            return cls({situation: _model(raw[situation.value]) for situation in Situation})
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise DamagedError(
                f"{source} holds no abstention parameters ({error!r}): fit them with `career eval calibrate`, or unset "
                "CAREER_GATE for the shipped ones."
            ) from error

    def assess(self, asked: Asked, hits: Sequence[Hit], vocabulary: Vocabulary, corpus_size: int) -> Assessment:
        """Judge what was found among `corpus_size` passages; where nothing was found, nothing answers."""
        if not hits:
            return Assessment(0.0, enough=False, sure=False)
        model = self.models[situation_of(asked, hits, corpus_size)]
        found = signals(asked, hits, vocabulary, load_glossary())
        confidence = model.probability(found)
        if found["absent_place"]:  # A salary is always somebody's: too rare in the fit to get the weight it deserves.
            confidence = min(confidence, model.threshold / 2.0)
        return Assessment(confidence, confidence >= model.threshold, confidence >= model.quoting)


def _model(raw: Mapping[str, Any]) -> Model:
    weights = {str(name): float(weight) for name, weight in raw["weights"].items()}
    return Model(float(raw["bias"]), weights, float(raw["threshold"]), float(raw["quoting"]))


def situation_of(asked: Asked, hits: Sequence[Hit], corpus_size: int) -> Situation:
    if corpus_size <= FEW_PASSAGES:
        return Situation.FEW
    return Situation.CROSS if crosses(asked, hits) else Situation.SAME


def crosses(asked: Asked, hits: Sequence[Hit]) -> bool:
    """Whether most of the best passages are in another language than the question."""
    best = hits[:READ]
    return 2 * sum(hit.chunk.lang[:2] != asked.lang[:2] for hit in best) > len(best)
