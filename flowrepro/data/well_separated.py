"""Sets of min2024, labels +1 and -1: y_i y_j <x_i, x_j> > 0 for all pairs (its Assumption 1) where
nothing else is said.
"""

from __future__ import annotations

import numpy as np

from flowrepro.core.trajectory import Dataset
from flowrepro.errors import DataError, UsageError

PAPER = "min2024"
MARGIN = 0.02
"""Least mu = min_{i,j} y_i y_j cos(x_i, x_j) of `separated_clusters`."""
MOST_DRAWS = 1_000


def _plane(
    positive: list[tuple[float, float]], negative: list[tuple[float, float]], note: str
) -> Dataset:
    """Points of the plane, positive ones first: X (n, 2)."""
    return Dataset(
        np.array(positive + negative),
        np.repeat([1.0, -1.0], [len(positive), len(negative)]),
        f"{note} ({PAPER})",
    )


def sketch_points() -> Dataset:
    """One positive and two negative points as in the sketch of Figure 1 (min2024; the coordinates
    are ours).
    """
    return _plane([(0.8, 0.6)], [(-0.9, 0.3), (-0.6, -0.7)], "three points of the sketch, Figure 1")


def six_points() -> Dataset:
    """Three positive and three negative points, mu = 0.19996 (min2024, Figure 6; its coordinates
    are not printed, these are ours).
    """
    return _plane(
        [(1.5, 0.3), (1.4, 0.7), (1.2, 1.0)],
        [(-0.75, 0.6), (-0.9, 0.5), (-0.8, 0.3)],
        "six points, Figure 6",
    )


def two_positive_points(theta: float = 0.1) -> Dataset:
    """(1, 0) and (sin theta, cos theta), both +1, mu = sin theta (min2024, Figures 7, 8 and 9:
    theta = 0.1, 0.001 and 0).

    theta = 0 gives exactly (0, 1), orthogonal to (1, 0), which Assumption 1 excludes.
    """
    if not 0 <= theta <= np.pi / 2:
        raise UsageError(
            "data.options.theta must lie in [0, pi/2], where mu = sin theta is not negative, not "
            f"{theta}"
        )
    return _plane(
        [(1.0, 0.0), (float(np.sin(theta)), float(np.cos(theta)))],
        [],
        f"two positive points with mu = sin {theta:g}, Figures 7 to 9",
    )


def held_points() -> Dataset:
    """(1, 0) with y = -1 and (0.5, 1) with y = +1, which violate Assumption 1 (min2024, Figure 18;
    the coordinates are ours).
    """
    return Dataset(
        np.array([(1.0, 0.0), (0.5, 1.0)]),
        np.array([-1.0, 1.0]),
        f"two points that hold a neuron between them, Figure 18 ({PAPER})",
    )


def separated_clusters(
    seed: int = 0, n: int = 12, d: int = 10, angle: float = 60.0, sigma: float = 0.5
) -> Dataset:
    """Two Gaussian clusters whose centres are 180 - ``angle`` degrees apart: X (n, d), half of them
    positive, mu > MARGIN.

    Centres c_+ = e_1 and c_- = -cos(angle) e_1 + sin(angle) e_2; x = r (c + sigma g / sqrt(d)), g
    Gaussian, r uniform in [0.7, 1.3]. All points are drawn again until mu > MARGIN. The sets of the
    plane make min2024's rank bounds trivial, these do not.
    """
    if not (n >= 2 and d >= 2):
        raise UsageError(f"data.options.n and d must be at least 2, not {n} and {d}")
    rng = np.random.default_rng(seed)
    y = np.repeat([1.0, -1.0], [n // 2, n - n // 2])
    centres = np.zeros((n, d))
    centres[y > 0, 0] = 1.0
    centres[y < 0, :2] = -np.cos(np.radians(angle)), np.sin(np.radians(angle))
    for _ in range(MOST_DRAWS):
        X = centres + sigma * rng.standard_normal((n, d)) / np.sqrt(d)
        X *= rng.uniform(0.7, 1.3, n)[:, None]
        Z = y[:, None] * X / np.linalg.norm(X, axis=1, keepdims=True)
        if np.min(Z @ Z.T) > MARGIN:
            return Dataset(
                X,
                y,
                f"{n} points of two well separated clusters in dimension {d}, seed {seed} "
                f"({PAPER}, Assumption 1)",
            )
    raise DataError(
        f"{MOST_DRAWS} draws gave no set with mu > {MARGIN}: lower data.options.sigma or angle"
    )
