"""Two neurons on symmetric points, and the neighbourhood of the optimum."""

from __future__ import annotations

import numpy as np
import pytest
from theory_results import Change, asymmetric, changed, found, last, plus, three_ways, times

from flowrepro.claims.claim import Claim
from flowrepro.core.config import StudyCase
from flowrepro.core.network import predict
from flowrepro.data import separable
from flowrepro.errors import UsageError
from flowrepro.papers.lyu2021.section_5_two_neurons import (
    LOCAL_MAXIMUM,
    PAIRS,
    attracting_optimum,
    feasible_pairs,
    local_maximum,
    pair_monotone,
    two_neuron_feasible,
    two_neuron_limit,
    two_neurons,
)

PLANE = PAIRS[0]


@pytest.mark.parametrize(
    ("claim", "case", "broken", "outside"),
    [
        (two_neuron_limit, PLANE, last("W", 1.1), times("q", 1e-6)),
        (pair_monotone, PLANE, lambda f: changed(f, W=f.arrays["W"][:, ::-1]), asymmetric),
        (
            two_neuron_feasible,
            PLANE,
            times("feasible_u", 0.5),
            lambda f: changed(f, feasible_u=f.arrays["feasible_u"][:0]),
        ),
        (attracting_optimum, LOCAL_MAXIMUM, plus("gap", 1.0), asymmetric),
    ],
    ids=lambda value: getattr(value, "id", None),
)
def test_claims(claim: Claim, case: StudyCase, broken: Change, outside: Change) -> None:
    three_ways(claim, case, broken, outside)


def test_feasible_pairs_have_margin_one() -> None:
    points, a = separable.symmetric(), np.array([1.0, -1.0])
    U = feasible_pairs(points.X, points.y, 0.5, np.random.default_rng(0), 500)
    assert len(U) > 10
    q = [points.y * predict(points.X, np.stack([u[0], -u[1]]), a, 0.5) for u in U]
    np.testing.assert_allclose(np.min(q, axis=1), 1.0, rtol=1e-9)


def test_options_out_of_range_are_named() -> None:
    with pytest.raises(UsageError, match=r"options\.alpha"):
        two_neurons(found(PLANE).dataset, alpha=1.0)
    with pytest.raises(UsageError, match=r"options\.m"):
        local_maximum(found(PLANE).dataset, m=1)
