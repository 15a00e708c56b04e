"""Engine `grouped-boost`: against dense matrix exponentials, the flow, and what the flow keeps."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.linalg import expm

from flowrepro.core.config import Init, Loss
from flowrepro.core.initialize import initial_weights
from flowrepro.core.network import output_gradient, predict
from flowrepro.data.points import eight_pieces, three_points
from flowrepro.engines import ENGINES, choose
from flowrepro.engines.base import Problem
from flowrepro.engines.flow.flow import integrate
from flowrepro.engines.grouped import GroupedBoost, GroupedGD
from flowrepro.papers.boursier2024.lemma_8_boxes import in_boxes
from flowrepro.papers.boursier2024.neurons import least_squares
from flowrepro.theory.conservation import imbalance

MSE = Loss(name="square", reduction="mean", factor=2.0)


def problem(
    X: np.ndarray,
    y: np.ndarray,
    init: str,
    m: int,
    scale: float,
    lr: float,
    steps: int,
    seed: int = 0,
    alpha: float = 0.0,
) -> Problem:
    W, a = initial_weights(Init(name=init, m=m, scale=scale, divide_by="sqrt(m)"), seed, X.shape[1])
    return Problem(X, y, W, a, MSE, lr, steps, alpha)


def ends(engine: type[GroupedGD], given: Problem) -> tuple[np.ndarray, np.ndarray, GroupedGD]:
    run = engine(given)
    run.advance(np.array([given.n_steps]))
    return *run.weights(), run


def dense(given: Problem) -> tuple[np.ndarray, np.ndarray]:
    """Every neuron by the exponential of its own matrix."""
    X, d = given.X, given.X.shape[1]
    theta = np.column_stack([given.W0, given.a0])
    for _ in range(given.n_steps):
        W, a = theta[:, :-1], theta[:, -1]
        g = output_gradient(given.loss, predict(X, W, a, given.alpha), given.y)
        D = -(np.where(W @ X.T > 0, 1.0, given.alpha) * g) @ X
        for j, force in enumerate(D):
            B = np.zeros((d + 1, d + 1))
            B[:d, d] = B[d, :d] = force
            theta[j] = expm(given.lr * B) @ theta[j]
    return theta[:, :-1], theta[:, -1]


@pytest.mark.parametrize(("d", "alpha", "init"), [(2, 0.0, "gaussian"), (3, 0.0, "balanced"), (2, 0.2, "dominated")])
def test_steps_are_matrix_exponentials(d: int, alpha: float, init: str) -> None:
    rng = np.random.default_rng(d)
    given = problem(rng.standard_normal((5, d)), rng.standard_normal(5), init, 12, 0.5, 0.02, 150, alpha=alpha)
    W, a, run = ends(GroupedBoost, given)
    W_dense, a_dense = dense(given)
    assert run.stats["crossings"] > 0
    assert np.abs(W - W_dense).max() < 1e-11
    assert np.abs(a - a_dense).max() < 1e-11


@pytest.mark.parametrize("init", ["balanced", "gaussian", "dominated"])
def test_imbalance_and_signs_are_kept_on_three_points(init: str) -> None:
    given = problem(three_points().X, three_points().y, init, 600, 1e-3, 1e-2, 20_000)
    W, a, _ = ends(GroupedBoost, given)
    assert np.abs(imbalance(W, a) - imbalance(given.W0, given.a0)).max() < 1e-12 * np.max(a**2) + 1e-16
    W, a, _ = ends(GroupedGD, given)
    assert np.abs(imbalance(W, a) - imbalance(given.W0, given.a0)).max() > 1e-10 * np.max(a**2)


def test_caught_neurons_keep_their_imbalance() -> None:
    given = problem(eight_pieces().X, eight_pieces().y, "gaussian", 600, 0.3, 1e-3, 20_000)
    W, a, run = ends(GroupedBoost, given)
    assert run.stats["captures"] > 0
    assert np.abs(imbalance(W, a) - imbalance(given.W0, given.a0)).max() < 1e-12 * np.max(a**2)


def test_it_converges_to_the_flow_with_slope_one() -> None:
    X, y = three_points().X, three_points().y
    horizon, errors = 12.0, []
    start = problem(X, y, "balanced", 40, 0.05, 1.0, 1)
    exact = integrate(X, y, start.W0, start.a0, Loss(name="square", reduction="mean"), horizon, rtol=1e-11).weights()
    lrs = 0.02 / 2.0 ** np.arange(5)
    for lr in lrs:
        W, a, _ = ends(GroupedBoost, problem(X, y, "balanced", 40, 0.05, lr, round(horizon / (2 * lr))))
        errors.append(np.abs(predict(X, W, a) - predict(X, *exact)).max())
    slope = np.polyfit(np.log(lrs), np.log(errors), 1)[0]
    assert slope == pytest.approx(1.0, abs=0.1)
    assert errors[-1] < 2e-3


def test_long_steps_do_not_lead_out_of_the_spurious_minimum() -> None:
    """Descent with the same step changes the sign of a, and fits some of these sets (boursier2024,
    Theorem 2 forbids it).
    """
    X, y = in_boxes(np.random.default_rng(0), 1 / 6, 8)
    gaps: dict[str, list[float]] = {"grouped": [], "grouped-boost": []}
    for name, engine in (("grouped", GroupedGD), ("grouped-boost", GroupedBoost)):
        for i in range(8):
            W, a, _ = ends(engine, problem(X[i], y[i], "balanced", 500, 1e-4, 1e-2, 12_000, i))
            gaps[name].append(float(np.abs(predict(X[i], W, a) - X[i] @ least_squares(X[i], y[i])).max()))
    assert max(gaps["grouped-boost"]) < 1e-8
    assert max(gaps["grouped"]) > 0.1


def test_training_the_first_layer_only_is_descent() -> None:
    given = problem(three_points().X, three_points().y, "gaussian", 100, 0.1, 1e-2, 300)
    first = Problem(given.X, given.y, given.W0, given.a0, MSE, given.lr, given.n_steps, train="first")
    for ours, theirs in zip(ends(GroupedBoost, first)[:2], ends(GroupedGD, first)[:2], strict=True):
        assert np.array_equal(ours, theirs)


def test_it_is_taken_by_name_only() -> None:
    given = problem(three_points().X, three_points().y, "gaussian", 2000, 0.1, 1e-2, 300)
    assert "grouped-boost" in ENGINES
    assert choose("auto", given)[0] is GroupedGD
    assert choose("grouped-boost", given)[0] is GroupedBoost
