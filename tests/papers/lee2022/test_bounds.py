"""The bounds as functions: limits, equality at the start, and the equations they solve."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy.integrate import quad, solve_ivp

from flowrepro.engines.population import PlaneStart, population_flow
from flowrepro.papers.lee2022.bounds import (
    angle_band,
    angle_rates,
    antiderivative,
    implicit_norm,
    limit_norm,
    norm_band,
    radii,
    scalar_norm,
    stopping_step,
    tight_angle_band,
)
from flowrepro.papers.lee2022.neuron import Clock

T = np.linspace(0.0, 3.0, 61)


@pytest.mark.parametrize("depth", [1, 2, 3, 5])
@pytest.mark.parametrize(("v0", "deficit"), [(0.3, 0.0), (0.3, 0.6), (1.0, 0.6), (1.7, 0.6), (1.7, 0.0)])
def test_scalar_norm_solves_its_equation(depth: int, v0: float, deficit: float) -> None:
    m, goal = depth - 1, 1.2
    a = (1 - deficit) * goal**depth
    solved = solve_ivp(
        lambda _, v: -0.5 * v**m * (v**depth - a), (0, T[-1]), [v0], "DOP853", T, rtol=1e-12, atol=1e-14
    ).y[0]
    assert scalar_norm(PlaneStart(depth, goal, v0, 1.0), Clock(T), deficit) == pytest.approx(solved, rel=1e-9)


def test_a_start_at_the_limit_stays_there() -> None:
    assert np.all(implicit_norm(2.0, 2.0**4, 3, T) == 2.0)


@pytest.mark.parametrize("v0", [0.05, 0.999, 1.001, 30.0])
def test_implicit_norm_far_from_and_near_its_limit(v0: float) -> None:
    """Monotone from v0 to rest at the limit 1; F(u) - F(v0) = -t/2 in between."""
    t = np.concatenate([[0.0], np.geomspace(1e-6, 1e5, 200)])
    u = implicit_norm(v0, 1.0, 2, t)
    assert u[0] == v0
    assert u[-1] == 1.0
    assert np.all(np.diff(np.abs(u - 1)) <= 0)
    inner = np.abs(u - 1) > 1e-6
    assert 2 * (antiderivative(np.array(v0), 1.0, 2) - antiderivative(u[inner], 1.0, 2)) == pytest.approx(
        t[inner], rel=1e-7, abs=1e-7
    )


@pytest.mark.parametrize("m", [2, 3, 4, 9])
@pytest.mark.parametrize("a", [0.3, 27.0])
def test_the_antiderivative_is_one(m: int, a: float) -> None:
    """Differences of F against quadrature, on either side of the limit and near it."""
    limit = a ** (1 / (m + 1))
    for side in ([0.01, 0.3, 0.9, 0.99, 0.9999, 1 - 1e-7], [1 + 1e-7, 1.0001, 1.01, 1.1, 3.0, 100.0]):
        u = limit * np.array(side)
        for low, high in itertools.pairwise(u):
            area = quad(lambda v: 1 / (v**m * (v ** (m + 1) - a)), low, high, epsrel=1e-11, epsabs=0, limit=500)[0]
            difference = antiderivative(np.array(high), a, m) - antiderivative(np.array(low), a, m)
            assert difference == pytest.approx(area, rel=1e-8)


def test_the_printed_constant_starts_elsewhere() -> None:
    """m = 2, v* = 3, v_0 = 0.3: with epsilon_0 = 0.68 in the constant term u(0; 0) would be 0.0961
    (misprint implicit-constant)."""
    whole, reduced = 27.0, 0.32 * 27.0
    constant = antiderivative(np.array(0.3), reduced, 2)
    assert antiderivative(np.array(0.0961), whole, 2) == pytest.approx(float(constant), rel=1e-3)
    assert implicit_norm(0.3, whole, 2, np.array([0.0]))[0] == 0.3


def test_descent_tends_to_the_flow() -> None:
    """(1 - c lr)^(t / lr) - e^{-ct} = O(lr)."""
    errors = [np.abs(Clock(T, lr).decay(0.7) - Clock(T).decay(0.7)).max() for lr in (1e-2, 5e-3)]
    assert errors[0] / errors[1] == pytest.approx(2.0, rel=0.02)


@pytest.mark.parametrize("depth", [1, 2, 3, 4])
@pytest.mark.parametrize(("v0", "theta"), [(0.2, 1.2), (1.0, 1.57), (2.5, 2.2)])
def test_the_flow_lies_between_all_bounds(depth: int, v0: float, theta: float) -> None:
    start = PlaneStart(depth, 1.3, v0, theta)
    path, clock = population_flow(start, T), Clock(T)
    least, most = float(path.norm.min()), float(path.norm.max())
    rates = angle_rates(start, min(least, radii(start)[0]), max(most, radii(start)[1]))
    band, tight, norm = (
        angle_band(start, rates, clock),
        tight_angle_band(start, rates, clock),
        norm_band(start, clock),
    )
    assert np.all(path.theta[1:] < band.high[1:])
    assert np.all(path.theta[1:] > band.low[1:])
    assert np.all((tight.low <= path.theta + 1e-12) & (path.theta <= tight.high + 1e-12))
    assert np.all((norm.low - 1e-10 <= path.norm) & (path.norm <= norm.high + 1e-10))
    assert norm.low[0] == pytest.approx(v0)
    assert norm.high[0] == pytest.approx(v0)


def test_limits_of_the_lower_bound() -> None:
    """1 - eps_0 = 1/pi at a right angle; eps_0 = 0.68, and 0.44 = 1 - sqrt(1 - eps_0)."""
    assert limit_norm(PlaneStart(1, 2.0, 1.0, np.pi / 2)) == pytest.approx(2.0 / np.pi)
    assert limit_norm(PlaneStart(2, 1.0, 1.0, np.pi / 2)) == pytest.approx(1 - 0.436, abs=1e-3)


def test_radii_are_those_of_the_papers_table() -> None:
    assert radii(PlaneStart(1, 10.0, 1.0, 1.0)) == (1.0, 10.0)
    assert radii(PlaneStart(1, 10.0, 9.0, 1.0)) == (5.0, 10.0)
    assert radii(PlaneStart(1, 10.0, 20.0, 1.0)) == (5.0, 20.0)


def test_stopping_step_is_where_the_upper_bound_passes_the_angle() -> None:
    start, lr = PlaneStart(2, 5.0, 5.0, 1.6), 8e-6
    rates = angle_rates(start, *radii(start))
    step = stopping_step(start, rates, lr, 0.1)
    assert angle_band(start, rates, Clock(np.array([lr * step]), lr)).high[0] == pytest.approx(0.1)
    assert stopping_step(PlaneStart(2, 5.0, 5.0, 0.01), rates, lr, 0.1) < 0
