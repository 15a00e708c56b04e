import time

import numpy as np
import pytest
from scipy.optimize import linprog

from flowrepro.core.network import predict
from flowrepro.data.points import five_points, two_points
from flowrepro.theory.variation_norm import (
    PiecewiseLinear,
    affine_cost,
    least_norm_interpolator,
    least_variation_norm,
    piecewise_linear,
    variation_norm,
)


def directions(angles):
    return np.column_stack([np.cos(angles), np.sin(angles)])


def brute_force(f, x, angles):
    """Least sum |mu| with sum mu_i relu(<u_i, (x, 1)>) = f(x) on the points x, u_i on a grid of
    angles.
    """
    features = np.maximum(np.column_stack([x, np.ones_like(x)]) @ directions(angles).T, 0.0)
    solution = linprog(
        np.ones(2 * len(angles)), A_eq=np.column_stack([features, -features]), b_eq=f, bounds=(0, None), method="highs"
    )
    return solution.fun


def test_piecewise_form_equals_the_network():
    rng = np.random.default_rng(0)
    W, a = rng.standard_normal((20, 2)), rng.standard_normal(20)
    W[:3, 0] = 0.0
    W[3] = 0.0
    x = np.linspace(-4, 4, 101)
    f = piecewise_linear(W, a)
    np.testing.assert_allclose(f(x), predict(np.column_stack([x, np.ones_like(x)]), W, a), atol=1e-12)
    assert len(f.kinks) == 16
    assert np.all(np.diff(f.kinks) > 0)


def test_neighbouring_kinks_merge():
    W = np.array([[1.0, 0.0], [1.0, -1e-5], [-1.0, 2.0]])
    f = piecewise_linear(W, np.ones(3), same_kink=1e-3)
    np.testing.assert_allclose(f.kinks, [0.5e-5, 2.0])
    np.testing.assert_allclose(f.jumps, [2.0, 1.0])
    np.testing.assert_allclose(f.visible(1.5), [0.5e-5])


@pytest.mark.parametrize(("slope", "intercept"), [(0.8, -0.6), (0.8, -0.1), (0.0, 1.5), (-2.0, 5.0), (0.0, 0.0)])
def test_affine_cost_against_brute_force(slope, intercept):
    """Points at every kink of the grid and beyond leave no room to bend between them."""
    degrees = np.concatenate([np.arange(-89.0, 90.0), [90.0, -90.0]])
    angles = np.radians(np.concatenate([degrees, degrees[:-2] + 180.0]))
    kinks = -np.tan(np.radians(degrees[:-2]))
    x = np.concatenate([kinks, [-100.0, 0.0, 100.0]])
    assert affine_cost(slope, intercept) == pytest.approx(
        brute_force(slope * x + intercept, x, angles), rel=1e-3, abs=1e-9
    )


@pytest.mark.parametrize("seed", range(4))
def test_variation_norm_against_brute_force(seed):
    rng = np.random.default_rng(seed)
    kinks = np.sort(rng.uniform(-2, 2, 3))
    f = PiecewiseLinear(kinks, rng.standard_normal(3), *rng.standard_normal(2))
    grid = np.concatenate([np.linspace(-30, 30, 400), kinks])
    own = np.arctan2(-kinks, np.ones(3))
    others = np.radians(np.arange(-90, 90, 1.0))
    angles = np.concatenate([own, own + np.pi, others, others + np.pi])
    assert variation_norm(f) == pytest.approx(brute_force(f(grid), grid, angles), rel=2e-3)


def test_a_network_costs_at_most_half_its_squared_norm():
    rng = np.random.default_rng(1)
    W = np.repeat(rng.standard_normal((5, 2)), 2, axis=0)
    a = rng.standard_normal(10)
    assert variation_norm(piecewise_linear(W, a)) < np.abs(a) @ np.linalg.norm(W, axis=1) - 0.1


def test_merging_opposite_neurons_lowers_the_norm_to_that_of_the_function():
    f = piecewise_linear(np.array([[1.0, 0.5], [-1.0, -0.5]]), np.array([1.0, -1.0]))  # x + 0.5
    assert variation_norm(f) == pytest.approx(affine_cost(1.0, 0.5))


