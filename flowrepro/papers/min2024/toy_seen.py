"""What is seen of one run, or of many seeds, of the experiments in the plane."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.ndimage import maximum_filter1d

from flowrepro.claims.old_claim import NotApplicable
from flowrepro.core.trajectory import Dataset, Ensemble, Run, Study
from flowrepro.papers.min2024.regions import outside
from flowrepro.papers.min2024.toy_cases import SIX_POINTS

RECORD = SIX_POINTS.record
DROP = 2e-4
"""Least fall of the loss in RECORD.save_every steps at the middle of a drop."""
APART = 200
"""Two drops of the loss are more than so many steps apart."""


class Seen(NamedTuple):
    """R runs: loss (R, T) at the iterations step (T,); W (R, S, m, d) and a (R, S, m) at the iterations kept (S,)."""

    X: np.ndarray
    y: np.ndarray
    step: np.ndarray
    loss: np.ndarray
    kept: np.ndarray
    W: np.ndarray
    a: np.ndarray

    @classmethod
    def of_run(cls, run: Run) -> Seen:
        """The one run."""
        t = run.trajectory
        return cls(
            run.X,
            run.y,
            t.step,
            t.loss[None],
            t.snapshot_step,
            t.W[None][:, :, t.group],
            t.a[None][:, :, t.group],
        )

    @classmethod
    def of_ensemble(cls, ensemble: Ensemble) -> Seen:
        """All members."""
        t = ensemble.trajectory
        return cls(ensemble.X, ensemble.y, t.step, t.loss, t.snapshot_step, t.W, t.a)

    @classmethod
    def of_findings(cls, findings: Study, dataset: Dataset, *, at: int | None = None) -> Seen:
        """The seeds of a study; ``at`` is the place of the data set among several."""
        loss, W, a = (
            findings.arrays[name] if at is None else findings.arrays[name][at]
            for name in ("loss", "W", "a")
        )
        return cls(
            dataset.X, dataset.y, findings.arrays["step"], loss, findings.arrays["kept"], W, a
        )

    def weights(self, step: int) -> tuple[np.ndarray, np.ndarray]:
        """(W (R, m, d), a (R, m)) of an iteration; NotApplicable if it was not kept."""
        at = np.flatnonzero(self.kept == step)
        if at.size == 0:
            raise NotApplicable(
                f"needs the weights of iteration {step}; --set record.snapshots=[{step}] keeps them"
            )
        return self.W[:, at[0]], self.a[:, at[0]]

    def outside(self, step: int) -> np.ndarray:
        """(R,) live neurons that are in neither cone of their sign at an iteration."""
        return np.asarray(np.count_nonzero(outside(self.X, self.y, *self.weights(step)), axis=1))

    def loss_at(self, step: int) -> np.ndarray:
        """(R,) loss at the last record not after ``step``."""
        return np.asarray(self.loss[:, np.searchsorted(self.step, step, side="right") - 1])

    def drops(self) -> np.ndarray:
        """(R, T - 1) bool: the steepest records of the sharp drops of the loss, by DROP and APART; NotApplicable on another grid."""
        gaps = np.diff(self.step)
        if not np.all(gaps == RECORD.save_every):
            raise NotApplicable(
                f"drops are measured between records every {RECORD.save_every} iterations; --set record.save_every={RECORD.save_every}"
            )
        fall = -np.diff(self.loss, axis=1)
        highest = maximum_filter1d(fall, 2 * APART // RECORD.save_every + 1, axis=1, mode="nearest")
        return np.asarray((fall == highest) & (fall > DROP))

    def drop_steps(self, wanted: int) -> np.ndarray:
        """(R, wanted) iterations of the steepest records of the first drops; nan in a row with another number of drops."""
        peaks = self.drops()
        steps = np.full((len(peaks), wanted), np.nan)
        for case, found in zip(steps, peaks, strict=True):
            places = np.flatnonzero(found)
            if len(places) == wanted:
                case[:] = self.step[places]
        return steps
