"""Convexity of the bounds."""

from __future__ import annotations

from functools import cache

import pytest

from flowrepro.claims.claim import Claim
from flowrepro.core.trajectory import Study
from flowrepro.papers.lee2022.appendix_d_curvature import CURVATURE, convexity

from .results import Tampered, at, changed, ids, study, three_ways


@cache
def computed() -> Study:
    return study(CURVATURE)


@pytest.mark.parametrize(("claim", "tamper"), [(convexity, changed("wrong", at(3, 1)))], ids=ids)
def test_claims_three_ways(claim: Claim, tamper: Tampered) -> None:
    three_ways(claim, computed(), tamper)
