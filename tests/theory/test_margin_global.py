"""The largest margin over all widths: brackets, closed forms, and the exact inner maximum against
brute force.
"""

from __future__ import annotations

from math import comb

import numpy as np
import pytest

from flowrepro import data
from flowrepro.core.config import Data
from flowrepro.core.network import activation
from flowrepro.errors import DataError, NumericalError, UsageError
from flowrepro.theory.margin import Separator, hard_margin, normalised_margin
from flowrepro.theory.margin_global import cells, largest_margin, steepest

LARGEST = [
    ("symmetric-example", {}, 0.375),
    ("constant-feature", {}, 0.1489580),
    ("hinted", {}, 0.1453095),
    ("symmetric", {"d": 3, "h": 8, "seed": 1}, 0.1208376),
]


@pytest.mark.parametrize(("name", "options", "value"), LARGEST)
def test_the_bracket_closes_on_the_measured_value(name: str, options: dict[str, int], value: float) -> None:
    points = data.load(Data(name=name, options=options))
    found = largest_margin(points.X, points.y, 0.5)
    assert 0 <= found.upper - found.lower <= 1e-8 * found.upper + 1e-16
    assert found.lower == pytest.approx(value, abs=1e-7)
    assert normalised_margin(points.X, points.y, found.W, found.a, 0.5) == found.lower
    assert np.vdot(found.W, found.W) + found.a @ found.a == pytest.approx(1.0, rel=1e-12)
    assert np.all(found.duals >= 0)
    assert found.duals.sum() == pytest.approx(1.0)


def test_the_hinted_optimum_in_closed_form() -> None:
    """Two positive neurons (p, +-1.4 p), p = 1 / sqrt(2.96), of margin p / 4."""
    points, p = data.load(Data(name="hinted")), 1 / np.sqrt(2.96)
    assert largest_margin(points.X, points.y, 0.5).lower == pytest.approx(p / 4, abs=2e-9)
    W = np.array([[p, 1.4 * p], [p, -1.4 * p]]) / 2
    assert normalised_margin(points.X, points.y, W, np.full(2, 0.5), 0.5) == pytest.approx(p / 4, rel=1e-14)


@pytest.mark.parametrize("alpha", [0.0, 0.1, 0.5, 0.9])
def test_linear_networks_are_optimal_on_symmetric_data(alpha: float) -> None:
    """lyu2021 Theorem 4.2: (1 + alpha) / 4 times the linear margin, also through the dual
    certificate.
    """
    for name, options in (("symmetric-example", {"alpha": alpha}), ("symmetric", {"seed": 4, "h": 5})):
        points = data.load(Data(name=name, options=options))
        linear = hard_margin(points.X, points.y)
        assert isinstance(linear, Separator)
        value = (1 + alpha) / 4 * linear.margin
        found = largest_margin(points.X, points.y, alpha)
        assert found.lower == pytest.approx(value, rel=1e-7)
        half = len(points.y) // 2
        duals = (linear.duals + np.roll(linear.duals, half)) / (2 * linear.duals.sum())
        height, _ = steepest(points.X, points.y, alpha, duals, cells(points.X))
        assert height / 2 == pytest.approx(value, rel=1e-12)


@pytest.mark.parametrize(
    ("n", "d", "alpha", "seed"), [(5, 2, 0.5, 0), (9, 2, 0.0, 1), (7, 3, 0.5, 2), (8, 3, 0.0, 3), (6, 4, 0.3, 4)]
)
def test_the_inner_maximum_is_the_maximum(n: int, d: int, alpha: float, seed: int) -> None:
    """No unit vector of 200000 is higher, and the best of them comes close."""
    rng = np.random.default_rng(seed)
    X, y, lam = (rng.standard_normal((n, d)), np.where(rng.random(n) < 0.5, -1.0, 1.0), rng.dirichlet(np.ones(n)))
    height, atoms = steepest(X, y, alpha, lam, cells(X))
    U = rng.standard_normal((200_000, d))
    U /= np.linalg.norm(U, axis=1, keepdims=True)
    tried = np.abs(activation(U @ X.T, alpha) @ (lam * y)).max()
    assert tried <= height * (1 + 1e-12)
    assert tried >= height * 0.99
    own = atoms[0, -1] * (activation(atoms[0, :-1] @ X.T, alpha) @ (lam * y))
    assert own == pytest.approx(height, rel=1e-12)


