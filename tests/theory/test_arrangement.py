"""Cones, minimal-norm subgradients and extremal vectors against brute force, and the constants that
boursier2024's data have.
"""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize

from flowrepro.data.points import three_points, three_points_in_boxes
from flowrepro.errors import DataError
from flowrepro.theory.arrangement import arrangement, cover_bound, largest_cosine, least_sine, sign_vectors
from flowrepro.theory.arrangement_constants import AlignmentConstants, alignment_constants, generic_position
from flowrepro.theory.arrangement_extremal import Kind, Subgradients, ascent, extremal_vectors, subgradients


def random_forces(seed: int, n: int = 5, d: int = 3, gamma: float = 0.0) -> Subgradients:
    rng = np.random.default_rng(seed)
    return subgradients(arrangement(rng.standard_normal((n, d))), rng.standard_normal(n) / n, gamma)


@pytest.mark.parametrize(("n", "d"), [(1, 1), (3, 2), (6, 2), (5, 3), (7, 3), (6, 4), (2, 3)])
def test_cells_are_all_sign_vectors_of_sampled_vectors(n: int, d: int) -> None:
    rng = np.random.default_rng(n + 10 * d)
    cones = arrangement(rng.standard_normal((n, d)))
    sampled = {row.tobytes() for row in sign_vectors(cones.X, rng.standard_normal((100_000, d)))}
    assert sampled == {row.tobytes() for row in cones.signs[cones.dimension == cones.rank]}
    assert cones.n_cells == cover_bound(n, min(n, d))


def test_every_cone_holds_its_inner_vector_and_faces_obey_euler() -> None:
    cones = arrangement(np.random.default_rng(0).standard_normal((8, 3)))
    assert np.array_equal(sign_vectors(cones.X, cones.inside), cones.signs)
    rays, edges, cells = np.bincount(cones.dimension, minlength=4)[1:]
    assert rays - edges + cells == 2
    assert rays == 8 * 7


def test_repeated_and_opposite_points_share_hyperplanes() -> None:
    x, z = [1.0, 0.5], [-0.3, 1.0]
    cones = arrangement(np.array([x, x, [-1.0, -0.5], z]))
    assert (len(cones), cones.n_cells) == (8, 4)
    assert np.array_equal(cones.signs[:, 0], -cones.signs[:, 2])


def test_points_that_span_a_line_have_two_cones_in_any_dimension() -> None:
    cones = arrangement(np.array([[1.0, 2.0, 2.0], [2.0, 4.0, 4.0]]))
    assert (cones.rank, len(cones)) == (1, 2)


def test_zero_points_and_too_many_points_are_refused() -> None:
    with pytest.raises(DataError, match="other than zero"):
        arrangement(np.zeros((3, 2)))
    with pytest.raises(DataError, match="fewer points"):
        arrangement(np.random.default_rng(0).standard_normal((200, 6)))


def test_the_index_finds_the_cone_of_a_vector() -> None:
    cones = arrangement(three_points().X)
    for cone, w in enumerate(cones.inside):
        assert cones.index(3.0 * w) == cone
    with pytest.raises(KeyError):
        cones.index(np.zeros(2))


@pytest.mark.parametrize("seed", range(5))
def test_largest_cosine_is_that_of_dense_samples(seed: int) -> None:
    rng = np.random.default_rng(seed)
    rays = rng.standard_normal((4, 3))
    rays /= np.linalg.norm(rays, axis=1)[:, None]
    D = rng.standard_normal(3)
    W = rng.dirichlet(np.full(4, 0.3), 200_000) @ rays
    sampled = float(np.max(W @ D / np.linalg.norm(W, axis=1)) / np.linalg.norm(D))
    assert sampled <= largest_cosine(rays, D) + 1e-12
    assert largest_cosine(rays, D) == pytest.approx(sampled, abs=2e-3)


@pytest.mark.parametrize("gamma", [0.0, 0.3])
def test_subgradients_have_the_least_norm(gamma: float) -> None:
    forces = random_forces(1, gamma=gamma)
    terms = forces.g[:, None] * forces.arrangement.X
    for u, D, eta in zip(forces.arrangement.signs, forces.D, forces.eta, strict=True):
        bounds = [(1.0, 1.0) if k > 0 else (gamma, gamma) if k < 0 else (gamma, 1.0) for k in u]
        best = minimize(
            lambda e: float(np.sum((e @ terms) ** 2)), np.clip(0.5, *np.array(bounds).T), bounds=bounds, tol=1e-14
        )
        assert np.linalg.norm(D) <= np.sqrt(best.fun) + 1e-9
        assert all(low - 1e-12 <= e <= high + 1e-12 for e, (low, high) in zip(eta, bounds, strict=True))
        assert np.allclose(eta @ terms, D, atol=1e-12)


