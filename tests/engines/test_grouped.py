"""Engine `grouped`: the iterates of plain descent, whatever crosses or sticks; the contract is in
test_contract.py.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from problems import random_problem

from flowrepro.core.config import Init, Loss
from flowrepro.core.initialize import initial_weights
from flowrepro.core.network import gradient
from flowrepro.core.trajectory import StopReason
from flowrepro.data.points import eight_pieces, three_points
from flowrepro.engines.base import Problem, SaveAt
from flowrepro.engines.drive import run
from flowrepro.engines.grouped import GroupedGD
from flowrepro.engines.grouped.engine import possible_patterns

SIZES = (1, 2, 3, 5, 7, 8, 9, 16, 17)
MSE = Loss(name="square", reduction="mean", factor=2.0)
LOSSES = (
    MSE,
    Loss(name="logistic", reduction="mean"),
    Loss(name="logistic2", reduction="sum", factor=0.3),
    Loss(name="exp", reduction="mean", factor=0.5),
)
BY_ROUNDING = 1e-12
"""A sign is called decided by rounding where |<w, x>| is less than this times |w| |x|, and neither
is zero.
"""


def plain(problem: Problem, steps: int) -> tuple[np.ndarray, np.ndarray, int]:
    """(W, a, k) after k <= steps steps of plain descent, the last step before a sign is decided by
    rounding.
    """
    X, W, a = problem.X, problem.W0.copy(), problem.a0.copy()
    norms = np.linalg.norm(X, axis=1)[:, None]
    for k in range(steps):
        cosines = np.abs(X @ W.T) / np.maximum(norms * np.linalg.norm(W, axis=1), 1e-300)
        if np.any((cosines < BY_ROUNDING) & (norms * np.linalg.norm(W, axis=1) > 0)):
            return W, a, k
        gW, ga = gradient(X, problem.y, W, a, problem.loss, problem.alpha)
        W, a = W - problem.lr * gW, a - problem.lr * ga if problem.train == "both" else a
    return W, a, steps


def error(problem: Problem, steps: int, engine: GroupedGD | None = None) -> tuple[float, int]:
    """Largest difference from plain descent relative to the largest weight, and the step at which
    they were compared.
    """
    W, a, k = plain(problem, steps)
    engine = engine or GroupedGD(problem)
    engine.advance(np.array([k]))
    ours, reference = np.column_stack(engine.weights()), np.column_stack([W, a])
    return float(np.max(np.abs(ours - reference)) / np.max(np.abs(reference))), k


def on_a_line(
    data_points: object, m: int, init: str, *, seed: int = 0, scale: float = 1e-3, lr: float = 1e-3
) -> Problem:
    X, y = data_points.X, data_points.y  # type: ignore[attr-defined]
    W, a = initial_weights(Init(name=init, m=m, scale=scale, divide_by="sqrt(m)"), seed, X.shape[1])
    return Problem(X, y, W, a, MSE, lr, 10**7)


@pytest.mark.parametrize("d", [1, 2, 3])
@pytest.mark.parametrize("n", SIZES)
def test_fast_equals_plain(n: int, d: int) -> None:
    """Random data and labels, all inits, losses and slopes, 150 steps with many crossings."""
    crossings = compared = 0
    for i, m in enumerate(SIZES):
        init = ("balanced", "gaussian", "dominated")[i % 3]
        W, a = initial_weights(Init(name=init, m=m, scale=1.0, divide_by="sqrt(m)"), 10 * n + d, d)
        loss, alpha = LOSSES[(i + n) % 4], (0.0, 0.0, 0.3, 1.0)[(i + d) % 4]
        problem = replace(
            random_problem(n, d, m, loss, lr=0.03 / (1 + d)),
            W0=W,
            a0=a,
            alpha=alpha,
            train="first" if i == 4 else "both",
        )
        engine = GroupedGD(problem)
        difference, steps = error(problem, 150, engine)
        assert difference <= 1e-12
        crossings += engine.stats["crossings"]
        compared += steps
    assert compared > 1000
    assert crossings > 0 or n * d <= 2


@pytest.mark.parametrize("n", [40, 64, 65, 130])
def test_patterns_of_several_words_and_more_patterns_than_slots(n: int) -> None:
    problem = random_problem(n, 3, 300, MSE, lr=0.02)
    engine = GroupedGD(problem)
    difference, steps = error(problem, 100, engine)
    assert difference <= 1e-12
    assert steps > 20
    assert engine.stats["crossings"] > 100


def test_steps_that_turn_by_more_than_the_bound_reaches() -> None:
    """lr |D| of order one: propagators are nearly singular, and every neuron must be looked at."""
    for lr in (0.3, 0.6, 1.0):
        problem = random_problem(6, 2, 17, MSE, seed=3, lr=lr)
        assert error(problem, 6)[0] <= 1e-11


def test_points_and_neurons_at_zero_and_doubles() -> None:
    """x = 0 never has a sign; w = 0 is dead for ever; equal points cross together."""
    problem = random_problem(5, 2, 9, MSE, lr=0.05)
    X, W = problem.X.copy(), problem.W0.copy()
    X[1], X[3], W[4] = 0.0, X[2], 0.0
    problem = replace(problem, X=X, W0=W)
    engine = GroupedGD(problem)
    assert error(problem, 100, engine)[0] <= 1e-12
    assert np.array_equal(engine.weights()[0][4], np.zeros(2))
    assert engine.weights()[1][4] == problem.a0[4]


@pytest.mark.parametrize("scale", [1e-20, 1e-140, 1e-200, 1e-300])
def test_scales_whose_squares_underflow(scale: float) -> None:
    """The outputs are zero there, and the neurons turn all the same."""
    problem = on_a_line(three_points(), 50, "gaussian", scale=scale, lr=1e-2)
    engine = GroupedGD(problem)
    difference, steps = error(problem, 400, engine)
    assert difference <= 1e-12
    assert steps == 400
    assert engine.stats["crossings"] > 10


@pytest.mark.slow
@pytest.mark.parametrize("init", ["balanced", "gaussian", "dominated"])
def test_neurons_that_stick_to_a_boundary(init: str) -> None:
    """On the forty points kinks form at data: neurons cross there at about every step, and still
    the iterates agree.
    """
    problem = on_a_line(eight_pieces(), 100, init, scale=0.5, lr=5e-3)
    engine = GroupedGD(problem)
    difference, steps = error(problem, 8000, engine)
    assert difference <= 1e-11
    assert steps >= 2000
    assert engine.stats["captures"] > 5
    assert int(engine.state()["caught_held"].sum()) > 0


def test_sticking_to_two_boundaries_at_once() -> None:
    """In three dimensions a neuron can slide on the intersection of two hyperplanes; none is held,
    all are exact.
    """
    problem = random_problem(9, 3, 60, Loss(name="square", reduction="sum"), seed=5, lr=1e-3)
    engine = GroupedGD(problem)
    difference, steps = error(problem, 5000, engine)
    assert difference <= 1e-11
    assert steps >= 300
    assert engine.stats["captures"] > 0


def test_restart_in_the_middle_is_bit_identical() -> None:
    """With crossings, caught neurons and slots that have grown; and the way a run is cut changes
    nothing.
    """
    problem = on_a_line(eight_pieces(), 300, "gaussian", scale=0.5, lr=5e-3)
    whole = GroupedGD(problem)
    losses = whole.advance(np.arange(0, 12_001, 500))
    cut = GroupedGD(problem)
    parts = []
    for start in range(0, 12_000, 3000):
        parts.append(cut.advance(np.arange(start, start + 3000, 500)))
        cut.advance(np.array([start + 2999]))
        kept = cut.state()
        cut = GroupedGD(problem)
        cut.restore(kept, start + 2999)
    parts.append(cut.advance(np.array([12_000])))
    assert whole.stats["captures"] > 0
    assert np.array_equal(np.concatenate(parts), losses)
    for name, array in whole.state().items():
        assert np.array_equal(cut.state()[name], array, equal_nan=True), name


def test_divergence_is_a_stop() -> None:
    problem = random_problem(6, 2, 17, Loss(name="square", reduction="sum"), lr=3.0, n_steps=400)
    trajectory = run(GroupedGD, problem, SaveAt(np.arange(401), np.array([0, 400])))
    assert trajectory.stop.reason is StopReason.DIVERGED
    assert np.all(np.isfinite(trajectory.loss))


def test_what_it_does_not_do_and_when_it_is_slower() -> None:
    problem = random_problem(3, 2, 2000)
    assert GroupedGD.supports(problem) is None
    assert GroupedGD.advises_against(problem) is None
    for change in ({"batch_size": 2}, {"dtype": "float32"}, {"device": "cuda"}, {"depth": 3}, {"ln_scale": -800.0}):
        assert GroupedGD.supports(replace(problem, **change)) is not None, change
    assert GroupedGD.advises_against(random_problem(3, 2, 4)) is not None
    assert GroupedGD.advises_against(random_problem(1000, 5, 2000)) is not None


def test_possible_patterns_are_those_met() -> None:
    """Cover's count is reached by enough random neurons."""
    rng = np.random.default_rng(0)
    for n, d in ((3, 1), (4, 2), (7, 2), (5, 3), (2, 5)):
        signs = (rng.standard_normal((20_000, d)) @ rng.standard_normal((d, n))) > 0
        assert len(np.unique(signs, axis=0)) == possible_patterns(n, d)
