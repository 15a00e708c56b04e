r"""Adaptive integrators of scipy on the log-domain kernel: BDF in the rescaled time s, DOP853 in flow time t.

The Jacobian of g = sum_i p_i G_i, with rows G_i = grad q_i and r_i = d lg_i / dq_i, is

    J = G^T diag(p r) G - g (p r)^T G + B,     B: d g_{w_j} / d a_j = (d g_{a_j} / d w_j)^T = sum_i p_i y_i sigma'_ij x_i.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np
from scipy.integrate import BDF, DOP853, OdeSolver
from scipy.optimize import brentq

from flowrepro.engines.log_domain.kernel import (
    DIVERGED,
    EVALUATIONS,
    LN_LN_2,
    MAX_STEPS,
    N_TALLIES,
    REACHED,
    UNDERFLOW,
    Points,
    evaluate,
    watch,
    workspace,
)

BDF_RTOL = 1e-7
BDF_ATOL = 1e-9
"""Relative to rho: components that are 0 by symmetry carry noise of 1e-16 rho, so an absolute tolerance must grow with it."""
RESTART = 10.0
"""The solver is restarted, with a new absolute tolerance, when rho has grown by this factor."""
REAL_TIME_RTOL = 1e-10
REAL_TIME_ATOL = 1e-13
"""Relative to the largest initial weight."""


@dataclass(frozen=True)
class State:
    """theta (d + 1, m) at rescaled time s and flow time exp(ln_t), with what the kernel says there."""

    theta: np.ndarray
    s: float
    ln_t: float
    ln_sum: float
    q_min: float

    @property
    def size(self) -> float:
        """||theta||^2."""
        return float(np.vdot(self.theta, self.theta))


@dataclass
class Field:
    """The right-hand side dtheta/ds = g(theta) of flattened weights (D,), and its derivatives."""

    points: Points
    shape: tuple[int, int]
    tally: np.ndarray = field(default_factory=lambda: np.zeros(N_TALLIES))

    def __post_init__(self) -> None:
        self.work = workspace(len(self.points.y), self.shape[1])

    def slope(self, flat: np.ndarray) -> tuple[np.ndarray, float, float]:
        """(g (D,), ln S, ln sum_i l(q_i)) at theta."""
        g = np.empty(self.shape)
        self.tally[EVALUATIONS] += 1
        return g.ravel(), *evaluate(self.points, np.ascontiguousarray(flat).reshape(self.shape), self.work, g)

    def state(self, flat: np.ndarray, s: float, ln_t: float) -> State:
        """Everything a record needs."""
        _, _, ln_sum = self.slope(flat)
        return State(flat.reshape(self.shape).copy(), s, ln_t, ln_sum, float(self.work.q.min()))

    def gradients(self, flat: np.ndarray) -> np.ndarray:
        """G (n, D), rows grad q_i, at the weights of the last `slope`, which must be these."""
        X, y, hidden = self.points.X, self.points.y, self.work.hidden
        outer = np.where(hidden > 0, 1.0, self.points.alpha) * flat.reshape(self.shape)[-1]
        first = X[:, :, None] * outer[:, None, :]
        return np.asarray(y[:, None] * np.concatenate([first, hidden[:, None, :]], axis=1).reshape(len(y), -1))

    def decay(self) -> np.ndarray:
        """r_i = d lg_i / dq_i at the last `slope`: -sigma(q_i), or -1 for the exponential loss."""
        q = self.work.q
        return -np.ones_like(q) if self.points.exponential else -np.exp(-np.logaddexp(0.0, -q))

    def jacobian(self, flat: np.ndarray) -> np.ndarray:
        """J (D, D) of g."""
        g, _, _ = self.slope(flat)
        G = self.gradients(flat)
        weight = self.work.p * self.decay()
        J = (G.T * weight) @ G - np.outer(g, weight @ G)
        d, m = self.points.X.shape[1], self.shape[1]
        slopes = np.where(self.work.hidden > 0, 1.0, self.points.alpha)
        pull = self.points.X.T @ (slopes * (self.work.p * self.points.y)[:, None])  # (d, m)
        first, second = np.arange(d * m), d * m + np.tile(np.arange(m), d)
        J[first, second] += pull.ravel()
        J[second, first] += pull.ravel()
        return np.asarray(J)

    def log_time(self, flat: np.ndarray, h: float, ln_t: float) -> float:
        """Ln t at the end of a step h of s that ends at ``flat``.

        dt/ds = 1 / (weight S) is integrated with -ln S taken linear, with its slope at the end: exact in the limits of
        small steps and of h d(ln S)/ds -> -inf, where the last e-fold of t is all that counts.
        """
        g, ln_S, _ = self.slope(flat)
        z = -h * float((self.work.p * self.decay()) @ (self.gradients(flat) @ g))
        share = -np.expm1(-z) / z if z != 0.0 else 1.0
        return float(np.logaddexp(ln_t, np.log(h * share) - ln_S - self.points.ln_weight))


Marched = tuple[int, list[State], list[int]]
"""Status (of ``kernel.py``), records and the number of accepted steps at each."""
Read = Callable[[float, np.ndarray, float, float], State]
"""(clock of the solver, its vector, clock and ln t at the start of the step) -> state."""


def march_stiff(
    points: Points, theta: np.ndarray, levels: np.ndarray, by_s: bool, max_steps: int, s: float, ln_t: float
) -> tuple[Marched, dict[str, float], np.ndarray]:
    """BDF in s with the analytic Jacobian, restarted whenever rho has grown tenfold."""
    flow = Field(points, theta.shape)  # type: ignore[arg-type]
    counts = {"restarts": -1.0, "jacobians": 0.0}

    def read(now: float, flat: np.ndarray, before: float, ln_t: float) -> State:
        return flow.state(flat, now, flow.log_time(flat, now - before, ln_t) if now > before else ln_t)

    def solvers() -> Iterator[OdeSolver]:
        now, flat = s, theta.ravel()
        while True:
            rho = float(np.linalg.norm(flat))
            counts["restarts"] += 1
            solver = BDF(lambda _, z: flow.slope(z)[0], now, flat, np.inf, rtol=BDF_RTOL, atol=BDF_ATOL * rho, jac=lambda _, z: flow.jacobian(z))
            while np.linalg.norm(solver.y) < RESTART * rho:
                yield solver
            counts["jacobians"] += solver.njev
            now, flat = solver.t, solver.y

    marched = _march(flow, solvers(), read, flow.state(theta.ravel(), s, ln_t), levels, (lambda x: x.s) if by_s else _q_min, max_steps)
    return marched, counts, flow.tally


def march_real_time(
    points: Points, theta: np.ndarray, levels: np.ndarray, by_t: bool, max_steps: int, s: float, ln_t: float
) -> tuple[Marched, dict[str, float], np.ndarray]:
    """DOP853 in flow time, for what happens before the loss is small; s is one more component of the system."""
    flow = Field(points, theta.shape)  # type: ignore[arg-type]
    start = float(np.exp(ln_t))

    def rate(_: float, z: np.ndarray) -> np.ndarray:
        g, ln_S, _ = flow.slope(z[:-1])
        return np.exp(ln_S + points.ln_weight) * np.append(g, 1.0)

    def read(now: float, z: np.ndarray, _before: float, _ln_t: float) -> State:
        return flow.state(z[:-1], float(z[-1]), float(np.log(now)) if now > 0 else -np.inf)

    solver = DOP853(rate, start, np.append(theta.ravel(), s), np.inf, rtol=REAL_TIME_RTOL, atol=REAL_TIME_ATOL * np.abs(theta).max())
    clock = (lambda x: float(np.exp(x.ln_t))) if by_t else _q_min
    marched = _march(flow, iter(lambda: solver, None), read, read(start, solver.y, start, ln_t), levels, clock, max_steps)
    return marched, {}, flow.tally


def _q_min(state: State) -> float:
    return state.q_min


def _march(
    flow: Field, solvers: Iterator[OdeSolver], read: Read, state: State, levels: np.ndarray, clock: Callable[[State], float], max_steps: int
) -> Marched:
    """Step through the levels; each is located by the solver's dense output to about 1e-14 of a step."""
    records, steps, step, status = [state], [0], 0, REACHED
    pending = [level for level in levels if level > clock(state)]
    while pending:
        if step == max_steps:
            status = MAX_STEPS
            break
        solver = next(solvers)
        solver.step()
        if solver.status == "failed" or not np.all(np.isfinite(solver.y)):
            status = UNDERFLOW if solver.status == "failed" else DIVERGED
            break
        before, step = state, step + 1
        state = read(solver.t, solver.y, solver.t_old, before.ln_t)
        watch(flow.points.exponential, flow.tally, before.ln_sum, state.ln_sum, before.size, state.size)
        passed = []
        if before.ln_sum >= LN_LN_2 > state.ln_sum and not any(record.ln_sum < LN_LN_2 for record in records):
            passed.append(state)
        while pending and clock(state) >= pending[0]:
            passed.append(_locate(solver, read, before, clock, pending.pop(0)))
        for record in sorted(passed, key=lambda record: record.s):
            records.append(record)
            steps.append(step)
    if records[-1].s != state.s and status != REACHED:
        records.append(state)
        steps.append(step)
    return status, records, steps


def _locate(solver: OdeSolver, read: Read, before: State, clock: Callable[[State], float], level: float) -> State:
    """The state inside the last step at which the clock first shows ``level``."""
    dense = solver.dense_output()

    def state(time: float) -> State:
        return read(time, dense(time), solver.t_old, before.ln_t)

    if clock(state(solver.t)) <= level:
        return state(solver.t)
    return state(brentq(lambda time: clock(state(time)) - level, solver.t_old, solver.t, xtol=1e-14 * max(1.0, abs(solver.t)), rtol=1e-14))

