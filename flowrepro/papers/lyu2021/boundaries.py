"""Where a network changes its sign: on the circle, along lines, and in a plane."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from flowrepro.core.network import predict

Curve = Callable[[np.ndarray], np.ndarray]
HALVINGS = 60
"""Enough to reach neighbouring doubles."""


def sign_changes(f: Curve, grid: np.ndarray) -> np.ndarray:
    """Zeros (k,) of f between neighbours of a grid at which its signs differ, by bisection of all of them at once."""
    values = f(grid)
    left = np.flatnonzero((values[:-1] > 0) != (values[1:] > 0))
    low, high, sign = grid[left], grid[left + 1], values[left] > 0
    for _ in range(HALVINGS):
        middle = 0.5 * (low + high)
        same = (f(middle) > 0) == sign
        low, high = np.where(same, middle, low), np.where(same, high, middle)
    return np.asarray(0.5 * (low + high))


def zero_rays(W: np.ndarray, a: np.ndarray, alpha: float) -> np.ndarray:
    """Angles in degrees, in (-180, 180], of the rays on which f vanishes with a change of sign; W (m, 2)."""

    def around(degrees: np.ndarray) -> np.ndarray:
        return predict(
            np.column_stack([np.cos(np.radians(degrees)), np.sin(np.radians(degrees))]), W, a, alpha
        )

    return sign_changes(
        around, np.linspace(-179.987, 180.013, 3601)
    )  # off the axes, where symmetric networks vanish


def crossings(f: Curve, heights: np.ndarray, reach: float) -> np.ndarray:
    """For each height v the zero u in [-reach, reach] of f((u, v)) nearest to 0, (len(heights),); nan where there is none."""
    grid = np.linspace(-reach, reach * 1.0001, 2001)
    found = []
    for height in heights:
        roots = sign_changes(lambda u, v=height: f(np.column_stack([u, np.full_like(u, v)])), grid)  # type: ignore[misc]
        found.append(roots[np.argmin(np.abs(roots))] if roots.size else np.nan)
    return np.array(found)


def plane(
    W: np.ndarray, a: np.ndarray, alpha: float, axes: np.ndarray, offset: np.ndarray
) -> Curve:
    """f on the plane offset + u axes_0 + v axes_1, as a function of points (u, v); axes (2, d), offset (d,)."""
    return lambda points: predict(points @ axes + offset, W, a, alpha)


def tilt_and_bend(f: Curve, reach: float) -> tuple[float, float]:
    """Angle in degrees of the zero line u(v), |v| <= reach, from the vertical, positive towards u > 0 above; and its largest distance from straight.

    nan where f does not vanish at every height.
    """
    heights = np.linspace(-reach, reach, 61)
    u = crossings(f, heights, 4 * reach)
    if not np.all(np.isfinite(u)):
        return float("nan"), float("nan")
    slope, start = np.polyfit(heights, u, 1)
    return float(np.degrees(np.arctan(slope))), float(
        np.abs(u - slope * heights - start).max() / np.hypot(1.0, slope)
    )
