from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from flowrepro.core.config import Loss
from flowrepro.core.network import output_gradient
from flowrepro.engines.alignment import SUM_EXP, Alignment, Fate, NeuronPath, align, classify
from flowrepro.engines.base import Problem
from flowrepro.engines.fused_gd import FusedGD
from flowrepro.errors import DataError

SIX = (
    np.array([(1.5, 0.3), (1.4, 0.7), (1.2, 1.0), (-0.75, 0.6), (-0.9, 0.5), (-0.8, 0.3)]),
    np.repeat([1.0, -1.0], 3),
)
"""Two separated fans of three points (min2024 Figures 1 to 4 drawn from data)."""
HALF_MEAN = Loss(name="square", reduction="mean")


def ray(*degrees: float) -> np.ndarray:
    return np.stack([np.cos(np.radians(degrees)), np.sin(np.radians(degrees))], axis=1)


def angle(u: np.ndarray) -> float:
    return float(np.degrees(np.arctan2(u[1], u[0])) % 360)


def one(degrees: float, sign: float = 1.0, data: tuple[np.ndarray, np.ndarray] = SIX) -> NeuronPath:
    return align(*data, ray(degrees), np.array([sign])).paths[0]


def test_a_neuron_near_the_unstable_direction_dies() -> None:
    """min2024 Figure 2: from 151 degrees in S- to the dead cone, entered at 249.444 degrees at t =
    1.9939.
    """
    path = one(151)
    assert path.fate is Fate.DEAD
    assert path.settled == pytest.approx(1.9939, abs=5e-5)
    assert angle(path.direction(path.settled)) == pytest.approx(249.444, abs=5e-4)
    assert angle(path.direction(1e9)) == angle(path.limit) == pytest.approx(249.444, abs=5e-4)


def test_a_neuron_on_the_other_side_reaches_the_positive_cone() -> None:
    """min2024 Figures 2 and 4: from 140 degrees it gains x3, x2, x1, loses the negatives, and tends
    to x+ at 26.003.
    """
    path = one(140)
    assert path.fate is Fate.POSITIVE
    assert [event.t for event in path.events] == pytest.approx(
        [0.2474, 0.3294, 0.3842, 0.4712, 0.5019, 0.5537], abs=5e-5
    )
    assert [(event.datum, event.change) for event in path.events] == [
        (2, "gained"),
        (1, "gained"),
        (0, "gained"),
        (5, "lost"),
        (4, "lost"),
        (3, "lost"),
    ]
    assert angle(path.direction(path.settled)) == pytest.approx(51.340, abs=5e-4)
    assert angle(path.limit) == pytest.approx(26.003, abs=5e-4)
    assert angle(path.direction(40.0)) == pytest.approx(26.003, abs=5e-4)
    counts = [(int(arc.active[:3].sum()), int(arc.active[3:].sum())) for arc in path.arcs]
    assert counts == [(0, 3), (1, 3), (2, 3), (3, 3), (3, 2), (3, 1), (3, 0)]


def test_epochs_of_a_dying_neuron() -> None:
    """min2024 Figure 4, start at 160 degrees."""
    assert [event.t for event in one(160).events] == pytest.approx([0.8172, 0.9076, 1.0818], abs=5e-5)


@pytest.mark.parametrize("mu", [1e-1, 1e-2, 1e-4, 1e-8])
def test_worst_time_of_two_unit_points(mu: float) -> None:
    """t1 = arccosh(1 / mu), the time from w just active on x1 to the meeting with x2."""
    X = np.array([[1.0, 0.0], [mu, np.sqrt(1 - mu**2)]])
    path = one(-90 + 1e-10, data=(X, np.ones(2)))
    assert path.settled == pytest.approx(np.arccosh(1 / mu), abs=1e-10)
    assert path.fate is Fate.POSITIVE


@pytest.mark.parametrize(
    ("sign", "fate", "low", "high"), [(1.0, Fate.POSITIVE, -78.690, 150.255), (-1.0, Fate.NEGATIVE, 26.003, 249.444)]
)
def test_basins_of_the_six_points_are_two_arcs(sign: float, fate: Fate, low: float, high: float) -> None:
    degrees = np.arange(0.05, 360, 0.1)
    fates = align(*SIX, ray(*degrees), np.full(len(degrees), sign)).fates
    inside = (degrees - low) % 360 < high - low
    assert [found is fate for found in fates] == inside.tolist()
    assert [found is Fate.DEAD for found in fates] == (~inside).tolist()


