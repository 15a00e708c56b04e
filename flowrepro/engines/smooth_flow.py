"""The gradient flow of large problems by an adaptive Runge-Kutta method that locates no activation
event.

With thousands of samples one activation change moves a neuron's velocity by O(1/n) of itself, less
than the tolerance:
locating each of the hundreds of thousands is pointless, and step control does not feel them. The
flow itself (sliding modes, exact events) is the subject of the engine "flow".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import ClassVar, Literal

import numpy as np
from numpy.polynomial import Chebyshev

from flowrepro.core.network import flow_time, objective, output_gradient
from flowrepro.core.trajectory import Stop, StopReason
from flowrepro.engines.base import Engine, Problem
from flowrepro.engines.flow.runge_kutta import DENSE, ERROR, STAGES

FINEST_FLOAT32 = 1e-6
"""Smallest tolerance with gradients in float32, whose rounding (some 1e-7) the error estimate would
take for an error.
"""
FEWEST = 50
"""Samples below which single activation events and sliding modes shape the flow (chosen)."""
MAX_STEPS = 100_000
LOSS_DEGREE = 8
"""ln L within a step is the polynomial of this degree in time through Chebyshev points: many
records cost no more than nine (measured on digits 1 and 0 at rtol 1e-3: 2e-4 at most from ln of the
objective at the interpolated weights, where GD is 1e-2 away).
"""


class SmoothFlow(Engine):
    """Dormand-Prince 5(4) on both layers (or the first), matrix products in the problem's dtype,
    the rest in float64.

    The error of a step is that of each neuron relative to its own sqrt(||w_j||^2 + a_j^2), rms over
    neurons, which tiny weights need; it is kept below ``problem.rtol``. The grid of steps does not
    depend on the save times, at which the weights are the method's fourth-order interpolant.
    Columns of X that are zero in every sample are left out, exactly.

    stats: gradient_evaluations, steps, rejected.
    """

    name: ClassVar[str] = "smooth-flow"
    kind: ClassVar[Literal["descent", "flow"]] = "flow"

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem)
        X = np.asarray(problem.X, dtype=problem.dtype)
        self._moving = np.flatnonzero(X.any(axis=0))
        self._X = np.ascontiguousarray(X[:, self._moving])
        self._hidden, self._scratch = (
            np.empty((len(X), len(problem.a0)), dtype=problem.dtype) for _ in range(2)
        )
        self._loss = replace(problem.loss, factor=1.0)
        self._end = np.column_stack([problem.W0[:, self._moving], problem.a0]).astype(np.float64)
        velocity = self._velocity(self._end)
        self._begin, self._stages = self._end, np.stack([velocity] * 7)
        rate = float(np.sqrt(np.mean(self._relative(velocity, self._end) ** 2)))
        self._clock = np.array(
            [0.0, 0.0, problem.rtol**0.2 / rate if rate > 0 else 1.0]
        )  # begin and end of the step, next trial length
        self._tally = np.array([1, 0, 0])
        self._curve: Chebyshev | None = None
        self._count()

    @classmethod
    def supports(cls, problem: Problem) -> str | None:
        """None, or what is no smooth flow in doubles or floats on the CPU."""
        if len(problem.y) < FEWEST:
            return (
                f"with {len(problem.y)} samples (fewer than {FEWEST}) every activation event "
                "matters and it locates none; use --engine flow"
            )
        if problem.batch_size is not None:
            return (
                "the flow has no mini-batches and the case asks for batches of "
                f"{problem.batch_size}"
            )
        if problem.device not in ("cpu", "auto"):
            return f"it runs on the CPU and the case asks for device {problem.device}"
        if problem.ln_scale != 0:
            return (
                "its weights are doubles and the case asks for log10_scale; set init.scale "
                "instead, or --engine flow"
            )
        if problem.dtype == "float32" and problem.rtol < FINEST_FLOAT32:
            return (
                f"float32 does not resolve rtol={problem.rtol:g}; --set rtol=1e-3 (at least "
                f"{FINEST_FLOAT32:g}), or --set dtype=float64"
            )
        return None

    @classmethod
    def advises_against(cls, problem: Problem) -> str | None:
        """A case that asks for "auto" asks for a descent: the flow is another method, and is taken
        only by name.
        """
        return "it integrates the gradient flow, not the descent of the case"

    def advance(self, steps: np.ndarray) -> np.ndarray:
        """See `Engine.advance`; nan from the first step that a failing flow did not reach."""
        steps = np.asarray(steps, dtype=np.int64)
        times = self._times(steps)
        losses, done = np.full(len(steps), np.nan), 0
        while done < len(steps) and self.failure is None:
            covered = int(np.searchsorted(times, self._clock[1], side="right"))
            if covered == done:
                self._make_step()
                continue
            losses[done:covered] = self._losses(times[done:covered])
            if not np.all(np.isfinite(losses[done:covered])):
                self._fail(StopReason.DIVERGED)
                break
            self.step, done = int(steps[covered - 1]), covered
        self._count()
        return losses

    def weights(self) -> tuple[np.ndarray, np.ndarray]:
        """See `Engine.weights`; the columns left out are put back."""
        rows = self._rows(float(self._times(np.array(self.step))))
        W = self.problem.W0.astype(self.problem.dtype)
        W[:, self._moving] = rows[:, :-1]
        return W, rows[:, -1].astype(self.problem.dtype)

    def state(self) -> dict[str, np.ndarray]:
        """The last step, which covers the current time; none of these arrays is ever written to
        again.
        """
        return {
            "begin": self._begin,
            "end": self._end,
            "stages": self._stages,
            "clock": self._clock,
            "tally": self._tally,
        }

    def restore(self, state: Mapping[str, np.ndarray], step: int) -> None:
        """See `Engine.restore`."""
        self._begin, self._end, self._stages, self._clock, self._tally = (
            state[name] for name in ("begin", "end", "stages", "clock", "tally")
        )
        self.step, self.failure, self._curve = step, None, None
        self._count()

    def _make_step(self) -> None:
        """Replace the last step by the next one that the tolerance accepts; sets ``failure`` if
        there is none.
        """
        (_, t, h), y, rejected = self._clock, self._end, 0
        stages = np.empty_like(self._stages)
        stages[0] = self._stages[6]
        while self._tally[1] < MAX_STEPS:
            if t + h <= t * (1 + 1e-14):
                return self._fail(StopReason.STEP_UNDERFLOW)
            for s in range(1, 7):
                end = y + h * np.tensordot(STAGES[s, :s], stages[:s], axes=1)
                stages[s] = self._velocity(end)
            error = h * np.tensordot(ERROR, stages, axes=1)
            size = float(np.sqrt(np.mean(self._relative(error, y, end) ** 2))) / self.problem.rtol
            growth = (
                float(np.clip(0.9 * size**-0.2, 0.2, 1.0 if rejected else 5.0)) if size > 0 else 5.0
            )
            if size <= 1.0:
                self._begin, self._end, self._stages, self._curve = y, end, stages, None
                self._clock = np.array([t, t + h, growth * h])
                self._tally = self._tally + np.array([6 * (1 + rejected), 1, rejected])
                return None
            rejected += 1
            h *= growth if np.isfinite(size) else 0.2
        return self._fail(StopReason.MAX_STEPS)

    def _velocity(self, rows: np.ndarray) -> np.ndarray:
        """d(w_j, a_j)/dt = -gradient, (m, d + 1) float64."""
        g = output_gradient(self._loss, self._predictions(rows), self.problem.y).astype(
            self._X.dtype
        )
        alpha, slopes = self.problem.alpha, self._scratch
        np.multiply(self._hidden > 0, (1 - alpha) * g[:, None], out=slopes)
        slopes += alpha * g[:, None]
        velocity = np.zeros_like(rows)
        velocity[:, :-1] = -rows[:, -1:] * (self._X.T @ slopes).T
        if self.problem.train == "both":
            velocity[:, -1] = -(g @ self._hidden)
        return velocity

    def _predictions(self, rows: np.ndarray) -> np.ndarray:
        """f (n,) in float64; leaves the activations (n, m) in ``_hidden``.

        Samples come first, as BLAS shares the longest side among its threads: on two busy cores the
        other way round takes twice the time (measured).
        """
        hidden = np.matmul(self._X, rows[:, :-1].astype(self._X.dtype).T, out=self._hidden)
        np.maximum(hidden, np.multiply(hidden, self.problem.alpha, out=self._scratch), out=hidden)
        return np.asarray((hidden @ rows[:, -1].astype(self._X.dtype)).astype(np.float64))

    def _relative(self, change: np.ndarray, *rows: np.ndarray) -> np.ndarray:
        """||change_j|| over the largest ||(w_j, a_j)||, (m,); a zero neuron, which never moves, has
        0.
        """
        size = np.max([np.linalg.norm(y, axis=1) for y in rows], axis=0)
        return np.asarray(np.linalg.norm(change, axis=1) / np.where(size > 0, size, 1.0))

    def _rows(self, t: float) -> np.ndarray:
        """(w_j, a_j) at a time within the last step."""
        begin, end, _ = self._clock
        if t >= end:
            return self._end
        x = (t - begin) / (end - begin)
        return np.asarray(
            self._begin
            + (end - begin) * np.tensordot(DENSE @ x ** np.arange(1, 5), self._stages, axes=1)
        )

    def _losses(self, times: np.ndarray) -> np.ndarray:
        """The objective at times within the last step."""
        begin, end, _ = self._clock
        if begin == end:
            return np.full(len(times), self._objective(end))
        if self._curve is None:
            # ln L is smooth within a step: one interpolant serves all recorded steps in it.
            self._curve = Chebyshev.interpolate(
                lambda nodes: np.log([max(self._objective(t), 1e-300) for t in nodes]),
                LOSS_DEGREE,
                domain=[begin, end],
            )
        return np.asarray(np.exp(self._curve(times)))

    def _objective(self, t: float) -> float:
        return objective(self.problem.loss, self._predictions(self._rows(t)), self.problem.y)

    def _times(self, steps: np.ndarray) -> np.ndarray:
        return np.asarray(flow_time(self.problem.loss, self.problem.lr, steps.astype(np.float64)))

    def _fail(self, reason: StopReason) -> None:
        self.failure = Stop(
            reason,
            self.step,
            float(self._clock[1]),
            f"at t={self._clock[1]:.9g}, step length {self._clock[2]:.3g}",
        )

    def _count(self) -> None:
        evaluations, steps, rejected = (int(count) for count in self._tally)
        self.stats = {"gradient_evaluations": evaluations, "steps": steps, "rejected": rejected}
