r"""When the one-neuron network is a local maximum of the margin (Assumption A.5, Theorem G.11).

S+ is the support of w+, and lam* are its multipliers: sum_i lam*_i y_i x_i^+ = gamma+ w+, with lam*
in the simplex on S+. For any lam of this simplex

    rate(lam) = max_{||u|| = 1} -sum_i lam_i y_i phi(<u, x_i>)

is the rate at which the fastest neuron of negative output grows. By Lemma G.10 the largest margin
of networks without positive outputs on S+ is min_lam rate(lam) / 2, so that Assumption A.5 says
min_lam rate(lam) < gamma+. Near (w+, 1)/sqrt 2 positive neurons act linearly on the points
y_i x_i^+, and neurons of negative output may point anywhere. The largest margin there is

    1/2 min_lam max{||sum_i lam_i y_i x_i^+||, rate(lam)}

and the one-neuron network is a local maximum exactly if this is gamma+/2: if rate(lam*) <= gamma+.
That is not Assumption A.5, whose minimum is at another lam.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.optimize import linprog

from flowrepro.core.network import activation
from flowrepro.errors import NumericalError, UsageError
from flowrepro.papers.lyu2021.shared import geometry
from flowrepro.papers.lyu2021.shared.geometry import Weights
from flowrepro.theory.margin import Separator
from flowrepro.theory.margin_global import cells, largest_margin, steepest

TIE = 1e-9
"""Relative height above gamma+ up to which a point belongs to S+."""
TOLERANCE = 1e-9
"""Relative width of the bracket of `nearby_margin`."""
MOST_ROUNDS = 200
"""Of its column generation."""


class Support(NamedTuple):
    """The points of S+, X (s, d), y (s,), their reweighted Z = y x^+ (s, d), and lam* (s,)."""

    X: np.ndarray
    y: np.ndarray
    Z: np.ndarray
    lam: np.ndarray
    best: Separator


def support(X: np.ndarray, y: np.ndarray, alpha: float, sign: float = 1.0) -> Support | None:
    """S+ and lam*; None where the reweighted points are not separable.

    For sign -1 those of w- after all labels and directions are flipped, which turns w- into w+
    (Assumptions A.8 and A.9).
    """
    X, y = sign * X, sign * y
    best = geometry.one_neuron(X, y, alpha)
    if best is None:
        return None
    Z = y[:, None] * geometry.reweighted(X, y, alpha, 1.0)
    on = (Z @ best.w <= best.margin * (1 + TIE)) | (best.duals > 0)
    return Support(X[on], y[on], Z[on], best.duals[on] / best.duals.sum(), best)


def negative_margin(own: Support, alpha: float) -> tuple[float, float]:
    """Certified bounds of the largest margin on S+ without positive outputs   (Lemma G.10).

    Assumption A.5 is that it is less than gamma+/2. Where all labels of S+ are positive it is
    alpha gamma+/2 (Section A.1), which is taken where S+ has too many cells. UsageError or
    NumericalError where it cannot be certified.
    """
    try:
        found = largest_margin(own.X, own.y, alpha, outputs=(-1.0,))
    except UsageError:
        if not np.all(own.y > 0):
            raise
        return (alpha * own.best.margin / 2,) * 2
    return found.lower, found.upper


def negative_rate(own: Support, alpha: float) -> tuple[float, np.ndarray]:
    """rate(lam*), and the unit vector u (d,) that attains it: the exact maximum over all cells.

    Where all labels of S+ are positive, phi(z) >= alpha z gives alpha gamma+, at u = -w+.
    """
    try:
        signs = cells(own.X)
    except UsageError:
        if not np.all(own.y > 0):
            raise
        return alpha * own.best.margin, -own.best.w
    rate, candidates = steepest(own.X, own.y, alpha, own.lam, signs, (-1.0,))
    return rate, candidates[0, :-1]


def nearby_margin(own: Support, alpha: float) -> tuple[float, float]:
    """Certified bounds of the largest margin near (w+, 1)/sqrt 2; column generation on lam.

    It does not use lam*, so it holds where the multipliers of w+ are not unique.
    """
    signs = cells(own.X)
    rows, lam, best = [own.Z @ own.best.w], own.lam, (-np.inf, np.inf)
    for _ in range(MOST_ROUNDS):
        pull = lam @ own.Z
        length = float(np.linalg.norm(pull))
        rate, candidates = steepest(own.X, own.y, alpha, lam, signs, (-1.0,))
        rows += [own.Z @ pull / max(length, np.finfo(float).tiny)]
        rows += [-own.y * activation(own.X @ u[:-1], alpha) for u in candidates]
        lower, lam = _mixture(np.array(rows))
        best = max(best[0], lower / 2), min(best[1], max(length, rate) / 2)
        if best[1] - best[0] <= TOLERANCE * best[1]:
            return best
    raise NumericalError(
        "the bounds of the largest margin near the one-neuron network did not meet in "
        f"{MOST_ROUNDS} rounds; take fewer points"
    )


def _mixture(rows: np.ndarray) -> tuple[float, np.ndarray]:
    """max_p min_i (p^T rows)_i over mixtures p of the rows (k, s), and its duals (s,)."""
    k, s = rows.shape
    solution = linprog(
        np.append(np.zeros(k), -1.0),
        A_ub=np.column_stack([-rows.T, np.ones(s)]),
        b_ub=np.zeros(s),
        A_eq=np.append(np.ones(k), 0.0)[None],
        b_eq=[1.0],
        bounds=[(0, None)] * k + [(None, None)],
        options={"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10},
    )
    p = np.maximum(solution.x[:-1], 0.0)
    lam = np.maximum(-solution.ineqlin.marginals, 0.0)
    return float((p / p.sum() @ rows).min()), lam / lam.sum()


def with_negative_neuron(own: Support, alpha: float, u: np.ndarray, share: float) -> Weights:
    """The network (W (2, d), a (2,)) near (w+, 1)/sqrt 2 with a neuron of negative output along u.

    The neuron holds ``share`` of the squared weights. The positive neuron moves by share * v across
    w+, where v balances the points of S+:

        v maximises min_i <v, y_i x_i^+> - y_i phi(<u, x_i>) / 2,   <v, w+> = 0

    The margin is gamma+/2 + share (rate - gamma+)/2 + O(share^2), with rate the sum at u.
    """
    s, d = own.X.shape
    gain = -own.y * activation(own.X @ u, alpha) / 2
    solution = linprog(
        np.append(np.zeros(d), -1.0),
        A_ub=np.column_stack([-own.Z, np.ones(s)]),
        b_ub=gain,
        A_eq=np.append(own.best.w, 0.0)[None],
        b_eq=[0.0],
        bounds=[(None, None)] * (d + 1),
    )
    pull = (1 - share) / 2 * own.best.w + share * solution.x[:-1]
    root = np.sqrt(np.linalg.norm(pull))
    W, a = np.stack([pull / root, np.sqrt(share / 2) * u]), np.array([root, -np.sqrt(share / 2)])
    size = np.sqrt(np.vdot(W, W) + a @ a)
    return W / size, a / size
