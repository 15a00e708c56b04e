"""Dips of the norm."""

from __future__ import annotations

from functools import cache

import pytest

from flowrepro.claims.claim import Claim
from flowrepro.core.trajectory import Study
from flowrepro.errors import UsageError
from flowrepro.papers.lee2022.beyond.dips import DIPS, depth_and_shapes, dips, dips_shrink, shapes_as_solved

from .results import Tampered, at, changed, drawn, ids, study, three_ways


@cache
def computed() -> Study:
    return study(DIPS, m=[0, 1, 2, 5], grid=6)


@pytest.mark.parametrize(
    ("claim", "tamper"),
    [(dips_shrink, changed("least", at((0, 3), 0.5))), (shapes_as_solved, changed("shape", at((0, 5, 0), 0)))],
    ids=ids,
)
def test_claims_three_ways(claim: Claim, tamper: Tampered) -> None:
    three_ways(claim, computed(), tamper)


def test_figure_is_drawn() -> None:
    assert len(drawn(depth_and_shapes, computed()).axes) == 3


def test_an_option_out_of_range_is_refused() -> None:
    with pytest.raises(UsageError, match=r"options\.ratios .* must"):
        dips(ratios=[0.0])
