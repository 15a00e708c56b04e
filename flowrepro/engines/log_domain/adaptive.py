r"""Adaptive integrators of scipy on the log-domain kernel: BDF in the rescaled time s, DOP853 in
flow time t.

The Jacobian of g = sum_i p_i G_i, with rows G_i = grad q_i and r_i = d lg_i / dq_i, is

    J = G^T diag(p r) G - g (p r)^T G + B,     B: d g_{w_j} / d a_j = (d g_{a_j} / d w_j)^T = sum_i
    p_i y_i sigma'_ij x_i.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import repeat

import numpy as np
from scipy.integrate import BDF, DOP853, OdeSolver
from scipy.optimize import brentq

from flowrepro.engines.log_domain.kernel import (
    DIVERGED,
    EVALUATIONS,
    LN_LN_2,
    LN_S,
    LN_SUM,
    LN_T,
    MAX_STEPS,
    N_COLUMNS,
    N_TALLIES,
    Q_MIN,
    REACHED,
    STEP,
    UNDERFLOW,
    Points,
    S,
    evaluate,
    tallies,
    watch,
    workspace,
)

BDF_RTOL = 1e-7
BDF_ATOL = 1e-9
"""Relative to rho: components that are 0 by symmetry carry noise of 1e-16 rho, so an absolute
tolerance must grow with it.
"""
RESTART = 10.0
"""The solver is restarted, with a new absolute tolerance, when rho has grown by this factor."""
MOST_FOLDS = 40.0
_GAUSS = np.polynomial.legendre.leggauss(24)
_NODES, _WEIGHTS = 0.5 + 0.5 * _GAUSS[0], 0.5 * _GAUSS[1]
"""Of the interval [0, 1]."""
REAL_TIME_RTOL = 1e-10
REAL_TIME_ATOL = 1e-13
"""Relative to the largest initial weight."""


@dataclass(frozen=True)
class State:
    """theta (d + 1, m), what is known of it, ``now`` (N_COLUMNS,) of ``kernel.py``, and growth =
    -d(ln S)/ds.
    """

    theta: np.ndarray
    now: np.ndarray
    growth: float


@dataclass
class Field:
    """The right-hand side dtheta/ds = g(theta) of flattened weights (D,), and its derivatives."""

    points: Points
    shape: tuple[int, ...]
    tally: np.ndarray = field(default_factory=lambda: np.zeros(N_TALLIES))

    def __post_init__(self) -> None:
        self.work = workspace(len(self.points.y), self.shape[1])

    def slope(self, flat: np.ndarray, now: np.ndarray | None = None) -> tuple[np.ndarray, float]:
        """(g (D,), ln S) at theta; ``now`` is filled as by `evaluate`."""
        g, now = np.empty(self.shape), np.empty(N_COLUMNS) if now is None else now
        self.tally[EVALUATIONS] += 1
        evaluate(self.points, np.ascontiguousarray(flat).reshape(self.shape), self.work, g, now)
        return g.ravel(), float(now[LN_S])

    def state(self, flat: np.ndarray, step: int, s: float, ln_t: float) -> State:
        """Everything a record needs."""
        now = np.array([step, s, ln_t, 0.0, 0.0, 0.0, 0.0])
        g, _ = self.slope(flat, now)
        growth = -float((self.work.p * self.decay()) @ (self.gradients(flat) @ g))
        return State(flat.reshape(self.shape).copy(), now, growth)

    def gradients(self, flat: np.ndarray) -> np.ndarray:
        """G (n, D), rows grad q_i, at the weights of the last `slope`, which must be these."""
        X, y, hidden = self.points.X, self.points.y, self.work.hidden
        outer = np.where(hidden > 0, 1.0, self.points.alpha) * flat.reshape(self.shape)[-1]
        first = X[:, :, None] * outer[:, None, :]
        return np.asarray(
            y[:, None] * np.concatenate([first, hidden[:, None, :]], axis=1).reshape(len(y), -1)
        )

    def decay(self) -> np.ndarray:
        """r_i = d lg_i / dq_i at the last `slope`: -sigma(q_i), or -1 for the exponential loss."""
        q = self.work.q
        return -np.ones_like(q) if self.points.exponential else -np.exp(-np.logaddexp(0.0, -q))

    def jacobian(self, flat: np.ndarray) -> np.ndarray:
        """J (D, D) of g."""
        g, _ = self.slope(flat)
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


def log_time(before: State, after: State, ln_weight: float) -> float:
    """Ln of the flow time between two states, the integral of exp(-ln S) / weight over s.

    -ln S is taken as the cubic that has its values and slopes at both ends, integrated by
    Gauss-Legendre over the last MOST_FOLDS e-folds of its growth, the only ones that count.
    """
    h = after.now[S] - before.now[S]
    if h <= 0.0:
        return -np.inf
    z, first = h * after.growth, h * before.growth
    bend, turn = after.now[LN_S] - before.now[LN_S] + z, z - first
    reach = min(1.0, MOST_FOLDS / z) if z > 0 else 1.0
    x = reach * _NODES
    exponent = x * (-z + x * (3 * bend - turn + x * (turn - 2 * bend)))
    return float(np.log(h * reach * (_WEIGHTS @ np.exp(exponent))) - after.now[LN_S] - ln_weight)


Marched = tuple[int, list[State]]
"""Status (of ``kernel.py``) and records."""
Read = Callable[[float, np.ndarray, State], State]
"""(clock of the solver, its vector there, the state at the start of the step) -> the state there.
"""


def march_stiff(
    points: Points,
    theta: np.ndarray,
    levels: np.ndarray,
    by_s: bool,
    max_steps: int,
    clocks: np.ndarray,
) -> tuple[Marched, dict[str, float]]:
    """BDF in s with the analytic Jacobian, restarted whenever rho has grown tenfold, from clocks
    (step, s, ln t).
    """
    flow = Field(points, theta.shape)
    counts = {"restarts": -1.0, "jacobians": 0.0}

    def read(s: float, flat: np.ndarray, before: State) -> State:
        state = flow.state(flat, before.now[STEP] + 1, s, -np.inf)
        state.now[LN_T] = np.logaddexp(before.now[LN_T], log_time(before, state, points.ln_weight))
        return state

    def solvers() -> Iterator[OdeSolver]:
        s, flat = float(clocks[1]), theta.ravel()
        while True:
            rho = float(np.linalg.norm(flat))
            counts["restarts"] += 1
            solver = BDF(
                lambda _, z: flow.slope(z)[0],
                s,
                flat,
                np.inf,
                rtol=BDF_RTOL,
                atol=BDF_ATOL * rho,
                jac=lambda _, z: flow.jacobian(z),
            )
            # scipy leaves the higher differences as the memory was and subtracts from them in its
            # first step; no result uses that, but a nan there can raise a warning.
            solver.D[2:] = 0
            while np.linalg.norm(solver.y) < RESTART * rho:
                yield solver
            counts["jacobians"] += solver.njev
            s, flat = solver.t, solver.y

    marched = _march(
        flow,
        solvers(),
        read,
        flow.state(theta.ravel(), *clocks),
        levels,
        clocks[1] if by_s else None,
        max_steps,
    )
    return marched, {**tallies(flow.tally), **counts}


def march_real_time(
    points: Points,
    theta: np.ndarray,
    levels: np.ndarray,
    by_t: bool,
    max_steps: int,
    clocks: np.ndarray,
) -> tuple[Marched, dict[str, float]]:
    """DOP853 in flow time, for what happens before the loss is small; s is one more component of
    the system.
    """
    flow = Field(points, theta.shape)

    def rate(_: float, z: np.ndarray) -> np.ndarray:
        g, ln_S = flow.slope(z[:-1])
        return np.asarray(np.exp(ln_S + points.ln_weight) * np.append(g, 1.0))

    def read(t: float, z: np.ndarray, before: State) -> State:
        return flow.state(
            z[:-1], before.now[STEP] + 1, float(z[-1]), float(np.log(t)) if t > 0 else -np.inf
        )

    t = float(np.exp(clocks[2]))
    solver = DOP853(
        rate,
        t,
        np.append(theta.ravel(), clocks[1]),
        np.inf,
        rtol=REAL_TIME_RTOL,
        atol=REAL_TIME_ATOL * np.abs(theta).max(),
    )
    marched = _march(
        flow,
        repeat(solver),
        read,
        flow.state(theta.ravel(), *clocks),
        levels,
        t if by_t else None,
        max_steps,
    )
    return marched, tallies(flow.tally)


def _march(
    flow: Field,
    solvers: Iterator[OdeSolver],
    read: Read,
    state: State,
    levels: np.ndarray,
    begin: float | None,
    max_steps: int,
) -> Marched:
    """Step through levels of the solver's clock, which starts at ``begin``, or of min q where that
    is None.
    """
    records, status = [state], REACHED
    pending = [level for level in levels if level > (state.now[Q_MIN] if begin is None else begin)]
    separated = state.now[LN_SUM] < LN_LN_2
    while pending:
        if state.now[STEP] == max_steps:
            status = MAX_STEPS
            break
        solver = next(solvers)
        solver.step()
        if solver.status == "failed" or not np.all(np.isfinite(solver.y)):
            status = UNDERFLOW if solver.status == "failed" else DIVERGED
            break
        before, state = state, read(solver.t, solver.y, state)
        watch(flow.points.exponential, flow.tally, before.now, state.now)
        passed = []
        if not separated and state.now[LN_SUM] < LN_LN_2:
            separated = True
            passed.append(state)
        while pending and pending[0] <= (state.now[Q_MIN] if begin is None else solver.t):
            level = pending.pop(0)
            time = _crossing(solver, read, before, level) if begin is None else level
            passed.append(read(time, solver.dense_output()(time), before))
        records += sorted(passed, key=lambda record: float(record.now[S]))
    if status != REACHED and records[-1] is not state:
        records.append(state)
    return status, records


def _crossing(solver: OdeSolver, read: Read, before: State, level: float) -> float:
    """When min q passes ``level`` inside the last step of the solver, by its dense output."""
    dense = solver.dense_output()

    def excess(time: float) -> float:
        return float(read(time, dense(time), before).now[Q_MIN] - level)

    if excess(solver.t) <= 0:
        return float(solver.t)
    return float(
        brentq(excess, solver.t_old, solver.t, xtol=1e-14 * max(1.0, abs(solver.t)), rtol=1e-14)
    )