@pytest.mark.parametrize("seed", range(12))
def test_the_kind_of_a_critical_point_is_that_of_its_neighbourhood(seed: int) -> None:
    forces = random_forces(seed)
    found = extremal_vectors(forces)
    assert found  # Lemma 3
    V = np.random.default_rng(100 + seed).standard_normal((4000, 3))
    for extremal in found:
        w = extremal.sign * extremal.D / np.linalg.norm(extremal.D)
        fixed = np.vstack([w, forces.arrangement.X[forces.arrangement.signs[extremal.cone] == 0]])
        within_cone = V - V @ np.linalg.pinv(fixed) @ fixed
        near = w + 1e-5 * np.concatenate([V - np.outer(V @ w, w), within_cone])
        change = ascent(forces, near / np.linalg.norm(near, axis=1)[:, None]) - ascent(forces, w)
        seen = {
            Kind.MAXIMUM: change.max() < 1e-15,
            Kind.MINIMUM: change.min() > -1e-15,
            Kind.SADDLE: change.min() < -1e-12 and change.max() > 1e-12,
        }
        assert [kind for kind, is_so in seen.items() if is_so] == [extremal.kind]


@pytest.mark.parametrize("seed", range(8))
def test_the_extremes_of_g_on_the_sphere_are_at_extremal_vectors(seed: int) -> None:
    forces = random_forces(seed)
    heights = [e.sign * np.linalg.norm(e.D) for e in extremal_vectors(forces)]
    W = np.random.default_rng(seed).standard_normal((200_000, 3))
    sampled = ascent(forces, W / np.linalg.norm(W, axis=1)[:, None])
    assert max(heights, default=0.0) == pytest.approx(sampled.max(), abs=2e-3) or sampled.max() <= 0
    assert min(heights, default=0.0) == pytest.approx(sampled.min(), abs=2e-3) or sampled.min() >= 0


def test_planar_points_have_no_saddle() -> None:
    assert all(e.kind is not Kind.SADDLE for seed in range(40) for e in extremal_vectors(random_forces(seed, 6, 2)))


def constants_of(which: str) -> AlignmentConstants:
    points = three_points() if which == "Figure 2" else three_points_in_boxes()
    return alignment_constants(subgradients(arrangement(points.X), points.y / 3))


@pytest.mark.parametrize(
    ("which", "largest", "smallest", "boundary", "angle", "scales", "bound", "log10"),
    [
        ("Figure 2", 0.714969, 0.268742, 0.629476, 0.728690, (0.0693, 0.0285, 0.00481), 74.57, 24.2),
        ("Figure 1", 0.750119, 0.470877, 0.548551, 0.147000, (0.0118, 0.00270, 1.40e-4), 626.2, 206.5),
    ],
)
def test_constants_of_the_papers_points(
    which: str,
    largest: float,
    smallest: float,
    boundary: float,
    angle: float,
    scales: tuple[float, ...],
    bound: float,
    log10: float,
) -> None:
    constants = constants_of(which)
    assert constants.largest == pytest.approx(largest, abs=1e-6)
    assert constants.smallest == pytest.approx(smallest, abs=1e-6)
    assert constants.boundary == constants.boundary_outer == pytest.approx(boundary, abs=1e-6)
    assert (constants.angle, constants.angle_minus) == (pytest.approx(angle, abs=1e-6), 1.0)
    assert [constants.critical_scale(1.0, eps) for eps in (0.1, 0.2, 0.3)] == pytest.approx(scales, rel=5e-3)
    assert constants.settling_bound(1.0) == pytest.approx(bound, rel=1e-4)
    assert constants.log10_misalignment(1.0) == pytest.approx(log10, rel=1e-3)
    assert constants.alignment_time(1e-3, 0.3) == pytest.approx(0.3 * np.log(1000.0) / largest, rel=1e-5)


@pytest.mark.parametrize("angle", [1e-9, 1e-3, 1.0, 2.0])
def test_a_small_angle_to_a_cone_keeps_its_digits(angle: float) -> None:
    """Its cosine is 1 to all digits below 1e-8."""
    rays, D = np.array([[1.0, 0.0], [0.6, -0.8]]), np.array([np.cos(angle), np.sin(angle)])
    sine = np.sin(min(angle, np.pi / 2))
    assert least_sine(rays, 3.0 * D) == pytest.approx(sine, rel=1e-6)


def test_the_inner_margin_is_that_of_the_shares_on_the_boundary() -> None:
    forces = next(
        forces for forces in map(random_forces, range(20)) if np.isfinite(alignment_constants(forces).boundary_inner)
    )
    cones, least = forces.arrangement, np.inf
    for cone in np.flatnonzero(forces.extremal):
        free = cones.signs[cone] == 0
        if free.any():
            Z = (forces.g[free, None] * cones.X[free]).T
            lowest = np.sqrt(np.linalg.eigvalsh(Z.T @ Z)[0])
            least = min(least, lowest * min(forces.eta[cone, free].min(), 1 - forces.eta[cone, free].max()))
    assert alignment_constants(forces).boundary_inner == pytest.approx(least, rel=1e-6)


def test_generic_points_have_positive_margins_and_repeated_ones_none() -> None:
    forces = random_forces(3)
    boundary, independence = generic_position(forces.arrangement, forces)
    assert boundary > 0
    assert independence > 0
    twice = arrangement(np.array([[1.0, 0.5], [2.0, 1.0], [-0.3, 1.0]]))
    assert generic_position(twice, subgradients(twice, np.ones(3)))[1] == pytest.approx(0.0, abs=1e-12)
