"""Studies of the early phases in flow time: near zero, and near the embedded two-neuron dynamics (Section 5)."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from flowrepro.claims.options import require_ranges
from flowrepro.core.config import StudyCase
from flowrepro.core.trajectory import Dataset
from flowrepro.engines.log_domain import Classification, integrate
from flowrepro.papers.lyu2021 import geometry
from flowrepro.papers.lyu2021.draws import Weights, draws
from flowrepro.papers.lyu2021.power_iteration import (
    PowerIteration,
    embed,
    largest_norm,
    two_neurons,
)
from flowrepro.papers.topic import Progress

RANGES = {
    "alpha": (0.01, 1.0),
    "m": (1, 1000),
    "seeds": (1, 1000),
    "radii": (1e-3, 1.0),
    "tiny": (1e-6, 0.5),
    "scales": (1e-8, 1.0),
    "late": (0.0, 100.0),
}
TIMES = 12
"""Instants at which a phase is compared."""
FOLDS = 3.0
"""Growth before t0, in powers of e, over which the two-neuron flows are compared."""


def early_phases(
    case: StudyCase, dataset: Dataset | None, progress: Progress
) -> Mapping[str, np.ndarray]:
    """Flows on the points scaled to ||x|| <= 1, from S starts, R radii r and A scales.

    options : alpha, m, seeds, radii (r of Lemma 5.2), tiny (r of Theorem E.4), scales (of Lemma 5.4), late (time after t0).

    Returns bar_W (S, m, d), bar_a (S, m), the draws at scale 1;
    near_t, near_W, near_a (S, R, T, ...): from sigma = r^3 / (sqrt(m) M) times the draw, up to T1(r);
    pair_t, pair_W, pair_a (S, B, T, ...): two-neuron flows from the tiny radii at times T2(r) + t for t = pair_t (S, T), and
    copy_W, copy_a (S, T, ...): the flow of their embedding into m neurons at the first tiny radius;
    wide_W, wide_a (S, A, ...): m-neuron flows at T12 + t0 + late, and twin_W (S, 2, d), twin_a (S, 2): the two-neuron limit
    then. All of these are nan for draws without a good embedding vector and where even the largest tiny radius starts after t0.
    """
    assert dataset is not None
    options, X = case.options, geometry.scaled(dataset.X)
    require_ranges(options, RANGES)
    task = Classification(X, dataset.y, options["alpha"])
    W, a = draws(case.seed, options["seeds"], options["m"], X.shape[1], "gaussian")
    kept = []
    for k in range(len(a)):
        phases = _Phases(task, PowerIteration.of(X, dataset.y, options["alpha"]), W[k], a[k])
        kept.append(
            {
                **phases.near_zero(options["radii"]),
                **phases.near_pair(options["tiny"], options["scales"], options["late"]),
            }
        )
        progress(k + 1, len(a))
    return {
        "bar_W": W,
        "bar_a": a,
        **{name: np.stack([found[name] for found in kept]) for name in kept[0]},
    }


class _Phases:
    """The flows from one draw (W, a) at scale 1."""

    def __init__(
        self, task: Classification, linear: PowerIteration, W: np.ndarray, a: np.ndarray
    ) -> None:
        self.task, self.linear, self.W, self.a = task, linear, W, a
        self.size = np.sqrt(len(a)) * largest_norm(W, a)

    def near_zero(self, radii: list[float]) -> dict[str, np.ndarray]:
        times, runs = [], []
        for r in radii:
            scale = r**3 / self.size
            times.append(
                np.linspace(0.0, self.linear.growth_time(r / (self.size * scale)), TIMES + 1)[1:]
            )
            runs.append(self.flow(scale * self.W, scale * self.a, times[-1]))
        return {
            "near_t": np.stack(times),
            "near_W": np.stack([W for W, _ in runs]),
            "near_a": np.stack([a for _, a in runs]),
        }

    def near_pair(
        self, tiny: list[float], scales: list[float], late: float
    ) -> dict[str, np.ndarray]:
        b = self.linear.embedding(self.W, self.a)
        m, d = self.W.shape
        shapes = {
            "pair_t": (TIMES,),
            "pair_W": (len(tiny), TIMES, 2, d),
            "pair_a": (len(tiny), TIMES, 2),
            "copy_W": (TIMES, m, d),
            "copy_a": (TIMES, m),
            "wide_W": (len(scales), m, d),
            "wide_a": (len(scales), m),
            "twin_W": (2, d),
            "twin_a": (2,),
        }
        nothing = {name: np.full(shape, np.nan) for name, shape in shapes.items()}
        if not (np.any(b > 0) and np.any(b < 0) and np.all(b != 0)):
            return nothing
        pair = two_neurons(b, self.linear.direction)
        t0 = self.linear.linear_until(*pair)
        first = max(t0 - FOLDS / self.linear.rate, -0.9 * self.linear.growth_time(1 / max(tiny)))
        if not first < t0:
            return nothing
        t = np.linspace(first, t0, TIMES)
        pairs = [
            self.flow(r * pair[0], r * pair[1], self.linear.growth_time(1 / r) + t) for r in tiny
        ]
        copy = self.flow(
            *embed(b, tiny[0] * pair[0], tiny[0] * pair[1]),
            self.linear.growth_time(1 / tiny[0]) + t,
        )
        then = t0 + late
        twin = self.flow(
            tiny[-1] * pair[0],
            tiny[-1] * pair[1],
            np.array([self.linear.growth_time(1 / tiny[-1]) + then]),
        )
        wide = [self.wide(s, then) for s in scales]
        return {
            "pair_t": t,
            "pair_W": np.stack([W for W, _ in pairs]),
            "pair_a": np.stack([a for _, a in pairs]),
            "copy_W": copy[0],
            "copy_a": copy[1],
            "wide_W": np.stack([W for W, _ in wide]),
            "wide_a": np.stack([a for _, a in wide]),
            "twin_W": twin[0][-1],
            "twin_a": twin[1][-1],
        }

    def wide(self, scale: float, t: float) -> Weights:
        """The m neurons at T12 + t; nan for a scale at which that is before the start."""
        time = self.linear.growth_time(1 / (self.size * scale)) + t
        if time <= 0:
            return np.full_like(self.W, np.nan), np.full_like(self.a, np.nan)
        W, a = self.flow(scale * self.W, scale * self.a, np.array([time]))
        return W[-1], a[-1]

    def flow(self, W: np.ndarray, a: np.ndarray, times: np.ndarray) -> Weights:
        """Weights (T, m, d), (T, m) at the flow times."""
        run = integrate(self.task, W, a, times, method="flow-t", clock="t")
        cases = [run.index(t, "t") for t in times]
        return run.W[cases], run.a[cases]
