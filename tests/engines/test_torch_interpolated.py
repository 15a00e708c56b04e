"""Interpolated gradients: the iterates of autograd through changes of sign, resumed to the same bits."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from flowrepro import data
from flowrepro.core.config import Data, Loss, Record
from flowrepro.core.models import TwoLayer, objective
from flowrepro.core.overrides import override
from flowrepro.engines import load
from flowrepro.engines.base import Problem, SaveAt
from flowrepro.engines.drive import run
from flowrepro.engines.interpolated_steps import march, near
from flowrepro.engines.torch_interpolated import TOLERANCE, InterpolatedGD, interpolation
from flowrepro.papers.min2024.figure_5_mnist import DIGITS_1_0
from flowrepro.run.training import prepare


def two_classes(n: int = 60, d: int = 7, m: int = 9, spread: float = 0.5, seed: int = 0, **changes: object) -> Problem:
    """Two clusters on opposite sides, neurons from a small start."""
    rng = np.random.default_rng(seed)
    y = np.where(np.arange(n) < n // 2, 1.0, -1.0)
    X = y[:, None] * np.eye(d)[0] + spread * rng.standard_normal((n, d)) / np.sqrt(d)
    W, a = 1e-3 * rng.standard_normal((m, d)), 1e-3 * rng.standard_normal(m)
    if changes.pop("unit", False):
        a = np.sign(a)
    problem = Problem(X, y, W, a, Loss(name="exp", reduction="mean"), 0.02, 1200)
    return replace(problem, **changes)  # type: ignore[arg-type]


def by_autograd(problem: Problem) -> tuple[float, np.ndarray, np.ndarray]:
    model = TwoLayer(problem.W0, problem.a0, problem.alpha, train_a=problem.train == "both")
    parameters = [p for p in model.parameters() if p.requires_grad]
    X, y = torch.from_numpy(problem.X), torch.from_numpy(problem.y)
    for _ in range(problem.n_steps):
        gradients = torch.autograd.grad(objective(problem.loss, model(X), y), parameters)
        with torch.no_grad():
            for parameter, gradient in zip(parameters, gradients, strict=True):
                parameter -= problem.lr * gradient
    return (objective(problem.loss, model(X), y).item(), model.W.detach().numpy(), model.a.detach().numpy())


CASES = {
    "exp": {},
    "square-sum": {"loss": Loss(name="square", reduction="sum", factor=0.02)},
    "logistic2": {"loss": Loss(name="logistic2", reduction="mean")},
    "leaky": {"alpha": 0.3},
    "first layer": {"train": "first", "unit": True},
    "one sample more than blocks": {"n": 65},
    "overlapping classes": {"spread": 2.5},
    "one neuron": {"m": 1},
    "two": {"m": 2, "d": 1},
}


@pytest.mark.parametrize("case", CASES)
def test_iterates_are_those_of_autograd(case: str) -> None:
    problem = two_classes(**CASES[case])  # type: ignore[arg-type]
    engine = InterpolatedGD(problem)
    loss = engine.advance(np.array([problem.n_steps]))[0]
    fewer = engine.stats["gradient_evaluations"] < 0.8 * problem.n_steps
    assert fewer or case == "overlapping classes"
    reference, W, a = by_autograd(problem)
    assert loss == pytest.approx(reference, rel=1e-11)
    assert np.abs(engine.weights()[0] - W).max() <= 1e-11 * np.abs(W).max()
    assert np.abs(engine.weights()[1] - a).max() <= 1e-11 * np.abs(a).max()


def test_a_resumed_run_ends_with_the_same_bits() -> None:
    problem = two_classes()
    save_at = SaveAt.of(Record(save_every=7), problem.n_steps)
    whole = run(InterpolatedGD, problem, save_at)
    kept: list[dict[str, np.ndarray]] = []
    calls = iter(range(1000))
    run(
        InterpolatedGD,
        problem,
        save_at,
        checkpoint=lambda take, _: kept.append(take()),
        interrupted=lambda: next(calls) == 2,
    )
    resumed = run(InterpolatedGD, problem, save_at, resume=kept[-1])
    assert resumed.W.tobytes() == whole.W.tobytes()
    assert resumed.loss.tobytes() == whole.loss.tobytes()
    assert resumed.stats == whole.stats


def test_a_run_cut_within_an_interval_goes_on_with_the_same_bits() -> None:
    problem = two_classes(train="first", unit=True)
    whole, resumed = InterpolatedGD(problem), InterpolatedGD(problem)
    whole.advance(np.array([997]))
    assert whole.node.steps[0] < 997
    resumed.restore(whole.state(), 997)
    assert np.array_equal(resumed.weights()[0], whole.weights()[0])
    assert np.array_equal(resumed.advance(np.array([997, 1100])), whole.advance(np.array([997, 1100])))
    assert np.array_equal(resumed.weights()[0], whole.weights()[0])
    assert resumed.stats == whole.stats


def plain_steps(
    X: np.ndarray, W: np.ndarray, a: np.ndarray, q: list[np.ndarray], alpha: float, lr: float
) -> tuple[np.ndarray, np.ndarray]:
    """Steps of all neurons with slopes q[s] (n,) and the signs that they have."""
    for slopes in q:
        Z = X @ W.T
        forces = (np.where(Z > 0, 1, alpha) * slopes[:, None]).T @ X
        W, a = W - lr * a[:, None] * forces, a - lr * np.sum(W * forces, axis=1)
    return W, a


@pytest.mark.parametrize("alpha", [0.0, 0.3])
def test_an_interval_follows_every_change_of_sign(alpha: float) -> None:
    """Neurons among random samples change many signs in 20 steps, some of them twice; the forces
    come back under the last signs.
    """
    rng = np.random.default_rng(1)
    n, d, m, S = 300, 4, 6, 20
    X, norms = rng.standard_normal((n, d)), np.ones(n)
    X /= np.linalg.norm(X, axis=1, keepdims=True)
    W, a = np.empty((S + 1, m, d)), np.empty((S + 1, m))
    W[0], a[0] = rng.standard_normal((m, d)), rng.standard_normal(m)
    slopes = rng.standard_normal((2, n)) / n  # at steps 0 and 10
    nodes = np.array([0, 10])
    weights = interpolation(nodes, np.arange(S))
    active = X @ W[0].T > 0
    under = np.where(active, 1, alpha)
    forces = np.stack([(under * q[:, None]).T @ X for q in slopes])
    bent, count = np.empty(m), np.empty(m, np.int64)
    pairs = np.arange(m + 1) * n, np.tile(np.arange(n), m), active.T.ravel().copy()
    march(X, norms, W, a, forces, slopes, weights, *pairs, 1.0, alpha, True, bent)
    reference = plain_steps(X, W[0], a[0], list(weights @ slopes), alpha, 1.0)
    assert np.abs(W[S] - reference[0]).max() <= 1e-13
    assert np.abs(a[S] - reference[1]).max() <= 1e-13
    last = X @ W[S].T > 0
    assert np.array_equal(pairs[2].reshape(m, n).T, last)
    assert (last != active).sum() > 30
    now = np.stack([(np.where(last, 1, alpha) * q[:, None]).T @ X for q in slopes])
    assert np.abs(forces - now).max() <= 1e-13

    chord = W[0] + np.linspace(0, 1, S + 1)[:, None, None] * (W[S] - W[0])
    assert bent == pytest.approx(np.linalg.norm(W - chord, axis=2).max(axis=0))
    found = np.empty((m, n), np.int32)
    near((X @ W[0].T).T.copy(), (X @ W[S].T).T.copy(), 1.0, active.T.copy(), bent, norms, found, count)
    ever = (np.einsum("nd,smd->smn", X, W) > 0) != active.T
    for j in range(m):
        assert set(np.flatnonzero(ever[:, j].any(axis=0))) <= set(found[j, : count[j]])
    assert count.sum() < 0.5 * m * n


def test_interpolation_goes_through_cubics() -> None:
    nodes, at = np.array([20, 10, 5, 0]), np.arange(10, 20)
    cubic = np.polynomial.Polynomial([1.0, -2.0, 0.5, 0.1])
    assert interpolation(nodes, at) @ cubic(nodes) == pytest.approx(cubic(at), rel=1e-12)
    assert np.array_equal(interpolation(nodes, at)[0], [0.0, 1.0, 0.0, 0.0])


def test_where_nothing_is_accurate_enough_every_gradient_is_evaluated(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(TOLERANCE, "float64", 0.0)
    problem = two_classes(n_steps=100)
    engine, plain = InterpolatedGD(problem), load("torch")(problem)
    assert engine.advance(np.array([100])) == pytest.approx(plain.advance(np.array([100])), rel=1e-13)
    assert engine.stats["gradient_evaluations"] > 100


def test_digits_in_float32_follow_the_torch_engine() -> None:
    row = override(DIGITS_1_0, {"subset": 200, "n_steps": 1_500, "m": 12})
    problem = prepare(row, data.load(Data(name="digits", options=row.data.options)))
    ours, plain = InterpolatedGD(problem), load("torch")(problem)
    assert ours.advance(np.array([1_500]))[0] == pytest.approx(plain.advance(np.array([1_500]))[0], rel=1e-5)
    assert np.abs(ours.weights()[0] - plain.weights()[0]).max() <= 1e-4 * np.abs(plain.weights()[0]).max()
    assert ours.stats["gradient_evaluations"] < 300


def test_it_is_advised_for_many_samples_of_many_coordinates_only() -> None:
    assert InterpolatedGD.advises_against(two_classes()) is not None
    assert InterpolatedGD.advises_against(replace(two_classes(m=8), X=np.zeros((2_000, 1_000)))) is None
    assert InterpolatedGD.advises_against(replace(two_classes(m=8), X=np.zeros((400_000, 5)))) is not None
    assert (
        InterpolatedGD.supports(two_classes(batch_size=8))
        == "it takes the full batch and the case asks for mini-batches of 8"
    )