@pytest.mark.parametrize(("n", "d"), [(1, 2), (4, 2), (5, 3), (6, 4), (7, 3), (3, 5)])
def test_a_general_arrangement_has_the_known_number_of_cells(n: int, d: int) -> None:
    X = np.random.default_rng(n + 10 * d).standard_normal((n, d))
    found = cells(X)
    assert len(found) == len(np.unique(found, axis=0)) == 2 * sum(comb(n - 1, k) for k in range(d))
    directions = np.random.default_rng(0).standard_normal((2000, d))
    assert {tuple(row) for row in np.sign(directions @ X.T)} <= {tuple(row) for row in found}


def test_parallel_points_share_a_hyperplane() -> None:
    X = np.array([[1.0, 0.0], [2.0, 0.0], [-1.0, 0.0], [0.0, 1.0]])
    found = cells(X)
    assert len(found) == 4
    np.testing.assert_array_equal(found[:, 0], found[:, 1])
    np.testing.assert_array_equal(found[:, 0], -found[:, 2])


def test_what_cannot_be_certified_is_refused() -> None:
    rng = np.random.default_rng(0)
    with pytest.raises(UsageError, match="may have"):
        cells(rng.standard_normal((60, 6)))
    points = data.load(Data(name="constant-feature"))
    with pytest.raises(NumericalError, match="did not meet in 1 rounds"):
        largest_margin(points.X, points.y, 0.5, rounds=1)


XOR = np.array([[1.0, 1.0], [-1.0, -1.0], [1.0, -1.0], [-1.0, 1.0]]), np.array([1.0, 1, -1, -1])


@pytest.mark.parametrize("alpha", [0.0, 0.5])
def test_no_hyperplane_is_needed(alpha: float) -> None:
    found = largest_margin(*XOR, alpha)
    assert found.lower == pytest.approx((1 - alpha) * np.sqrt(2) / 8, rel=1e-8)
    assert found.upper == pytest.approx(found.lower, rel=1e-8)


@pytest.mark.parametrize("scale", [1e-8, 1e8])
def test_margins_scale_with_the_points(scale: float) -> None:
    points = data.load(Data(name="hinted"))
    found = largest_margin(scale * points.X, points.y, 0.5)
    assert found.lower == pytest.approx(scale * 0.1453095, rel=1e-6)
    assert 0 <= found.upper - found.lower <= 1e-8 * found.upper


def test_slivers_between_nearly_parallel_hyperplanes() -> None:
    """Two pairs of points at an angle of 1e-5 from being opposite."""
    X = np.array([
        [1.0, -0.583600433], [1e-5, 0.110464143], [-1e-5, -1.22505583],
        [-0.7, 1.35882342], [1e-5, 0.859382688], [-1e-5, -0.641470394],
    ])  # fmt: skip
    y = np.array([1.0, 1.0, -1.0, -1.0, 1.0, -1.0])
    found = largest_margin(X, y, 0.5)
    assert found.lower == pytest.approx(0.0235933, rel=1e-5)
    linear = hard_margin(X, y)
    assert isinstance(linear, Separator)
    assert linear.margin == pytest.approx(0.04751936, rel=1e-4)


def test_points_that_no_network_separates_have_the_margin_0() -> None:
    found = largest_margin(np.array([[1.0, 2.0], [2.0, 4.0]]), np.array([1.0, -1.0]), 0.5)
    assert abs(found.lower) <= 1e-7
    assert abs(found.upper) <= 1e-7
    with pytest.raises(DataError, match="point 2 is 0"):
        largest_margin(np.array([[1.0, 2.0], [0.0, 0.0]]), np.ones(2), 0.5)
