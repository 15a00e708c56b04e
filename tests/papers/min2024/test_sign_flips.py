from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from min2024_results import claims_of, computed, expect, png, with_arrays

from flowrepro import data
from flowrepro.claims.verdict import Verdict
from flowrepro.core.overrides import override
from flowrepro.core.trajectory import Study
from flowrepro.engines.flow.flow import integrate
from flowrepro.errors import UsageError
from flowrepro.papers.min2024.beyond.sign_flips import SIGN_FLIPS, flipped, predicted, sign_flips, topic
from flowrepro.papers.min2024.figures_6_to_9_toy import SIX_POINTS

CLAIMS = claims_of(topic)
POINTS = data.load(SIX_POINTS.data)


@pytest.fixture(scope="module")
def found() -> Study:
    return computed(sign_flips, SIGN_FLIPS, seeds=10, ratio=[0.25, 4.0])


def test_each_claim_three_ways(found: Study) -> None:
    all_flip = replace(found, arrays={**found.arrays, "a": -found.arrays["a0"]})
    tiny = with_arrays(found, a0=lambda a0: 1e-9 * a0)
    other = replace(found, case=override(found.case, {"n_steps": 10}))
    for id, outside in (("beyond-flips-dominated", tiny), ("beyond-flips-share", other)):
        expect(CLAIMS[id], found, Verdict.PASS)
        expect(CLAIMS[id], all_flip, Verdict.FAIL)
        expect(CLAIMS[id], outside, Verdict.NOT_APPLICABLE)


def test_the_prediction_is_that_of_the_flow_within_one_pattern() -> None:
    """Neurons active on the positive data only, with a < 0: the flow flips those of the formula."""
    W0 = 1e-12 * np.array([[1.0, 0.5], [1.0, 0.0], [1.0, -0.1]])
    for size, flips in ((0.5e-12, True), (2e-12, False)):
        a0 = np.full(3, -size)
        assert predicted(POINTS.X, POINTS.y, W0, a0).tolist() == [flips] * 3
        _, a = integrate(POINTS.X, POINTS.y, W0, a0, SIX_POINTS.loss, 3.0).weights()
        assert (np.sign(a) > 0).tolist() == [flips] * 3


def test_the_figure_and_its_numbers(found: Study) -> None:
    (figure,) = topic.figures
    band, mean, _ = figure.collect(found).panels[0].marks
    np.testing.assert_allclose(mean.y, flipped(found).mean(axis=(1, 2)))
    assert np.all(band.high >= band.low)
    assert png(figure, found)


@pytest.mark.parametrize("options", [{"ratio": []}, {"seeds": 0}, {"m": 0}, {"ratio": [0.0]}])
def test_options_out_of_range_are_named(options: dict[str, object]) -> None:
    (name,) = options
    with pytest.raises(UsageError, match=rf"options\.{name}"):
        sign_flips(POINTS, **options)
