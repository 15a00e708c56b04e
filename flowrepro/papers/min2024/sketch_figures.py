"""Figures 1 to 3 of min2024, sketches there, drawn from computations here: the force on a neuron, and where neurons go."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from flowrepro.core.trajectory import Study
from flowrepro.figures import Figure, NotDrawable, style
from flowrepro.figures.line_panels import legend_below
from flowrepro.papers.min2024.paths import unpack
from flowrepro.papers.min2024.plane import Plane, collect_plane, draw_arrow, draw_plane
from flowrepro.papers.min2024.regions import direction
from flowrepro.papers.min2024.toy_cases import FORCE, FORCE_AT_BOUNDARY, PLANE_PATHS

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Figures 1 and 3 ----------------------------------------------------------------------------------------------------


class ForceFigure(NamedTuple):
    """The plane, the neuron's direction u (2,), its force x_a(w) (2,), P_w x_a(w) (2,), and data on its hyperplane (b, 2)."""

    plane: Plane
    u: np.ndarray
    pull: np.ndarray
    projected: np.ndarray
    boundary: np.ndarray


def collect_force(findings: Study) -> ForceFigure:
    """One neuron of V_+ and its force; `NotDrawable` outside the plane."""
    plane, arrays = collect_plane(findings.X, findings.y), findings.arrays
    on = np.abs(findings.X @ arrays["u"]) <= 1e-12 * np.linalg.norm(findings.X, axis=1)
    return ForceFigure(plane, arrays["u"], arrays["pull"], arrays["velocity"], findings.X[on])


def draw_force(axes: Sequence[Axes], data: ForceFigure) -> None:
    """The half-plane that activates the neuron shaded, its hyperplane, the force and its projection at the tip of w."""
    (ax,) = axes
    limit = 1.15 * float(
        max(
            np.abs(data.plane.X).max(),
            np.abs(data.pull).max(),
            np.abs(data.u + data.projected).max(),
        )
    )
    _shade_active(ax, data.u, limit)
    draw_plane(ax, data.plane._replace(start=np.empty(0), end=np.empty(0), cone=()), sums=False)
    for vector in data.boundary:
        across = 3.0 * limit * np.array([-vector[1], vector[0]]) / np.linalg.norm(vector)
        ax.plot(
            *np.stack([-across, across]).T,
            ":",
            color=style.FRAME,
            linewidth=0.8,
            label=r"hyperplane of a datum, $\langle x_i, w\rangle = 0$",
        )
    origin = np.zeros(2)
    draw_arrow(ax, origin, data.u, style.DATA, width=1.6)
    draw_arrow(ax, origin, data.pull, style.THEORY)
    draw_arrow(ax, data.u, data.u + data.projected, style.LEARNED, width=1.6)
    _name(ax, data.u, r"$w_j$", style.DATA, limit)
    _name(ax, data.pull, r"$x_a(w_j)$", style.THEORY, limit)
    _name(ax, data.u + data.projected, r"$P_w\,x_a(w_j)$", style.LEARNED, limit)
    for index, x in enumerate(data.plane.X, start=1):
        if not len(data.boundary) or np.any(np.all(data.boundary == x, axis=1)):
            ax.annotate(f"$x_{index}$", x, (4, 4), textcoords="offset points", fontsize=7, zorder=6)
    ax.set(xlim=(-limit, limit), ylim=(-limit, limit))
    legend_below(axes, columns=2)


def _shade_active(ax: Axes, u: np.ndarray, limit: float) -> None:
    along = np.array([-u[1], u[0]])
    corners = 3.0 * limit * np.stack([along, along + u, u - along, -along])
    ax.fill(
        *corners.T,
        color=style.DEAD,
        alpha=0.2,
        linewidth=0,
        zorder=0,
        label=r"active: $\langle x, w_j\rangle > 0$",
    )
    ax.plot(*corners[[0, 3]].T, color=style.FRAME, linewidth=0.8, zorder=1)


