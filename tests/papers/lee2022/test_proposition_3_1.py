"""The flow in norm and angle."""

from __future__ import annotations

from functools import cache

import pytest

from flowrepro.claims.claim import Claim
from flowrepro.core.trajectory import Study
from flowrepro.papers.lee2022.proposition_3_1 import REDUCED, closes, gradient_tends

from .results import Tampered, at, changed, ids, study, three_ways


@cache
def computed() -> Study:
    return study(REDUCED, depths=3, n=[1_000, 4_000])


@pytest.mark.parametrize(
    ("claim", "tamper"),
    [(closes, changed("norm_error", at(0, 1e-6))), (gradient_tends, changed("constant", at(1, 9.0)))],
    ids=ids,
)
def test_claims_three_ways(claim: Claim, tamper: Tampered) -> None:
    three_ways(claim, computed(), tamper)
