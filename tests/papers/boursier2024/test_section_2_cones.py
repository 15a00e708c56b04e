"""The analysis of points before training: cones, constants, exact alignment, figures."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from boursier2024_results import (
    UNDECLARED,
    Change,
    Row,
    as_declared,
    changed,
    computed,
    on,
    on_study,
    options,
    small,
    small_case,
    tampered,
)

from flowrepro.claims.verdict import Verdict
from flowrepro.core.config import Data
from flowrepro.core.trajectory import Dataset
from flowrepro.errors import DataError, UsageError
from flowrepro.figures import NotDrawable
from flowrepro.figures.canvas import render
from flowrepro.papers.boursier2024 import appendix_d_constants as constants
from flowrepro.papers.boursier2024 import section_2_cones as cones

DEPENDENT: Change = tampered(generic_independence=np.array(0.0))
NONE_POSITIVE: Change = tampered(assumption_4=np.array(-0.1))
ROWS = [
    on_study(cones.cone_count, "analysis", tampered(cells=np.array(7)), None),
    on_study(cones.lemma_2, "analysis", tampered(generic_boundary=np.array(0.0)), DEPENDENT),
    on_study(cones.lemma_3, "analysis", tampered(extremal_kind=np.array([], dtype="U8")), DEPENDENT),
    on_study(cones.saddles, "analysis", tampered(extremal_kind=np.array(["saddle"])), DEPENDENT),
    on_study(cones.single_extremal_vector, "analysis", tampered(extremal_D=lambda D: 1.01 * D), NONE_POSITIVE),
    on_study(constants.positive_constants, "analysis", tampered(delta_outer=np.array(0.0)), DEPENDENT),
    on_study(constants.settling_bound, "analysis", tampered(settled=lambda t: t + 1e4), options(alpha=0.1)),
    on_study(
        constants.excluded_share,
        "analysis",
        tampered(start_cosine=lambda cosine: np.sign(cosine) * np.abs(cosine) ** 0.1),
        options(alpha=0.1),
    ),
    on_study(constants.products_at_tau, "analysis", tampered(D_max=lambda largest: 3 * largest), NONE_POSITIVE),
    on_study(constants.known_numbers, "analysis-boxes", tampered(D_min=lambda v: 1.001 * v), UNDECLARED, as_declared),
]


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_claims_hold_fail_and_do_not_apply(row: Row) -> None:
    row.check()


def test_orthogonal_points_are_the_exception_of_measure_zero() -> None:
    points = Dataset(np.array([[1.0, 0.0], [0.0, 1.0]]), np.array([1.0, -0.6]), "own")
    own = dataclasses.replace(small_case("analysis"), data=Data(name="file"))
    result = computed(own, points)
    assert result.arrays["generic_boundary"] == 0.0
    for claim in (cones.lemma_2, constants.positive_constants, constants.settling_bound):
        assert claim.judge(result).verdict is Verdict.NOT_APPLICABLE


def test_shares_are_counted_in_the_plane_and_inside_cones() -> None:
    result = small("analysis")
    flat = changed(result, dimension=lambda dimension: 0 * dimension + 1)
    assert "hyperplane" in constants.excluded_share.judge(flat).note
    close = changed(result, alpha_plus=np.array(0.001))
    assert "no alpha_0" in constants.excluded_share.judge(close).note


def test_an_infinite_bound_says_nothing() -> None:
    infinite = changed(small("analysis"), settling_bound=lambda bound: bound + np.inf)
    assert constants.settling_bound.judge(infinite).verdict is Verdict.NOT_APPLICABLE


def test_saddles_are_counted_without_a_claim_in_space() -> None:
    X = np.random.default_rng(0).standard_normal((5, 3))
    result = on(X, np.ones(5))(small("analysis"))
    assert cones.saddles.judge(result).verdict is Verdict.INFO


def test_points_in_space_are_analysed() -> None:
    rng = np.random.default_rng(1)
    space = Dataset(rng.standard_normal((6, 3)), rng.standard_normal(6), "random points")
    result = computed(small_case("analysis"), space)
    assert result.arrays["cells"] == result.arrays["cover_bound"]
    assert result.arrays["start"].shape[1] == 3
    with pytest.raises(NotDrawable, match="span the plane"):
        cones.topic.figures[0].collect(result)
    with pytest.raises(NotDrawable, match="of the plane"):
        constants.topic.figures[0].collect(result)


def test_leaky_activations_have_no_closed_alignment() -> None:
    result = computed(small_case("analysis", alpha=0.2))
    assert result.arrays["start"].size == 0
    assert len(cones.topic.figures[0].collect(result).panels) == 3


def test_an_analysis_refuses_what_it_cannot_answer() -> None:
    with pytest.raises(UsageError, match="alpha"):
        computed(small_case("analysis", alpha=1.0))
    with pytest.raises(DataError, match="all zero"):
        computed(small_case("analysis"), Dataset(np.eye(2), np.zeros(2), ""))


def test_alignment_settles_at_the_rays_last() -> None:
    arrays = small("analysis").arrays
    assert arrays["settled"][:, 0].max() == pytest.approx(3.058, abs=1e-3)
    assert np.all(arrays["settled"][arrays["inactive"].all(axis=1), 0] >= 0)


@pytest.mark.parametrize(
    ("figure", "case"),
    [
        (cones.topic.figures[0], "analysis"),
        (cones.topic.figures[1], "analysis-boxes"),
        (constants.topic.figures[0], "analysis"),
    ],
)
def test_figures_are_drawn(figure, case: str) -> None:  # type: ignore[no-untyped-def]
    image = render(figure.collect(small(case)), figure.layout, {}, ("png",), share=figure.share)["png"]
    assert image.startswith(b"\x89PNG")
