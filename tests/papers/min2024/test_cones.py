"""The geometry of alignment by sampling: each claim passes, fails, or does not apply."""

from __future__ import annotations

import functools

import pytest
from min2024_studies import Change, change, easy, expect, ids, relabelled, with_options

from flowrepro import data
from flowrepro.claims.claim import Claim
from flowrepro.claims.verdict import Verdict
from flowrepro.core.trajectory import Study
from flowrepro.errors import UsageError
from flowrepro.papers.min2024 import cones, hypotheses
from flowrepro.papers.min2024.shared import constants


@functools.cache
def found() -> Study:
    return easy(cones.CONES_10D, samples=500)


TABLE = (
    (cones.pairs, change(lemma5=lambda cosine: cosine * 0.5)),
    (cones.convexity, change(lemma6=lambda inside: ~inside)),
    (cones.inner_cone, change(lemma7=lambda cosine: cosine * 0.5)),
    (cones.caps, change(lemma8=lambda inside: ~inside)),
    (cones.outside_directions, change(lemma9=lambda cosine: cosine + 0.5)),
    (cones.least_force, change(lemma11=lambda ratio: ratio * 0.5)),
)


def test_the_table_covers_every_claim() -> None:
    assert ids([cones.slope, *(claim for claim, _ in TABLE)]) == ids(cones.topic.claims)


@pytest.mark.parametrize(("claim", "tamper"), TABLE)
def test_each_claim_three_ways(claim: Claim, tamper: Change) -> None:
    expect(claim, found(), Verdict.PASS)
    expect(claim, tamper(found()), Verdict.FAIL)
    expect(claim, relabelled(found()), Verdict.NOT_APPLICABLE, "Assumption 1")


@pytest.mark.parametrize("loss", ["exp", "logistic2"])
def test_losses_of_slope_1_satisfy_lemma_2(loss: str) -> None:
    expect(cones.slope, with_options(found(), loss=loss), Verdict.PASS)


def test_another_slope_is_refused_and_would_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    other = with_options(found(), loss="logistic")
    expect(cones.slope, other, Verdict.NOT_APPLICABLE, "Lemma 2")
    monkeypatch.setattr(hypotheses, "SLOPE_ONE", ("exp", "logistic2", "logistic"))
    expect(cones.slope, other, Verdict.FAIL)


@pytest.mark.parametrize(("name", "value"), [("samples", 0), ("loss", "square")])
def test_options_out_of_range_are_named(name: str, value: object) -> None:
    with pytest.raises(UsageError, match=rf"options\.{name}"):
        easy(cones.CONES, **{name: value})


def test_constants_of_six_points() -> None:
    points = data.load(constants.SIX_POINTS)
    found = constants.point_constants(points.X, points.y)
    assert (found.n, found.n_class) == (6, (3, 3))
    assert found.mu == pytest.approx(0.19996, abs=1e-5)
    assert found.xi == pytest.approx(found.mu**2)
    assert found.zeta1 == pytest.approx(0.1221, abs=1e-4)
    assert found.pull == pytest.approx([4.56180, 2.82179], abs=1e-5)
