"""The limit and the saddle, three ways each."""

import functools

import pytest
from boursier2022_runs import crooked, departed, judged_three_ways, no_bias, run_of, scaled, states, turned

from flowrepro.claims.verdict import Verdict
from flowrepro.papers.boursier2022 import theorem_1_limit
from flowrepro.papers.boursier2022.closed_form import ClosedForm
from flowrepro.papers.boursier2022.figure_4_five_points import FIVE_POINTS
from flowrepro.papers.boursier2022.figure_5_lazy import LARGER, LAZY
from flowrepro.papers.boursier2022.figures_2_3_toy import TOY

TABLE = [
    (theorem_1_limit.theorem_1, states(scaled(1.01))),
    (theorem_1_limit.proposition_1, states(turned(1.0))),
    (theorem_1_limit.minimal_value, states(turned(5.0))),
]
STATIC = [
    (theorem_1_limit.strict_saddle, ClosedForm, "saddle", crooked),
    (theorem_1_limit.variation_norm_bound, theorem_1_limit, "variation_norm", no_bias),
]
"""Claim, object and name of the ingredient that is made wrong, change that leaves."""
toy = functools.partial(run_of, TOY)


def test_the_tables_cover_every_claim():
    covered = [*(row[0] for row in (*TABLE, *STATIC)), theorem_1_limit.larger_scale]
    assert covered == theorem_1_limit.topic.claims


def test_a_larger_scale_three_ways():
    claim, run = theorem_1_limit.larger_scale, run_of(LARGER)
    judged_three_ways(claim, run, states(scaled(1.05))(run), departed(run))
    assert claim.judge(run_of(LARGER, seed=5)).verdict is Verdict.PASS
    for scale, decisive in ((1e-6, 2), (1.0, 0)):
        other = run_of(LARGER, scale=scale)
        assert claim.judge(other).verdict is Verdict.NOT_APPLICABLE
        failed = [part.verdict is Verdict.FAIL for part in claim.measure(other)]
        assert failed == [k == decisive for k in range(3)], scale


@pytest.mark.parametrize(("claim", "tamper"), TABLE)
def test_three_ways(claim, tamper):
    judged_three_ways(claim, toy(), tamper(toy()), crooked(toy()))


@pytest.mark.parametrize(("claim", "place", "name", "leave"), STATIC)
def test_what_no_run_can_make_wrong_fails_with_a_wrong_ingredient(claim, place, name, leave, monkeypatch):
    right = getattr(place, name)

    def wrong(*args):
        value = right(*args)
        return tuple(1.01 * part for part in value) if isinstance(value, tuple) else 1.01 * value

    assert claim.judge(toy()).verdict is Verdict.PASS
    assert claim.judge(leave(toy())).verdict is Verdict.NOT_APPLICABLE
    monkeypatch.setattr(place, name, wrong)
    assert claim.judge(toy()).verdict is Verdict.FAIL
    assert claim.label == "identity"


@pytest.mark.parametrize("case", [FIVE_POINTS, LAZY], ids=lambda case: case.name)
def test_the_variation_norm_is_bounded_on_the_other_cases(case):
    result = theorem_1_limit.variation_norm_bound.judge(run_of(case))
    assert result.verdict is Verdict.PASS, result.note
