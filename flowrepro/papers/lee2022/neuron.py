"""A run of one neuron as lee2022 reads it: norm, scalar and angle.

Beside it stands the same run on infinitely many points.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from flowrepro.claims.published import is_flow
from flowrepro.core.trajectory import Run
from flowrepro.engines.population import (
    PlanePath,
    PlaneStart,
    angle_between,
    population_descent,
    population_flow,
)

DEVIATIONS = 2.0
"""Deviation allowed to the norm of a finite sample, in units of max(v_0, v*) sqrt(1.25 / n).

sqrt(1.25 / n) is the standard deviation of <w, A w> / ||w||^2, which the bounds take to be 1/2
(measured: 1.3 at most in 432 runs).
"""


@dataclass(frozen=True)
class Clock:
    """Flow times t (T,), and the step size of the descent that passed them; 0 for the flow."""

    t: np.ndarray
    lr: float = 0.0

    def decay(self, rate: float) -> np.ndarray:
        """e^{-rate t} of the flow, (1 - rate lr)^(t / lr) of the descent (Theorem 4.1), (T,).

        0 < rate lr < 1.
        """
        if self.lr == 0:
            return np.asarray(np.exp(-rate * self.t))
        return np.asarray(np.exp(self.t / self.lr * np.log1p(-rate * self.lr)))

    def since(self, index: int) -> Clock:
        """The clock started anew at t[index], with the times from there on."""
        return Clock(self.t[index:] - self.t[index], self.lr)


@dataclass(frozen=True)
class Neuron:
    """What is measured on a run.

    start : depth, norms and angle at step 0. lr : flow time per step, 0 for the flow.
    shape : (n, d). step : (T,) steps of the snapshots. path : norm, scalar and angle there.
    """

    start: PlaneStart
    lr: float
    shape: tuple[int, int]
    step: np.ndarray
    path: PlanePath

    @classmethod
    def of(cls, run: Run) -> Neuron:
        """Of a run of one neuron whose data set holds the teacher."""
        teacher, trajectory = run.dataset.extra["teacher"], run.trajectory
        w, step = trajectory.W[:, 0], trajectory.snapshot_step
        lr = run.case.loss.factor * run.case.protocol.lr
        norm, theta = np.linalg.norm(w, axis=1), angle_between(w, teacher)
        path = PlanePath(lr * step, norm, trajectory.a[:, 0], theta)
        start = PlaneStart.of(w[0], teacher, run.case.model.depth)
        n, d = run.X.shape
        return cls(start, 0.0 if is_flow(run) else lr, (n, d), step, path)

    @property
    def m(self) -> int:
        """Scalars above the neuron, the m of the paper."""
        return self.start.depth - 1

    @property
    def teacher(self) -> float:
        """v* = ||w*||."""
        return self.start.teacher_norm

    @property
    def largest(self) -> float:
        """max(v_0, v*)."""
        return max(self.start.norm, self.teacher)

    @property
    def clock(self) -> Clock:
        """Times of the snapshots, for the bounds."""
        return Clock(self.path.t, self.lr)

    @property
    def sample_tolerance(self) -> float:
        """What a finite sample may do to a bound of the norm: 2 sqrt(1.25 / n) max(v_0, v*)."""
        return DEVIATIONS * float(np.sqrt(1.25 / self.shape[0])) * self.largest

    @property
    def step_tolerance(self) -> float:
        """What a step may do to a bound of the norm: lr max(v_0, v*)^(2m) v*.

        0 for one layer, whose bounds are exact for descent.
        """
        return self.lr * self.largest ** (2 * self.m) * self.teacher if self.m else 0.0

    def descent(self) -> PlanePath:
        """The same descent on the population loss; the flow where the run is the flow."""
        return _descent(self.start, self.lr, tuple(self.step.tolist())) if self.lr else self.flow()

    def flow(self) -> PlanePath:
        """Flow on the population loss from the same norms and angle at the same times."""
        return _flow(self.start, tuple(self.path.t.tolist()))

    def restarted(self, index: int, path: PlanePath) -> PlaneStart:
        """Norm and angle of ``path`` at a snapshot, as a start."""
        norm, theta = float(path.norm[index]), float(path.theta[index])
        return PlaneStart(self.start.depth, self.teacher, norm, theta)


@lru_cache(maxsize=16)
def _descent(start: PlaneStart, lr: float, steps: tuple[int, ...]) -> PlanePath:
    return population_descent(start, lr, np.array(steps))


@lru_cache(maxsize=16)
def _flow(start: PlaneStart, t: tuple[float, ...]) -> PlanePath:
    return population_flow(start, np.array(t))


def first_below(theta: np.ndarray, at: np.ndarray, angle: float) -> float:
    """at[i] for the first i with theta[i] < angle; inf if there is none."""
    below = np.flatnonzero(theta < angle)
    return float(at[below[0]]) if below.size else float("inf")


def sup_distance(path: PlanePath, other: PlanePath, teacher: float) -> tuple[float, float]:
    """sup |v - v'| / v* and sup |theta - theta'| along two paths on the same times."""
    norm, angle = np.abs(path.norm - other.norm), np.abs(path.theta - other.theta)
    return float(norm.max()) / teacher, float(angle.max())
