"""What every descent engine must do.

A new member of ENGINES is tested here without a line of code.
"""

from __future__ import annotations

import functools
import io
import itertools
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from problems import KNOWN, MEAN_SQUARE, Known, linear_phase, random_problem

from flowrepro.core.config import Loss, Record
from flowrepro.core.models import Chains, TwoLayer, objective
from flowrepro.core.trajectory import StopReason, Trajectory
from flowrepro.engines import ENGINES, choose, load
from flowrepro.engines.base import Engine, Problem, SaveAt
from flowrepro.engines.batches import Batches
from flowrepro.engines.drive import run
from flowrepro.errors import UsageError

NAMES = [name for name in ENGINES if load(name).kind == "descent"]
LOSSES = [
    Loss(name=name, reduction=reduction, factor=1.5)
    for name in ("square", "logistic", "logistic2", "exp")
    for reduction in ("mean", "sum")
]  # type: ignore[arg-type]
SIZES = (1, 2, 3, 5, 7, 8, 9, 16, 17)


@pytest.fixture(params=NAMES)
def engine(request: pytest.FixtureRequest) -> type[Engine]:
    return load(request.param)


def runs(name: str, problem: Problem) -> bool:
    try:
        choose(name, problem)
    except UsageError:
        return False
    return True


def by_autograd(problem: Problem, steps: int) -> tuple[list[float], np.ndarray, np.ndarray]:
    """Losses at 0..steps and the last weights, by PyTorch's own SGD and autograd in float64."""
    trained, depth = problem.train == "both", problem.depth
    model: TwoLayer | Chains
    if depth == 2:
        model = TwoLayer(problem.W0, problem.a0, problem.alpha, train_a=trained)
    else:
        model = Chains(problem.W0, problem.a0, depth, problem.alpha, train_a=trained)
    optimizer = torch.optim.SGD(model.parameters(), lr=problem.lr)
    batches = Batches(len(problem.y), problem.batch_size, problem.seed)
    X, y, losses = torch.from_numpy(problem.X), torch.from_numpy(problem.y), []
    for step in range(steps + 1):
        losses.append(objective(problem.loss, model(X), y).item())
        if step < steps:
            rows = batches.rows(step)
            part = slice(None) if rows is None else torch.from_numpy(rows)
            optimizer.zero_grad()
            objective(problem.loss, model(X[part]), y[part]).backward()
            optimizer.step()
    if isinstance(model, TwoLayer):
        return losses, model.W.detach().numpy(), model.a.detach().numpy()
    scalars = model.scalars.detach().numpy()
    assert np.allclose(scalars, scalars[:1], rtol=1e-13, atol=0.0)
    return losses, model.W.detach().numpy(), scalars[0] if depth > 1 else problem.a0


def assert_close(ours: np.ndarray, reference: np.ndarray, tolerance: float = 1e-12) -> None:
    assert np.max(np.abs(ours - reference)) <= tolerance * max(np.max(np.abs(reference)), 1e-300)


def assert_same_weights(ours: Engine, other: Engine) -> None:
    assert all(map(np.array_equal, ours.weights(), other.weights()))


