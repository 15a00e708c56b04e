"""What the runs of the log domain tend to: margins, KKT points and probabilities of lyu2021, with
our measurements.
"""

from __future__ import annotations

import numpy as np
import pytest

from flowrepro import data
from flowrepro.core.config import Data
from flowrepro.core.initialize import balanced
from flowrepro.engines.log_domain import Classification, LateRun, flow, integrate, integrate_many
from flowrepro.theory.margin import Separator, hard_margin
from flowrepro.theory.margin_kkt import kkt_certificate

ALPHA = 0.5


def task_of(name: str, **options: float) -> Classification:
    dataset = data.load(Data(name=name, options=options))
    return Classification(dataset.X, dataset.y, ALPHA)


def linear_pair_margin(task: Classification) -> float:
    """(1 + alpha) / 4 times the largest linear margin, the optimum on symmetric data (lyu2021
    Theorem 4.2).
    """
    separator = hard_margin(task.X, task.y)
    assert isinstance(separator, Separator)
    return (1 + task.alpha) / 4 * separator.margin


def trained(task: Classification, seed: int, m: int = 6, scale: float = 1e-3) -> LateRun:
    rng = np.random.default_rng(seed)
    W, a = scale * rng.standard_normal((m, task.X.shape[1])), scale * rng.standard_normal(m)
    return flow(task, W, a, [1e2, 1e4, 1e6, 1e8])


SYMMETRIC = {
    "sym2d": (2, 6, 0, 0.21),
    "sym3d": (3, 8, 1, 0.158),
    "sym5d": (5, 10, 2, 0.49),
    "sym20d": (20, 15, 3, 0.503),
}


@pytest.mark.parametrize("name", SYMMETRIC)
def test_symmetric_data_the_margin_gap_is_a_constant_over_the_margin(name: str) -> None:
    """1 - gamma / gamma_max = K / q to q = 1e8 (loss 10^-43000000);

    K depends on the start by some per cent (measured).
    """
    d, h, seed, measured = SYMMETRIC[name]
    task = task_of("symmetric", d=d, h=h, seed=seed)
    run = trained(task, 1)
    gap = (1 - run.normalised_margin[-4:] / linear_pair_margin(task)) * run.q_min[-4:]
    assert run.ln_loss[-1] / np.log(10) == pytest.approx(-43_429_448, abs=1)
    assert gap[1] == pytest.approx(measured, rel=0.05)
    np.testing.assert_allclose(gap[2:], gap[1], rtol=5e-3)
    assert gap[0] == pytest.approx(gap[1], rel=0.05)


@pytest.mark.parametrize("name", ["sym2d", "sym5d"])
def test_kkt_residuals_fall_with_the_square_root_of_the_margin(name: str) -> None:
    """eps, delta -> 0 (lyu2021 Theorem 3.1): eps ~ 1 / sqrt(q), delta sqrt(q) <= 1, sum lam ->
    ||theta^||^2 / 2.
    """
    d, h, seed, _ = SYMMETRIC[name]
    task = task_of("symmetric", d=d, h=h, seed=seed)
    run = trained(task, 1)
    found = [kkt_certificate(task.X, task.y, W, a, ALPHA) for W, a in zip(run.W[-4:], run.a[-4:], strict=True)]
    q = run.q_min[-4:]
    eps = np.array([one.eps for one in found])
    assert np.all(eps * np.sqrt(q) <= 1)
    assert np.polyfit(np.log(q[1:]), np.log(eps[1:]), 1)[0] == pytest.approx(-0.5, abs=0.02)
    assert all(one.delta * root <= 1 for one, root in zip(found, np.sqrt(q), strict=True))
    assert found[1].balance <= 1e-3


