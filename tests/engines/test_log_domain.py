"""The kernel of the log domain and its integrators: against formulas, against a closed form,
against each other.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import expi

from flowrepro import data
from flowrepro.core.config import Data, Loss
from flowrepro.core.initialize import he
from flowrepro.core.network import gradient, objective, predict
from flowrepro.core.trajectory import StopReason
from flowrepro.engines.base import Problem
from flowrepro.engines.fused_gd import FusedGD
from flowrepro.engines.log_domain import CLOCKS, Classification, LateRun, Start, flow, integrate, integrate_many
from flowrepro.engines.log_domain.adaptive import Field
from flowrepro.engines.log_domain.kernel import LN_SUM, inverse_loss
from flowrepro.errors import UsageError
from flowrepro.theory.conservation import imbalance


def task_of(name: str, alpha: float = 0.5, **options: float) -> Classification:
    dataset = data.load(Data(name=name, options=options))
    return Classification(dataset.X, dataset.y, alpha)


def gaussian(seed: int, m: int, d: int, scale: float = 1e-3) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return scale * rng.standard_normal((m, d)), scale * rng.standard_normal(m)


def random_task(n: int, d: int, alpha: float, **options: str) -> Classification:
    rng = np.random.default_rng(100 * n + d)
    return Classification(rng.standard_normal((n, d)), np.where(rng.random(n) < 0.5, -1.0, 1.0), alpha, **options)  # type: ignore[arg-type]


ONE = Classification(np.ones((1, 1)), np.ones(1))
SYM2D, SYM5D = task_of("symmetric"), task_of("symmetric", d=5, h=10, seed=2)

# The kernel.


@pytest.mark.parametrize("loss", ["logistic", "exp"])
@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize(
    ("n", "d", "m", "alpha"), [(1, 1, 1, 0.0), (2, 3, 5, 0.5), (7, 2, 8, 0.0), (9, 5, 17, 0.1), (16, 4, 3, 1.0)]
)
def test_the_kernel_is_the_gradient_of_the_objective(
    n: int, d: int, m: int, alpha: float, loss: str, reduction: str
) -> None:
    """-grad L = weight S g, and ln L, against the plain formulas of network.py."""
    task = random_task(n, d, alpha, loss=loss, reduction=reduction)
    W, a = gaussian(n, m, d, 1.0)
    plain = Loss(name=task.loss, reduction=task.reduction)
    field, now = Field(task.points, (d + 1, m)), np.zeros(7)
    g, ln_S = field.slope(np.vstack([W.T, a]).ravel(), now)
    ours = -np.exp(ln_S + task.ln_weight) * g.reshape(d + 1, m)
    grad_W, grad_a = gradient(task.X, task.y, W, a, plain, alpha)
    np.testing.assert_allclose(ours, np.vstack([grad_W.T, grad_a]), rtol=1e-12, atol=1e-14)
    value = objective(plain, predict(task.X, W, a, alpha), task.y)
    assert now[LN_SUM] + task.ln_weight == pytest.approx(np.log(value), rel=1e-13)


@pytest.mark.parametrize("q", [-5e4, -600.0, -31.0, -29.0, -1.0, 0.0, 1e-9, 2.0, 29.9, 30.1, 700.0, 1e4, 1e8, 1e12])
def test_loss_and_its_inverse_at_any_margin(q: float) -> None:
    """One point and one neuron of output q: ln l(q) by its own formula in each range, and
    l^-1(l(q)) = q.
    """
    now = np.zeros(7)
    Field(ONE.points, (2, 1)).slope(np.array([abs(q) ** 0.5, np.sign(q) * abs(q) ** 0.5]), now)
    exact = np.log(np.logaddexp(0.0, -q)) if q < 700 else -q
    assert now[LN_SUM] == pytest.approx(exact, rel=1e-13)
    assert inverse_loss(False, now[LN_SUM]) == pytest.approx(q, rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("loss", ["logistic", "exp"])
@pytest.mark.parametrize("alpha", [0.0, 0.5])
def test_the_jacobian_is_the_derivative_of_the_field(alpha: float, loss: str) -> None:
    task = random_task(6, 3, alpha, loss=loss)
    W, a = gaussian(4, 5, 3, 0.7)
    field, flat = Field(task.points, (4, 5)), np.vstack([W.T, a]).ravel()
    J, step = field.jacobian(flat), 1e-6
    differences = np.column_stack(
        [(field.slope(flat + step * e)[0] - field.slope(flat - step * e)[0]) / (2 * step) for e in np.eye(len(flat))]
    )
    np.testing.assert_allclose(J, differences, atol=2e-9)
    field.slope(flat)
    np.testing.assert_allclose(field.gradients(flat) @ flat, 2 * field.work.q, rtol=1e-12)  # Euler's identity


# A closed form: one point x = 1, one balanced neuron a = w. Then q = q0 e^(2s) and dt/ds = 1 + e^q.

Q0 = 1e-4


def one_neuron(method: str, levels: list[float], **options: float) -> LateRun:
    return integrate(ONE, np.full((1, 1), Q0**0.5), np.full(1, Q0**0.5), levels, method=method, **options)  # type: ignore[arg-type]


def closed_form(q: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """s and ln t at which the margin is q (Ei(q) ~ e^q / q (1 + 1/q + ...) where it overflows)."""
    s = 0.5 * np.log(q / Q0)
    safe = np.minimum(q, 600.0)
    return s, np.where(
        q <= 600.0, np.log(s + 0.5 * (expi(safe) - expi(Q0))), q - np.log(2 * q) + np.log1p(1 / q + 2 / q**2)
    )


@pytest.mark.parametrize(
    ("method", "levels", "control", "tolerance"),
    [
        ("rk4", [1e-2, 1.0, 10.0, 100.0, 600.0], 0.1, 2e-6),
        ("bdf", [1e-2, 1.0, 10.0, 100.0, 1e4, 1e6, 1e8], None, 2e-4),
        ("flow-t", [1e-2, 1.0, 5.0], None, 1e-8),
    ],
)
def test_one_neuron_in_closed_form(method: str, levels: list[float], control: float | None, tolerance: float) -> None:
    run = one_neuron(method, levels, control=control)  # type: ignore[arg-type]
    s, ln_t = closed_form(run.q_min[1:])
    assert run.stop is StopReason.TARGET_LOSS
    np.testing.assert_allclose(run.s[1:], s, rtol=tolerance)
    np.testing.assert_allclose(run.ln_t[1:], ln_t, rtol=tolerance, atol=10 * tolerance)
    np.testing.assert_allclose(run.normalised_margin, 0.5, rtol=1e-12)


def test_losses_far_below_the_smallest_double() -> None:
    run = one_neuron("bdf", [1e8])
    assert run.ln_loss[-1] / np.log(10) == pytest.approx(-43_429_448.19, abs=0.01)
    assert run.smoothed_margin[-1] == pytest.approx(0.5, rel=1e-12)


# Orders and agreement.


def slope(controls: list[float], errors: list[float]) -> float:
    return float(np.polyfit(np.log(controls), np.log(errors), 1)[0])


@pytest.mark.parametrize(("method", "order"), [("rk4", 4), ("euler", 1)])
def test_order_of_convergence(method: str, order: int) -> None:
    """Weights, and ln t, at fixed rescaled time through early growth and the switch of the
    phases.
    """
    W, a = gaussian(1, 6, 5)
    at = [34.0]
    reference = integrate(SYM5D, W, a, at, method="rk4", clock="s", control=0.01)
    controls = [0.2, 0.1, 0.05] if order == 4 else [0.02, 0.01, 0.005]
    runs = [integrate(SYM5D, W, a, at, method=method, clock="s", control=c) for c in controls]  # type: ignore[arg-type]
    assert all(run.s[-1] == 34.0 for run in runs)
    assert slope(controls, [np.abs(run.W[-1] - reference.W[-1]).max() for run in runs]) == pytest.approx(
        order, abs=0.15
    )
    assert slope(controls, [abs(run.ln_t[-1] - reference.ln_t[-1]) for run in runs]) == pytest.approx(order, abs=0.15)


def test_the_flow_in_three_clocks_is_one_curve() -> None:
    """Explicit and implicit in rescaled time, and tight in real time, at the same margins."""
    W, a = gaussian(1, 6, 5)
    real = integrate(SYM5D, W, a, [1.0, 3.0, 6.0], method="flow-t")
    levels = real.s[[real.index(q) for q in (1.0, 3.0, 6.0)]]
    for method, control, tolerance in (("rk4", 0.05, 1e-7), ("bdf", None, 1e-3)):
        run = integrate(SYM5D, W, a, levels, method=method, clock="s", control=control)  # type: ignore[arg-type]
        for q, s in zip((1.0, 3.0, 6.0), levels, strict=True):
            mine, theirs = run.index(s, "s"), real.index(q)
            np.testing.assert_allclose(run.W[mine], real.W[theirs], atol=tolerance)
            assert run.ln_t[mine] == pytest.approx(real.ln_t[theirs], abs=3 * tolerance)
            assert run.q_min[mine] == pytest.approx(q, rel=10 * tolerance)


def test_real_time_levels() -> None:
    W, a = gaussian(1, 6, 5)
    run = integrate(SYM5D, W, a, [1e-9, 10.0, 60.0], method="flow-t", clock="t")
    assert run.stop is StopReason.HORIZON
    np.testing.assert_allclose(np.exp(run.ln_t[1:4]), [1e-9, 10.0, 60.0], rtol=1e-13)
    assert run.index(60.0, "t") == 3
    np.testing.assert_array_equal(run.at(60.0, "t")[0], run.W[3])
    np.testing.assert_allclose(run.s[1:3], [5e-10, 5.0], rtol=1e-5)  # the outputs are still 0, so S = 1/2


def test_descent_is_that_of_the_plain_engine_until_the_switch() -> None:
    task = task_of("hinted")
    W, a = he(np.random.default_rng(0), 100, 2)
    run = integrate(task, 1e-3 * W, 1e-3 * a, [1e3], method="gd")
    switch = run.separated
    assert switch == 1
    step = int(run.step[switch])
    engine = FusedGD(
        Problem(task.X, task.y, 1e-3 * W, 1e-3 * a, Loss(name="logistic", reduction="mean"), 0.01, step, 0.5)
    )
    losses = engine.advance(np.arange(step + 1))
    assert losses[-1] < np.log(2) / len(task.y) <= losses[-2]
    assert run.ln_loss[switch] == pytest.approx(np.log(losses[-1]), rel=1e-9)
    np.testing.assert_allclose(run.W[switch], engine.weights()[0], atol=1e-9)
    assert np.exp(run.ln_t[switch]) == pytest.approx(0.01 * step, rel=1e-9)


@pytest.mark.parametrize(
    ("name", "separated_at", "iterations"),
    [("symmetric-example", 1830, 2555), ("constant-feature", 3081, 8000), ("hinted", 2967, 9100)],
)
def test_iterations_of_the_trained_nets_of_figure_2(name: str, separated_at: int, iterations: int) -> None:
    """Measured with an independent implementation: steps to L < ln 2 / n, trial steps to q =
    1000.
    """
    task = task_of(name)
    W, a = he(np.random.default_rng(0), 100, task.X.shape[1])
    run = integrate(task, 1e-3 * W, 1e-3 * a, [10.0, 100.0, 1000.0], method="gd")
    assert run.step[1] == separated_at
    assert run.step[-1] + run.stats["rejected"] == pytest.approx(iterations, rel=0.01)
    assert run.ln_t[-1] == pytest.approx(993, abs=3)


# Many seeds.


@pytest.mark.parametrize("method", ["gd", "euler", "rk4"])
def test_many_starts_give_the_bits_of_single_ones(method: str) -> None:
    starts = [gaussian(seed, 5, 2) for seed in range(7)]
    W, a = np.stack([W for W, _ in starts]), np.stack([a for _, a in starts])
    runs = integrate_many(SYM2D, W, a, [1.0, 50.0], method=method, threads=3)  # type: ignore[arg-type]
    for k, run in enumerate(runs):
        single = integrate(SYM2D, W[k], a[k], [1.0, 50.0], method=method)  # type: ignore[arg-type]
        for name in ("step", "s", "ln_t", "ln_loss", "q_min", "rho", "normalised_margin", "smoothed_margin", "W", "a"):
            np.testing.assert_array_equal(getattr(run, name), getattr(single, name))


# Ends and errors.


def test_ends_say_why() -> None:
    W, a = gaussian(0, 3, 2)
    assert integrate(SYM2D, W, a, [1e3], max_steps=10).stop is StopReason.MAX_STEPS
    assert integrate(SYM2D, W, a, [1e3], max_steps=10).step.tolist() == [0, 10]
    assert integrate(SYM2D, W, a, [1e3], method="bdf", max_steps=3).step.tolist() == [0, 3]
    dead = integrate(replace(SYM2D, alpha=0.0, X=SYM2D.X[:6], y=SYM2D.y[:6]), np.tile([-1.0, 0.0], (3, 1)), a, [1.0])
    assert dead.stop is StopReason.STATIONARY
    assert integrate(SYM2D, W, a, [1e3], method="euler", control=1e200).stop is StopReason.DIVERGED
    assert integrate(ONE, np.full((1, 1), 1.0), np.ones(1), [0.5]).step.tolist() == [0]


def test_tiny_starts_need_nothing_special() -> None:
    run = integrate(SYM2D, *gaussian(0, 4, 2, 1e-100), [1e-5, 1e2])
    assert run.q_min[0] == pytest.approx(-6.4e-201, rel=0.01)
    assert run.q_min[-1] >= 1e2
    assert run.stats["margin_drop"] <= 1e-12


def test_a_run_goes_on_where_another_ended() -> None:
    W, a = gaussian(1, 6, 5)
    whole = integrate(SYM5D, W, a, [5.0, 40.0])
    first = integrate(SYM5D, W, a, [5.0])
    second = integrate(
        SYM5D, *first.final, [40.0], start=Start(int(first.step[-1]), float(first.s[-1]), float(first.ln_t[-1]))
    )
    assert second.step[-1] == whole.step[-1]
    assert second.ln_t[-1] == whole.ln_t[-1]
    np.testing.assert_array_equal(second.W[-1], whole.W[-1])


def test_missing_levels_are_named() -> None:
    run = integrate(SYM2D, *gaussian(0, 3, 2), [1.0])
    with pytest.raises(KeyError, match="no record at or past q = 100"):
        run.at(100.0)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"method": "lsoda"}, "method must be one of"),
        ({"method": "gd", "clock": "s"}, "method 'gd' reads its levels from q"),
        ({"method": "flow-t", "clock": "t", "levels": [0.0, 1.0]}, "flow times must be positive"),
        ({"levels": [2.0, 1.0]}, "increasing"),
        ({"levels": []}, "non-empty"),
        ({"control": 0.0}, "control must be positive"),
        ({"W": np.ones((3, 4))}, "do not fit"),
    ],
)
def test_what_cannot_be_run_is_refused(options: dict[str, object], message: str) -> None:
    W, a = gaussian(0, 3, 2)
    call = {"W": W, "a": a, "levels": [1.0], **options}
    with pytest.raises(UsageError, match=message):
        integrate(SYM2D, **call)  # type: ignore[arg-type]


def test_labels_and_compiled_methods_are_required() -> None:
    with pytest.raises(UsageError, match="label"):
        Classification(np.ones((2, 1)), np.array([0.0, 1.0]))
    W, a = gaussian(0, 3, 2)
    with pytest.raises(UsageError, match="compiled method"):
        integrate_many(SYM2D, W[None], a[None], [1.0], method="bdf")  # type: ignore[arg-type]


def test_every_method_conserves_what_it_should() -> None:
    """a_j^2 - ||w_j||^2 relative to the largest a_j^2: kept by the flow, not by descent (lyu2021
    Corollary B.16).
    """
    W, a = gaussian(1, 6, 5)
    drift = {}
    for method in CLOCKS:
        run = integrate(SYM5D, W, a, [1.0, 5.0] if method == "flow-t" else [1e3], method=method)
        drift[method] = np.abs(imbalance(run.W, run.a) - imbalance(W, a)).max() / (run.a**2).max()
    assert drift["rk4"] <= 1e-9
    assert drift["flow-t"] <= 1e-11
    assert drift["bdf"] <= 1e-5
    assert 1e-7 < drift["euler"] < 1e-1


def test_the_implicit_integrator_reads_no_unset_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever a new array holds, nan that raise a warning among it, the run is the same."""
    W, a = gaussian(1, 6, 5)
    plain = integrate(SYM5D, W, a, [1e3], method="bdf")
    empty = np.empty

    def poisoned(*shape: object, **options: object) -> np.ndarray:
        new = empty(*shape, **options)  # type: ignore[call-overload]
        if new.dtype == float:
            new.view(np.int64).fill(0x7FF0000000000001)
        return np.asarray(new)

    monkeypatch.setattr(np, "empty", poisoned)
    run = integrate(SYM5D, W, a, [1e3], method="bdf")
    np.testing.assert_array_equal(run.W, plain.W)


def test_flow_hands_over_to_the_implicit_integrator() -> None:
    run = flow(SYM2D, *gaussian(1, 6, 2), [1.0, 100.0, 1e8])
    assert run.method == "rk4+bdf"
    assert run.stats["restarts"] == 3
    assert np.all(np.diff(run.step) >= 0)
    assert np.all(np.diff(run.ln_t) > 0)
    assert flow(SYM2D, *gaussian(1, 6, 2), [1.0]).method == "rk4"
