"""What the flow keeps along any run: PASS on the paper's runs, FAIL on wrong ones, N/A outside."""

import numpy as np
import pytest
from boursier2024_results import MINI_BATCHES, SHRUNK, at, losses, on_run, scaled, states, trained

from flowrepro.claims.verdict import Verdict
from flowrepro.papers.boursier2024 import section_2_flow as flow

ALL_ACTIVE = states(lambda W, a, I: (np.tile([0.0, 1.0], (len(W), 1)), a), at(0))
ROWS = [
    on_run(flow.lemma_1, "phases", states(lambda W, a, I: (W, 1.5 * a)), MINI_BATCHES),
    on_run(flow.signs_kept, "phases", states(lambda W, a, I: (W, -a)), SHRUNK),
    on_run(flow.inactive_neurons, "phases", states(scaled(1 + 1e-15)), ALL_ACTIVE),
    on_run(
        flow.loss_descends,
        "figure-1",
        losses(lambda loss, run: np.append(loss[:-1], loss[0])),
        MINI_BATCHES,
    ),
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
