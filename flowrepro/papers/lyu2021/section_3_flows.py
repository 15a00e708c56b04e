r"""Flows of many starts, kept at margins min q up to 1e8 (losses of 10^-43000000).

The loss is L = (1/n) sum_i ln(1 + e^{-q_i}), q_i = y_i f(x_i). A run is integrated by explicit
steps in rescaled time up to the margins ``near``, then by implicit ones up to the margins ``far``.
Sections 3, 4, 6 and Appendix H read the same flows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from flowrepro.core.config import Data
from flowrepro.core.network import activation, predict
from flowrepro.core.trajectory import Dataset, StopReason, Study
from flowrepro.data.labels import require_signs
from flowrepro.engines.log_domain import Classification, LateRun, Start, integrate
from flowrepro.papers.lyu2021 import PAPER
from flowrepro.papers.lyu2021.hypotheses import alpha
from flowrepro.papers.lyu2021.shared.geometry import draws, probes
from flowrepro.papers.study import Progress, option
from flowrepro.papers.topic import Topic

topic = Topic(PAPER, "Flows to very small losses")

MOST_STEPS = 1_000_000
"""Explicit steps of one run, ten times what the slowest of the paper's sets takes."""
FIRST_LEVEL = 2
"""Records 0 and 1 are the start and the first with n L < ln 2."""
SOURCES = {"q": "q_min", "smoothed": "smoothed_margin"} | {
    name: name for name in ("rho", "ln_loss", "ln_t", "W", "a")
}
"""Array of the study -> attribute of a `LateRun`."""


@topic.study
def late_flows(
    data: Dataset,
    *,
    alpha: float = option(0.5, "slope of the leaky part", within=(0.0, 1.0)),
    m: int = option(10, "width", within=(1, 1000)),
    init: str = option("gaussian", "law of the start", choices=("gaussian", "balanced")),
    scales: list[float] = option([1e-6], "scales of the start", within=(1e-150, 1e3)),
    seeds: int = option(8, "starts at each scale", within=(1, 1000)),
    # half the explicit integrator's own step, for conserved quantities to 1e-10
    control: float = option(0.25, "explicit step c", within=(1e-3, 1.0)),
    near: list[float] = option([1e2, 1e3], "margins of explicit steps", within=(1e-20, 1e5)),
    far: list[float] = option([], "margins of implicit steps", within=(1e-20, 1e14)),
    seed: int,
    progress: Progress,
) -> dict[str, np.ndarray]:
    """Gradient flows from every scale and seed.

    Returns arrays over S = scales x seeds runs and R = 2 + levels records: the start, the first
    with n L < ln 2, the levels ``near`` and ``far``; nan where a run has no such record.

    scale (S,), stop (S,) text, level (R - 2,), W (S, R, m, d), a (S, R, m);
    q, rho, ln_loss, ln_t, smoothed (S, R): min q, ||theta||, ln L, ln t, l^-1(n L) / ||theta||^2;
    loss_rises, norm_falls (S,): steps; explicit_drop, implicit_drop (S,): largest relative fall
    of the smoothed margin in one step; probe (2000, d): unit vectors where functions are compared.
    """
    require_signs(data)
    task = Classification(data.X, data.y, alpha)
    W, a = draws(seed, seeds, m, data.X.shape[1], init)
    kept, repeated = [], np.repeat(np.array(scales), seeds)
    for k, scale in enumerate(repeated):
        start = scale * W[k % seeds], scale * a[k % seeds]
        kept.append(_one(task, *start, np.array(near), np.array(far), control))
        progress(k + 1, len(repeated))
    return {
        **{name: np.stack([run[name] for run in kept]) for name in kept[0]},
        "scale": repeated,
        "level": np.concatenate([near, far]),
        "probe": probes(seed, data.X.shape[1]),
    }


def _one(
    task: Classification,
    W: np.ndarray,
    a: np.ndarray,
    near: np.ndarray,
    far: np.ndarray,
    control: float,
) -> dict[str, np.ndarray]:
    """One flow by explicit, then implicit steps."""
    first = integrate(task, W, a, near, method="rk4", control=control, max_steps=MOST_STEPS)
    legs, implicit = [first], 0.0
    if first.stop is StopReason.TARGET_LOSS and far.size:
        clocks = Start(int(first.step[-1]), float(first.s[-1]), float(first.ln_t[-1]))
        legs.append(integrate(task, *first.final, far, method="bdf", start=clocks))
        implicit = legs[1].stats["margin_drop"]
    return {
        **at_levels(legs, np.concatenate([near, far])),
        "stop": np.array(legs[-1].stop.name),
        "explicit_drop": np.array(first.stats["margin_drop"]),
        "implicit_drop": np.array(implicit),
        "loss_rises": np.array(sum(leg.stats["loss_rises"] for leg in legs)),
        "norm_falls": np.array(sum(leg.stats["norm_falls"] for leg in legs)),
    }


