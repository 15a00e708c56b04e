"""Figure 3 for many seeds: what of the loss curve depends on the initial draw."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from flowrepro.claims.published import as_published
from flowrepro.core.trajectory import Ensemble, StopReason
from flowrepro.figures import Figure, NotDrawable, style
from flowrepro.figures.line_panels import legend_below
from flowrepro.papers.boursier2022.experiments import TOY
from flowrepro.papers.boursier2022.toy_seeds import half_steps

if TYPE_CHECKING:
    from matplotlib.axes import Axes

BAND = (5.0, 50.0, 95.0)
"""Percentiles over the seeds."""


class LossBand(NamedTuple):
    """Loss over steps of many seeds.

    step : (T,). low, median, high : (T,) the percentiles BAND of the loss over the seeds.
    half : (2, 3) percentiles BAND of the steps at which each class is half fitted by the closed form; None where it does not apply.
    half_loss : (2,) the loss then.
    """

    seeds: int
    step: np.ndarray
    low: np.ndarray
    median: np.ndarray
    high: np.ndarray
    half: np.ndarray | None
    half_loss: np.ndarray


def collect_loss_band(ensemble: Ensemble) -> LossBand:
    """Percentiles of the loss over the seeds; NotDrawable where some diverged."""
    trajectory = ensemble.trajectory
    if trajectory.stop.reason is not StopReason.HORIZON:
        raise NotDrawable(f"not all seeds reached the end: {trajectory.stop.note}")
    low, median, high = np.percentile(trajectory.loss, BAND, axis=0)
    levels = np.array([0.625, 0.125]) * ensemble.case.loss.factor / 2
    # order statistics, not their interpolation: half-times may be infinite
    half = (
        None
        if as_published(TOY)(ensemble)
        else np.percentile(half_steps(ensemble), BAND, axis=0, method="nearest").T
    )
    return LossBand(len(trajectory.seeds), trajectory.step, low, median, high, half, levels)


def draw_loss_band(axes: Sequence[Axes], data: LossBand) -> None:
    """One panel: band and median over the seeds, and a bar at each half-time of the closed form."""
    (ax,) = axes
    ax.fill_between(
        data.step,
        data.low,
        data.high,
        color=style.LEARNED,
        alpha=0.25,
        linewidth=0,
        label=f"5 to 95 % of {data.seeds} seeds",
    )
    ax.plot(
        data.step, data.median, color=style.LEARNED, label="median over the seeds, gradient descent"
    )
    if data.half is not None:
        low, median, high = data.half.T
        bars = np.stack([median - low, high - median])
        ax.errorbar(
            median,
            data.half_loss,
            xerr=bars,
            fmt="o",
            color=style.THEORY,
            markersize=3,
            capsize=3,
            label="half-times of the closed form, median and 5 to 95 %",
        )
    ax.set_xlabel("step")
    ax.set_ylabel("training MSE")
    ax.set_xlim(0, data.step[-1])
    ax.set_ylim(0.0, 1.08 * float(data.high.max()) or 1.0)
    ax.locator_params(axis="x", nbins=4)
    ax.spines["right"].set_visible(False)
    legend_below(axes, columns=1)


FIGURE = Figure(
    id="3-seeds",
    file="figure-3-seeds-toy-loss",
    cases=("toy",),
    caption="Two orthogonal points, many seeds: median and 5 to 95 % band of the training MSE, and the half-times from the initial weights alone.",
    layout=(1, 1, style.COLUMN, 2.7),
    collect=collect_loss_band,
    draw=draw_loss_band,
    many_seeds=True,
)
