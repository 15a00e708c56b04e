"""Lemmas 1, 3 and 4 along leaky flows: each claim passes, fails, or does not apply."""

from __future__ import annotations

import functools

import numpy as np
import pytest
from min2024_studies import Change, change, computed, expect, with_options

from flowrepro.claims.claim import Claim
from flowrepro.claims.verdict import Verdict
from flowrepro.core.config import StudyCase
from flowrepro.core.trajectory import Study
from flowrepro.errors import NumericalError
from flowrepro.papers.min2024 import remark_5_leaky as leaky


@functools.cache
def flow() -> Study:
    return computed(leaky.LEAKY, m=12, points=400)


def swollen(Y: np.ndarray) -> np.ndarray:
    Y[1:, :, 0] += 10.0
    return Y


def other_slope(result: Study) -> Study:
    return with_options(result, **{"options.alpha": 0.0})


@pytest.mark.parametrize(
    ("claim", "tamper"),
    [
        (leaky.leaky_norms, change(Y=swollen)),
        (leaky.leaky_approximation, change(Y=swollen)),
        (leaky.leaky_directions, change(t=lambda t: 0.5 * t)),
        (leaky.leaky_directions, other_slope),
    ],
)
def test_holds_and_notices_tampering(claim: Claim, tamper: Change) -> None:
    expect(claim, flow(), Verdict.PASS)
    expect(claim, tamper(flow()), Verdict.FAIL)


@pytest.mark.parametrize("case", [leaky.LEAKY_10D, leaky.LEAKY_SQUARE])
def test_other_losses_and_ten_dimensions(case: StudyCase) -> None:
    result = computed(case, m=12, points=400)
    for claim in leaky.topic.claims:
        expect(claim, result, Verdict.PASS)


@pytest.mark.parametrize("claim", leaky.topic.claims)
def test_does_not_apply_to_a_loss_of_another_slope(claim: Claim) -> None:
    other = with_options(flow(), **{"options.loss": "logistic"})
    expect(claim, other, Verdict.NOT_APPLICABLE, "Lemma 2 does not hold")


@pytest.mark.parametrize("claim", [leaky.leaky_norms, leaky.leaky_approximation])
def test_does_not_apply_to_a_large_start(claim: Claim) -> None:
    large = with_options(flow(), **{"options.ln_eps": 0.0})
    expect(claim, large, Verdict.NOT_APPLICABLE, "not positive")


def test_a_pattern_that_never_stays_decides_nothing() -> None:
    few = change(t=lambda t: t[::399], Y=lambda Y: Y[::399], loss=lambda loss: loss[::399])
    expect(leaky.leaky_directions, few(flow()), Verdict.NOT_APPLICABLE, "options.points")


def test_a_flow_that_ends_early_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leaky, "integrate", functools.partial(leaky.integrate, max_steps=3))
    with pytest.raises(NumericalError, match="the leaky flow ended at"):
        computed(leaky.LEAKY, m=3)
