"""What the flow keeps along any run: PASS on the paper's runs, FAIL on wrong ones, N/A outside."""

import dataclasses

import numpy as np
import pytest
from boursier2024_results import CASES, MINI_BATCHES, SHRUNK, at, losses, on_run, scaled, states, trained

from flowrepro.claims.verdict import Verdict
from flowrepro.core.overrides import override
from flowrepro.papers.boursier2024 import section_2_flow as flow

ALL_ACTIVE = states(lambda W, a, I: (np.tile([0.0, 1.0], (len(W), 1)), a), at(0))
ROWS = [
    on_run(flow.lemma_1, "phases", states(lambda W, a, I: (W, 1.5 * a)), MINI_BATCHES),
    on_run(flow.signs_kept, "phases", states(lambda W, a, I: (W, -a)), SHRUNK),
    on_run(flow.inactive_neurons, "phases", states(scaled(1 + 1e-15)), ALL_ACTIVE),
    on_run(flow.loss_descends, "figure-1", losses(lambda loss, run: np.append(loss[:-1], loss[0])), MINI_BATCHES),
]


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_claims_hold_fail_and_do_not_apply(row):
    row.check()


@pytest.mark.parametrize("name", ["figure-1", "figure-2", "phases", "dominated", "unbalanced"])
def test_the_papers_runs_pass(name):
    for claim in flow.topic.claims:
        judged = claim.judge(trained(name))
        outside = claim is flow.signs_kept and name == "unbalanced"
        expected = Verdict.NOT_APPLICABLE if outside else Verdict.PASS
        assert judged.verdict is expected, judged.note


@pytest.mark.parametrize(
    ("change", "verdict"),
    [
        ({}, Verdict.FAIL),
        ({"seed": 5, "record.geometric": 1.5}, Verdict.FAIL),
        ({"lr": 1e-5}, Verdict.FAIL),
        ({"lr": 1e-2}, Verdict.NOT_APPLICABLE),
        ({"init.scale": 0.5}, Verdict.NOT_APPLICABLE),
        ({"init.m": 7}, Verdict.NOT_APPLICABLE),
    ],
    ids=str,
)
def test_a_failure_is_the_papers_on_its_own_case_and_below_its_step(change, verdict):
    rising = losses(lambda loss, run: np.append(loss[:-1], loss[0]))(trained("figure-1"))
    changed = dataclasses.replace(rising, case=override(CASES["figure-1"], change))
    judged = flow.loss_descends.judge(changed)
    assert judged.verdict is verdict
    assert verdict is Verdict.FAIL or "lr that the paper does not name" in judged.note
