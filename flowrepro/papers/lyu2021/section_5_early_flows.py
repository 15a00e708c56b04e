r"""Flows of Phases I and II on symmetric points, in flow time (Section 5, Appendices D and E).

Phase I ends at T1(r) = ln(r / (sqrt(m) sigma M)) / lambda_0 near r b_k (mu, 1). Phase II is the
flow of two neurons embedded into m, which starts at T2(r) = ln(1/r) / lambda_0 and is linear until
t0. All points are scaled to ||x|| <= 1.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from flowrepro.core.trajectory import Dataset
from flowrepro.data.labels import require_signs
from flowrepro.engines.log_domain import Classification, integrate
from flowrepro.papers.lyu2021 import PAPER
from flowrepro.papers.lyu2021.section_3_flows import SYMMETRIC, SYMMETRIC_5D
from flowrepro.papers.lyu2021.shared import geometry
from flowrepro.papers.lyu2021.shared.geometry import Weights, draws
from flowrepro.papers.lyu2021.shared.power_iteration import (
    PowerIteration,
    embed,
    largest_norm,
    two_neurons,
)
from flowrepro.papers.study import Progress, option
from flowrepro.papers.topic import Topic

topic = Topic(PAPER, "Flows of Phases I and II")

TIMES = 12
"""Instants at which a phase is compared."""
FOLDS = 3.0
"""Growth before t0, in powers of e, over which the two-neuron flows are compared."""


@topic.study
def early_phases(
    data: Dataset,
    *,
    alpha: float = option(0.5, "slope of the leaky part", within=(0.01, 1.0)),
    m: int = option(3, "width", within=(1, 1000)),
    seeds: int = option(4, "starts", within=(1, 1000)),
    radii: list[float] = option([0.1, 0.03, 0.01], "r of Lemma 5.2", within=(1e-3, 1.0)),
    tiny: list[float] = option(
        [3e-3, 1e-3, 3e-4, 1e-4, 1e-6], "r of Theorem E.4", within=(1e-6, 0.5)
    ),
    scales: list[float] = option(
        [1e-2, 1e-3, 1e-4, 1e-5, 1e-6], "scales of Lemma 5.4", within=(1e-8, 1.0)
    ),
    late: float = option(4.0, "time after t0 of Lemma 5.4", within=(0.0, 100.0)),
    seed: int,
    progress: Progress,
) -> dict[str, np.ndarray]:
    """Flows from S starts, R radii r, B tiny radii and A scales.

    Returns bar_W (S, m, d), bar_a (S, m): the draws at scale 1;
    near_t, near_W, near_a (S, R, T, ...): the flow from r^3 / (sqrt(m) M) times the draw to T1(r);
    pair_t (S, T), pair_W, pair_a (S, B, T, ...): two-neuron flows at T2(r) + t from the tiny radii;
    copy_W, copy_a (S, T, ...): the flow of their embedding, from the first tiny radius;
    wide_W, wide_a (S, A, ...): flows of m neurons at T12 + t0 + late;
    twin_W (S, 2, d), twin_a (S, 2): the two-neuron limit then.
    From pair_t on all are nan for draws without a good embedding vector, and where even the flow
    from the largest tiny radius starts after t0.
    """
    require_signs(data)
    X = geometry.scaled(data.X)
    task, linear = Classification(X, data.y, alpha), PowerIteration.of(X, data.y, alpha)
    W, a = draws(seed, seeds, m, X.shape[1], "gaussian")
    kept = []
    for k in range(seeds):
        phases = _Phases(task, linear, W[k], a[k])
        kept.append(phases.near_zero(radii) | phases.near_pair(tiny, scales, late))
        progress(k + 1, seeds)
    stacked = {name: np.stack([found[name] for found in kept]) for name in kept[0]}
    return {"bar_W": W, "bar_a": a, **stacked}


class _Phases:
    """The flows from one draw (W, a) at scale 1."""

    def __init__(
        self, task: Classification, linear: PowerIteration, W: np.ndarray, a: np.ndarray
    ) -> None:
        self.task, self.linear, self.W, self.a = task, linear, W, a
        self.size = np.sqrt(len(a)) * largest_norm(W, a)

    def near_zero(self, radii: list[float]) -> dict[str, np.ndarray]:
        """Phase I."""
        times, runs = [], []
        for r in radii:
            scale = r**3 / self.size
            end = self.linear.growth_time(r / (self.size * scale))
            times.append(np.linspace(0.0, end, TIMES + 1)[1:])
            runs.append(self.flow(scale * self.W, scale * self.a, times[-1]))
        return {
            "near_t": np.stack(times),
            "near_W": np.stack([W for W, _ in runs]),
            "near_a": np.stack([a for _, a in runs]),
        }

    def near_pair(
        self, tiny: list[float], scales: list[float], late: float
    ) -> dict[str, np.ndarray]:
        """Phase II."""
        linear, b = self.linear, self.linear.embedding(self.W, self.a)
        if not (np.any(b > 0) and np.any(b < 0) and np.all(b != 0)):
            return self.nothing(len(tiny), len(scales))
        W, a = two_neurons(b, linear.direction)
        t0 = linear.linear_until(W, a)
        first = max(t0 - FOLDS / linear.rate, -0.9 * linear.growth_time(1 / max(tiny)))
        if not first < t0:
            return self.nothing(len(tiny), len(scales))
        t = np.linspace(first, t0, TIMES)
        pairs = [self.flow(r * W, r * a, linear.growth_time(1 / r) + t) for r in tiny]
        start = embed(b, tiny[0] * W, tiny[0] * a)
        copy = self.flow(*start, linear.growth_time(1 / tiny[0]) + t)
        then = np.array([linear.growth_time(1 / tiny[-1]) + (t0 + late)])
        twin = self.flow(tiny[-1] * W, tiny[-1] * a, then)
        wide = [self.wide(scale, t0 + late) for scale in scales]
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

    def nothing(self, tiny: int, scales: int) -> dict[str, np.ndarray]:
        """The arrays of Phase II, all nan."""
        heads = {"pair": (tiny, TIMES, 2), "copy": (TIMES, len(self.a)), "twin": (2,)}
        found = {"pair_t": np.full(TIMES, np.nan)}
        for name, head in (heads | {"wide": (scales, len(self.a))}).items():
            found[f"{name}_W"] = np.full((*head, self.W.shape[1]), np.nan)
            found[f"{name}_a"] = np.full(head, np.nan)
        return found

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
        kept = [run.index(t, "t") for t in times]
        return run.W[kept], run.a[kept]


QUICK: dict[str, Any] = {"quick": {"options.seeds": 2}}
EARLY_SYMMETRIC = early_phases.case(
    "early-symmetric",
    "Section 5: Phases I and II on symmetric points of the plane.",
    SYMMETRIC,
    **QUICK,
)
EARLY_SYMMETRIC_5D = early_phases.case(
    "early-symmetric-5d", "Section 5: Phases I and II in dimension 5.", SYMMETRIC_5D, **QUICK
)