@pytest.mark.parametrize(
    ("x", "y", "latest"),
    [((-0.75, -0.5, 0.125), (1.1, 0.1, 0.8), 3.0570), ((-0.9, 0.05, 0.9), (1.1, 0.1, 1.05), 5.4304)],
)
def test_slowest_alignment_of_the_three_point_data(x: tuple[float, ...], y: tuple[float, ...], latest: float) -> None:
    """boursier2024, data of Figures 2 and 1: largest time until every positive neuron is active on
    all data or none.
    """
    angles = np.arange(0, 360, 0.05)
    alignment = align(np.column_stack([x, np.ones(3)]), np.array(y), ray(*angles), np.ones(len(angles)), HALF_MEAN)
    assert alignment.settled == pytest.approx(latest, abs=2e-3)
    assert set(alignment.fates) == {Fate.POSITIVE, Fate.DEAD}


def separable(rng: np.random.Generator, n: int, d: int) -> tuple[np.ndarray, np.ndarray, float]:
    """Data whose y_i x_i are pairwise positively correlated, and the least cosine mu > 0.01
    (min2024 Assumption 1).
    """
    centre = rng.standard_normal(d)
    while True:
        Z = centre / np.linalg.norm(centre) + 0.6 * rng.standard_normal((n, d)) / np.sqrt(d)
        cosines = Z @ Z.T / np.outer(*[np.linalg.norm(Z, axis=1)] * 2)
        if cosines.min() > 0.01:
            y = np.where(np.arange(n) < (n + 1) // 2, 1.0, -1.0)
            return y[:, None] * Z * rng.uniform(0.7, 1.3, n)[:, None], y, float(cosines.min())


def test_theorem_one_on_random_separable_sets() -> None:
    """1800 neurons of 60 sets end in the cone of their sign or dead, as min2024's Theorem 1 and its
    lemmas say.
    """
    rng = np.random.default_rng(0)
    seen: set[Fate] = set()
    for i in range(60):
        X, y, mu = separable(rng, 2 + i % 9, 2 + i % 5)
        W, sign = rng.standard_normal((30, X.shape[1])), np.where(rng.random(30) < 0.5, 1.0, -1.0)
        alignment = align(X, y, W, sign * np.linalg.norm(W, axis=1))
        for w, s, path in zip(W, sign, alignment.paths, strict=True):
            home = Fate.POSITIVE if s > 0 else Fate.NEGATIVE
            assert path.fate in (home, Fate.DEAD)
            if np.max(X[y == s] @ w) > 0:
                assert path.fate is home
            assert len(path.events) <= len(X)
            assert all(event.change == ("gained" if s * y[event.datum] > 0 else "lost") for event in path.events)
            seen.add(path.fate)
        bound = (
            16 * np.log(len(X)) / (mu**2.5 * np.linalg.norm(X, axis=1).min())
        )  # of Theorem 1 with its constant xi = mu^2; zeta only widens it
        assert alignment.settled <= bound
    assert seen == {Fate.POSITIVE, Fate.NEGATIVE, Fate.DEAD}


def random_case(seed: int, n: int, d: int, m: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return (
        rng.standard_normal((n, d)),
        np.where(rng.random(n) < 0.5, -1.0, 1.0),
        rng.standard_normal((m, d)),
        np.where(rng.random(m) < 0.5, -1.0, 1.0),
    )


def small_steps(
    X: np.ndarray, y: np.ndarray, W: np.ndarray, sign: np.ndarray, t: float, steps: int
) -> tuple[np.ndarray, np.ndarray]:
    """Explicit Euler for du/dt = s P_u x_a(u) and d ln||w||/dt = s <u, x_a(u)> (min2024 eq. 4)."""
    U, log_norm, h = (W / np.linalg.norm(W, axis=1, keepdims=True), np.log(np.linalg.norm(W, axis=1)), t / steps)
    for _ in range(steps):
        pull = sign[:, None] * ((U @ X.T > 0) * y @ X)
        along = np.sum(U * pull, axis=1, keepdims=True)
        U = U + h * (pull - along * U)
        U /= np.linalg.norm(U, axis=1, keepdims=True)
        log_norm = log_norm + h * along[:, 0]
    return U, log_norm


@pytest.mark.parametrize(("n", "d", "t"), [(6, 2, 0.8), (7, 3, 0.6), (12, 5, 0.5)])
def test_small_steps_converge_to_it_with_slope_one(n: int, d: int, t: float) -> None:
    """Separable and general data, the latter with neurons that are held; error of direction and ln
    norm falls like h.
    """
    rng = np.random.default_rng(n)
    friendly = separable(rng, n, d)[:2]
    for X, y, W, sign in ((*friendly, *random_case(1, n, d, 20)[2:]), random_case(2, n, d, 20)):
        exact = align(X, y, W, sign * np.linalg.norm(W, axis=1))
        errors, counts = [], [200, 400, 800, 1600, 3200]
        for steps in counts:
            U, log_norm = small_steps(X, y, W, sign, t, steps)
            errors.append(np.mean(np.abs(U - exact.directions(t))) + np.mean(np.abs(log_norm - exact.log_norms(t))))
        slope = np.polyfit(np.log(counts), np.log(errors), 1)[0]
        assert -1.15 <= slope <= -0.85
        assert errors[-1] < 1e-2
    assert any(arc.held.any() for path in exact.paths for arc in path.arcs)


def test_held_neuron_slides_along_the_hyperplane() -> None:
    """x1 = (1, 0), y = -1 against x2 = (0.5, 1), y = +1: with share lambda of x1 the force (0.5 -
    lambda, 1) must be vertical.
    """
    X, y = np.array([[1.0, 0.0], [0.5, 1.0]]), np.array([-1.0, 1.0])
    path = align(X, y, np.array([[-0.1, 1.0]]), np.array([np.hypot(0.1, 1.0)])).paths[0]
    assert [event.change for event in path.events] == ["held"]
    assert path.arcs[-1].rate == pytest.approx(1.0)
    assert path.limit == pytest.approx([0.0, 1.0], abs=1e-12)
    assert path.fate is Fate.OTHER


def test_two_data_can_hold_at_once() -> None:
    """In three dimensions a neuron is caught in a corner, and keeps only what is left of the
    force.
    """
    X, y = (np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.4, 0.3, 1.0]]), np.array([-1.0, -1.0, 1.0]))
    path = align(X, y, np.array([[-0.3, -0.1, 1.0]]), np.array([2.0])).paths[0]
    assert [event.change for event in path.events] == ["held", "held"]
    assert path.arcs[-1].held.tolist() == [True, True, False]
    assert path.limit == pytest.approx([0.0, 0.0, 1.0], abs=1e-12)


