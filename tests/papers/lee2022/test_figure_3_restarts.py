"""Claims on restarted bounds hold on the paper's runs and fail on spoilt ones."""

from __future__ import annotations

from dataclasses import replace

import pytest

from flowrepro.claims.claim import Claim
from flowrepro.core.overrides import override
from flowrepro.figures import NotDrawable
from flowrepro.papers.lee2022.figure_3_restarts import (
    between_restarted,
    epsilon_falls,
    latest_is_tightest,
    restarted,
    topic,
)

from .results import (
    FAIL,
    NOT_APPLICABLE,
    PASS,
    Tampered,
    drawn,
    ids,
    judgements,
    outside,
    quick_run,
    reopening,
    stuck,
    swollen,
    untaught,
)


@pytest.mark.parametrize(("claim", "name"), judgements(topic.claims), ids=ids)
def test_holds_on_the_papers_runs(claim: Claim, name: str) -> None:
    result = claim.judge(quick_run(name))
    assert result.verdict is PASS, result.note


@pytest.mark.parametrize(
    ("claim", "name", "tamper"),
    [
        (epsilon_falls, "restarts-1l", stuck),
        (latest_is_tightest, "restarts-2l", reopening),
        (between_restarted, "restarts-2l", swollen),
    ],
    ids=ids,
)
def test_fails_on_a_spoilt_run(claim: Claim, name: str, tamper: Tampered) -> None:
    assert claim.judge(tamper(quick_run(name))).verdict is FAIL


@pytest.mark.parametrize("claim", topic.claims, ids=ids)
def test_does_not_apply_outside_the_papers_setting(claim: Claim) -> None:
    run = quick_run("restarts-1l")
    shorter = replace(run, case=override(run.case, {"lr": 0.5 * run.case.protocol.lr}))
    for other in (*outside(run), shorter):
        assert claim.judge(other).verdict is NOT_APPLICABLE
    assert "flow time" in claim.judge(shorter).note


def test_bounds_start_at_the_norm_of_the_steps_that_the_case_names() -> None:
    runs = [quick_run(name) for name in restarted.cases]
    for panel, steps in zip(
        restarted.collect(*runs).panels, ([0, 2.5, 5, 7.5], [0, 0.12, 0.25, 0.5]), strict=True
    ):
        starts = panel.marks[-1]
        assert starts.x.tolist() == steps
        bounds = [mark for mark in panel.marks if mark.label in ("upper bound", "lower bound")]
        for k, norm in enumerate(starts.y):
            for bound in bounds[2 * k : 2 * k + 2]:
                assert bound.y[0] == pytest.approx(norm)
    assert len(drawn(restarted, *runs).axes) == 2
    with pytest.raises(NotDrawable, match="teacher"):
        restarted.collect(*map(untaught, runs))
