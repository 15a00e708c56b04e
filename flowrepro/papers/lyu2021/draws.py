"""Random starts of lyu2021: D_init (Gaussian, output scale c_a = 1) and D~_init (balanced, fair coin for the sign)."""

from __future__ import annotations

import numpy as np

from flowrepro.errors import UsageError

Weights = tuple[np.ndarray, np.ndarray]
"""W (..., m, d) and a (..., m)."""


def draw(rng: np.random.Generator, m: int, d: int, init: str) -> Weights:
    """One draw at scale 1: W (m, d) standard Gaussian; a (m,) standard Gaussian, or +-||w_j|| for init = "balanced"."""
    if init not in ("gaussian", "balanced"):
        raise UsageError(f"options.init must be gaussian or balanced, not '{init}'")
    W, a = rng.standard_normal((m, d)), rng.standard_normal(m)
    return W, np.sign(a) * np.linalg.norm(W, axis=1) if init == "balanced" else a


def draws(seed: int, count: int, m: int, d: int, init: str) -> Weights:
    """``count`` draws, W (count, m, d), a (count, m): number s comes from default_rng([seed, s, m]), whatever ``count`` is."""
    pairs = [draw(np.random.default_rng([seed, s, m]), m, d, init) for s in range(count)]
    return np.stack([W for W, _ in pairs]), np.stack([a for _, a in pairs])


def probes(seed: int, d: int, count: int = 2000) -> np.ndarray:
    """Random unit vectors (count, d) at which functions are compared."""
    points = np.random.default_rng([seed, d, count]).standard_normal((count, d))
    return np.asarray(points / np.linalg.norm(points, axis=1, keepdims=True))
