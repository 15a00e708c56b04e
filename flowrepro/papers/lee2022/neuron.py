"""A run of one neuron as lee2022 reads it: norm, scalar and angle along it, and its companions on infinitely many points."""

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
from flowrepro.papers.lee2022.clock import Clock

DEVIATIONS = 2.0
"""Finite-sample deviation allowed to norms, in standard deviations sqrt(1.25 / n) of <w, A w> / ||w||^2, 1/2 for the population, in
units of max(v_0, v*) (measured: 1.3 at most in 432 runs)."""


@dataclass(frozen=True)
class Neuron:
    """What is measured on a run.

    start : depth, norms and angle at step 0. lr : flow time per step, 0 for the flow. shape : (n, d).
    step : (T,) steps of the snapshots. path : norm, scalar and angle there.
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
        step_time = run.case.loss.factor * run.case.protocol.lr
        path = PlanePath(
            step_time * step,
            np.linalg.norm(w, axis=1),
            trajectory.a[:, 0],
            angle_between(w, teacher),
        )
        start = PlaneStart.of(w[0], teacher, run.case.model.depth)
        return cls(
            start, 0.0 if is_flow(run) else step_time, (run.X.shape[0], run.X.shape[1]), step, path
        )

    @property
    def m(self) -> int:
        """Scalars above the neuron, the m of the paper."""
        return self.start.depth - 1

    @property
    def teacher(self) -> float:
        """v* = ||w*||."""
        return self.start.teacher_norm

    @property
    def clock(self) -> Clock:
        """Times of the snapshots, for the bounds."""
        return Clock(self.path.t, self.lr)

    @property
    def sample_tolerance(self) -> float:
        """What a finite sample may do to a bound of the norm, in the unit of the norm: 2 sqrt(1.25/n) max(v_0, v*).

        Its second moments act on w and on w*: the bounds take 1/2 for <w, A w> / ||w||^2, whose standard deviation is sqrt(1.25 / n).
        """
        n, _ = self.shape
        return DEVIATIONS * float(np.sqrt(1.25 / n)) * max(self.start.norm, self.teacher)

    @property
    def step_tolerance(self) -> float:
        """What a finite step may do to a bound of the norm: lr max(v_0, v*)^(2m) v*, 0 for one layer, whose bounds are exact for descent."""
        return (
            self.lr * max(self.start.norm, self.teacher) ** (2 * self.m) * self.teacher
            if self.m
            else 0.0
        )

    def descent(self) -> PlanePath:
        """Gradient descent on the population loss from the same norms and angle with the same step; the flow where the run is the flow."""
        return (
            self.flow()
            if self.lr == 0
            else _descent(self.start, self.lr, tuple(self.step.tolist()))
        )

    def flow(self) -> PlanePath:
        """Gradient flow on the population loss from the same norms and angle at the same times."""
        return _flow(self.start, tuple(self.path.t.tolist()))

    def restarted(self, index: int, path: PlanePath) -> PlaneStart:
        """Norm and angle of ``path`` at a snapshot, as a start."""
        return PlaneStart(
            self.start.depth, self.teacher, float(path.norm[index]), float(path.theta[index])
        )


@lru_cache(maxsize=16)
def _descent(start: PlaneStart, lr: float, steps: tuple[int, ...]) -> PlanePath:
    return population_descent(start, lr, np.array(steps))


@lru_cache(maxsize=16)
def _flow(start: PlaneStart, t: tuple[float, ...]) -> PlanePath:
    return population_flow(start, np.array(t))