def _name(ax: Axes, at: np.ndarray, text: str, colour: str, limit: float) -> None:
    """A name beyond the tip of an arrow, on the side that is further from the edge."""
    side = "right" if at[0] > 0.3 * limit else "left"
    ax.annotate(
        text,
        (float(at[0]), float(at[1])),
        (0, 5 if at[1] >= 0 else -5),
        textcoords="offset points",
        color=colour,
        ha=side,
        va="bottom" if at[1] >= 0 else "top",
        zorder=6,
    )


# Figure 2 -----------------------------------------------------------------------------------------------------------


class Stretch(NamedTuple):
    """Part of a path: its number in the paper, its angles (K,) in degrees, and the circle on which it is drawn."""

    number: int
    angle: np.ndarray
    radius: float


class PathsFigure(NamedTuple):
    """The plane and the stretches of the paths."""

    plane: Plane
    stretches: tuple[Stretch, ...]


def collect_paths(findings: Study) -> PathsFigure:
    """(1) and (2), the first neuron inside S_- and from there to S_dead; (3), the second one to S_+."""
    if len(findings.arrays["start"]) < 2:
        raise NotDrawable("Figure 2 shows two neurons; give two or more angles in options.start")
    plane, times, angle = (
        collect_plane(findings.X, findings.y),
        findings.arrays["times"],
        findings.arrays["angle"],
    )
    repelled, gaining, *_ = unpack(findings)
    left = int(np.searchsorted(times, repelled.t[1])) if len(repelled.t) > 1 else len(times)
    parts = (
        angle[0, : left + 1],
        angle[0, left:],
        angle[1, : int(np.searchsorted(times, gaining.t[-1])) + 1],
    )
    return PathsFigure(
        plane,
        tuple(
            Stretch(k + 1, part, radius * plane.limit)
            for k, (part, radius) in enumerate(zip(parts, (0.7, 0.7, 0.42), strict=True))
        ),
    )


def draw_paths(axes: Sequence[Axes], data: PathsFigure) -> None:
    """Directions as arcs around the origin, each with its number; a dot where a neuron starts."""
    (ax,) = axes
    draw_plane(ax, data.plane)
    for stretch in data.stretches:
        arc = stretch.radius * direction(stretch.angle)
        ax.plot(
            *arc.T,
            color=style.LEARNED,
            linewidth=1.6,
            zorder=3,
            label="neuron of $V_+$" if stretch.number == 1 else None,
        )
        if np.ptp(stretch.angle) > 1.0:
            last = stretch.radius * direction(
                stretch.angle[-1] - 2.0 * np.sign(stretch.angle[-1] - stretch.angle[0])
            )
            draw_arrow(ax, last, arc[-1], style.LEARNED)
            middle = (stretch.radius + 0.1 * data.plane.limit) * direction(
                (stretch.angle[0] + stretch.angle[-1]) / 2
            )
            ax.text(
                float(middle[0]),
                float(middle[1]),
                str(stretch.number),
                ha="center",
                va="center",
                fontsize=7,
                zorder=6,
                bbox={"boxstyle": "circle,pad=0.2", "fc": "white", "ec": style.LEARNED, "lw": 0.7},
            )
        if stretch.number != 2:
            ax.plot(*arc[0], "o", color=style.LEARNED, markersize=4, zorder=4)
    legend_below(axes, columns=3)


FIGURES = (
    Figure(
        id="1",
        file="figure-1-force",
        cases=(FORCE.name,),
        caption="The force on the direction of a small neuron of V_+: the signed sum of the data it is active on, projected.",
        layout=(1, 1, style.COLUMN, 3.5),
        collect=collect_force,
        draw=draw_force,
    ),
    Figure(
        id="2",
        file="figure-2-paths",
        cases=(PLANE_PATHS.name,),
        caption="Exact paths of two neurons of V_+: 1 repelled by x_-, 2 to S_dead, 3 to S_+.",
        layout=(1, 1, style.COLUMN, 3.6),
        collect=collect_paths,
        draw=draw_paths,
    ),
    Figure(
        id="3",
        file="figure-3-boundary",
        cases=(FORCE_AT_BOUNDARY.name,),
        caption="At the hyperplane of a positive datum the force moves a neuron of V_+ towards gaining it.",
        layout=(1, 1, style.COLUMN, 3.6),
        collect=collect_force,
        draw=draw_force,
    ),
)
