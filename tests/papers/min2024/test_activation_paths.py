"""Exact paths of single neurons (Figures 4 and 14 to 17), and the lattice of the proof."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator

import numpy as np
import pytest
from min2024_studies import Change, change, computed, drawn, expect, ids

from flowrepro.claims.claim import Claim
from flowrepro.claims.verdict import Verdict
from flowrepro.core.config import StudyCase
from flowrepro.core.trajectory import Dataset, Study
from flowrepro.engines.alignment import Fate
from flowrepro.errors import UsageError
from flowrepro.figures import NotDrawable
from flowrepro.figures.declare import Figure
from flowrepro.figures.panels import Line, Points
from flowrepro.papers.min2024 import figure_4_activation, figures_14_to_17_paths
from flowrepro.papers.min2024.activation_paths import CLUSTER_PATHS, PLANE_PATHS, plane_paths, unpack
from flowrepro.papers.min2024.equation_4_force import active_sum
from flowrepro.papers.min2024.figure_4_activation import activation, fates, one_way, short_stays
from flowrepro.papers.min2024.figures_14_to_17_paths import correspondence, maximal, path_of_a_neuron, walks
from flowrepro.papers.min2024.shared import lattice
from flowrepro.papers.min2024.shared.regions import POSITIVE, direction, regions


@pytest.fixture(scope="module")
def found() -> dict[str, Study]:
    paths = (computed(PLANE_PATHS), computed(CLUSTER_PATHS, neurons=100))
    return {result.case.name: result for result in paths}


def backwards(result: Study) -> Study:
    """Every neuron visits its states in the opposite order."""
    active = result.arrays["active"].copy()
    for p in range(len(result.arrays["sign"])):
        own = np.flatnonzero(result.arrays["path"] == p)
        active[own] = active[own[::-1]]
    return dataclasses.replace(result, arrays={**result.arrays, "active": active})


def wrong_label(result: Study) -> Study:
    """Assumption 1 fails."""
    assert result.dataset is not None
    y = np.where(np.arange(len(result.y)) == 0, -result.y, result.y)
    return dataclasses.replace(result, dataset=dataclasses.replace(result.dataset, y=y))


def on_the_opposite_ray(result: Study) -> Study:
    """The first neuron starts at x_- (x_+ for V_-)."""
    opposite = result.X[result.y * result.arrays["sign"][0] < 0].sum(axis=0)
    return change(start=lambda start: np.vstack([opposite, start[1:]]))(result)


late = change(t=lambda t: 1e7 * t)
lost = change(fate=lambda fate: np.full_like(fate, "dead"))
astray = change(fate=lambda fate: np.full(fate.shape, "other"))
TABLE = (
    (one_way, backwards, wrong_label),
    (fates, astray, on_the_opposite_ray),
    (short_stays, late, on_the_opposite_ray),
    (walks, backwards, wrong_label),
    (maximal, late, on_the_opposite_ray),
    (correspondence, backwards, wrong_label),
)


def test_the_table_covers_every_claim() -> None:
    topics = (figure_4_activation.topic, figures_14_to_17_paths.topic)
    assert ids(claim for claim, *_ in TABLE) == set().union(*(ids(t.claims) for t in topics))


@pytest.mark.parametrize("case", [PLANE_PATHS, CLUSTER_PATHS], ids=lambda case: case.name)
@pytest.mark.parametrize(("claim", "tamper", "leave"), TABLE)
def test_each_claim_three_ways(
    claim: Claim, tamper: Change, leave: Change, case: StudyCase, found: dict[str, Study]
) -> None:
    result = found[case.name]
    expect(claim, result, Verdict.PASS)
    expect(claim, tamper(result), Verdict.FAIL)
    expect(claim, leave(result), Verdict.NOT_APPLICABLE)


def test_exact_events_against_a_small_step(found: dict[str, Study]) -> None:
    """From 140 degrees Runge-Kutta on du/dt = P_u x_a(u) enters S_+ at the same time."""
    result = found["plane-paths"]
    X, y, dt = result.X, result.y, 5e-4

    def turn(u: np.ndarray) -> np.ndarray:
        pull = active_sum(X, y, u)
        return np.asarray(pull - (pull @ u) * u)

    u, t = direction(140.0), 0.0
    while regions(X, y, u[None])[0] != POSITIVE:
        half = u + 0.5 * dt * turn(u)
        u, t = u + dt * turn(half), t + dt
    _, gaining, _ = unpack(result)
    assert gaining.fate is Fate.POSITIVE
    assert gaining.t[-1] == pytest.approx(t, abs=2e-3)
    assert gaining.counts(y) == [(0, 3), (1, 3), (2, 3), (3, 3), (3, 2), (3, 1), (3, 0)]


def test_angles_end_where_the_cones_begin(found: dict[str, Study]) -> None:
    repelled, _, dying = found["plane-paths"].arrays["angle"]
    assert repelled[-1] == pytest.approx(249.44395, abs=1e-4)
    assert dying[-1] == pytest.approx(249.44395, abs=1e-4)
    assert repelled[0] == 151.0


@pytest.mark.parametrize(
    ("case", "name", "value"), [(PLANE_PATHS, "start", []), (PLANE_PATHS, "times", 0), (CLUSTER_PATHS, "neurons", 0)]
)
def test_options_out_of_range_are_named(case: StudyCase, name: str, value: object) -> None:
    with pytest.raises(UsageError, match=rf"options\.{name}"):
        computed(case, **{name: value})


def test_angles_need_points_of_the_plane() -> None:
    with pytest.raises(UsageError, match="points of the plane"):
        plane_paths(Dataset(np.eye(3), np.ones(3), "cube"))


def every_walk(n_plus: int, n_minus: int) -> Iterator[list[lattice.State]]:
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


@pytest.mark.parametrize(("n_plus", "n_minus"), [(1, 0), (3, 0), (1, 1), (1, 3), (4, 1), (3, 3), (4, 4)])
def test_the_proof_of_the_maximal_path_on_every_path(n_plus: int, n_minus: int) -> None:
    longest = lattice.maximal_path(n_plus, n_minus)
    assert lattice.is_path(longest, n_plus, n_minus)
    known, count = set(lattice.edges(longest)), 0
    for walk in every_walk(n_plus, n_minus):
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


@pytest.mark.parametrize(
    ("own", "other", "expected"), [(3, 3, 11 / 6 + 1 / 2 + 3 / 2), (0, 2, 1.5), (2, 0, 1.0), (1, 1, 1.5)]
)
def test_longest_paths_by_hand(own: int, other: int, expected: float) -> None:
    assert lattice.longest_path(own, other) == pytest.approx(expected)
    assert lattice.longest_path_by_enumeration(own, other) == pytest.approx(expected)


@pytest.mark.parametrize("figure", figures_14_to_17_paths.topic.figures, ids=lambda f: f.id)
def test_the_lattice_is_drawn(figure: Figure, found: dict[str, Study]) -> None:
    (panel,) = drawn(figure, found["cluster-paths"]).panels
    assert panel.xlim == panel.ylim == (-0.5, 6.5)
    walk = next(mark for mark in panel.marks if mark.label == "path of a neuron")
    assert isinstance(walk, Line)
    states = list(zip(np.ravel(walk.x).tolist(), np.ravel(walk.y).tolist(), strict=True))
    assert lattice.is_path(states, 6, 6)


def test_figure_4_shows_when_states_begin_and_how_long_they_last(found: dict[str, Study]) -> None:
    panels = drawn(activation, found["plane-paths"]).panels
    assert [panel.title for panel in panels] == [r"to $S_\mathrm{dead}$", "to $S_+$", "", ""]
    for panel, starts in zip(
        panels[2:], (["0", "0.817", "0.908", "1.08"], ["0", "0.247", "0.329", "0.384"]), strict=True
    ):
        assert panel.xticks.labels[:4] == starts  # type: ignore[union-attr]
        bound, stay = panel.marks
        assert isinstance(bound, Points)
        assert isinstance(stay, Points)
        assert np.all(np.asarray(stay.y) < np.asarray(bound.y))


def test_what_cannot_be_drawn_says_why(found: dict[str, Study]) -> None:
    with pytest.raises(NotDrawable, match="Assumption 1"):
        activation.collect(wrong_label(found["plane-paths"]))
    with pytest.raises(NotDrawable, match="neurons"):
        path_of_a_neuron.collect(lost(found["cluster-paths"]))
