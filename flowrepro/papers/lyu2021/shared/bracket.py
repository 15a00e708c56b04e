r"""The largest normalised margin of a set of points over all widths, between two bounds.

No hyperplane needs to separate the points. Where their arrangement is small, column generation
closes the bracket to 1e-8. Elsewhere, for any lam in the simplex,
gamma_max <= 1/2 max_{||u|| = 1, s} s sum_i lam_i y_i sigma(<u, x_i>). With sigma(z) =
(1 + alpha)/2 z + (1 - alpha)/2 |z| and Cauchy-Schwarz the maximum is at most

    (1 + alpha)/2 ||sum_i lam_i y_i x_i|| + (1 - alpha)/2 ||sum_i lam_i x_i x_i^T||^{1/2}

whatever the number of cells; lam are the multipliers of the linear separator, or those that a
search for better networks meets.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import comb
from typing import Any

import numpy as np

from flowrepro.errors import DataError, NumericalError, UsageError
from flowrepro.papers.lyu2021.shared.geometry import Weights
from flowrepro.theory.margin import normalised_margin
from flowrepro.theory.margin_global import improved_margin, largest_margin

MOST_PROBLEMS = 60_000
"""Small least-squares problems (hyperplanes times cells) of a closed bracket: a few seconds."""
MOST_WORK = 4e6
"""Problems times dimension times rounds: 200 rounds on 11 orthogonal points took two minutes."""
MOST_SEARCHED = 20_000
"""Coordinates of points for which better networks are searched where no bracket closes: seconds."""
CLOSED = 2e-8
"""Upper bound, relative to the largest point, at which a closed bracket is at 0."""


def margin_bracket(
    X: np.ndarray, y: np.ndarray, alpha: float, duals: np.ndarray, known: Sequence[Weights]
) -> dict[str, Any]:
    """largest_lower <= gamma_max <= largest_upper, a network (largest_W, largest_a) of the first.

    ``known`` are networks to start from; ``duals`` (n,) are >= 0, and 0 where none are known.
    largest_exact says whether the bracket was closed, and largest_reason why not. DataError where
    the closed bracket is at 0: no network separates the points.
    """
    margins = [normalised_margin(X, y, W, a, alpha) for W, a in known]
    best = int(np.nanargmax(margins))
    W, a = known[best]
    lam = duals if duals.any() else np.ones(len(y))
    lower, upper, exact, reason = margins[best], cheap_bound(X, y, alpha, lam), False, ""
    if affordable(X):
        try:
            found = largest_margin(X, y, alpha, rounds=affordable_rounds(X))
        except (NumericalError, UsageError, DataError) as fault:
            reason = str(fault)
        else:
            lower, upper, W, a, exact = found.lower, found.upper, found.W, found.a, True
    else:
        reason = f"{X.shape[0]} points in dimension {X.shape[1]} have too many cells to enumerate"
    if not exact and X.size <= MOST_SEARCHED:
        try:
            found = improved_margin(X, y, W, a, alpha)
        except NumericalError as fault:
            reason = f"{reason}; {fault}"
        else:
            upper = min(upper, found.upper)
            if found.lower > lower:
                lower, W, a = found.lower, found.W, found.a
    size = float(np.linalg.norm(X, axis=1).max())
    if exact and upper <= CLOSED * size:
        if not margins[best] > 0:
            raise DataError(
                f"no two-layer network without biases and with slope alpha = {alpha:g} separates "
                f"these points by more than {CLOSED:g} of the largest one; correct the labels of "
                "points that point the same way, or append a constant feature with --set bias=true"
            )
        (W, a), lower, upper = known[best], margins[best], max(upper, margins[best])
        exact, reason = False, f"it is below {CLOSED:g} of the largest point, too small to resolve"
    norm = np.sqrt(np.vdot(W, W) + a @ a)
    return {
        "largest_lower": lower,
        "largest_upper": upper,
        "largest_W": W / norm,
        "largest_a": a / norm,
        "largest_exact": exact,
        "largest_reason": np.array(reason),
    }


def cheap_bound(X: np.ndarray, y: np.ndarray, alpha: float, duals: np.ndarray) -> float:
    """The upper bound of the module's docstring."""
    lam = duals / duals.sum()
    spread = float(np.linalg.norm((lam[:, None] * X).T @ X, 2))
    linear = float(np.linalg.norm((lam * y) @ X))
    return float(0.5 * ((1 + alpha) / 2 * linear + (1 - alpha) / 2 * spread**0.5))


def affordable(X: np.ndarray) -> bool:
    """Whether the cells of the arrangement <u, x_i> = 0 are enumerated within MOST_PROBLEMS."""
    return problems(X) <= MOST_PROBLEMS


def affordable_rounds(X: np.ndarray) -> int:
    """Rounds of column generation within MOST_WORK, from 10 to 200."""
    return int(np.clip(MOST_WORK // (problems(X) * X.shape[1]), 10, 200))


def problems(X: np.ndarray) -> int:
    """Hyperplanes times cells of the arrangement <u, x_i> = 0 of points X (n, d)."""
    n, d = X.shape
    return int(2 * n * sum(comb(n - 1, k) for k in range(min(d, n))))
