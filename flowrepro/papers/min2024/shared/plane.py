"""The plane as the figures of min2024 show it: data, cones S_+, S_- and S_dead, rays of x_+-."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from flowrepro.engines.alignment import Fate
from flowrepro.figures import NotDrawable, style
from flowrepro.figures.panels import Line, Mark, Points, Region, Text
from flowrepro.papers.min2024.shared.regions import direction, sectors
from flowrepro.theory.alignment import class_sums

if TYPE_CHECKING:
    from matplotlib.axes import Axes

CONES = {
    Fate.POSITIVE: (style.POSITIVE, "$S_+$"),
    Fate.NEGATIVE: (style.NEGATIVE, "$S_-$"),
    Fate.DEAD: (style.DEAD, r"$S_\mathrm{dead}$"),
}
"""Cone -> its colour and name; what lies in none of them stays white."""


def require_plane(X: np.ndarray) -> None:
    """NotDrawable for points (n, d) that do not lie in the plane."""
    if X.shape[1] != 2:
        raise NotDrawable(
            "this figure draws directions in the plane, so it needs points with d = 2; "
            f"these have d = {X.shape[1]}"
        )


def half_side(X: np.ndarray) -> float:
    """Half the side of a square panel around the points."""
    return 1.12 * float(np.abs(X).max())


def square(limit: float) -> dict[str, Any]:
    """Looks of a panel from -limit to limit on both axes, without ticks."""
    sides = {"xlim": (-limit, limit), "ylim": (-limit, limit)}
    return {**sides, "aspect": "equal", "xticks": (), "yticks": ()}


def cone_marks(X: np.ndarray, y: np.ndarray, *, names: bool = True) -> Iterator[Mark]:
    """The cones as sectors with their names, and x_+ and x_- as dashed rays."""
    limit = half_side(X)
    for sector in sectors(X, y):
        if sector.region in CONES:
            colour, name = CONES[sector.region]
            arc = 2.0 * limit * direction(np.linspace(sector.start, sector.end, 60))
            yield Region([0.0, *arc[:, 0]], [0.0, *arc[:, 1]], colour=colour, opacity=0.16)
            if names:
                x, up = 0.84 * limit * direction((sector.start + sector.end) / 2)
                yield Text(x, up, name, colour=colour, size=8.0, zorder=6)
    for total, sign, colour in zip(
        class_sums(X, y), "+-", (style.POSITIVE, style.NEGATIVE), strict=True
    ):
        if np.any(total):
            end = 2.0 * limit * total / np.linalg.norm(total)
            yield Line([0, end[0]], [0, end[1]], dash="--", width=0.7, colour=colour, zorder=1.5,
                       label=f"ray of $x_{sign}$")  # fmt: skip


def data_marks(X: np.ndarray, y: np.ndarray) -> Iterator[Mark]:
    """The data of both classes."""
    for sign, marker, colour in (("+", "P", style.POSITIVE), ("-", "X", style.NEGATIVE)):
        chosen = y * float(f"{sign}1") > 0
        if chosen.any():
            yield Points(*X[chosen].T, marker=marker, colour=colour, size=5.5, edge="white",
                         zorder=5, label=f"$y_i = {sign}1$")  # fmt: skip


def draw_arrow(
    ax: Axes,
    start: Sequence[float] | np.ndarray,
    end: Sequence[float] | np.ndarray,
    colour: str,
    *,
    zorder: float = 4,
    width: float = 1.2,
) -> None:
    """An arrow between two points of the plane, for figures that draw on axes themselves."""
    tips = {"arrowstyle": "-|>", "color": colour, "linewidth": width, "mutation_scale": 8}
    ax.annotate(
        "",
        xy=(float(end[0]), float(end[1])),
        xytext=(float(start[0]), float(start[1])),
        arrowprops=tips | {"shrinkA": 0, "shrinkB": 0},
        zorder=zorder,
    )
