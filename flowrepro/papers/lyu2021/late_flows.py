"""Studies of the late phase: flows of many starts on one data set, kept at margins up to 1e8 (losses of 10^-43000000)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from flowrepro.claims.options import require_ranges
from flowrepro.core.config import StudyCase
from flowrepro.core.trajectory import Dataset, StopReason
from flowrepro.engines.log_domain import Classification, LateRun, Start, integrate
from flowrepro.papers.lyu2021.draws import draws, probes
from flowrepro.papers.topic import Progress

RANGES = {
    "alpha": (0.0, 1.0),
    "m": (1, 1000),
    "scales": (1e-150, 1e3),
    "seeds": (1, 1000),
    "near": (1e-20, 1e5),
    "control": (1e-3, 1.0),
}
MOST_STEPS = 1_000_000
"""Explicit steps of one run, ten times what the slowest of the paper's sets takes."""


def late_flows(
    case: StudyCase, dataset: Dataset | None, progress: Progress
) -> Mapping[str, np.ndarray]:
    """Gradient flows from every scale and seed: explicit up to the margins ``near``, implicit up to the margins ``far``.

    options : alpha, m, init, scales (list), seeds (count), near and far (increasing margins min q), control (explicit step c).

    Returns arrays over S = scales x seeds runs and R = 2 + levels records (start, first with n L < ln 2, levels):
    scale (S,), stop (S,) text, level (R - 2,), W (S, R, m, d), a (S, R, m), q, rho, ln_loss, ln_t, smoothed (S, R), nan
    where a run has no such record; loss_rises, norm_falls (S,) steps; explicit_drop, implicit_drop (S,) largest
    relative fall of the smoothed margin in one step; probe (2000, d).
    """
    assert dataset is not None
    options = case.options
    require_ranges(options, RANGES)
    task = Classification(dataset.X, dataset.y, options["alpha"])
    near, far = np.array(options["near"], dtype=float), np.array(options["far"], dtype=float)
    W, a = draws(case.seed, options["seeds"], options["m"], dataset.X.shape[1], options["init"])
    scales = np.repeat(np.array(options["scales"], dtype=float), len(a))
    kept = []
    for k, scale in enumerate(scales):
        kept.append(
            _one(task, scale * W[k % len(a)], scale * a[k % len(a)], near, far, options["control"])
        )
        progress(k + 1, len(scales))
    arrays = {name: np.stack([record[name] for record in kept]) for name in kept[0]}
    return {
        **arrays,
        "scale": scales,
        "level": np.concatenate([near, far]),
        "probe": probes(case.seed, dataset.X.shape[1]),
    }


def _one(
    task: Classification,
    W: np.ndarray,
    a: np.ndarray,
    near: np.ndarray,
    far: np.ndarray,
    control: float,
) -> dict[str, np.ndarray]:
    first = integrate(task, W, a, near, method="rk4", control=control, max_steps=MOST_STEPS)
    legs, stop, implicit = [first], first.stop, 0.0
    if stop is StopReason.TARGET_LOSS and far.size:
        second = integrate(
            task,
            *first.final,
            far,
            method="bdf",
            start=Start(int(first.step[-1]), float(first.s[-1]), float(first.ln_t[-1])),
        )
        legs, stop, implicit = [first, second], second.stop, second.stats["margin_drop"]
    return {
        **at_levels(legs, np.concatenate([near, far])),
        "stop": np.array(stop.name),
        "explicit_drop": np.array(first.stats["margin_drop"]),
        "implicit_drop": np.array(implicit),
        "loss_rises": np.array(sum(leg.stats["loss_rises"] for leg in legs)),
        "norm_falls": np.array(sum(leg.stats["norm_falls"] for leg in legs)),
    }


def at_levels(legs: Sequence[LateRun], levels: np.ndarray) -> dict[str, np.ndarray]:
    """The start, the first record with n L < ln 2 and the first at or past each level; nan where there is none."""
    names = {
        "q": "q_min",
        "rho": "rho",
        "ln_loss": "ln_loss",
        "ln_t": "ln_t",
        "smoothed": "smoothed_margin",
        "W": "W",
        "a": "a",
    }
    columns = {
        name: np.concatenate([getattr(leg, source) for leg in legs]).astype(float)
        for name, source in names.items()
    }
    separated = next(
        (
            leg.separated + sum(len(before.q_min) for before in legs[:k])
            for k, leg in enumerate(legs)
            if leg.separated is not None
        ),
        None,
    )
    past = [np.flatnonzero(columns["q"] >= level * (1 - 1e-12)) for level in levels]
    cases = [0, separated, *(int(found[0]) if found.size else None for found in past)]
    return {
        name: np.stack(
            [
                np.full(column.shape[1:], np.nan) if index is None else column[index]
                for index in cases
            ]
        )
        for name, column in columns.items()
    }
