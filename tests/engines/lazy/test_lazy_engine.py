from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from problems import MEAN_SQUARE, random_problem

from flowrepro.core.config import Loss, Record
from flowrepro.core.network import gain, partial_gain
from flowrepro.core.trajectory import StopReason
from flowrepro.data.synthetic import gaussian_teacher
from flowrepro.engines import choose
from flowrepro.engines.base import Problem, SaveAt
from flowrepro.engines.drive import run, step_bound
from flowrepro.engines.lazy.engine import LazyGD
from flowrepro.errors import UsageError

Weights = tuple[np.ndarray, np.ndarray]
SUM_SQUARE = Loss(name="square", reduction="sum", factor=0.7)


def chain(depth: int = 2, fac: float = 1.0, n: int = 400, d: int = 7, seed: int = 0, **options: Any) -> Problem:
    """A teacher neuron of norm one and a balanced student of about fac times its size (lee2022)."""
    data = gaussian_teacher(n, d, seed, 1.0 / np.sqrt(d), depth)
    w = fac / np.sqrt(d) * data.extra["student"]
    return Problem(
        data.X,
        data.y,
        w[None],
        np.array([np.linalg.norm(w)]),
        MEAN_SQUARE,
        **{"lr": 0.02, "n_steps": 3000, "depth": depth, **options},
    )


def dense(problem: Problem, steps: int) -> tuple[np.ndarray, Weights]:
    """Losses at 0..steps and the last weights by autograd in float64, every scalar of a chain a
    parameter of its own.
    """
    X, y = torch.from_numpy(problem.X), torch.from_numpy(problem.y)
    W = torch.tensor(problem.W0, requires_grad=True)
    scalars = [torch.tensor(problem.a0, requires_grad=problem.train == "both") for _ in range(problem.depth - 1)]
    moving = [p for p in (W, *scalars) if p.requires_grad]
    losses = []
    for step in range(steps + 1):
        hidden = torch.nn.functional.leaky_relu(X @ W.T, problem.alpha)
        for i, scalar in enumerate(scalars):
            hidden = hidden * scalar
            if i < len(scalars) - 1:
                hidden = torch.relu(hidden)
        values = 0.5 * (hidden.sum(dim=1) - y) ** 2
        loss = problem.loss.factor * (values.mean() if problem.loss.reduction == "mean" else values.sum())
        losses.append(loss.item())
        if step < steps:
            for p, g in zip(moving, torch.autograd.grad(loss, moving), strict=True):
                p.data -= problem.lr * g
    return np.array(losses), (W.detach().numpy(), scalars[0].detach().numpy() if scalars else problem.a0)


def assert_is_dense(problem: Problem, steps: int, tolerance: float = 1e-12) -> LazyGD:
    engine = LazyGD(problem)
    losses = engine.advance(np.arange(steps + 1))
    expected, weights = dense(problem, steps)
    floor = (
        0.5 * problem.loss.factor * np.sum(problem.y**2) / (len(problem.y) if problem.loss.reduction == "mean" else 1)
    )
    rounding = (
        expected + np.sqrt(expected * floor) + tolerance * floor
    )  # of a residual that is the difference of numbers like y
    assert np.all(np.abs(losses - expected) <= tolerance * rounding)
    size = max(
        np.max(np.abs(problem.W0)), np.max(np.abs(problem.a0))
    )  # a scalar that shrinks to 1e-9 was a difference of such numbers
    for ours, theirs in zip(engine.weights(), weights, strict=True):
        assert np.max(np.abs(ours - theirs)) <= tolerance * size
    return engine


@pytest.mark.parametrize("n", [1, 2, 3, 7, 8, 9, 65, 257])
@pytest.mark.parametrize("depth", [1, 2, 3, 5])
def test_iterates_are_those_of_autograd(n: int, depth: int) -> None:
    """Over awkward sizes, leaky slopes (where no ReLU follows), several neurons or chains, and both
    training modes.
    """
    for i, (m, d) in enumerate((m, d) for m in (1, 2, 5) for d in (1, 2, 9, 17)):
        alpha = 0.3 if depth <= 2 and i % 3 == 1 else 0.0
        problem = random_problem(
            n,
            d,
            m,
            (MEAN_SQUARE, SUM_SQUARE)[i % 2],
            seed=i,
            lr=0.2 / (n * m),
            alpha=alpha,
            depth=depth,
            train=("both", "first")[i % 4 == 3],
        )
        assert_is_dense(replace(problem, a0=np.abs(problem.a0)) if i % 3 else problem, 60)


