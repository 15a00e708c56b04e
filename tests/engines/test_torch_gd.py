from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from problems import MEAN_SQUARE, random_problem

from flowrepro.core.config import Loss, Record
from flowrepro.core.models import TwoLayer, objective
from flowrepro.core.network import gradient
from flowrepro.engines.base import Problem, SaveAt
from flowrepro.engines.batches import Batches
from flowrepro.engines.drive import run
from flowrepro.engines.torch_baseline import MatrixProducts, PlainLoop
from flowrepro.engines.torch_gd import TorchGD
from flowrepro.engines.torch_gradient import BlockGradient
from flowrepro.errors import EnvironmentFault

LOSSES = [
    Loss(name=name, reduction=reduction, factor=0.7)
    for name in ("square", "logistic", "logistic2", "exp")
    for reduction in ("mean", "sum")
]  # type: ignore[arg-type]


@pytest.mark.parametrize("size", [1, 4, 5, 9, 20])
def test_batches_cover_each_epoch_once_and_keep_the_rest(size: int) -> None:
    batches, n = Batches(9, size, seed=3), 9
    orders = []
    for epoch in range(3):
        steps = range(epoch * batches.per_epoch, (epoch + 1) * batches.per_epoch)
        rows = [batches.rows(step) for step in steps]
        assert all(part is not None and 0 < len(part) <= size for part in rows)
        orders.append(np.concatenate(rows))  # type: ignore[arg-type]
        assert sorted(orders[-1]) == list(range(n))
        assert np.array_equal(orders[-1], np.random.default_rng([3, epoch]).permutation(n))
        assert [batches.epochs(step) for step in steps] == [epoch] * batches.per_epoch
    assert not np.array_equal(orders[0], orders[1])


def test_batches_are_a_function_of_the_step() -> None:
    forward, backward = Batches(9, 4, 0), Batches(9, 4, 0)
    rows = [forward.rows(step) for step in range(9)]
    assert all(np.array_equal(rows[step], backward.rows(step)) for step in reversed(range(9)))  # type: ignore[arg-type]
    assert Batches(9, None, 0).rows(5) is None


