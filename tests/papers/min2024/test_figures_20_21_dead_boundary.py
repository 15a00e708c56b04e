"""Figures 20 and 21: one neuron on the boundary of the dead cone."""

from __future__ import annotations

import numpy as np
import pytest
from min2024_studies import Change, change, computed, drawn, expect, ids

from flowrepro.claims.claim import Claim
from flowrepro.claims.verdict import Verdict
from flowrepro.core.trajectory import Study
from flowrepro.errors import UsageError
from flowrepro.figures.panels import Line
from flowrepro.papers.min2024.figures_20_21_dead_boundary import (
    DEAD_BOUNDARY,
    constant,
    family,
    jump,
    many_solutions,
    no_solution,
    regular,
    topic,
    travelled,
)


@pytest.fixture(scope="module")
def found() -> Study:
    return computed(DEAD_BOUNDARY)


def curve_leaves(theta: np.ndarray) -> np.ndarray:
    """The curve that should stay does not."""
    theta[-1, -1, 0] = 1.0
    return theta


moved = change(after=lambda after: after + 1e-9)
TABLE = (
    (constant, moved, change(slope=lambda slope: slope + 0.5)),
    (jump, moved, change(slope=lambda slope: 0 * slope)),
    (family, change(residual=lambda r: 10 * r), change(leave=lambda leave: np.full_like(leave, np.inf))),
    (regular, change(theta=curve_leaves), change(leave=lambda leave: np.minimum(leave, 9.0))),
)


def test_the_table_covers_every_claim() -> None:
    assert ids(claim for claim, *_ in TABLE) == ids(topic.claims)


@pytest.mark.parametrize(("claim", "tamper", "leave"), TABLE)
def test_each_claim_three_ways(claim: Claim, tamper: Change, leave: Change, found: Study) -> None:
    expect(claim, found, Verdict.PASS)
    expect(claim, tamper(found), Verdict.FAIL)
    expect(claim, leave(found), Verdict.NOT_APPLICABLE)


def test_where_the_neuron_is_after_leaving(found: Study) -> None:
    """p(1) = 0.711128, p(5) = 1.590355, and the same a unit of time later for t_0 = 1."""
    t, theta = found.arrays["t"], found.arrays["theta"]
    at = int(np.searchsorted(t, 1.0))
    expected = [[0.711128, 1.0, 1.227071], [1.590355, 1.0, 1.878624]]
    np.testing.assert_allclose(theta[0, [at, -1]], expected, atol=1e-6)
    np.testing.assert_allclose(theta[1, 2 * at], theta[0, at], atol=1e-9)
    assert travelled(0.711128) == pytest.approx(1.0, abs=1e-5)


@pytest.mark.parametrize(("name", "value"), [("slope", []), ("cells", 0), ("leave", [-1.0]), ("steps", 0)])
def test_options_out_of_range_are_named(name: str, value: object) -> None:
    with pytest.raises(UsageError, match=rf"options\.{name}"):
        computed(DEAD_BOUNDARY, **{name: value})


def test_figure_20_shows_the_residual_of_the_constant_curve(found: Study) -> None:
    _, residuals = drawn(no_solution, found).panels
    ends = [np.ravel(mark.y)[-1] for mark in residuals.marks if isinstance(mark, Line)]
    np.testing.assert_allclose(ends, [0.0, 0.5, 1.0])


def test_figure_21_shows_one_curve_for_each_time_of_leaving(found: Study) -> None:
    _, curves = drawn(many_solutions, found).panels
    assert [mark.label for mark in curves.marks] == [
        "leaves at $t_0 = 0$",
        "leaves at $t_0 = 1$",
        "leaves at $t_0 = 2$",
        "stays: the regular solution",
    ]