@pytest.mark.parametrize("method", ["euler", "rk4", "gd"])
@pytest.mark.parametrize("name", ["symmetric", "hinted", "constant-feature"])
def test_after_separation_loss_falls_norm_grows_and_the_smoothed_margin_never_drops(name: str, method: str) -> None:
    """lyu2021 Theorem 3.1 (i, ii), every step; backtracking descent promises the first two only."""
    task = task_of(name)
    W, a = balanced(np.random.default_rng(3), 10, task.X.shape[1])
    run = integrate(task, 1e-6 * W, 1e-6 * a, [1.0, 10.0, 100.0, 1000.0], method=method)  # type: ignore[arg-type]
    assert run.separated is not None
    assert run.ln_loss[run.separated] < np.log(np.log(2) / len(task.y)) <= run.ln_loss[run.separated - 1]
    assert run.stats["loss_rises"] == 0
    assert run.stats["norm_falls"] == 0
    smoothed, plain, rho = (column[run.separated :] for column in (run.smoothed_margin, run.normalised_margin, run.rho))
    if method != "gd":
        assert run.stats["margin_drop"] <= 1e-12
        assert np.all(np.diff(smoothed) >= 0)
    assert np.all(smoothed * (1 - 1e-12) <= plain)
    assert np.all(plain <= smoothed + (np.log(len(task.y)) + 0.367) / rho**2)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "limit", "best"), [("constant-feature", 0.1118034, 0.1489580), ("hinted", 0.1, 0.1453095)]
)
def test_hints_lead_to_the_suboptimal_one_neuron_margin(name: str, limit: float, best: float) -> None:
    """Balanced small starts reach half of the best one-neuron margin, less than the optimum
    (lyu2021 Theorems 6.2, A.7).
    """
    task = task_of(name)
    for seed in range(3):
        W, a = balanced(np.random.default_rng([seed, 10]), 10, task.X.shape[1])
        run = integrate(task, 1e-6 * W, 1e-6 * a, [1e4], method="euler")
        last = run.a[-1]
        stray = np.sum(last[last < 0] ** 2) / np.sum(last[last > 0] ** 2)
        assert abs(1 - run.normalised_margin[-1] / limit) <= 2e-4 + stray
        assert run.normalised_margin[-1] < 0.8 * best


@pytest.mark.parametrize(("m", "measured"), [(2, 0.495), (3, 0.765), (4, 0.865)])
def test_the_linear_solution_is_found_with_the_stated_probability(m: int, measured: float) -> None:
    """Probability 1 - 2^-(m-1) (lyu2021 Theorem 4.3) over 400 starts, and exactly where the initial
    signs predict it.
    """
    task = task_of("symmetric")
    starts = [
        (rng.standard_normal((m, 2)), rng.standard_normal(m))
        for rng in (np.random.default_rng([s, m]) for s in range(400))
    ]
    W, a = np.stack([W for W, _ in starts]), np.stack([a for _, a in starts])
    good = np.array([uses_both_signs(task, run) for run in integrate_many(task, 1e-6 * W, 1e-6 * a, [100.0])])
    mean = (task.y[:, None] * task.X).mean(axis=0)
    drift = W @ (mean / np.linalg.norm(mean)) + a
    np.testing.assert_array_equal(good, (drift > 0).any(axis=1) & (drift < 0).any(axis=1))
    assert good.mean() == measured
    p = 1 - 2.0 ** -(m - 1)
    assert abs(good.mean() - p) <= 3 * np.sqrt(p * (1 - p) / 400)


def uses_both_signs(task: Classification, run: LateRun) -> bool:
    """Whether neurons of both output signs see every point on its own side."""
    W, a = run.final
    agrees = np.all(np.sign(a)[:, None] * task.y * (W @ task.X.T) > 0, axis=1)
    return bool((agrees & (a > 0)).any() and (agrees & (a < 0)).any())


def test_descent_ends_where_the_flow_does() -> None:
    """The paper's descent and the flow agree on the limit margin although their paths differ."""
    task = task_of("symmetric-example")
    W, a = balanced(np.random.default_rng(0), 20, 2)
    margins = [
        integrate(task, 1e-4 * W, 1e-4 * a, [1e3], method=method).normalised_margin[-1]
        for method in ("gd", "euler", "rk4")
    ]  # type: ignore[arg-type]
    np.testing.assert_allclose(margins, 0.375, rtol=1e-3)


@pytest.mark.parametrize(("alpha", "first", "last"), [(0.35, 30.0, 300.0), (0.5, 1e2, 1e4), (0.7, 1e4, 1e12)])
def test_a_weak_neuron_of_the_other_sign_escapes_with_a_power_of_the_margin(
    alpha: float, first: float, last: float
) -> None:
    """Near the one-neuron direction (a_2 / a_1)^2 ~ q^((1 - alpha) / alpha): a linear stability
    computation, not in the paper.
    """
    task = Classification(*symmetric_points(), alpha)
    separator = hard_margin(task.X, task.y)
    assert isinstance(separator, Separator)
    levels = np.geomspace(first, last, 8)
    run = flow(task, np.array([separator.w, -1e-4 * separator.w]), np.array([1.0, -1e-4]), levels)
    rows = [run.index(q) for q in levels]
    ratio = (run.a[rows, 1] / run.a[rows, 0]) ** 2
    assert ratio[-1] < 2e-3
    assert np.polyfit(np.log(run.q_min[rows]), np.log(ratio), 1)[0] == pytest.approx((1 - alpha) / alpha, rel=5e-3)


def symmetric_points() -> tuple[np.ndarray, np.ndarray]:
    points = data.load(Data(name="symmetric"))
    return points.X, points.y
