"""Figures 2 to 5 of boursier2022: what a run shows on the line, and its loss."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np

from flowrepro.core.trajectory import Run
from flowrepro.figures import style
from flowrepro.figures.animation import schedule
from flowrepro.figures.declare import Figure, Film
from flowrepro.figures.line_panels import line_panels
from flowrepro.figures.panels import Line, Mark, Panel, Points, Text, Vertical
from flowrepro.papers.boursier2022.experiments import FIVE_POINTS, LAZY, TOY
from flowrepro.papers.boursier2022.figures import (
    FIVE_PHASES,
    LAZY_PHASES,
    TOY_PHASES,
    collect_five_points,
    collect_lazy,
    collect_loss,
    phases_of,
)


def toy(run: Run) -> Iterable[Panel]:
    """The toy at its initialisation and at the end of its three phases."""
    return line_panels(run, tuple(TOY_PHASES), phases_of(run, TOY, TOY_PHASES))


def toy_loss(run: Run) -> Iterable[Panel]:
    """The loss of the toy with its two plateaus, and the closed form where its hypotheses hold."""
    data = collect_loss(run)
    marks: list[Mark] = [Line(data.step, data.loss, width=2.2, label=data.method)]
    for step, plateau, at in zip(data.departures, ("0", "saddle"), (0.94, 0.86), strict=False):
        marks.append(Vertical(step, tag=f"{plateau} left at {step}", at=at))
    if data.predicted is not None:
        gap = float(np.abs(data.loss - data.predicted).max())
        named = f"closed form from the initial draw (off by at most {gap:.1g})"
        look: Any = {"colour": style.THEORY, "dash": "--", "width": 1.0}
        marks.append(Line(data.step, data.predicted, label=named, **look))
    yield Panel(marks, xlabel="step", ylabel=data.quantity, xticks=4, xlim=(0, data.step[-1]),
                ylim=(0, 1.25 * float(data.loss.max())))  # fmt: skip


def five_points(run: Run) -> Iterable[Panel]:
    """Five panels from the initialisation to the interpolator, and the loss with a dot at each."""
    steps, phases = tuple(FIVE_PHASES), phases_of(run, FIVE_POINTS, FIVE_PHASES)
    shown_panels = line_panels(run, steps, phases)
    yield from shown_panels
    yield from [Panel([], frame=False)] * (5 - len(shown_panels))
    data = collect_five_points(run)
    shown = np.array([panel.step for panel in data.panels.panels])
    heights = np.interp(shown, data.step, data.loss)
    marks: list[Mark] = [Line(data.step, data.loss), Points(shown, heights, size=3.0, clip=False)]
    marks += [
        Text(x, y, letter, offset=(-3 if x > 0.95 * data.step[-1] else 3, 3), colour=style.FRAME)
        for x, y, letter in zip(shown, heights, "abcdefgh", strict=False)
    ]
    yield Panel(marks, title=data.quantity, xlabel="step", ylabel=data.quantity, yside="right",
                xticks=4, xlim=(0, data.step[-1]),
                ylim=(0, 1.08 * float(data.loss.max())))  # fmt: skip


def lazy(run: Run) -> Iterable[Panel]:
    """Before and after training from a large start; the kernel interpolator in the last panel."""
    *before, after = line_panels(run, tuple(LAZY_PHASES), phases_of(run, LAZY, LAZY_PHASES))
    data = collect_lazy(run)
    if data.interpolator is not None:
        look: Any = {"colour": style.THEORY, "dash": "--", "zorder": 3, "label": "NTK interpolator"}
        line = Line(data.panels.grid, data.interpolator, **look)
        after = replace(after, marks=(*after.marks, line))
    return [*before, after]


def frames(run: Run) -> Iterable[list[Panel]]:
    """A frame for every snapshot on the geometric schedule."""
    panels = line_panels(run, schedule(run.trajectory.snapshot_step, 1.05), {})
    return ([panel] for panel in panels)


FIGURES = (
    Figure("2", "figure-2-toy-panels", "Two orthogonal points.", toy,
           cases=("toy",), layout=(2, 2, style.PAGE, 4.8), share="both"),
    Figure("3", "figure-3-toy-loss", "Two orthogonal points: training loss.", toy_loss,
           cases=("toy",), layout=(1, 1, style.COLUMN, 2.7)),
    Figure("4", "figure-4-five-points", "Five points that are not orthogonal.", five_points,
           cases=("five-points",), layout=(2, 3, style.PAGE, 4.6), share="both"),
    Figure("5", "figure-5-lazy", "The five points with a large initialisation.", lazy,
           cases=("lazy",), layout=(1, 2, style.PAGE, 2.9), share="both"),
)  # fmt: skip
FILM = Film("2", "toy", "Two orthogonal points.", frames, case="toy", layout=(1, 1, 5.0, 3.6))
