"""Margins and cones of the API: closed forms, bounds, symmetries."""

from __future__ import annotations

import numpy as np
import pytest

import flowrepro as fr
from flowrepro.theory.margin import Inseparable, Separator, normalised_margin


@pytest.mark.parametrize("alpha", [0.0, 0.3, 1.0])
def test_two_opposite_points(alpha: float) -> None:
    """x = +-2 e_1 with labels +-1: gamma* = 2; one neuron is held back by the point that it sees
    with slope alpha.

    w = c (beta, -beta') with both signs of a: q = (beta + alpha beta') 2 on the first point and the
    same on the other, beta + beta' = 1 / 2, so that the largest margin is (1 + alpha) / 2 at beta =
    beta' = 1 / 4.
    """
    found = fr.margin([[2.0, 0.0], [-2.0, 0.0]], [1, -1], alpha=alpha)
    assert isinstance(found.separator, Separator)
    assert found.separator.margin == pytest.approx(2.0)
    assert found.one_neuron[1] == pytest.approx(alpha)
    assert found.one_neuron[-1] == pytest.approx(alpha)
    assert found.largest is not None
    assert found.largest.lower == pytest.approx((1 + alpha) / 2)
    assert found.largest.lower <= found.largest.upper * (1 + 1e-12)


@pytest.mark.parametrize("size", [(2, 1), (3, 2), (7, 3), (8, 2), (9, 3)], ids=str)
def test_the_largest_margin_bounds_every_network(size: tuple[int, int]) -> None:
    n, d = size
    rng = np.random.default_rng(size)
    X, w = rng.standard_normal((n, d)), rng.standard_normal(d)
    y = np.sign(X @ w)
    found = fr.margin(X, y, alpha=0.5)
    assert isinstance(found.separator, Separator)
    assert found.largest is not None
    assert max(found.one_neuron.values()) <= found.largest.upper * (1 + 1e-9)
    best = normalised_margin(X, y, found.largest.W, found.largest.a, 0.5)
    assert best == pytest.approx(found.largest.lower)
    for _ in range(20):
        network = rng.standard_normal((4, d)), rng.standard_normal(4)
        assert normalised_margin(X, y, *network, 0.5) <= found.largest.upper * (1 + 1e-9)


def test_points_that_no_line_separates() -> None:
    X = [[1.0, 1.0], [-1.0, -1.0], [1.0, -1.0], [-1.0, 1.0]]
    found = fr.margin(X, [1, 1, -1, -1])
    assert isinstance(found.separator, Inseparable)
    assert found.one_neuron == {1: 0.0, -1: 0.0}
    assert found.largest is not None
    assert found.largest.lower > 0


@pytest.mark.parametrize(
    ("X", "y", "sentence"),
    [
        ([[1.0], [2.0]], [1, 0], "y[1] is 0 but a margin needs labels y in {-1, +1}; use 2 * y - 1"),
        ([1.0, 2.0], [1, -1], "X has shape (2,) but must be (n, d): one row per sample; use X[:, None] for points on a line"),
    ],
)  # fmt: skip
def test_what_a_margin_refuses(X: list[float], y: list[int], sentence: str) -> None:
    with pytest.raises(fr.DataError) as refusal:
        fr.margin(X, y)
    assert str(refusal.value) == sentence


def test_cones_of_orthogonal_points() -> None:
    """The quadrants and their four rays; D = (1, -1/2) / 2 restricted to what a cone sees."""
    found = fr.cones(np.eye(2), [1.0, -0.5])
    assert len(found) == 8
    assert sorted(map(tuple, found.patterns.tolist())) == [(-1, -1), (-1, 1), (1, -1), (1, 1)]
    best = next(vector for vector in found.extremal if vector.kind == "maximum")
    assert np.allclose(best.direction, [1.0, 0.0])
    assert np.allclose(best.force, [0.5, 0.0])
    assert found.directions.shape == (len(found.extremal), 2)


@pytest.mark.parametrize("n", [1, 2, 3, 7, 8])
def test_cones_of_generic_points_in_the_plane(n: int) -> None:
    X = np.random.default_rng(n).standard_normal((n, 2))
    found = fr.cones(X, np.ones(n), alpha=0.2, loss="exp")
    assert len(found.patterns) == (2 * n if n > 1 else 2)
    for vector in found.extremal:
        assert np.linalg.norm(vector.direction) == pytest.approx(1.0)
        assert np.array_equal(np.sign(X @ vector.direction) * (vector.pattern != 0), vector.pattern)


def test_too_many_cones_are_refused() -> None:
    with pytest.raises(fr.DataError, match="give fewer points or fewer features"):
        fr.cones(np.random.default_rng(0).standard_normal((200, 5)), np.ones(200))
