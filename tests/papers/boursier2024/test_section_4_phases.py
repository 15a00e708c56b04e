"""Phases 2 and 3 along runs, and their figure."""

import dataclasses

import numpy as np
import pytest
from boursier2024_results import (
    LATE,
    OPPOSITE,
    after,
    losses,
    negative,
    on_run,
    one_grown,
    one_turned,
    scaled,
    states,
    trained,
)

from flowrepro.claims.verdict import Verdict
from flowrepro.figures import NotDrawable, canvas
from flowrepro.papers.boursier2024 import section_4_phase_2 as growth
from flowrepro.papers.boursier2024 import section_4_phase_3 as limit


def slower(run):
    t = run.trajectory
    longer = dataclasses.replace(t, snapshot_step=200 * t.snapshot_step)
    return dataclasses.replace(run, trajectory=longer)


def slower_rate(loss, run):
    floor = loss.min()
    return floor + np.maximum(loss - floor, 0.0) ** 0.9


def dip(step, last):
    return 4000 <= step < 4100


def awake(W, a, I):
    """Neurons that nothing moves are active and large."""
    idle = ~I & (a > 0)
    return np.where(idle[:, None], -3000 * W, W), np.where(idle, 3000 * a, a)


TAMPERS = (
    (growth.lemma_5, states(negative(1e3), after(1000))),
    (growth.lemma_6, states(negative(1e3), after(1000))),
    (growth.equation_48, slower),
    (growth.lemma_16, states(lambda W, a, I: (W / 3, 3 * a), after(3600))),
    (growth.lemma_17, states(one_turned(80), after(4000))),
    (growth.lemma_18, states(lambda W, a, I: (W, 0.01 * a), dip)),
    (growth.force_bound, states(scaled(10.0))),
    (growth.positive_stay, states(one_turned(180))),
    (limit.theorem_4, states(scaled(1.01))),
    (limit.lemma_7, states(scaled(1.01))),
    (limit.lemma_19, states(awake, after(3600))),
    (limit.lemma_20, states(one_turned(80))),
    (limit.lemma_21, states(scaled(0.0), after(LATE))),
    (limit.lemma_22, losses(slower_rate)),
    (limit.lemmas_23_24, states(one_grown(3))),
    (limit.corollary_1, states(one_turned(40))),
)
ROWS = [on_run(claim, "figure-1", wrong, OPPOSITE) for claim, wrong in TAMPERS]


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_claims_hold_fail_and_do_not_apply(row):
    row.check()


def test_every_claim_is_broken():
    assert [row.claim for row in ROWS] == [*growth.topic.claims, *limit.topic.claims]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["phases", "figure-2", "dominated"])
def test_the_papers_runs_pass(name):
    run, outside = trained(name), {"lemma-17": Verdict.NOT_APPLICABLE}
    for claim in (*growth.topic.claims, *limit.topic.claims):
        if claim.judges(run.case):
            expected = {**outside, "section-4-positive-stay": Verdict.INFO}.get(claim.id)
            judged = claim.judge(run)
            assert judged.verdict is (expected or Verdict.PASS), judged.note


def test_the_phases_are_drawn_where_there_are_some():
    (figure,) = limit.topic.figures
    picture = figure.collect(trained("phases"))
    norms, loss = picture.panels
    tau, tau_2, tau_3 = (mark.x.item() for mark in norms.marks[3:])
    assert tau < tau_2 < tau_3
    mass = norms.marks[0]
    assert np.interp(tau_2, mass.x, mass.y) == pytest.approx(0.01, rel=0.05)
    assert loss.marks[1].label == "rate 0.1579 of the limit"
    assert canvas.render(picture, figure.layout, {}, ("png",), share=figure.share)["png"].startswith(b"\x89PNG")
    with pytest.raises(NotDrawable, match="does not grow"):
        figure.collect(trained("phases", m=500, n_steps=300))
    with pytest.raises(NotDrawable, match="eq 4"):
        figure.collect(trained("figure-3", m=500, n_steps=6000))
