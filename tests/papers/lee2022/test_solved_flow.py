"""The flow in closed form."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from flowrepro.claims.claim import Claim
from flowrepro.core.trajectory import Study
from flowrepro.errors import UsageError
from flowrepro.papers.lee2022.beyond.solved_flow import (
    SOLVED_FLOW,
    descent_nearly,
    flow_is_solved,
    orbits_and_integral,
    sample_leaves,
    solved_flow,
)

from .results import NOT_APPLICABLE, Tampered, at, changed, drawn, ids, study, three_ways


@cache
def computed() -> Study:
    return study(SOLVED_FLOW, depths=[1, 3], ratios=[0.1, 2.0], lr=[8e-3, 4e-3], n=1_000, d=10)


@pytest.mark.parametrize(
    ("claim", "tamper"),
    [
        (flow_is_solved, changed("integral", at(1, 1e-3))),
        (descent_nearly, changed("descent", np.sqrt)),
        (sample_leaves, changed("sample", lambda values: values + 1.0)),
    ],
    ids=ids,
)
def test_claims_three_ways(claim: Claim, tamper: Tampered) -> None:
    three_ways(claim, computed(), tamper)


def test_coarse_steps_and_few_samples_are_not_judged() -> None:
    coarse = changed("lr", lambda lr: 10 * lr)(computed())
    assert descent_nearly.judge(coarse).verdict is NOT_APPLICABLE
    case = computed().case
    few = replace(computed(), case=replace(case, options={**case.options, "n": 100}))
    assert sample_leaves.judge(few).verdict is NOT_APPLICABLE


def test_figure_is_drawn() -> None:
    assert len(drawn(orbits_and_integral, computed()).axes) == 3


def test_an_option_out_of_range_is_refused() -> None:
    with pytest.raises(UsageError, match=r"options\.last .* must"):
        solved_flow(last=0.5)
