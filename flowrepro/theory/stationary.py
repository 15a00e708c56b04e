"""First- and second-order tests of stationary points of a two-layer network."""

from __future__ import annotations

import numpy as np

from flowrepro.core.config import Loss
from flowrepro.core.network import gradient, output_gradient, predict

HALF_MEAN_SQUARE = Loss(name="square", reduction="mean")
"""(1/2n) sum_k (f(x_k) - y_k)^2."""


def gradient_norm(
    X: np.ndarray,
    y: np.ndarray,
    W: np.ndarray,
    a: np.ndarray,
    loss: Loss = HALF_MEAN_SQUARE,
    alpha: float = 0.0,
) -> float:
    """Euclidean norm of the gradient in (W, a) with relu'(0) = 0."""
    gW, ga = gradient(X, y, W, a, loss, alpha)
    return float(np.hypot(np.linalg.norm(gW), np.linalg.norm(ga)))


def force(X: np.ndarray, g: np.ndarray, U: np.ndarray, alpha: float = 0.0) -> np.ndarray:
    """D(u) = -sum_k sigma'(<u, x_k>) g_k x_k for directions U (p, d), shape (p, d).

    g (n,) is d objective / d f_k: a neuron (w, a) moves by dw/dt = a D(w), da/dt = <D(w), w>.
    """
    slopes = np.where(U @ X.T > 0, 1.0, alpha)
    return -(slopes * g) @ X  # type: ignore[no-any-return]


def force_at(
    X: np.ndarray,
    y: np.ndarray,
    W: np.ndarray,
    a: np.ndarray,
    U: np.ndarray,
    loss: Loss = HALF_MEAN_SQUARE,
    alpha: float = 0.0,
) -> np.ndarray:
    """`force` on directions U (p, d) at the network (W, a)."""
    return force(X, output_gradient(loss, predict(X, W, a, alpha), y), U, alpha)
