"""Studies of inequalities that hold at every point: random weights, and large starts from which the loss must vanish."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from flowrepro.claims.options import require_ranges
from flowrepro.core.config import StudyCase
from flowrepro.core.trajectory import Dataset
from flowrepro.engines.log_domain import Classification, integrate
from flowrepro.papers.lyu2021 import geometry
from flowrepro.papers.lyu2021.draws import draws
from flowrepro.papers.topic import Progress

RANGES = {
    "alpha": (0.0, 1.0),
    "m": (1, 1000),
    "points": (2, 1_000_000),
    "seeds": (1, 10_000),
    "scale": (1e-100, 1e3),
}
SIZES = (-4.0, 1.0)
"""log10 of the scales between which random weights are drawn."""


def inequalities(
    case: StudyCase, dataset: Dataset | None, progress: Progress
) -> Mapping[str, np.ndarray]:
    """Random weights W (P, m, d), a (P, m) of scales 10^U(SIZES), and Gaussian flows on the points scaled to ||x|| <= 1.

    options : alpha, m, points (P), seeds (S), scale.

    Returns W, a; start_W, start_a (S, ...), the starts; separated_t (S,), the flow time at which n L < ln 2, nan where it never is;
    signs (S, m), how often an output weight changed its sign between records.
    """
    assert dataset is not None
    options, X = case.options, geometry.scaled(dataset.X)
    require_ranges(options, RANGES)
    W, a = draws(case.seed, options["points"], options["m"], X.shape[1], "gaussian")
    sizes = 10 ** np.random.default_rng(case.seed).uniform(*SIZES, len(a))
    task = Classification(X, dataset.y, options["alpha"])
    start_W, start_a = draws(case.seed + 1, options["seeds"], options["m"], X.shape[1], "gaussian")
    start_W, start_a = options["scale"] * start_W, options["scale"] * start_a
    times, flips = np.full(len(start_a), np.nan), np.zeros(start_a.shape)
    for s in range(len(start_a)):
        run = integrate(
            task, start_W[s], start_a[s], [0.01, 0.1, 1.0, 10.0], method="rk4", max_steps=100_000
        )
        if run.separated is not None:
            times[s] = np.exp(run.ln_t[run.separated])
        flips[s] = np.sum(np.sign(run.a[1:]) != np.sign(run.a[:-1]), axis=0)
        progress(s + 1, len(start_a))
    return {
        "W": sizes[:, None, None] * W,
        "a": sizes[:, None] * a,
        "start_W": start_W,
        "start_a": start_a,
        "separated_t": times,
        "signs": flips,
    }
