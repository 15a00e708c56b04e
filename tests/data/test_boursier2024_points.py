"""The points of boursier2024: what the paper says of them, and the numbers measured on them."""

from __future__ import annotations

import numpy as np
import pytest

from flowrepro.data.points import TEACHER_KNOTS, eight_pieces, teacher, three_points, three_points_in_boxes
from flowrepro.errors import UsageError


@pytest.mark.parametrize(
    ("points", "solution", "mse"),
    [
        (three_points(), (-4 / 65, 251 / 390), 0.17504273504),
        (three_points_in_boxes(), (-0.0477903, 0.7507965), 0.2104320829),
    ],
    ids=["Figure 2", "Figure 1"],
)
def test_least_squares_of_the_three_points(points: object, solution: tuple[float, float], mse: float) -> None:
    X, y = points.X, points.y  # type: ignore[attr-defined]
    beta = np.linalg.lstsq(X, y, rcond=None)[0]
    assert np.allclose(beta, solution, atol=1e-7)
    assert abs(np.mean((X @ beta - y) ** 2) - mse) <= 1e-10


def test_boxes_of_assumption_3() -> None:
    """eta = 1/6: x1 in [-1, -1 + eta], x2 in [-eta, eta], x3 in [1 - eta, 1]; y1, y3 in [1, 1 +
    eta], y2 in [0, eta].
    """
    points, eta = three_points_in_boxes(), 1 / 6
    assert np.all(np.abs(points.X[:, 0] - (-1 + eta / 2, 0, 1 - eta / 2)) <= (eta / 2, eta, eta / 2))
    assert np.all(np.abs(points.y - (1 + eta / 2, eta / 2, 1 + eta / 2)) <= eta / 2)


def test_forty_points_on_eight_pieces() -> None:
    points = eight_pieces()
    x = points.X[:, 0]
    assert points.X.shape == (40, 2)
    assert np.all(np.diff(x) > 0)
    assert np.all(np.abs(x) <= 1)
    assert np.array_equal(points.y, teacher(x))
    slopes = np.diff(TEACHER_KNOTS[1]) / np.diff(TEACHER_KNOTS[0])
    assert np.sum(np.abs(np.diff(slopes)) > 1e-9) == 7


def test_other_points_of_the_teacher() -> None:
    assert np.array_equal(eight_pieces(seed=3).X, eight_pieces(seed=3).X)
    assert eight_pieces(seed=3, n=7).X.shape == (7, 2)
    with pytest.raises(UsageError, match="40, not 7"):
        eight_pieces(n=7)