@pytest.mark.parametrize(("depth", "fac", "flips"), [(1, 0.1, 100), (2, 2.0, 100), (3, 1.0, 80)])
def test_long_runs_with_many_flips_stay_dense_to_the_last_digit(depth: int, fac: float, flips: int) -> None:
    """The loss falls by up to 17 decades and stays that of the dense run to rounding; without a
    centre it would stop at 1e-16.
    """
    engine = assert_is_dense(chain(depth, fac, n=600, d=5), 2500)
    assert engine.stats["activation_flips"] >= flips
    assert engine.stats["activation_tests"] < 0.05 * 600 * 2500


def test_loss_keeps_its_digits_down_to_rounding() -> None:
    problem = chain(1, 1.0, n=300, d=4, lr=0.2)
    engine = LazyGD(problem)
    losses = engine.advance(np.arange(0, 2001, 100))
    W, _ = engine.weights()
    assert losses[-1] <= 1e-30
    assert np.linalg.norm(W - gaussian_teacher(300, 4, 0, 0.5, 1).extra["teacher"]) <= 1e-14
    assert np.all(losses >= 0)


class AsksAll(LazyGD):
    sure = 0.0


@pytest.mark.parametrize(
    "problem",
    [
        chain(1),
        chain(2, 0.1),
        chain(3, 2.0),
        random_problem(90, 3, 4, n_steps=3000),
        random_problem(60, 2, 3, SUM_SQUARE, alpha=0.2, lr=0.02, n_steps=2000),
    ],
    ids=["one layer", "two layers", "three layers", "four neurons", "leaky"],
)
def test_asking_every_sample_at_every_step_changes_no_bit(problem: Problem) -> None:
    lazy, eager = LazyGD(problem), AsksAll(problem)
    grid = np.arange(problem.n_steps + 1)
    assert np.array_equal(lazy.advance(grid), eager.advance(grid))
    assert all(np.array_equal(ours, other) for ours, other in zip(lazy.weights(), eager.weights(), strict=True))
    assert lazy.stats["activation_flips"] == eager.stats["activation_flips"] > 0
    assert 5 * lazy.stats["activation_tests"] < eager.stats["activation_tests"]


def test_pattern_is_that_of_the_weights_even_when_steps_are_wild() -> None:
    """Steps at the edge of stability throw many samples over at once."""
    problem = random_problem(200, 3, 2, lr=0.9, n_steps=400, seed=3)
    engine = LazyGD(problem)
    for step in range(0, 401, 20):
        engine.advance(np.array([step]))
        assert np.array_equal(engine.state()["on"], engine.weights()[0] @ problem.X.T > 0)
    assert engine.stats["activation_flips"] > 50


def test_zero_rows_and_zero_neurons() -> None:
    problem = random_problem(12, 3, 3)
    X, W = problem.X.copy(), problem.W0.copy()
    X[4], W[1] = 0.0, 0.0
    problem = replace(problem, X=X, W0=W)
    engine = assert_is_dense(problem, 200)
    assert np.array_equal(engine.weights()[0][1], np.zeros(3))


@pytest.mark.parametrize("scale", [1e-170, 1e-30, 1e60])
def test_no_scale_is_lost(scale: float) -> None:
    """Moves whose squares underflow or overflow are still moves: weights and labels of any size,
    one layer.
    """
    data = gaussian_teacher(50, 3, 1)
    start = -data.extra["student"]
    unit = Problem(data.X, data.y, start[None], np.ones(1), MEAN_SQUARE, 0.1, 300, depth=1)
    scaled = replace(unit, y=unit.y * scale, W0=unit.W0 * scale)
    engines = [LazyGD(problem) for problem in (unit, scaled)]
    for engine in engines:
        engine.advance(np.array([300]))
    assert engines[0].stats["activation_flips"] == engines[1].stats["activation_flips"] > 3
    assert np.allclose(engines[1].weights()[0] / scale, engines[0].weights()[0], rtol=1e-11, atol=0)


@pytest.mark.parametrize("depth", [2, 3])
def test_resumes_to_the_same_bits(depth: int) -> None:
    problem = chain(depth, 2.0)
    whole = LazyGD(problem)
    losses = whole.advance(np.arange(2001))
    first, second = LazyGD(problem), LazyGD(problem)
    first.advance(np.array([0, 777]))
    kept = first.state()
    first.advance(np.array([1500]))
    second.restore(kept, 777)
    assert np.array_equal(second.advance(np.arange(777, 2001)), losses[777:])
    assert all(np.array_equal(ours, other) for ours, other in zip(second.weights(), whole.weights(), strict=True))
    assert second.stats == whole.stats


def test_a_chain_whose_scalars_are_not_positive_is_stuck() -> None:
    """lee2022, Section 3: the ReLUs between the scalars give zero, and so is every gradient."""
    problem = replace(chain(3), a0=-np.ones(1))
    engine = LazyGD(problem)
    losses = engine.advance(np.array([0, 50]))
    assert losses[0] == losses[1] == pytest.approx(0.5 * np.mean(problem.y**2))
    assert np.array_equal(engine.weights()[0], problem.W0)


