"""Logistic regression with an L2 penalty, by Newton's method."""

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float64]


def logistic(x: Floats, y: Floats, penalty: float | Floats) -> Floats:
    """(1 + features,): the intercept, not penalised, and the weights of `x`, (examples, features).

    Args:
        y: 0 or 1 for each example; the classes weigh the same.
        penalty: of all weights, or of each.
    """
    design = np.hstack([np.ones((len(x), 1)), x])
    share = y.mean()
    weight = np.where(y > 0, 0.5 / share, 0.5 / (1.0 - share))
    ridge = np.diag(np.concatenate([[1e-6], np.broadcast_to(penalty, x.shape[1])]))
    solution = np.zeros(design.shape[1])
    for _ in range(50):
        p = 1.0 / (1.0 + np.exp(-np.clip(design @ solution, -40.0, 40.0)))
        gradient = design.T @ (weight * (y - p)) - ridge @ solution
        hessian = (design * (weight * p * (1.0 - p))[:, None]).T @ design + ridge
        step = np.linalg.solve(hessian, gradient)
        solution = solution + step
        if np.abs(step).max() < 1e-9:
            break
    return solution
