"""Second moments of half spaces and wedges."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from flowrepro.claims.claim import Claim
from flowrepro.core.trajectory import Study
from flowrepro.papers.lee2022.lemma_2_1 import MOMENTS, lemma_2_1, proposition_b_1, wedge_moment

from .results import Tampered, at, changed, ids, study, three_ways


@cache
def computed() -> Study:
    return study(MOMENTS, n=20_000, pairs=8)


@pytest.mark.parametrize(
    ("claim", "tamper"),
    [(lemma_2_1, changed("wedge", at((0, 0, 0), 6.0))), (proposition_b_1, changed("half", lambda z: z + 2.0))],
    ids=ids,
)
def test_claims_three_ways(claim: Claim, tamper: Tampered) -> None:
    three_ways(claim, computed(), tamper)


def test_wedges_of_small_and_large_angle_tend_to_the_half_space_and_to_nothing() -> None:
    u = np.array([1.0, 0.0, 0.0])
    for theta, limit in ((1e-6, 0.5 * np.eye(3)), (np.pi - 1e-6, np.zeros((3, 3)))):
        M = wedge_moment(u, np.array([np.cos(theta), np.sin(theta), 0.0]))
        assert pytest.approx(limit, abs=1e-5) == M
