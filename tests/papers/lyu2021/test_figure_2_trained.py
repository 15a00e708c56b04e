"""Figure 2: its claims, and the nets that it shows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from margin_results import drawn, end, found, judge_three_ways, times

from flowrepro.claims.claim import Claim
from flowrepro.core.config import StudyCase
from flowrepro.papers.lyu2021 import figure_2_trained as figure_2
from flowrepro.papers.lyu2021.figure_1_kkt_networks import LEFT, MIDDLE, RIGHT


@pytest.mark.parametrize(
    ("claim", "case", "spoiled"),
    [
        (figure_2.figure_2_left, LEFT, {"net_W": lambda W: W[:, ::-1]}),
        (figure_2.figure_2_middle, MIDDLE, {"net_plus": end(10.0)}),
        (figure_2.figure_2_right, RIGHT, {"net_normalised_margin": end(1.1)}),
    ],
    ids=lambda value: value.id if isinstance(value, Claim) else "",
)
def test_claims(claim: Claim, case: StudyCase, spoiled: dict[str, Any]) -> None:
    judge_three_ways(claim, found(case), spoiled, {"net_q_min": times(0.1)})


def test_the_contours_are_those_of_the_trained_nets() -> None:
    for panel in drawn(figure_2.figure_2, *map(found, (LEFT, MIDDLE, RIGHT))):
        shades, line = panel.marks[:2]
        assert shades.value.shape == (81, 81)
        height = shades.value[40]
        zero = np.interp(shades.y[40], line.y, line.x)
        assert np.interp(zero, shades.x, height) == pytest.approx(0.0, abs=0.02 * np.ptp(height))
