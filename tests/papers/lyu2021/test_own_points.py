"""Any set of points: claims, the theorem that applies, the portrait and the table of margins."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from margin_results import computed, drawn, elsewhere, end, found, judge_three_ways, tampered, times

from flowrepro.claims.claim import Claim
from flowrepro.claims.verdict import Verdict
from flowrepro.core.config import Data, StudyCase
from flowrepro.core.trajectory import Dataset
from flowrepro.data.separable import constant_feature, hinted, orthogonally_separable
from flowrepro.papers.lyu2021 import own_points
from flowrepro.papers.lyu2021.figure_1_kkt_networks import LEFT, MIDDLE, RIGHT
from flowrepro.papers.lyu2021.own_points import FLIPPED, ORTHOGONAL, SEPARATOR, applicable, predicted_limit
from flowrepro.papers.lyu2021.shared.geometry import class_separator


@pytest.mark.parametrize(
    ("claim", "spoiled", "outside"),
    [
        (own_points.separator_certificate, {"star_residual": 1e-3}, {}),
        (own_points.largest_margin_bracket, {"largest_upper": times(0.5)}, {}),
        (own_points.trained_margin, {"net_smoothed_margin": end(0.5)}, {"net_switch": -1}),
        (own_points.predicted, {"net_normalised_margin": end(0.99)}, {"net_q_min": times(1e-3)}),
    ],
    ids=lambda value: value.id if isinstance(value, Claim) else "",
)
def test_claims(claim: Claim, spoiled: dict[str, Any], outside: dict[str, Any]) -> None:
    judge_three_ways(claim, found(SEPARATOR), spoiled, outside)


@pytest.mark.parametrize("case", [LEFT, MIDDLE, RIGHT], ids=lambda case: case.name)
@pytest.mark.parametrize("claim", own_points.topic.claims, ids=lambda claim: claim.id)
def test_what_is_said_of_any_points_holds_on_the_examples(claim: Claim, case: StudyCase) -> None:
    if claim.judges(case):
        assert claim.judge(found(case)).verdict in (Verdict.PASS, Verdict.INFO)


SHORT = {"other_sign": np.full(2, 0.5), "other_rate": 0.5}
"""What Assumption A.5 and its correction ask for."""
PREDICTIONS = [
    ({"alpha": 1.0}, {}, "strictly between 0 and 1"),
    ({"scale": 1.0}, {}, "not small"),
    ({}, {"mirrored": False, "alignment": -0.1}, "A.2 fails"),
    ({}, {"mirrored": False, "other_sign": np.ones(2)}, "Assumption A.5 fails"),
    ({}, {"mirrored": False, "other_sign": np.full(2, np.nan)}, "could not be decided"),
    ({}, {"mirrored": False, **SHORT, "other_rate": 1.2}, "false as printed"),
    ({}, {"mirrored": False, **SHORT, "mu_plus": 2.0, "net_a0": -np.ones(10)},
     "no neuron starts"),
    ({}, {"mirrored": False, **SHORT, "net_aligned": np.zeros(10, dtype=bool)},
     "cone test"),
    ({}, {"mu_x_least": 0.0}, "Assumption 4.5"),
    ({}, {"net_a0": np.full(10, 1e3)}, "one sign"),
    ({}, {"net_a": np.append(np.ones(9), -9.0)}, "do not have their shares yet"),
    ({}, {"mirrored": False, **SHORT, "mu_plus": 2.0, "net_a0": np.ones(10),
          "net_aligned": np.ones(10, dtype=bool), "net_a": np.append(np.ones(9), -2.0)},
     "the other sign still hold 0.44"),
]  # fmt: skip


@pytest.mark.parametrize(("options", "arrays", "reason"), PREDICTIONS, ids=[reason for _, _, reason in PREDICTIONS])
def test_where_no_theorem_names_the_limit_the_reason_is_said(
    options: dict[str, Any], arrays: dict[str, Any], reason: str
) -> None:
    result = tampered(elsewhere(found(SEPARATOR), **options), **arrays)
    judged = own_points.predicted.judge(result)
    assert judged.verdict is Verdict.NOT_APPLICABLE
    assert reason in judged.note


def test_theorem_a_10_holds_with_all_labels_flipped() -> None:
    result = computed(FLIPPED, hinted(flipped=True), q=1e4)
    assert predicted_limit(result)[0] == "A.10"
    assert own_points.predicted.judge(result).verdict is Verdict.PASS
    spoiled = tampered(result, net_normalised_margin=end(0.9))
    assert own_points.predicted.judge(spoiled).verdict is Verdict.FAIL


def test_theorem_h_2_names_the_limit_of_relu_on_orthogonally_separable_points() -> None:
    result = computed(ORTHOGONAL, orthogonally_separable(), q=1e4)
    assert predicted_limit(result) == ("H.2", pytest.approx(0.0716555, abs=1e-7), "orthogonal")
    judged = own_points.predicted.judge(result)
    assert judged.verdict is Verdict.PASS
    assert "of the largest margin: 1;" in judged.note
    for wrong in ({"net_normalised_margin": end(0.99)}, {"net_a": np.append(np.ones(9), -9.0)}):
        assert own_points.predicted.judge(tampered(result, **wrong)).verdict is not Verdict.PASS
    leaky = elsewhere(result, alpha=1.0)
    assert "on orthogonally separable points" in own_points.predicted.judge(leaky).note


def test_a_class_without_points_has_no_separator_and_a_mixed_one_none() -> None:
    X, y = np.array([[1.0, 0.0], [-1.0, 0.0]]), np.ones(2)
    np.testing.assert_array_equal(class_separator(X, y, -1.0), 0.0)
    assert np.all(np.isnan(class_separator(X, y, 1.0)))
    np.testing.assert_allclose(class_separator(2 * X, np.array([1.0, -1.0]), 1.0), [0.5, 0.0])


@pytest.mark.parametrize("change", [{"scale": 1e-3}, {"m": 12}, {"alpha": 0.4}])
def test_packaged_points_under_another_setting_accuse_no_theorem(change: dict[str, Any]) -> None:
    result = tampered(found(SEPARATOR), net_normalised_margin=end(0.9))
    assert own_points.predicted.judge(result).verdict is Verdict.FAIL
    smaller = elsewhere(result, scale=1e-8, q=1e5)
    assert own_points.predicted.judge(smaller).verdict is Verdict.FAIL
    assert own_points.predicted.judge(elsewhere(result, **change)).verdict is not Verdict.FAIL


def test_a_scale_that_is_not_small_enough_accuses_no_theorem_on_own_points() -> None:
    result = tampered(found(SEPARATOR), net_normalised_margin=0.9 * found(SEPARATOR).arrays["net_normalised_margin"])
    assert own_points.predicted.judge(result).verdict is Verdict.FAIL
    own = dataclasses.replace(result.case, data=Data(name="file", options={"path": "own.csv"}))
    judged = own_points.predicted.judge(dataclasses.replace(result, case=own))
    assert judged.verdict is Verdict.NOT_APPLICABLE
    assert "options.scale" in judged.note


def test_which_theorem_applies() -> None:
    assert predicted_limit(found(SEPARATOR))[0] == "4.3"
    small = {"m": 10, "init": "balanced", "scale": 1e-6, "method": "flow", "q": 1e4}
    middle = computed(MIDDLE, **small)
    assert predicted_limit(middle) == ("A.7", pytest.approx(0.1118034, abs=1e-7), "plus")
    flipped = constant_feature()
    limit = predicted_limit(computed(MIDDLE, Dataset(flipped.X, -flipped.y, ""), **small))
    assert limit == ("A.10", pytest.approx(0.1118034, abs=1e-7), "minus")
    assert list(applicable(found(SEPARATOR))) == ["3.1", "4.2", "4.3"]
    assert list(applicable(middle)) == ["3.1", "A.7"]
    orthogonal = computed(SEPARATOR, orthogonally_separable(), q=10.0, alpha=0.0)
    assert list(applicable(orthogonal)) == ["3.1", "H.2"]
    assert not computed(SEPARATOR, hinted(), q=10.0).arrays["orthogonally_separable"]


def test_the_portrait() -> None:
    assert len(drawn(own_points.portrait, found(SEPARATOR))) == 2


def test_the_portrait_of_points_on_a_line() -> None:
    points = Dataset(np.array([[1.0], [2.0], [-3.0]]), np.array([1.0, 1.0, -1.0]), "")
    plane, _ = drawn(own_points.portrait, computed(SEPARATOR, points, q=100.0))
    positive, negative = plane.marks[-2:]
    np.testing.assert_allclose(np.abs([*positive.x, *negative.x]), [1.0, 2.0, 3.0])
    np.testing.assert_array_equal([*positive.y, *negative.y], 0.0)


def test_the_table_of_margins() -> None:
    lines = own_points.margins.lines(found(SEPARATOR))
    assert [line[2] for line in lines[:2]] == pytest.approx([1.0, 1.0])
    assert len(lines) == 5
    assert all(len(line) == len(own_points.margins.header) for line in lines)
    # a single ReLU neuron does not separate two classes
    relu = own_points.margins.lines(computed(SEPARATOR, alpha=0.0, q=10.0))
    assert [line[0][:3] for line in relu] == ["lar", "lin", "tra"]
