"""Runs in the plane, one or many: losses and weights as arrays over R runs, and their drops."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.ndimage import maximum_filter1d

from flowrepro.claims.claim import NotApplicable
from flowrepro.core.config import Record
from flowrepro.core.trajectory import Ensemble, Run
from flowrepro.papers.min2024.shared.regions import outside

RECORD = Record(save_every=10, snapshots=(0, 3_000, 7_000, 9_000, 21_000))
"""What the runs in the plane keep: among others the iterations that the paper shows."""
DROP = 2e-4
"""Least fall of the loss in RECORD.save_every steps at the middle of a drop."""
DISTANCE = 200
"""Two drops of the loss are more than so many steps apart."""


class Runs(NamedTuple):
    """R runs: loss (R, T) at step (T,); W (R, S, m, d), a (R, S, m) at the steps kept (S,)."""

    X: np.ndarray
    y: np.ndarray
    step: np.ndarray
    loss: np.ndarray
    kept: np.ndarray
    W: np.ndarray
    a: np.ndarray

    @classmethod
    def of(cls, result: Run | Ensemble) -> Runs:
        """One run, or the members of an ensemble."""
        t = result.trajectory
        loss, W, a = t.loss, t.W, t.a
        if isinstance(result, Run):
            group = result.trajectory.group
            loss, W, a = loss[None], W[None][:, :, group], a[None][:, :, group]
        return cls(result.X, result.y, t.step, loss, t.snapshot_step, W, a)

    def weights(self, step: int) -> tuple[np.ndarray, np.ndarray]:
        """(W (R, m, d), a (R, m)) of an iteration; NotApplicable if not kept, or not finite."""
        at = np.flatnonzero(self.kept == step)
        if at.size == 0:
            raise NotApplicable(
                f"needs the weights of iteration {step}; --set record.snapshots=[{step}] keeps them"
            )
        W, a = self.W[:, at[0]], self.a[:, at[0]]
        if not (np.isfinite(W).all() and np.isfinite(a).all()):
            raise NotApplicable(f"the weights of iteration {step} are not all finite")
        return W, a

    def outside(self, step: int) -> np.ndarray:
        """(R,) live neurons that are in neither cone of their sign at an iteration."""
        return np.asarray(np.count_nonzero(outside(self.X, self.y, *self.weights(step)), axis=1))

    def loss_at(self, step: int) -> np.ndarray:
        """(R,) loss at the last record not after an iteration."""
        return np.asarray(self.loss[:, np.searchsorted(self.step, step, side="right") - 1])

    def drops(self) -> np.ndarray:
        """(R, T - 1) bool: the steepest records of the sharp drops, by DROP and DISTANCE.

        NotApplicable where the records have another distance.
        """
        every = RECORD.save_every
        if not np.all(np.diff(self.step) == every):
            raise NotApplicable(
                f"drops are measured between records every {every} iterations; "
                f"--set record.save_every={every}"
            )
        fall = -np.diff(self.loss, axis=1)
        highest = maximum_filter1d(fall, 2 * DISTANCE // every + 1, axis=1, mode="nearest")
        return np.asarray((fall == highest) & (fall > DROP))

    def drop_steps(self, wanted: int) -> np.ndarray:
        """(R, wanted) iterations of the drops; nan for a run with another number of drops."""
        steps = np.full((len(self.loss), wanted), np.nan)
        for own, found in zip(steps, self.drops(), strict=True):
            places = np.flatnonzero(found)
            if len(places) == wanted:
                own[:] = self.step[places]
        return steps
