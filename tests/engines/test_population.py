from __future__ import annotations

import numpy as np
import pytest
from problems import MEAN_SQUARE
from scipy.integrate import quad, solve_ivp

from flowrepro.data.synthetic import gaussian_teacher
from flowrepro.engines.base import Problem
from flowrepro.engines.lazy.engine import LazyGD
from flowrepro.engines.population import (
    PlaneStart,
    angle_between,
    overlap,
    overlap_deficit,
    population_descent,
    population_flow,
)
from flowrepro.errors import NumericalError, UsageError

RIGHT = np.pi / 2


@pytest.mark.parametrize(
    ("depth", "teacher", "lr", "steps"),
    [
        (1, 10.0, 3e-4, (7311, 20275, 24735)),
        (2, 5.0, 8e-6, (37935, 37933, 37933)),
        (3, 3.0, 2e-6, (193060, 51264, 48943)),
    ],
)
def test_companions_of_the_paper_align_at_the_known_steps(
    depth: int, teacher: float, lr: float, steps: tuple[int, ...]
) -> None:
    """First step with theta < 0.1 in the nine settings of lee2022 Figure 1 at phi0 = pi/2
    (measured; the first by a plain loop too).
    """
    for factor, first in zip((0.1, 1.0, 2.0), steps, strict=True):
        path = population_descent(PlaneStart(depth, teacher, factor * teacher, RIGHT), lr, np.arange(200_001))
        assert int(np.argmax(path.theta < 0.1)) == first
        assert np.all(np.diff(path.theta[path.theta > 1e-7]) < 0)


@pytest.mark.parametrize("depth", [1, 2, 4])
def test_descent_is_the_plain_loop_over_vectors(depth: int) -> None:
    """The formulas of lee2022 in two dimensions, all parameters from the same iterate, every scalar
    on its own.
    """
    power, teacher, w, lr = depth - 1, np.array([1.2, 0.0]), np.array([-0.3, 0.9]), 0.05
    scalars = np.full(power, np.linalg.norm(w))
    path = population_descent(PlaneStart.of(w, teacher, depth), lr, np.arange(201))
    vs = np.linalg.norm(teacher)
    for step in range(201):
        norm, theta = np.linalg.norm(w), float(angle_between(w, teacher))
        assert (path.norm[step], path.theta[step]) == pytest.approx((norm, theta), rel=1e-11)
        gain, target = np.prod(scalars), vs**power
        cross = (
            target * (np.sin(theta) * vs / norm * w + (np.pi - theta) * teacher) / (2 * np.pi)
        )  # E[y relu'(<w, x>) x]
        slope = gain * norm**2 / 2 - w @ cross
        w = w - lr * gain * (gain * w / 2 - cross)
        scalars = scalars - lr * gain / scalars * slope


@pytest.mark.parametrize("depth", [1, 2, 3, 5])
def test_descent_converges_to_the_flow_with_slope_one(depth: int) -> None:
    start, horizon, counts = PlaneStart(depth, 1.3, 0.7, 1.9), 4.0, (400, 800, 1600, 3200)
    flow = population_flow(start, np.array([0.0, horizon]))
    errors = []
    for count in counts:
        path = population_descent(start, horizon / count, np.array([0, count]))
        errors.append(
            abs(path.norm[1] - flow.norm[1])
            + abs(path.theta[1] - flow.theta[1])
            + abs(path.scalar[1] - flow.scalar[1]) * (depth > 1)
        )
    assert -1.1 <= np.polyfit(np.log(counts), np.log(errors), 1)[0] <= -0.9
    assert errors[-1] < 5e-3


def test_one_layer_keeps_its_first_integral() -> None:
    """v sin(phi) / phi decays like exp(-t/2) exactly (depth 1)."""
    start, t = PlaneStart(1, 2.0, 0.3, 1.7), np.linspace(0, 80, 33)
    path = population_flow(start, t)
    ratio = path.norm * np.sin(path.theta) / (np.pi - path.theta)
    assert ratio == pytest.approx(ratio[0] * np.exp(-t / 2), rel=1e-9)
    assert path.theta[-1] < 1e-16


