"""Runs of the API: against closed forms, against plain autograd, against the command line bit by
bit.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import flowrepro as fr
from flowrepro.core.config import Init
from flowrepro.core.initialize import INITS, initial_weights
from flowrepro.store.trajectories import load_trajectory

SIZES = [(1, 1, 1), (2, 3, 1), (3, 7, 2), (7, 2, 9), (8, 8, 3), (9, 1, 17), (17, 9, 7)]
"""(n, m, d), awkward for kernels that work on several numbers at once."""


def problem(n: int, m: int, d: int) -> tuple[np.ndarray, ...]:
    rng = np.random.default_rng([n, m, d])
    X, y = rng.standard_normal((n, d)), np.where(rng.random(n) < 0.5, -1.0, 1.0)
    return X, y, rng.standard_normal((m, d)) / np.sqrt(d), rng.standard_normal(m) / np.sqrt(m)


def autograd(
    X: np.ndarray, y: np.ndarray, W: np.ndarray, a: np.ndarray, loss: str, alpha: float, lr: float, steps: int,
    factor: float, reduction: str,
) -> tuple[np.ndarray, np.ndarray, list[float]]:  # fmt: skip
    """Gradient descent written down once more, with nothing of ours in it."""
    points, labels = torch.from_numpy(X), torch.from_numpy(y)
    V, b = torch.from_numpy(W.copy()).requires_grad_(), torch.from_numpy(a.copy()).requires_grad_()
    losses = []
    for _ in range(steps + 1):
        f = nn.functional.leaky_relu(points @ V.T, alpha) @ b
        each = {
            "square": 0.5 * (f - labels) ** 2,
            "logistic": torch.log1p(torch.exp(-labels * f)),
            "logistic2": 2 * torch.log1p(torch.exp(-labels * f)),
            "exp": torch.exp(-labels * f),
        }[loss]
        objective = factor * (each.mean() if reduction == "mean" else each.sum())
        losses.append(float(objective.detach()))
        if len(losses) <= steps:
            grads = torch.autograd.grad(objective, (V, b))
            with torch.no_grad():
                V, b = ((p - lr * g).requires_grad_() for p, g in zip((V, b), grads, strict=True))
    return V.detach().numpy(), b.detach().numpy(), losses


@pytest.mark.parametrize("engine", ["torch", "fused"])
@pytest.mark.parametrize("loss", ["square", "logistic", "logistic2", "exp"])
@pytest.mark.parametrize("size", SIZES, ids=str)
def test_descent_is_that_of_autograd(size: tuple[int, int, int], loss: Any, engine: str) -> None:
    X, y, W, a = problem(*size)
    factor, alpha, reduction = 2.0, 0.25, "sum" if size[0] < 5 else "mean"
    run = fr.descend(
        X, y, W, a, loss=loss, lr=0.01, steps=12, alpha=alpha, engine=engine, factor=factor, reduction=reduction,  # type: ignore[arg-type]
    )  # fmt: skip
    V, b, losses = autograd(X, y, W, a, loss, alpha, 0.01, 12, factor, reduction)
    assert np.allclose(run.W[-1], V, rtol=1e-12, atol=1e-13)
    assert np.allclose(run.a[-1], b, rtol=1e-12, atol=1e-13)
    assert np.allclose(run.loss, losses, rtol=1e-12)
    assert np.array_equal(run.step, np.arange(13))
    assert np.allclose(run.t, 2 * 0.01 * np.arange(13))


def growth(u0: float, t: np.ndarray) -> np.ndarray:
    """One balanced neuron on one sample x = 1, y = 1, loss (f - 1)^2 / 2: u = a w obeys u' = 2 u (1
    - u).
    """
    return 1 / (1 + (1 / u0 - 1) * np.exp(-2 * t))


def test_the_flow_has_its_closed_form() -> None:
    run = fr.flow([[1.0]], [1.0], [[1e-3]], [1e-3], t=8.0, rtol=1e-10)
    u = growth(1e-6, run.t)
    assert np.allclose(run.a[:, 0] * run.W[:, 0, 0], u, rtol=1e-7)
    assert np.allclose(run.loss, 0.5 * (u - 1) ** 2, rtol=1e-6, atol=1e-15)
    assert run.t[-1] == 8.0
    assert run.stop.reason.name == "HORIZON"


def test_dense_output_has_the_closed_form_and_meets_the_records() -> None:
    run = fr.flow([[1.0]], [1.0], [[1e-3]], [1e-3], t=8.0, rtol=1e-10)
    between = np.array([0.123, 3.3, 5.4321, 7.99])
    state = run.at(between)
    assert np.allclose(state.a[:, 0] * state.W[:, 0, 0], growth(1e-6, between), rtol=1e-7)
    for t in (6.0, 1.0, 0.0, 8.0):  # also back, also the ends
        one, k = run.at(t), int(np.argmin(np.abs(run.t - t)))
        assert np.allclose(one.W, run.W[k], rtol=1e-8)
        assert one.loss == pytest.approx(run.loss[k], rel=1e-6)
    with pytest.raises(fr.UsageError, match="the run ends at t=8 and has no state at 9"):
        run.at(9.0)


@pytest.mark.filterwarnings("ignore:.* dead :RuntimeWarning")
@pytest.mark.parametrize("size", SIZES, ids=str)
def test_dense_output_meets_the_records_where_neurons_switch(size: tuple[int, int, int]) -> None:
    X, y, W, a = problem(*size)
    run = fr.flow(X, y, W, a, t=3.0, records=16)
    state = run.at(run.t)
    assert np.allclose(state.W, run.W, atol=1e-6)
    assert np.allclose(state.loss, run.loss, atol=1e-6)
    assert np.allclose(run.predict(X), np.where(X @ run.W[-1].T > 0, X @ run.W[-1].T, 0) @ run.a[-1])
    kinds = {event.kind for event in run.events}
    assert kinds <= {
        "cross+",
        "cross-",
        "slide",
        "leave+",
        "leave-",
        "death",
        "sign",
        "revival_ambiguous",
        "non_unique",
        "through_zero",
    }
    assert list(run.events) == sorted(run.events, key=lambda event: event.t)


def test_times_are_recorded_as_asked_for() -> None:
    X, y, W, a = problem(3, 4, 2)
    asked = np.geomspace(1e-3, 10.0, 7)
    run = fr.flow(X, y, W, a, t=asked)
    assert np.array_equal(run.t, np.append(0.0, asked))
    assert np.array_equal(run.weights_t, run.t)
    equal = fr.flow(X, y, W, a, t=np.linspace(0.0, 10.0, 5))
    assert np.allclose(equal.t, [0, 2.5, 5, 7.5, 10])
    assert np.allclose(equal.W[-1], run.W[-1], atol=1e-6)


def test_a_descent_is_close_to_the_flow() -> None:
    X, y, W, a = problem(7, 8, 3)
    run = fr.flow(X, y, W, a, t=2.0, factor=2.0)
    errors = []
    for lr in (1e-2, 1e-3):
        descent = fr.descend(X, y, W, a, lr=lr, steps=round(1 / lr), factor=2.0, engine="torch")
        assert descent.t[-1] == pytest.approx(2.0)
        errors.append(abs(descent.W[-1] - run.W[-1]).max())
    assert errors[1] < 0.2 * errors[0]


def test_records_of_a_descent_are_found_by_time_only_where_they_are() -> None:
    X, y, W, a = problem(3, 4, 2)
    run = fr.descend(X, y, W, a, lr=0.1, steps=10, save_every=5, engine="torch")
    assert np.array_equal(run.step, [0, 5, 10])
    assert np.array_equal(run.at(0.5).W, run.W[1])
    assert run.at([0.0, 1.0]).loss == pytest.approx(run.loss[[0, 2]])
    with pytest.raises(fr.UsageError, match=r"keeps no state at t=0.6; .* t=0.5 and 1; take one, or say nearest=True"):
        run.at(0.6)
    assert np.array_equal(run.at(0.6, nearest=True).W, run.W[1])


def test_weights_may_be_kept_less_often_than_the_loss() -> None:
    X, y, W, a = problem(3, 4, 2)
    run = fr.descend(X, y, W, a, lr=0.1, steps=10, save_every=2, weights_every=4, engine="torch")
    assert np.array_equal(run.step, [0, 2, 4, 6, 8, 10])
    assert np.array_equal(run.weights_step, [0, 4, 8, 10])
    assert run.W.shape == (4, 4, 2)
    assert run.patterns.shape == (4, 4, 3)


def test_below_the_smallest_double_everything_stays_finite_in_log_form() -> None:
    """Two orthogonal points: ||w|| of a neuron active on one of them grows as exp(t |y| / n)."""
    W, a = fr.init.balanced(m=6, d=2, seed=1)
    run = fr.flow(np.eye(2), [1.0, -0.5], W, a, log10_scale=-10_000, t=1000.0, records=16)
    assert not run.W[0].any()
    assert np.all(np.isfinite(run.log_norms))
    start = np.log(np.linalg.norm(W, axis=1)) - 10_000 * np.log(10.0)
    assert np.allclose(run.log_norms[0], start, rtol=1e-15)
    assert np.allclose(run.directions[0], W / np.linalg.norm(W, axis=1)[:, None], atol=1e-14)
    assert np.all(np.isfinite(run.log_weights()))
    assert np.allclose(run.at(500.0).log_weights, run.log_weights()[8], rtol=1e-9)
    assert set(np.unique(run.patterns)) <= {-1, 0, 1}


@pytest.mark.filterwarnings("ignore:lr times sharpness:RuntimeWarning")
def test_a_diverging_descent_says_so() -> None:
    X, y, W, a = problem(3, 4, 2)
    with (
        pytest.warns(RuntimeWarning, match="the loss rose above its start"),
        pytest.warns(RuntimeWarning, match="the run ended with DIVERGED: .* is too large"),
    ):
        run = fr.descend(1e3 * X, y, W, a, lr=1e3, steps=50, engine="torch")
    assert run.stop.reason.name == "DIVERGED"


@pytest.mark.parametrize("name", INITS)
def test_initial_weights_are_those_of_the_command_line(name: str) -> None:
    d = 2
    init = Init(name=name, m=6, scale=0.3, divide_by="sqrt(m)")
    W, a = fr.init.draw(name, m=6, d=d, scale=0.3, seed=5, divide_by="sqrt(m)")
    V, b = initial_weights(init, 5, d)
    assert np.array_equal(W, V)
    assert np.array_equal(a, b)
    function = getattr(fr.init, name.replace("-", "_"), None)
    if function is not None:
        assert np.array_equal(function(6, d, scale=0.3, seed=5, divide_by="sqrt(m)")[0], W)


@pytest.mark.parametrize("engine", ["flow", "torch"])
def test_the_command_line_gives_the_same_bits(engine: str, tmp_path: Path, flowrepro: Callable[..., Any]) -> None:
    """The toy of boursier2022 with a few steps: its points, draw, loss and clock, once from a shell
    and once from here.
    """
    words = ("orthogonal", "--case", "toy", "--no-figures", "--engine", engine, "--out", tmp_path)
    keys = {"n_steps": 64, "lr": 0.125, "save_every": 1, "snapshots": "[]", "snapshot_every": 1}
    sets = [word for key, value in keys.items() for word in ("--set", f"{key}={value}")]
    flowrepro(*words, *sets, "--set", "init.scale=0.01")
    (stored,) = tmp_path.glob("orthogonal/toy-*/trajectory.npz")
    theirs, run = load_trajectory(stored), fr.load(stored.parent)
    W, a = fr.init.balanced(m=run.case.init.m, d=2, scale=0.01, seed=run.case.seed, divide_by=run.case.init.divide_by)
    loss = run.case.loss
    common = {"loss": loss.name, "factor": loss.factor, "reduction": loss.reduction}
    if engine == "flow":
        horizon = 64 * 0.125 * loss.factor
        ours = fr.flow(run.X, run.y, W, a, t=horizon, records=64, rtol=run.case.protocol.rtol, **common)
    else:
        ours = fr.descend(run.X, run.y, W, a, lr=0.125, steps=64, engine="torch", **common)
    mine = ours.result.trajectory
    for name in ("t", "loss", "W", "a", "group"):
        assert np.array_equal(getattr(mine, name), getattr(theirs, name)), name
    assert all(np.array_equal(mine.events[name], theirs.events[name]) for name in theirs.events)
