"""What a language model knows of whether its passages answer a question, read off its first token's logits.

A model that goes on to invent an answer has a last hidden state that tells all the same whether there is one; a linear
probe finds it (Slobodkin et al., "The Curious Case of Hallucinatory (Un)answerability", EMNLP 2023,
https://arxiv.org/abs/2310.11877). The logits are a linear image of that state, so that a sample of them will do, and
they are there for nothing. `service.evaluation.fit_probe` fits the weights.

Which way that is differs from one corpus to the next: fitted to one it told nothing of 33 questions on others (area
under the curve 0.57). So a probe is used over the documents that it was fitted on, and nowhere else.
"""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

SAMPLED = 3072
"""Logits read: twice as many as the default model has dimensions of its hidden state. With 1,000 of them the area under
the curve was 0.002 lower on average, with 6,000 no higher."""
FURTHEST = 8.0
"""Log-odds beyond which a probe says no more."""


@dataclass(frozen=True, slots=True)
class Probe:
    """A logistic model of logits, sampled as `service.llm.types.Leaning` has them."""

    bias: float
    weights: tuple[float, ...]
    documents: frozenset[str] = frozenset()
    """Digests of the documents that it was fitted on."""

    def knows(self, corpus: Mapping[str, int]) -> bool:
        """Whether most passages of a corpus, counted by the digest of their document, are of its documents."""
        return 2 * sum(count for digest, count in corpus.items() if digest in self.documents) > sum(corpus.values())

    def value(self, logits: Sequence[float]) -> float | None:
        """The log-odds that the passages answer, -1 to 1 for -FURTHEST to FURTHEST; None for another number of
        logits."""
        if len(logits) != len(self.weights):
            return None
        odds = self.bias + float(np.dot(np.asarray(logits), np.asarray(self.weights)))
        return float(np.clip(odds, -FURTHEST, FURTHEST)) / FURTHEST

    def table(self) -> dict[str, Any]:
        """As a gate file holds it."""
        packed = base64.b64encode(np.asarray(self.weights, "<f4").tobytes()).decode("ascii")
        return {
            "documents": sorted(self.documents),
            "bias": self.bias,
            "logits": len(self.weights),
            "weights_f4_base64": packed,
        }

    @classmethod
    def of(cls, table: Mapping[str, Any]) -> "Probe":
        """
        Raises:
            ValueError, KeyError, TypeError: it is not what `table` gives.
        """
        weights = np.frombuffer(base64.b64decode(table["weights_f4_base64"], validate=True), "<f4")
        if len(weights) != table["logits"] or not np.isfinite(weights).all():
            raise ValueError(f"{len(weights)} weights for {table['logits']} logits")
        documents = frozenset(map(str, table["documents"]))
        return cls(float(table["bias"]), tuple(weights.astype(np.float64).tolist()), documents)
