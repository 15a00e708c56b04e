"""Initial weights. Every draw is float64 from ``numpy.random.default_rng(seed)``, in the order written here."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from flowrepro.errors import UsageError
from flowrepro.experiment import Init

Weights = tuple[np.ndarray, np.ndarray]


def balanced(rng: np.random.Generator, m: int, d: int) -> Weights:
    """g_j ~ N(0, I_d), then fair signs s_j: w_j = g_j, a_j = s_j ||g_j||   (boursier2022 eq 4)."""
    g = rng.standard_normal((m, d))
    s = np.where(rng.random(m) < 0.5, -1.0, 1.0)
    return g, s * np.linalg.norm(g, axis=1)


def gaussian(rng: np.random.Generator, m: int, d: int) -> Weights:
    """w_j ~ N(0, I_d), then a_j ~ N(0, 1), unbalanced   (min2024 Sec. 4; boursier2024's unbalanced variant)."""
    W = rng.standard_normal((m, d))
    return W, rng.standard_normal(m)


def dominated(rng: np.random.Generator, m: int, d: int) -> Weights:
    """w_j uniform in [-1, 1]^d, then a_j = s_j sqrt(d) with fair signs, so |a_j| >= ||w_j||   (boursier2024)."""
    W = rng.uniform(-1.0, 1.0, (m, d))
    s = np.where(rng.random(m) < 0.5, -1.0, 1.0)
    return W, s * np.sqrt(d)


def he(rng: np.random.Generator, m: int, d: int) -> Weights:
    """w_j ~ N(0, (2/d) I_d), then a_j ~ N(0, 2/m)   (He et al., the usual large initialisation)."""
    W = rng.standard_normal((m, d)) * np.sqrt(2.0 / d)
    return W, rng.standard_normal(m) * np.sqrt(2.0 / m)


INITS: dict[str, Callable[[np.random.Generator, int, int], Weights]] = {
    "balanced": balanced,
    "gaussian": gaussian,
    "dominated": dominated,
    "he": he,
}
"""Draws of unit scale; `initial_weights` multiplies them by `scale`. "file" is the one init that is not drawn."""


def effective_scale(init: Init, d: int) -> float:
    """scale / divide_by: the factor of the unit draw, the lambda (alpha, eps) of the papers."""
    divisor = {"1": 1.0, "sqrt(m)": np.sqrt(init.m), "sqrt(m*d)": np.sqrt(init.m * d)}[init.divide_by]
    return float(init.scale / divisor)


def initial_weights(init: Init, seed: int, d: int) -> Weights:
    """(W (m, d), a (m,)) in float64 for an init that is drawn; norms are taken before scaling, so none underflows."""
    if init.name not in INITS:
        raise UsageError(f"init.name must be one of {', '.join(INITS)}, or file through --init FILE, not '{init.name}'")
    W, a = INITS[init.name](np.random.default_rng(seed), init.m, d)
    scale = effective_scale(init, d)
    return scale * W, scale * a
