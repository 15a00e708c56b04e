"""The flow against measured references, closed forms, explicit Euler and itself."""

from __future__ import annotations

import signal
import time
from dataclasses import replace

import numpy as np
import pytest
from flow_cases import (
    HALF_MSE,
    LOGISTIC,
    TOY_MASS,
    TOY_X,
    TOY_Y,
    difference,
    dominated,
    euler,
    stall,
    toy_closed_form,
    toy_start,
    two_ways,
)

from flowrepro.core.config import Loss
from flowrepro.core.trajectory import StopReason
from flowrepro.engines.flow.flow import FlowResult, Integration, integrate

MEASURED = {
    (0.3, 0): (2.236112051e-4, 3.8973517989, 10, 1, (9.704594102, 0, 1)),
    (0.3, 1): (9.446053091e-5, 4.8018133562, 18, 4, (10.205393298, 2, 0)),
    (0.3, 17): (0.1554433672650, 3.1225060821, 30, 15, (0.328293603, 1, 3)),
    (0.01, 0): (1.812320761e-3, 2.8206734917, 34, 4, (6.165370927, 5, 3)),
    (0.01, 9): (2.307665953e-3, 3.7468957656, None, 12, (0.261258805, 4, 4)),
    (0.01, 15): (0.0440182880267, 4.7730465338, 38, 15, (0.991518795, 1, 2)),
}
"""(scale, seed) -> loss and sum |a| at t = 60, located events and slides, first slide (t, neuron,
sample): an independent prototype.
"""


def plain(case: tuple[np.ndarray, ...], horizon: float = 60.0, **options: object) -> FlowResult:
    X, y, W, a = case
    return integrate(X, y, W, a, options.pop("loss", HALF_MSE), horizon, **{"batch": False, **options})  # type: ignore[arg-type]


@pytest.mark.parametrize("key", MEASURED)
def test_stalling_nets(key: tuple[float, int]) -> None:
    loss, sum_a, _, _, (t, neuron, sample) = MEASURED[key]
    result = plain(stall(key[1], key[0]), rtol=1e-10)
    assert result.stop.reason is StopReason.HORIZON
    assert result.loss[-1] == pytest.approx(loss, rel=1e-7)
    assert np.abs(result.weights()[1]).sum() == pytest.approx(sum_a, abs=1e-8)
    slides = result.events.of("slide")
    assert slides.t[0] == pytest.approx(t, abs=1e-7)
    assert (slides.neuron[0], slides.samples[slides.plane[0]]) == (neuron, (sample,))


@pytest.mark.parametrize("key", MEASURED)
def test_number_of_events(key: tuple[float, int]) -> None:
    _, _, located, slides, _ = MEASURED[key]
    result = plain(stall(key[1], key[0]), rtol=1e-12)
    assert result.stats["events slide"] == slides
    assert located is None or result.stats["located"] == located


@pytest.mark.slow
def test_forty_nets_and_the_order_of_the_error() -> None:
    """Error proportional to the tolerance, with and without slides; the invariant to rounding; the
    loss never rises.
    """
    worst = {1e-6: 0.0, 1e-8: 0.0, 1e-10: 0.0}
    for scale in (0.3, 0.01):
        for seed in range(20):
            case = stall(seed, scale)
            reference = plain(case, rtol=1e-12)
            for rtol in worst:
                result = plain(case, rtol=rtol)
                assert result.stop.reason is StopReason.HORIZON
                assert result.stats["gradient_evaluations"] <= 8000
                assert result.stats["largest_rise"] <= 10 * rtol**2 * np.mean(case[1] ** 2)
                W, a = result.weights()
                assert np.abs(a**2 - np.sum(W**2, axis=1)).max() <= 1e-13
                worst[rtol] = max(worst[rtol], difference(result, reference))
            batch = plain(case, rtol=1e-8, batch=True)
            assert difference(batch, reference) <= 2e-8
            assert batch.stats["sum_e2"] <= 1e-6
    assert worst[1e-8] <= 2e-8
    assert worst[1e-6] >= 1e3 * worst[1e-10]


EULER = {(0.3, 0): (1.71e-4, 1.71e-5), (0.01, 0): (6.40e-5, 6.15e-6), (0.01, 15): (5.37e-5, 5.36e-6)}


