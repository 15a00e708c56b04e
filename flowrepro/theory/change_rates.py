"""How fast the norms and the directions of the neurons change under the full gradient."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from flowrepro.core.config import Loss
from flowrepro.core.network import gradient


def change_rates(
    X: np.ndarray, y: np.ndarray, loss: Loss
) -> Callable[[np.ndarray, np.ndarray], dict[str, np.ndarray]]:
    """What Figures 12 and 13 of min2024 follow along a run (Appendix A.5), as a function of (W (m,
    d), a (m,)).

    With G_j = -d objective / d w_j on all data:

    norms ()       sum_j 2 <G_j, w_j>, the change of sum_j ||w_j||^2 under the flow of the first
    layer
    directions ()  sum_j ||G_j - <G_j, w_j> w_j / ||w_j||^2|| / ||w_j||, the turning of all neurons;
    a zero neuron counts 0
    """
    used = np.flatnonzero(np.any(X != 0, axis=0))
    Z = np.ascontiguousarray(X[:, used])

    def observe(W: np.ndarray, a: np.ndarray) -> dict[str, np.ndarray]:
        G = -gradient(Z, y, W[:, used].astype(Z.dtype), a.astype(Z.dtype), loss)[0].astype(
            np.float64
        )
        W = W.astype(np.float64)
        along, squares = np.sum(G * W[:, used], axis=1), np.sum(W**2, axis=1)
        turning = np.sum(G**2, axis=1) - np.divide(
            along**2, squares, out=np.zeros_like(squares), where=squares > 0
        )
        speed = np.sqrt(
            np.divide(
                np.maximum(turning, 0.0), squares, out=np.zeros_like(squares), where=squares > 0
            )
        )
        return {"norms": np.array(2 * along.sum()), "directions": np.array(speed.sum())}

    return observe