@pytest.mark.parametrize(("points", "value"), [(two_points, 3 / np.sqrt(5)), (five_points, 8.20398)])
def test_least_norm_of_an_interpolator(points, value):
    data = points()
    angles = np.linspace(-np.pi, np.pi, 4001)[:-1]
    least = least_variation_norm(data.X, data.y)
    assert least == pytest.approx(value, rel=1e-6)
    assert least == pytest.approx(brute_force(data.y, data.X[:, 0], angles), rel=1e-3)


def test_least_norm_scales_and_knows_impossible_and_zero_labels():
    data = five_points()
    assert least_variation_norm(data.X, 1e-6 * data.y) == pytest.approx(1e-6 * least_variation_norm(data.X, data.y))
    assert least_variation_norm(data.X, 0 * data.y) == 0.0
    assert least_variation_norm(np.ones((2, 2)), np.array([1.0, 2.0])) == np.inf


def test_zero_network():
    f = piecewise_linear(np.zeros((3, 2)), np.zeros(3))
    assert variation_norm(f) == 0.0


def test_the_least_norm_interpolator_of_the_five_points_has_two_kinks():
    points = five_points()
    f = least_norm_interpolator(points.X, points.y)
    x = np.linspace(-1.5, 2.0, 201)
    expected = PiecewiseLinear(
        kinks=np.array([-5 / 12, 0.25]), jumps=np.array([4.8, -4.8 + 2 - 0.2 / 1.75]), slope=-2.0, intercept=-2.3
    )
    np.testing.assert_allclose(f(x), expected(x), atol=1e-3)
    assert np.all(np.abs(f.visible(1e-6)[:, None] - expected.kinks).min(axis=1) < 1e-2)


@pytest.mark.parametrize("n", [1, 2, 5, 9])
def test_the_least_norm_interpolator_interpolates_with_the_least_norm(n):
    rng = np.random.default_rng(n)
    X, y = np.column_stack([rng.standard_normal(n), np.ones(n)]), 100.0 * rng.standard_normal(n)
    f = least_norm_interpolator(X, y)
    np.testing.assert_allclose(f(X[:, 0]), y, atol=1e-7 * np.abs(y).max())
    assert variation_norm(f) == pytest.approx(least_variation_norm(X, y), rel=1e-6)


def test_contradicting_points_have_no_interpolator():
    with pytest.raises(ValueError, match="no function interpolates"):
        least_norm_interpolator(np.array([[1.0, 1.0], [1.0, 1.0]]), np.array([1.0, 2.0]))


@pytest.mark.parametrize("seed", range(6))
def test_variation_norm_equals_the_program_with_a_variable_per_kink(seed):
    """min over the shares l of max over many (u, v) with u^2 + v^2 <= 4, |v| <= 1."""
    rng = np.random.default_rng(seed)
    m = 40
    f = PiecewiseLinear(np.sort(rng.normal(size=m)), rng.normal(size=m), *rng.normal(size=2))
    angles = np.linspace(-np.pi, np.pi, 4000, endpoint=False)
    duals = 2 * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    duals = duals[np.abs(duals[:, 1]) <= 1]
    moves = np.stack([f.jumps, -f.jumps * f.kinks])
    least = linprog(
        np.append(np.zeros(m), 1.0),
        A_ub=np.column_stack([duals @ moves, -np.ones(len(duals))]),
        b_ub=-duals @ [f.slope, f.intercept],
        bounds=[(0, 1)] * m + [(None, None)],
    ).fun
    bends = float(np.sqrt(1 + f.kinks**2) @ np.abs(f.jumps))
    assert variation_norm(f) == pytest.approx(bends + least, rel=1e-5)


def test_a_million_kinks_take_seconds():
    rng = np.random.default_rng(0)
    f = piecewise_linear(rng.normal(size=(300_000, 2)), rng.normal(size=300_000))
    started = time.process_time()
    assert variation_norm(f) > 0
    assert time.process_time() - started < 5.0