def test_dominated_neurons_follow_the_two_variables() -> None:
    """|a| > ||w||: against an accurate integration of dw/dt = a D, da/dt = <D, w> (boursier2024),
    per arc.
    """
    X, y, W, sign = random_case(5, 5, 3, 12)
    y *= np.linspace(0.3, 1.2, 5)
    a = sign * 1.7 * np.linalg.norm(W, axis=1)
    pull = -output_gradient(HALF_MEAN, np.zeros(5), y)
    for w, s, path in zip(W, a, align(X, y, W, a, HALF_MEAN).paths, strict=True):
        state = np.append(w, s)
        for arc, end in zip(path.arcs, [*(event.t for event in path.events), path.settled + 2.0], strict=True):
            base = (arc.active * pull) @ X
            lines = X[arc.held]
            D = base - lines.T @ np.linalg.lstsq(lines.T, base, rcond=None)[0] if len(lines) else base
            solution = solve_ivp(
                lambda t, z, D=D: np.append(z[-1] * D, D @ z[:-1]), (arc.start, end), state, rtol=1e-11, atol=1e-12
            )
            state = solution.y[:, -1]
            direction, log_norm = arc.at(end)
            assert direction == pytest.approx(state[:-1] / np.linalg.norm(state[:-1]), abs=1e-8)
            assert log_norm == pytest.approx(np.log(np.linalg.norm(state[:-1])), abs=1e-8)


