"""Extreme vectors: the directions that small neurons turn to, and how fast they grow there."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from flowrepro.theory.alignment import class_sums


class ExtremeVector(NamedTuple):
    """A direction u (d,) with u parallel to s x_a(u), the norm of x_a(u), and whether the iteration settled."""

    u: np.ndarray
    pull: float
    settled: bool


def active_sum(X: np.ndarray, y: np.ndarray, u: np.ndarray) -> np.ndarray:
    """x_a(u) = sum over <x_i, u> > 0 of y_i x_i, shape (d,)   (min2024 eq. 5)."""
    active = X @ u > 0
    return (y * active) @ X  # type: ignore[no-any-return]


def extreme_vector(
    X: np.ndarray, y: np.ndarray, sign: int, max_iterations: int = 1000, tolerance: float = 1e-10
) -> ExtremeVector:
    """The extreme vector reached from x_+ (sign = 1) or x_- (sign = -1).

    Damped fixed point u <- normalised(u + s x_a(u) / ||x_a(u)||): at vanishing norm the direction of a neuron with
    sign(a_j) = s follows du/dt = s P_u x_a(u) (min2024 eq. 4), whose stable rest points have u = s x_a(u) / ||x_a(u)||.
    There, with a_j balancing ||w_j||, the neuron's norm grows like exp(eta k ||x_a(u)|| / n) over the steps k of a
    descent on the mean of a loss with slope 1 at f = 0.
    Not settled where the data of that class are missing, or where the iteration does not come to rest.
    """
    u = class_sums(X, y)[0 if sign > 0 else 1]
    if not np.any(u):
        return ExtremeVector(np.full(X.shape[1], np.nan), float("nan"), settled=False)
    X, u = X.astype(np.float64), u / np.linalg.norm(u)
    for _ in range(max_iterations):
        pull = active_sum(X, y, u)
        norm = float(np.linalg.norm(pull))
        if norm == 0.0:
            break
        ahead = u + sign * pull / norm
        ahead /= np.linalg.norm(ahead)
        if np.linalg.norm(ahead - u) <= tolerance:
            return ExtremeVector(ahead, norm, settled=True)
        u = ahead
    return ExtremeVector(u, float("nan"), settled=False)
