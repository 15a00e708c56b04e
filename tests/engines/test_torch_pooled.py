"""Pooled neurons: the iterates of autograd where neurons agree, part, turn sign, die or never
agree; resumed to the same bits.
"""

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
from flowrepro.engines.torch_pooled import PooledGD, form_pools
from flowrepro.papers.min2024.figure_5_mnist import DIGITS_1_0
from flowrepro.run.training import prepare


def two_classes(n: int = 60, d: int = 7, m: int = 9, spread: float = 0.5, seed: int = 0, **changes: object) -> Problem:
    """Two clusters on opposite sides, neurons from a small start: they agree after some hundred
    steps.
    """
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
    engine = PooledGD(problem)
    loss = engine.advance(np.array([problem.n_steps]))[0]
    assert engine.stats["pooled_steps"] > 100 or len(problem.a0) <= 2
    reference, W, a = by_autograd(problem)
    assert loss == pytest.approx(reference, rel=1e-11)
    assert np.abs(engine.weights()[0] - W).max() <= 1e-11 * np.abs(W).max()
    assert np.abs(engine.weights()[1] - a).max() <= 1e-11 * np.abs(a).max()


def test_most_steps_are_pooled_once_the_neurons_agree() -> None:
    engine = PooledGD(two_classes())
    engine.advance(np.array([1200]))
    assert engine.stats["pooled_steps"] > 600
    assert engine.stats["gradient_evaluations"] == 1200


def test_a_resumed_run_ends_with_the_same_bits() -> None:
    problem = two_classes()
    save_at = SaveAt.of(Record(save_every=7), problem.n_steps)
    whole = run(PooledGD, problem, save_at)
    kept: list[dict[str, np.ndarray]] = []
    calls = iter(range(1000))
    run(
        PooledGD, problem, save_at, checkpoint=lambda take, _: kept.append(take()), interrupted=lambda: next(calls) == 2
    )
    resumed = run(PooledGD, problem, save_at, resume=kept[-1])
    assert resumed.W.tobytes() == whole.W.tobytes()
    assert resumed.loss.tobytes() == whole.loss.tobytes()
    assert resumed.stats == whole.stats


def test_pools_hold_exactly_as_long_as_no_unwatched_sign_can_change() -> None:
    """Turn every pooled neuron up to the limit, in many directions: no sample that is not watched
    changes its sign.
    """
    problem = two_classes(n=400, m=12, spread=1.0)
    engine = PooledGD(problem)
    engine.advance(np.array([1200]))
    W, a = engine.weights()
    pools = form_pools(problem.X, np.linalg.norm(problem.X, axis=1), W, a, 0.0, 1e-13)
    assert pools is not None
    assert 0 < pools.watched.mean() < 0.2
    rng = np.random.default_rng(0)
    signs = problem.X @ W.T > 0
    for _ in range(50):
        turned = W / np.linalg.norm(W, axis=1, keepdims=True)
        aside = rng.standard_normal(W.shape)
        aside -= np.sum(aside * turned, axis=1, keepdims=True) * turned
        turned = turned + 0.999 * pools.turn * aside / np.linalg.norm(aside, axis=1, keepdims=True)
        members = np.concatenate(pools.members)
        assert pools.hold(turned)
        assert np.array_equal((problem.X @ turned.T > 0)[~pools.watched][:, members], signs[~pools.watched][:, members])
    assert not pools.hold(W[:, ::-1])
    assert not pools.hold(0 * W)


def test_neurons_that_do_not_agree_are_not_pooled() -> None:
    rng = np.random.default_rng(0)
    X, W = rng.standard_normal((200, 20)), rng.standard_normal((16, 20))
    assert form_pools(X, np.linalg.norm(X, axis=1), W, np.ones(16), 0.0, 1e-13) is None


@pytest.mark.parametrize(("row", "column"), [(0, "W"), (3, "W"), (0, "a"), (slice(None), "a")])
def test_vanished_and_diverged_neurons_are_not_pooled(row: int | slice, column: str) -> None:
    problem = two_classes()
    engine = PooledGD(problem)
    engine.advance(np.array([1200]))
    W, a = engine.weights()
    norms = np.linalg.norm(problem.X, axis=1)
    assert form_pools(problem.X, norms, W, a, 0.0, 1e-13) is not None
    if column == "W":
        W[row] = 0
    else:
        a[row] = np.nan
    assert form_pools(problem.X, norms, W, a, 0.0, 1e-13) is None


def test_digits_in_float32_follow_the_torch_engine() -> None:
    row = override(DIGITS_1_0, {"subset": 200, "n_steps": 1_500, "m": 12})
    problem = prepare(row, data.load(Data(name="digits", options=row.data.options)))
    ours, plain = PooledGD(problem), load("torch")(problem)
    assert ours.advance(np.array([1_500]))[0] == pytest.approx(plain.advance(np.array([1_500]))[0], rel=1e-5)
    assert np.abs(ours.weights()[0] - plain.weights()[0]).max() <= 1e-4 * np.abs(plain.weights()[0]).max()
    assert ours.stats["pooled_steps"] > 300


def test_it_is_advised_for_many_samples_only() -> None:
    assert PooledGD.advises_against(two_classes()) is not None
    assert PooledGD.advises_against(replace(two_classes(m=8), X=np.zeros((2_000, 1_000)))) is None
    assert (
        PooledGD.supports(two_classes(batch_size=8))
        == "it takes the full batch and the case asks for mini-batches of 8"
    )
