"""Points on the unit sphere, random directions, and the convexity of the bounds."""

from __future__ import annotations

from typing import Any

import pytest

from flowrepro.claims.claim import Claim
from flowrepro.core.config import StudyCase
from flowrepro.papers.lee2022.appendix_b_sphere import SPHERE, same_dynamics
from flowrepro.papers.lee2022.appendix_c_directions import DIRECTIONS, almost_orthogonal, two_sided
from flowrepro.papers.lee2022.appendix_d_curvature import CURVATURE, convexity

from .results import Tampered, at, changed, study, three_ways

SPHERES = {"n": 3_000, "d": 30, "depths": [1], "n_steps": 2_000, "coarser": 50.0}


@pytest.mark.parametrize(
    ("claim", "case", "options", "tamper"),
    [
        (same_dynamics, SPHERE, SPHERES, changed("angle", at((0, 0), 0.5))),
        (almost_orthogonal, DIRECTIONS, {"numbers": 400_000}, changed("two", lambda share: share + 0.05)),
        (convexity, CURVATURE, {}, changed("wrong", at(3, 1))),
    ],
    ids=["sphere", "directions", "curvature"],
)
def test_claims_three_ways(claim: Claim, case: StudyCase, options: dict[str, Any], tamper: Tampered) -> None:
    three_ways(claim, study(case, **options), tamper)


@pytest.mark.parametrize(("d", "epsilon", "share"), [(100, 0.1, 0.3197), (100, 0.2, 0.04493), (3, 0.5, 0.5)])
def test_exact_probability_of_a_large_cosine(d: int, epsilon: float, share: float) -> None:
    """In three dimensions the cosine is uniform (Archimedes); the others are the measured shares
    of 200000 pairs."""
    assert two_sided(epsilon, d) == pytest.approx(share, abs=1e-4)
