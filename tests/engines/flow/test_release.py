"""Regular velocities on an intersection of hyperplanes, against enumeration."""

from __future__ import annotations

import numpy as np
import pytest
from flow_cases import patterns
from scipy.optimize import lsq_linear

from flowrepro.engines.flow.release import regular_solution


def draw(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:
    """normal (q, d), jump (q,), base (d,), sign with q <= min(3, d)."""
    d = int(rng.integers(2, 5))
    q = int(rng.integers(1, min(3, d) + 1))
    normal = rng.standard_normal((q, d))
    normal /= np.linalg.norm(normal, axis=1)[:, None]
    return normal, rng.standard_normal(q), rng.standard_normal(d), float(rng.choice([-1.0, 1.0]))


def scale(jump: np.ndarray, base: np.ndarray) -> float:
    return float(np.abs(jump).sum() + np.abs(base).sum())


def test_against_enumeration() -> None:
    """2000 draws: the velocity is one of the regular solutions, and their number is right."""
    rng = np.random.default_rng(0)
    for _ in range(2000):
        normal, jump, base, sign = draw(rng)
        _, D, others = regular_solution(normal, jump, base, sign, scale(jump, base))
        found = patterns(normal, jump, base, sign)
        assert len(found) == 1 + others
        assert min(np.abs(D - candidate).max() for candidate in found) <= 1e-10


def test_all_attracting_is_the_element_of_minimal_norm() -> None:
    """Against bounded least squares, for both signs of a."""
    rng, met = np.random.default_rng(1), 0
    while met < 300:
        normal, jump, base, sign = draw(rng)
        jump = -sign * np.abs(jump)
        mu, D, others = regular_solution(normal, jump, base, sign, scale(jump, base))
        best = lsq_linear((jump[:, None] * normal).T, -base, bounds=(0, 1), method="bvls", tol=1e-14)
        assert others == 0
        assert np.all((mu >= 0) & (mu <= 1))
        np.testing.assert_allclose(D, base + (best.x * jump) @ normal, atol=1e-8)
        met += 1


def test_minimal_norm_is_wrong_where_a_plane_repels() -> None:
    """Leaving on the minus side beats the smaller sliding velocity: the minimal-norm rule is no
    dynamics there.
    """
    normal, jump, base = np.array([[0.0, 1.0]]), np.array([2.0]), np.array([0.5, -1.0])
    mu, D, others = regular_solution(normal, jump, base, 1.0, 3.0)
    assert mu[0] == 0.0
    np.testing.assert_array_equal(D, base)
    assert others == 1


@pytest.mark.parametrize("from_plus", [False, True])
def test_arrival_is_unique(from_plus: bool) -> None:
    """Sliding on attracting planes and meeting one repelling plane transversally gives one
    solution.
    """
    rng, met = np.random.default_rng(2), 0
    while met < 400:
        normal, jump, base, sign = draw(rng)
        jump[:-1] = -sign * np.abs(jump[:-1])
        jump[-1] = sign * abs(jump[-1])
        held = base + (jump[-1] * normal[-1] if from_plus else 0.0)
        before, D = np.zeros(0), held
        if len(jump) > 1:
            before, D, _ = regular_solution(normal[:-1], jump[:-1], held, sign, scale(jump, base))
        arrives = sign * normal[-1] @ D < 0 if from_plus else sign * normal[-1] @ D > 0
        if not arrives or np.any((before < 1e-6) | (before > 1 - 1e-6)):
            continue
        mu, _, others = regular_solution(normal, jump, base, sign, scale(jump, base))
        assert others == 0
        assert mu[-1] == (0.0 if from_plus else 1.0)
        met += 1


def test_duplicated_normals_still_have_one_velocity() -> None:
    """At w = 0 more planes meet than there are dimensions: D stays unique, mu does not."""
    rng = np.random.default_rng(4)
    for _ in range(100):
        normal = rng.standard_normal((5, 2))
        normal /= np.linalg.norm(normal, axis=1)[:, None]
        jump, base = -np.abs(rng.standard_normal(5)), rng.standard_normal(2)
        _, D, others = regular_solution(normal, jump, base, 1.0, scale(jump, base))
        best = lsq_linear((jump[:, None] * normal).T, -base, bounds=(0, 1), method="bvls", tol=1e-14)
        assert others == 0
        np.testing.assert_allclose(D, base + (best.x * jump) @ normal, atol=1e-7)
