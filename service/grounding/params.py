"""The fitted parameters of the verdict: a small JSON file with its provenance."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from indexes.errors import DamagedError
from service.grounding.features import FEATURES


@dataclass(frozen=True, slots=True)
class GroundingParams:
    """A logistic over FEATURES and two thresholds on its probability; `provenance` says what it was fitted on."""

    weights: Mapping[str, float]
    bias: float
    supported: float
    partial: float
    provenance: Mapping[str, Any]

    @classmethod
    def load(cls, path: Path | None = None) -> Self:
        """The shipped parameters, or those of `path`.

        Raises:
            DamagedError: the file is not one of `fit_grounding`, or was fitted for other features.
        """
        try:
            text = (
                path.read_text("utf-8")
                if path
                else files("service").joinpath("data", "grounding.json").read_text("utf-8")
            )
            table = json.loads(text)
            params = cls(table["weights"], table["bias"], table["supported"], table["partial"], table["provenance"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise DamagedError(
                f"{path or 'grounding.json'} holds no grounding parameters ({error}): fit them again."
            ) from None
        if set(params.weights) != set(FEATURES):
            raise DamagedError(f"{path or 'grounding.json'} was fitted for other features: fit it again.")
        return params

    def probability(self, values: NDArray[np.float64]) -> float:
        weights = np.array([self.weights[name] for name in FEATURES])
        return float(1.0 / (1.0 + np.exp(-np.clip(values @ weights + self.bias, -30.0, 30.0))))
