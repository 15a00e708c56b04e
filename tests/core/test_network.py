from __future__ import annotations

import numpy as np
import pytest
from problems import random_problem

from flowrepro.core.config import Loss
from flowrepro.core.network import LOSSES, activation, flow_time, gradient, objective, output_gradient, predict

ALL = [Loss(name=name, reduction=reduction, factor=1.3) for name in LOSSES for reduction in ("mean", "sum")]  # type: ignore[arg-type]
IDS = [f"{loss.name}-{loss.reduction}" for loss in ALL]


def test_predictions_of_a_network_written_out() -> None:
    X = np.array([[1.0, 2.0], [-1.0, 0.5]])
    W, a = np.array([[1.0, 0.0], [0.0, -1.0]]), np.array([2.0, 3.0])
    assert predict(X, W, a).tolist() == [2.0, 0.0]
    assert predict(X, W, a, alpha=0.1) == pytest.approx([2.0 - 0.6, -0.2 - 0.15])


def test_activation_at_zero_and_nan() -> None:
    assert activation(np.array([-2.0, 0.0, 3.0]), 0.5).tolist() == [-1.0, 0.0, 3.0]
    assert np.isnan(activation(np.array([np.nan]))[0])


def test_slope_at_zero_is_alpha() -> None:
    """relu'(0) = 0: a neuron orthogonal to the only sample does not move."""
    X, W, a = np.array([[1.0, 0.0]]), np.array([[0.0, 1.0]]), np.ones(1)
    loss = Loss(name="square", reduction="sum")
    assert np.all(gradient(X, np.ones(1), W, a, loss)[0] == 0)
    assert gradient(X, np.ones(1), W, a, loss, alpha=0.5)[0].tolist() == [[-0.5, 0.0]]


@pytest.mark.parametrize(
    ("name", "at_zero", "slope"),
    [("square", 0.5, -1.0), ("logistic", np.log(2), -0.5), ("logistic2", 2 * np.log(2), -1.0), ("exp", 1.0, -1.0)],
)
def test_losses_at_zero(name: str, at_zero: float, slope: float) -> None:
    value, derivative = LOSSES[name]
    assert value(np.zeros(1), np.ones(1)) == pytest.approx([at_zero])
    assert derivative(np.zeros(1), np.ones(1)) == pytest.approx([slope])
    assert derivative(np.zeros(1), -np.ones(1)) == pytest.approx([-slope])


@pytest.mark.parametrize("name", ["logistic", "logistic2"])
def test_logistic_losses_of_large_margins(name: str) -> None:
    """Neither overflow (a warning is an error here) nor a loss of the exponent."""
    f = np.array([-800.0, 30.0, 700.0])
    factor = 2.0 if name == "logistic2" else 1.0
    assert LOSSES[name][0](f, np.ones(3)) == pytest.approx(
        factor * np.array([800.0, np.exp(-30.0), np.exp(-700.0)]), rel=1e-12
    )
    assert LOSSES[name][1](f, np.ones(3)) == pytest.approx(
        -factor * np.array([1.0, np.exp(-30.0), np.exp(-700.0)]), rel=1e-12
    )


@pytest.mark.parametrize("loss", ALL, ids=IDS)
@pytest.mark.parametrize("alpha", [0.0, 0.3, 1.0])
def test_gradient_is_the_limit_of_central_differences(loss: Loss, alpha: float) -> None:
    problem = random_problem(6, 3, 5)
    X, y, W, a = problem.X, problem.y, problem.W0, problem.a0
    grad_W, grad_a = gradient(X, y, W, a, loss, alpha)
    h = 1e-6

    def at(W: np.ndarray, a: np.ndarray) -> float:
        return objective(loss, predict(X, W, a, alpha), y)

    for j in range(5):
        bump = h * np.eye(5)[j]
        assert (at(W, a + bump) - at(W, a - bump)) / (2 * h) == pytest.approx(grad_a[j], rel=1e-7, abs=1e-8)
        for i in range(3):
            bump_W = np.outer(np.eye(5)[j], h * np.eye(3)[i])
            assert (at(W + bump_W, a) - at(W - bump_W, a)) / (2 * h) == pytest.approx(grad_W[j, i], rel=1e-7, abs=1e-8)


@pytest.mark.parametrize("loss", ALL, ids=IDS)
def test_mean_is_sum_over_n_and_the_factor_multiplies(loss: Loss) -> None:
    f, y = np.linspace(-1, 1, 7), np.where(np.arange(7) % 2 == 0, 1.0, -1.0)
    plain = LOSSES[loss.name][0](f, y).sum() * (1 / 7 if loss.reduction == "mean" else 1.0)
    assert objective(loss, f, y) == pytest.approx(1.3 * plain)
    slopes = LOSSES[loss.name][1](f, y) * (1 / 7 if loss.reduction == "mean" else 1.0)
    assert output_gradient(loss, f, y) == pytest.approx(1.3 * slopes)


def test_flow_time_counts_the_factor() -> None:
    """boursier2022: MSE = 2 L, so t = 2 lr k."""
    assert flow_time(Loss(name="square", reduction="mean", factor=2.0), 1e-3, 5000) == pytest.approx(10.0)
