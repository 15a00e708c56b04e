from __future__ import annotations

import numpy as np
import pytest
from min2024_results import claims_of, computed, expect, png, with_arrays

from flowrepro.claims.verdict import Verdict
from flowrepro.core.trajectory import Study
from flowrepro.errors import UsageError
from flowrepro.papers.min2024.beyond.critical_scale import CRITICAL_SCALE, critical_scale, half_scales, topic


@pytest.fixture(scope="module")
def found() -> Study:
    scales = [-2.0, -3.0, -4.0, -5.0, -6.0, -9.0]
    return computed(critical_scale, CRITICAL_SCALE, theta=[0.01, 0.001], log10_scale=scales,
                    seeds=10)  # fmt: skip


def test_the_claim_three_ways_and_its_figure(found: Study) -> None:
    claim = claims_of(topic)["beyond-critical-scale"]
    expect(claim, found, Verdict.PASS)
    expect(claim, with_arrays(found, scale=lambda scale: scale**2), Verdict.FAIL)
    few = with_arrays(found, outside=lambda counts: counts[..., :3])
    expect(claim, few, Verdict.NOT_APPLICABLE, "3 seeds")
    assert png(topic.figures[0], found)


def test_half_of_the_neurons_between_two_scales() -> None:
    half = half_scales(np.array([1e-2, 1e-4]), np.array([[10.0, 0.0], [0.0, 0.0]]))
    assert half[0] == pytest.approx(1e-3)
    assert np.isnan(half[1])


def test_options_out_of_range_are_named() -> None:
    for wrong in (["a"], [], [2.0]):
        with pytest.raises(UsageError, match=r"options\.theta"):
            critical_scale(theta=wrong)
