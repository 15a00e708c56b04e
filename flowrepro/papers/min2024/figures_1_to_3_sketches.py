"""Figures 1 to 3, sketches in the paper, drawn from computations: forces and paths of neurons."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from flowrepro.core.trajectory import Study
from flowrepro.figures import NotDrawable, style
from flowrepro.figures.panels import Arrows, Line, Mark, Panel, Points, Region, Text
from flowrepro.papers.min2024 import PAPER
from flowrepro.papers.min2024.activation_paths import PLANE_PATHS, unpack
from flowrepro.papers.min2024.equation_4_force import FORCE, FORCE_AT_BOUNDARY
from flowrepro.papers.min2024.shared.plane import (
    cone_marks,
    data_marks,
    half_side,
    require_plane,
    square,
)
from flowrepro.papers.min2024.shared.regions import direction
from flowrepro.papers.topic import Topic

topic = Topic(PAPER, "Sketches of forces and paths")


def force_panel(result: Study) -> Iterator[Panel]:
    """One neuron of V_+, its force x_a(w) and the projection of it, and the data it is active on.

    The half-plane of active data is shaded; data on the hyperplane of the neuron have theirs.
    """
    X, y, arrays = result.X, result.y, result.arrays
    require_plane(X)
    u, pull, moved = arrays["u"], arrays["pull"], arrays["u"] + arrays["velocity"]
    limit = 1.15 * max(float(np.abs(vectors).max()) for vectors in (X, pull, moved))
    yield Panel(_force_marks(X, y, u, pull, moved, limit), **square(limit))


def _force_marks(
    X: np.ndarray, y: np.ndarray, u: np.ndarray, pull: np.ndarray, moved: np.ndarray, limit: float
) -> Iterator[Mark]:
    along = np.array([-u[1], u[0]])
    corners = 3.0 * limit * np.stack([along, along + u, u - along, -along])
    yield Region(*corners.T, colour=style.DEAD, opacity=0.2, zorder=0,
                 label=r"active: $\langle x, w_j\rangle > 0$")  # fmt: skip
    yield Line(*corners[[0, 3]].T, colour=style.FRAME, width=0.8, zorder=1)
    yield from data_marks(X, y)
    on = np.abs(X @ u) <= 1e-12 * np.linalg.norm(X, axis=1)
    for x in X[on]:
        across = 3.0 * limit * np.array([-x[1], x[0]]) / np.linalg.norm(x)
        yield Line(*np.stack([-across, across]).T, dash=":", colour=style.FRAME, width=0.8,
                   label=r"hyperplane of a datum, $\langle x_i, w\rangle = 0$")  # fmt: skip
    for start, end, colour, name, width in (
        (0 * u, u, style.DATA, r"$w_j$", 1.6),
        (0 * u, pull, style.THEORY, r"$x_a(w_j)$", 1.2),
        (u, moved, style.LEARNED, r"$P_w\,x_a(w_j)$", 1.6),
    ):
        yield Arrows(start, end, colour=colour, width=width, zorder=4)
        up = 5.0 if end[1] >= 0 else -5.0  # beyond the tip, on the side that is further away
        side = -0.1 if end[0] > 0.3 * limit else 0.1
        yield Text(end[0], end[1], name, colour=colour, size=8.0, offset=(side, up), zorder=6)
    for index, x in enumerate(X, start=1):
        if not on.any() or on[index - 1]:
            yield Text(x[0], x[1], f"$x_{index}$", offset=(4.0, 4.0), zorder=6)


topic.figure(
    "1", "The force on the direction of a small neuron of V_+: the signed sum of the data it is "
    "active on, projected.",
    on=(FORCE,), file="figure-1-force", layout=(1, 1, style.COLUMN, 3.5),
)(force_panel)  # fmt: skip


@topic.figure(
    "2", "Exact paths of two neurons of V_+: 1 repelled by x_-, 2 to S_dead, 3 to S_+.",
    on=(PLANE_PATHS,), file="figure-2-paths", layout=(1, 1, style.COLUMN, 3.6),
)  # fmt: skip
def paths(result: Study) -> Iterator[Panel]:
    """Directions as arcs: (1) and (2), the first neuron in S_- and from there on; (3), the second.

    A dot where a neuron starts. NotDrawable for fewer than two neurons.
    """
    if len(result.arrays["start"]) < 2:
        raise NotDrawable("Figure 2 shows two neurons; give two or more angles in options.start")
    require_plane(result.X)
    times, angle = result.arrays["times"], result.arrays["angle"]
    repelled, gaining, *_ = unpack(result)
    left = int(np.searchsorted(times, repelled.t[1])) if len(repelled.t) > 1 else len(times)
    arrived = int(np.searchsorted(times, gaining.t[-1])) + 1
    limit = half_side(result.X)
    marks = [*cone_marks(result.X, result.y), *data_marks(result.X, result.y)]
    for number, (part, radius) in enumerate(
        ((angle[0, : left + 1], 0.7), (angle[0, left:], 0.7), (angle[1, :arrived], 0.42)), start=1
    ):
        marks += _stretch(number, part, radius * limit, limit)
    yield Panel(marks, **square(limit))


def _stretch(number: int, angle: np.ndarray, radius: float, limit: float) -> Iterator[Mark]:
    """A part of a path, angles (K,) in degrees, on a circle; its number; a dot at a start."""
    arc = radius * direction(angle)
    yield Line(*arc.T, width=1.6, zorder=3, label="neuron of $V_+$")
    if np.ptp(angle) > 1.0:
        last = radius * direction(angle[-1] - 2.0 * np.sign(angle[-1] - angle[0]))
        yield Arrows(last, arc[-1], colour=style.LEARNED, zorder=4)
        middle = (radius + 0.1 * limit) * direction((angle[0] + angle[-1]) / 2)
        yield Points(*middle, size=10.0, fill="white", edge=style.LEARNED, zorder=5)
        yield Text(middle[0], middle[1], str(number), zorder=6)
    if number != 2:
        yield Points(*arc[0], zorder=4)


topic.figure(
    "3", "At the hyperplane of a positive datum the force moves a neuron of V_+ towards "
    "gaining it.",
    on=(FORCE_AT_BOUNDARY,), file="figure-3-boundary", layout=(1, 1, style.COLUMN, 3.6),
)(force_panel)  # fmt: skip
