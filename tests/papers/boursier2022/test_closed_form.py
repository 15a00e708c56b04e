import numpy as np
import pytest

from flowrepro import data
from flowrepro.core import initialize
from flowrepro.core.network import gradient, predict
from flowrepro.papers.boursier2022.closed_form import ClosedForm, early_growth
from flowrepro.papers.boursier2022.figures_2_3_toy import TOY
from flowrepro.papers.boursier2022.sign_classes import (
    assumption_3_probability,
    largest_epsilon,
    ratio,
    sign_classes,
)
from flowrepro.theory.stationary import HALF_MEAN_SQUARE, gradient_norm

ORTHO = (np.eye(4), np.array([1.0, 0.6, -0.5, -0.3]))


def toy(seed=0, scale=1e-6):
    points = data.load(TOY.data)
    g, a = initialize.balanced(np.random.default_rng(seed), 60, 2)
    return points.X, points.y, scale / np.sqrt(60) * g, scale / np.sqrt(60) * a


def driven_alone(X, y, w, out, t, n_steps):
    """Norm of a neuron after time t of its flow with the network output neglected (midpoint rule)."""

    def velocity(w, out):
        D = ((X @ w > 0) * y / len(y)) @ X
        return out * D, D @ w

    dt = t / n_steps
    for _ in range(n_steps):
        vw, va = velocity(w, out)
        vw, va = velocity(w + dt / 2 * vw, out + dt / 2 * va)
        w, out = w + dt * vw, out + dt * va
    return np.linalg.norm(w)


@pytest.mark.parametrize("index", range(8))
def test_growth_factor_equals_the_driven_neuron(index):
    X, y = ORTHO
    g, a = initialize.balanced(np.random.default_rng(3), 8, 4)
    kappa, tau = (float(values[index]) for values in early_growth(X, y, g, a))
    sign = np.sign(a[index])
    kept = (X @ g[index] > 0) & (sign * y > 0)
    rate = np.linalg.norm((kept * y / len(y)) @ X)
    t = tau + 30.0
    assert driven_alone(X, y, g[index], a[index], t, 40_000) == pytest.approx(
        kappa * np.exp(rate * t), rel=2e-3
    )


def test_half_times_of_seed_0():
    form = ClosedForm.of(*toy())
    np.testing.assert_allclose(form.half_times, [12.459659, 25.854345], atol=1e-6)
    np.testing.assert_allclose(form.half_steps(form.growth(2e-3)), [6236.79, 12934.40], atol=0.01)
    assert form.members.sum(axis=1).tolist() == [16, 16]


@pytest.mark.parametrize("seed", [0, 1])
def test_loss_curve_against_plain_descent(seed):
    X, y, W, a = toy(seed, scale=1e-4)
    form, kept = ClosedForm.of(X, y, W, a), {}
    for step in range(10_001):
        if step % 250 == 0:
            kept[step] = np.mean(np.square(predict(X, W, a) - y))
        gW, ga = gradient(X, y, W, a, HALF_MEAN_SQUARE)
        W, a = W - 2e-3 * gW, a - 2e-3 * ga
    steps = np.array(list(kept))
    np.testing.assert_allclose(form.mse(steps, form.growth(2e-3)), list(kept.values()), atol=1e-3)


def test_half_times_do_not_underflow():
    X, y, W, a = toy(scale=1.0)
    times = [ClosedForm.of(X, y, scale * W, scale * a).half_times for scale in (1e-250, 1e-290)]
    np.testing.assert_allclose(
        times[1] - times[0], 40 * np.log(10) / ClosedForm.of(X, y, W, a).rates
    )


@pytest.mark.parametrize("problem", ["toy", "ortho"])
def test_minimiser_interpolates_with_the_least_norm_and_saddle_is_stationary(problem):
    X, y, W, a = (
        toy()
        if problem == "toy"
        else (*ORTHO, *initialize.balanced(np.random.default_rng(0), 60, 4))
    )
    form = ClosedForm.of(X, y, W, a)
    W_star, a_star = form.minimiser()
    np.testing.assert_allclose(predict(X, W_star, a_star), y, atol=1e-14)
    weights = sum(chosen.weight for chosen in form.classes)
    assert np.sum(W_star**2) + np.sum(a_star**2) == pytest.approx(2 * weights, rel=1e-14)
    W_saddle, a_saddle = form.saddle()
    assert gradient_norm(X, y, W_saddle, a_saddle) <= 1e-14
    np.testing.assert_allclose(predict(X, W_saddle, a_saddle), np.where(y > 0, y, 0.0), atol=1e-14)


def test_sign_classes_of_the_toy():
    fast, slow = sign_classes(*toy()[:2])
    assert (fast.sign, slow.sign) == (1.0, -1.0)
    assert (fast.rate, slow.rate) == pytest.approx((np.sqrt(5) / 2, np.sqrt(1.25) / 2))
    assert (fast.weight, slow.weight) == pytest.approx((1 / np.sqrt(5), 1 / np.sqrt(1.25)))
    assert largest_epsilon((fast, slow)) == pytest.approx(0.125)
    assert fast.straggler == slow.straggler == 1.0


def test_classes_are_ordered_by_rate_whatever_their_sign():
    X, y = ORTHO
    fast, slow = sign_classes(X, -y)
    assert (fast.sign, slow.sign) == (-1.0, 1.0)
    assert ratio((fast, slow)) == pytest.approx(2.0)
    assert largest_epsilon((fast, slow)) == pytest.approx(0.0213270, abs=1e-7)
    assert fast.straggler == pytest.approx(0.1425, abs=1e-4)


@pytest.mark.parametrize(
    ("m", "positive", "negative"), [(60, 3, 3), (60, 5, 5), (4, 1, 1), (10, 1, 3)]
)
def test_probability_of_assumption_3_against_draws(m, positive, negative):
    n = positive + negative
    y = np.repeat([1.0, -1.0], [positive, negative])
    rng = np.random.default_rng(0)
    classes = sign_classes(np.eye(n), y)
    hits = 0
    for _ in range(4000):
        W, a = initialize.balanced(rng, m, n)
        hits += all(chosen.members(W, a).any() for chosen in classes)
    assert assumption_3_probability(m, positive, negative) == pytest.approx(hits / 4000, abs=0.02)