@pytest.mark.long
@pytest.mark.slow
@pytest.mark.parametrize("key", EULER)
def test_euler_converges_to_the_flow_at_first_order(key: tuple[float, int]) -> None:
    """1, 4 and 15 slides; the measured differences at h = 1e-3 and 1e-4."""
    case = stall(key[1], key[0])
    W, a = plain(case, rtol=1e-11).weights()
    for h, expected in zip((1e-3, 1e-4), EULER[key], strict=True):
        We, ae = euler(case, h, 60.0)
        assert max(np.abs(W - We).max(), np.abs(a - ae).max()) == pytest.approx(expected, rel=0.2)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("seed", "alpha", "loss"),
    [(0, 0.0, HALF_MSE), (17, 0.0, HALF_MSE), (6, 0.5, HALF_MSE), (7, 0.0, LOGISTIC), (9, 0.1, LOGISTIC)],
)
def test_euler_slope_is_one_over_short_times(seed: int, alpha: float, loss: object) -> None:
    """Log-log slope of the difference over h = 1e-2, 1e-3, 1e-4 at t = 3; with slides it scatters,
    for Euler chatters there.
    """
    X, y, W, a = stall(seed, 0.3)
    y = np.sign(y) if loss is LOGISTIC else y
    flow = plain((X, y, W, a), 3.0, rtol=1e-11, alpha=alpha, loss=loss)
    W1, a1 = flow.weights()
    errors = []
    for h in (1e-2, 1e-3, 1e-4):
        We, ae = euler((X, y, W, a), h, 3.0, loss, alpha)  # type: ignore[arg-type]
        errors.append(max(np.abs(W1 - We).max(), np.abs(a1 - ae).max()))
    slope = np.polyfit([-2, -3, -4], np.log10(errors), 1)[0]
    assert abs(slope - 1) <= (0.35 if flow.stats["events slide"] else 0.1)
    assert errors[0] > errors[1] > errors[2]


def test_intersections_of_three_planes() -> None:
    result = plain(stall(0, 0.3, 10, 4, 12), rtol=1e-10)
    assert result.loss[-1] == pytest.approx(5.011914552e-4, rel=1e-7)
    assert result.stats["located"] == 49
    assert np.sum(result.mode == 2, axis=1).max() == 3


def test_logistic_and_leaky() -> None:
    X, y, W, a = stall(7, 0.3)
    result = plain((X, np.sign(y), W, a), rtol=1e-10, loss=LOGISTIC)
    assert result.loss[-1] == pytest.approx(0.1975249676901, rel=1e-9)
    assert list(np.sum(result.mode == 2, axis=1)) == [0, 2, 0, 1, 0, 1, 1, 1]
    result = plain(stall(6, 0.3), rtol=1e-10, alpha=0.5)
    assert result.loss[-1] == pytest.approx(1.839445109e-3, rel=1e-8)
    assert list(np.sum(result.mode == 2, axis=1)) == [0, 1, 1, 0, 1, 1, 1, 0]


def test_a_changes_sign_while_sliding() -> None:
    """Every plane turns from attracting to repelling at once: recorded, and left on the minus
    side.
    """
    result = plain(two_ways(), rtol=1e-10)
    for kind in ("sign", "non_unique"):
        event = result.events.of(kind)
        assert len(event) == 1
        assert event.neuron[0] == 3
        assert event.t[0] == pytest.approx(2.44271462, abs=1e-7)
    assert result.stats["unique_until"] == pytest.approx(2.44271462, abs=1e-7)
    assert result.loss[-1] == pytest.approx(0.0032431399, rel=1e-7)


@pytest.mark.parametrize(
    ("seed", "neuron", "sample", "t", "died"), [(3, 5, 0, 41.334, 32.471289), (13, 0, 3, 14.91, 3.325941)]
)
def test_a_dead_neuron_on_its_border_stays_dead_and_is_reported(
    seed: int, neuron: int, sample: int, t: float, died: float
) -> None:
    X, y, W, a = stall(seed, 0.01)
    result = integrate(X, y, W, a, HALF_MSE, np.array([died + 0.1, 60.0]), rtol=1e-10)
    flagged = result.events.of("revival_ambiguous")
    assert (flagged.neuron[0], flagged.samples[flagged.plane[0]]) == (neuron, (sample,))
    assert flagged.t[0] == pytest.approx(t, abs=0.5)
    deaths = result.events.of("death")
    assert deaths.t[deaths.neuron == neuron] == pytest.approx([died], abs=1e-5)
    np.testing.assert_array_equal(result.Y[0, neuron], result.Y[1, neuron])


