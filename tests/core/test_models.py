"""The PyTorch modules keep the conventions of network.py."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from problems import MEAN_SQUARE, random_problem

from flowrepro.core import network
from flowrepro.core.config import Loss
from flowrepro.core.models import Chains, TwoLayer, gain, objective, output_gradient, partial_gain
from flowrepro.run.consistency import gradient_of

ALL = [Loss(name=name, reduction=reduction, factor=1.3) for name in network.LOSSES for reduction in ("mean", "sum")]  # type: ignore[arg-type]


@pytest.mark.parametrize("alpha", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("loss", ALL, ids=lambda loss: f"{loss.name}-{loss.reduction}")
def test_autograd_is_the_closed_form(loss: Loss, alpha: float) -> None:
    problem = random_problem(6, 3, 5)
    X, y = torch.from_numpy(problem.X), torch.from_numpy(problem.y)
    model = TwoLayer(problem.W0, problem.a0, alpha)
    f = model(X)
    assert f.detach().numpy() == pytest.approx(network.predict(problem.X, problem.W0, problem.a0, alpha), rel=1e-13)
    value = objective(loss, f, y)
    assert value.item() == pytest.approx(network.objective(loss, f.detach().numpy(), problem.y), rel=1e-13)
    value.backward()
    grad_W, grad_a = network.gradient(problem.X, problem.y, problem.W0, problem.a0, loss, alpha)
    assert model.W.grad is not None
    assert model.a.grad is not None
    assert model.W.grad.numpy() == pytest.approx(grad_W, rel=1e-12, abs=1e-14)
    assert model.a.grad.numpy() == pytest.approx(grad_a, rel=1e-12, abs=1e-14)


@pytest.mark.parametrize("loss", ALL, ids=lambda loss: f"{loss.name}-{loss.reduction}")
def test_output_gradient_is_that_of_autograd(loss: Loss) -> None:
    f = torch.linspace(-3, 3, 8, dtype=torch.float64, requires_grad=True)
    y = torch.tensor([1.0, -1.0] * 4, dtype=torch.float64)
    (expected,) = torch.autograd.grad(objective(loss, f, y), f)
    assert torch.allclose(output_gradient(loss, f.detach(), y), expected, rtol=1e-13, atol=0)
    assert output_gradient(loss, f.detach(), y).numpy() == pytest.approx(
        network.output_gradient(loss, f.detach().numpy(), y.numpy()), rel=1e-13
    )


@pytest.mark.parametrize("alpha", [0.0, 0.3])
@pytest.mark.parametrize("depth", [1, 2, 3, 5])
def test_chains_are_those_of_numpy(depth: int, alpha: float) -> None:
    """Predictions, and the derivative of each scalar; scalars of both signs and 0."""
    problem = random_problem(6, 3, 5, depth=depth, alpha=alpha)
    a = problem.a0.copy()
    a[2] = 0.0
    assert a.min() < 0 < a.max()
    model = Chains(problem.W0, a, depth, alpha)
    assert [tuple(p.shape) for p in model.parameters()] == [(5, 3), (depth - 1, 5)]
    X, y = torch.from_numpy(problem.X), torch.from_numpy(problem.y)
    f = model(X)
    hidden = network.activation(problem.X @ problem.W0.T, alpha)
    assert f.detach().numpy() == pytest.approx(hidden @ network.gain(a, depth), rel=1e-13)
    objective(MEAN_SQUARE, f, y).backward()
    grad_W, grad_a = gradient_of(problem, problem.X, problem.y, problem.W0, a)
    assert model.W.grad is not None
    assert model.W.grad.numpy() == pytest.approx(grad_W, rel=1e-12, abs=1e-14)
    if depth > 1:
        assert model.scalars.grad is not None
        for own in model.scalars.grad.numpy():
            assert own == pytest.approx(grad_a, rel=1e-12, abs=1e-14)
    weights = torch.from_numpy(a)
    assert gain(weights, depth).numpy() == pytest.approx(network.gain(a, depth), rel=1e-14)
    own = partial_gain(weights, depth).numpy()
    assert own == pytest.approx(network.partial_gain(a, depth), rel=1e-14)


def test_slope_at_zero_is_alpha() -> None:
    for alpha in (0.0, 0.5):
        model = TwoLayer(np.array([[0.0, 1.0]]), np.ones(1), alpha)
        model(torch.tensor([[1.0, 0.0]], dtype=torch.float64)).sum().backward()
        assert model.W.grad is not None
        assert model.W.grad.tolist() == [[alpha, 0.0]]


def test_weights_are_copied_and_the_second_layer_may_be_frozen() -> None:
    W, a = np.ones((2, 3)), np.ones(2)
    model = TwoLayer(W, a, train_a=False)
    with torch.no_grad():
        model.W.zero_()
    assert W.sum() == 6
    assert [name for name, p in model.named_parameters() if p.requires_grad] == ["W"]
