"""Figures 1 to 4 and 14 to 17: forces and exact paths, the lattice of the proof, claims three ways, and the pictures."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Iterator

import numpy as np
import pytest

from flowrepro import data
from flowrepro.claims.old_verdict import Claim, Judgement, Verdict
from flowrepro.core.config import StudyCase, override
from flowrepro.core.trajectory import Dataset, Study
from flowrepro.engines.alignment import Fate
from flowrepro.errors import UsageError
from flowrepro.figures import Figure, NotDrawable
from flowrepro.figures.canvas import render
from flowrepro.papers.min2024 import (
    force,
    lattice,
    path_claims,
    path_figures,
    paths,
    sketch_figures,
    toy_cases,
)
from flowrepro.papers.min2024.extreme_vectors import active_sum
from flowrepro.papers.min2024.regions import POSITIVE, direction, regions
from flowrepro.papers.min2024.studies import STUDIES

Change = Callable[[Study], Study]
CUBE = Dataset(np.eye(3), np.ones(3), "cube")


def computed(study: StudyCase) -> Study:
    assert study.data is not None
    dataset = data.load(study.data)
    return Study(study, dataset, STUDIES[study.computes](study, dataset, lambda done, total: None))


@pytest.fixture(scope="module")
def findings() -> dict[str, Study]:
    clusters = override(toy_cases.CLUSTER_PATHS, {"options.neurons": 100})
    return {
        study.name: computed(study)
        for study in (toy_cases.FORCE, toy_cases.FORCE_AT_BOUNDARY, toy_cases.PLANE_PATHS, clusters)
    }


def arrays(**changes: Callable[[np.ndarray], np.ndarray]) -> Change:
    def change(found: Study) -> Study:
        return dataclasses.replace(
            found,
            arrays={
                **found.arrays,
                **{name: alter(found.arrays[name]) for name, alter in changes.items()},
            },
        )

    return change


def backwards(found: Study) -> Study:
    """Every neuron visits its states in the opposite order."""
    active = found.arrays["active"].copy()
    for p in range(len(found.arrays["sign"])):
        own = np.flatnonzero(found.arrays["path"] == p)
        active[own] = active[own[::-1]]
    return dataclasses.replace(found, arrays={**found.arrays, "active": active})


def wrong_label(found: Study) -> Study:
    """Assumption 1 fails."""
    return dataclasses.replace(
        found,
        dataset=dataclasses.replace(
            found.dataset, y=np.where(np.arange(len(found.y)) == 0, -found.y, found.y)
        ),
    )


def on_the_opposite_ray(found: Study) -> Study:
    """The first neuron starts at x_- (x_+ for V_-)."""
    opposite = found.X[found.y * found.arrays["sign"][0] < 0].sum(axis=0)
    return arrays(start=lambda start: np.vstack([opposite, start[1:]]))(found)


late = arrays(t=lambda t: 1e7 * t)
lost = arrays(fate=lambda fate: np.full_like(fate, "dead"))
astray = arrays(fate=lambda fate: np.full(fate.shape, "other"))
TABLE: dict[str, tuple[Change, Change]] = {
    "F1.force": (arrays(velocity=lambda v: v + 1e-6), arrays(f=lambda f: f + 2.0)),
    "F3.inward": (arrays(velocity=lambda v: -v), arrays(u=lambda u: u[::-1])),
    "F4.rule": (backwards, wrong_label),
    "F2.fates": (astray, on_the_opposite_ray),
    "F4.stay": (late, on_the_opposite_ray),
    "F14.path": (backwards, wrong_label),
    "F15.maximal": (late, on_the_opposite_ray),
    "F16.edges": (backwards, wrong_label),
}
CLAIMS: dict[str, Claim] = {claim.id: claim for claim in (*force.CLAIMS, *path_claims.CLAIMS)}


def expect(result: Judgement, verdict: Verdict) -> None:
    assert result.verdict is verdict, f"{result.id}: {result.note}"


def test_the_table_covers_every_claim() -> None:
    assert set(TABLE) == set(CLAIMS)


@pytest.mark.parametrize(
    ("id", "case"), [(id, case) for id, claim in CLAIMS.items() for case in claim.cases]
)
def test_each_claim_three_ways(id: str, case: str, findings: dict[str, Study]) -> None:
    tamper, leave = TABLE[id]
    claim, found = CLAIMS[id], findings[case]
    expect(claim.function(found), Verdict.PASS)
    expect(claim.function(tamper(found)), Verdict.FAIL)
    expect(claim.function(leave(found)), Verdict.NOT_APPLICABLE)


def test_figure_1_is_the_papers_sketch(findings: dict[str, Study]) -> None:
    found = findings["force"].arrays
    assert found["active"].tolist() == [True, True, False]
    np.testing.assert_allclose(found["pull"], [1.7, 0.3])
    np.testing.assert_allclose(found["velocity"], [1.7, 0.0], atol=1e-12)


def test_a_larger_neuron_departs_from_the_force_by_no_more_than_lemma_4_allows() -> None:
    larger = computed(override(toy_cases.FORCE_AT_BOUNDARY, {"size": 0.3}))
    result = CLAIMS["F1.force"].function(larger)
    assert result.verdict is Verdict.PASS
    assert result.measured > 1e-3


def test_exact_events_against_a_small_step(findings: dict[str, Study]) -> None:
    """The second neuron, from 140 degrees: Runge-Kutta on du/dt = P_u x_a(u) enters S_+ at the same time."""
    found = findings["plane-paths"]
    X, y, dt = found.X, found.y, 2e-4

    def turn(u: np.ndarray) -> np.ndarray:
        pull = active_sum(X, y, u)
        return np.asarray(pull - (pull @ u) * u)

    u, t = direction(140.0), 0.0
    while regions(X, y, u[None])[0] != POSITIVE:
        half = u + 0.5 * dt * turn(u)
        u, t = u + dt * turn(half), t + dt
    _, gaining, _ = paths.unpack(found)
    assert gaining.fate is Fate.POSITIVE
    assert gaining.t[-1] == pytest.approx(t, abs=1e-3)
    assert gaining.counts(y) == [(0, 3), (1, 3), (2, 3), (3, 3), (3, 2), (3, 1), (3, 0)]


def test_angles_end_where_the_cones_begin(findings: dict[str, Study]) -> None:
    found = findings["plane-paths"]
    repelled, _, dying = found.arrays["angle"]
    assert repelled[-1] == pytest.approx(249.44395, abs=1e-4)
    assert dying[-1] == pytest.approx(249.44395, abs=1e-4)
    assert repelled[0] == 151.0


def walks(n_plus: int, n_minus: int) -> Iterator[list[lattice.State]]:
    """Every path of Appendix C.2 in unit moves, from every start."""
    for plus, minus in itertools.product(range(n_plus + 1), range(n_minus + 1)):
        moves = n_plus - plus + minus
        for gains in itertools.combinations(range(moves), n_plus - plus):
            state = (plus, minus)
            walk = [state]
            for move in range(moves):
                state = (state[0] + 1, state[1]) if move in gains else (state[0], state[1] - 1)
                walk.append(state)
            if (0, 0) not in walk:
                yield walk


@pytest.mark.parametrize(
    ("n_plus", "n_minus"), [(1, 0), (3, 0), (1, 1), (1, 3), (4, 1), (3, 3), (4, 4)]
)
def test_the_proof_of_the_maximal_path_on_every_path(n_plus: int, n_minus: int) -> None:
    longest = lattice.maximal_path(n_plus, n_minus)
    assert lattice.is_path(longest, n_plus, n_minus)
    known, count = set(lattice.edges(longest)), 0
    for walk in walks(n_plus, n_minus):
        count += 1
        assert lattice.is_path(walk, n_plus, n_minus)
        images = [lattice.counterpart(edge) for edge in lattice.edges(walk)]
        assert len(set(images)) == len(images)
        assert set(images) <= known
        assert lattice.travel_time(walk) <= lattice.travel_time(longest) + 1e-12
    assert count > 0


def test_what_is_no_path() -> None:
    assert not lattice.is_path([(0, 1), (0, 0)], 1, 1)
    assert not lattice.is_path([(1, 1), (1, 0)], 2, 1)
    assert not lattice.is_path([(0, 2), (1, 1), (1, 0)], 1, 2)
    assert not lattice.is_path([(2, 0), (1, 0), (2, 0)], 2, 0)


def test_options_out_of_range_are_named() -> None:
    cases = (
        (toy_cases.FORCE, {"options.w": [1.0]}, r"options\.w"),
        (toy_cases.FORCE, {"options.size": 0.0}, r"options\.size"),
        (toy_cases.PLANE_PATHS, {"options.start": []}, r"options\.start"),
        (toy_cases.PLANE_PATHS, {"options.times": 0}, r"options\.times"),
        (toy_cases.CLUSTER_PATHS, {"options.neurons": 0}, r"options\.neurons"),
    )
    for study, changes, message in cases:
        with pytest.raises(UsageError, match=message):
            computed(override(study, changes))
    with pytest.raises(UsageError, match="points of the plane"):
        paths.plane_paths(toy_cases.PLANE_PATHS, CUBE, lambda done, total: None)


FIGURES = (*sketch_figures.FIGURES, *path_figures.FIGURES)


@pytest.mark.parametrize("figure", FIGURES, ids=lambda figure: figure.id)
def test_figures_are_drawn(figure: Figure, findings: dict[str, Study]) -> None:
    shown = figure.collect(*(findings[name] for name in figure.cases))
    assert render(figure, shown, {}, ["png"])["png"].startswith(b"\x89PNG")


def test_figures_show_what_was_computed(findings: dict[str, Study]) -> None:
    by_id = {figure.id: figure for figure in FIGURES}
    boundary = by_id["3"].collect(findings["force-at-boundary"])
    np.testing.assert_array_equal(boundary.boundary, [[1.2, 1.0]])
    inside, to_dead, to_positive = by_id["2"].collect(findings["plane-paths"]).stretches
    assert inside.angle[0] == 151.0
    assert inside.angle[-1] == to_dead.angle[0]
    assert to_positive.angle[-1] == pytest.approx(51.34, abs=1.0)
    dead, positive = by_id["4"].collect(findings["plane-paths"]).rasters
    assert dead.fate == "dead"
    np.testing.assert_allclose(dead.t, [0, 0.8172, 0.9076, 1.0818], atol=1e-4)
    np.testing.assert_allclose(
        positive.t, [0, 0.2474, 0.3294, 0.3842, 0.4712, 0.5019, 0.5537], atol=1e-4
    )
    assert np.all(positive.stay < positive.bound)
    shown = by_id["14"].collect(findings["cluster-paths"])
    assert shown.corner == (6, 6)
    assert lattice.is_path([(int(plus), int(minus)) for plus, minus in shown.path], 6, 6)


def test_what_cannot_be_drawn_says_why(findings: dict[str, Study]) -> None:
    by_id = {figure.id: figure for figure in FIGURES}
    with pytest.raises(NotDrawable, match="d = 10"):
        by_id["1"].collect(findings["cluster-paths"])
    with pytest.raises(NotDrawable, match="two"):
        by_id["2"].collect(computed(override(toy_cases.PLANE_PATHS, {"options.start": [151.0]})))
    with pytest.raises(NotDrawable, match="Assumption 1"):
        by_id["4"].collect(wrong_label(findings["plane-paths"]))
    with pytest.raises(NotDrawable, match="neurons"):
        by_id["14"].collect(lost(findings["cluster-paths"]))