@pytest.mark.parametrize("depth", [1, 2, 3, 4])
def test_gain_and_its_partial_derivative(depth: int) -> None:
    a = np.array([-1.5, 0.0, 0.4, 2.0])
    scalars = torch.tensor(np.tile(a, (max(depth - 1, 1), 1)), requires_grad=True)
    value = torch.ones(4, dtype=torch.float64)
    for i in range(depth - 1):
        value = value * scalars[i] if i == 0 else torch.relu(value) * scalars[i]
    assert np.allclose(gain(a, depth), value.detach().numpy())
    if depth > 1:
        assert np.allclose(partial_gain(a, depth), torch.autograd.grad(value.sum(), scalars)[0][-1].numpy())


@pytest.mark.parametrize("depth", [1, 2])
def test_divergence_names_a_stable_step(depth: int) -> None:
    problem = chain(depth, 2.0, lr=200.0)
    trajectory = run(LazyGD, problem, SaveAt.of(Record(), problem.n_steps))
    assert trajectory.stop.reason is StopReason.DIVERGED
    bound = step_bound(problem, problem.W0, problem.a0)
    assert np.all(np.diff(LazyGD(replace(problem, lr=0.2 * bound)).advance(np.arange(100))) < 0)


def test_step_bound_of_a_chain_is_two_over_its_curvature() -> None:
    """f = v^2 w x for w x > 0: the tangent kernel is (v^4 + 2 v^2 w^2) x^2."""
    problem = Problem(np.array([[2.0]]), np.ones(1), np.array([[3.0]]), np.array([0.5]), SUM_SQUARE, 0.1, 1, depth=3)
    assert step_bound(problem, problem.W0, problem.a0) == pytest.approx(2 / (0.7 * 4 * (0.5**4 + 2 * 0.25 * 9)))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"loss": Loss(name="exp", reduction="mean")}, "square loss"),
        ({"dtype": "float32"}, "float32"),
        ({"device": "cuda"}, "CPU"),
        ({"batch_size": 2}, "mini-batches"),
        ({"W0": np.zeros((3000, 2)), "a0": np.zeros(3000)}, "past 2000"),
    ],
    ids=["loss", "dtype", "device", "batch", "size"],
)
def test_says_what_it_cannot_do(change: dict[str, Any], reason: str) -> None:
    assert reason in (LazyGD.supports(replace(random_problem(), **change)) or "")


def test_auto_takes_it_for_one_neuron_and_many_samples_and_for_every_other_depth() -> None:
    def chosen(problem: Problem) -> str:
        return choose("auto", problem)[0].name

    assert chosen(chain(2, n=1000)) == "lazy"
    assert chosen(chain(2, n=8)) == "fused"
    assert chosen(chain(3, n=8)) == "lazy"
    with pytest.raises(UsageError, match="trains two-layer networks and the case asks for depth 3"):
        choose("fused", chain(3))


@pytest.mark.slow
def test_first_runs_of_lee2022_reproduce_an_independent_implementation() -> None:
    """Seed 0, n = 10000, d = 100: first recorded step (every 20) with angle below 0.1, and the
    final angle.
    """
    for depth, k, lr, fac, first, last in (
        (1, 1.0, 3e-4, 0.1, 8960, 2.41e-6),
        (2, 0.5, 8e-6, 1.0, 33160, 9.00e-5),
        (3, 0.3, 2e-6, 2.0, 35020, 1.19e-4),
    ):
        data = gaussian_teacher(seed=0, scale=k, depth=depth)
        w, target = (fac * k * data.extra["student"], data.extra["teacher"] / np.linalg.norm(data.extra["teacher"]))
        engine = LazyGD(
            Problem(data.X, data.y, w[None], np.array([np.linalg.norm(w)]), MEAN_SQUARE, lr, 100_000, depth=depth)
        )
        angles = []
        for step in range(0, 100_001, 20):
            engine.advance(np.array([step]))
            u = engine.weights()[0][0] / np.linalg.norm(engine.weights()[0])
            angles.append(2 * np.arctan2(np.linalg.norm(u - target), np.linalg.norm(u + target)))
        assert 20 * int(np.argmax(np.array(angles) < 0.1)) == first
        assert angles[-1] == pytest.approx(last, rel=3e-3)


@pytest.mark.parametrize(("x", "a"), [(1.3407807929942597e154, 0.1), (1.0, 1e160)])
def test_beyond_doubles_the_first_step_is_beyond_stability(x: float, a: float) -> None:
    problem = Problem(
        np.array([[x]]), np.zeros(1), np.ones((1, 1)), np.array([a]), Loss(name="square", reduction="mean"), 1e-3, 1
    )
    reason = LazyGD.advises_against(problem)
    assert reason is not None
    assert "beyond the limit of stability" in reason