@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: f"{loss.name}-{loss.reduction}")
@pytest.mark.parametrize("alpha", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("block", [1, 4, 17, 100])
def test_blocks_make_the_gradient_of_autograd(loss: Loss, alpha: float, block: int) -> None:
    problem = random_problem(17, 3, 5, loss, alpha=alpha)
    X, y = torch.from_numpy(problem.X), torch.from_numpy(problem.y)
    model = TwoLayer(problem.W0, problem.a0, alpha)
    ours = BlockGradient(X, y, loss, alpha, 5, block)
    for rows in (None, torch.tensor([16, 0, 3, 8, 5])):
        value = objective(loss, model(X if rows is None else X[rows]), y if rows is None else y[rows])
        grad_W, grad_a = torch.autograd.grad(value, list(model.parameters()))
        with torch.no_grad():
            ours.evaluate(model.W, model.a, rows)
        assert ours.value.item() == pytest.approx(value.item(), rel=1e-13)
        assert torch.allclose(ours.grad_W, grad_W, rtol=1e-12, atol=1e-13)
        assert torch.allclose(ours.grad_a, grad_a, rtol=1e-12, atol=1e-13)


def test_mini_batch_descent_is_that_of_numpy() -> None:
    """Every step on the mean of its own batch, the last batch of one row included; the loss is that
    of all rows.
    """
    problem = random_problem(9, 2, 6, batch_size=4, seed=5)
    engine = TorchGD(problem)
    losses = engine.advance(np.arange(8))
    W, a, expected = problem.W0.copy(), problem.a0.copy(), []
    for step in range(8):
        expected.append(float(0.5 * np.mean((np.maximum(problem.X @ W.T, 0) @ a - problem.y) ** 2)))
        epoch, position = divmod(step, 3)
        rows = np.random.default_rng([problem.seed, epoch]).permutation(9)[4 * position : 4 * position + 4]
        grad_W, grad_a = gradient(problem.X[rows], problem.y[rows], W, a, MEAN_SQUARE)
        if step < 7:
            W, a = W - problem.lr * grad_W, a - problem.lr * grad_a
    assert losses == pytest.approx(expected, rel=1e-12)
    assert engine.weights()[0] == pytest.approx(W, rel=1e-11)
    assert engine.weights()[1] == pytest.approx(a, rel=1e-11)
    assert engine.stats == {"gradient_evaluations": 7, "epochs": 2, "device": "cpu"}


@pytest.mark.parametrize("batch_size", [None, 4])
def test_constant_columns_are_left_out_exactly(batch_size: int | None) -> None:
    """The run on X with zero columns is that without them, and their weights keep their bits."""
    problem = random_problem(9, 3, 6, batch_size=batch_size)
    X, W0 = np.zeros((9, 5)), np.full((6, 5), np.pi)
    X[:, [0, 2, 3]], W0[:, [0, 2, 3]] = problem.X, problem.W0
    wide, narrow = TorchGD(replace(problem, X=X, W0=W0)), TorchGD(problem)
    assert np.array_equal(wide.advance(np.arange(20)), narrow.advance(np.arange(20)))
    assert np.array_equal(wide.weights()[0][:, [0, 2, 3]], narrow.weights()[0])
    assert np.all(wide.weights()[0][:, [1, 4]] == np.pi)
    assert np.array_equal(wide.weights()[1], narrow.weights()[1])


def test_no_column_at_all_moves_nothing() -> None:
    problem = replace(random_problem(), X=np.zeros((5, 2)))
    engine = TorchGD(problem)
    assert engine.advance(np.array([0, 3])) == pytest.approx([0.5, 0.5])
    assert np.array_equal(engine.weights()[0], problem.W0)


def test_float32_follows_float64() -> None:
    problem = random_problem(20, 4, 10, n_steps=50)
    single, double = TorchGD(replace(problem, dtype="float32")), TorchGD(problem)
    assert single.advance(np.arange(51)) == pytest.approx(double.advance(np.arange(51)), rel=1e-5)
    assert single.weights()[0].dtype == np.float32


@pytest.mark.parametrize(
    "loss",
    [Loss(name="square", reduction="mean", factor=2.0), Loss(name="exp", reduction="mean")],
    ids=lambda loss: loss.name,
)
def test_the_plain_loop_of_the_benchmark_makes_the_same_steps(loss: Loss) -> None:
    problem = random_problem(loss=loss, lr=0.01)
    plain, ours = PlainLoop(problem), TorchGD(problem)
    plain.advance(30)
    ours.advance(np.array([30]))
    assert plain.weights()[0] == pytest.approx(ours.weights()[0], rel=1e-12)
    assert plain.weights()[1] == pytest.approx(ours.weights()[1], rel=1e-12)


def test_the_bare_products_are_products() -> None:
    problem = random_problem(6, 3, 4)
    products = MatrixProducts(problem)
    products.advance(1)
    assert products.hidden.numpy() == pytest.approx(problem.W0 @ problem.X.T)
    assert products.grad.numpy() == pytest.approx(problem.W0 @ problem.X.T @ problem.X)


def test_auto_runs_here() -> None:
    problem = random_problem(device="auto")
    assert TorchGD.supports(problem) is None
    assert np.all(np.isfinite(TorchGD(problem).advance(np.array([3]))))


def test_a_full_gpu_gets_a_second_try_and_then_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    """Injected: the first allocation fails once (half blocks then fit), then always."""
    blocks: list[int] = []
    fails = iter((True, False, True, True, True, True, False))

    class Full(BlockGradient):
        def __init__(self, *arguments: object, **options: object) -> None:
            blocks.append(arguments[-1])  # type: ignore[arg-type]
            if next(fails):
                raise torch.cuda.OutOfMemoryError("injected")
            super().__init__(*arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr("flowrepro.engines.torch_gd.BlockGradient", Full)
    monkeypatch.setattr(torch.cuda, "empty_cache", lambda: None)
    monkeypatch.setattr(TorchGD, "blocks", lambda self: [5, 3])
    problem = random_problem()
    assert np.isfinite(TorchGD(problem).advance(np.array([1])))[0]
    assert blocks == [5, 3]
    with pytest.raises(EnvironmentFault, match="too little free memory"):
        TorchGD(problem)
    assert TorchGD(replace(problem, device="auto")).stats["device"] == "cpu, as the GPU has too little free memory"


@pytest.fixture
def cuda_problem() -> Problem:
    if not torch.cuda.is_available():
        pytest.skip("no GPU here")
    return random_problem(50, 6, 20, device="cuda", n_steps=60)


@pytest.mark.gpu
@pytest.mark.parametrize("depth", [1, 2, 3])
@pytest.mark.parametrize("batch_size", [None, 16])
def test_cuda_follows_the_cpu_and_captures_the_step(cuda_problem: Problem, batch_size: int | None, depth: int) -> None:
    problem = replace(cuda_problem, batch_size=batch_size, depth=depth)
    gpu, cpu = TorchGD(problem), TorchGD(replace(problem, device="cpu"))
    assert gpu.advance(np.arange(0, 61, 5)) == pytest.approx(cpu.advance(np.arange(0, 61, 5)), rel=1e-9)
    assert gpu.weights()[0] == pytest.approx(cpu.weights()[0], rel=1e-9, abs=1e-12)
    assert gpu.stats["cuda_graph"] == "captured"


@pytest.mark.gpu
def test_cuda_repeats_its_bits_however_it_is_cut(cuda_problem: Problem) -> None:
    whole, cut = TorchGD(cuda_problem), TorchGD(cuda_problem)
    losses = whole.advance(np.arange(61))
    parts = np.concatenate([cut.advance(np.arange(7)), cut.advance(np.arange(7, 61))])
    assert np.array_equal(losses, parts)
    assert np.array_equal(whole.weights()[0], cut.weights()[0])


@pytest.mark.gpu
def test_cuda_step_that_cannot_be_captured_is_made_eagerly_and_said(
    cuda_problem: Problem, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Refuses:
        def __init__(self, *_: object) -> None:
            raise RuntimeError("injected")

    reference = TorchGD(cuda_problem).advance(np.arange(61))
    monkeypatch.setattr(torch.cuda, "graph", Refuses)
    trajectory = run(TorchGD, cuda_problem, SaveAt.of(Record(), cuda_problem.n_steps))
    assert trajectory.loss == pytest.approx(reference, rel=1e-12)
    assert trajectory.stats["cuda_graph"] == "eager: injected"
