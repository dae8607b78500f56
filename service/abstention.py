"""Does the corpus answer this question? A calibrated probability from what was found, before a word is generated.

The signals are those of `service.signals`; their weights and the threshold are fitted by
`service/evaluation/fit_abstention.py` and shipped in `service/data/abstention.json`, with provenance. The threshold
is where the risk–coverage curve of the fitting questions meets the target (El-Yaniv & Wiener, JMLR 2010).
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from indexes.errors import DamagedError
from indexes.types import Hit
from service.asking import Asked
from service.grounding.glossary import load_glossary
from service.signals import READ, Vocabulary, signals


@dataclass(frozen=True, slots=True)
class Weights:
    """A logistic model: probability = 1 / (1 + exp(-(bias + Σ weight · signal)))."""

    bias: float
    weights: Mapping[str, float]

    def probability(self, signals: Mapping[str, float]) -> float:
        logit = self.bias + sum(weight * signals.get(name, 0.0) for name, weight in self.weights.items())
        return 1.0 / (1.0 + math.exp(-max(-40.0, min(40.0, logit))))


@dataclass(frozen=True, slots=True)
class Abstention:
    """The fitted parameters: one model where question and passages share a language, one where they do not."""

    same: Weights
    cross: Weights
    threshold: float
    quoting: float
    """Confidence from which quotations are shown where no sentence of a draft survived."""

    @classmethod
    def load(cls, path: Path | None = None) -> "Abstention":
        """Read parameters from a file, by default the shipped ones.

        Raises:
            DamagedError: the file is not what the fitting script writes.
        """
        source = path or files("service") / "data" / "abstention.json"
        try:
            raw = json.loads(source.read_text("utf-8"))
            models = {name: Weights(float(m["bias"]), m["weights"]) for name, m in raw["models"].items()}
            return cls(models["same"], models["cross"], float(raw["threshold"]), float(raw["quoting"]))
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise DamagedError(
                f"{source} holds no abstention parameters ({error!r}): run `career eval calibrate` or reinstall."
            ) from error

    def confidence(self, asked: Asked, hits: Sequence[Hit], vocabulary: Vocabulary) -> float:
        """Probability that the passages found answer the question, 0 when nothing was found."""
        if not hits:
            return 0.0
        model = self.cross if crosses(asked, hits) else self.same
        return model.probability(signals(asked, hits, vocabulary, load_glossary()))


def crosses(asked: Asked, hits: Sequence[Hit]) -> bool:
    """Whether most of the best passages are in another language than the question."""
    best = hits[:READ]
    return 2 * sum(hit.chunk.lang[:2] != asked.lang[:2] for hit in best) > len(best)


def nearest_topics(hits: Sequence[Hit], limit: int = 3) -> tuple[str, ...]:
    """Headings of the best passages, each once, for a refusal to name."""
    topics = (hit.chunk.heading[-1] if hit.chunk.heading else hit.chunk.document.title for hit in hits)
    return tuple(dict.fromkeys(topics))[:limit]
