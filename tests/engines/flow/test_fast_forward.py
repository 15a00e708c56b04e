"""Closed forms of the negligible phase against the integrator."""

from __future__ import annotations

import numpy as np
import pytest
from flow_cases import HALF_MSE, TOY_X, TOY_Y, stall, toy_start

from flowrepro.engines.flow.flow import Integration, integrate


def both(seed: int, balanced: bool, times: np.ndarray) -> tuple[object, ...]:
    X, y, W, a = stall(seed, 1.0, 8, 3, 12)
    if not balanced:
        a = 0.5 * np.random.default_rng(seed).standard_normal(12)
    return tuple(
        integrate(X, y, W, a, HALF_MSE, times, ln_scale=np.log(1e-8), rtol=1e-12, fast=fast) for fast in (True, False)
    )


@pytest.mark.parametrize("balanced", [True, False])
@pytest.mark.parametrize("seed", range(6))
def test_it_is_the_flow(seed: int, balanced: bool) -> None:
    """n = 8, d = 3, m = 12, scale 1e-8: directions, radii, events with slides, before and at the
    end of the phase.
    """
    fast, slow = both(seed, balanced, np.array([1.0, 4.0]))
    until = fast.stats["fast_forward_until"]  # type: ignore[attr-defined]
    assert until > 1.0
    ambiguous = slow.stats["unique_until"] < 4.0  # type: ignore[attr-defined]
    np.testing.assert_allclose(fast.Y[0], slow.Y[0], atol=1e-11)  # type: ignore[attr-defined]
    if not ambiguous:
        np.testing.assert_allclose(fast.Y[1], slow.Y[1], atol=1e-10)  # type: ignore[attr-defined]
        np.testing.assert_array_equal(fast.mode, slow.mode)  # type: ignore[attr-defined]
    f, s = (run.events for run in (fast, slow))  # type: ignore[attr-defined]
    early = f.t < until, s.t < until
    np.testing.assert_array_equal(f.kind[early[0]], s.kind[early[1]])
    np.testing.assert_array_equal(f.neuron[early[0]], s.neuron[early[1]])
    np.testing.assert_allclose(f.t[early[0]], s.t[early[1]], atol=1e-10)


def test_it_saves_most_of_the_work_at_tiny_scales() -> None:
    g, a = toy_start(0)
    fast, slow = (
        integrate(TOY_X, TOY_Y, g, a, HALF_MSE, 5000.0, ln_scale=-2300.0, fast=fast) for fast in (True, False)
    )
    assert fast.stats["gradient_evaluations"] < 0.6 * slow.stats["gradient_evaluations"]
    assert fast.stats["fast_forward_until"] > 2000
    np.testing.assert_allclose(fast.Y[-1, :, 1:], slow.Y[-1, :, 1:], atol=2e-7)


def test_events_after_the_last_save_are_not_reported() -> None:
    X, y, W, a = stall(1, 1.0, 8, 3, 12)
    flow = Integration(X, y, W, a, HALF_MSE, ln_scale=-30.0)
    late = integrate(X, y, W, a, HALF_MSE, 8.0, ln_scale=-30.0).events
    middle = float(np.median(late.t))
    flow.advance(np.array([middle]))
    assert len(flow.events()) == np.sum(late.t <= middle) > 0


def test_a_net_that_only_shrinks_is_followed_for_ever() -> None:
    """One neuron exactly opposite to its force: r falls as e^(-R t) and never comes back."""
    X, y = np.array([[2.0, 0.0]]), np.array([1.0])
    result = integrate(X, y, np.array([[1.0, 0.0]]), np.array([-1.0]), HALF_MSE, np.array([1.0, 40.0]), ln_scale=-40.0)
    np.testing.assert_allclose(result.Y[:, 0, 0], -40.0 + 0.5 * np.log(2.0) - 2.0 * np.array([1.0, 40.0]), rtol=1e-13)
