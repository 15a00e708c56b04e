r"""A bracket of the largest margin over all widths: closed to 1e-8 where the arrangement of the points is small, else what is proved cheaply.

For any lam in the simplex gamma_max <= 1/2 max_{||u|| = 1, s} s sum_i lam_i y_i sigma(<u, x_i>). With sigma(z) =
(1 + alpha)/2 z + (1 - alpha)/2 |z| and Cauchy-Schwarz the maximum is at most

    (1 + alpha)/2 ||sum_i lam_i y_i x_i|| + (1 - alpha)/2 ||sum_i lam_i x_i x_i^T||^{1/2},

whatever the number of cells; lam are the multipliers of the linear separator.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import comb
from typing import Any

import numpy as np

from flowrepro.errors import NumericalError, UsageError
from flowrepro.theory.margin import normalised_margin
from flowrepro.theory.margin_global import largest_margin

MOST_PROBLEMS = 60_000
"""Small least-squares problems that an arrangement may take, hyperplanes times cells (a few seconds)."""

Network = tuple[np.ndarray, np.ndarray]


def margin_bracket(
    X: np.ndarray, y: np.ndarray, alpha: float, duals: np.ndarray, known: Sequence[Network]
) -> dict[str, Any]:
    """largest_lower <= gamma_max <= largest_upper, the network (largest_W, largest_a) of margin largest_lower, and largest_exact.

    ``known`` are networks to start from, ``duals`` (n,) >= 0 not all zero; largest_exact says whether the bracket was closed by column generation.
    """
    margins = [normalised_margin(X, y, W, a, alpha) for W, a in known]
    best = int(np.nanargmax(margins))
    W, a = known[best]
    size = np.sqrt(np.vdot(W, W) + a @ a)
    open_bracket = {
        "largest_lower": margins[best],
        "largest_upper": cheap_bound(X, y, alpha, duals),
        "largest_W": W / size,
        "largest_a": a / size,
    }
    if not affordable(X):
        return {**open_bracket, "largest_exact": False}
    try:
        found = largest_margin(X, y, alpha)
    except (NumericalError, UsageError):
        return {**open_bracket, "largest_exact": False}
    return {
        "largest_lower": found.lower,
        "largest_upper": found.upper,
        "largest_W": found.W,
        "largest_a": found.a,
        "largest_exact": True,
    }


def cheap_bound(X: np.ndarray, y: np.ndarray, alpha: float, duals: np.ndarray) -> float:
    """The upper bound of the module's docstring."""
    lam = duals / duals.sum()
    spread = float(np.linalg.norm((lam[:, None] * X).T @ X, 2))
    return float(
        0.5
        * ((1 + alpha) / 2 * float(np.linalg.norm((lam * y) @ X)) + (1 - alpha) / 2 * spread**0.5)
    )


def affordable(X: np.ndarray) -> bool:
    """Whether the cells of the arrangement <u, x_i> = 0 can be enumerated within MOST_PROBLEMS."""
    n, d = X.shape
    cells = 2 * sum(comb(n - 1, k) for k in range(min(d, n)))
    return bool(n * cells <= MOST_PROBLEMS)
