"""Every toy set of the papers, typed in once. A trailing 1 in a row of X is the bias feature."""

from __future__ import annotations

import numpy as np

from flowrepro.trajectory import Dataset


def _on_a_line(x: list[float], y: list[float], note: str) -> Dataset:
    """Points of the real line with the constant feature 1 appended: X (n, 2)."""
    return Dataset(np.column_stack([x, np.ones(len(x))]), np.array(y), note)


def two_points() -> Dataset:
    """The orthogonal toy of boursier2022, Section 5: x1 = (-0.5, 1), y1 = -1; x2 = (2, 1), y2 = 1."""
    return _on_a_line([-0.5, 2.0], [-1.0, 1.0], "two orthogonal points on a line, bias included (boursier2022, Section 5)")


def five_points() -> Dataset:
    """The five non-orthogonal points of boursier2022, Figures 4 and 5."""
    x, y = [-1.5, -1.0, 0.0, 0.25, 2.0], [0.7, -0.3, -0.3, 0.4, 0.2]
    return _on_a_line(x, y, "five points on a line, bias included (boursier2022, Figures 4 and 5)")
