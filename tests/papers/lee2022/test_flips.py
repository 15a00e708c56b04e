"""Changes of activation."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from flowrepro.claims.claim import Claim
from flowrepro.core.trajectory import Study
from flowrepro.engines.base import Problem
from flowrepro.errors import UsageError
from flowrepro.papers.lee2022.beyond import flips as module
from flowrepro.papers.lee2022.beyond.flips import FLIPS, few_return, flips, shares_of_samples, wedge_is_angle
from flowrepro.papers.lee2022.figure_1_initial_norms import nine_problems

from .results import PASS, Tampered, at, changed, drawn, ids, study, three_ways


def fewer_points(seed: int, coarser: float) -> dict[str, tuple[Problem, np.ndarray]]:
    """The nine runs on the first 2000 points of their draw."""
    return {
        name: (replace(problem, X=problem.X[:2_000], y=problem.y[:2_000]), teacher)
        for name, (problem, teacher) in nine_problems(seed, coarser).items()
    }


@cache
def computed() -> Study:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "nine_problems", fewer_points)
        return study(FLIPS, coarser=200.0)


@pytest.mark.parametrize(
    ("claim", "tamper"),
    [(wedge_is_angle, changed("wedge", lambda count: count + 600)), (few_return, changed("flips", at((3, 20), 1)))],
    ids=ids,
)
def test_claims_three_ways(claim: Claim, tamper: Tampered) -> None:
    three_ways(claim, computed(), tamper)


def test_figure_is_drawn() -> None:
    assert len(drawn(shares_of_samples, computed()).axes) == 3


def test_an_option_out_of_range_is_refused() -> None:
    with pytest.raises(UsageError, match=r"options\.coarser .* must"):
        flips(coarser=1e6)


@pytest.mark.slow
def test_holds_as_declared() -> None:
    assert wedge_is_angle.judge(study(FLIPS)).verdict is PASS
