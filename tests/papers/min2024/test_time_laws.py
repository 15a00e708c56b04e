"""The laws of t1 and t2."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from min2024_results import claims_of, computed, expect, png, relabelled, with_arrays

from flowrepro.claims.verdict import Verdict
from flowrepro.core.trajectory import Dataset, Study
from flowrepro.errors import UsageError
from flowrepro.figures import NotDrawable
from flowrepro.papers.min2024.beyond.time_laws import (
    ALIGNMENT_TIME,
    FIT_TIME,
    alignment_time,
    alignment_times,
    fit_time,
    fit_times_panel,
    topic,
)

CLAIMS = claims_of(topic)


@pytest.fixture(scope="module")
def fits() -> Study:
    return computed(fit_time, FIT_TIME, m=12, ln_eps=[-8.0, -40.0, -200.0])


@pytest.fixture(scope="module")
def alignments() -> Study:
    return computed(alignment_time, ALIGNMENT_TIME, mu=[1e-1, 1e-4], angles=20)


def test_the_laws_of_the_time_to_fit_three_ways(fits: Study) -> None:
    law, order = CLAIMS["beyond-fit-time-law"], CLAIMS["theorem-1-fit-time-order"]
    for claim, factor in ((law, 1.01), (order, 100.0)):
        expect(claim, fits, Verdict.PASS)
        expect(claim, with_arrays(fits, t2=lambda t, by=factor: by * t), Verdict.FAIL)
        expect(claim, relabelled(fits), Verdict.NOT_APPLICABLE, "Assumption 1")
    one = with_arrays(fits, ln_eps=lambda scales: scales[:1])
    expect(law, one, Verdict.NOT_APPLICABLE, "two scales")


def test_the_law_of_the_alignment_time(alignments: Study) -> None:
    claim = CLAIMS["beyond-alignment-time-law"]
    expect(claim, alignments, Verdict.PASS)
    expect(claim, with_arrays(alignments, t1=lambda t: t + 1e-3), Verdict.FAIL)


def test_figures_are_drawn_where_the_laws_apply(fits: Study, alignments: Study) -> None:
    assert png(fit_times_panel, fits)
    assert png(alignment_times, alignments)
    with pytest.raises(NotDrawable, match="Assumption 1"):
        fit_times_panel.collect(relabelled(fits))


def test_a_class_without_neurons_has_no_time_to_fit(fits: Study) -> None:
    points = Dataset(np.array([[1.0, 0.2], [1.0, -0.2]]), np.ones(2), "one class")
    arrays = fit_time(points, m=6, ln_eps=[-10.0, -20.0], seed=FIT_TIME.seed)
    assert np.all(np.isfinite(arrays["t2"][:, 0]))
    assert np.all(np.isinf(arrays["t2"][:, 1]))
    result = replace(fits, dataset=points, arrays=arrays)
    expect(CLAIMS["beyond-fit-time-law"], result, Verdict.NOT_APPLICABLE)


def test_options_out_of_range_are_named() -> None:
    with pytest.raises(UsageError, match=r"options\.ln_eps"):
        fit_time(None, ln_eps=[])
    with pytest.raises(UsageError, match=r"options\.mu"):
        alignment_time(mu=[2.0])
