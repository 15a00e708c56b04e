r"""The constants of min2024, and the bounds made of them.

Of the points: mu, zeta_1, xi, X_min and X_max. Of the start: W_max, zeta_2 and eps. The weakest
angle is M = min(zeta_1, zeta_2, xi). With it the paper bounds

    a stay in a pattern of n_a active data:   4 / (M sqrt(mu) X_min n_a)          Appendix C.2
    the alignment time:   t1 <= 16 log n / (M sqrt(mu) X_min)                     Theorem 1
    the validity of eq. (4):   T = log(1 / (sqrt(h) eps)) / (4 n X_max)           Lemmas 1 and 3

Paper -> here: h -> m, eps -> e^ln_eps. Two misprints are corrected: zeta is the smaller of zeta_1
and zeta_2, and the first term of (28) has the factor 8.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from flowrepro.core.config import Data
from flowrepro.core.trajectory import Study
from flowrepro.theory.alignment import class_sums, cosines

SIX_POINTS = Data(name="six-points")
"""Six points of the plane that satisfy Assumption 1."""
CLUSTERS = Data(name="separated-clusters", options={"seed": 1})
"""Twelve points in ten dimensions that satisfy it; there the rank is not bounded by the plane."""


class PointConstants(NamedTuple):
    """Constants of points X (n, d) with labels +1 and -1.

    mu : min over i, j of y_i y_j cos(x_i, x_j), positive under Assumption 1; -1 if a point is zero.
    zeta1 : min over i and r in {x_+, x_-} of cos^2(r, x_i), the best constant of Lemma 8.
    xi : mu^2, the best constant of Lemma 9, as cos(., y_i x_i) is quasi-concave on the cone K of
        all y_i x_i.
    pull : (2,) ||x_+||, ||x_-||.
    """

    n: int
    n_class: tuple[int, int]
    mu: float
    x_min: float
    x_max: float
    zeta1: float
    xi: float
    pull: np.ndarray

    @property
    def log_n(self) -> float:
        """log n, 0 for one point, to which the bounds of the alignment time do not apply."""
        return float(np.log(self.n))

    @property
    def separation(self) -> float:
        """sqrt(mu) X_min."""
        return float(np.sqrt(self.mu) * self.x_min)


class StartConstants(NamedTuple):
    """Constants of a balanced start W(0) = eps W_0 with m neurons.

    ln_eps : ln of the scale, which may be -1e5.
    w_max, w_min : largest and smallest norm of a neuron in W_0.
    furthest : largest of cos(w_j, x_-) over V_+ and of cos(w_j, x_+) over V_-. Assumption 2 asks
        for < 1.
    zeta2 : 1 - max(0, furthest)^2.
    """

    m: int
    ln_eps: float
    w_max: float
    w_min: float
    furthest: float
    zeta2: float


def point_constants(X: np.ndarray, y: np.ndarray) -> PointConstants:
    """The constants of points X (n, d), y (n,)."""
    norms, sums = np.linalg.norm(X, axis=1), class_sums(X, y)
    mu, zeta1, xi = -1.0, 0.0, 0.0
    if np.all(norms > 0):
        Z = np.sign(y)[:, None] * X / norms[:, None]
        mu = float(np.min(Z @ Z.T))
        turned = np.concatenate([cosines(X, r) for r in sums if np.any(r)])
        zeta1, xi = float(np.min(turned**2, initial=1.0)), mu * abs(mu)
    return PointConstants(
        n=len(y),
        n_class=(int(np.count_nonzero(y > 0)), int(np.count_nonzero(y < 0))),
        mu=mu,
        x_min=float(norms.min()),
        x_max=float(norms.max()),
        zeta1=zeta1,
        xi=xi,
        pull=np.linalg.norm(sums, axis=1),
    )


def points_of(result: Study) -> PointConstants:
    """The constants of the points of a result."""
    return point_constants(result.X, result.y)


def start_constants(
    X: np.ndarray,
    y: np.ndarray,
    U: np.ndarray,
    ln_norm: np.ndarray,
    sign: np.ndarray,
    ln_eps: float,
) -> StartConstants:
    """The constants of a start with directions U (m, d), ln ||w_j(0)|| (m,) and sign(a_j) (m,)."""
    foreign = class_sums(X, y)[::-1]  # x_- for V_+, x_+ for V_-
    furthest = -1.0
    for s, r in zip((1.0, -1.0), foreign, strict=True):
        if np.any(r):
            furthest = float(np.max(cosines(U[sign == s], r), initial=furthest))
    shape = np.exp(ln_norm - ln_eps)
    return StartConstants(
        m=len(sign),
        ln_eps=ln_eps,
        w_max=float(shape.max()),
        w_min=float(shape.min()),
        furthest=furthest,
        zeta2=1.0 - max(0.0, furthest) ** 2,
    )


def weakest(points: PointConstants, start: StartConstants) -> float:
    """M = min(zeta_1, zeta_2, xi)."""
    return min(points.zeta1, start.zeta2, points.xi)


def stay_bound(points: PointConstants, start: StartConstants) -> float:
    """4 / (M sqrt(mu) X_min), the bound on a stay in a pattern with one active datum.

    A pattern with n_a active data lasts at most this over n_a (Appendix C.2).
    """
    return 4.0 / (weakest(points, start) * points.separation)


def alignment_bound(points: PointConstants, start: StartConstants) -> float:
    """16 log n / (M sqrt(mu) X_min), the bound on t1 for n >= 2 (Theorem 1, Appendix C.2)."""
    return 4.0 * points.log_n * stay_bound(points, start)


def ln_largest_scale(points: PointConstants, start: StartConstants) -> tuple[float, float]:
    """Logarithms of the two terms of (28), with 8 in the first one; the smaller bounds eps."""
    M, m = weakest(points, start), start.m
    approximation = (
        min(points.mu, M)
        * points.separation
        / (8 * np.sqrt(m) * points.n * points.x_max**2 * start.w_max**2)
    )
    return float(np.log(approximation)), -0.5 * float(
        np.log(m)
    ) - 4.0 * points.n * points.x_max * alignment_bound(points, start)


def ln_moderate_scale(points: PointConstants, start: StartConstants) -> float:
    """ln of 1 / (4 sqrt(m) X_max W_max^2), the scale that Lemmas 1 and 3 ask for."""
    return -float(np.log(4 * np.sqrt(start.m) * points.x_max * start.w_max**2))


def approximation_time(points: PointConstants, start: StartConstants) -> float:
    """T = log(1 / (sqrt(m) eps)) / (4 n X_max), until which Lemmas 1 and 3 hold."""
    return -(0.5 * float(np.log(start.m)) + start.ln_eps) / (4 * points.n * points.x_max)


def fit_bound(points: PointConstants, start: StartConstants, t1: float) -> np.ndarray:
    """Bounds (2,) on t2+ and t2- of (39); inf for a class without points."""
    counts = np.array(points.n_class, dtype=float)
    ln_ratio = float(
        np.log(2.0) - 2 * start.ln_eps - np.log(points.separation) - 2 * np.log(start.w_min)
    )
    with np.errstate(divide="ignore"):
        pace = 1.0 / (np.sqrt(points.mu) * counts * points.x_min)
    return np.asarray(t1 + pace * (6.0 + 4.0 * (ln_ratio + 4 * points.n * points.x_max * t1)))


def loss_rate(points: PointConstants) -> float:
    """alpha = (mu X_min)^2 / (32 X_max) of L(t) <= L(t2) / (1 + L(t2) alpha (t - t2))."""
    return (points.mu * points.x_min) ** 2 / (32 * points.x_max)
