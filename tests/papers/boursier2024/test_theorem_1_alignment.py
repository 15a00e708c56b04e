"""Early alignment along runs, and the hypotheses of the theorems."""

import dataclasses

import numpy as np
import pytest
from boursier2024_results import (
    MINI_BATCHES,
    OPPOSITE,
    SHRUNK,
    TAU,
    after,
    at,
    copied,
    labels,
    on_run,
    one_turned,
    protocol,
    states,
    trained,
    turned,
)

from flowrepro.claims.claim import NotApplicable
from flowrepro.claims.verdict import Verdict
from flowrepro.papers.boursier2024 import hypotheses
from flowrepro.papers.boursier2024 import theorem_1_alignment as theorem

GROWN = states(lambda W, a, I: (W, 100 * a), after(TAU - 50))
ROWS = [
    on_run(theorem.theorem_1_i, "figure-1", GROWN, SHRUNK),
    on_run(theorem.equation_8, "figure-1", states(turned(20), after(TAU - 50)), SHRUNK),
    on_run(theorem.alignment_ascends, "figure-1", copied(0, TAU), SHRUNK),
    on_run(theorem.settling_time, "phases", states(turned(180), after(1)), OPPOSITE),
    on_run(theorem.theorem_3, "phases", states(turned(180), after(1)), OPPOSITE),
    on_run(theorem.alignment_rate, "figure-1", copied(TAU // 2, TAU), OPPOSITE),
    on_run(theorem.theorem_1_ii, "figure-1", copied(0, TAU), OPPOSITE),
    on_run(theorem.lemma_13, "figure-1", copied(0, TAU), OPPOSITE),
    on_run(theorem.lemma_4, "figure-1", GROWN, OPPOSITE),
]


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_claims_hold_fail_and_do_not_apply(row):
    row.check()


@pytest.mark.parametrize("name", ["figure-1", "phases"])
def test_the_papers_runs_pass(name):
    for claim in theorem.topic.claims:
        judged = claim.judge(trained(name))
        assert judged.verdict is Verdict.PASS, judged.note


def test_a_wrong_constant_fails_lemma_11(monkeypatch):
    right, wrong = theorem.statics, dataclasses.replace
    assert theorem.lemma_11.judge(MINI_BATCHES(trained("figure-1"))).note.startswith("mini-batches")
    monkeypatch.setattr(
        theorem,
        "statics",
        lambda run: wrong(right(run), constants=wrong(right(run).constants, boundary_outer=10.0, boundary_inner=10.0)),
    )
    assert theorem.lemma_11.judge(trained("figure-1")).verdict is Verdict.FAIL


@pytest.mark.parametrize(
    ("hypothesis", "tamper"),
    [
        (hypotheses.fine_step, protocol(lr=0.1)),
        (hypotheses.dominated, SHRUNK),
        (hypotheses.generic, labels(lambda y: 0 * y)),
        (hypotheses.assumption_4, OPPOSITE),
        (hypotheses.assumption_5, labels(lambda y: y * np.array([1.0, 20.0, 1.0]))),
        (hypotheses.assumption_6, labels(lambda y: y * np.array([1.0, 20.0, 1.0]))),
        (hypotheses.some_positive, states(lambda W, a, I: (W, -np.abs(a)), at(0))),
    ],
)
def test_hypotheses_know_what_is_outside(hypothesis, tamper):
    assert hypothesis(trained("figure-1")) is None
    assert hypothesis(tamper(trained("figure-1")))


def test_lemma_17_may_stand_for_assumption_5():
    """Figure 2 violates Assumption 5, yet positive neurons stay active on all data."""
    run = trained("phases")
    assert hypotheses.assumption_5(run)
    assert hypotheses.stays_linear(run) is None
    assert "does not stay active" in hypotheses.stays_linear(states(one_turned(90))(run))


def test_the_largest_usable_exponent():
    assert hypotheses.exponent(trained("phases")) == 0.3
    assert hypotheses.exponent(trained("figure-1")) == 0.2  # lambda* is 1.4e-4 for 0.3
    with pytest.raises(NotApplicable, match="not below"):
        hypotheses.exponent(states(lambda W, a, I: (1e3 * W, 1e3 * a), at(0))(trained("phases")))


def test_scale_is_that_of_equation_5():
    """sqrt(2) times the case's, as E a~^2 = 2, up to the draw."""
    assert hypotheses.scale(trained("phases")) == pytest.approx(np.sqrt(2) * 1e-3, rel=0.1)
