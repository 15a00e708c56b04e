"""The plane as the figures of min2024 show it: data, the cones S_+, S_- and S_dead, and the rays of x_+ and x_-."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from flowrepro.engines.alignment import Fate
from flowrepro.figures import NotDrawable, style
from flowrepro.papers.min2024.regions import direction, sectors
from flowrepro.theory.alignment import class_sums

if TYPE_CHECKING:
    from matplotlib.axes import Axes

NAMED = {
    Fate.POSITIVE: (style.POSITIVE, "$S_+$"),
    Fate.NEGATIVE: (style.NEGATIVE, "$S_-$"),
    Fate.DEAD: (style.DEAD, r"$S_\mathrm{dead}$"),
}
"""Region -> its colour and name; what is in none of the cones stays white."""


class Plane(NamedTuple):
    """Points X (n, 2), y (n,), x_+ and x_- as sums (2, 2), start and end (k,) in degrees of the cones, and which (k,) they are."""

    X: np.ndarray
    y: np.ndarray
    sums: np.ndarray
    start: np.ndarray
    end: np.ndarray
    cone: tuple[str, ...]

    @property
    def limit(self) -> float:
        """Half the side of the panel."""
        return 1.12 * float(np.abs(self.X).max())


def collect_plane(X: np.ndarray, y: np.ndarray) -> Plane:
    """The picture of points (n, 2); `NotDrawable` in another dimension."""
    if X.shape[1] != 2:
        raise NotDrawable(
            f"this figure draws directions in the plane, so it needs points with d = 2; these have d = {X.shape[1]}"
        )
    shown = [sector for sector in sectors(X, y) if sector.region in NAMED]
    start, end = (
        np.array([getattr(sector, side) for sector in shown]) for side in ("start", "end")
    )
    return Plane(X, y, class_sums(X, y), start, end, tuple(sector.region.value for sector in shown))


def draw_plane(ax: Axes, plane: Plane, *, names: bool = True, sums: bool = True) -> None:
    """Shaded cones with their names, data as points, x_+ and x_- as dashed rays, without tick marks."""
    from matplotlib.patches import Wedge

    limit = plane.limit
    for start, end, value in zip(plane.start, plane.end, plane.cone, strict=True):
        colour, name = NAMED[Fate(value)]
        ax.add_patch(
            Wedge((0.0, 0.0), 2.0 * limit, start, end, facecolor=colour, alpha=0.16, linewidth=0)
        )
        if names:
            x, y = 0.84 * limit * direction((start + end) / 2)
            ax.text(x, y, name, ha="center", va="center", color=colour, zorder=6)
    if sums:
        for vector, sign, colour in zip(
            plane.sums, "+-", (style.POSITIVE, style.NEGATIVE), strict=True
        ):
            if np.any(vector):
                end = 2.0 * limit * vector / np.linalg.norm(vector)
                ax.plot(
                    [0, end[0]],
                    [0, end[1]],
                    "--",
                    color=colour,
                    linewidth=0.7,
                    zorder=1.5,
                    label=f"ray of $x_{sign}$",
                )
    for chosen, marker, colour, label in (
        (plane.y > 0, "P", style.POSITIVE, "$y_i = +1$"),
        (plane.y < 0, "X", style.NEGATIVE, "$y_i = -1$"),
    ):
        if chosen.any():
            ax.plot(
                *plane.X[chosen].T,
                marker,
                color=colour,
                markersize=5.5,
                markeredgecolor="white",
                markeredgewidth=0.5,
                zorder=5,
                label=label,
            )
    ax.set(xlim=(-limit, limit), ylim=(-limit, limit), aspect="equal", xticks=[], yticks=[])
    for side in ("top", "right"):
        ax.spines[side].set_visible(True)


def draw_arrow(
    ax: Axes,
    start: Sequence[float] | np.ndarray,
    end: Sequence[float] | np.ndarray,
    colour: str,
    *,
    zorder: float = 4,
    width: float = 1.2,
) -> None:
    """An arrow between two points of the plane, its head where it ends."""
    tips = {
        "arrowstyle": "-|>",
        "color": colour,
        "linewidth": width,
        "shrinkA": 0,
        "shrinkB": 0,
        "mutation_scale": 8,
    }
    ax.annotate(
        "",
        xy=(float(end[0]), float(end[1])),
        xytext=(float(start[0]), float(start[1])),
        arrowprops=tips,
        zorder=zorder,
    )
