"""Does the corpus answer this question? A calibrated probability from what was found, before a word is generated.

The features are few and readable; the weights and the threshold are fitted by `service/evaluation/fit_abstention.py`
and shipped as `service/data/abstention.json` with their provenance. The threshold is the confidence at which the
risk–coverage curve of the fitting questions meets the target risk (El-Yaniv & Wiener, JMLR 2010).
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Protocol

from indexes.errors import DamagedError
from indexes.lexical import LexicalIndex
from indexes.text import normalise, tokens
from indexes.types import Hit, Leg
from service.asking import Asked, Wanted, holds

READ = 4
"""Passages that a reader of the results would look at; features look no further, but for the margin."""


class Vocabulary(Protocol):
    """Which words the whole corpus knows."""

    def __contains__(self, token: object, /) -> bool: ...


@dataclass(frozen=True, slots=True)
class IndexedWords:
    """The words of a generation's lexical index."""

    index: LexicalIndex

    def __contains__(self, token: object, /) -> bool:
        return isinstance(token, str) and bool(self.index.search([token], 1))


@dataclass(frozen=True, slots=True)
class Weights:
    """A logistic model: probability = 1 / (1 + exp(-(bias + Σ weight · feature)))."""

    bias: float
    weights: Mapping[str, float]

    def probability(self, features: Mapping[str, float]) -> float:
        logit = self.bias + sum(weight * features.get(name, 0.0) for name, weight in self.weights.items())
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
        return model.probability(features(asked, hits, vocabulary))


def crosses(asked: Asked, hits: Sequence[Hit]) -> bool:
    """Whether most of the best passages are in another language than the question."""
    best = hits[:READ]
    return 2 * sum(hit.chunk.lang[:2] != asked.lang[:2] for hit in best) > len(best)


def features(asked: Asked, hits: Sequence[Hit], vocabulary: Vocabulary) -> dict[str, float]:
    """What the gate looks at, each about 0 to 1; `hits` are best first and not empty."""
    dense = sorted((leg_score(hit, Leg.DENSE) for hit in hits), reverse=True)
    read = [normalise(evidence_text(hit)) for hit in hits[:READ]]
    best = dense[0]
    words = asked.words
    seen = set(tokens(" ".join(read)))
    unknown_names = [name for name in asked.names if not _known(name, vocabulary)]
    unread_names = [name for name in asked.names if not any(name in text for text in read)]
    return {
        "top": best,
        "mean": sum(dense[:READ]) / len(dense[:READ]),
        "margin": best - dense[min(len(dense) - 1, 2 * READ - 1)],
        "agreement": agreement(hits),
        "coverage": sum(word in seen for word in words) / len(words) if words else 0.0,
        "unknown_words": sum(word not in vocabulary for word in words) / len(words) if words else 1.0,
        "unknown_names": float(min(2, len(unknown_names))),
        "unread_names": float(min(2, len(unread_names))),
        "named": float(bool(asked.names) and not unread_names),
        "kind_unmet": float(asked.wanted is not Wanted.ANY and not kind_found(asked, hits)),
        "asks_figure": float(asked.wanted not in {Wanted.ANY, Wanted.PERSON}),
        "asks_person": float(asked.wanted is Wanted.PERSON),
    }


def leg_score(hit: Hit, leg: Leg) -> float:
    return next((found.score for found in hit.found_by if found.leg is leg), 0.0)


def evidence_text(hit: Hit) -> str:
    """A chunk with its title and headings, which belong to what it says."""
    return " ".join([hit.chunk.document.title, *hit.chunk.heading, hit.chunk.text])


def agreement(hits: Sequence[Hit]) -> float:
    """Share of the passages read that both legs found among their own best."""
    read = hits[:READ]
    both = sum(len({found.leg for found in hit.found_by if found.rank <= 2 * READ}) > 1 for hit in read)
    return both / len(read)


def kind_found(asked: Asked, hits: Sequence[Hit]) -> bool:
    """Whether a unit that has a name of the question, or else ranks high, holds the kind of thing asked for."""
    units = [unit for hit in hits[:READ] for unit in hit.units] or [u for hit in hits[:READ] for u in hit.chunk.units]
    named = [unit for unit in units if any(name in normalise(unit.text) for name in asked.names)]
    return any(holds(asked.wanted, unit.text) for unit in named or units[: 2 * READ])


def nearest_topics(hits: Sequence[Hit], limit: int = 3) -> tuple[str, ...]:
    """Headings of the best passages, each once, for a refusal to name."""
    topics = (hit.chunk.heading[-1] if hit.chunk.heading else hit.chunk.document.title for hit in hits)
    return tuple(dict.fromkeys(topics))[:limit]


def _known(name: str, vocabulary: Vocabulary) -> bool:
    return any(token in vocabulary for token in tokens(name))
