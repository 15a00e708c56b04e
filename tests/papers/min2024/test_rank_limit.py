from __future__ import annotations

import numpy as np
import pytest
from min2024_results import claims_of, computed, expect, png, relabelled, with_arrays

from flowrepro.claims.verdict import Verdict
from flowrepro.core.trajectory import Study
from flowrepro.errors import DataError, UsageError
from flowrepro.figures import NotDrawable
from flowrepro.papers.min2024.beyond.rank_limit import RANK_LIMIT, least_separator, limit_rank, rank_limit, topic


@pytest.fixture(scope="module")
def found() -> Study:
    return computed(rank_limit, RANK_LIMIT, m=10, margin=[1.0, 1e3, 1e4, 1e5, 1e6])


def test_the_claim_three_ways_and_its_figure(found: Study) -> None:
    claim, (figure,) = claims_of(topic)["beyond-rank-limit"], topic.figures
    expect(claim, found, Verdict.PASS)
    expect(claim, with_arrays(found, stable_rank=lambda rank: rank + 0.01), Verdict.FAIL)
    short = with_arrays(found, margin=lambda margin: margin[:3])
    expect(claim, short, Verdict.NOT_APPLICABLE, "extend options.margin")
    expect(claim, relabelled(found), Verdict.NOT_APPLICABLE, "Assumption 1")
    assert png(figure, found)
    with pytest.raises(NotDrawable, match="Assumption 1"):
        figure.collect(relabelled(found))


def test_the_least_separator_by_hand() -> None:
    assert least_separator(np.array([[2.0, 0.0], [4.0, 1.0]])) == pytest.approx([0.5, 0.0])
    assert least_separator(np.array([[1.0, 1.0], [1.0, -1.0]])) == pytest.approx([1.0, 0.0])
    right_angle = np.eye(2)
    assert limit_rank(right_angle, np.array([1.0, -1.0])) == pytest.approx(2.0)
    assert limit_rank(right_angle, np.ones(2)) == 1.0


def test_what_cannot_be_computed_says_why(found: Study) -> None:
    with pytest.raises(DataError, match="run case theory-flow"):
        rank_limit(relabelled(found).dataset)
    with pytest.raises(UsageError, match="levels"):
        rank_limit(found.dataset, m=2, margin=[3.0, 1.0])
