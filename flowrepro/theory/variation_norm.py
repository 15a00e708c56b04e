r"""The variation (F1) norm of a univariate function x -> f(x, 1), the bias being part of a neuron's
norm.

||f||_F1 = min sum_i |mu_i| over all ways to write f(x) = sum_i mu_i relu(<u_i, (x, 1)>) with unit
u_i (boursier2022 eq 8: the least ||theta||^2 / 2 of a network that computes f).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import linprog

SAME_KINK = 1e-9
"""Default distance up to which neighbouring kinks are one."""

_PRECISE = {"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10}


@dataclass(frozen=True)
class PiecewiseLinear:
    """f(x) = slope x + intercept + sum_i jumps_i relu(x - kinks_i); kinks (K,) increase."""

    kinks: np.ndarray
    jumps: np.ndarray
    slope: float
    intercept: float

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """Values at the points x (p,)."""
        hinges: np.ndarray = np.maximum(x[:, None] - self.kinks, 0.0) @ self.jumps
        return np.asarray(self.slope * x + self.intercept + hinges)

    def visible(self, least: float) -> np.ndarray:
        """Kinks at which the slope changes by more than ``least``."""
        return self.kinks[np.abs(self.jumps) > least]  # type: ignore[no-any-return]


def piecewise_linear(W: np.ndarray, a: np.ndarray, same_kink: float = SAME_KINK) -> PiecewiseLinear:
    """The function x -> sum_j a_j relu(w_j1 x + w_j2) of W (m, 2), a (m,).

    Neighbouring kinks at most ``same_kink`` apart become one, at their mean weighted by |jump|.
    """
    bent = W[:, 0] != 0
    constant = float(a[~bent] @ np.maximum(W[~bent, 1], 0.0))
    w, b, out = W[bent, 0], W[bent, 1], a[bent]
    order = np.argsort(-b / w)
    kinks, jumps, left = (-b / w)[order], (out * np.abs(w))[order], (w < 0)[order]
    slope, intercept = -float(jumps[left].sum()), float(jumps[left] @ kinks[left]) + constant
    starts = np.flatnonzero(np.diff(kinks, prepend=-np.inf) > same_kink)
    if starts.size:
        weight = np.add.reduceat(np.abs(jumps), starts)
        moment = np.add.reduceat(np.abs(jumps) * kinks, starts)
        kinks = np.where(weight > 0, moment / np.where(weight > 0, weight, 1.0), kinks[starts])
        jumps = np.add.reduceat(jumps, starts)
    return PiecewiseLinear(kinks, jumps, slope, intercept)


def affine_cost(slope: float, intercept: float) -> float:
    """F1 norm of x -> slope x + intercept: 2 hypot where |intercept| <= |slope| / sqrt 3, else sqrt
    3 |slope| + |intercept|.
    """
    u, v = _affine_dual(slope, intercept)
    return u * slope + v * intercept


def _affine_dual(slope: float, intercept: float) -> tuple[float, float]:
    """The (u, v) with u^2 + v^2 <= 4, |v| <= 1 that maximises u slope + v intercept."""
    if abs(intercept) <= abs(slope) / np.sqrt(3.0):
        size = float(np.hypot(slope, intercept))
        return (2 * slope / size, 2 * intercept / size) if size > 0 else (2.0, 0.0)
    return float(np.copysign(np.sqrt(3.0), slope)), float(np.copysign(1.0, intercept))


def variation_norm(f: PiecewiseLinear) -> float:
    """F1 norm, an upper bound within 1e-8 relative.

    sum_i sqrt(1 + t_i^2) |jump_i| + min over l in [0,1]^K of the affine cost of what is left when
    the share l_i of kink i is written with a neuron that faces left. What may be left is a polygon
    in the plane of (slope, intercept). Its corners are found as they are needed, each by one look
    at all kinks, so that the linear program has as many variables as corners: K = 10^6 takes
    seconds.
    """
    weights = np.sqrt(1.0 + f.kinks**2) * np.abs(f.jumps)
    bends = float(weights.sum())
    size = bends + affine_cost(f.slope, f.intercept)
    if size == 0.0 or not f.kinks.size:
        return size
    moves = np.stack([f.jumps, -f.jumps * f.kinks]) / size  # (2, K)
    origin = np.array([f.slope, f.intercept]) / size
    cuts = [
        (3**0.5, 1.0),
        (3**0.5, -1.0),
        (-(3**0.5), 1.0),
        (-(3**0.5), -1.0),
        (2.0, 0.0),
        (-2.0, 0.0),
    ]
    corners = [_lowest(origin, moves, np.array(cut)) for cut in cuts]
    best, least = np.inf, -np.inf
    for _ in range(200):
        U, S = np.array(cuts), np.stack(corners, axis=1)
        solution = linprog(
            np.append(np.zeros(S.shape[1]), 1.0),
            A_ub=np.column_stack([U @ S, -np.ones(len(U))]),
            b_ub=np.zeros(len(U)),
            A_eq=np.append(np.ones(S.shape[1]), 0.0)[None],
            b_eq=[1.0],
            method="highs",
            options=_PRECISE,
        )
        shares = np.clip(solution.x[:-1], 0.0, 1.0)
        left = S @ (shares / shares.sum())
        cost = affine_cost(left[0], left[1])
        dual = -solution.ineqlin.marginals @ U  # a mean of the cuts
        corner = _lowest(origin, moves, dual)
        best, least = min(best, cost), max(least, float(dual @ corner))
        if best - least <= 1e-9:
            break
        corners.append(corner)
        cuts.append(_affine_dual(left[0], left[1]))
    return bends + size * float(best)


def _lowest(origin: np.ndarray, moves: np.ndarray, direction: np.ndarray) -> np.ndarray:
    """The corner of {origin + moves l : l in [0,1]^K} that is lowest in a direction."""
    return np.asarray(origin + moves @ (direction @ moves < 0))


def least_variation_norm(X: np.ndarray, y: np.ndarray) -> float:
    r"""The least F1 norm of a function x -> f(x, 1) with f(X_k) = y_k; inf if none interpolates.

    X (n, 2). Computed from the dual, max <lam, y> s.t. |sum_k lam_k relu(<u, x_k>)| <= 1 for all
    unit u, by adding violated directions u: between two hyperplanes <u, x_k> = 0 the sum is <u, v>,
    so its extrema are known in closed form. A lower bound within 1e-8 relative.
    """
    size = float(np.abs(y).max(initial=0.0))
    return size * _dual(X, np.asarray(y, dtype=np.float64) / size)[0] if size > 0 else 0.0


def least_norm_interpolator(X: np.ndarray, y: np.ndarray) -> PiecewiseLinear:
    """A function of least F1 norm, within 1e-6 relative, with f(X_k) = y_k, X (n, 2), y (n,) not
    all zero.

    The multipliers of the dual's constraints are the masses of its neurons. A kink is an average
    over neighbouring directions, right to about 1e-4. ValueError if nothing interpolates.
    """
    size = float(np.abs(y).max(initial=0.0))
    value, U, masses = _dual(X, y / size)
    if not np.isfinite(value):
        raise ValueError("no function interpolates these points")
    return piecewise_linear(U[masses != 0], size * masses[masses != 0])


def _dual(X: np.ndarray, y: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
    """The dual of `least_variation_norm` for y of size 1: its value, and directions U (p, 2) with
    signed masses (p,) that interpolate.

    The value is inf, and no mass given, if nothing interpolates.
    """
    edges = _edges(X)
    U = np.vstack([edges, _unit(np.linspace(-np.pi, np.pi, 720, endpoint=False))])
    value, masses = np.inf, np.zeros(len(U))
    for _ in range(200):
        rows = np.maximum(U @ X.T, 0.0)
        solution = linprog(
            -y,
            A_ub=np.vstack([rows, -rows]),
            b_ub=np.ones(2 * len(rows)),
            bounds=(None, None),
            method="highs",
            options=_PRECISE,
        )
        if solution.status == 3:
            return float("inf"), U, np.zeros(len(U))
        masses = solution.ineqlin.marginals[len(U) :] - solution.ineqlin.marginals[: len(U)]
        violated, excess = _largest(X, solution.x, edges)
        value = -float(solution.fun) / max(1.0, excess)
        if excess <= 1.0 + 1e-8:
            break
        U, masses = np.vstack([U, violated]), np.append(masses, np.zeros(len(violated)))
    return value, U, masses


def _edges(X: np.ndarray) -> np.ndarray:
    """Unit directions on which some <u, x_k> vanishes, and the samples' own."""
    angles = np.arctan2(X[:, 1], X[:, 0])
    return _unit(np.concatenate([angles, angles + np.pi / 2, angles - np.pi / 2]))


def _unit(angles: np.ndarray) -> np.ndarray:
    return np.column_stack([np.cos(angles), np.sin(angles)])


def _largest(X: np.ndarray, lam: np.ndarray, edges: np.ndarray) -> tuple[np.ndarray, float]:
    """Unit directions (p, 2) with |sum_k lam_k relu(<u, x_k>)| > 1, and the largest value over all
    u.
    """
    angles = np.unique(np.arctan2(edges[:, 1], edges[:, 0]))
    middles = _unit(angles + np.diff(angles, append=angles[0] + 2 * np.pi) / 2)
    V = ((middles @ X.T > 0) * lam) @ X
    lengths = np.linalg.norm(V, axis=1, keepdims=True)
    V = V / np.where(lengths > 0, lengths, 1.0)
    candidates = np.vstack([edges, V, -V])
    values = np.abs(np.maximum(candidates @ X.T, 0.0) @ lam)
    return candidates[values > 1.0], float(values.max())
