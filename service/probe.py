"""What a language model knows of whether its passages answer a question, read off what its last token holds.

A model that goes on to invent an answer has hidden states that tell all the same whether there is one; a linear probe
finds it (Slobodkin et al., "The Curious Case of Hallucinatory (Un)answerability", EMNLP 2023,
https://arxiv.org/abs/2310.11877). It tells most past the middle of the network (Azaria & Mitchell, "The Internal State
of an LLM Knows When It's Lying", 2023, https://arxiv.org/abs/2304.13734). The values of attention in those layers are a
linear image of their hidden states, and they are there for nothing: an engine that saves computed state can read them
(`service.llm.saved_state`). `service.evaluation.fit_probe` fits the weights.

Which way that is differs from one corpus to the next: fitted to one it told nothing of 33 questions on others (area
under the curve 0.57). So such a probe is used over the documents that it was fitted on, and nowhere else.
One of single passages, fitted on hundreds of subjects, is for any (`service.passagewise`).
"""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

FURTHEST = 8.0
"""Log-odds beyond which a probe says no more."""


@dataclass(frozen=True, slots=True)
class Probe:
    """A logistic model of the values that `service.llm.types.Leaning` has, or of its logits."""

    bias: float
    weights: tuple[float, ...]
    documents: frozenset[str] = frozenset()
    """Digests of the documents that it was fitted on."""

    def knows(self, corpus: Mapping[str, int]) -> bool:
        """Whether most passages of a corpus, counted by the digest of their document, are of its documents."""
        return 2 * sum(count for digest, count in corpus.items() if digest in self.documents) > sum(corpus.values())

    def value(self, values: Sequence[float]) -> float | None:
        """The log-odds that the passages answer, -1 to 1 for -FURTHEST to FURTHEST; None for another number of
        values."""
        if len(values) != len(self.weights):
            return None
        odds = self.bias + float(np.dot(np.asarray(values), np.asarray(self.weights)))
        return float(np.clip(odds, -FURTHEST, FURTHEST)) / FURTHEST

    def table(self) -> dict[str, Any]:
        """As a gate file holds it."""
        packed = base64.b64encode(np.asarray(self.weights, "<f4").tobytes()).decode("ascii")
        return {
            "documents": sorted(self.documents),
            "bias": self.bias,
            "values": len(self.weights),
            "weights_f4_base64": packed,
        }

    @classmethod
    def of(cls, table: Mapping[str, Any]) -> "Probe":
        """
        Raises:
            ValueError, KeyError, TypeError: it is not what `table` gives.
        """
        weights = np.frombuffer(base64.b64decode(table["weights_f4_base64"], validate=True), "<f4")
        if len(weights) != table["values"] or not np.isfinite(weights).all():
            raise ValueError(f"{len(weights)} weights for {table['values']} values")
        documents = frozenset(map(str, table["documents"]))
        return cls(float(table["bias"]), tuple(weights.astype(np.float64).tolist()), documents)
