"""Bounds fed into each other."""

from __future__ import annotations

from functools import cache

import pytest

from flowrepro.claims.claim import Claim
from flowrepro.core.trajectory import Study
from flowrepro.errors import UsageError
from flowrepro.papers.lee2022.beyond import tighter_bounds as module
from flowrepro.papers.lee2022.beyond.tighter_bounds import (
    TIGHTER_BOUNDS,
    later_is_tighter,
    rounds_and_restarts,
    rounds_enclose,
    tighter_bounds,
)

from .results import PASS, Tampered, at, changed, drawn, ids, study, three_ways


@cache
def computed() -> Study:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "TIMES", 121)
        return study(TIGHTER_BOUNDS, rounds=1, horizon=6.0)


@pytest.mark.parametrize(
    ("claim", "tamper"),
    [
        (rounds_enclose, changed("theta_low", at((0, 1, 5), 3.0))),
        (later_is_tighter, changed("again_low", at((0, 30, 50), 0.0))),
    ],
    ids=ids,
)
def test_claims_three_ways(claim: Claim, tamper: Tampered) -> None:
    three_ways(claim, computed(), tamper)


def test_figure_is_drawn() -> None:
    assert len(drawn(rounds_and_restarts, computed()).axes) == 6


def test_an_option_out_of_range_is_refused() -> None:
    with pytest.raises(UsageError, match=r"options\.rounds must"):
        tighter_bounds(rounds=1.5)


@pytest.mark.slow
def test_holds_as_declared() -> None:
    assert rounds_enclose.judge(study(TIGHTER_BOUNDS)).verdict is PASS
