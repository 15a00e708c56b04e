"""Descent into the late phase in PyTorch: against the compiled one, against autograd of the plain
objective, against mini-batch SGD with constant steps, and how it ends.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from flowrepro import data
from flowrepro.core.config import Data, Loss
from flowrepro.core.models import TwoLayer, objective
from flowrepro.core.trajectory import StopReason
from flowrepro.engines.base import Problem
from flowrepro.engines.log_domain import Classification, LateRun, descend
from flowrepro.engines.log_domain.adaptive import Field
from flowrepro.engines.log_domain.kernel import LN_S, LN_SUM, N_COLUMNS
from flowrepro.engines.torch_gd import TorchGD
from flowrepro.engines.torch_late import _Net, ln_loss, squares
from flowrepro.errors import EnvironmentFault, UsageError

CPU = torch.device("cpu")
_points = data.load(Data(name="symmetric-example"))
LEFT = Classification(_points.X, _points.y, 0.5)
"""The points of Figure 1 left, whose largest margin is 0.375."""


def start(m: int, d: int, scale: float = 0.3, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng([seed, m, d])
    return scale * rng.standard_normal((m, d)), scale * rng.standard_normal(m)


def separable(n: int, d: int, alpha: float, **options: Any) -> Classification:
    X = np.random.default_rng([n, d]).standard_normal((n, d))
    y = np.where(X[:, 0] > 0, 1.0, -1.0)
    X[:, 0] += 0.3 * y
    return Classification(X, y, alpha, **options)


def both(task: Classification, W: np.ndarray, a: np.ndarray, *levels: float) -> list[LateRun]:
    return [descend(task, W, a, levels, lr=0.05, engine=engine, max_steps=20_000) for engine in ("log-domain", "torch")]


def assert_same(compiled: LateRun, ours: LateRun, tolerance: float) -> None:
    """The same steps, accepted and rejected; states within ``tolerance`` of their norm."""
    assert ours.stop is compiled.stop
    assert ours.method == compiled.method
    assert np.array_equal(ours.step, compiled.step)
    assert dict(ours.stats) == pytest.approx(dict(compiled.stats), rel=tolerance, abs=tolerance)
    size = compiled.rho[:, None]
    assert np.abs((ours.W - compiled.W) / size[..., None]).max() <= tolerance
    assert np.abs((ours.a - compiled.a) / size).max() <= tolerance
    for name in ("s", "ln_t", "ln_loss", "q_min", "normalised_margin", "smoothed_margin"):
        expected = getattr(compiled, name)
        assert getattr(ours, name) == pytest.approx(expected, rel=10 * tolerance), name


@pytest.mark.parametrize("loss", ["logistic", "exp"])
@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize(("n", "d", "m", "alpha"), [(1, 1, 1, 0.3), (2, 3, 5, 0.5), (5, 2, 9, 0.1), (9, 5, 17, 1.0)])
def test_both_engines_make_the_same_steps(n: int, d: int, m: int, alpha: float, loss: str, reduction: str) -> None:
    """To rounding from the start to a loss of e^-15."""
    task = separable(n, d, alpha, loss=loss, reduction=reduction)
    compiled, ours = both(task, *start(m, d), 2.0, 15.0)
    assert compiled.q_min[-1] >= 15.0
    assert_same(compiled, ours, 1e-9)


def test_both_engines_reach_a_loss_beyond_doubles() -> None:
    """q = 1000, a loss of e^-1000: rounding has grown a million times, and no decision differs."""
    compiled, ours = both(LEFT, *start(10, 2), 10.0, 100.0, 1000.0)
    assert ours.ln_loss[-1] < -1000
    assert ours.stats["rejected"] > 10
    assert_same(compiled, ours, 1e-6)
    assert ours.normalised_margin[-1] == pytest.approx(0.375, rel=0.01)


@pytest.mark.parametrize("loss", ["logistic", "exp"])
@pytest.mark.parametrize("size", [0.5, 3.0, 1e3])
def test_the_direction_is_that_of_autograd(loss: Any, size: float) -> None:
    """S g is minus the gradient of the plain objective while that is a double; g is the kernel's
    anywhere.
    """
    task = separable(7, 3, 0.4, loss=loss, reduction="sum")
    W, a = start(6, 3, size)
    net, now, plain = _Net(task, W, a, CPU), np.zeros(N_COLUMNS), np.zeros(N_COLUMNS)
    g = net.ascent(net.look(now), now[LN_S])
    field = Field(task.points, (4, 6))
    expected = field.slope(np.vstack([W.T, a]).ravel(), plain)[0].reshape(4, 6)
    assert now[LN_S:] == pytest.approx(plain[LN_S:], rel=1e-12)
    assert pytest.approx(expected[:-1], rel=1e-9, abs=1e-12 * size) == g[0].numpy().T
    assert g[1].numpy() == pytest.approx(expected[-1], rel=1e-9, abs=1e-12 * size)
    assert float(squares(g)) == pytest.approx(np.sum(expected**2), rel=1e-9)
    if size < 10:
        model = TwoLayer(W, a, task.alpha)
        X, y = torch.from_numpy(task.X), torch.from_numpy(task.y)
        value = objective(Loss(name=loss, reduction="sum"), model(X), y)
        gradients = torch.autograd.grad(value, list(model.parameters()))
        for direction, gradient in zip(g, gradients, strict=True):
            assert torch.allclose(np.exp(now[LN_S]) * direction, -gradient, rtol=1e-9, atol=1e-12)
        assert now[LN_SUM] == pytest.approx(np.log(value.item()), rel=1e-9)


@pytest.mark.parametrize("q", [-5e4, -31.0, -1.0, 0.0, 1e-9, 29.9, 30.1, 700.0, 1e4, 1e12])
def test_ln_loss_at_any_margin(q: float) -> None:
    exact = np.log(np.logaddexp(0.0, -q)) if q < 700 else -q
    found = ln_loss(torch.tensor([q], dtype=torch.float64), exponential=False)
    assert found.item() == pytest.approx(exact, rel=1e-13)
    assert ln_loss(torch.tensor([q]), exponential=True).item() == pytest.approx(-q)


def test_mini_batches_are_those_of_the_torch_engine_until_the_switch() -> None:
    """Constant steps on the mean of each batch, epochs shuffled alike, the last batch of one."""
    task, (W, a) = separable(9, 3, 0.2), start(5, 3, 0.01)
    ours = descend(task, W, a, [1e3], lr=0.01, batch_size=4, seed=3, max_steps=6)
    loss = Loss(name="logistic", reduction="mean")
    problem = Problem(task.X, task.y, W, a, loss, 0.01, 6, 0.2, batch_size=4, seed=3)
    engine = TorchGD(problem)
    value = engine.advance(np.array([6]))[0]
    assert ours.stop is StopReason.MAX_STEPS
    assert ours.step.tolist() == [0, 6]
    assert ours.method == "sgd"
    assert ours.separated is None
    assert ours.W[-1] == pytest.approx(engine.weights()[0], rel=1e-10)
    assert ours.a[-1] == pytest.approx(engine.weights()[1], rel=1e-10)
    assert np.exp(ours.ln_loss[-1]) == pytest.approx(value, rel=1e-10)


def test_sgd_finds_the_direction_of_gd() -> None:
    """At a loss of e^-1000, which no epoch raised."""
    W, a = start(10, 2, 0.1)
    full = descend(LEFT, W, a, [1000.0], lr=0.05)
    ours = descend(LEFT, W, a, [1000.0], lr=0.05, batch_size=4)
    assert ours.stop is StopReason.TARGET_LOSS
    assert ours.q_min[-1] >= 1000.0
    assert ours.stats["loss_rises"] == 0
    assert ours.normalised_margin[-1] == pytest.approx(0.375, rel=0.01)
    direction, expected = (run.W[-1] / run.rho[-1] for run in (ours, full))
    assert direction == pytest.approx(expected, abs=0.03)


def test_the_seed_shuffles_the_batches() -> None:
    ours, again, other = (
        descend(LEFT, *start(4, 2), [5.0], lr=0.05, batch_size=2, seed=seed).W[-1] for seed in (1, 1, 2)
    )
    assert np.array_equal(again, ours)
    assert not np.array_equal(other, ours)


def test_ends_are_those_of_the_compiled_one() -> None:
    W, a = start(3, 2)
    dead = replace(LEFT, alpha=0.0, X=LEFT.X[:1], y=LEFT.y[:1])
    for task, first, reason in (
        (dead, np.tile([-1.0, 0.0], (3, 1)), StopReason.STATIONARY),
        (LEFT, np.full((3, 2), np.nan), StopReason.DIVERGED),
    ):
        compiled, ours = both(task, first, a, 10.0)
        assert ours.stop is compiled.stop is reason
        assert np.array_equal(ours.step, compiled.step)
    for engine in ("log-domain", "torch"):
        run = descend(LEFT, W, a, [0.5, 1e3], lr=0.05, engine=engine, max_steps=30)
        assert run.stop is StopReason.MAX_STEPS
        assert run.step[-1] == 30
    diverged = descend(LEFT, W, a, [1e3], lr=1e300, engine="torch")
    assert diverged.stop is StopReason.DIVERGED
    assert np.array_equal(diverged.W[-1], W)
    met = descend(LEFT, W, a, [-1e3], lr=0.05, engine="torch")
    assert met.step.tolist() == [0]


def test_auto_is_compiled_where_that_can_do_it(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def refuse(*_: object, **how: object) -> None:
        asked.append(how["batch_size"])
        raise RuntimeError

    monkeypatch.setattr("flowrepro.engines.torch_late.march_torch", refuse)
    assert descend(LEFT, *start(3, 2), [1.0], lr=0.05).q_min[-1] >= 1.0
    for options in ({"engine": "torch"}, {"batch_size": 2}, {"device": "auto"}):
        with pytest.raises(RuntimeError):
            descend(LEFT, *start(3, 2), [1.0], lr=0.05, **options)  # type: ignore[arg-type]
    assert asked == [None, 2, None]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"engine": "fused"}, "engine must be one of auto, log-domain, torch, not 'fused'"),
        ({"engine": "log-domain", "batch_size": 2}, "all points at once on the CPU"),
        ({"engine": "log-domain", "device": "cuda"}, "all points at once on the CPU"),
        ({"batch_size": 0}, "batch_size must be null .* or at least 1, not 0"),
        ({"device": "gpu"}, "device must be one of auto, cpu"),
        ({"engine": "torch", "levels": [2.0, 1.0]}, "increasing"),
        ({"engine": "torch", "lr": 0.0}, "control must be positive"),
    ],
)
def test_what_cannot_be_done_is_refused(options: dict[str, Any], message: str) -> None:
    levels, lr = options.pop("levels", [1.0]), options.pop("lr", 0.1)
    with pytest.raises(UsageError, match=message):
        descend(LEFT, *start(3, 2), levels, lr=lr, **options)


def test_a_pulse_may_stop_it() -> None:
    seen = []

    def pulse() -> None:
        seen.append(1)
        if len(seen) == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        descend(LEFT, *start(3, 2), [1e3], lr=0.05, engine="torch", pulse=pulse)
    assert len(seen) == 3


def test_the_threads_are_given_back() -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(before + 1)
    try:
        descend(LEFT, *start(3, 2), [0.5], lr=0.05, engine="torch")
        assert torch.get_num_threads() == before + 1
    finally:
        torch.set_num_threads(before)


def test_a_missing_torch_or_gpu_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    if not torch.cuda.is_available():
        with pytest.raises(EnvironmentFault, match="device 'cuda' cannot be used"):
            descend(LEFT, *start(3, 2), [1.0], lr=0.05, device="cuda")
    monkeypatch.setitem(__import__("sys").modules, "flowrepro.engines.torch_late", None)
    with pytest.raises(EnvironmentFault, match="engine 'torch' needs torch"):
        descend(LEFT, *start(3, 2), [1.0], lr=0.05, engine="torch")


@pytest.mark.gpu
@pytest.mark.parametrize("batch_size", [None, 4])
def test_the_gpu_makes_the_same_steps_into_the_late_phase(batch_size: int | None) -> None:
    if not torch.cuda.is_available():
        pytest.skip("no GPU here")
    task, (W, a) = separable(9, 3, 0.5), start(10, 3)
    cpu, gpu = (
        descend(task, W, a, [2.0, 15.0], lr=0.05, engine="torch", device=device,
                batch_size=batch_size)
        for device in ("cpu", "cuda")
    )  # fmt: skip
    assert_same(cpu, gpu, 1e-8)
