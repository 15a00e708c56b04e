"""Figures 6 to 9 over many seeds: what of the pictures depends on the initial draw (beyond the paper)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from flowrepro.claims.old_claim import NotApplicable
from flowrepro.core.trajectory import Study
from flowrepro.figures import Figure, NotDrawable, style
from flowrepro.figures.line_panels import legend_below
from flowrepro.papers.min2024.toy_cases import (
    MU_LARGE,
    MU_SMALL,
    ORTHOGONAL,
    SIX_POINTS,
    SIX_POINTS_SEEDS,
    TWO_POINTS_SEEDS,
)
from flowrepro.papers.min2024.toy_observations import END, SHOWN, seen_seeds
from flowrepro.papers.min2024.toy_seen import Seen

if TYPE_CHECKING:
    from matplotlib.axes import Axes

BAND = (5.0, 50.0, 95.0)
"""Percentiles over the seeds."""
TITLES = (
    "six points\n(Figure 6)",
    r"$\mu = \sin 0.1$" + "\n(Figure 7)",
    r"$\mu = \sin 0.001$" + "\n(Figure 8)",
    r"$\mu = 0$" + "\n(Figure 9)",
)


class OverSeeds(NamedTuple):
    """One experiment: percentiles BAND (3, T) of the loss at step (T,), and at SHOWN and END, on how many seeds (2, K) k = 0, 1, ... neurons are outside."""

    step: np.ndarray
    loss: np.ndarray
    stragglers: np.ndarray


class SeedsFigure(NamedTuple):
    """The four experiments over this many seeds each."""

    seeds: int
    experiments: tuple[OverSeeds, ...]


def collect_seeds(six: Study, two: Study) -> SeedsFigure:
    """Percentiles and histograms; `NotDrawable` where the studies do not hold the paper's four experiments."""
    try:
        views = [
            seen_seeds(six, SIX_POINTS),
            *(seen_seeds(two, case) for case in (MU_LARGE, MU_SMALL, ORTHOGONAL)),
        ]
        return SeedsFigure(len(six.arrays["seeds"]), tuple(_over_seeds(seen) for seen in views))
    except NotApplicable as reason:
        raise NotDrawable(str(reason)) from None


def _over_seeds(seen: Seen) -> OverSeeds:
    counts = np.stack([seen.outside(step) for step in (SHOWN, END)])
    tallies = np.stack([np.bincount(case, minlength=int(counts.max()) + 1) for case in counts])
    return OverSeeds(seen.step, np.percentile(seen.loss, BAND, axis=0), tallies)


def draw_seeds(axes: Sequence[Axes], data: SeedsFigure) -> None:
    """Above the loss, below the histograms of neurons that are outside their cones."""
    columns = len(data.experiments)
    for title, curve, histogram, seen in zip(
        TITLES, axes[:columns], axes[columns:], data.experiments, strict=True
    ):
        low, median, high = seen.loss
        curve.fill_between(
            seen.step,
            low,
            high,
            color=style.LEARNED,
            alpha=0.3,
            linewidth=0,
            label=f"5 to 95 % of {data.seeds} seeds",
        )
        curve.plot(seen.step, median, color=style.LEARNED, linewidth=1.0, label="median loss")
        curve.set(
            xlim=(0, max(1, seen.step[-1])),
            ylim=(0, 1.08 * float(high.max())),
            xlabel="iteration",
            title=title,
        )
        _draw_histogram(histogram, seen.stragglers, data.seeds)
        for ax in (curve, histogram):
            ax.locator_params(axis="x", nbins=3, integer=True)
            ax.tick_params(labelleft=ax in (axes[0], axes[columns]))
            ax.spines["right"].set_visible(False)
    axes[0].set_ylabel("loss")
    axes[columns].set_ylabel("share of seeds")
    legend_below(axes)


def _draw_histogram(ax: Axes, tallies: np.ndarray, seeds: int) -> None:
    k = np.arange(tallies.shape[1])
    for shift, tally, colour, step in zip(
        (-0.2, 0.2), tallies, (style.DEAD, style.DATA), (SHOWN, END), strict=True
    ):
        ax.bar(k + shift, tally / seeds, 0.4, color=colour, linewidth=0, label=f"iteration {step}")
    ax.set(xlim=(-0.7, max(3, k[-1]) + 0.7), ylim=(0, 1), xlabel=r"live neurons outside $S_\pm$")


FIGURE = Figure(
    id="beyond-toy-seeds",
    file="beyond-toy-seeds",
    cases=(SIX_POINTS_SEEDS.name, TWO_POINTS_SEEDS.name),
    caption="Figures 6 to 9 over many seeds: median and 5 to 95 % band of the loss, and how many neurons are outside their cones.",
    layout=(2, 4, style.PAGE, 3.5),
    collect=collect_seeds,
    draw=draw_seeds,
)