def awkward(loss: Loss, n: int) -> Iterator[Problem]:
    """Sizes around the SIMD widths, slopes of the leaky part, and both choices of trained layers.

    Every third width in turn, so that each pair of n and m meets at least two losses.
    """
    # Stable for all: past 2/L rounding grows from step to step.
    lr = 1e-4 if loss.name == "exp" else 0.02
    for i, (m, d) in enumerate(itertools.product(SIZES, (1, 2, 3))):
        if (i // 3 + n + LOSSES.index(loss)) % 3:
            continue
        yield random_problem(
            n, d, m, loss, seed=i, lr=lr, alpha=(0.0, 0.3, 1.0, 0.0)[i % 4],
            train=("both", "both", "first")[(i + n) % 3],
        )  # fmt: skip


def awkward_and_deep(loss: Loss, depth: int) -> Iterator[Problem]:
    """Awkward sizes, slopes, trained layers, full batches and mini-batches."""
    lr = 1e-6 if loss.name == "exp" else 0.01  # one layer sums neurons of order one
    for i, (n, m, d) in enumerate(itertools.product((1, 5, 17), (1, 3, 8, 17), (1, 3))):
        yield random_problem(
            n, d, m, loss, seed=i, lr=lr, alpha=(0.0, 0.3, 1.0)[i % 3], depth=depth,
            train=("both", "both", "first")[i // 2 % 3], batch_size=(None, 3, None, 4)[i % 4],
        )  # fmt: skip


@functools.cache
def reference(make: Callable[..., Iterator[Problem]], loss: Loss, size: int, steps: int) -> list[Any]:
    """Each problem with its iterates by autograd, which all engines are compared with."""
    return [(problem, *by_autograd(problem, steps)) for problem in make(loss, size)]


def assert_iterates(
    engine: type[Engine], make: Callable[..., Iterator[Problem]], loss: Loss, size: int, steps: int
) -> None:
    for problem, losses, W, a in reference(make, loss, size, steps):
        if engine.supports(problem) is None:
            member = engine(problem)
            assert_close(member.advance(np.arange(steps + 1)), np.array(losses))
            assert_close(member.weights()[0], W)
            assert_close(member.weights()[1], a)


@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: f"{loss.name}-{loss.reduction}")
def test_iterates_are_those_of_autograd(engine: type[Engine], loss: Loss) -> None:
    for n in SIZES:
        assert_iterates(engine, awkward, loss, n, 4)


@pytest.mark.parametrize(
    ("name", "loss", "depth"),
    [
        pytest.param(name, loss, depth, id=f"{name}-{loss.name}-{loss.reduction}-{depth}")
        for name, loss, depth in itertools.product(NAMES, LOSSES, (1, 3))
        if runs(name, random_problem(loss=loss, depth=depth))
    ],
)
def test_other_depths_are_those_of_autograd(name: str, loss: Loss, depth: int) -> None:
    """A neuron with a scalar that is not positive is dead from depth 3 on."""
    assert_iterates(load(name), awkward_and_deep, loss, depth, 6)


@pytest.mark.slow
@pytest.mark.parametrize("known", KNOWN, ids=lambda known: known.name)
def test_descent_converges_to_the_flow_with_slope_one(engine: type[Engine], known: Known) -> None:
    """The error at a fixed flow time falls like lr: slope 1 in a log-log plot (0.9..1.1 over three
    halvings).
    """
    errors, rates = [], [4e-3, 2e-3, 1e-3, 5e-4]
    for lr in rates:
        problem = known.problem(lr)
        member = engine(problem)
        member.advance(np.array([problem.n_steps]))
        W, a = member.weights()
        errors.append(max(np.max(np.abs(W - known.W)), np.max(np.abs(a - known.a))))
    slope = np.polyfit(np.log(rates), np.log(errors), 1)[0]
    assert 0.9 <= slope <= 1.1
    assert errors[-1] < 1e-2 * np.max(np.abs(known.a))


def test_growth_in_the_linear_phase(engine: type[Engine]) -> None:
    """Small neurons follow (1 +- lr ||D||)^k exactly (boursier2022 Lemma on early alignment,
    discretised).
    """
    problem, W, a = linear_phase()
    member = engine(problem)
    member.advance(np.array([problem.n_steps]))
    assert_close(member.weights()[0], W, 1e-10)
    assert_close(member.weights()[1], a, 1e-10)


PROBLEMS = {
    "full batch": random_problem(9, 3, 17),
    "leaky logistic": random_problem(7, 2, 5, Loss(name="logistic", reduction="sum"), alpha=0.2),
    "first layer": random_problem(5, 2, 7, train="first"),
    "mini-batches": random_problem(9, 3, 17, batch_size=4),
    "float32": random_problem(9, 3, 17, dtype="float32"),
    "three layers": random_problem(9, 3, 17, depth=3),
}


PAIRS = {f"{name}-{label}": (name, label) for name in NAMES for label in PROBLEMS}
RUN = {pair: runs(name, PROBLEMS[label]) for pair, (name, label) in PAIRS.items()}


@pytest.fixture(params=[pair for pair in PAIRS if RUN[pair]])
def case(request: pytest.FixtureRequest) -> tuple[type[Engine], Problem]:
    name, label = PAIRS[request.param]
    return load(name), PROBLEMS[label]


@pytest.mark.parametrize("pair", [pair for pair in PAIRS if not RUN[pair]])
def test_an_engine_refuses_what_it_cannot_run_and_another_takes_it(pair: str) -> None:
    name, label = PAIRS[pair]
    with pytest.raises(UsageError, match=rf"^engine '{name}' cannot run this case: \w+"):
        choose(name, PROBLEMS[label])
    assert choose("auto", PROBLEMS[label])[0].name != name


def test_cuts_change_no_bit(case: tuple[type[Engine], Problem]) -> None:
    engine, problem = case
    whole, cut = engine(problem), engine(problem)
    losses = whole.advance(np.arange(41))
    cuts = ((0, 1), (1, 4), (4, 5), (4, 30), (30, 41))
    parts = [cut.advance(np.arange(*steps)) for steps in cuts]
    assert np.array_equal(np.concatenate([*parts[:2], parts[3], parts[4]]), losses)
    assert parts[2] == losses[4]
    assert_same_weights(whole, cut)


def test_recording_grid_changes_no_bit(case: tuple[type[Engine], Problem]) -> None:
    engine, problem = case
    dense, sparse = engine(problem), engine(problem)
    losses = dense.advance(np.arange(41))
    assert np.array_equal(sparse.advance(np.array([0, 13, 40])), losses[[0, 13, 40]])
    assert_same_weights(dense, sparse)


def test_restore_continues_bit_for_bit(case: tuple[type[Engine], Problem]) -> None:
    engine, problem = case
    first, second = engine(problem), engine(problem)
    first.advance(np.array([13]))
    kept = first.state()
    losses = first.advance(np.arange(14, 41))
    second.restore(kept, 13)
    assert second.step == 13
    assert np.array_equal(second.advance(np.arange(14, 41)), losses)
    assert_same_weights(first, second)


def test_weights_are_copies_in_the_problems_dtype(case: tuple[type[Engine], Problem]) -> None:
    engine, problem = case
    start = problem.W0.copy(), problem.a0.copy()
    member = engine(problem)
    W, a = member.weights()
    assert W.dtype == a.dtype == np.dtype(problem.dtype)
    assert np.array_equal(W, problem.W0.astype(problem.dtype))
    member.advance(np.array([5]))
    assert np.array_equal(W, problem.W0.astype(problem.dtype))
    assert not np.array_equal(member.weights()[0], W)
    assert np.array_equal(problem.W0, start[0])
    assert np.array_equal(problem.a0, start[1])
    assert np.array_equal(member.weights()[1], a) == (problem.train == "first")


@pytest.mark.parametrize("place", ["W0", "a0"])
def test_nan_is_seen(engine: type[Engine], place: str) -> None:
    problem = random_problem()
    poisoned = getattr(problem, place).copy()
    poisoned.flat[0] = np.nan
    problem = replace(problem, **{place: poisoned})
    assert np.all(np.isnan(engine(problem).advance(np.array([0, 1, 5]))))


def grid(problem: Problem, save_every: int = 3, **options: Any) -> SaveAt:
    return SaveAt.of(Record(save_every=save_every, snapshots=(7, 20)), problem.n_steps, **options)


def assert_same_trajectory(ours: Trajectory, other: Trajectory) -> None:
    for name in ("step", "t", "loss", "snapshot_step", "W", "a", "group"):
        assert np.array_equal(getattr(ours, name), getattr(other, name)), name
    assert ours.stop == other.stop
    assert ours.stats == other.stats
    assert {name: array.tolist() for name, array in ours.observed.items()} == {
        name: array.tolist() for name, array in other.observed.items()
    }


def test_run_records_what_is_asked(engine: type[Engine]) -> None:
    problem = random_problem()

    def observe(W: np.ndarray, a: np.ndarray) -> dict[str, np.ndarray]:
        return {"mass": np.asarray(np.abs(a).sum())}

    trajectory = run(engine, problem, grid(problem, observe=observe))
    assert trajectory.step.tolist() == [*range(0, 40, 3), 40]
    assert trajectory.snapshot_step.tolist() == [0, 7, 20, 40]
    assert trajectory.stop.reason is StopReason.HORIZON
    assert np.allclose(trajectory.t, problem.lr * trajectory.step)
    assert trajectory.observed["mass"].shape == trajectory.step.shape
    assert trajectory.observed["mass"][0] == np.abs(problem.a0).sum()
    losses, W, _ = by_autograd(problem, 40)
    assert_close(trajectory.loss, np.array(losses)[trajectory.step], 1e-9)
    assert_close(trajectory.at(40)[0], W, 1e-9)
    assert trajectory.stats["gradient_evaluations"] >= 1


def test_interrupted_run_resumes_to_the_same_bits(case: tuple[type[Engine], Problem]) -> None:
    engine, problem = case
    unbroken = run(engine, problem, grid(problem))
    kept: list[bytes] = []

    def keep(arrays: Any, last: bool) -> None:
        file = io.BytesIO()
        np.savez(file, **arrays())
        kept.append(file.getvalue())

    stopped = run(engine, problem, grid(problem), checkpoint=keep, interrupted=lambda: len(kept) >= 2)
    assert stopped.stop.reason is StopReason.INTERRUPTED
    assert stopped.stop.step < problem.n_steps
    for checkpoint in kept:
        with np.load(io.BytesIO(checkpoint), allow_pickle=False) as arrays:
            assert_same_trajectory(run(engine, problem, grid(problem), resume=dict(arrays)), unbroken)


def test_target_loss_stops_at_the_first_record_below_it(engine: type[Engine]) -> None:
    problem = random_problem(2, 2, 16, n_steps=4000)
    full = run(engine, problem, grid(problem))
    target = float(full.loss[200])
    assert np.all(np.diff(full.loss[:202]) < 0)
    stopped = run(engine, problem, grid(problem), target_loss=target)
    assert stopped.stop.reason is StopReason.TARGET_LOSS
    assert stopped.stop.step == full.step[201] == stopped.last_step
    assert np.array_equal(stopped.loss, full.loss[:202])


@pytest.mark.parametrize("loss", [MEAN_SQUARE, Loss(name="exp", reduction="sum")], ids=lambda loss: loss.name)
def test_divergence_stops_at_the_last_finite_state(engine: type[Engine], loss: Loss) -> None:
    problem = random_problem(5, 2, 7, loss, lr=50.0, n_steps=1000)
    trajectory = run(engine, problem, grid(problem, save_every=4))
    stop = trajectory.stop
    assert stop.reason is StopReason.DIVERGED
    assert "2/L" in stop.note
    assert np.all(np.isfinite(trajectory.loss))
    assert np.all(np.isfinite(trajectory.W))
    assert trajectory.last_step == stop.step
    assert np.all(np.diff(trajectory.snapshot_step) > 0)
    member = engine(problem)
    losses = member.advance(np.arange(stop.step + 2))
    assert np.isfinite(losses[stop.step])
    assert not np.isfinite(losses[stop.step + 1])
