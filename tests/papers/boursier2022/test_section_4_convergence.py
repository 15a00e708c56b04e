"""Phases and exponential convergence, three ways each, and with coarse records."""

import functools

import numpy as np
import pytest
from boursier2022_runs import (
    at,
    copied,
    crooked,
    delayed,
    departed,
    judged_three_ways,
    losses,
    own,
    run_of,
    states,
    thinned,
    train,
    with_snapshots,
)

from flowrepro.claims.verdict import Verdict
from flowrepro.core.overrides import override
from flowrepro.papers.boursier2022 import assumptions, theorem_1_limit
from flowrepro.papers.boursier2022 import section_4_convergence as section_4
from flowrepro.papers.boursier2022.figures_2_3_toy import TOY


def nearly_inactive(W, a):
    """Balanced, but almost orthogonal to the labels of their sign: no gradient, a large u."""
    x1, x2 = np.array([-0.5, 1.0]), np.array([2.0, 1.0])
    return np.where((a > 0)[:, None], -x1 + 1e-6 * x2, -x2 + 1e-6 * x1), 0 * a


short = copied(8_000, 8_001, 30_000)
TABLE = [
    (section_4.logistic_phases, delayed(200), crooked),
    (section_4.half_times, delayed(200), crooked),
    (section_4.lemma_14, states(nearly_inactive, at(8_000)), crooked),
    (section_4.lemma_5, states(nearly_inactive, at(15_000)), short),
    (section_4.theorem_2_rate, losses(lambda loss: loss**1.1), crooked),
    (section_4.theorem_2_path, copied(15_000, 17_000, 17_500), short),
    (section_4.near_saddle, copied(15_000, 6_500, 11_001), departed),
]
toy = functools.partial(run_of, TOY)


def test_the_table_covers_every_claim():
    assert {row[0].id for row in TABLE} == {claim.id for claim in section_4.topic.claims}


@pytest.mark.parametrize(("claim", "tamper", "leave"), TABLE)
def test_three_ways(claim, tamper, leave):
    judged_three_ways(claim, toy(), tamper(toy()), leave(toy()))


TIMED = [section_4.logistic_phases, section_4.half_times, section_4.theorem_2_rate]


def test_when_the_loss_falls_is_judged_only_where_it_was_recorded():
    fine, coarse = thinned(toy(), 100), thinned(toy(), 5_000)
    for claim, *_ in TABLE:
        good = claim.judge(toy()).verdict
        assert (claim.judge(coarse).verdict is good) == (claim not in TIMED)
        assert claim not in TIMED or claim.judge(fine).verdict is good


def test_the_saddle_needs_snapshots_near_it():
    sparse = with_snapshots(toy(), [0, 4_000, 8_000, 15_000, 20_000])
    assert "too few" in section_4.near_saddle.judge(sparse).note


def test_the_path_of_a_flow_obeys_its_bound_however_often_it_is_recorded():
    """The trapezoid sum is up to 1.0013 of the bound here, the path is not."""
    steps = np.arange(14_000, 20_001, 20)
    changes = {"snapshots": [0, *steps.tolist()], "geometric": 0}
    run = train(override(TOY, changes), engine="flow")
    for every in (1, 2, 3):
        judged = section_4.theorem_2_path.judge(with_snapshots(run, [0, *steps[::every]]))
        assert judged.verdict is Verdict.PASS
        assert 0.99 < judged.measured < 1
        assert ("1.001" in judged.note) == (every == 3)


def test_own_orthogonal_data_with_several_labels_per_sign():
    """Four orthonormal points: no theorem fails, and these hold."""
    changes = {"n_steps": 120_000, "scale": 1e-12, "save_every": 10, "geometric": 1.05}
    changes["snapshots"] = list(range(96_000, 120_000, 200))
    run = own(np.eye(4), [1.0, 0.6, -0.5, -0.3], changes)
    claims = [claim for topic in (assumptions.topic, theorem_1_limit.topic, section_4.topic) for claim in topic.claims]
    verdicts = {claim.id: claim.judge(run).verdict for claim in claims}
    assert Verdict.FAIL not in verdicts.values()
    for claim in (
        *(assumptions.lemma_1, assumptions.lemma_6, assumptions.proposition_2),
        *(section_4.logistic_phases, section_4.half_times, section_4.lemma_14),
        *(section_4.lemma_5, section_4.theorem_2_path, theorem_1_limit.strict_saddle),
    ):
        assert verdicts[claim.id] is Verdict.PASS, claim.id
