"""Rates of convergence on symmetric data: claims, measured constants, figures, refusals."""

from __future__ import annotations

import numpy as np
import pytest
from margin_results import computed, drawn, judge_three_ways, quick, tampered, times

from flowrepro.claims.verdict import Verdict
from flowrepro.errors import UsageError
from flowrepro.papers.lyu2021.beyond import convergence
from flowrepro.papers.lyu2021.beyond.convergence import CONSTANTS, CONVERGENCE, settled


def test_claims() -> None:
    result = quick(CONVERGENCE)
    judge_three_ways(convergence.gap_law, result, {"gap": np.sqrt}, {"uneven": times(1e9)})
    judge_three_ways(convergence.distance_law, result, {"distance": np.sqrt}, {"q": times(1e-3)})
    uneven = {"uneven": lambda values: values + 1.0}
    judge_three_ways(convergence.order_one, quick(CONSTANTS), {"gap": times(100.0)}, uneven)


def test_the_constants_of_both_laws() -> None:
    """Measured with an independent implementation on other starts."""
    result = quick(CONVERGENCE)
    K1 = [float(np.mean(q * gap)) for q, gap in settled(result, "gap")]
    K2 = [float(distance[-1] * q[-1] ** 0.5) for q, distance in settled(result, "distance")]
    np.testing.assert_allclose(K1, [0.198, 0.501], rtol=0.05)
    np.testing.assert_allclose(K2, [0.245, 0.154], rtol=0.15)
    np.testing.assert_allclose(result.arrays["angle"], [34.5, 24.7], atol=0.1)


def test_what_is_not_resolved_is_not_drawn() -> None:
    result = tampered(quick(CONVERGENCE), gap=lambda gap: np.where(gap < 1e-4, 1e-12, gap))
    panel, _ = drawn(convergence.laws, result)
    gap = np.array([line.y for line in panel.marks[:2]])
    assert np.nanmin(gap) > 1e-8
    assert 2 < np.isfinite(gap).sum() < gap.size


def test_uneven_sets_have_no_constants() -> None:
    drawn(convergence.scatter, quick(CONSTANTS))
    uneven = tampered(quick(CONSTANTS), uneven=lambda values: values + 1.0)
    assert np.isnan(convergence.constants(uneven)).all()
    assert convergence.order_one.judge(uneven).verdict is Verdict.NOT_APPLICABLE


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"dimensions": [2]}, "lists of one length"),
        ({"m": 300}, "take fewer neurons"),
        ({"q": 10.0}, "options.q .* must lie in"),
    ],
)
def test_what_cannot_be_computed_is_refused(options: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        computed(CONVERGENCE, **options)
