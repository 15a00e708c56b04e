"""The counterexample to Theorem A.7: exact values, and its claims three ways."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from theory_results import Change, changed, found, three_ways, times, unlabelled

from flowrepro.claims.claim import Claim
from flowrepro.claims.verdict import Verdict
from flowrepro.core.config import StudyCase
from flowrepro.core.trajectory import Study
from flowrepro.data import separable
from flowrepro.papers.lyu2021.beyond import counterexample_a7 as a7
from flowrepro.papers.lyu2021.beyond import random_a7
from flowrepro.papers.lyu2021.shared import geometry, local_optimum
from flowrepro.theory.margin import normalised_margin

ALPHA = 0.5
POINTS = separable.counterexample_a7()


def grown(f: Study) -> Study:
    """The negative neurons grow more slowly than predicted."""
    return changed(f, weak=f.arrays["weak"] * f.arrays["level"] ** -0.1)


def slower_at_small_scales(f: Study) -> Study:
    """The negative neurons of small starts are smaller than predicted."""
    return changed(f, weak=f.arrays["weak"] * f.arrays["scale"][:, None] ** 0.05)


def uncorrected(f: Study) -> Study:
    """The corrected hypothesis holds nowhere, whatever the bracket says."""
    return changed(f, rate=2 * f.arrays["gamma_plus"])


@pytest.mark.parametrize(
    ("claim", "case", "broken", "outside"),
    [
        (a7.assumptions_hold, a7.COUNTEREXAMPLE, times("negative", 1.08), unlabelled),
        (a7.ascends, a7.COUNTEREXAMPLE, times("raised", 0.99), unlabelled),
        (a7.ascends, a7.COUNTEREXAMPLE, times("rate", 1.02), unlabelled),
        (a7.corrected_fails, a7.COUNTEREXAMPLE, times("rate", 0.5), unlabelled),
        (a7.flows_leave, a7.COUNTEREXAMPLE, grown, times("weak", 1e-20)),
        (a7.flows_leave, a7.COUNTEREXAMPLE, times("gamma", 0.99), times("weak", 1e-20)),
        (a7.leaving_law, a7.COUNTEREXAMPLE, slower_at_small_scales, times("weak", 1e-20)),
        (random_a7.on_random_sets, random_a7.RANDOM_SETS, uncorrected, times("negative", 10.0)),
        (random_a7.on_random_sets, random_a7.RANDOM_SETS, times("nearby", 0.5), None),
    ],
)
def test_claims(claim: Claim, case: StudyCase, broken: Change, outside: Change | None) -> None:
    three_ways(claim, case, broken, outside)


def test_the_assumptions_in_rational_arithmetic() -> None:
    Z = [[Fraction(str(y * v)) for v in x] for x, y in zip(POINTS.X, POINTS.y, strict=True)]
    gram = [[sum(u * v for u, v in zip(a, b, strict=True)) for b in Z] for a in Z]
    assert min(map(min, gram)) == Fraction(3, 25)  # so A.2's right-hand side is 0, and A.6 holds
    assert min(map(sum, gram)) / 7 == Fraction(99, 175)
    lengths = []
    for sign in (1.0, -1.0):
        slopes = [Fraction(1) if y == sign else Fraction(1, 2) for y in POINTS.y]
        mu = [sum(s * z[k] for s, z in zip(slopes, Z, strict=True)) for k in range(2)]
        lengths.append(sum(v * v for v in mu))
    assert lengths[0] > lengths[1]  # A.3
    kappa = geometry.lag(POINTS.X, POINTS.y, ALPHA)
    assert (1 - kappa) ** 2 == pytest.approx(float(lengths[1] / lengths[0]), rel=1e-12)


def test_the_one_neuron_network_is_no_local_maximum() -> None:
    own = local_optimum.support(POINTS.X, POINTS.y, ALPHA)
    assert own is not None
    assert own.best.margin**2 == pytest.approx(0.55**2 / 1.0525, rel=1e-12)  # a segment's distance
    assert local_optimum.negative_margin(own, ALPHA) == pytest.approx((0.25, 0.25), rel=1e-8)
    rate, u = local_optimum.negative_rate(own, ALPHA)
    assert rate == pytest.approx(0.96911095, rel=1e-7)
    for share in (1e-1, 1e-2, 1e-3, 1e-4):
        W, a = local_optimum.with_negative_neuron(own, ALPHA, u, share)
        gain = normalised_margin(POINTS.X, POINTS.y, W, a, ALPHA) - own.best.margin / 2
        assert gain == pytest.approx(0.21650188 * share, rel=0.7 * share + 1e-7)
        assert np.linalg.norm(W[1]) ** 2 + a[1] ** 2 == pytest.approx(share, rel=0.1)


@pytest.mark.parametrize("points", [separable.hinted(), separable.constant_feature()])
def test_supports_of_one_class_make_a_local_maximum(points: separable.Dataset) -> None:
    own = local_optimum.support(points.X, points.y, ALPHA)
    assert own is not None
    half = own.best.margin / 2
    assert local_optimum.negative_rate(own, ALPHA)[0] == pytest.approx(ALPHA * own.best.margin)
    assert local_optimum.negative_margin(own, ALPHA) == pytest.approx((ALPHA * half, ALPHA * half))
    assert local_optimum.nearby_margin(own, ALPHA) == pytest.approx((half, half), rel=1e-8)


def test_the_mirrored_support_is_that_of_the_negative_neuron() -> None:
    own = local_optimum.support(POINTS.X, -POINTS.y, ALPHA, -1.0)
    minus = geometry.one_neuron(POINTS.X, -POINTS.y, ALPHA, -1.0)
    assert own is not None
    assert minus is not None
    assert own.best.margin == pytest.approx(minus.margin, rel=1e-12)
    assert local_optimum.negative_rate(own, ALPHA)[0] == pytest.approx(0.96911095, rel=1e-7)


def test_numbers_of_the_random_sets() -> None:
    judgement = random_a7.on_random_sets.judge(found(random_a7.RANDOM_SETS))
    assert judgement.verdict is Verdict.PASS
    counts = {part.note: part.measured for part in judgement.parts}
    assert counts["sets where the printed theorem fails"] == 9
    assert counts["sets with all printed assumptions"] == 17


def test_random_sets_have_all_products_positive() -> None:
    for s in range(20):
        X, y = random_a7._in_a_cone(np.random.default_rng(s), 6, 3, np.pi / 4)
        assert ((y[:, None] * X) @ (y[:, None] * X).T).min() > 0
