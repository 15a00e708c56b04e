"""Integrate a classification loss far into its late phase: the public functions of the package."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any, Literal, NamedTuple

import numpy as np

from flowrepro.core.trajectory import StopReason
from flowrepro.engines.log_domain import kernel
from flowrepro.engines.log_domain.adaptive import march_real_time, march_stiff
from flowrepro.engines.log_domain.late_run import Classification, Clock, LateRun
from flowrepro.errors import UsageError

Method = Literal["gd", "euler", "rk4", "bdf", "flow-t"]

CLOCKS: dict[Method, tuple[Clock, ...]] = {
    "gd": ("q",),
    "euler": ("q", "s"),
    "rk4": ("q", "s"),
    "bdf": ("q", "s"),
    "flow-t": ("q", "t"),
}
"""method -> the clocks its levels may be read from."""

CONTROL: dict[Method, float] = {"gd": 0.01, "euler": 0.5, "rk4": 0.5, "bdf": 0.0, "flow-t": 0.0}
"""Step size of the descent before the switch (lyu2021 Appendix I), or c in the step c / C; none for
the adaptive solvers.
"""

HANDOVER = 30.0
"""Margin min q from which `flow` leaves the explicit integrator for the implicit one."""

_CODE: dict[Method, int] = {"gd": kernel.GD, "euler": kernel.EULER, "rk4": kernel.RK4}

STATUS = {
    kernel.MAX_STEPS: StopReason.MAX_STEPS,
    kernel.DIVERGED: StopReason.DIVERGED,
    kernel.UNDERFLOW: StopReason.STEP_UNDERFLOW,
    kernel.STATIONARY: StopReason.STATIONARY,
}
"""Status of a march that did not reach its last level -> why it ended."""


class Start(NamedTuple):
    """Clocks at the first record."""

    step: int = 0
    s: float = 0.0
    ln_t: float = -np.inf


AT_ZERO = Start()


def integrate(
    task: Classification,
    W: np.ndarray,
    a: np.ndarray,
    levels: Sequence[float] | np.ndarray,
    *,
    method: Method = "rk4",
    clock: Clock = "q",
    control: float | None = None,
    max_steps: int = 50_000_000,
    start: Start = AT_ZERO,
) -> LateRun:
    """Train a two-layer (leaky) ReLU network until the clock shows the last level.

    Parameters
    ----------
    W, a : ndarray, shapes (m, d) and (m,)
        Initial weights; their squares must not underflow (scales down to 1e-150).
    levels : increasing values of min_i q_i (clock "q"), rescaled time ("s") or flow time ("t") at
        which states are kept.
    method : "gd" the paper's descent, constant step size until L < weight ln 2, then backtracking
        on ln L;
        "rk4" the flow in rescaled time, explicit, for seeds and conserved quantities;
        "euler" descent with steps c / C, the fastest for limits, but it distorts growth rates;
        "bdf" the flow in rescaled time, implicit, to min q = 1e8 and more where m (d + 1) <= 400;
        "flow-t" the flow in real time at tight tolerance, for the phases before the loss is small.
        rk4, euler and gd keep the first step at or past a level of q; all other levels are met
        exactly.
    control : step size of "gd" or c of "rk4" and "euler"; None for CONTROL.
    start : clocks of the first record, where a run goes on from another.

    Raises
    ------
    UsageError
        Levels that do not increase, a clock the method does not have, shapes that do not fit.
    """
    levels = np.asarray(levels, dtype=np.float64)
    validate(task, W, a, levels, method, clock, control)
    points = task.points
    theta = np.ascontiguousarray(np.vstack([np.asarray(W, dtype=np.float64).T, a]))
    clocks = np.array(start, dtype=np.float64)
    if method in ("bdf", "flow-t"):
        march = march_stiff if method == "bdf" else march_real_time
        (status, states), stats = march(points, theta, levels, clock != "q", max_steps, clocks)
        columns, thetas = (
            np.array([state.now for state in states]),
            np.array([state.theta for state in states]),
        )
    else:
        value = CONTROL[method] if control is None else float(control)
        goal = kernel.Goal(_CODE[method], value, levels, clock == "s", max_steps)
        status, columns, thetas, stats = _compiled(points, theta, goal, clocks)
    reached = StopReason.TARGET_LOSS if clock == "q" else StopReason.HORIZON
    return late_run(task, method, columns, thetas, STATUS.get(status, reached), stats)


def _compiled(
    points: kernel.Points, theta: np.ndarray, goal: kernel.Goal, clocks: np.ndarray
) -> tuple[int, np.ndarray, np.ndarray, dict[str, float]]:
    """`kernel.march` with room for all records; (status, columns (R, N_COLUMNS), states (R, d + 1,
    m), counts).
    """
    now, size = np.zeros(kernel.N_COLUMNS), len(goal.levels) + 3
    now[[kernel.STEP, kernel.S, kernel.LN_T]] = clocks
    kept = kernel.Kept(
        np.empty((size, kernel.N_COLUMNS)),
        np.empty((size, *theta.shape)),
        np.zeros(kernel.N_TALLIES),
    )
    work = kernel.workspace(len(points.y), theta.shape[1])
    status, rows = kernel.march(points, theta, work, goal, now, kept)
    return status, kept.columns[:rows], kept.states[:rows], kernel.tallies(kept.tally)


def integrate_many(
    task: Classification,
    W: np.ndarray,
    a: np.ndarray,
    levels: Sequence[float] | np.ndarray,
    *,
    method: Literal["gd", "euler", "rk4"] = "euler",
    clock: Clock = "q",
    control: float | None = None,
    max_steps: int = 50_000_000,
    threads: int | None = None,
) -> tuple[LateRun, ...]:
    """`integrate` for many starts W (S, m, d), a (S, m), one compiled call each on a pool of
    threads.

    The kernel runs without the interpreter lock and is the one of a single run, so every result is
    the same to the bit.
    """
    if method not in _CODE:
        raise UsageError(
            f"many starts at once need a compiled method, one of {', '.join(_CODE)}, not '{method}'"
        )

    def one(k: int) -> LateRun:
        return integrate(
            task,
            W[k],
            a[k],
            levels,
            method=method,
            clock=clock,
            control=control,
            max_steps=max_steps,
        )

    with ThreadPoolExecutor(threads or os.cpu_count()) as pool:
        return tuple(pool.map(one, range(len(a))))


def flow(
    task: Classification,
    W: np.ndarray,
    a: np.ndarray,
    levels: Sequence[float] | np.ndarray,
    handover: float = HANDOVER,
) -> LateRun:
    """The flow from the initial weights to the last level of min q: "rk4" up to ``handover``, "bdf"
    beyond.
    """
    levels = np.asarray(levels, dtype=np.float64)
    near, far = levels[levels < handover], levels[levels >= handover]
    if not far.size:
        return integrate(task, W, a, levels, method="rk4")
    first = integrate(task, W, a, np.append(near, handover), method="rk4")
    if first.stop is not StopReason.TARGET_LOSS:
        return first
    second = integrate(
        task,
        *first.final,
        far,
        method="bdf",
        start=Start(int(first.step[-1]), float(first.s[-1]), float(first.ln_t[-1])),
    )
    return join(first, second)


def join(first: LateRun, second: LateRun) -> LateRun:
    """One run of two, the second started from the first one's end (with its clocks); counts add,
    the largest drop counts.
    """
    names = (
        "step",
        "s",
        "ln_t",
        "ln_loss",
        "q_min",
        "rho",
        "normalised_margin",
        "smoothed_margin",
        "W",
        "a",
    )
    columns: dict[str, Any] = {
        name: np.concatenate([getattr(first, name), getattr(second, name)[1:]]) for name in names
    }
    stats = {
        key: first.stats.get(key, 0.0) + second.stats.get(key, 0.0)
        for key in {**first.stats, **second.stats}
    }
    stats["margin_drop"] = max(first.stats["margin_drop"], second.stats["margin_drop"])
    return replace(second, method=f"{first.method}+{second.method}", stats=stats, **columns)


def validate(
    task: Classification,
    W: np.ndarray,
    a: np.ndarray,
    levels: np.ndarray,
    method: Method,
    clock: Clock,
    control: float | None,
) -> None:
    """UsageError for what cannot be integrated; see `integrate`."""
    if method not in CLOCKS:
        raise UsageError(f"method must be one of {', '.join(CLOCKS)}, not '{method}'")
    if clock not in CLOCKS[method]:
        raise UsageError(
            f"method '{method}' reads its levels from {' or '.join(CLOCKS[method])}, not from "
            f"'{clock}'"
        )
    if W.shape != (len(a), task.X.shape[1]):
        raise UsageError(
            f"first-layer weights of shape {W.shape} do not fit {len(a)} output weights and "
            f"points of dimension {task.X.shape[1]}"
        )
    if (
        levels.ndim != 1
        or not levels.size
        or np.any(np.diff(levels) <= 0)
        or not np.all(np.isfinite(levels))
    ):
        raise UsageError("levels must be a non-empty list of increasing finite numbers")
    if clock == "t" and levels[0] <= 0:
        raise UsageError(
            f"flow times must be positive, not {levels[0]:g}; the start is always kept"
        )
    if control is not None and not control > 0:
        raise UsageError(f"control must be positive, not {control}")


def late_run(
    task: Classification,
    method: str,
    columns: np.ndarray,
    thetas: np.ndarray,
    stop: StopReason,
    stats: dict[str, float],
) -> LateRun:
    """The run of records: columns (R, N_COLUMNS) and states theta (R, d + 1, m)."""
    step, s, ln_t, _, ln_sum, q_min, size = columns.T.copy()
    smoothed = np.array([kernel.inverse_loss(task.loss == "exp", value) for value in ln_sum])
    return LateRun(
        method=method,
        step=step.astype(np.int64),
        s=s,
        ln_t=ln_t,
        ln_loss=ln_sum + task.ln_weight,
        q_min=q_min,
        rho=np.sqrt(size),
        normalised_margin=q_min / size,
        smoothed_margin=smoothed / size,
        W=thetas[:, :-1].transpose(0, 2, 1).copy(),
        a=thetas[:, -1].copy(),
        ln_weight=task.ln_weight,
        stop=stop,
        stats=stats,
    )