@pytest.mark.parametrize("norm", [1e-60, 1e-3, 1.0, 4.0])
def test_angle_of_two_layers_does_not_depend_on_the_norm(norm: float) -> None:
    """T(theta) = 2 pi int dp / (p sin p) for v* = 1 from phi0 = pi/2 to pi - 0.1; 7.58657."""
    time = 2 * np.pi * quad(lambda p: 1 / (p * np.sin(p)), RIGHT, np.pi - 0.1, epsabs=1e-13)[0]
    assert time == pytest.approx(7.58657, abs=5e-6)
    path = population_flow(PlaneStart(2, 1.0, norm, RIGHT), np.array([0.0, time]))
    assert path.theta[1] == pytest.approx(0.1, rel=1e-9)


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_plane_is_the_reduction_of_the_vector_flow(depth: int) -> None:
    """Against dw/dt in seven dimensions (lee2022 Proposition 3.6)."""
    rng, power = np.random.default_rng(depth), depth - 1
    w0, teacher = rng.standard_normal(7), rng.standard_normal(7)
    start = PlaneStart.of(w0, teacher, depth)
    vs = start.teacher_norm

    def velocity(_: float, w: np.ndarray) -> np.ndarray:
        v, theta = np.linalg.norm(w), angle_between(w, teacher)
        pull = (np.pi - theta) / np.pi * teacher + vs / v * np.sin(theta) / np.pi * w
        return np.asarray(-0.5 * v ** (2 * power) * w + 0.5 * v**power * vs**power * pull)

    t = np.linspace(0, 3 / vs ** (2 * power), 7)
    vectors = solve_ivp(velocity, (0, t[-1]), w0, t_eval=t, method="DOP853", rtol=1e-12, atol=1e-12).y.T
    path = population_flow(start, t)
    assert path.norm == pytest.approx(np.linalg.norm(vectors, axis=1), abs=1e-8)
    assert path.theta == pytest.approx(angle_between(vectors, teacher), abs=1e-8)


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_empirical_descent_stays_near_its_companion(depth: int) -> None:
    """n / d = 5000: angle and norm differ by the sampling error alone."""
    data = gaussian_teacher(20_000, 4, 0, 0.5, depth)
    w, teacher = 0.5 * data.extra["student"], data.extra["teacher"]
    lr, steps = 0.02, np.arange(0, 1501, 50)
    engine = LazyGD(Problem(data.X, data.y, w[None], np.array([np.linalg.norm(w)]), MEAN_SQUARE, lr, 1500, depth=depth))
    path = population_descent(PlaneStart.of(w, teacher, depth), lr, steps)
    for i, step in enumerate(steps):
        engine.advance(np.array([step]))
        W, a = engine.weights()
        assert float(angle_between(W[0], teacher)) == pytest.approx(path.theta[i], abs=0.03)
        assert np.linalg.norm(W) == pytest.approx(path.norm[i], rel=0.03)
        assert depth == 1 or a[0] == pytest.approx(path.scalar[i], rel=0.03)


def test_overlap_is_twice_the_expectation_and_its_deficit_keeps_digits() -> None:
    z = np.random.default_rng(0).standard_normal((400_000, 2))
    theta = 1.1
    pair = np.maximum(z[:, 0], 0) * np.maximum(np.cos(theta) * z[:, 0] + np.sin(theta) * z[:, 1], 0)
    assert 2 * pair.mean() == pytest.approx(float(overlap(np.array(theta))), abs=0.01)
    angles = np.array([0.01, 0.049999, 0.050001, 1.0, 3.0, np.pi])
    assert overlap_deficit(angles) == pytest.approx(1 - overlap(angles), rel=1e-11)
    tiny = np.array([1e-100, 1e-6])
    assert overlap_deficit(tiny) == pytest.approx(tiny**2 / 2 - tiny**3 / (3 * np.pi), rel=1e-11)


def test_unusable_starts_and_steps_are_named() -> None:
    with pytest.raises(UsageError, match="angle between 0 and pi"):
        PlaneStart(2, 1.0, 1.0, 0.0)
    with pytest.raises(NumericalError, match="diverges with lr=50"):
        population_descent(PlaneStart(2, 1.0, 1.0, 1.0), 50.0, np.arange(100))
