"""Symmetric points: the optimum, the limit and its probability, and the tests of symmetry."""

from __future__ import annotations

import numpy as np
import pytest
from theory_results import Change, asymmetric, changed, found, last, three_ways, times, with_options

from flowrepro.claims.claim import Claim
from flowrepro.claims.verdict import Verdict
from flowrepro.core.config import StudyCase
from flowrepro.core.network import predict
from flowrepro.core.trajectory import Study
from flowrepro.data import separable
from flowrepro.papers.lyu2021.assumptions import SYMMETRIC_SET
from flowrepro.papers.lyu2021.section_3_flows import FLOW_MIDDLE, FLOW_SYMMETRIC
from flowrepro.papers.lyu2021.section_4_symmetric import (
    PROBABILITY_SYMMETRIC,
    linear_bound,
    linear_limit,
    near_optimal,
    optimum_is_linear,
    predicted,
    probability,
    split_neurons,
)
from flowrepro.papers.lyu2021.shared import geometry


def one_sign(f: Study) -> Study:
    return changed(f, W=f.arrays["W"] * np.sign(f.arrays["a"])[..., None], a=np.abs(f.arrays["a"]))


@pytest.mark.parametrize(
    ("claim", "case", "broken", "outside"),
    [
        (optimum_is_linear, SYMMETRIC_SET, times("largest", 1.001), asymmetric),
        (near_optimal, FLOW_SYMMETRIC, last("W", 1.1), asymmetric),
        (near_optimal, FLOW_SYMMETRIC, last("q", 2.0), asymmetric),
        (linear_limit, FLOW_SYMMETRIC, last("W", 1.1), asymmetric),
        (probability, PROBABILITY_SYMMETRIC, one_sign, with_options(scale=1.0)),
    ],
    ids=lambda value: getattr(value, "id", None),
)
def test_claims(claim: Claim, case: StudyCase, broken: Change, outside: Change) -> None:
    three_ways(claim, case, broken, outside)


def test_splitting_lowers_the_margin_without_symmetry() -> None:
    good, other = found(FLOW_SYMMETRIC), found(FLOW_MIDDLE)
    assert split_neurons.judge(good).verdict is Verdict.PASS
    assert split_neurons.judge(other).verdict is Verdict.NOT_APPLICABLE
    lost, _ = split_neurons.measure(other)
    assert lost.verdict is Verdict.FAIL


def test_random_networks_are_as_near_to_linear_as_their_margin_says() -> None:
    points, rng = separable.symmetric(), np.random.default_rng(0)
    best = geometry.separator(points.X, points.y)
    assert best is not None
    probe = geometry.unit(rng.standard_normal((200, 2)))
    target = geometry.linear_target(best.w, 0.5, probe)
    pair, shorts = np.column_stack(geometry.linear_pair(best.w)), []
    for size in (0.3, 0.1, 0.03, 0.01):
        theta = np.concatenate([pair, np.zeros((2, 3))]) + size * rng.standard_normal((4, 3))
        W, a = theta[:, :-1] / np.linalg.norm(theta), theta[:, -1] / np.linalg.norm(theta)
        margin = (points.y * predict(points.X, W, a, 0.5)).min()
        shorts.append(1 - margin / (0.375 * best.margin))
        if not 0 < shorts[-1] < 1:
            continue
        norm = np.linalg.norm(points.X, axis=1).max()
        bound = linear_bound(np.array(shorts[-1]), 0.5, best.margin, norm)
        assert np.abs(predict(probe, W, a, 0.5) - target).max() <= bound
    assert 0 < shorts[-1] < 0.1


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