@pytest.mark.parametrize("d", [2, 3])
def test_dominated_starts_reach_their_horizon(d: int) -> None:
    """Also in d = 2, where neurons run into w = 0; the invariant a^2 - ||w||^2 > 0 to rounding."""
    for seed in (*range(12), 63):
        case = dominated(seed, d)
        result = plain(case)
        assert result.stop.reason is StopReason.HORIZON
        W, a = result.weights()
        kept = case[3] ** 2 - np.sum(case[2] ** 2, axis=1)
        assert np.abs(a**2 - np.sum(W**2, axis=1) - kept).max() <= 1e-12


@pytest.mark.parametrize(("seed", "count"), [(0, 36), (1, 27), (2, 24)])
@pytest.mark.parametrize("log10_scale", [-6.0, -1000.0])
def test_orthogonal_toy_has_its_closed_forms(seed: int, count: int, log10_scale: float) -> None:
    """Half-fit times to 1e-8 and every event, at initial scales of 1e-6 and 1e-1000 (boursier2022
    Section 4).
    """
    g, a = toy_start(seed)
    ll = 0.5 * np.log(len(a)) - log10_scale * np.log(10.0)
    times, events, group = toy_closed_form(g, a, ll)
    assert len(events) == count
    half = np.array([times[1], times[-1]])
    grid = np.sort(np.concatenate([half - 1e-3, half, half + 1e-3]))
    result = integrate(TOY_X, TOY_Y, g, a, HALF_MSE, grid, ln_scale=-ll)
    for s in (1, -1):
        rows = result.Y[:, group == s]
        mass = np.sum(np.exp(2 * rows[..., 0]) * np.sum(rows[..., 1:3] ** 2, axis=-1), axis=1)
        at = int(np.argmin(np.abs(grid - times[s])))
        rate = (mass[at + 1] - mass[at - 1]) / 2e-3
        assert abs(mass[at] - TOY_MASS[s] / 2) / rate <= 1e-8
    crossings = result.events.of("cross-", "cross+", "leave-", "leave+")
    assert len(crossings) == count
    np.testing.assert_allclose(crossings.t, events, atol=2e-6 if log10_scale == -6.0 else 5e-7)
    assert result.stats["events slide"] == result.stats["events revival_ambiguous"] == 0


def test_saved_states_are_those_of_separate_runs() -> None:
    X, y, W, a = stall(17, 0.3)
    times = np.linspace(0.0, 30.0, 13)
    together = integrate(X, y, W, a, HALF_MSE, times, rtol=1e-10, batch=False)
    for i in (1, 5, 9):
        alone = integrate(X, y, W, a, HALF_MSE, times[i], rtol=1e-10, batch=False)
        np.testing.assert_allclose(together.Y[i], alone.Y[-1], atol=1e-9)
        assert together.loss[i] == pytest.approx(alone.loss[-1], rel=1e-9)
    np.testing.assert_allclose(together.weights(0)[0], W, rtol=1e-14)


def test_cuts_change_nothing() -> None:
    """The grid of steps does not depend on the save times: bit-identical however the run is cut."""
    X, y, W, a = stall(9, 0.01)
    for batch in (False, True):
        whole, cut = (Integration(X, y, W, a, HALF_MSE, batch=batch) for _ in range(2))
        _, rows = whole.advance(np.array([0.0, 0.3, 7.7, 20.0]))
        for t in (0.3, 0.31, 7.7, 12.0, 20.0):
            _, pieces = cut.advance(np.array([t]))
        np.testing.assert_array_equal(rows, pieces)
        np.testing.assert_array_equal(whole.events().t, cut.events().t)


def test_steps_made_at_once_change_nothing() -> None:
    """Compiled code is left between any two steps, so that a signal is heard: the same bits."""
    X, y, W, a = stall(9, 0.01)
    rows = []
    for at_once in (10**9, 3, 1):
        flow = Integration(X, y, W, a, HALF_MSE)
        flow.at_once = at_once
        rows.append((*flow.advance(np.array([0.3, 7.7, 20.0]), keep=True), flow.events().t))
    for other in rows[1:]:
        for one, same in zip(rows[0], other, strict=True):
            np.testing.assert_array_equal(one, same)


