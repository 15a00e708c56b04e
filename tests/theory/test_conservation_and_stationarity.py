import numpy as np
import pytest

from flowrepro.core.network import gradient, objective, predict
from flowrepro.theory.conservation import drift, imbalance, sign_changes
from flowrepro.theory.stationary import HALF_MEAN_SQUARE, force_at, gradient_norm


@pytest.fixture
def problem():
    rng = np.random.default_rng(2)
    return (rng.standard_normal((5, 3)), rng.standard_normal(5), rng.standard_normal((8, 3)), rng.standard_normal(8))


def descend(X, y, W, a, lr, n_steps):
    for _ in range(n_steps):
        gW, ga = gradient(X, y, W, a, HALF_MEAN_SQUARE)
        W, a = W - lr * gW, a - lr * ga
    return W, a


def test_imbalance_drifts_in_proportion_to_the_step(problem):
    X, y, W, a = problem
    drifts = []
    for n_steps in (200, 400, 800):
        W1, a1 = descend(X, y, W, a, 1.0 / n_steps, n_steps)
        drifts.append(drift(np.stack([W, W1]), np.stack([a, a1])).max())
    slope = np.polyfit(np.log([200, 400, 800]), np.log(drifts), 1)[0]
    assert slope == pytest.approx(-1.0, abs=0.1)


def test_imbalance_of_a_balanced_neuron_is_zero():
    W = np.array([[3.0, 4.0]])
    assert imbalance(W, np.array([-5.0])) == pytest.approx(0.0)


def test_sign_changes_counts_neurons_above_the_resolution():
    a = np.array([[1.0, -1e-9, 1.0], [-1.0, 1e-9, 0.5]])
    assert sign_changes(a) == 2
    assert sign_changes(a, 1e-8) == 1


def test_gradient_norm_is_the_slope_of_the_steepest_line(problem):
    X, y, W, a = problem
    gW, ga = gradient(X, y, W, a, HALF_MEAN_SQUARE)
    step = 1e-6 / gradient_norm(X, y, W, a)
    change = objective(HALF_MEAN_SQUARE, predict(X, W - step * gW, a - step * ga), y) - objective(
        HALF_MEAN_SQUARE, predict(X, W, a), y
    )
    assert change / 1e-6 == pytest.approx(-gradient_norm(X, y, W, a), rel=1e-4)


def test_force_moves_neurons_as_the_gradient_does(problem):
    X, y, W, a = problem
    gW, ga = gradient(X, y, W, a, HALF_MEAN_SQUARE)
    D = force_at(X, y, W, a, W)
    np.testing.assert_allclose(-gW, a[:, None] * D, atol=1e-14)
    np.testing.assert_allclose(-ga, np.sum(D * W, axis=1), atol=1e-14)
