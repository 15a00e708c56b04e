"""What the contour plots of lyu2021 share: shades of a network's output, and the points of two classes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from flowrepro.figures import style

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def shade(ax: Axes, x: np.ndarray, y: np.ndarray, value: np.ndarray, levels: int = 14) -> None:
    """Filled contours, lighter is higher, none so dark that points vanish on it."""
    from matplotlib.colors import LinearSegmentedColormap

    ax.contourf(
        x,
        y,
        value,
        levels=levels,
        cmap=LinearSegmentedColormap.from_list("shades", ["0.45", "1.0"]),
    )


def zero_contour(
    ax: Axes,
    x: np.ndarray,
    y: np.ndarray,
    value: np.ndarray,
    colour: str,
    width: float,
    dashes: str = "solid",
) -> None:
    """The line on which the value vanishes; nothing where it has one sign only."""
    if np.any(value > 0) and np.any(value < 0):
        ax.contour(x, y, value, levels=[0.0], colors=colour, linewidths=width, linestyles=dashes)


def draw_classes(ax: Axes, points: np.ndarray, label: np.ndarray, size: float = 5.0) -> None:
    """Discs for +1, triangles for -1."""
    for sign, marker, colour, name in (
        (1, "o", style.POSITIVE, "$y=+1$"),
        (-1, "^", style.NEGATIVE, "$y=-1$"),
    ):
        ax.plot(
            *points[label == sign].T,
            marker,
            color=colour,
            markersize=size,
            markeredgecolor="white",
            markeredgewidth=size / 9,
            label=name,
            zorder=4,
        )
