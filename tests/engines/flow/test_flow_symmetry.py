"""What must not change the flow, and what it must keep."""

from __future__ import annotations

import numpy as np
import pytest
from flow_cases import HALF_MSE, LOGISTIC, difference, stall
from hypothesis import given, settings
from hypothesis import strategies as st

from flowrepro.core.config import Loss
from flowrepro.core.network import objective, predict
from flowrepro.engines.flow.flow import integrate

SEEDS = st.integers(0, 10_000)
FEW = settings(max_examples=15, deadline=None)
HORIZON, RTOL = 8.0, 1e-10


def until_unique(*cases: tuple[np.ndarray, ...], loss: Loss = HALF_MSE, alpha: float = 0.0) -> list:  # type: ignore[type-arg]
    """The flows of the cases, at a common time before the first ambiguous release of any."""
    horizon = HORIZON
    for case in cases:
        horizon = min(horizon, 0.9 * integrate(*case[:4], loss, HORIZON, alpha, rtol=RTOL).stats["unique_until"])
    return [integrate(*case[:4], loss, horizon, alpha, rtol=RTOL, batch=False) for case in cases]


@given(SEEDS)
@FEW
def test_permuting_neurons(seed: int) -> None:
    X, y, W, a = stall(seed, 0.3)
    order = np.random.default_rng(seed).permutation(len(a))
    left, right = until_unique((X, y, W, a), (X, y, W[order], a[order]))
    np.testing.assert_allclose(left.weights()[0][order], right.weights()[0], atol=1e-8)


@given(SEEDS)
@FEW
def test_rotating_points_and_weights(seed: int) -> None:
    X, y, W, a = stall(seed, 0.3)
    Q, _ = np.linalg.qr(np.random.default_rng(seed).standard_normal((3, 3)))
    left, right = until_unique((X, y, W, a), (X @ Q, y, W @ Q, a))
    np.testing.assert_allclose(left.weights()[0] @ Q, right.weights()[0], atol=1e-8)


@given(SEEDS)
@FEW
def test_a_duplicated_sample_is_one_of_double_weight(seed: int) -> None:
    """x twice with target y pulls like sqrt(2) x with target sqrt(2) y: one hyperplane either
    way.
    """
    X, y, W, a = stall(seed, 0.3)
    total = Loss(name="square", reduction="sum")
    twice = (np.vstack([X, X[:1]]), np.append(y, y[0]), W, a)
    scale = np.where(np.arange(5) == 0, np.sqrt(2.0), 1.0)
    left, right = until_unique(twice, (scale[:, None] * X, scale * y, W, a), loss=total)
    assert difference(left, right) <= 1e-7
    assert left.mode.shape == right.mode.shape == (8, 5)


@given(SEEDS)
@FEW
def test_a_dead_neuron_changes_nothing(seed: int) -> None:
    X, y, W, a = stall(seed, 0.3)
    X = np.abs(X)
    dead = (X, y, np.vstack([W, -np.ones((1, 3))]), np.append(a, 2.0))
    left, right = until_unique((X, y, W, a), dead)
    np.testing.assert_allclose(left.weights()[0], right.weights()[0][:-1], atol=1e-9)
    np.testing.assert_allclose(right.weights()[0][-1], [-1, -1, -1], rtol=1e-14)


@given(
    SEEDS,
    st.sampled_from([0.0, 0.3]),
    st.sampled_from([HALF_MSE, LOGISTIC, Loss(name="exp", reduction="sum"), Loss(name="logistic2", reduction="mean")]),
)
@FEW
def test_imbalance_is_kept_and_the_loss_falls(seed: int, alpha: float, loss: Loss) -> None:
    """Unbalanced starts, all losses: a^2 - ||w||^2 to 1e-10 and a loss that never rises between
    saved times.
    """
    X, y, W, _ = stall(seed, 0.5)
    a = 0.3 * np.random.default_rng(seed).standard_normal(8)
    y = y if loss.name == "square" else np.sign(y)
    result = integrate(X, y, W, a, loss, np.linspace(0, HORIZON, 30), alpha)
    with np.errstate(under="ignore"):
        for i in range(len(result.loss)):
            Wi, ai = result.weights(i)
            assert np.abs(ai**2 - np.sum(Wi**2, axis=1) - (a**2 - np.sum(W**2, axis=1))).max() <= 1e-10
    assert np.all(np.diff(result.loss) <= 1e-15)
    assert result.loss[-1] == pytest.approx(objective(loss, predict(X, *result.weights(), alpha), y), rel=1e-9)


@pytest.mark.parametrize("seed", range(4))
def test_symmetric_points_have_half_the_planes_and_no_slides(seed: int) -> None:
    """x and -x with opposite labels, leaky slope, logistic loss (lyu2021): the two slopes on a
    plane are one.
    """
    X, y, W, a = stall(seed, 0.3, n=3)
    X, y = np.vstack([X, -X]), np.append(np.sign(y), -np.sign(y))
    result = integrate(X, y, W, a, LOGISTIC, 60.0, 0.5)
    assert result.mode.shape[1] == 3
    assert result.stats["events slide"] == 0
    assert result.stats["located"] + result.stats["events cross-"] + result.stats["events cross+"] > 0
