"""Does the corpus answer this question? A calibrated probability from what was found, before a word is generated.

An engine that can tell how near it was to saying that the passages do not answer (`Leaning`) gives one more signal, at
its first token: it has read the passages, as no cosine has. The other signals are those of `service.signals`; weights
and thresholds are fitted by `career eval calibrate` and shipped in `service/data/abstention.json`, with provenance;
CAREER_GATE names a file fitted to another corpus. A threshold is where the risk–coverage curve of the fitting questions
meets the target (El-Yaniv & Wiener, JMLR 2010).

Over a dozen passages neither words nor a probe tell much. There an engine that can is asked of the best passages one by
one whether they answer (`service.passagewise`), before it drafts.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from importlib.resources import files
from pathlib import Path
from typing import Any

from indexes.errors import DamagedError
from indexes.types import Embedder, Hit
from service.asking import Asked
from service.grounding.glossary import load_glossary
from service.llm.types import Leaning
from service.passagewise import READER, Reading, was_read
from service.probe import Probe
from service.signals import READ, Vocabulary, signals

FEW_PASSAGES = 12
"""A corpus up to this size is what a search returns, more or less."""


HOPE = 0.1
"""Confidence from which a draft is written and checked, though the gate would refuse: of 141 tuning questions refused
so, before the gate had a probe, 6 of the 11 answerable ones have sentences of a score of 0.85 and more, and none of the
130 others that could be delivered."""
LEANING = "leaning"
"""Name of the signal that the engine gives: the logarithm of the probability of a denial, in tens, 0 to -1."""
PROBE = "probe"
"""Name of the signal that a probe reads off what the engine's last token holds."""
PROBED = "probed"
"""Key of the models that hear it, in a gate file."""
READ_ALONE = "read_alone"
"""Key of the models that hear what an engine says of single passages."""


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

    From `threshold` on a question is answered; from `quoting` on quotations are shown where no sentence survived. From
    `asking` on an engine that tells how it leans is worth asking.
    """

    bias: float
    weights: Mapping[str, float]
    threshold: float = 0.5
    quoting: float = 0.5
    asking: float = 1.0

    def probability(self, signals: Mapping[str, float]) -> float:
        logit = self.bias + sum(weight * signals.get(name, 0.0) for name, weight in self.weights.items())
        return 1.0 / (1.0 + math.exp(-max(-40.0, min(40.0, logit))))


@dataclass(frozen=True, slots=True)
class Assessment:
    """`confidence` that the corpus answers; whether that is enough to answer, and to quote where nothing survived.

    `open`: not enough, but an engine's leaning may change that (`Abstention.reassess`), from `signals`. `hopeful`: not
    enough even so, but a draft may still be proved beyond doubt. `fair`: half way to sure; a half supported sentence
    then answers what asks for no figure or person (of 664 tuning questions two more, and none that has no answer).
    `readable`: what an engine says of single passages may change it (`Abstention.reread`).
    """

    confidence: float
    enough: bool
    sure: bool
    open: bool = False
    hopeful: bool = False
    fair: bool = False
    readable: bool = False
    situation: Situation | None = field(default=None, compare=False)
    signals: Mapping[str, float] = field(default_factory=dict, compare=False)


@dataclass(frozen=True, slots=True)
class Abstention:
    """The gate: one fitted model for each situation, and one more where an engine's leaning is known.

    How a language model leans is its own: `leaning` was fitted to the one named `engine`, and holds for no other.
    `probed` are the models that hear `probe` besides, which holds for one corpus, too; `reading` those that hear what
    it says of single passages, `reader` a probe of that, for passages of any kind.
    """

    models: Mapping[Situation, Model]
    leaning: Mapping[Situation, Model] = field(default_factory=dict)
    engine: str = ""
    probed: Mapping[Situation, Model] = field(default_factory=dict)
    probe: Probe | None = None
    reading: Mapping[Situation, Model] = field(default_factory=dict)
    reader: Probe | None = None

    @classmethod
    def load(cls, path: Path | None = None) -> "Abstention":
        """Read parameters from a file, by default the shipped ones.

        Raises:
            DamagedError: the file is not what the fitting script writes.
        """
        source = path or files("service") / "data" / "abstention.json"
        try:
            table = json.loads(source.read_text("utf-8"))
            models = {situation: _model(table["models"][situation.value]) for situation in Situation}
            leaning, probed, reading = (
                {Situation(name): _model(raw) for name, raw in table.get(heard, {}).items()}
                for heard in (LEANING, PROBED, READ_ALONE)
            )
            probe, reader = (Probe.of(table[name]) if name in table else None for name in (PROBE, READER))
            return cls(models, leaning, str(table.get("engine", "")), probed, probe, reading, reader)
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise DamagedError(
                f"{source} holds no abstention parameters ({error!r}): fit them with `career eval calibrate`, or unset "
                "CAREER_GATE for the shipped ones."
            ) from error

    def hearing(self, engine: str | None, corpus: Mapping[str, int]) -> "Abstention":
        """The gate beside this engine and over this corpus, the number of passages by the digest of their document:
        without what was fitted to others."""
        if engine != self.engine:
            return replace(self, leaning={}, probed={}, probe=None, reading={}, reader=None)
        holds = self.probe is not None and self.probe.knows(corpus)
        return self if holds else replace(self, probed={}, probe=None)

    def assess(
        self,
        asked: Asked,
        hits: Sequence[Hit],
        vocabulary: Vocabulary,
        corpus_size: int,
        embedder: Embedder | None = None,
    ) -> Assessment:
        """Judge what was found among `corpus_size` passages; where nothing was found, nothing answers."""
        if not hits:
            return Assessment(0.0, enough=False, sure=False)
        situation = situation_of(asked, hits, corpus_size)
        model = self.models[situation]
        found = signals(asked, hits, vocabulary, load_glossary(), embedder)
        judged = _judged(model, found, situation)
        worth_asking = not found["absent_place"] and judged.confidence >= model.asking
        leans = situation in self.leaning and not judged.enough
        return replace(judged, open=leans and worth_asking, readable=situation in self.reading and worth_asking)

    def reread(self, before: Assessment, told: Reading) -> Assessment:
        """With what an engine said of single passages."""
        model = self.reading.get(before.situation) if before.situation is not None else None
        value = self.reader.value(told.logits) if self.reader is not None else None
        if model is None or not told.odds or (self.reader is not None and value is None):
            return before
        found = {**before.signals, **told.signals, READER: value or 0.0}
        return _judged(model, found, before.situation)

    def reassess(self, before: Assessment, told: Leaning) -> Assessment:
        """With what the engine's first token told: how near it was to a denial, and the values before it. Who has heard
        of single passages learns no more from that."""
        if before.situation is None or was_read(before.signals):
            return before
        found = {**before.signals, LEANING: leaning(told.log_probability)}
        model = self.leaning.get(before.situation)
        read = self.probe.value(told.values) if self.probe is not None else None
        if read is not None and before.situation in self.probed:
            model, found = self.probed[before.situation], {**found, PROBE: read}
        if model is None:
            return before
        judged = _judged(model, found, before.situation)
        return replace(judged, hopeful=not judged.enough and judged.confidence >= HOPE)


def leaning(log_probability: float) -> float:
    """The signal: what is less likely than e^-10 makes no difference any more."""
    return max(log_probability, -10.0) / 10.0


def _judged(model: Model, found: Mapping[str, float], situation: Situation | None) -> Assessment:
    confidence = model.probability(found)
    if found["absent_place"]:  # A salary is always somebody's: too rare in the fit to get the weight it deserves.
        confidence = min(confidence, model.threshold / 2.0)
    enough, sure = confidence >= model.threshold, confidence >= model.quoting
    fair = confidence >= (model.threshold + model.quoting) / 2.0
    return Assessment(confidence, enough, sure, fair=fair, situation=situation, signals=found)


def _model(raw: Mapping[str, Any]) -> Model:
    weights = {str(name): float(weight) for name, weight in raw["weights"].items()}
    asking = float(raw.get("asking", raw["threshold"]))
    return Model(float(raw["bias"]), weights, float(raw["threshold"]), float(raw["quoting"]), asking)


def situation_of(asked: Asked, hits: Sequence[Hit], corpus_size: int) -> Situation:
    if corpus_size <= FEW_PASSAGES:
        return Situation.FEW
    return Situation.CROSS if crosses(asked, hits) else Situation.SAME


def crosses(asked: Asked, hits: Sequence[Hit]) -> bool:
    """Whether most of the best passages are in another language than the question."""
    best = hits[:READ]
    return 2 * sum(hit.chunk.lang[:2] != asked.lang[:2] for hit in best) > len(best)
