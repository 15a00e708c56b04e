"""The state of a run at any time: dense output of the flow, records of a descent."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from flowrepro.engines.base import Problem
from flowrepro.engines.flow.flow import Integration
from flowrepro.engines.flow.state import cartesian
from flowrepro.errors import NumericalError


@dataclass(frozen=True)
class State:
    """Weights at one time, or at T times with a leading axis T.

    Attributes
    ----------
    t : flow time, a float or (T,).
    loss : the objective there, a float or (T,).
    W : ndarray, shape (m, d) or (T, m, d)
    a : ndarray, shape (m,) or (T, m)
        A weight below the smallest double is 0 here.
    log_weights : ndarray, shape (m, d + 2) or (T, m, d + 2)
        Rows (ln r, w / r, a / r), r^2 = ||w||^2 + a^2, which no scale makes underflow.
    """

    t: float | np.ndarray
    loss: float | np.ndarray
    W: np.ndarray
    a: np.ndarray
    log_weights: np.ndarray


class DenseOutput:
    """The flow of a problem at any times.

    It is integrated again from its start, or on from the last time asked for.
    """

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self._flow: Integration | None = None
        self._reached = 0.0

    def at(self, times: np.ndarray) -> State:
        """States at times (T,) that increase.

        Raises NumericalError where the flow ends before the last of them.
        """
        p = self.problem
        if self._flow is None or times[0] < self._reached:
            self._flow = Integration(
                p.X, p.y, p.W0, p.a0, p.loss, p.alpha, rtol=p.rtol, ln_scale=p.ln_scale
            )
        values, rows = self._flow.advance(times, keep=True)
        if len(values) < len(times):
            stop, self._flow = self._flow.failure(), None
            why = f"{stop.reason.value}; {stop.note}" if stop else "it was stopped"
            raise NumericalError(f"the flow ends before t={times[len(values)]:g}: {why}")
        self._reached = float(times[-1])
        W, a = cartesian(rows)
        return State(times, p.loss.factor * values, W, a, rows)
