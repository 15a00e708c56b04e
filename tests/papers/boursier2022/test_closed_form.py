import numpy as np
import pytest

from flowrepro import data
from flowrepro.core import initialize
from flowrepro.core.network import gradient, predict
from flowrepro.papers.boursier2022.closed_form import ClosedForm, early_growth
from flowrepro.papers.boursier2022.figures_2_3_toy import TOY
from flowrepro.papers.boursier2022.sign_classes import assumption_3_probability, largest_epsilon, ratio, sign_classes
from flowrepro.theory.stationary import HALF_MEAN_SQUARE, gradient_norm

ORTHO = (np.eye(4), np.array([1.0, 0.6, -0.5, -0.3]))


def toy(seed=0, scale=1e-6):
    points = data.load(TOY.data)
    g, a = initialize.balanced(np.random.default_rng(seed), 60, 2)
    return points.X, points.y, scale / np.sqrt(60) * g, scale / np.sqrt(60) * a


def driven_alone(X, y, W, a, t, n_steps):
    """Norms after times t (m,) of neurons whose flow neglects the output (midpoint rule)."""

    def velocity(W, a):
        D = ((W @ X.T > 0) * y / len(y)) @ X
        return a[:, None] * D, np.sum(D * W, axis=1)

    dt = t / n_steps
    for _ in range(n_steps):
        vW, va = velocity(W, a)
        vW, va = velocity(W + dt[:, None] / 2 * vW, a + dt / 2 * va)
        W, a = W + dt[:, None] * vW, a + dt * va
    return np.linalg.norm(W, axis=1)


def test_growth_factors_equal_those_of_driven_neurons():
    X, y = ORTHO
    W, a = initialize.balanced(np.random.default_rng(3), 8, 4)
    kappa, tau = early_growth(X, y, W, a)
    kept = (W @ X.T > 0) & (np.sign(a)[:, None] * y > 0)
    rate = np.linalg.norm((kept * y / len(y)) @ X, axis=1)
    t = tau + 30.0
    norms = driven_alone(X, y, W, a, t, 40_000)
    np.testing.assert_allclose(norms, kappa * np.exp(rate * t), rtol=2e-3)


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
    np.testing.assert_allclose(times[1] - times[0], 40 * np.log(10) / ClosedForm.of(X, y, W, a).rates)


@pytest.mark.parametrize("problem", ["toy", "ortho"])
def test_minimiser_interpolates_with_the_least_norm_and_saddle_is_stationary(problem):
    X, y, W, a = toy() if problem == "toy" else (*ORTHO, *initialize.balanced(np.random.default_rng(0), 60, 4))
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


@pytest.mark.parametrize(("m", "positive", "negative"), [(60, 3, 3), (60, 5, 5), (4, 1, 1), (10, 1, 3)])
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