def at_levels(legs: Sequence[LateRun], levels: np.ndarray) -> dict[str, np.ndarray]:
    """The start, the first record with n L < ln 2 and the first at or past each level, else nan."""
    columns = {
        name: np.concatenate([getattr(leg, source) for leg in legs]).astype(float)
        for name, source in SOURCES.items()
    }
    separated = (
        leg.separated + sum(len(before.q_min) for before in legs[:k])
        for k, leg in enumerate(legs)
        if leg.separated is not None
    )
    reached = [np.flatnonzero(columns["q"] >= level * (1 - 1e-12)) for level in levels]
    indices = [0, next(separated, None), *(int(i[0]) if i.size else None for i in reached)]
    return {
        name: np.stack(
            [np.full_like(column[0], np.nan) if i is None else column[i] for i in indices]
        )
        for name, column in columns.items()
    }


SYMMETRIC = Data(name="symmetric")
SYMMETRIC_5D = Data(name="symmetric", options={"d": 5, "h": 10, "seed": 2})
MIDDLE, RIGHT = Data(name="constant-feature"), Data(name="hinted")
ORTHOGONAL = Data(name="orthogonally-separable")
LATE: dict[str, Any] = {"far": [1e4, 1e6, 1e8], "quick": {"options.seeds": 2}}

FLOW_SYMMETRIC = late_flows.case(
    "flow-symmetric",
    "Theorems 3.1 and 4.3: flows on symmetric points of the plane to losses of 10^-43000000.",
    SYMMETRIC,
    **LATE,
)
FLOW_SYMMETRIC_5D = late_flows.case(
    "flow-symmetric-5d", "Theorems 3.1 and 4.3: the same in dimension 5.", SYMMETRIC_5D, **LATE
)
FLOW_MIDDLE = late_flows.case(
    "flow-middle",
    "Theorems 3.1 and A.7: balanced starts on the points of Figure 1 middle.",
    MIDDLE,
    init="balanced",
    **LATE,
)
FLOW_RIGHT = late_flows.case(
    "flow-right",
    "Theorems 3.1 and 6.2: balanced starts on the hinted points of Figure 1 right.",
    RIGHT,
    init="balanced",
    **LATE,
)
FLOW_ORTHOGONAL = late_flows.case(
    "flow-orthogonal",
    "Theorem H.2: ReLU on orthogonally separable points, small and large starts.",
    ORTHOGONAL,
    alpha=0.0,
    m=8,
    scales=[1e-3, 1.0],
    **LATE,
)


class State(NamedTuple):
    """One record of one run: min q, ||theta||, W (m, d), a (m,)."""

    q: float
    rho: float
    W: np.ndarray
    a: np.ndarray


def state_at(result: Study, run: int, index: int) -> State:
    """Record ``index`` of run number ``run``, 0 being the start; nan where the run has none."""
    q, rho, W, a = (result.arrays[name][run, index] for name in ("q", "rho", "W", "a"))
    return State(float(q), float(rho), W, a)


def past(result: Study, run: int, least: float) -> list[State]:
    """The records of a run at levels of min q from ``least`` on."""
    levels = np.flatnonzero(result.arrays["level"] >= least)
    found = (state_at(result, run, FIRST_LEVEL + int(k)) for k in levels)
    return [state for state in found if np.isfinite(state.q)]


def separated_runs(result: Study) -> np.ndarray:
    """Indices of the runs that reached L < ln 2 / n."""
    return np.flatnonzero(np.isfinite(result.arrays["q"][:, 1]))


def states_past(result: Study, least: float) -> Iterator[tuple[int, State]]:
    """(Run, record) for all runs that reached L < ln 2 / n, at levels from ``least`` on."""
    for run in separated_runs(result):
        for state in past(result, int(run), least):
            yield int(run), state


def some_separate(result: Study) -> str | None:
    """Hypothesis of Theorem 3.1: some run reached L < ln 2 / n, and a level after it."""
    reached = np.isfinite(result.arrays["q"])
    if np.any(reached[:, 1] & reached[:, FIRST_LEVEL:].any(axis=1)):
        return None
    return "no run reached L < ln 2 / n and a margin that was to be kept"


def function_distance(result: Study, state: State, target: np.ndarray) -> float:
    """max |f(x) / rho^2 - target(x)| over the probes, ``target`` (2000,) given there."""
    values = predict(result.arrays["probe"], state.W, state.a, alpha(result))
    return float(np.abs(values / state.rho**2 - target).max())


def velocity(
    X: np.ndarray, y: np.ndarray, W: np.ndarray, a: np.ndarray, alpha: float
) -> tuple[np.ndarray, np.ndarray]:
    """g = sum_i p_i grad q_i with p = softmax of ln(-l'(q_i)), the direction of -grad L.

    Returns its parts (m, d) and (m,); the slope of the activation at 0 is alpha.
    """
    Z = X @ W.T
    ln_slope = -np.logaddexp(0.0, y * (activation(Z, alpha) @ a))
    p = np.exp(ln_slope - ln_slope.max())
    p *= y / p.sum()
    g_W = a[:, None] * ((np.where(Z > 0, 1.0, alpha) * p[:, None]).T @ X)
    return g_W, activation(Z, alpha).T @ p
