"""Inequalities at random weights: true of any weights, so a wrong ingredient must break them."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from theory_results import Change, found, inseparable, three_ways, times, unlabelled

from flowrepro.claims.claim import Claim
from flowrepro.claims.verdict import Verdict
from flowrepro.errors import UsageError
from flowrepro.papers.lyu2021 import appendix_b_inequalities as appendix
from flowrepro.papers.lyu2021.shared import geometry

(RIGHT,) = (case for case in appendix.topic.cases if case.name == "inequalities-right")


@pytest.mark.parametrize(
    ("claim", "broken", "outside"),
    [
        (appendix.function_bound, None, unlabelled),
        (appendix.linearised_loss, None, unlabelled),
        (appendix.weights_near_half, None, unlabelled),
        (appendix.gradient_bound, None, unlabelled),
        (appendix.progress_to_separator, None, inseparable),
        (appendix.loss_vanishes, times("separated_t", np.nan), times("start_a", 1e-9)),
    ],
    ids=lambda value: getattr(value, "id", None),
)
def test_claims(claim: Claim, broken: Change | None, outside: Change) -> None:
    three_ways(claim, RIGHT, broken, outside)


def test_wrong_ingredients_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    result = found(RIGHT)
    best = geometry.separator(geometry.scaled(result.X), result.y)
    assert best is not None
    with monkeypatch.context() as patch:
        patch.setattr(appendix, "largest_norm", lambda W, a: np.full(len(a), 1e-9))
        for claim in (appendix.function_bound, appendix.linearised_loss, appendix.weights_near_half):
            assert claim.judge(result).verdict is Verdict.FAIL
    with monkeypatch.context() as patch:
        patch.setattr(geometry, "scaled", lambda X: 100 * X)
        assert appendix.gradient_bound.judge(result).verdict is Verdict.FAIL
    wide = dataclasses.replace(best, margin=100 * best.margin)
    with monkeypatch.context() as patch:
        patch.setattr(geometry, "separator", lambda X, y: wide)
        assert appendix.progress_to_separator.judge(result).verdict is Verdict.FAIL


def test_aligned_weights_reach_the_bounds() -> None:
    """Equality in both bounds of Lemma B.10, a quarter of that of Lemma B.14."""
    result = found(RIGHT)
    for part in appendix.function_bound.judge(result).parts:
        assert part.measured == pytest.approx(1.0, abs=1e-12)
    assert appendix.weights_near_half.judge(result).measured == pytest.approx(0.25, abs=1e-3)


def test_options_out_of_range_are_named() -> None:
    with pytest.raises(UsageError, match=r"options\.points"):
        appendix.inequalities(found(RIGHT).dataset, points=1)
