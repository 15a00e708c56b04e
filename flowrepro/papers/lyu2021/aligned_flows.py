"""Studies of the early phase without symmetry: when the neurons enter the cone, and how the two signs grow from there (Appendix G.3)."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from flowrepro.claims.options import require_ranges
from flowrepro.core.config import StudyCase
from flowrepro.core.trajectory import Dataset, StopReason
from flowrepro.engines.log_domain import Classification, integrate
from flowrepro.errors import NumericalError
from flowrepro.papers.lyu2021 import geometry
from flowrepro.papers.lyu2021.draws import Weights, draws
from flowrepro.papers.topic import Progress

RANGES = {
    "alpha": (0.01, 1.0),
    "m": (1, 1000),
    "seeds": (1, 1000),
    "scales": (1e-100, 1e-3),
    "radii": (1e-5, 1.0),
    "ratio": (1e-6, 1e6),
}
GRID = 200
"""Instants of each of the two searches for T0: it is known to horizon / GRID^2."""
TIMES = 10
"""Instants from T0 to T0 + T1."""
MOST_STEPS = 20_000
"""Steps of one flow, ten times what these phases take."""
HORIZON = 1e6
"""Growth e^{lambda+ t} at which the search for T0 ends; the integrator's absolute tolerance resolves about 1e10."""


def aligned_growth(
    case: StudyCase, dataset: Dataset | None, progress: Progress
) -> Mapping[str, np.ndarray]:
    """Balanced flows on the points scaled to ||x|| <= 1, for S draws, A scales (T0) and R radii (growth).

    options : alpha, m, seeds, scales, radii, ratio (sigma = ratio r^3).

    Returns entry_t (S, A), T0 (nan if the cone is not reached), and entry_W, entry_a (S, A, ...), the weights then;
    grow_t (S, R, T), times from T0 on, 0 to T1(r), of the flow at scale ratio r^3; grow_W, grow_a (S, R, T, ...), its weights.
    """
    assert dataset is not None
    options, X = case.options, geometry.scaled(dataset.X)
    require_ranges(options, RANGES)
    task, alpha = Classification(X, dataset.y, options["alpha"]), options["alpha"]
    W, a = draws(case.seed, options["seeds"], options["m"], X.shape[1], "balanced")
    delta = float(geometry.cone_margins(X, dataset.y, alpha).min())
    rate = float(np.linalg.norm(geometry.one_neuron_mean(X, dataset.y, alpha, 1.0))) / 2
    kept = []
    for k in range(len(a)):
        search = _Entry(task, rate, delta, W[k], a[k])
        found = [search.at(scale) for scale in options["scales"]]
        grown = [search.grow(r, options["ratio"] * r**3) for r in options["radii"]]
        kept.append(
            {
                "entry_t": np.array([t for t, _ in found]),
                "entry_W": np.stack([state[0] for _, state in found]),
                "entry_a": np.stack([state[1] for _, state in found]),
                "grow_t": np.stack([t for t, _ in grown]),
                "grow_W": np.stack([state[0] for _, state in grown]),
                "grow_a": np.stack([state[1] for _, state in grown]),
            }
        )
        progress(k + 1, len(a))
    return {name: np.stack([arrays[name] for arrays in kept]) for name in kept[0]}


class _Entry:
    """Flows from one draw at several scales."""

    def __init__(
        self, task: Classification, rate: float, delta: float, W: np.ndarray, a: np.ndarray
    ) -> None:
        self.task, self.rate, self.delta, self.W, self.a = task, rate, delta, W, a

    def at(self, scale: float) -> tuple[float, Weights]:
        """T0, the first time with sgn(a_k) y_i <w_k, x_i> >= (delta / 3) ||w_k|| for all k, i, and the weights then; nan if there is none."""
        begin, states, span = (
            0.0,
            (scale * self.W, scale * self.a),
            float(np.log(HORIZON)) / self.rate,
        )
        for _ in range(2):
            times = np.linspace(0.0, span, GRID + 1)
            W, a = self.flow(*states, times)
            inside = np.flatnonzero(self.inside(W, a))
            if not inside.size:
                return np.nan, (np.full_like(self.W, np.nan), np.full_like(self.a, np.nan))
            index = max(int(inside[0]), 1)
            begin, states, span = (
                begin + float(times[index - 1]),
                (W[index - 1], a[index - 1]),
                float(times[1]),
            )
        return begin + span, (W[index], a[index])

    def inside(self, W: np.ndarray, a: np.ndarray) -> np.ndarray:
        """The cone test of eq (62) for weights (T, m, d), (T, m)."""
        heights = np.sign(a)[..., None] * self.task.y * (W @ self.task.X.T)
        return np.asarray(
            np.all(
                heights >= self.delta / 3 * np.linalg.norm(W, axis=-1, keepdims=True), axis=(1, 2)
            )
        )

    def grow(self, r: float, scale: float) -> tuple[np.ndarray, Weights]:
        """Times from T0 on, 0 to T1(r), (TIMES,), and the weights."""
        entry, states = self.at(scale)
        times = np.linspace(0.0, self.growth_time(r, scale), TIMES)
        if np.isnan(entry):
            return times, (
                np.full((TIMES, *self.W.shape), np.nan),
                np.full((TIMES, len(self.a)), np.nan),
            )
        return times, self.flow(*states, times)

    def growth_time(self, r: float, scale: float) -> float:
        """T1 = ln(r / (sqrt(m) sigma)) / lambda+."""
        return float(np.log(r / (np.sqrt(len(self.a)) * scale))) / self.rate

    def flow(self, W: np.ndarray, a: np.ndarray, times: np.ndarray) -> Weights:
        """Weights (T, m, d), (T, m) at the flow times, the first of which is 0."""
        run = integrate(
            self.task, W, a, times[1:], method="flow-t", clock="t", max_steps=MOST_STEPS
        )
        if run.stop is not StopReason.HORIZON:
            raise NumericalError(f"the early phase was not integrated to its end: {run.stop.value}")
        cases = [0, *(run.index(t, "t") for t in times[1:])]
        return run.W[cases], run.a[cases]
