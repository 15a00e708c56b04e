"""StudyCase of how weak neurons outgrow a one-neuron network: the late-phase instability of the margin's KKT point (beyond the paper)."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product

import numpy as np

from flowrepro.claims.options import require_ranges
from flowrepro.core.config import StudyCase
from flowrepro.core.trajectory import Dataset
from flowrepro.engines.log_domain import Classification, integrate
from flowrepro.errors import DataError
from flowrepro.papers.lyu2021 import geometry
from flowrepro.papers.topic import Progress

RANGES = {"alphas": (0.01, 0.99), "ratio": (1e-12, 0.5), "q": (1e3, 1e14)}
BEGIN = 100.0
"""Margin at which the flows start."""
PER_DECADE = 10
MOST_SUPPORT = 12
"""Support vectors whose patterns are enumerated."""


def escape(
    case: StudyCase, dataset: Dataset | None, progress: Progress
) -> Mapping[str, np.ndarray]:
    """Two-neuron flows from the one-neuron network (w+, 1) with a weak second neuron in its fastest direction, for each slope.

    options : alphas, ratio ((a_2 / a_1)^2 at the start), q (last margin).

    Returns alpha (A,); rate, stray_rate (A,), growth rates of the main and of the weak neuron; sign (A,) of the weak one's
    output; level (L,), ratio (A, L), (a_2 / a_1)^2 at the margins, nan where not reached; gamma (A, L), normalised margin.
    """
    assert dataset is not None
    X, y, options = dataset.X, dataset.y, case.options
    require_ranges(options, RANGES)
    decades = np.log10(options["q"] / BEGIN)
    level = np.geomspace(2 * BEGIN, options["q"], max(2, round(PER_DECADE * decades)))
    kept = []
    for k, alpha in enumerate(options["alphas"], 1):
        plus = geometry.one_neuron(X, y, alpha)
        if plus is None:
            raise DataError(
                "the points are not linearly separable, so there is no one-neuron network to start from; take a separable set"
            )
        u, sign, stray = fastest_stray(X, y, alpha, plus.w, plus.duals / plus.duals.sum())
        W = np.stack([plus.w, np.sqrt(options["ratio"]) * u])
        a = np.array([1.0, sign * np.sqrt(options["ratio"])])
        size = np.sqrt(BEGIN / plus.margin)
        run = integrate(
            Classification(X, y, alpha), size * W, size * a, level, method="bdf", max_steps=20_000
        )
        cases = [
            int(found[0]) if (found := np.flatnonzero(run.q_min >= q * (1 - 1e-12))).size else None
            for q in level
        ]
        ratio = np.array([np.nan if r is None else (run.a[r, 1] / run.a[r, 0]) ** 2 for r in cases])
        gamma = np.array([np.nan if r is None else run.normalised_margin[r] for r in cases])
        kept.append(
            {
                "alpha": alpha,
                "rate": plus.margin,
                "stray_rate": stray,
                "sign": sign,
                "ratio": ratio,
                "gamma": gamma,
            }
        )
        progress(k, len(options["alphas"]))
    return {"level": level, **{name: np.array([entry[name] for entry in kept]) for name in kept[0]}}


def fastest_stray(
    X: np.ndarray, y: np.ndarray, alpha: float, w: np.ndarray, p: np.ndarray
) -> tuple[np.ndarray, float, float]:
    """(u, s, r) with the largest r = s sum_i p_i y_i phi(<u, x_i>) among local maxima over unit u other than (w, 1).

    Inside a pattern of the support vectors the sum is <v, u>, so v / ||v|| is a local maximum if it has that pattern.
    """
    support = np.flatnonzero(p > 0)
    if len(support) > MOST_SUPPORT:
        raise DataError(
            f"the one-neuron separator has {len(support)} support vectors, and {MOST_SUPPORT} can be enumerated; take fewer points"
        )
    best = (-w, -1.0, -np.inf)
    for slopes in product((alpha, 1.0), repeat=len(support)):
        for sign in (1.0, -1.0):
            v = sign * (np.array(slopes) * p[support] * y[support]) @ X[support]
            length = float(np.linalg.norm(v))
            consistent = length > 0 and np.all((X[support] @ v > 0) == (np.array(slopes) == 1.0))
            if consistent and length > best[2] and not (sign > 0 and v @ w > (1 - 1e-9) * length):
                best = (v / length, sign, length)
    return best
