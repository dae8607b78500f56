"""Risk against coverage: where a threshold lies on the curve, and how well confidences order what they judge.

Method: El-Yaniv & Wiener, "On the Foundations of Noise-free Selective Classification", JMLR 2010.
"""

import numpy as np
from numpy.typing import NDArray

from service.evaluation.logistic import Floats


def threshold_for(confidence: Floats, answerable: NDArray[np.bool_], coverage: float) -> float:
    """The highest threshold that lets at least this share of the answerable through."""
    known = np.sort(confidence[answerable])
    refused = int(len(known) * (1.0 - coverage) + 1e-9)
    return round(float(known[refused]) - 1e-4, 4)


def threshold_at_risk(confidence: Floats, answerable: NDArray[np.bool_], risk: float) -> float:
    """The lowest threshold from which on at most this share of what is let through is unanswerable.

    Above all confidences where none is so good: everything is refused rather than the risk exceeded.
    """
    order = np.argsort(-confidence, kind="stable")
    wrong = np.cumsum(~answerable[order]) / np.arange(1, len(order) + 1)
    last = np.append(confidence[order][1:] < confidence[order][:-1], True)  # ties go through together
    good = np.flatnonzero((wrong <= risk) & last)
    return round(float(confidence[order][good[-1]]) - 1e-4, 4) if len(good) else 0.9999


def aurc(confidence: Floats, answerable: NDArray[np.bool_]) -> float:
    """Area under the risk–coverage curve: the mean risk over all coverages, the most confident answered first."""
    order = np.argsort(-confidence, kind="stable")
    return float((np.cumsum(~answerable[order]) / np.arange(1, len(order) + 1)).mean())


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
        "aurc": round(aurc(confidence, answerable), 4),
        "balanced_accuracy": round(1.0 - (false_refusals + false_answers) / 2.0, 4),
        "false_refusals": round(false_refusals, 4),
        "false_answers": round(false_answers, 4),
    }
