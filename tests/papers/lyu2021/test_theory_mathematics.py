"""The mathematics behind the statements, against closed forms and independent computations."""

from __future__ import annotations

import dataclasses
from itertools import product

import numpy as np
import pytest
from scipy.linalg import expm
from theory_findings import reduced

from flowrepro import data
from flowrepro.core.network import predict
from flowrepro.data import separable
from flowrepro.errors import DataError, UsageError
from flowrepro.papers.lyu2021 import geometry
from flowrepro.papers.lyu2021.draws import draw, draws
from flowrepro.papers.lyu2021.escape_flows import fastest_stray
from flowrepro.papers.lyu2021.late_records import velocity
from flowrepro.papers.lyu2021.pairs import feasible_pairs
from flowrepro.papers.lyu2021.power_iteration import (
    PowerIteration,
    embed,
    largest_norm,
    two_neurons,
)
from flowrepro.papers.lyu2021.static_analysis import perturbed_margins, principal_direction
from flowrepro.papers.lyu2021.studies import STUDIES

ALPHA = 0.5
RNG = np.random.default_rng(7)
SYMMETRIC, MIDDLE, RIGHT = separable.symmetric(), separable.constant_feature(), separable.hinted()


def test_mirrored() -> None:
    X, y = SYMMETRIC.X, SYMMETRIC.y
    order = RNG.permutation(len(y))
    assert geometry.mirrored(X[order], y[order])
    assert not geometry.mirrored(X * np.linspace(1, 1.1, len(y))[:, None], y)
    assert not geometry.mirrored(X, np.ones_like(y))
    assert not geometry.mirrored(X[:-1], y[:-1])
    twice = np.vstack([X, X[:1]]), np.append(y, y[:1])
    assert not geometry.mirrored(*twice)


def test_the_reweighted_means_are_the_slopes_of_an_aligned_neuron() -> None:
    for sign in (1.0, -1.0):
        best = geometry.one_neuron(RIGHT.X, RIGHT.y, ALPHA, sign)
        assert best is not None
        W, a = sign * best.w[None], np.array([sign])
        aligned = geometry.aligned(RIGHT.X, RIGHT.y, W, a)
        assert aligned.all()
        # near zero every -l'(q) is 1/2, so the first layer moves along a mu^+- (g is normalised by the sum of the weights)
        g, _ = velocity(RIGHT.X, RIGHT.y, 1e-9 * W, 1e-9 * a, ALPHA)
        expected = sign * geometry.one_neuron_mean(RIGHT.X, RIGHT.y, ALPHA, sign)
        np.testing.assert_allclose(g[0] / 1e-9, expected, rtol=1e-9)


def test_kappa_and_the_slack_of_the_published_sets() -> None:
    assert geometry.lag(MIDDLE.X, MIDDLE.y, ALPHA) == pytest.approx(0.3203, abs=1e-4)
    assert geometry.lag(RIGHT.X, -RIGHT.y, ALPHA) < 0
    assert geometry.alignment_slack(MIDDLE.X, MIDDLE.y, ALPHA).min() == pytest.approx(
        0.2246, abs=1e-4
    )
    # the identity behind Lemma G.2: n alpha slack_i is the least of <y_i x_i, v> over the vertices
    Z = RIGHT.y[:, None] * RIGHT.X
    vertices = np.array(list(product((ALPHA, 1.0), repeat=len(Z)))) @ Z
    np.testing.assert_allclose(
        len(Z) * ALPHA * geometry.alignment_slack(RIGHT.X, RIGHT.y, ALPHA),
        (vertices @ Z.T).min(axis=0),
        atol=1e-12,
    )
    np.testing.assert_allclose(
        geometry.cone_margins(RIGHT.X, RIGHT.y, ALPHA),
        (vertices @ Z.T).min(axis=1) / np.linalg.norm(vertices, axis=1),
    )


def test_principal_direction_improves_on_its_candidates() -> None:
    strict = separable.hinted(31.0)
    best = principal_direction(strict.X, strict.y, ALPHA, np.random.default_rng(0), 50)
    assert np.linalg.norm(best) == pytest.approx(1.0)
    assert (
        geometry.principal_slack(strict.X, strict.y, ALPHA, best)
        >= (1 - 1e-9) * geometry.principal_slack(strict.X, strict.y, ALPHA, np.array([1.0, 0.0]))
        > 0
    )
    assert geometry.principal_slack(strict.X, strict.y, ALPHA, np.array([-1.0, 0.0])) == -np.inf


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
    np.testing.assert_allclose(
        predict(RIGHT.X, image_W, image_a, ALPHA), predict(RIGHT.X, W, a, ALPHA), rtol=1e-13
    )
    np.testing.assert_allclose(image_a, b, rtol=1e-13)
    assert largest_norm(image_W, image_a) == pytest.approx(2.0)


