"""Assumptions and conserved quantities, three ways each, and on sparse snapshots."""

import functools

import numpy as np
import pytest
from boursier2022_runs import (
    at,
    crooked,
    judged_three_ways,
    no_bias,
    one_sign,
    points,
    protocol,
    run_of,
    scaled,
    states,
    with_snapshots,
)

from flowrepro.claims.verdict import Verdict
from flowrepro.papers.boursier2022 import assumptions
from flowrepro.papers.boursier2022.figure_4_five_points import FIVE_POINTS
from flowrepro.papers.boursier2022.figure_5_lazy import LAZY
from flowrepro.papers.boursier2022.figures_2_3_toy import TOY


def more_inactive(run):
    """Every neuron further on the inactive side of the samples it is inactive on."""

    def change(W, a):
        Z = W @ run.X.T
        return W + 50 * (np.minimum(Z, 0.0) / np.sum(run.X**2, axis=1)) @ run.X, a

    return states(change, lambda step, last: step > 0)(run)


TABLE = [
    (assumptions.assumption_1, points(X=[[-0.5, 1.0], [2.0, 1.2]]), crooked),
    (assumptions.assumption_2, points(y=[-2.0, 1.0]), one_sign),
    (assumptions.assumption_3, states(lambda W, a: (W, np.abs(a)), at(0)), one_sign),
    (assumptions.lemma_1, states(lambda W, a: (W, 1.1 * a)), protocol(**{"loss.reduction": "sum"})),
    (assumptions.epsilon, points(y=[-1.5, 1.0]), one_sign),
    (assumptions.lemma_6, states(scaled(-1)), crooked),
    (assumptions.proposition_2, more_inactive, crooked),
    (assumptions.proposition_2_only_if, states(lambda W, a: (W, 0 * a), lambda step, last: step > 0), crooked),
]
toy = functools.partial(run_of, TOY)


@pytest.mark.parametrize(("claim", "tamper", "leave"), TABLE)
def test_three_ways(claim, tamper, leave):
    judged_three_ways(claim, toy(), tamper(toy()), leave(toy()))


def test_equation_8_three_ways(monkeypatch):
    claim, right = assumptions.equation_8, assumptions.least_variation_norm
    assert claim.judge(toy()).verdict is Verdict.PASS
    assert claim.judge(no_bias(toy())).verdict is Verdict.NOT_APPLICABLE
    monkeypatch.setattr(assumptions, "least_variation_norm", lambda *args: 1.01 * right(*args))
    assert claim.judge(toy()).verdict is Verdict.FAIL
    assert [*(row[0] for row in TABLE), claim] == assumptions.topic.claims


def test_a_run_that_keeps_no_early_snapshots_does_not_decide_proposition_2():
    late = with_snapshots(toy(), [0, 20_000])
    assert assumptions.proposition_2_only_if.judge(late).verdict is Verdict.NOT_APPLICABLE


@pytest.mark.parametrize("case", [FIVE_POINTS, LAZY], ids=lambda case: case.name)
def test_lemma_1_holds_on_the_other_cases(case):
    result = assumptions.lemma_1.judge(run_of(case))
    assert result.verdict is Verdict.PASS, result.note


def test_lemma_1_tells_the_sign_changes_that_descent_cannot_resolve():
    note = assumptions.lemma_1.judge(run_of(FIVE_POINTS)).note
    assert "neurons whose a_j changes sign with a_j^2 above the drift: 0 <= 0" in note
    assert "sign changes with a_j^2 below the drift, which no step resolves: 11" in note


def test_sparse_snapshots_do_not_decide_where_a_neuron_was_deactivated():
    sparse = with_snapshots(toy(), [0, 4_000, 8_000, 15_000, 20_000])
    for claim, reason in ((assumptions.lemma_6, "2 steps before"), (assumptions.proposition_2, "4000 steps apart")):
        result = claim.judge(sparse)
        assert result.verdict is Verdict.NOT_APPLICABLE
        assert reason in result.note


def test_proposition_2_leaves_out_the_intervals_that_tell_nothing():
    steps = toy().trajectory.snapshot_step
    gap = with_snapshots(toy(), steps[(steps <= 300) | (steps >= 1_000)])
    result = assumptions.proposition_2.judge(gap)
    assert result.verdict is Verdict.PASS
    assert "too far apart: 0" not in result.note
    assert "too far apart: 0" in assumptions.proposition_2.judge(toy()).note
