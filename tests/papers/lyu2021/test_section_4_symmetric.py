"""Symmetric points: the optimum, the limit and its probability, and the tests of symmetry."""

from __future__ import annotations

import numpy as np
import pytest
from theory_results import Change, asymmetric, changed, last, three_ways, times, with_options

from flowrepro.claims.claim import Claim
from flowrepro.core.config import StudyCase
from flowrepro.core.trajectory import Study
from flowrepro.data import separable
from flowrepro.papers.lyu2021 import geometry
from flowrepro.papers.lyu2021.assumptions import SYMMETRIC_SET
from flowrepro.papers.lyu2021.section_3_flows import FLOW_SYMMETRIC
from flowrepro.papers.lyu2021.section_4_symmetric import (
    PROBABILITY_SYMMETRIC,
    linear_limit,
    optimum_is_linear,
    predicted,
    probability,
)


def one_sign(f: Study) -> Study:
    return changed(f, W=f.arrays["W"] * np.sign(f.arrays["a"])[..., None], a=np.abs(f.arrays["a"]))


@pytest.mark.parametrize(
    ("claim", "case", "broken", "outside"),
    [
        (optimum_is_linear, SYMMETRIC_SET, times("largest", 1.001), asymmetric),
        (linear_limit, FLOW_SYMMETRIC, last("W", 1.1), asymmetric),
        (probability, PROBABILITY_SYMMETRIC, one_sign, with_options(scale=1.0)),
    ],
    ids=lambda value: getattr(value, "id", None),
)
def test_claims(claim: Claim, case: StudyCase, broken: Change, outside: Change) -> None:
    three_ways(claim, case, broken, outside)


def test_the_sign_of_a_growing_neuron() -> None:
    points = separable.symmetric()
    mu = geometry.unit(geometry.mean(points.X, points.y))
    W, a = np.stack([mu, mu, -mu]), np.array([0.5, -2.0, 0.9])
    np.testing.assert_array_equal(predicted(points.X, points.y, W, a), [1, -1, -1])


def test_mirrored() -> None:
    points = separable.symmetric()
    X, y = points.X, points.y
    order = np.random.default_rng(7).permutation(len(y))
    assert geometry.mirrored(X[order], y[order])
    assert not geometry.mirrored(X * np.linspace(1, 1.1, len(y))[:, None], y)
    assert not geometry.mirrored(X, np.ones_like(y))
    assert not geometry.mirrored(X[:-1], y[:-1])
    assert not geometry.mirrored(np.vstack([X, X[:1]]), np.append(y, y[:1]))
