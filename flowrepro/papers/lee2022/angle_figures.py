"""Figure 1 of lee2022: the angle of the nine runs between its bounds, as printed and on a logarithmic scale."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from flowrepro.core.trajectory import Run
from flowrepro.figures import Figure, style
from flowrepro.figures.line_panels import legend_below
from flowrepro.papers.lee2022.bounds import angle_band, angle_rates, radii
from flowrepro.papers.lee2022.experiments import NEURONS
from flowrepro.papers.lee2022.panels import (
    THOUSAND,
    draw_band,
    drawable,
    name_steps,
    thinned,
    title,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLUMNS = 3
LEAST = 1e-7
"""Smallest theta of the logarithmic axis."""


class AnglePanel(NamedTuple):
    """One run: step, theta, its bounds and the theta of the population descent, each (T,)."""

    title: str
    step: np.ndarray
    theta: np.ndarray
    low: np.ndarray
    high: np.ndarray
    population: np.ndarray


class Angles(NamedTuple):
    """The panels in the order of the paper's letters."""

    panels: tuple[AnglePanel, ...]


def collect_angles(*runs: Run) -> Angles:
    """theta and the bounds of Theorems A.2 and 4.2 with the radii of Appendix D.3."""
    panels = []
    for index, run in enumerate(runs):
        neuron = drawable(run)
        shown = thinned(len(neuron.step))
        band = angle_band(
            neuron.start, angle_rates(neuron.start, *radii(neuron.start)), neuron.clock
        )
        curves = (neuron.step, neuron.path.theta, band.low, band.high, neuron.descent().theta)
        panels.append(AnglePanel(title(index, run), *(curve[shown] for curve in curves)))
    return Angles(tuple(panels))


def draw_angles(axes: Sequence[Axes], data: Angles) -> None:
    """phi = pi - theta over the steps."""
    for index, (ax, panel) in enumerate(zip(axes, data.panels, strict=True)):
        ax.axhline(
            np.pi,
            color=style.FRAME,
            linewidth=0.7,
            linestyle=":",
            label=r"$\pi$, aligned with the teacher",
        )
        draw_band(ax, panel.step, np.pi - panel.high, np.pi - panel.low, "")
        ax.plot(
            panel.step / THOUSAND,
            np.pi - panel.theta,
            color=style.LEARNED,
            linewidth=1.8,
            label=r"angle $\varphi(T)$",
        )
        ax.set_ylim(0.6, 3.4)
        _frame(ax, index, panel, r"$\varphi(T)$ [rad]", len(data.panels))
    legend_below(axes)


def draw_log_angles(axes: Sequence[Axes], data: Angles) -> None:
    """theta on a logarithmic scale; the lower bound is left out where it is not positive."""
    for index, (ax, panel) in enumerate(zip(axes, data.panels, strict=True)):
        low = np.where(panel.low > 0, panel.low, np.nan)
        draw_band(ax, panel.step, low, panel.high, "")
        ax.plot(
            panel.step / THOUSAND,
            panel.population,
            color=style.DATA,
            linewidth=0.9,
            linestyle=":",
            label="infinitely many points",
        )
        ax.plot(
            panel.step / THOUSAND,
            panel.theta,
            color=style.LEARNED,
            linewidth=1.8,
            label=r"angle $\theta(T)$ to the teacher",
        )
        ax.set_yscale("log")
        ax.set_ylim(LEAST, 5.0)
        _frame(ax, index, panel, r"$\theta(T)$ [rad]", len(data.panels))
    legend_below(axes)


def _frame(ax: Axes, index: int, panel: AnglePanel, quantity: str, panels: int) -> None:
    ax.set_title(panel.title)
    name_steps(ax, panel.step, index >= panels - COLUMNS)
    ax.tick_params(labelleft=index % COLUMNS == 0)
    if index % COLUMNS == 0:
        ax.set_ylabel(quantity)


FIGURES = (
    Figure(
        id="1",
        file="figure-1-angles",
        cases=tuple(NEURONS),
        caption="Angle of one neuron of one, two and three layers from a small, middle and large initial norm, between its bounds.",
        layout=(3, COLUMNS, style.PAGE, 5.6),
        collect=collect_angles,
        draw=draw_angles,
    ),
    Figure(
        id="1-log",
        file="figure-1-angles-log",
        cases=tuple(NEURONS),
        caption="The same angles to the teacher on a logarithmic scale, with those of the same descent on infinitely many points.",
        layout=(3, COLUMNS, style.PAGE, 5.6),
        collect=collect_angles,
        draw=draw_log_angles,
    ),
)
