"""Random directions."""

from __future__ import annotations

from functools import cache

import pytest

from flowrepro.claims.claim import Claim
from flowrepro.core.trajectory import Study
from flowrepro.papers.lee2022.appendix_c_directions import DIRECTIONS, almost_orthogonal, two_sided

from .results import Tampered, changed, ids, study, three_ways


@cache
def computed() -> Study:
    return study(DIRECTIONS, numbers=400_000)


@pytest.mark.parametrize(
    ("claim", "tamper"), [(almost_orthogonal, changed("two", lambda share: share + 0.05))], ids=ids
)
def test_claims_three_ways(claim: Claim, tamper: Tampered) -> None:
    three_ways(claim, computed(), tamper)


@pytest.mark.parametrize(("d", "epsilon", "share"), [(100, 0.1, 0.3197), (100, 0.2, 0.04493), (3, 0.5, 0.5)])
def test_exact_probability_of_a_large_cosine(d: int, epsilon: float, share: float) -> None:
    """In three dimensions the cosine is uniform (Archimedes); the others are the measured shares
    of 200000 pairs."""
    assert two_sided(epsilon, d) == pytest.approx(share, abs=1e-4)
