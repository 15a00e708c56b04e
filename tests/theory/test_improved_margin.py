"""Column generation with a local search for columns, against the certified optimum."""

from __future__ import annotations

import numpy as np
import pytest

from flowrepro.data.separable import constant_feature, hinted
from flowrepro.theory.margin import normalised_margin
from flowrepro.theory.margin_global import improved_margin, largest_margin

ALPHA = 0.5


@pytest.mark.parametrize("points", [constant_feature(), hinted()], ids=["three coordinates", "plane"])
def test_it_finds_the_largest_margin_from_one_neuron(points: object) -> None:
    X, y = points.X, points.y  # type: ignore[attr-defined]
    best = largest_margin(X, y, ALPHA)
    found = improved_margin(X, y, np.array([np.eye(X.shape[1])[0]]), np.array([1.0]), ALPHA)
    assert found.lower == pytest.approx(best.upper, rel=1e-6)
    assert found.upper >= best.lower
    assert normalised_margin(X, y, found.W, found.a, ALPHA) == pytest.approx(found.lower)


def test_one_sign_of_output_only() -> None:
    X, y = hinted().X, hinted().y
    best = largest_margin(X, y, ALPHA, outputs=(-1.0,))
    assert np.all(best.a < 0)
    assert best.upper < largest_margin(X, y, ALPHA).lower
