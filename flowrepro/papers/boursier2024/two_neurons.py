"""The network of two neurons that fits three points on which training ends at least squares (boursier2024, Section 4)."""

from __future__ import annotations

import numpy as np


def two_neurons(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    """W (2, 2), a (2,) > 0 through three points of the line with features (x, 1): two rays that rise from one foot of height 0.

    The left one goes through the first two points, the right one through the last. None where that cannot be, for want of
    labels that fall, then rise, and stay above 0.
    """
    order = np.argsort(x)
    (x1, x2, x3), (y1, y2, y3) = x[order], y[order]
    if not (y1 > y2 >= 0 and y3 > 0):
        return None
    foot = x2 + y2 * (x2 - x1) / (y1 - y2)
    if not foot < x3:
        return None
    return np.array([[-1.0, foot], [1.0, -foot]]), np.array(
        [(y1 - y2) / (x2 - x1), y3 / (x3 - foot)]
    )