def test_draws_do_not_depend_on_their_number() -> None:
    W, a = draws(3, 5, 4, 2, "balanced")
    fewer, _ = draws(3, 2, 4, 2, "balanced")
    np.testing.assert_array_equal(W[:2], fewer)
    np.testing.assert_allclose(np.abs(a), np.linalg.norm(W, axis=-1), rtol=1e-14)
    with pytest.raises(UsageError, match=r"options\.init"):
        draw(np.random.default_rng(0), 2, 2, "uniform")


def test_the_fastest_stray_neuron_is_the_best_on_a_grid() -> None:
    best = geometry.one_neuron(RIGHT.X, RIGHT.y, ALPHA)
    assert best is not None
    p = best.duals / best.duals.sum()
    u, sign, rate = fastest_stray(RIGHT.X, RIGHT.y, ALPHA, best.w, p)
    angles = np.linspace(0, 2 * np.pi, 20001)
    Z = np.stack([np.cos(angles), np.sin(angles)], axis=1) @ RIGHT.X.T
    heights = np.where(Z > 0, Z, ALPHA * Z) @ (p * RIGHT.y)
    assert rate == pytest.approx(np.abs(heights).max(), rel=1e-6)
    assert sign * (np.where(RIGHT.X @ u > 0, 1, ALPHA) * (RIGHT.X @ u)) @ (
        p * RIGHT.y
    ) == pytest.approx(rate, rel=1e-12)
    with pytest.raises(DataError, match="support vectors"):
        fastest_stray(np.eye(13), np.ones(13), ALPHA, np.ones(13), np.full(13, 1 / 13))


def test_feasible_pairs_have_margin_one() -> None:
    U = feasible_pairs(SYMMETRIC.X, SYMMETRIC.y, ALPHA, np.random.default_rng(0), 500)
    q = [
        SYMMETRIC.y * predict(SYMMETRIC.X, np.stack([u[0], -u[1]]), np.array([1.0, -1.0]), ALPHA)
        for u in U
    ]
    np.testing.assert_allclose(np.min(q, axis=1), 1.0, rtol=1e-9)


def test_margins_of_perturbed_networks() -> None:
    best = geometry.one_neuron(MIDDLE.X, MIDDLE.y, ALPHA)
    assert best is not None
    sizes, margins = perturbed_margins(
        MIDDLE.X, MIDDLE.y, ALPHA, best.w, np.random.default_rng(0), 50
    )
    assert sizes.shape == margins.shape
    assert len(margins) > 50
    # nearer networks have nearer margins, and none is above
    assert margins.max() <= best.margin / 2
    assert np.abs(margins[sizes == 1e-4] / (best.margin / 2) - 1).max() < 2e-2


def test_options_out_of_range_are_named() -> None:
    for name, options, key in (
        ("flow-symmetric", {"m": 0}, "m"),
        ("early-symmetric", {"radii": [2.0]}, "radii"),
        ("early-middle", {"ratio": 0.0}, "ratio"),
        ("probability-right", {"widths": []}, "widths"),
        ("two-neurons", {"alpha": 1.0}, "alpha"),
        ("local-maximum", {"m": 1}, "m"),
        ("inequalities", {"points": 1}, "points"),
        ("assumptions-left", {"searches": 0}, "searches"),
        ("escape-right", {"q": 10.0}, "q"),
        ("small-enough", {"scales": [0.0]}, "scales"),
        ("fading-middle", {"seeds": 0.5}, "seeds"),
        ("hint-crossover", {"K": [-1.0]}, "K"),
        ("early-stopping", {"lr": 0.0}, "lr"),
        ("table-optimum", {"sizes": [1]}, "sizes"),
    ):
        case = dataclasses.replace(reduced(name), options={**reduced(name).options, **options})
        with pytest.raises(UsageError, match=rf"options\.{key}"):
            STUDIES[case.computes](
                case, data.load(case.data) if case.data else None, lambda done, total: None
            )
