r"""The square loss inside one activation pattern: a quadratic in u = (u_1, ..., u_m), u_j =
gain(a_j) w_j.

With s_jk = sigma'(<w_j, x_k>) and phi_k = (s_1k x_k, ..., s_mk x_k) of length m d, the residual of
sample k is e_k(u) = <phi_k, u> - y_k. About a centre c, with q = sum_k e_k(c) phi_k and G = sum_k
phi_k phi_k^T,

    sum_k e_k(u)^2 / 2 = level + <q, u - c> + <u - c, G (u - c)> / 2,      gradient  q + G (u - c).

Without a centre (c = 0) this is the normal-equation form, which loses all digits of a loss much
below mean y^2 / 2;
the centre follows the descent, so that a loss of 1e-20 has as many correct digits as that of a
dense evaluation.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from flowrepro.engines.compiled import compiled

RECENTRE = 1e-2
"""A loss below this share of the centre's level moves the centre: two of sixteen digits may cancel.
"""


class Samples(NamedTuple):
    """X (n, d), y (n,), row norms (n,) and the half sum of y^2."""

    X: np.ndarray
    y: np.ndarray
    norms: np.ndarray
    energy: float


class Quadratic(NamedTuple):
    """gram (m d, m d), slope q (m d,), centre c (m d,), level (1,);

    ``on`` (m, n) is the pattern it belongs to.
    """

    gram: np.ndarray
    slope: np.ndarray
    centre: np.ndarray
    level: np.ndarray
    on: np.ndarray


def gram_matrix(X: np.ndarray, on: np.ndarray, alpha: float) -> np.ndarray:
    """G = sum_k phi_k phi_k^T for the pattern ``on`` (m, n), by matrix products; shape (m d, m
    d).
    """
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
    """Fill ``gradient`` (m d,) at u and return the sum of the losses;

    ``away`` is scratch for u - c.
    """
    size = len(u)
    for i in range(size):
        away[i] = u[i] - quadratic.centre[i]
    cross = 0.0
    for i in range(size):
        row = quadratic.gram[i]
        total = 0.0
        for k in range(size):
            total += row[k] * away[k]
        gradient[i] = quadratic.slope[i] + total
        cross += away[i] * (quadratic.slope[i] + gradient[i])
    loss = quadratic.level[0] + 0.5 * cross
    return 0.0 if loss < 0.0 else loss


@compiled
def should_recentre(quadratic: Quadratic, loss: float, energy: float) -> bool:
    """Whether too many digits of the loss have cancelled, unless it is the rounding of y itself
    that is left.
    """
    return bool(loss < RECENTRE * quadratic.level[0] and quadratic.level[0] > 1e-30 * energy)


@compiled
def recentre(samples: Samples, quadratic: Quadratic, u: np.ndarray, alpha: float) -> None:
    """Make u the centre: level and slope by a pass over all samples; the Gram matrix stays."""
    m, d = len(quadratic.on), samples.X.shape[1]
    quadratic.centre[:] = u
    quadratic.slope[:] = 0.0
    level = 0.0
    for k in range(len(samples.y)):
        x = samples.X[k]
        residual = _residual(samples, quadratic, k, alpha)
        level += 0.5 * residual * residual
        for j in range(m):
            s = residual if quadratic.on[j, k] else alpha * residual
            if s != 0.0:
                for i in range(d):
                    quadratic.slope[j * d + i] += s * x[i]
    quadratic.level[0] = level


@compiled
def flip(samples: Samples, quadratic: Quadratic, j: int, k: int, alpha: float) -> None:
    """Change the activation of sample k in neuron j: phi_k changes by +-(1 - alpha) x_k in block j,
    e_k with it.
    """
    x, gram, slope = samples.X[k], quadratic.gram, quadratic.slope
    m, d = len(quadratic.on), len(x)
    before = _residual(samples, quadratic, k, alpha)
    was = 1.0 if quadratic.on[j, k] else alpha
    quadratic.on[j, k] = not quadratic.on[j, k]
    after = _residual(samples, quadratic, k, alpha)
    now = 1.0 if quadratic.on[j, k] else alpha
    # The difference of the squares as a product, which loses no digits.
    quadratic.level[0] += 0.5 * (after - before) * (after + before)
    for other in range(m):
        s = 1.0 if quadratic.on[other, k] else alpha
        force, coupling = (
            (now * after - was * before, now * now - was * was)
            if other == j
            else (s * (after - before), s * (now - was))
        )
        for i in range(d):
            slope[other * d + i] += force * x[i]
        if coupling == 0.0:
            continue
        for i in range(d):
            factor = coupling * x[i]
            row, mirror = gram[other * d + i], gram[j * d + i]
            for i2 in range(d):
                row[j * d + i2] += factor * x[i2]
            if other != j:
                for i2 in range(d):
                    mirror[other * d + i2] += factor * x[i2]


@compiled
def _residual(samples: Samples, quadratic: Quadratic, k: int, alpha: float) -> float:
    """e_k at the centre."""
    x = samples.X[k]
    d = len(x)
    residual = -float(samples.y[k])
    for j in range(len(quadratic.on)):
        s = 1.0 if quadratic.on[j, k] else alpha
        if s != 0.0:
            total = 0.0
            for i in range(d):
                total += x[i] * quadratic.centre[j * d + i]
            residual += s * total
    return residual
