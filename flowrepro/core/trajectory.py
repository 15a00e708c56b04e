"""What an engine returns, for one seed or for many: loss, snapshots of all weights, observed
quantities, why it stopped.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Generic, TypeVar

import numpy as np

from flowrepro.core.config import StudyCase, TrainingCase


class StopReason(Enum):
    """Why a run ended; the value says what to do about it."""

    HORIZON = "the requested number of steps was made"
    TARGET_LOSS = "the loss fell below the target"
    MAX_STEPS = "the step cap was hit before the horizon; raise the cap or the tolerance"
    DIVERGED = "the loss became non-finite; lower the step size"
    STEP_UNDERFLOW = "the step size fell below the resolution of time; loosen the tolerance"
    MAX_EVENTS = (
        "the cap on activation events was hit before the horizon; raise the cap, loosen the "
        "tolerance or use a descent engine"
    )
    ZENO = (
        "activation events accumulate at one instant; loosen or tighten the tolerance, or perturb "
        "the start"
    )
    STATIONARY = "the weights do not move any more: a stationary point was reached"
    COMPLETE = "the study was computed"
    INTERRUPTED = "the run was interrupted; the same command resumes it"


REGULAR_STOPS = (
    StopReason.HORIZON,
    StopReason.TARGET_LOSS,
    StopReason.STATIONARY,
    StopReason.COMPLETE,
)
"""Every other reason is a numerical failure (exit code 4) or an interruption."""


@dataclass(frozen=True)
class Stop:
    """Reason, last step and flow time with a finite state, and a remedy with numbers where there is
    one.
    """

    reason: StopReason
    step: int
    t: float
    note: str = ""


def unique_until(stats: Mapping[str, Any]) -> float:
    """Flow time from which a run is one of several flows; inf for descents and unique flows."""
    until = stats.get("unique_until", math.inf)
    return float(until) if isinstance(until, int | float) else math.inf


@dataclass(frozen=True)
class Trajectory:
    """A recorded run.

    step : (T,) int64, steps at which the loss was recorded, increasing from 0.
    t : (T,) flow time, factor * lr * step (see network.py).
    loss : (T,) the objective that was descended (full batch).
    snapshot_step : (S,) int64; the first is 0, the last the step at which the run ended.
    W : (S, G, d) first layer, a : (S, G) second layer, of G representative neurons.
    group : (m,) int64, the representative of each neuron; arange(m) unless an engine merges
        neurons.
    observed : name -> (T, ...) quantities evaluated along the run.
    stats : counts of the engine (gradient evaluations, ...).
    events : activation events, where the engine locates them (`Engine.event_log`), else empty.
    log_rows : (S, G, d + 2) rows (ln r, w / r, a / r), r^2 = ||w||^2 + a^2, of runs that start
        below the smallest double (init.log10_scale), where W and a are rounded to 0; None for
        others.
    """

    step: np.ndarray
    t: np.ndarray
    loss: np.ndarray
    snapshot_step: np.ndarray
    W: np.ndarray
    a: np.ndarray
    group: np.ndarray
    stop: Stop
    observed: Mapping[str, np.ndarray] = field(default_factory=dict)
    stats: Mapping[str, Any] = field(default_factory=dict)
    events: Mapping[str, np.ndarray] = field(default_factory=dict)
    log_rows: np.ndarray | None = None

    def __post_init__(self) -> None:
        """ValueError unless the shapes are those above."""
        T, S = len(self.step), len(self.snapshot_step)
        fits = (
            self.t.shape == self.loss.shape == self.step.shape == (T,)
            and S > 0
            and self.W.shape[:2] == self.a.shape
            and self.W.ndim == 3
        )
        if (
            not fits
            or self.snapshot_step.shape != (S,)
            or len(self.a) != S
            or self.group.ndim != 1
            or not np.all(self.group < self.a.shape[1])
            or not (self.log_rows is None or self.log_rows.shape[:2] == self.a.shape)
        ):
            raise ValueError("arrays of a trajectory do not fit together")

    def at(self, step: int) -> tuple[np.ndarray, np.ndarray]:
        """(W (m, d), a (m,)) of all m neurons at a recorded snapshot;

        KeyError if there is none at that step.
        """
        index = np.flatnonzero(self.snapshot_step == step)
        if index.size == 0:
            raise KeyError(f"no snapshot at step {step}")
        return self.W[index[0]][self.group], self.a[index[0]][self.group]

    def has(self, step: int) -> bool:
        """Whether there is a snapshot at this step."""
        return bool(np.any(self.snapshot_step == step))

    @property
    def last_step(self) -> int:
        """Step of the last snapshot."""
        return int(self.snapshot_step[-1])

    def first_below(self, level: float) -> int | None:
        """First recorded step with loss < level, or None."""
        below = np.flatnonzero(self.loss < level)
        return int(self.step[below[0]]) if below.size else None


@dataclass(frozen=True)
class EnsembleTrajectory:
    """R recorded runs of one case that differ in the seed of the initial weights.

    seeds : (R,) int64.
    step : (T,) int64, t : (T,) flow time, loss : (R, T) the objective on a thinned grid that holds
        0 and the last step.
    levels : (L,) losses; first_below : (R, L) int64, the first of all steps with loss < level, -1
        where there is none.
    snapshot_step : (S,) int64, W : (R, S, m, d), a : (R, S, m): weights of every run at a few
        steps.
    stop : of the ensemble; DIVERGED where a member's loss became non-finite (the others are
        complete then).
    """

    seeds: np.ndarray
    step: np.ndarray
    t: np.ndarray
    loss: np.ndarray
    levels: np.ndarray
    first_below: np.ndarray
    snapshot_step: np.ndarray
    W: np.ndarray
    a: np.ndarray
    stop: Stop
    stats: Mapping[str, Any] = field(default_factory=dict)

    @property
    def last_step(self) -> int:
        """Step at which the runs ended."""
        return int(self.step[-1])

    def first_steps_below(self, level: float) -> np.ndarray:
        """(R,) float64, the first step with loss < level, inf where there is none;

        KeyError for a level that was not kept.
        """
        index = np.flatnonzero(self.levels == level)
        if index.size == 0:
            raise KeyError(f"no first steps below {level:g}")
        first = self.first_below[:, index[0]]
        return np.where(first >= 0, first, np.inf)

    def losses_at(self, step: int) -> np.ndarray:
        """(R,) losses at a recorded step; KeyError if it was not recorded."""
        index = np.flatnonzero(self.step == step)
        if index.size == 0:
            raise KeyError(f"no loss at step {step}")
        return self.loss[:, index[0]]

    def at(self, step: int) -> tuple[np.ndarray, np.ndarray]:
        """(W (R, m, d), a (R, m)) at a recorded snapshot;

        KeyError if there is none at that step.
        """
        index = np.flatnonzero(self.snapshot_step == step)
        if index.size == 0:
            raise KeyError(f"no snapshot at step {step}")
        return self.W[:, index[0]], self.a[:, index[0]]


@dataclass(frozen=True)
class Dataset:
    """Points X (n, d) and targets y (n,); ``note`` is one line on where they come from.

    ``extra`` holds arrays that figures need and training does not (the mean image of MNIST, ...).
    ``warnings`` are sentences about legal but degenerate points (duplicates, ...), shown before a
    run.
    """

    X: np.ndarray
    y: np.ndarray
    note: str
    extra: Mapping[str, np.ndarray] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()


Recorded = TypeVar("Recorded", Trajectory, EnsembleTrajectory)


@dataclass(frozen=True)
class Finished(Generic[Recorded]):
    """What was run, on which points, what was recorded, and by which engine."""

    case: TrainingCase
    dataset: Dataset
    trajectory: Recorded
    engine: str

    @property
    def X(self) -> np.ndarray:
        """Points, (n, d)."""
        return self.dataset.X

    @property
    def y(self) -> np.ndarray:
        """Targets, (n,)."""
        return self.dataset.y


class Run(Finished[Trajectory]):
    """A finished run with everything that claims and figures may ask for."""


class Ensemble(Finished[EnsembleTrajectory]):
    """A finished ensemble: one case, many seeds."""


@dataclass(frozen=True)
class Study:
    """What a study computed: named arrays of numbers, truth values or text;

    ``dataset`` is None for a study without points.
    """

    case: StudyCase
    dataset: Dataset | None
    arrays: Mapping[str, np.ndarray]

    @property
    def X(self) -> np.ndarray:
        """Points, (n, d)."""
        assert self.dataset is not None
        return self.dataset.X

    @property
    def y(self) -> np.ndarray:
        """Targets, (n,)."""
        assert self.dataset is not None
        return self.dataset.y
