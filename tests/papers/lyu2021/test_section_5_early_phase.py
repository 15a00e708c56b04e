"""Phases I and II on symmetric points, and the linear flow behind them."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.linalg import expm
from theory_results import Change, asymmetric, found, inseparable, lost, three_ways, times, with_options

from flowrepro.claims.claim import Claim
from flowrepro.core.network import predict
from flowrepro.data import separable
from flowrepro.errors import UsageError
from flowrepro.papers.lyu2021.section_5_early_flows import EARLY_SYMMETRIC, early_phases
from flowrepro.papers.lyu2021.section_5_early_phase import (
    approximate_embedding,
    embedded_pair,
    energy,
    linear_growth,
    lipschitz,
    near_linear,
    pair_from_zero,
    power_iteration,
)
from flowrepro.papers.lyu2021.shared import geometry
from flowrepro.papers.lyu2021.shared.geometry import draw, draws
from flowrepro.papers.lyu2021.shared.power_iteration import PowerIteration, embed, largest_norm, two_neurons

ALPHA = 0.5
SYMMETRIC, RIGHT = separable.symmetric(), separable.hinted()


@pytest.mark.parametrize(
    ("claim", "broken", "outside"),
    [
        (energy, times("near_t", 0.9), asymmetric),
        (energy, times("near_t", 1.2), inseparable),
        (lipschitz, times("near_t", 0.01), asymmetric),
        (linear_growth, times("near_t", -1.0), asymmetric),
        (near_linear, times("near_a", 3.0), inseparable),
        (power_iteration, times("near_a", 3.0), with_options(radii=[10.0, 10.0])),
        (embedded_pair, times("copy_a", 1 + 1e-6), lost("pair_t")),
        (pair_from_zero, times("pair_a", 2.0), with_options(alpha=1.0)),
        (approximate_embedding, times("wide_a", 1.001), times("wide_a", 10.0)),
    ],
    ids=lambda value: getattr(value, "id", None),
)
def test_claims(claim: Claim, broken: Change, outside: Change) -> None:
    three_ways(claim, EARLY_SYMMETRIC, broken, outside)


def test_the_linear_flow_is_a_matrix_exponential() -> None:
    linear = PowerIteration.of(SYMMETRIC.X, SYMMETRIC.y, ALPHA)
    mu = linear.rate * linear.direction
    M = np.block([[np.zeros((2, 2)), mu[:, None]], [mu[None], np.zeros((1, 1))]])
    W, a = draw(np.random.default_rng(1), 4, 2, "gaussian")
    moved = np.column_stack([W, a]) @ expm(3.0 * M).T
    flowed_W, flowed_a = linear.flow(W, a, 3.0)
    np.testing.assert_allclose(flowed_W, moved[:, :2], rtol=1e-12)
    np.testing.assert_allclose(flowed_a, moved[:, 2], rtol=1e-12)


def test_embedding_keeps_the_function() -> None:
    b = np.array([0.3, -1.0, 2.0, -0.1])
    W, a = two_neurons(b, geometry.unit(np.array([1.0, 2.0])))
    image_W, image_a = embed(b, W, a)
    expected = predict(RIGHT.X, W, a, ALPHA)
    np.testing.assert_allclose(predict(RIGHT.X, image_W, image_a, ALPHA), expected, rtol=1e-13)
    np.testing.assert_allclose(image_a, b, rtol=1e-13)
    assert largest_norm(image_W, image_a) == pytest.approx(2.0)


def test_draws_do_not_depend_on_their_number() -> None:
    W, a = draws(3, 5, 4, 2, "balanced")
    fewer, _ = draws(3, 2, 4, 2, "balanced")
    np.testing.assert_array_equal(W[:2], fewer)
    np.testing.assert_allclose(np.abs(a), np.linalg.norm(W, axis=-1), rtol=1e-14)
    with pytest.raises(UsageError, match=r"options\.init"):
        draw(np.random.default_rng(0), 2, 2, "uniform")


def test_options_out_of_range_are_named() -> None:
    with pytest.raises(UsageError, match=r"options\.radii"):
        early_phases(found(EARLY_SYMMETRIC).dataset, radii=[2.0])
