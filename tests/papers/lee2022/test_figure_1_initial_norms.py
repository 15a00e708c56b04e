"""What the initial norm does."""

from __future__ import annotations

from functools import cache

import pytest

from flowrepro.claims.claim import Claim
from flowrepro.core.trajectory import Study
from flowrepro.papers.lee2022.figure_1_initial_norms import INITIAL_NORMS, independent, ordering, stuck

from .results import Tampered, at, changed, ids, study, three_ways


@cache
def computed() -> Study:
    return study(INITIAL_NORMS, seeds=[0], coarser=50.0)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("claim", "tamper"),
    [
        (ordering, changed("aligned", at((0, 0), 1e6))),
        (stuck, changed("last", at((0, 6), 0.01))),
        (independent, changed("apart", at((0, 1, 0), 0.2))),
    ],
    ids=ids,
)
def test_claims_three_ways(claim: Claim, tamper: Tampered) -> None:
    three_ways(claim, computed(), tamper)
