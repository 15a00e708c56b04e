"""Condition 2: neurons that their force holds stay, from random starts; and the neuron of Example 1."""

from __future__ import annotations

import functools

import numpy as np
import pytest
from boursier2024_results import CASES

from flowrepro.claims.controls import altered, control_that_fails
from flowrepro.claims.verdict import Verdict
from flowrepro.core.trajectory import Study
from flowrepro.engines.flow.flow import integrate
from flowrepro.papers import registry
from flowrepro.papers.boursier2024 import condition_2
from flowrepro.theory.stationary import HALF_MEAN_SQUARE

ORTHOGONAL, OBTUSE = np.eye(2), np.array([(1.0, 0.0), (-0.7, 1.0)])


@functools.cache
def found(name: str) -> Study:
    """Two sets of points of the plane."""
    case = CASES[name]
    few = {"sets": 1, "dims": [2], "slopes": [0.0]} if name == "held-neurons" else {}
    options = {**case.options, **few}
    arrays = registry.study_of(case)(None, seed=0, progress=lambda *_: None, **options)
    return Study(case, None, {key: np.asarray(value) for key, value in arrays.items()})


@pytest.mark.parametrize(
    ("claim", "wrong"),
    [
        (condition_2.stays_where_it_is_held, {"left": lambda count: count + 1}),
        (condition_2.example_1, {"flow": lambda w: w + 1e-9}),
        (condition_2.example_1, {"inclusion": lambda error: error + 1e-3}),
    ],
)
def test_a_claim_holds_and_what_is_wrong_fails(claim, wrong):
    result = found(claim.cases[0].name)
    assert claim.judge(result).verdict is Verdict.PASS
    assert claim.label or control_that_fails(claim, result) == "counts"
    spoiled = altered(result, **{name: edit(result.arrays[name]) for name, edit in wrong.items()})
    assert claim.judge(spoiled).verdict is Verdict.FAIL


def test_neurons_are_held_in_cones_and_on_manifolds():
    arrays = found("held-neurons").arrays
    assert np.all(arrays["left"] <= arrays["held"])
    assert np.all(arrays["held"] <= arrays["neurons"])
    assert np.all(arrays["manifold"] <= arrays["held"])
    assert arrays["manifold"].sum() > 10
    assert arrays["entered"].sum() > 10


@pytest.mark.long
@pytest.mark.slow
def test_neurons_are_held_beside_saddle_points_too():
    case = CASES["held-neurons"]
    arrays = registry.study_of(case)(None, seed=0, progress=lambda *_: None, **case.options)
    assert arrays["held"][arrays["saddles"] > 0].sum() > 100
    assert arrays["left"].sum() == 0


def test_a_neuron_that_leaves_is_counted(monkeypatch):
    """The neurons of every other look are turned round."""
    own = condition_2.Trial.flow

    def flow(trial, m, times):
        W, a, rows = own(trial, m, times)
        rows[1::2, :, 1:-1] *= -1
        return W, a, rows

    monkeypatch.setattr(condition_2.Trial, "flow", flow)
    result = found.__wrapped__("held-neurons")
    assert condition_2.stays_where_it_is_held.judge(result).verdict is Verdict.FAIL


def test_without_a_neuron_that_is_held_it_does_not_apply():
    result = found("held-neurons")
    none = altered(result, **{name: array[:0] for name, array in result.arrays.items()})
    assert condition_2.stays_where_it_is_held.judge(none).verdict is Verdict.NOT_APPLICABLE


@pytest.mark.parametrize(
    ("X", "slope", "stays"),
    [(ORTHOGONAL, 0.0, True), (OBTUSE, 0.4, False), (OBTUSE, 0.0, False)],
)
def test_from_a_manifold_that_repels_the_flow_may_leave(X, slope, stays):
    """The least force on <w, x_1> = 0 is along it in all three. Where the side that the convention
    relu'(0) = 0 counts has no pull off it, the neuron stays; else it leaves at once."""
    W, a = np.array([[0.0, 5e-7]]), np.array([1e-6])
    path = integrate(X, np.ones(2), W, a, HALF_MEAN_SQUARE, np.linspace(0, 20, 6), slope)
    heights = path.Y[:, 0, 1:-1] @ X[0]
    assert heights[0] == 0
    assert np.all(heights == 0) == stays
