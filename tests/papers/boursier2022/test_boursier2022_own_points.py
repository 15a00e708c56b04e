"""Own points: what is judged of them, where a scale or a step decides, and what is left open."""

import dataclasses

import numpy as np
import pytest
from boursier2022_runs import OWN, own, run_of, scaled, states, study_of

from flowrepro.claims.verdict import Verdict
from flowrepro.core.trajectory import Dataset, Study
from flowrepro.papers.boursier2022 import appendix_b_lemmas as lemmas
from flowrepro.papers.boursier2022 import assumptions, hypotheses, theorem_1_limit
from flowrepro.papers.boursier2022.appendix_b_flow import LOG_SCALE, log_scale
from flowrepro.papers.boursier2022.figures_2_3_toy import TOY

THREE = np.eye(3), np.array([1.0, 0.7, -0.4])
FIVE = np.eye(5), np.array([1.0, 0.9, 0.3, -0.8, -0.6])


def studied(X, y, *, seed=0, **options):
    case = dataclasses.replace(LOG_SCALE, data=OWN, options={**LOG_SCALE.options, **options})
    arrays = log_scale(Dataset(X, y, "own points"), seed=seed, **case.options)
    return Study(case, Dataset(X, y, "own points"), arrays)


def test_marks_of_flows_that_are_not_unique_are_no_deactivations():
    """The flow of seed 1 has marks revival_ambiguous later on; the last deactivation is at 4.768."""
    study = studied(*THREE, p=[60], seeds=2)
    expected = [[2.6282847, 5.8360483], [3.9412433, 4.7681101]]
    np.testing.assert_allclose(study.arrays["settled"], expected, atol=2e-7)
    np.testing.assert_allclose(study.arrays["settled_predicted"], expected, atol=2e-7)
    (claim,) = (each.claim for each in lemmas.LEMMAS if each.name == "Lemma 7 (iii)")
    assert claim.judge(study).verdict is Verdict.PASS


def test_a_lemma_for_scales_below_lambda_star_is_judged_below_those_where_it_fails():
    (claim,) = (each.claim for each in lemmas.LEMMAS if each.name == "Fact 1")
    both = claim.judge(studied(*FIVE, seed=1, p=[300, 150], seeds=1))
    assert both.verdict is Verdict.PASS
    assert "not judged: scales 10^-p, up to p: 150" in both.note
    alone = claim.judge(studied(*FIVE, seed=1, p=[150], seeds=1))
    assert alone.verdict is Verdict.NOT_APPLICABLE
    assert "1e-150" in alone.note
    assert "lambda*" in alone.note


def test_what_holds_at_every_scale_fails_on_own_points_too():
    study = studied(*THREE, p=[8], seeds=1)
    again = dataclasses.replace(study, arrays={**study.arrays, "activations": np.array([2])})
    (claim,) = (each.claim for each in lemmas.LEMMAS if each.name == "Lemma 6")
    assert claim.judge(again).verdict is Verdict.FAIL


def test_the_points_of_the_paper_have_no_excuse():
    study = study_of(LOG_SCALE, p=[100], seeds=1)
    far = dataclasses.replace(study, arrays={**study.arrays, "to_saddle": study.arrays["to_saddle"] + 1})
    (claim,) = (each.claim for each in lemmas.LEMMAS if each.name == "Fact 1")
    assert claim.judge(far).verdict is Verdict.FAIL


def test_a_coarse_step_is_named_with_the_remedy_and_the_flow_has_none():
    run = own(np.diag([3.0, 0.5]), [1.0, -2.0])
    reason = hypotheses.fine_step(run)
    assert "dt ||D_+|| = 0.003 > 0.0025" in reason
    assert "set lr=8e-04" in reason
    assert hypotheses.fine_step(own(run.X, run.y, {"lr": 8e-4})) is None
    assert hypotheses.fine_step(dataclasses.replace(run, engine="flow")) is None


def test_small_neurons_are_compared_with_rounding():
    """Inactive neurons of five rotated points come back in descent from 1e-12 (pairs counted)."""
    Q = np.linalg.qr(np.random.default_rng(0).standard_normal((20, 20)))[0][:5]
    y = [1.0, 0.8, -0.9, -0.85, 0.3]
    changes = {"n_steps": 120_000, "geometric": 1.05, "save_every": 1000}
    run = own(Q, y, {**changes, "scale": 1e-12})
    assert next(iter(assumptions.lemma_6.measure(run))).measured > 0
    result = assumptions.lemma_6.judge(run)
    assert result.verdict is Verdict.NOT_APPLICABLE
    assert "init.scale" in result.note
    assert hypotheses.tells_inactive(dataclasses.replace(run, engine="flow")) is None


@pytest.mark.parametrize(
    ("X", "scale", "told"),
    [
        (np.eye(5), 1e-30, True),  # no rounding
        ([[0.6, 0.8], [-0.8, 0.6]], 1e-30, True),  # labels of the other sign push a neuron back
        ([[1.0, 1e-13], [0.0, 1.0]], 1e-12, False),
        ([[1.0, 1e-13], [0.0, 1.0]], 1e-4, True),
    ],
)
def test_orthogonality_is_compared_with_the_scale(X, scale, told):
    run = own(X, np.array([1.0, -0.5, 0.7, 0.4, -0.8])[: len(X)], {"scale": scale, "n_steps": 2})
    assert (hypotheses.tells_inactive(run) is None) == told


def test_a_limit_that_is_off_fails_on_the_papers_points_only():
    shifted = states(scaled(1.1))(run_of(TOY))
    assert theorem_1_limit.theorem_1.judge(shifted).verdict is Verdict.FAIL
    user = dataclasses.replace(shifted, case=dataclasses.replace(shifted.case, data=OWN))
    result = theorem_1_limit.theorem_1.judge(user)
    assert result.verdict is Verdict.NOT_APPLICABLE
    assert "lambda = " in result.note


def test_a_loss_that_does_not_fall_allows_no_drift():
    run = own(*FIVE, {"scale": 1e-30, "n_steps": 100})
    assert "does not fall" in assumptions.lemma_1.judge(run).note
