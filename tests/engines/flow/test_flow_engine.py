"""The flow as an engine: the contract of engines/base.py."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from flow_cases import HALF_MSE, stall
from problems import KNOWN, random_problem

from flowrepro.core.config import Loss
from flowrepro.core.network import objective, predict
from flowrepro.core.trajectory import StopReason
from flowrepro.engines.base import Problem, SaveAt
from flowrepro.engines.drive import run
from flowrepro.engines.flow.engine import Flow
from flowrepro.engines.flow.flow import Integration, integrate

DOUBLED = Loss(name="square", reduction="mean", factor=2.0)


def problem(seed: int = 17, **options: object) -> Problem:
    X, y, W, a = stall(seed, 0.3)
    return Problem(X, y, W, a, **{"loss": DOUBLED, "lr": 0.01, "n_steps": 500, **options})  # type: ignore[arg-type]


def grid(p: Problem, every: int = 25) -> SaveAt:
    return SaveAt(np.arange(0, p.n_steps + 1, every), np.array([0, 200, p.n_steps]))


@pytest.mark.parametrize("known", KNOWN, ids=lambda known: known.name)
def test_known_flows(known: object) -> None:
    lr = 0.01
    p = known.problem(lr)  # type: ignore[attr-defined]
    trajectory = run(Flow, replace(p, rtol=1e-10), SaveAt(np.array([0, p.n_steps]), np.array([0, p.n_steps])))
    W, a = trajectory.at(p.n_steps)
    np.testing.assert_allclose(W, known.W, atol=1e-7)  # type: ignore[attr-defined]
    np.testing.assert_allclose(a, known.a, atol=1e-7)  # type: ignore[attr-defined]


def test_steps_are_flow_times_and_losses_are_the_objective() -> None:
    """t = factor * lr * step; the factor scales what is reported, not the flow."""
    p = problem()
    trajectory = run(Flow, p, grid(p))
    assert trajectory.stop.reason is StopReason.HORIZON
    np.testing.assert_allclose(trajectory.t, 0.02 * trajectory.step)
    direct = integrate(p.X, p.y, p.W0, p.a0, HALF_MSE, trajectory.t)
    np.testing.assert_allclose(trajectory.loss, 2 * direct.loss, rtol=1e-13)
    W, a = trajectory.at(200)
    assert trajectory.loss[8] == pytest.approx(objective(DOUBLED, predict(p.X, W, a), p.y), rel=1e-12)


def test_descent_converges_to_it() -> None:
    from flowrepro.engines.torch_gd import TorchGD

    errors = []
    for lr in (0.02, 0.002):
        p = problem(lr=lr, n_steps=round(2 / lr))
        ends = [
            run(engine, p, SaveAt(np.array([0, p.n_steps]), np.array([0, p.n_steps]))).at(p.n_steps)[0]
            for engine in (Flow, TorchGD)
        ]
        errors.append(np.abs(ends[0] - ends[1]).max())
    assert 5 <= errors[0] / errors[1] <= 20


def test_restored_in_the_middle_of_a_slide_it_is_bit_identical() -> None:
    p = problem()
    whole, first, second = Flow(p), Flow(p), Flow(p)
    steps = np.arange(0, 501, 50)
    losses = whole.advance(steps)
    start = first.advance(steps[:5])
    assert np.any(first._flow.state.slides > 0)
    second.restore({name: array.copy() for name, array in first.state().items()}, first.step)
    rest = second.advance(steps[5:])
    np.testing.assert_array_equal(losses, np.concatenate([start, rest]))
    for left, right in zip(whole.weights(), second.weights(), strict=True):
        np.testing.assert_array_equal(left, right)
    assert second.stats["events slide"] == whole.stats["events slide"]
    np.testing.assert_array_equal(whole.events.t, second.events.t)


def test_resumed_run_equals_the_unbroken_one() -> None:
    p = problem()
    kept: list[dict[str, np.ndarray]] = []
    whole = run(Flow, p, grid(p), checkpoint=lambda arrays, *_: kept.append(arrays() if callable(arrays) else arrays))
    resumed = run(Flow, p, grid(p), resume=kept[len(kept) // 2])
    np.testing.assert_array_equal(whole.loss, resumed.loss)
    np.testing.assert_array_equal(whole.W, resumed.W)
    assert len(whole.events["t"]) > 0
    assert whole.events.keys() == resumed.events.keys()
    for name, array in whole.events.items():
        np.testing.assert_array_equal(array, resumed.events[name])


def test_the_trajectory_holds_the_events() -> None:
    p = problem()
    events, engine = run(Flow, p, grid(p)).events, Flow(p)
    engine.advance(np.array([p.n_steps]))
    np.testing.assert_array_equal(events["t"], engine.events.t)
    assert np.all(np.diff(events["t"]) >= 0)
    slides = events["kinds"][events["kind"]] == "slide"
    assert slides.sum() == len(engine.events.of("slide")) > 0
    assert [int(np.flatnonzero(events["plane_of_sample"] == plane)[0]) for plane in events["plane"][slides]] == [
        engine.events.samples[plane][0] for plane in events["plane"][slides]
    ]


def test_target_loss() -> None:
    p = problem(0, n_steps=3000)
    trajectory = run(Flow, p, grid(p), target_loss=0.05)
    assert trajectory.stop.reason is StopReason.TARGET_LOSS
    assert trajectory.loss[-1] < 0.05 <= trajectory.loss[-2]


def test_failure_is_a_stop() -> None:
    """A capped flow ends the run with its reason and with the last state that was reached."""

    class Capped(Flow):
        def __init__(self, p: Problem) -> None:
            super().__init__(p)
            self._flow = Integration(p.X, p.y, p.W0, p.a0, p.loss, max_events=5)

    p = problem()
    trajectory = run(Capped, p, grid(p))
    assert trajectory.stop.reason is StopReason.MAX_EVENTS
    assert "t=" in trajectory.stop.note
    assert np.all(np.isfinite(trajectory.loss))
    assert len(trajectory.loss) < 21
    assert trajectory.last_step == trajectory.stop.step >= trajectory.step[-1]
    assert trajectory.stop.t < 0.02 * 25


def test_scales_below_the_smallest_double() -> None:
    p = random_problem(n_steps=200, lr=0.05, ln_scale=-3000.0)
    engine = Flow(p)
    losses = engine.advance(np.array([0, 200]))
    assert losses[0] == losses[1] == pytest.approx(0.5 * np.mean(p.y**2))
    assert np.all(engine.weights()[0] == 0)
    assert np.all(np.abs(engine.log_weights()[:, 0] + 3000) < 50)


@pytest.mark.parametrize(
    "options", [{"alpha": 1.0}, {"train": "first"}, {"batch_size": 2}, {"dtype": "float32"}, {"device": "cuda"}]
)
def test_what_it_does_not_support(options: dict[str, object]) -> None:
    assert Flow.supports(problem(**options))
    assert Flow.supports(problem()) is None
    assert Flow.advises_against(problem())
