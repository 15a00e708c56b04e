"""Alignment from a vanishing norm."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from flowrepro.claims.claim import Claim
from flowrepro.core.trajectory import Study
from flowrepro.errors import UsageError
from flowrepro.papers.lee2022.beyond.small_starts import (
    SMALL_STARTS,
    flow_agrees,
    law_holds,
    paper_agrees,
    small_starts,
    times_and_powers,
)

from .results import NOT_APPLICABLE, Tampered, at, changed, drawn, ids, study, three_ways


@cache
def computed() -> Study:
    return study(SMALL_STARTS, depths=[1, 2, 3], log10_v0=[-8.0, -6.0, -3.5, -3.0, -2.0])


@pytest.mark.parametrize(
    ("claim", "tamper"),
    [
        (law_holds, changed("ln_time", lambda values: 1.01 * values)),
        (flow_agrees, changed("reached", lambda theta: 1.01 * theta)),
        (paper_agrees, changed("paper", at(2, 1.0))),
    ],
    ids=ids,
)
def test_claims_three_ways(claim: Claim, tamper: Tampered) -> None:
    three_ways(claim, computed(), tamper)


def test_large_norms_are_not_judged_by_the_law_nor_small_ones_in_time() -> None:
    larger = changed("log10_v0", lambda v0: v0 + 8)(computed())
    deep = changed("depth", lambda depth: depth[[0, 2, 2]])(larger)
    assert law_holds.judge(deep).verdict is NOT_APPLICABLE
    never = changed("reached", at(..., np.nan))(computed())
    assert flow_agrees.judge(never).verdict is NOT_APPLICABLE


def test_figure_is_drawn() -> None:
    assert len(drawn(times_and_powers, computed()).axes) == 1


def test_an_option_out_of_range_is_refused() -> None:
    with pytest.raises(UsageError, match=r"options\.depths .* must"):
        small_starts(depths=[0])
