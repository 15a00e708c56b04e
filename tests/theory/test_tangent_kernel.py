import numpy as np
import pytest

from flowrepro.core.config import Loss
from flowrepro.core.network import gradient, predict
from flowrepro.theory.tangent_kernel import kernel_interpolator, linearised_descent, relative_movement, tangent_kernel


@pytest.fixture
def network():
    rng = np.random.default_rng(0)
    return (rng.standard_normal((4, 3)), rng.standard_normal(4), rng.standard_normal((30, 3)), rng.standard_normal(30))


def output_jacobian(X, W, a, alpha):
    """Rows d f(x_k) / d (W, a) by central differences."""
    theta, rows = np.append(W, a), []
    for i in range(theta.size):
        step = np.zeros(theta.size)
        step[i] = 1e-6
        high, low = ((theta + s * step) for s in (1, -1))
        rows.append(
            (
                predict(X, high[: W.size].reshape(W.shape), high[W.size :], alpha)
                - predict(X, low[: W.size].reshape(W.shape), low[W.size :], alpha)
            )
            / 2e-6
        )
    return np.array(rows).T


@pytest.mark.parametrize("alpha", [0.0, 0.3])
def test_kernel_is_the_gram_matrix_of_output_gradients(network, alpha):
    X, _, W, a = network
    J = output_jacobian(X, W, a, alpha)
    np.testing.assert_allclose(tangent_kernel(X, X, W, a, alpha), J @ J.T, rtol=1e-6, atol=1e-6)


def test_interpolator_interpolates(network):
    X, y, W, a = network
    np.testing.assert_allclose(kernel_interpolator(X, y, W, a)(X), y, atol=1e-9)


def test_linearised_descent_equals_descent_on_the_linear_model(network):
    X, y, W, a = network
    Z = np.random.default_rng(1).standard_normal((7, 3))
    J, JZ, f0 = output_jacobian(X, W, a, 0.0), output_jacobian(Z, W, a, 0.0), predict(X, W, a)
    delta, rate = np.zeros(J.shape[1]), 1e-3
    for _ in range(50):
        delta -= rate * J.T @ (f0 + J @ delta - y)
    np.testing.assert_allclose(linearised_descent(X, y, W, a, rate, 50)(Z), predict(Z, W, a) + JZ @ delta, rtol=1e-6)


def test_first_step_of_descent_follows_the_linearisation(network):
    X, y, W, a = network
    lr = 1e-6
    gW, ga = gradient(X, y, W, a, Loss(name="square", reduction="mean"))
    moved = predict(X, W - lr * gW, a - lr * ga)
    linear = linearised_descent(X, y, W, a, lr / len(y), 1)(X)
    np.testing.assert_allclose(moved - predict(X, W, a), linear - predict(X, W, a), rtol=1e-4)


def test_relative_movement(network):
    _, _, W, a = network
    assert relative_movement(W, a, 1.1 * W, 1.1 * a) == pytest.approx(0.1)
    assert np.isnan(relative_movement(0 * W, 0 * a, W, a))