def test_descent_from_a_tiny_start_agrees() -> None:
    """The full network at scale 1e-30: directions and growth of gradient descent with small steps,
    patterns included.
    """
    X, y, _ = separable(np.random.default_rng(4), 8, 3)
    rng = np.random.default_rng(5)
    W = 1e-30 * rng.standard_normal((20, 3))
    a = np.where(rng.random(20) < 0.5, 1.0, -1.0) * np.linalg.norm(W, axis=1)
    exact, t = align(X, y, W, a), 0.4
    errors = []
    for steps in (1000, 2000, 4000):
        engine = FusedGD(Problem(X, y, W, a, SUM_EXP, t / steps, steps))
        engine.advance(np.array([steps]))
        ours = engine.weights()[0]
        norms = np.linalg.norm(ours, axis=1)
        errors.append(
            max(
                np.max(np.abs(ours / norms[:, None] - exact.directions(t))),
                np.max(np.abs(np.log(norms) - exact.log_norms(t))),
            )
        )
    assert errors[0] / errors[2] == pytest.approx(4, rel=0.2)
    assert np.array_equal(exact.patterns(t), ours @ X.T > 0)


def test_on_the_line_of_the_force() -> None:
    """Exactly aligned neurons keep their direction and grow or shrink exponentially."""
    X, y = np.array([[2.0, 0.0]]), np.ones(1)
    for sign in (1.0, -1.0):
        path = align(X, y, np.array([[0.5, 0.0]]), np.array([0.5 * sign])).paths[0]
        assert path.log_norm(3.0) == pytest.approx(np.log(0.5) + sign * 6.0, rel=1e-14)
        assert path.direction(3.0).tolist() == [1.0, 0.0]
        assert path.events == ()


def test_scale_and_order_do_not_matter() -> None:
    X, y, W, sign = random_case(7, 6, 3, 5)
    a = sign * np.linalg.norm(W, axis=1)
    here, tiny, turned = (
        align(X, y, W, a),
        align(X, y, 1e-200 * W, 1e-200 * a),
        align(X[::-1], y[::-1], W[::-1], a[::-1]),
    )
    assert tiny.log_norms(1.0) == pytest.approx(here.log_norms(1.0) + np.log(1e-200), abs=1e-9)
    assert np.allclose(tiny.directions(1.0), here.directions(1.0), atol=1e-9)
    assert np.allclose(turned.directions(1.0)[::-1], here.directions(1.0), atol=1e-9)
    assert isinstance(here, Alignment)


def test_orthogonal_data_are_never_met_by_rounding() -> None:
    """cos(x1, x2) = 6e-17 is zero: a neuron active on x1 alone stays so (min2024 Figure 9)."""
    X = ray(0, 90)
    path = one(-30, data=(X, np.ones(2)))
    assert path.events == ()
    assert path.fate is Fate.OTHER


@pytest.mark.parametrize(
    ("a", "w", "message"),
    [
        (0.0, 1.0, "balance"),
        (0.5, 1.0, "balance"),
        (np.nan, 1.0, "balance"),
        (1.0, 0.0, "finite"),
        (1.0, np.inf, "finite"),
    ],
)
def test_neurons_without_a_lasting_sign_or_direction_are_refused(a: float, w: float, message: str) -> None:
    with pytest.raises(DataError, match=message):
        align(*SIX, np.array([[0.0, w]]), np.array([a]))


def test_classes() -> None:
    y = np.array([1.0, -1.0])
    patterns: dict[Any, Fate] = {
        (False, False): Fate.DEAD,
        (True, False): Fate.POSITIVE,
        (False, True): Fate.NEGATIVE,
        (True, True): Fate.OTHER,
    }
    assert {pattern: classify(np.array(pattern), y) for pattern in patterns} == patterns
    assert classify(np.array([False]), np.ones(1)) is Fate.DEAD


def test_a_point_at_the_origin_holds_no_neuron() -> None:
    """The paths are those without it, and no force of size 0 is divided by."""
    rng = np.random.default_rng(1)
    X, y = rng.integers(-2, 3, (5, 4)).astype(float), rng.standard_normal(5)
    X[2] = 0.0
    W = rng.standard_normal((40, 4))
    a = np.where(np.arange(40) % 2, 1.0, -1.0) * np.linalg.norm(W, axis=1)
    kept = np.any(X != 0, axis=1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        paths = align(X, y, W, a, SUM_EXP).paths
        others = align(X[kept], y[kept], W, a, SUM_EXP).paths
    for path, other in zip(paths, others, strict=True):
        np.testing.assert_allclose([event.t for event in path.events],
                                   [event.t for event in other.events], rtol=1e-9)  # fmt: skip
        np.testing.assert_allclose(path.limit, other.limit, atol=1e-9)
