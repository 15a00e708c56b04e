"""A horizon, a step size, and what to try next: estimates for points of which nothing is known."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from flowrepro.api.judge import Claims
from flowrepro.api.run import Run
from flowrepro.claims.verdict import Limit
from flowrepro.core.config import Loss
from flowrepro.core.network import activation, output_gradient

FIT = 20.0
"""Times of growth by e that a horizon leaves for fitting after the escape (chosen)."""
FINE = 0.002
"""Growth of a neuron's logarithm in a step of descent that the claims on the flow accept."""
MOVED, FALLING = 0.99, 0.95
"""Ratio of last and first loss above which the loss has not moved; and over the last tenth of the
time, below which it still falls.
"""


def horizon(X: np.ndarray, y: np.ndarray, log_scale: float, loss: Loss, alpha: float) -> float:
    """Flow time in which neurons of size e^log_scale escape and fit, to two digits.

    A small neuron of direction u and output sign s grows at the rate s F(u), F(u) = sum_k g_k
    sigma(<u, x_k>), g the negative gradient at f = 0. The rate is the larger over the points'
    directions, for the slower of the two signs.
    """
    g = -output_gradient(loss, np.zeros(len(y)), y)
    directions = np.vstack([X, -X, g @ X, -(g @ X)])
    norms = np.linalg.norm(directions, axis=1)
    units = directions[norms > 0] / norms[norms > 0, None]
    if not len(units):
        return 1.0
    growth = activation(units @ X.T, alpha) @ g
    fast, slow = sorted((float(growth.max()), float(-growth.min())), reverse=True)
    if not fast > 0:
        return 1.0
    rate = slow if slow > 0.1 * fast else fast
    return float(f"{(2 * max(0.0, -log_scale) + FIT) / rate:.1e}")


def step_size(X: np.ndarray, y: np.ndarray, loss: Loss) -> float:
    """A step with which descent follows the flow from a small start, to one digit."""
    pull = np.abs(output_gradient(loss, np.zeros(len(y)), y)) @ np.linalg.norm(X, axis=1)
    return float(f"{FINE / float(pull):.0e}") if pull > 0 else 0.01


def next_steps(runs: Sequence[Run], found: Sequence[Claims]) -> tuple[str, ...]:
    """What to try next, one sentence each: where the loss has not moved or still falls, and where a
    hypothesis on the scale or the step fails.
    """
    told: dict[str, None] = {}
    for run, claims in zip(runs, found, strict=True):
        told.update(dict.fromkeys(_longer(run)))
        told.update(
            (_smaller(limit, len(claims.not_applicable[reason])), None)
            for reason, limit in claims.limits.items()
        )
    return tuple(told)


def _smaller(limit: Limit, count: int) -> str:
    """The setting that ``count`` claims need smaller."""
    need = f"{count} claim needs" if count == 1 else f"{count} claims need"
    if limit.setting == "lr":
        return f"--lr {limit.most:.1g} or --engine flow: {need} a step as fine"
    return (
        f"a --scale {2 * limit.value / limit.most:.2g} times smaller: {need} neurons below "
        f"{limit.most:.2g}, and this run starts at {limit.value:.2g}"
    )


def _longer(run: Run) -> list[str]:
    first, last = float(run.loss[0]), float(run.loss[-1])
    if not math.isfinite(last) or last <= 1e-14 * first or run.remarks:
        return []
    if last > MOVED * first:
        why = f"the loss has not moved ({first:.4g} -> {last:.4g})"
        return [f"--time {4 * run.stop.t:.2g}: {why}, so a longer horizon, or a larger scale"]
    before = float(run.loss[np.searchsorted(run.t, 0.9 * run.stop.t)])
    if last < FALLING * before:
        why = f"the loss still falls ({before:.3g} -> {last:.3g} in the last tenth of the time)"
        return [f"--time {2 * run.stop.t:.2g}: {why}"]
    return []
