"""Networks in a plane: where they change their sign, and the marks with which they are drawn."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from flowrepro.core.network import predict
from flowrepro.figures import style
from flowrepro.figures.panels import HeatMap, Mark, Points

Curve = Callable[[np.ndarray], np.ndarray]
REACH = 3.0
"""Height |v| up to which the zero line of a net is followed in the plane of Figure 4."""
HALVINGS = 60
"""Enough to reach neighbouring doubles."""


def sign_changes(f: Curve, grid: np.ndarray) -> np.ndarray:
    """Zeros (k,) of f between neighbours of a grid with different signs, by bisection."""
    values = f(grid)
    left = np.flatnonzero((values[:-1] > 0) != (values[1:] > 0))
    low, high, sign = grid[left], grid[left + 1], values[left] > 0
    for _ in range(HALVINGS):
        middle = 0.5 * (low + high)
        same = (f(middle) > 0) == sign
        low, high = np.where(same, middle, low), np.where(same, high, middle)
    return np.asarray(0.5 * (low + high))


def zero_rays(W: np.ndarray, a: np.ndarray, alpha: float) -> np.ndarray:
    """Angles in degrees, in (-180, 180], of the rays where f changes its sign; W (m, 2)."""

    def around(degrees: np.ndarray) -> np.ndarray:
        t = np.radians(degrees)
        return predict(np.column_stack([np.cos(t), np.sin(t)]), W, a, alpha)

    # off the axes, where symmetric networks vanish
    return sign_changes(around, np.linspace(-179.987, 180.013, 3601))


def crossings(f: Curve, heights: np.ndarray, reach: float) -> np.ndarray:
    """For each height v the zero u of f((u, v)) in [-reach, reach] nearest to 0; else nan."""
    grid = np.linspace(-reach, reach * 1.0001, 2001)
    found = []
    for height in heights:
        roots = sign_changes(lambda u, v=height: f(np.column_stack([u, np.full_like(u, v)])), grid)  # type: ignore[misc]
        found.append(roots[np.argmin(np.abs(roots))] if roots.size else np.nan)
    return np.array(found)


def plane(
    W: np.ndarray, a: np.ndarray, alpha: float, axes: np.ndarray, offset: np.ndarray
) -> Curve:
    """f at offset + u axes_0 + v axes_1, a function of points (u, v); axes (2, d), offset (d,)."""
    return lambda points: predict(points @ axes + offset, W, a, alpha)


def tilt_and_bend(f: Curve, reach: float) -> tuple[float, float]:
    """Angle of the zero line u(v), |v| <= reach, and its largest distance from a straight line.

    The angle is in degrees from the vertical, positive where u grows with v. nan where f does not
    vanish at every height.
    """
    heights = np.linspace(-reach, reach, 61)
    u = crossings(f, heights, 4 * reach)
    if not np.all(np.isfinite(u)):
        return float("nan"), float("nan")
    slope, start = np.polyfit(heights, u, 1)
    bend = np.abs(u - slope * heights - start).max() / np.hypot(1.0, slope)
    return float(np.degrees(np.arctan(slope))), float(bend)


def in_plane(
    alpha: float,
    most: int,
    w: np.ndarray,
    W: np.ndarray,
    a: np.ndarray,
    X: np.ndarray,
    y: np.ndarray,
) -> dict[str, np.ndarray | float]:
    """A net, a separator and points in the plane of `figure_axes`.

    The bias feature stays at its value.
    """
    axes, offset = figure_axes(w), bias_offset(len(w))
    label, points = np.full(most, np.nan), np.full((most, 2), np.nan)
    label[: len(y)] = y
    points[: len(y)] = X @ axes.T
    tilt_net, bend = tilt_and_bend(plane(W, a, alpha, axes, offset), REACH)
    tilt_svm, _ = tilt_and_bend(lambda p: (p @ axes + offset) @ w, REACH)
    return {
        "tilt_svm": tilt_svm,
        "tilt_net": tilt_net,
        "bend": bend,
        "points": points,
        "label": label,
        "axes": axes,
        "w": w,
        "W": W,
        "a": a,
    }


def figure_axes(w: np.ndarray) -> np.ndarray:
    """Unit vectors (2, d): the true normal e_1, and what w has besides it and the bias feature."""
    across = w.copy()
    across[[0, -1]] = 0.0
    return np.stack([np.eye(len(w))[0], across / np.linalg.norm(across)])


def bias_offset(d: int) -> np.ndarray:
    """(0, ..., 0, 0.1): the bias feature of `shifted_gaussian`, the last coordinate."""
    return np.append(np.zeros(d - 1), 0.1)


def on_grid(f: Curve, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """f (len(y), len(x)) at the points of a grid."""
    points = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)
    return f(points).reshape(len(y), len(x))


def shades(x: np.ndarray, y: np.ndarray, value: np.ndarray) -> Mark:
    """Filled contours of a network's output; lighter is higher."""
    return HeatMap(value, x=x, y=y, colours="light", levels=14)


def classes(points: np.ndarray, label: np.ndarray, size: float = 5.0) -> list[Mark]:
    """Points (n, 2) of both classes: discs for +1, triangles for -1."""
    looks = ((1, "o", style.POSITIVE, "$y=+1$"), (-1, "^", style.NEGATIVE, "$y=-1$"))
    return [
        Points(
            *points[label == sign].T,
            marker=marker,
            colour=colour,
            size=size,
            edge="white",
            label=name,
            zorder=4,
        )
        for sign, marker, colour, name in looks
    ]
