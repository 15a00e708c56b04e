"""Figures 2 and 3 of boursier2024: the learned function on the line, and every neuron as a point.

The angle of a neuron is atan2(bias weight, slope). Norm 0 is a circle, not the origin, so that
directions can be seen before the norms grow.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from flowrepro.core.trajectory import Run
from flowrepro.figures import style
from flowrepro.figures.declare import Figure
from flowrepro.figures.panels import Line, Mark, Panel, Points, Text, Ticks
from flowrepro.papers.boursier2024.figures import collect_figure_2, collect_figure_3
from flowrepro.papers.boursier2024.panels import INNER, LAYERS, MARKS, MOST_RAYS, Frame, Panels


def function_panel(data: Panels, shown: Frame) -> Panel:
    """h, the dashed reference and the samples."""
    marks: list[Mark] = [Line(data.grid, shown.h, width=1.8, label="learned function $h$")]
    if data.reference is not None:
        look: Any = {"colour": style.THEORY, "dash": "--", "width": 1.0, "zorder": 3}
        marks.append(Line(data.grid, data.reference, label=data.reference_name, **look))
    marks.append(Points(data.x, data.y, colour=style.DATA, size=3.5, zorder=4, label="data"))
    return Panel(marks, title=f"step {shown.step}", xlabel="$x$", ylabel="$h(x)$", grid=True,
                 xlim=(float(data.grid[0]), float(data.grid[-1])), ylim=data.values)  # fmt: skip


def neuron_panel(data: Panels, shown: Frame) -> Panel:
    """A mark per neuron; with few samples their directions, and the cone boundaries as rays."""
    top = 1.06 * (float(shown.radius.max()) or 1.0)
    marks: list[Mark] = []
    for first in range(LAYERS):  # the signs by turns, so that neither covers the other
        for sign, (marker, size, colour, label) in MARKS.items():
            chosen = np.flatnonzero(shown.sign == sign)[first::LAYERS]
            if len(chosen):
                angle, radius = shown.angle[chosen], shown.radius[chosen]
                marks.append(Points(angle, radius, marker=marker, size=size, edge="none",
                                    colour=colour, label=label))  # fmt: skip
    angles = data.data_angles if len(data.x) <= MOST_RAYS else np.empty(0)
    rays = np.concatenate([angles - np.pi / 2, angles + np.pi / 2])
    if len(angles):
        ends = np.stack([np.zeros_like(rays), np.full_like(rays, top)])
        marks += [
            Line(np.stack([rays, rays]), ends, colour=style.FRAME, dash="--", width=0.8,
                 label="boundary of a cone"),
            Points(angles, np.full_like(angles, top), marker="+", size=7.0, colour=style.DATA,
                   clip=False, zorder=5, label="direction of a sample $x_k$"),
            Text(angles, np.full_like(angles, 1.22 * top),
                 [f"$x_{k + 1}$" for k in range(len(angles))]),
        ]  # fmt: skip
    degrees = np.arange(0, 360, 45)
    near = np.abs(np.angle(np.exp(1j * (np.radians(degrees)[:, None] - angles)))).min(1, initial=9)
    names = [f"{each}°" if far > 0.3 else "" for each, far in zip(degrees, near, strict=True)]
    return Panel(marks, title="norms of the neurons", projection="polar", hole=INNER,
                 ylim=(0, top), xticks=Ticks(np.radians(degrees), names))  # fmt: skip


def panels(data: Panels) -> Iterable[Panel]:
    """A row per frame: the function, then the neurons."""
    for shown in data.frames:
        yield function_panel(data, shown)
        yield neuron_panel(data, shown)


def figure_2(run: Run) -> Iterable[Panel]:
    """Four steps, least squares dashed."""
    return panels(collect_figure_2(run))


def figure_3(run: Run) -> Iterable[Panel]:
    """Five steps, the teacher dashed."""
    return panels(collect_figure_3(run))


FIGURES = (
    Figure("2", "figure-2-three-points", "Three points.", figure_2, cases=("figure-2",),
           layout=("AAB;CCD;EEF;GGH", style.PAGE, 8.6), share="x"),
    Figure("3", "figure-3-eight-pieces", "Eight pieces.", figure_3, cases=("figure-3",),
           layout=("AAB;CCD;EEF;GGH;IIJ", style.PAGE, 10.0), share="x"),
)  # fmt: skip
