"""The population flow in closed form: against its integration, at its limits, and its shapes."""

from __future__ import annotations

import numpy as np
import pytest

from flowrepro.engines.population import PlaneStart, population_flow
from flowrepro.errors import UsageError
from flowrepro.papers.lee2022.beyond.closed_form import (
    alignment_constant,
    alignment_time,
    falls_throughout,
    grows_throughout,
    ln_q,
    one_layer,
    solve,
)


@pytest.mark.parametrize("depth", [1, 2, 3, 5])
@pytest.mark.parametrize(("ratio", "theta0"), [(0.2, 1.2), (1.0, 1.57), (3.0, 2.4)])
def test_orbits_are_those_of_the_integrated_flow(depth: int, ratio: float, theta0: float) -> None:
    goal = 1.3
    orbit = solve(depth, float(np.log(ratio)), theta0, 1e-4)
    t = orbit.time[::250] * ratio ** (2 - depth) * goal ** (2 - 2 * depth)
    path = population_flow(PlaneStart(depth, goal, ratio * goal, theta0), t)
    assert path.theta == pytest.approx(orbit.theta[::250], rel=1e-8)
    assert path.norm / goal == pytest.approx(np.exp(orbit.ln_norm[::250]), rel=1e-8)


@pytest.mark.parametrize(("ratio", "theta0"), [(0.05, 0.4), (1.0, 1.57), (4.0, 3.0)])
def test_one_layer_is_elementary(ratio: float, theta0: float) -> None:
    start, t = PlaneStart(1, 2.0, 2.0 * ratio, theta0), np.linspace(0.0, 40.0, 81)
    solved, integrated = one_layer(start, t), population_flow(start, t)
    assert solved.theta == pytest.approx(integrated.theta, rel=1e-8)
    assert solved.norm == pytest.approx(integrated.norm, rel=1e-8)
    assert ln_q(solved.theta) + np.log(solved.norm) + t / 2 == pytest.approx(
        float(ln_q(np.array(theta0))) + np.log(start.norm)
    ), "the first integral"


def test_late_angle_of_one_layer() -> None:
    """theta ~ pi (sin phi_0 / phi_0) (v_0 / v*) e^{-t/2}."""
    path = one_layer(PlaneStart(1, 1.0, 0.7, 2.0), np.array([60.0]))
    assert path.theta[0] == pytest.approx(np.sin(2.0) / (np.pi - 2.0) * np.pi * 0.7 * np.exp(-30.0), rel=1e-10)


def test_more_cells_change_nothing() -> None:
    coarse, fine = (solve(4, np.log(2.0), 1.6, 1e-5, cells) for cells in (2_000, 4_000))
    assert coarse.ln_norm[-1] == pytest.approx(fine.ln_norm[-1], abs=1e-12)
    assert coarse.time[-1] == pytest.approx(fine.time[-1], rel=1e-10)


def test_a_norm_below_all_doubles() -> None:
    """At v_0 / v* = 10^-1000 the time is that of the limit (C_2 = 3.0383), and v q is kept."""
    orbit = solve(3, -1000 * np.log(10.0), np.pi / 2, 0.1)
    assert orbit.time[-1] == pytest.approx(3.0383, abs=1e-4)
    assert orbit.ln_norm[-1] + float(ln_q(np.array(0.1))) == pytest.approx(
        orbit.ln_norm[0] + float(ln_q(np.array(np.pi / 2)))
    )


@pytest.mark.parametrize(("ratio", "phi"), [(1.2, 2.594), (2.0, 2.223), (5.0, 2.001)])
def test_angle_from_which_one_layer_falls_throughout(ratio: float, phi: float) -> None:
    """Thresholds found by integrating the flow (measured)."""
    assert falls_throughout(1, np.array(ratio), np.array(phi + 2e-3))
    assert not falls_throughout(1, np.array(ratio), np.array(phi - 2e-3))
    assert not falls_throughout(2, np.array(ratio), np.array(phi + 0.3))


@pytest.mark.parametrize(
    ("m", "middle", "large"), [(0, 0.7041, 0.8368), (1, 0.7829, 0.8510), (5, 0.8878, 0.9024), (50, 0.9803, 0.9806)]
)
def test_least_norms(m: int, middle: float, large: float) -> None:
    """Of the integrated flow from a right angle (measured)."""
    for ratio, least in ((1.0, middle), (2.0, large)):
        assert np.exp(solve(m + 1, np.log(ratio), np.pi / 2, 1e-3).ln_norm.min()) == pytest.approx(least, abs=1e-4)


def test_small_norms_grow_throughout() -> None:
    assert grows_throughout(1, np.array(0.31), np.array(np.pi / 2))
    assert not grows_throughout(1, np.array(0.33), np.array(np.pi / 2))
    assert grows_throughout(3, np.array(0.68), np.array(np.pi / 2))


def test_what_cannot_be_solved() -> None:
    with pytest.raises(UsageError, match="last=2"):
        solve(1, 0.0, 1.0, 2.0)
    with pytest.raises(UsageError, match="use solve"):
        one_layer(PlaneStart(2, 1.0, 1.0, 1.0), np.array([0.0]))


@pytest.mark.parametrize(("m", "constant"), list(enumerate([39.86658, 7.58657, 3.03830, 1.87647, 1.38518, 1.10939])))
def test_constants_of_small_starts(m: int, constant: float) -> None:
    """Angle 0.1 from a right angle; reference values of the integrated flow."""
    assert alignment_constant(m, np.pi / 2, 0.1) == pytest.approx(constant, abs=1e-5)


@pytest.mark.parametrize("v0", [0.1, 1.0, 3.0])
def test_two_layers_align_at_the_predicted_time_from_any_norm(v0: float) -> None:
    start = PlaneStart(2, 1.3, v0, 1.6)
    time = alignment_time(start, 0.1)
    assert population_flow(start, np.array([0.0, time])).theta[-1] == pytest.approx(0.1, rel=1e-9)
    assert alignment_time(start, 2.0) == 0.0


@pytest.mark.parametrize("depth", [2, 3, 5])
def test_deep_norms_end_below_the_teachers(depth: int) -> None:
    """1 - v/v* ~ theta^2 v*^2 t / 4 for two layers, theta^2 / (2 (m - 1)) for more (misprint
    deep-is-monotone)."""
    m = depth - 1
    errors = []
    for last in (1e-2, 1e-4):
        orbit = solve(depth, 0.0, np.pi / 2, last, 20_000)
        factor = orbit.time[-1] / 4 if m == 1 else 1 / (2 * (m - 1))
        errors.append(abs(-orbit.ln_norm[-1] / (last**2 * factor) - 1))
        assert orbit.ln_norm[-1] < 0
    assert errors[1] < 0.15
    assert errors[1] < errors[0]
