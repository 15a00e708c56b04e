"""Every toy set of the papers, typed in once. A trailing 1 in a row of X is the bias feature."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from flowrepro.core.trajectory import Dataset
from flowrepro.errors import UsageError


def _on_a_line(x: list[float], y: list[float], note: str) -> Dataset:
    """Points of the real line with the constant feature 1 appended: X (n, 2)."""
    return Dataset(np.column_stack([x, np.ones(len(x))]), np.array(y), note)


def two_points() -> Dataset:
    """The orthogonal toy of boursier2022, Section 5: x1 = (-0.5, 1), y1 = -1; x2 = (2, 1), y2 =
    1.
    """
    return _on_a_line(
        [-0.5, 2.0],
        [-1.0, 1.0],
        "two orthogonal points on a line, bias included (boursier2022, Section 5)",
    )


def orthonormal(labels: Sequence[float] = (1.0, 0.6, -0.5, -0.3)) -> Dataset:
    """The unit vectors of R^n with the given labels (boursier2022, Assumption 1; the four labels
    are ours, with ||D+|| = 2 ||D-||).
    """
    y = np.array(labels, dtype=np.float64)
    if y.ndim != 1 or not 1 <= len(y) <= 1000 or not np.all(np.isfinite(y)):
        raise UsageError(
            f"data.options.labels must be a list of 1 to 1000 finite numbers, not '{labels}'"
        )
    return Dataset(np.eye(len(y)), y, f"{len(y)} orthonormal points (boursier2022, Assumption 1)")


def five_points() -> Dataset:
    """The five non-orthogonal points of boursier2022, Figures 4 and 5."""
    x, y = [-1.5, -1.0, 0.0, 0.25, 2.0], [0.7, -0.3, -0.3, 0.4, 0.2]
    return _on_a_line(x, y, "five points on a line, bias included (boursier2022, Figures 4 and 5)")


def three_points() -> Dataset:
    """The three points of boursier2024, Figure 2, on which training ends at ordinary least
    squares.
    """
    return _on_a_line(
        [-0.75, -0.5, 0.125],
        [1.1, 0.1, 0.8],
        "three points on a line, bias included (boursier2024, Figure 2)",
    )


def three_points_in_boxes() -> Dataset:
    """Three points inside the boxes of boursier2024, Assumption 3 with eta = 1/6 (Figure 1; the
    coordinates are ours).
    """
    return _on_a_line(
        [-0.9, 0.05, 0.9],
        [1.1, 0.1, 1.05],
        "three points in the boxes of Assumption 3, eta = 1/6 (boursier2024, Figure 1)",
    )


TEACHER_KNOTS = (
    (-1.0, -0.7, -0.55, -0.4, 0.0, 0.5, 0.6, 0.7, 1.0),
    (0.0, 0.7, 0.5, 1.0, 0.0, 1.0, 0.6, 0.7, 0.0),
)
"""Places and values of the knots of the piecewise linear teacher of boursier2024, Figure 3."""

_READ_OFF = """
-.8904 -.8120 -.7210 -.7030 -.6784 -.6337 -.6073 -.4711 -.3754 -.2733 -.2253 -.1747 -.1345
-.1150 -.0952 -.0741 -.0634 -.0355 .0602 .0638 .0911 .1030 .1544 .4012 .4050 .4099 .4170 .4238
.4301 .4356 .4599 .4760 .5101 .5387 .6780 .7152 .7998 .8989 .9723 .9774"""


def teacher(x: np.ndarray) -> np.ndarray:
    """The teacher of boursier2024, Figure 3: eight linear pieces on [-1, 1], any shape."""
    return np.asarray(np.interp(x, *TEACHER_KNOTS))


def eight_pieces(seed: int | None = None, n: int = 40) -> Dataset:
    """n points x ~ U(-1, 1) on the teacher of boursier2024, Figure 3.

    Without a seed: the authors' 40 points, read off their animation to 0.003 (0.4050, 0.4170 and
    0.4301 are hidden behind others there and reconstructed).
    """
    if seed is None and n != 40:
        raise UsageError(
            f"the points of Figure 3 are 40, not {n}; set data.options.seed to draw others"
        )
    x = (
        np.array([float(word) for word in _READ_OFF.split()])
        if seed is None
        else np.random.default_rng(seed).uniform(-1.0, 1.0, n)
    )
    note = (
        f"{n} points on a teacher of eight linear pieces, "
        f"{'read off the animation of' if seed is None else f'seed {seed},'} boursier2024, Figure "
        "3"
    )
    return _on_a_line(list(x), list(teacher(x)), note)
