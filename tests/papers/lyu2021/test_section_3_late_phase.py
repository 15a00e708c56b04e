"""Theorem 3.1 and its proof on reduced flows."""

from __future__ import annotations

import numpy as np
import pytest
from theory_results import Change, at, found, last, lost, plus, three_ways, times, unlabelled

from flowrepro.claims.claim import Claim
from flowrepro.core.config import StudyCase
from flowrepro.core.trajectory import Study
from flowrepro.errors import UsageError
from flowrepro.papers.lyu2021.section_3_flows import FLOW_MIDDLE, FLOW_SYMMETRIC, late_flows, past
from flowrepro.papers.lyu2021.section_3_late_phase import (
    balanced_neurons,
    conserved_differences,
    critical_value,
    kkt_balance,
    kkt_direction,
    loss_and_norm,
    motion_aligns,
    smoothed_and_true,
    smoothed_margin,
)


def no_end(f: Study) -> Study:
    return lost("q")(f)


@pytest.mark.parametrize(
    ("claim", "case", "broken", "outside"),
    [
        (loss_and_norm, FLOW_MIDDLE, plus("loss_rises", 1), no_end),
        (smoothed_margin, FLOW_MIDDLE, plus("implicit_drop", 1e-3), no_end),
        (smoothed_and_true, FLOW_MIDDLE, times("smoothed", 1.1), unlabelled),
        (kkt_direction, FLOW_MIDDLE, last("W", 1.5), no_end),
        (motion_aligns, FLOW_MIDDLE, at("W", 3, 1.5), no_end),
        (critical_value, FLOW_MIDDLE, times("smoothed", 1.1), no_end),
        (critical_value, FLOW_SYMMETRIC, last("W", 1.1), no_end),
        (conserved_differences, FLOW_SYMMETRIC, at("a", 2, 1.001), no_end),
        (balanced_neurons, FLOW_MIDDLE, at("a", 2, 1.001), at("a", 0, 1.1)),
        (kkt_balance, FLOW_MIDDLE, last("W", 1.1), no_end),
    ],
    ids=lambda value: getattr(value, "id", None),
)
def test_claims(claim: Claim, case: StudyCase, broken: Change, outside: Change) -> None:
    three_ways(claim, case, broken, outside)


def test_records_are_at_their_levels() -> None:
    result = found(FLOW_SYMMETRIC)
    for run in range(len(result.arrays["q"])):
        states = past(result, run, 1e4)
        np.testing.assert_allclose([state.q for state in states], [1e4, 1e6], rtol=1e-6)
        norms = [np.sqrt(np.sum(state.W**2) + np.sum(state.a**2)) for state in states]
        np.testing.assert_allclose([state.rho for state in states], norms, rtol=1e-12)


def test_options_out_of_range_are_named() -> None:
    with pytest.raises(UsageError, match=r"options\.m"):
        late_flows(found(FLOW_SYMMETRIC).dataset, m=0)
    with pytest.raises(UsageError, match=r"options\.init"):
        late_flows(found(FLOW_SYMMETRIC).dataset, init="uniform")
