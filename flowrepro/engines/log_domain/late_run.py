"""What is classified, and what a run in the log domain returns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from flowrepro.core.trajectory import StopReason
from flowrepro.engines.log_domain.kernel import LN_LN_2, Points
from flowrepro.errors import UsageError

Clock = Literal["q", "s", "t"]


@dataclass(frozen=True)
class Classification:
    """Points X (n, d) with labels y (n,) of +1 and -1, the slope ``alpha`` and the loss (formulas:
    ``network.py``).
    """

    X: np.ndarray
    y: np.ndarray
    alpha: float = 0.0
    loss: Literal["logistic", "exp"] = "logistic"
    reduction: Literal["mean", "sum"] = "mean"

    def __post_init__(self) -> None:
        if self.X.ndim != 2 or self.y.shape != (len(self.X),) or not np.all(np.abs(self.y) == 1):
            raise UsageError(
                "a classification needs X (n, d) and one label +1 or -1 per row, not arrays of "
                f"shape {self.X.shape} and {self.y.shape}"
            )

    @property
    def points(self) -> Points:
        """The form the kernel takes."""
        X = np.ascontiguousarray(self.X, dtype=np.float64)
        return Points(
            X,
            self.y.astype(np.float64),
            np.linalg.norm(X, axis=1),
            float(self.alpha),
            self.loss == "exp",
            self.ln_weight,
        )

    @property
    def ln_weight(self) -> float:
        """Ln of the weight in L = weight * sum_i l(q_i)."""
        return -float(np.log(len(self.y))) if self.reduction == "mean" else 0.0


@dataclass(frozen=True)
class LateRun:
    """A run of the gradient flow, or descent, of a classification loss, recorded in the log domain.

    Records (R,): the start, the first state with sum_i l(q_i) < ln 2 (from then on every sample is
    on its side), the requested levels, the end. A level that is never reached has no record,
    several passed in one step share one.

    step : (R,) accepted steps.   s : (R,) rescaled time, ds = (sum_i -dl/dq_i) dt * weight.
    ln_t : (R,) ln of the flow time of L (of the sum of step sizes for descent), -inf at t = 0.
    ln_loss : (R,) ln L.   q_min : (R,) min_i y_i f(x_i).   rho : (R,) Euclidean norm of all
        weights.
    normalised_margin : (R,) q_min / rho^2.   smoothed_margin : (R,) l^-1(L / weight) / rho^2, never
        above it.
    W : (R, m, d), a : (R, m).
    stop : why it ended; TARGET_LOSS or HORIZON mean that all levels were reached.
    stats : counts; from sum_i l(q_i) < ln 2 on also the steps that raised the loss or shrank the
        norm and the largest relative drop of the smoothed margin in one step (all zero along the
        flow, lyu2021 Theorem 3.1).
    """

    method: str
    step: np.ndarray
    s: np.ndarray
    ln_t: np.ndarray
    ln_loss: np.ndarray
    q_min: np.ndarray
    rho: np.ndarray
    normalised_margin: np.ndarray
    smoothed_margin: np.ndarray
    W: np.ndarray
    a: np.ndarray
    ln_weight: float
    stop: StopReason
    stats: Mapping[str, float]

    @property
    def separated(self) -> int | None:
        """Index of the first record with L < weight * ln 2, or None."""
        below = np.flatnonzero(self.ln_loss - self.ln_weight < LN_LN_2)
        return int(below[0]) if below.size else None

    def index(self, level: float, clock: Clock = "q") -> int:
        """The first record at or past ``level`` of min q, s or t; KeyError if there is none."""
        column = {"q": self.q_min, "s": self.s, "t": np.exp(np.minimum(self.ln_t, 700.0))}[clock]
        past = np.flatnonzero(column >= level * (1 - 1e-12))
        if past.size == 0:
            raise KeyError(f"no record at or past {clock} = {level:g}")
        return int(past[0])

    def at(self, level: float, clock: Clock = "q") -> tuple[np.ndarray, np.ndarray]:
        """(W (m, d), a (m,)) at `index`."""
        row = self.index(level, clock)
        return self.W[row], self.a[row]

    @property
    def final(self) -> tuple[np.ndarray, np.ndarray]:
        """(W (m, d), a (m,)) of the last record."""
        return self.W[-1], self.a[-1]
