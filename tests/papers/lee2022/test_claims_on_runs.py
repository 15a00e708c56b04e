"""Claims hold on the paper's runs, fail on spoilt ones and do not apply to others."""

from __future__ import annotations

from dataclasses import replace

import pytest

from flowrepro.claims.claim import Claim
from flowrepro.core.overrides import override
from flowrepro.papers.lee2022 import convergence as ends
from flowrepro.papers.lee2022 import figure_1_angle as angle
from flowrepro.papers.lee2022 import figure_2_norm as norm
from flowrepro.papers.lee2022 import figure_3_restarts as restarts

from . import results
from .results import FAIL, NOT_APPLICABLE, PASS, Tampered, ids, outside, quick_run

CLAIMS = [claim for module in (ends, angle, norm, restarts) for claim in module.topic.claims]
TOO_SHORT = [(ends.convergence, "3l-sn"), (ends.late_rate, "3l-sn"), (angle.corollary_4_3, "3l-sn")]
"""Three layers from a small norm do not align within 100000 steps: the paper's point."""
SPOILT = [
    (ends.convergence, "1l-mn", results.stuck),
    (ends.loss_falls, "1l-ln", results.rising),
    (ends.follows, "2l-ln", results.stuck),
    (ends.late_rate, "1l-mn", results.stopped_late),
    (ends.uniqueness, "1l-mn", results.flat),
    (angle.monotone, "1l-mn", results.hesitating),
    (angle.theorem_a2, "1l-sn", results.stuck),
    (angle.small_norm_angle, "1l-sn", results.stuck),
    (angle.theorem_4_2, "2l-mn", results.stuck),
    (angle.corollary_4_3, "2l-ln", results.stuck),
    (angle.times, "3l-ln", results.stuck),
    (norm.theorem_a1, "1l-mn", results.swollen),
    (norm.theorem_a3, "2l-sn", results.swollen),
    (norm.theorem_3_8_descent, "3l-mn", results.swollen),
    (norm.equation_11, "1l-sn", results.shrinking),
    (norm.figure_2_shape, "1l-sn", results.shrinking),
    (norm.figure_2_restart, "2l-mn", results.stuck),
    (norm.balancedness, "2l-mn", results.uneven),
    (restarts.epsilon_falls, "restarts-1l", results.stuck),
    (restarts.latest_is_tightest, "restarts-2l", results.reopening),
    (restarts.between_restarted, "restarts-2l", results.swollen),
]
OBSERVED = [angle.times, norm.figure_2_shape, norm.figure_2_restart, *restarts.topic.claims]


@pytest.mark.parametrize(("claim", "name"), results.judgements(CLAIMS), ids=ids)
def test_holds_on_the_papers_runs(claim: Claim, name: str) -> None:
    result = claim.judge(quick_run(name))
    expected = NOT_APPLICABLE if (claim, name) in TOO_SHORT else PASS
    assert result.verdict is expected, result.note


@pytest.mark.parametrize(("claim", "name", "tamper"), SPOILT, ids=ids)
def test_fails_on_a_spoilt_run(claim: Claim, name: str, tamper: Tampered) -> None:
    assert claim.judge(tamper(quick_run(name))).verdict is FAIL


@pytest.mark.parametrize("claim", CLAIMS, ids=ids)
def test_does_not_apply_outside_the_papers_setting(claim: Claim) -> None:
    for other in outside(quick_run(claim.cases[0].name)):
        assert claim.judge(other).verdict is NOT_APPLICABLE


@pytest.mark.parametrize("claim", OBSERVED, ids=ids)
def test_observations_are_of_the_papers_flow_time(claim: Claim) -> None:
    run = quick_run("restarts-1l" if claim in restarts.topic.claims else "1l-sn")
    other = replace(run, case=override(run.case, {"lr": 0.5 * run.case.protocol.lr}))
    result = claim.judge(other)
    assert result.verdict is NOT_APPLICABLE
    assert "flow time" in result.note
