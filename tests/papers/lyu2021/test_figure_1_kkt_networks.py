"""Figure 1: its claims, and the boundaries that it shows."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from margin_results import computed, drawn, found, judge_three_ways, quick, times

from flowrepro.claims.claim import Claim
from flowrepro.claims.verdict import Verdict
from flowrepro.core.config import Data, StudyCase
from flowrepro.core.trajectory import Dataset
from flowrepro.figures import NotDrawable
from flowrepro.papers.lyu2021 import figure_1_kkt_networks as figure_1
from flowrepro.papers.lyu2021.figure_1_kkt_networks import LEFT, LEFT_SLOPES, MIDDLE, RIGHT
from flowrepro.papers.lyu2021.shared.geometry import stationarity


@pytest.mark.parametrize(
    ("claim", "case", "spoiled", "outside"),
    [
        (figure_1.figure_1_left, LEFT, {"kkt_W": times(1.01)}, {"alpha": 0.4}),
        (figure_1.figure_1_slopes, LEFT_SLOPES, {"kkt_margin": times(1.01)}, {"alphas": [0.5]}),
        (figure_1.figure_1_middle, MIDDLE, {"largest_W": lambda W: W + np.array([0, 0.1, 0])},
         {"alpha": 0.4}),
        (figure_1.figure_1_right, RIGHT, {"largest_W": lambda W: W * np.array([1.0, 1.1])},
         {"alpha": 0.4}),
    ],
    ids=lambda value: value.id if isinstance(value, Claim) else "",
)  # fmt: skip
def test_claims(claim: Claim, case: StudyCase, spoiled: dict[str, Any], outside: dict[str, Any]) -> None:
    judge_three_ways(claim, found(case), spoiled, outside)


def test_the_quick_variant_is_not_the_papers() -> None:
    assert figure_1.figure_1_left.judge(quick(LEFT)).verdict is Verdict.NOT_APPLICABLE


def test_the_multipliers_of_the_paper_are_stationary_and_others_are_not() -> None:
    left = found(LEFT)
    duals = left.dataset.extra["duals"]
    weights = left.arrays["kkt_W"], left.arrays["kkt_a"]
    assert stationarity(left.X, left.y, *weights, 0.5, duals) <= 1e-15
    assert stationarity(left.X, left.y, *weights, 0.5, 1.01 * duals) > 1e-3
    assert stationarity(left.X, left.y, *weights, 0.5, np.roll(duals, 1)) > 1e-3


def test_boundaries() -> None:
    panels = drawn(figure_1.figure_1, *map(found, (LEFT, MIDDLE, RIGHT)))
    (_, left), (middle, _), (_, right) = (panel.marks[:2] for panel in panels)
    np.testing.assert_allclose(left.x, 0.0, atol=1e-9)
    np.testing.assert_allclose(middle.x, -0.05, atol=1e-9)
    angle = np.degrees(np.arctan2(right.y[-1], right.x[-1]))
    np.testing.assert_allclose(angle, 115.0169, atol=1e-3)
    assert [len(panel.marks) for panel in panels] == [4, 4, 5]  # the hints stand apart


def test_other_points_are_not_drawn() -> None:
    points = Dataset(np.array([[1.0], [-2.0]]), np.array([1.0, -1.0]), "")
    others = computed(LEFT, points, q=10.0)
    others = replace(others, case=replace(others.case, data=Data(name="file")))
    with pytest.raises(NotDrawable, match="figure separator draws your own points"):
        figure_1.figure_1.collect(others, found(MIDDLE), found(RIGHT))
