"""The assumptions on the points, what follows from them, and the searches behind the claims."""

from __future__ import annotations

import dataclasses
from itertools import product

import numpy as np
import pytest
from theory_results import Change, flipped, found, three_ways, times, unlabelled, with_options, with_points

from flowrepro.claims.claim import Claim
from flowrepro.claims.verdict import Verdict
from flowrepro.core.config import StudyCase
from flowrepro.core.trajectory import Study
from flowrepro.data import separable
from flowrepro.errors import UsageError
from flowrepro.papers.lyu2021 import assumptions, hypotheses
from flowrepro.papers.lyu2021.assumptions import MIDDLE_SET, RIGHT_SET, STRICT_SET
from flowrepro.papers.lyu2021.shared import geometry

ALPHA = 0.5
MIDDLE, RIGHT = separable.constant_feature(), separable.hinted()


def hinted(f: Study) -> Study:
    """Points that do not meet the sufficient condition of Theorem 6.2."""
    return found(RIGHT_SET)


def doubled(f: Study) -> Study:
    """Each point twice, too many for an enumeration."""
    return with_points(f, X=np.vstack([f.X, f.X]), y=np.append(f.y, f.y))


@pytest.mark.parametrize(
    ("claim", "case", "broken", "outside"),
    [
        (assumptions.principal_direction_implies, STRICT_SET, None, hinted),
        (assumptions.mean_cone, MIDDLE_SET, None, doubled),
        (assumptions.negative_outputs, MIDDLE_SET, times("negative", 3.0), flipped),
        (assumptions.locally_optimal, MIDDLE_SET, times("nearby", 0.99), flipped),
        (assumptions.locally_optimal, MIDDLE_SET, times("nearby", 1.01), flipped),
        (assumptions.suboptimal_margin, MIDDLE_SET, times("largest", 0.5), with_options(alpha=1.0)),
        (assumptions.sufficient_hints, STRICT_SET, None, hinted),
    ],
    ids=lambda value: getattr(value, "id", None),
)
def test_claims(claim: Claim, case: StudyCase, broken: Change | None, outside: Change) -> None:
    three_ways(claim, case, broken, outside)


def test_a_wrong_slack_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    strict, middle = found(STRICT_SET), found(MIDDLE_SET)
    monkeypatch.setattr(geometry, "alignment_slack", lambda X, y, alpha: np.full(len(y), -1.0))
    assert assumptions.principal_direction_implies.judge(strict).verdict is Verdict.FAIL
    assert assumptions.sufficient_hints.judge(strict).verdict is Verdict.FAIL
    assert assumptions.mean_cone.judge(middle).verdict is Verdict.FAIL


def test_the_assumptions_are_listed_without_a_claim() -> None:
    listed, middle = assumptions.of_the_data, found(MIDDLE_SET)
    assert listed.judge(middle).verdict is Verdict.INFO
    assert listed.judge(unlabelled(middle)).verdict is Verdict.NOT_APPLICABLE


def test_kappa_and_the_slack_of_the_published_sets() -> None:
    assert geometry.lag(MIDDLE.X, MIDDLE.y, ALPHA) == pytest.approx(0.3203, abs=1e-4)
    assert geometry.lag(RIGHT.X, -RIGHT.y, ALPHA) < 0
    slack = geometry.alignment_slack(MIDDLE.X, MIDDLE.y, ALPHA)
    assert slack.min() == pytest.approx(0.2246, abs=1e-4)
    # the identity behind Lemma G.2: n alpha slack_i is the least of <y_i x_i, v> over the vertices
    Z = RIGHT.y[:, None] * RIGHT.X
    vertices = np.array(list(product((ALPHA, 1.0), repeat=len(Z)))) @ Z
    heights = vertices @ Z.T
    slack = len(Z) * ALPHA * geometry.alignment_slack(RIGHT.X, RIGHT.y, ALPHA)
    np.testing.assert_allclose(slack, heights.min(axis=0), atol=1e-12)
    expected = heights.min(axis=1) / np.linalg.norm(vertices, axis=1)
    np.testing.assert_allclose(geometry.cone_margins(RIGHT.X, RIGHT.y, ALPHA), expected)


def test_principal_direction_improves_on_its_candidates() -> None:
    strict = separable.hinted(31.0)
    rng = np.random.default_rng(0)
    best = assumptions.principal_direction(strict.X, strict.y, ALPHA, rng, 50)
    assert np.linalg.norm(best) == pytest.approx(1.0)
    found_slack, own, opposite = (
        geometry.principal_slack(strict.X, strict.y, ALPHA, w)
        for w in (best, np.array([1.0, 0.0]), np.array([-1.0, 0.0]))
    )
    assert found_slack >= (1 - 1e-9) * own > 0
    assert opposite == -np.inf


def on_the_counterexample(f: Study) -> Study:
    """The seven points at which Assumption A.5 holds and Theorem A.7 fails."""
    points = separable.counterexample_a7()
    arrays = assumptions.assumptions(points, searches=10)
    return dataclasses.replace(f, dataset=points, arrays=arrays)


def test_theorem_g_11_fails_where_only_the_printed_assumption_holds() -> None:
    result = on_the_counterexample(found(MIDDLE_SET))
    judgement = assumptions.locally_optimal.judge(result)
    assert judgement.verdict is Verdict.FAIL
    assert judgement.measured == pytest.approx(0.22371866, rel=1e-6)
    holds = assumptions.negative_outputs.judge(result)
    assert holds.verdict is Verdict.PASS
    assert holds.measured == pytest.approx(0.25 / 0.2680536, rel=1e-6)
    limit = assumptions.suboptimal_margin.judge(result)
    assert limit.verdict is Verdict.NOT_APPLICABLE
    assert "false there as printed" in limit.note


def test_assumption_a_5_is_decided_where_the_support_has_both_labels() -> None:
    result = on_the_counterexample(found(MIDDLE_SET))
    assert hypotheses.negatives_fall_short(result) is None
    assert "0.969111" in str(hypotheses.negatives_grow_slower(result))
    # mostly negative support: the other sign alone does as well
    X, y = np.array([[1.0, 0.2], [-0.5, 1.0]]), np.array([-1.0, 1.0])
    fails = hypotheses.negatives_fall_short(with_points(result, X=X, y=y))
    assert "Assumption A.5 fails" in str(fails)


def test_options_out_of_range_are_named() -> None:
    with pytest.raises(UsageError, match=r"options\.searches"):
        assumptions.assumptions(MIDDLE, searches=0)
