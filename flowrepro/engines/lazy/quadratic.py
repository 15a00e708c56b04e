r"""The square loss inside one activation pattern: a quadratic in u = (u_1, ..., u_m), u_j = gain(a_j) w_j.

With s_jk = sigma'(<w_j, x_k>) and phi_k = (s_1k x_k, ..., s_mk x_k) of length m d, the residual of sample k is
e_k(u) = <phi_k, u> - y_k. About a centre c, with q = sum_k e_k(c) phi_k and G = sum_k phi_k phi_k^T,

    sum_k e_k(u)^2 / 2 = level + <q, u - c> + <u - c, G (u - c)> / 2,      gradient  q + G (u - c).

Without a centre (c = 0) this is the normal-equation form, which loses all digits of a loss much below mean y^2 / 2;
the centre follows the descent, so that a loss of 1e-20 has as many correct digits as that of a dense evaluation.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from flowrepro.engines.compiled import compiled

RECENTRE = 1e-2
"""A loss below this share of the centre's level moves the centre: two of sixteen digits may cancel."""


class Samples(NamedTuple):
    """X (n, d), y (n,), row norms (n,) and the half sum of y^2."""

    X: np.ndarray
    y: np.ndarray
    norms: np.ndarray
    energy: float


class Quadratic(NamedTuple):
    """gram (m d, m d), slope q (m d,), centre c (m d,), level (1,); ``on`` (m, n) is the pattern it belongs to."""

    gram: np.ndarray
    slope: np.ndarray
    centre: np.ndarray
    level: np.ndarray
    on: np.ndarray


def gram_matrix(X: np.ndarray, on: np.ndarray, alpha: float) -> np.ndarray:
    """G = sum_k phi_k phi_k^T for the pattern ``on`` (m, n), by matrix products; shape (m d, m d)."""
    slopes = np.where(on, 1.0, alpha)
    m, d = len(on), X.shape[1]
    gram = np.empty((m * d, m * d))
    for i in range(m):
        for j in range(i + 1):
            weights = slopes[i] * slopes[j]
            rows = np.flatnonzero(weights)
            block = (X[rows] * weights[rows, None]).T @ X[rows]
            gram[i * d : (i + 1) * d, j * d : (j + 1) * d] = block
            gram[j * d : (j + 1) * d, i * d : (i + 1) * d] = block.T
    return gram


@compiled
def evaluate(quadratic: Quadratic, u: np.ndarray, gradient: np.ndarray, away: np.ndarray) -> float:
    """Fill ``gradient`` (m d,) at u and return the sum of the losses; ``away`` is scratch for u - c."""
    size = len(u)
    for i in range(size):
        away[i] = u[i] - quadratic.centre[i]
    cross = 0.0
    for i in range(size):
        row = quadratic.gram[i]
        total = 0.0
        for l in range(size):
            total += row[l] * away[l]
        gradient[i] = quadratic.slope[i] + total
        cross += away[i] * (quadratic.slope[i] + gradient[i])
    loss = quadratic.level[0] + 0.5 * cross
    return 0.0 if loss < 0.0 else loss


@compiled
def should_recentre(quadratic: Quadratic, loss: float, energy: float) -> bool:
    """Whether too many digits of the loss have cancelled, unless it is the rounding of y itself that is left."""
    return loss < RECENTRE * quadratic.level[0] and quadratic.level[0] > 1e-30 * energy


@compiled
def recentre(samples: Samples, quadratic: Quadratic, u: np.ndarray, alpha: float) -> None:
    """Make u the centre: level and slope by a pass over all samples; the Gram matrix stays."""
    quadratic.centre[:] = u
    quadratic.slope[:] = 0.0
    quadratic.level[0] = 0.0
    for k in range(len(samples.y)):
        _contribute(samples, quadratic, k, 1.0, alpha, False)


@compiled
def flip(samples: Samples, quadratic: Quadratic, j: int, k: int, alpha: float) -> None:
    """Change the activation of sample k in neuron j."""
    _contribute(samples, quadratic, k, -1.0, alpha, True)
    quadratic.on[j, k] = not quadratic.on[j, k]
    _contribute(samples, quadratic, k, 1.0, alpha, True)


@compiled
def _contribute(samples: Samples, quadratic: Quadratic, k: int, sign: float, alpha: float, gram_too: bool) -> None:
    """Add (sign 1) or take away (sign -1) sample k."""
    x = samples.X[k]
    m, d = len(quadratic.on), len(x)
    residual = -samples.y[k]
    for j in range(m):
        s = 1.0 if quadratic.on[j, k] else alpha
        total = 0.0
        for i in range(d):
            total += x[i] * quadratic.centre[j * d + i]
        residual += s * total
    quadratic.level[0] += 0.5 * sign * residual * residual
    for j in range(m):
        s = 1.0 if quadratic.on[j, k] else alpha
        if s == 0.0:
            continue
        for i in range(d):
            quadratic.slope[j * d + i] += sign * s * residual * x[i]
        for j2 in range(m if gram_too else 0):
            s2 = s * (1.0 if quadratic.on[j2, k] else alpha)
            if s2 == 0.0:
                continue
            for i in range(d):
                row, factor = quadratic.gram[j * d + i], sign * s2 * x[i]
                for l in range(d):
                    row[j2 * d + l] += factor * x[l]
