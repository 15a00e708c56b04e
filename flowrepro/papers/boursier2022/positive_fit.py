"""The intermediate saddle of Figure 4: the best fit with positive output weights only."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import nnls


@dataclass(frozen=True)
class PositiveFit:
    """f = sum_i relu(<w_i, x>), w_i = masses_i (cos angles_i, sin angles_i), degrees; its MSE."""

    mse: float
    angles: np.ndarray
    masses: np.ndarray


def best_positive_fit(X: np.ndarray, y: np.ndarray) -> PositiveFit:
    """The saddle of Figure 4: least squares over all sum_j relu(<w_j, x>), X (n, 2), y (n,).

    Between two directions on which some <u, x_k> vanishes, u -> relu(X u) is linear. So the values
    on the data that such networks reach are the cone of the values at these at most 2n directions,
    and non-negative least squares is exact. Two neighbouring directions act on the data like the
    one neuron that is their sum.
    """
    normal = np.arctan2(X[:, 1], X[:, 0])[:, None] + np.array([np.pi / 2, -np.pi / 2])
    angles = np.sort(normal % (2 * np.pi), axis=None)
    angles = angles[np.diff(angles, prepend=-1.0) > 1e-12]
    gaps = np.diff(angles, append=angles[0] + 2 * np.pi)
    half = gaps > np.pi - 1e-9  # between opposite directions, if all points lie on one ray or line
    angles = np.sort(np.concatenate([angles, (angles + gaps / 2)[half] % (2 * np.pi)]))
    U = np.column_stack([np.cos(angles), np.sin(angles)])
    Z = X @ U.T
    active = Z / np.linalg.norm(X, axis=1, keepdims=True) > 1e-9  # below it is rounding
    masses, distance = nnls(np.where(active, Z, 0.0), y)
    W = _merged(masses[:, None] * U)
    return PositiveFit(distance**2 / len(y), angles_of(W), np.linalg.norm(W, axis=1))


def _merged(W: np.ndarray) -> np.ndarray:
    """The non-zero rows of W (p, 2), in order of angle, neighbours added in pairs."""
    present, groups, i = np.any(W != 0, axis=1), [], 0
    while i < len(W):
        paired = i + 1 < len(W) and present[i] and present[i + 1]
        if present[i]:
            groups.append(W[i] + W[i + 1] if paired else W[i])
        i += 2 if paired else 1
    return np.array(groups).reshape(-1, 2)


def angles_of(W: np.ndarray) -> np.ndarray:
    """Angle of each w (m, 2) in degrees, in [0, 360)."""
    return np.degrees(np.arctan2(W[:, 1], W[:, 0])) % 360.0  # type: ignore[no-any-return]
