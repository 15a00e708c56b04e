from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import pytest

from flowrepro import data
from flowrepro.claims.old_verdict import Verdict
from flowrepro.core.config import override
from flowrepro.core.trajectory import Study
from flowrepro.engines.flow.flow import integrate
from flowrepro.errors import UsageError
from flowrepro.figures.canvas import render
from flowrepro.papers.min2024 import sign_flips, toy_cases

Change = Callable[[Study], Study]
CLAIMS = {claim.id: claim for claim in sign_flips.CLAIMS}
SMALL = override(toy_cases.SIGN_FLIPS, {"options.seeds": 10, "options.ratio": [0.25, 4.0]})
POINTS = data.load(toy_cases.SIX_POINTS.data)


@pytest.fixture(scope="module")
def found() -> Study:
    return Study(SMALL, POINTS, sign_flips.sign_flips(SMALL, POINTS, lambda done, total: None))


def all_flip(found: Study) -> Study:
    return dataclasses.replace(found, arrays={**found.arrays, "a": -found.arrays["a0"]})


def tiny_outputs(found: Study) -> Study:
    return dataclasses.replace(found, arrays={**found.arrays, "a0": 1e-9 * found.arrays["a0"]})


def other_protocol(found: Study) -> Study:
    return dataclasses.replace(found, case=override(found.case, {"n_steps": 10}))


TABLE: dict[str, tuple[Change, Change]] = {
    "flips.dominated": (all_flip, tiny_outputs),
    "flips.share": (all_flip, other_protocol),
}


def test_the_table_covers_every_claim() -> None:
    assert set(TABLE) == set(CLAIMS)


@pytest.mark.parametrize("id", TABLE)
def test_each_claim_three_ways(id: str, found: Study) -> None:
    tamper, leave = TABLE[id]
    function = CLAIMS[id].function
    assert function(found).verdict is Verdict.PASS
    assert function(tamper(found)).verdict is Verdict.FAIL
    assert function(leave(found)).verdict is Verdict.NOT_APPLICABLE


def test_the_prediction_is_that_of_the_flow_within_one_pattern() -> None:
    """Neurons active on all three positive data and no other, with a < 0: the flow flips those that the formula says."""
    W0 = 1e-12 * np.array([[1.0, 0.5], [1.0, 0.0], [1.0, -0.1]])
    for size, flips in ((0.5e-12, True), (2e-12, False)):
        a0 = np.full(3, -size)
        assert sign_flips.predicted(POINTS.X, POINTS.y, W0, a0).tolist() == [flips] * 3
        _, a = integrate(POINTS.X, POINTS.y, W0, a0, toy_cases.SIX_POINTS.loss, 3.0).weights()
        assert (np.sign(a) > 0).tolist() == [flips] * 3


def test_the_figure_and_its_numbers(found: Study) -> None:
    (figure,) = sign_flips.FIGURES
    shown = figure.collect(found)
    np.testing.assert_allclose(shown.mean, sign_flips.flipped(found).mean(axis=(1, 2)))
    assert np.all(np.diff(shown.band, axis=0) >= 0)
    assert render(figure, shown, {}, ["png"])["png"].startswith(b"\x89PNG")


def test_options_out_of_range_are_named() -> None:
    for changes, message in (
        ({"options.ratio": []}, r"options\.ratio"),
        ({"options.seeds": 0}, r"options\.seeds"),
        ({"options.m": 0}, r"init\.m"),
    ):
        with pytest.raises(UsageError, match=message):
            sign_flips.sign_flips(override(SMALL, changes), POINTS, lambda done, total: None)
