"""Escape times and distances as powers of the scale, three ways each."""

import dataclasses

import numpy as np
import pytest
from boursier2022_runs import drawn, edited, first_of, judged_three_ways, log_scale_studies

from flowrepro.claims.verdict import Verdict
from flowrepro.core.trajectory import Dataset
from flowrepro.figures import NotDrawable
from flowrepro.papers.boursier2022.beyond import scaling_laws

TABLE = [
    (scaling_laws.escape_law, {"half_time_predicted": lambda array: 1.01 * array}),
    (scaling_laws.distance_law, {"to_limit": lambda array: array**1.2}),
]


def test_the_table_covers_every_claim():
    assert [claim for claim, _ in TABLE] == scaling_laws.topic.claims


@pytest.mark.parametrize(("claim", "edits"), TABLE)
def test_three_ways(claim, edits):
    two, four = log_scale_studies()
    points = Dataset(np.diag([1.0, 2.0, 1.0, 1.0]), four.y, "norms differ within a class")
    outside = dataclasses.replace(four, dataset=points)
    judged_three_ways(claim, two, edited(two, **edits), outside)
    assert claim.judge(four).verdict is Verdict.PASS
    assert "fewer than three scales" in claim.judge(first_of(two, 2)).note


def test_escape_times_need_negligible_stragglers():
    two, four = log_scale_studies()
    np.testing.assert_array_equal(scaling_laws.escape_times(four).p, [20, 40, 55, 1500])
    assert len(scaling_laws.escape_times(two).p) == 7
    (figure,) = scaling_laws.topic.figures
    picture, _ = drawn(figure, two, four)
    assert [panel.title for panel in picture.panels] == ["two points", "four points"]
    with pytest.raises(NotDrawable):
        figure.collect(two, first_of(four, 1))
