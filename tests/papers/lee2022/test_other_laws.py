"""Points of other laws."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from flowrepro.claims.claim import Claim
from flowrepro.core.trajectory import Study
from flowrepro.errors import UsageError
from flowrepro.papers.lee2022.beyond.other_laws import (
    LAWS,
    OTHER_LAWS,
    angle_and_norm,
    other_laws,
    points,
    symmetric_collapse,
    uneven_differs,
)

from .results import NOT_APPLICABLE, PASS, Tampered, at, changed, ids, study, three_ways


@cache
def computed() -> Study:
    return study(OTHER_LAWS, n=4_000, d=10, depths=[1], coarser=100.0)


@pytest.mark.parametrize(
    ("claim", "tamper"),
    [
        (symmetric_collapse, changed("theta", at((0, 2, 100), 3.0))),
        (uneven_differs, changed("theta", lambda theta: theta[:, [0, 1, 2, 3, 0]])),
    ],
    ids=ids,
)
def test_claims_three_ways(claim: Claim, tamper: Tampered) -> None:
    three_ways(claim, computed(), tamper)


def with_options(**options: float) -> Study:
    case = computed().case
    return replace(computed(), case=replace(case, options={**case.options, **options}))


def test_heavy_tails_and_even_covariances_are_not_judged() -> None:
    assert symmetric_collapse.judge(with_options(freedom=3.0)).verdict is NOT_APPLICABLE
    assert uneven_differs.judge(with_options(widest=1.0)).verdict is NOT_APPLICABLE


@pytest.mark.parametrize("law", LAWS)
def test_points_have_the_spread_of_their_law(law: str) -> None:
    """Mean of ||x||^2 / d over a sample against the law's, within 5 %."""
    rng = np.random.default_rng(0)
    X, spread = points(law, rng.standard_normal((20_000, 5)), rng, 8.0, 4.0)
    assert np.mean(np.square(X)) == pytest.approx(spread, rel=0.05)


def test_figure_is_drawn_of_one_depth() -> None:
    assert len(angle_and_norm.collect(computed()).panels) == 2


def test_an_option_out_of_range_is_refused() -> None:
    with pytest.raises(UsageError, match=r"options\.freedom .* must"):
        other_laws(freedom=2.0)


@pytest.mark.slow
def test_holds_as_declared() -> None:
    assert symmetric_collapse.judge(study(OTHER_LAWS)).verdict is PASS
