"""Points on the unit sphere."""

from __future__ import annotations

from functools import cache

import pytest

from flowrepro.claims.claim import Claim
from flowrepro.core.trajectory import Study
from flowrepro.papers.lee2022.appendix_b_sphere import SPHERE, same_dynamics

from .results import Tampered, at, changed, ids, study, three_ways


@cache
def computed() -> Study:
    return study(SPHERE, n=3_000, d=30, depths=[1], n_steps=2_000, coarser=50.0)


@pytest.mark.parametrize(("claim", "tamper"), [(same_dynamics, changed("angle", at((0, 0), 0.5)))], ids=ids)
def test_claims_three_ways(claim: Claim, tamper: Tampered) -> None:
    three_ways(claim, computed(), tamper)
