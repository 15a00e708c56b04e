"""Theorems 1 and 3 on random points."""

from __future__ import annotations

import functools
from unittest import mock

import numpy as np
import pytest
from boursier2024_results import CASES

from flowrepro.claims.controls import altered, control_that_fails
from flowrepro.claims.verdict import Verdict
from flowrepro.core.trajectory import Study
from flowrepro.papers import registry
from flowrepro.papers.boursier2024 import theorem_1_other_settings as settings

CLAIMS = settings.topic.claims


@functools.cache
def found(name: str) -> Study:
    """Up to three sets of points for each dimension and slope."""
    case = CASES[name]
    few = {"sets": 3, "losses": ["logistic"], "m": 12} if name == "early-alignment" else {}
    options = {**case.options, **few}
    with mock.patch.object(settings, "MOST_DRAWS", 150):
        arrays = registry.study_of(case)(None, seed=0, progress=lambda *_: None, **options)
    return Study(case, None, {key: np.asarray(value) for key, value in arrays.items()})


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.id)
def test_a_claim_holds_and_a_control_fails(claim):
    (case,) = claim.cases
    result = found(case.name)
    judged = claim.judge(result)
    assert judged.verdict is Verdict.PASS, judged.note
    assert control_that_fails(claim, result) is not None


@pytest.mark.parametrize(
    ("claim", "wrong"),
    [
        (settings.aligned, {"aligned": lambda counts: counts - 1}),
        (settings.aligned, {"misalignment": lambda gap: gap + 1e-5}),
        (settings.aligned, {"extremal": lambda counts: counts - 1}),
        (settings.aligned_beside_saddles, {"judged": lambda counts: counts + 1}),
        (settings.output_weights, {"growth": lambda growth: growth + 0.51}),
        (settings.output_weights, {"dominated": lambda ratio: 1.001 * ratio}),
    ],
)
def test_what_is_wrong_fails(claim, wrong):
    result = found(claim.cases[0].name)
    spoiled = altered(result, **{name: edit(result.arrays[name]) for name, edit in wrong.items()})
    assert claim.judge(spoiled).verdict is Verdict.FAIL


def test_the_settings_go_beyond_the_papers_runs():
    arrays = found("early-alignment").arrays
    plain, saddles = arrays["saddles"] == 0, arrays["saddles"] > 0
    assert saddles.any()
    assert np.any(plain & (arrays["vectors"] > 2) & (arrays["logistic"] > 0))
    assert np.any(plain & (arrays["d"] == 3) & (arrays["slope"] > 0))
    assert np.any(arrays["inactive"] > 0)
    assert np.all(arrays["settles"] < 1)


def test_without_a_set_of_the_kind_it_does_not_apply():
    result = found("early-alignment")
    kept = result.arrays["saddles"] == 0
    plain = altered(result, **{name: array[kept] for name, array in result.arrays.items()})
    judged = settings.aligned_beside_saddles.judge(plain)
    assert judged.verdict is Verdict.NOT_APPLICABLE
    assert "options.sets" in judged.note
    none = altered(result, **{name: array[:0] for name, array in result.arrays.items()})
    for claim in settings.topic.claims[:3]:
        assert claim.judge(none).verdict is Verdict.NOT_APPLICABLE
