"""The neural tangent kernel of a two-layer ReLU network at given weights, and what training its
linearisation gives.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from flowrepro.core.network import activation, predict


def tangent_kernel(
    X: np.ndarray, Z: np.ndarray, W: np.ndarray, a: np.ndarray, alpha: float = 0.0
) -> np.ndarray:
    """K(x, z) = sum_j a_j^2 sigma'(<w_j,x>) sigma'(<w_j,z>) <x,z> + sigma(<w_j,x>) sigma(<w_j,z>),
    shape (n, p).

    X (n, d) and Z (p, d) are points; sigma'(0) = alpha.
    """
    left, right = X @ W.T, Z @ W.T
    slopes = np.where(left > 0, 1.0, alpha) * np.square(a) @ np.where(right > 0, 1.0, alpha).T
    return slopes * (X @ Z.T) + activation(left, alpha) @ activation(right, alpha).T  # type: ignore[no-any-return]


def kernel_interpolator(
    X: np.ndarray, y: np.ndarray, W: np.ndarray, a: np.ndarray, alpha: float = 0.0
) -> Callable[[np.ndarray], np.ndarray]:
    """x -> f_0(x) + K(x, X) K(X, X)^+ (y - f_0(X)), the limit of training the network linearised at
    (W, a).

    Directions in which K(X, X) vanishes to rounding are left as they are.
    """
    return _correction(X, y, W, a, alpha, lambda mu: 1.0 / mu)


def linearised_descent(
    X: np.ndarray,
    y: np.ndarray,
    W: np.ndarray,
    a: np.ndarray,
    rate: float,
    n_steps: int,
    alpha: float = 0.0,
) -> Callable[[np.ndarray], np.ndarray]:
    """The network linearised at (W, a) after n_steps of descent of a square loss.

    rate : lr * factor / n for a mean over n samples (lr * factor for a sum), so that a residual
        along an eigenvector of K(X, X) with eigenvalue mu shrinks by 1 - rate * mu per step.
    """
    return _correction(X, y, W, a, alpha, lambda mu: (1.0 - (1.0 - rate * mu) ** n_steps) / mu)


def _correction(
    X: np.ndarray,
    y: np.ndarray,
    W: np.ndarray,
    a: np.ndarray,
    alpha: float,
    filtered: Callable[[np.ndarray], np.ndarray],
) -> Callable[[np.ndarray], np.ndarray]:
    mu, V = np.linalg.eigh(tangent_kernel(X, X, W, a, alpha))
    kept = mu > 1e-13 * max(mu[-1], 0.0)
    mu, V = mu[kept], V[:, kept]
    coefficients = V @ (filtered(mu) * (V.T @ (y - predict(X, W, a, alpha))))
    return lambda Z: predict(Z, W, a, alpha) + tangent_kernel(Z, X, W, a, alpha) @ coefficients


def relative_movement(W0: np.ndarray, a0: np.ndarray, W: np.ndarray, a: np.ndarray) -> float:
    """||theta - theta_0|| / ||theta_0||; nan for theta_0 = 0."""
    start = np.hypot(np.linalg.norm(W0), np.linalg.norm(a0))
    return (
        float(np.hypot(np.linalg.norm(W - W0), np.linalg.norm(a - a0)) / start)
        if start > 0
        else float("nan")
    )
