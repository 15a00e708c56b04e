"""Figures 2 and 3 of lee2022: the norm between its bounds, which are tighter the later they start."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from flowrepro.core.trajectory import Run
from flowrepro.figures import Figure, style
from flowrepro.figures.line_panels import legend_below
from flowrepro.papers.lee2022.bounds import norm_band
from flowrepro.papers.lee2022.experiments import NEURONS, RESTARTS
from flowrepro.papers.lee2022.norm_checks import restart_index
from flowrepro.papers.lee2022.panels import (
    THOUSAND,
    draw_band,
    drawable,
    name_steps,
    thinned,
    title,
)
from flowrepro.papers.lee2022.restart_checks import restart_indices

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLUMNS = 3


class Restart(NamedTuple):
    """Bounds low and high (T,) from the norm at their first step on."""

    step: np.ndarray
    norm: float
    low: np.ndarray
    high: np.ndarray


class NormPanel(NamedTuple):
    """One run: step and ||w|| (T,), ||w*||, and its bounds, from step 0 and restarted."""

    title: str
    step: np.ndarray
    norm: np.ndarray
    teacher: float
    restarts: tuple[Restart, ...]


class Norms(NamedTuple):
    """The panels in the order of the paper's letters."""

    panels: tuple[NormPanel, ...]


def _panel(index: int, run: Run, restarts: tuple[int, ...]) -> NormPanel:
    neuron = drawable(run)
    shown = thinned(len(neuron.step), restarts)
    found = []
    for first in restarts:
        band = norm_band(neuron.restarted(first, neuron.path), neuron.clock.since(first))
        later = shown[shown >= first]
        found.append(
            Restart(
                neuron.step[later],
                float(neuron.path.norm[first]),
                band.low[later - first],
                band.high[later - first],
            )
        )
    return NormPanel(
        title(index, run), neuron.step[shown], neuron.path.norm[shown], neuron.teacher, tuple(found)
    )


def collect_norms(*runs: Run) -> Norms:
    """||w|| and its bounds from step 0 and from a fifth of the run on (step 20000; Theorems A.1, A.3 and 3.8)."""
    return Norms(
        tuple(
            _panel(index, run, (0, restart_index(drawable(run)))) for index, run in enumerate(runs)
        )
    )


def collect_restarts(*runs: Run) -> Norms:
    """||w|| and its bounds from the four steps that each case names."""
    return Norms(
        tuple(
            _panel(index, run, tuple(restart_indices(run, drawable(run))))
            for index, run in enumerate(runs)
        )
    )


def draw_norms(axes: Sequence[Axes], data: Norms) -> None:
    """Bounds from step 0 as lines, restarted ones as a filled band, a dot where they start."""
    cases = len(data.panels) // COLUMNS
    for index, (ax, panel) in enumerate(zip(axes, data.panels, strict=True)):
        _teacher(ax, panel)
        first, again = panel.restarts
        draw_band(ax, first.step, first.low, first.high, "")
        ax.fill_between(
            again.step / THOUSAND,
            again.low,
            again.high,
            color=style.THEORY,
            alpha=0.35,
            linewidth=0.8,
            label="between the restarted bounds",
        )
        ax.plot(
            panel.step / THOUSAND,
            panel.norm,
            color=style.LEARNED,
            linewidth=1.6,
            label=r"norm $\|w(T)\|$",
        )
        _dots(ax, panel.restarts[1:])
        _frame(ax, panel, index >= COLUMNS * (cases - 1), index % COLUMNS == 0)
    legend_below(axes, columns=3)


def draw_restarts(axes: Sequence[Axes], data: Norms) -> None:
    """Every pair of bounds as lines from its dot on."""
    for index, (ax, panel) in enumerate(zip(axes, data.panels, strict=True)):
        _teacher(ax, panel)
        for restart in panel.restarts:
            draw_band(ax, restart.step, restart.low, restart.high, "")
        ax.plot(
            panel.step / THOUSAND,
            panel.norm,
            color=style.LEARNED,
            linewidth=1.6,
            label=r"norm $\|w(T)\|$",
        )
        _dots(ax, panel.restarts)
        _frame(ax, panel, True, index == 0)
        ax.set_ylim(bottom=0.8 * min(float(restart.low.min()) for restart in panel.restarts))
    legend_below(axes, columns=3)


def _teacher(ax: Axes, panel: NormPanel) -> None:
    ax.axhline(panel.teacher, color=style.FRAME, linewidth=0.7, linestyle=":", label=r"$\|w^*\|$")


def _dots(ax: Axes, restarts: Sequence[Restart]) -> None:
    steps, norms = (
        [restart.step[0] / THOUSAND for restart in restarts],
        [restart.norm for restart in restarts],
    )
    ax.plot(
        steps,
        norms,
        "o",
        color=style.DATA,
        markersize=3.5,
        clip_on=False,
        zorder=4,
        label="start of bounds",
    )


def _frame(ax: Axes, panel: NormPanel, bottom: bool, left: bool) -> None:
    ax.set_title(panel.title)
    name_steps(ax, panel.step, bottom)
    ax.set_ylim(0.0, 1.08 * max(float(panel.norm.max()), panel.teacher))
    if left:
        ax.set_ylabel(r"$\|w(T)\|$")


FIGURES = (
    Figure(
        id="2",
        file="figure-2-norms",
        cases=tuple(name for name, case in NEURONS.items() if case.model.depth <= 2),
        caption="Norm of one neuron of one and two layers from a small, middle and large initial norm, between its bounds, also restarted at step 20000.",
        layout=(2, COLUMNS, style.PAGE, 4.4),
        collect=collect_norms,
        draw=draw_norms,
    ),
    Figure(
        id="2-three-layers",
        file="figure-2-norms-three-layers",
        cases=tuple(name for name, case in NEURONS.items() if case.model.depth == 3),
        caption="The case that the paper leaves out: three layers, between the implicit bounds of Theorem 3.8.",
        layout=(1, COLUMNS, style.PAGE, 2.7),
        collect=collect_norms,
        draw=draw_norms,
    ),
    Figure(
        id="3",
        file="figure-3-restarted-bounds",
        cases=tuple(case.name for case in RESTARTS.values()),
        caption="Norm of one neuron of one and two layers with bounds started at four points of the run: the latest are the tightest.",
        layout=(1, 2, style.PAGE, 3.0),
        collect=collect_restarts,
        draw=draw_restarts,
    ),
)