def test_a_signal_is_heard_inside_a_long_advance() -> None:
    flow = Integration(*stall(9, 0.01), HALF_MSE, max_steps=10**9)

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, 0.2)
    started = time.process_time()
    try:
        with pytest.raises(KeyboardInterrupt):
            flow.advance(np.array([1e9]))
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        signal.signal(signal.SIGALRM, before)
    assert time.process_time() - started < 2.0
    assert flow.stats()["steps"] > 0


def test_caps_are_statuses() -> None:
    X, y, W, a = stall(0, 0.3)
    assert plain((X, y, W, a), max_steps=20).stop.reason is StopReason.MAX_STEPS
    flow = Integration(X, y, W, a, HALF_MSE, max_steps=60)
    for t in np.linspace(0.01, 20.0, 200):
        flow.advance(np.array([t]))
    assert (stop := flow.failure()) is not None, "the cap is one of all steps"
    assert stop.reason is StopReason.MAX_STEPS
    stopped = plain((X, y, W, a), max_events=4)
    assert stopped.stop.reason is StopReason.MAX_EVENTS
    assert "neuron" in stopped.stop.note
    assert len(stopped.loss) == 0
    overflowing = plain((X, np.sign(y), 100 * W, 100 * a), loss=replace(HALF_MSE, name="exp"))
    assert overflowing.stop.reason is StopReason.DIVERGED
    assert len(overflowing.loss) == 0


def test_start_on_planes() -> None:
    """A neuron that starts on a plane it could leave on both sides is flagged at t = 0 and follows
    explicit Euler.
    """
    flagged = 0
    for seed, j in np.ndindex(6, 8):
        X, y, W, a = stall(seed, 0.3)
        W[j] -= W[j] @ X[1] / (X[1] @ X[1]) * X[1]
        result = plain((X, y, W, a), 0.5, rtol=1e-10)
        first = result.events.of("non_unique")
        if len(first) == 0:
            continue
        assert (first.t[0], first.neuron[0], first.samples[first.plane[0]]) == (0.0, j, (1,))
        W[j] -= 1e-15 * X[1]  # projected up to rounding: Euler is to see z <= 0, as if it were exact
        We, ae = euler((X, y, W, a), 1e-3, 0.5)
        assert max(np.abs(result.weights()[0] - We).max(), np.abs(result.weights()[1] - ae).max()) <= 1e-3
        flagged += 1
    assert flagged >= 2


def test_large_sliding_sets() -> None:
    """Room for the bases of sliding sets grows as needed: up to 7 planes at once in d = 20, the
    exponential loss.
    """
    rng = np.random.default_rng(0)
    y = rng.choice([-1.0, 1.0], 120)
    centre = rng.standard_normal(20) / np.sqrt(20)
    X = rng.standard_normal((120, 20)) + y[:, None] * centre
    W = 0.1 * rng.standard_normal((6, 20))
    a = np.linalg.norm(W, axis=1) * rng.choice([-1.0, 1.0], 6)
    exp = Loss(name="exp", reduction="mean")
    result, finer = (
        plain((X, y, W, a), loss=exp, rtol=rtol, batch=batch) for rtol, batch in ((1e-6, True), (1e-9, False))
    )
    assert np.sum(result.mode == 2, axis=1).max() > 4
    assert difference(result, finer) <= 1e-5
    on = np.abs(finer.weights()[0] @ X.T) / np.linalg.norm(X, axis=1)
    assert on[finer.mode == 2].max() <= 1e-12


@pytest.mark.parametrize("shape", [(1, 1, 1), (2, 1, 3), (1, 3, 2), (7, 2, 1)])
def test_awkward_sizes(shape: tuple[int, int, int]) -> None:
    """One sample, one feature, one neuron: explicit Euler agrees."""
    case = stall(5, 0.4, *shape)
    W, a = plain(case, 2.0).weights()
    We, ae = euler(case, 1e-4, 2.0)
    assert max(np.abs(W - We).max(), np.abs(a - ae).max()) <= 1e-3


def test_nothing_moves_where_there_is_no_force() -> None:
    """All samples 0, or zero neurons: the state stays bit for bit."""
    X, y, W, a = stall(0, 0.3)
    for case in ((0 * X, y, W, a), (X, y, 0 * W, 0 * a)):
        result = plain(case, 5.0)
        assert result.stop.reason is StopReason.HORIZON
        np.testing.assert_allclose(result.weights()[0], case[2], rtol=1e-15)
        assert result.loss[-1] == pytest.approx(0.5 * np.mean(y**2))
