"""The closest approach to the saddle, three ways, and its figure."""

import numpy as np
import pytest
from boursier2022_runs import drawn, edited, judged_three_ways, log_scale_studies, marks, study_of

from flowrepro.core.overrides import override
from flowrepro.errors import UsageError
from flowrepro.papers.boursier2022.beyond import closest_approach as approach
from flowrepro.papers.boursier2022.beyond.closest_approach import CLOSEST_APPROACH


@pytest.fixture(scope="module")
def study():
    return study_of(CLOSEST_APPROACH, ratios=[2.0, 3.0])


def test_three_ways(study):
    bad = edited(study, nearest=lambda array: array**1.2)
    other = override(CLOSEST_APPROACH, {"options.decades": [1.0, 2.0]})
    outside = type(study)(other, study.dataset, study.arrays)
    judged_three_ways(approach.closest_approach_law, study, bad, outside)


def test_ratios_without_a_visible_saddle_are_refused():
    with pytest.raises(UsageError, match="ratios"):
        approach.closest_approach(ratios=[1.0])


def test_the_figure_draws_the_law_through_the_first_distance(study):
    (figure,) = approach.topic.figures
    near, limit = drawn(figure, *log_scale_studies(), study)[0].panels
    law, measured = near.marks[:2]
    assert law.y[0] == measured.y[0]
    np.testing.assert_allclose(law.y, measured.y, rtol=0.1)
    (two,) = marks(limit, "two points")
    np.testing.assert_array_equal(two.y, log_scale_studies()[0].arrays["to_limit"][:, -1])
