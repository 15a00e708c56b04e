"""Escape from one-neuron networks: exponents, the fastest stray neuron, the figure."""

from __future__ import annotations

import numpy as np
import pytest
from theory_results import Change, changed, found, three_ways, times

from flowrepro.claims.claim import Claim
from flowrepro.core.trajectory import Study
from flowrepro.data import separable
from flowrepro.errors import DataError, UsageError
from flowrepro.figures import canvas
from flowrepro.papers.lyu2021.beyond.escape import (
    MIDDLE_POINTS,
    RIGHT_POINTS,
    SYMMETRIC_POINTS,
    escape,
    exponent,
    exponents,
    fastest_stray,
    growth,
    reaches_optimum,
)
from flowrepro.papers.lyu2021.shared import geometry

ALPHA, RIGHT = 0.5, separable.hinted()


def steeper(f: Study) -> Study:
    return changed(f, ratio=f.arrays["ratio"] * np.sqrt(f.arrays["level"]))


@pytest.mark.parametrize(
    ("claim", "broken", "outside"),
    [(exponent, steeper, times("ratio", np.nan)), (reaches_optimum, times("gamma", 0.9), times("ratio", 0.1))],
    ids=lambda value: getattr(value, "id", None),
)
def test_claims(claim: Claim, broken: Change, outside: Change) -> None:
    three_ways(claim, SYMMETRIC_POINTS, broken, outside)


def test_the_predicted_exponent_of_the_other_sign() -> None:
    theory, fitted = exponents(found(SYMMETRIC_POINTS))
    np.testing.assert_allclose(theory, [(1 - 0.35) / 0.35], rtol=1e-9)
    np.testing.assert_allclose(fitted, theory, rtol=5e-3)


def test_the_fastest_stray_neuron_is_the_best_on_a_grid() -> None:
    best = geometry.one_neuron(RIGHT.X, RIGHT.y, ALPHA)
    assert best is not None
    p = best.duals / best.duals.sum()
    stray = fastest_stray(RIGHT.X, RIGHT.y, ALPHA, best.w, p)
    angles = np.linspace(0, 2 * np.pi, 20001)
    grid = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    Z = np.vstack([stray.u, grid]) @ RIGHT.X.T
    heights = np.where(Z > 0, Z, ALPHA * Z) @ (p * RIGHT.y)
    assert stray.rate == pytest.approx(np.abs(heights[1:]).max(), rel=1e-6)
    assert stray.sign * heights[0] == pytest.approx(stray.rate, rel=1e-12)
    with pytest.raises(DataError, match="support vectors"):
        fastest_stray(np.eye(13), np.ones(13), ALPHA, np.ones(13), np.full(13, 1 / 13))


@pytest.mark.slow
def test_the_figure_is_drawn() -> None:
    results = [found(case) for case in (SYMMETRIC_POINTS, MIDDLE_POINTS, RIGHT_POINTS)]
    picture = growth.collect(*results)
    assert len(picture.panels) == 3
    assert canvas.render(picture, growth.layout, {}, ["svg"], share=growth.share)["svg"].startswith(b"<?xml")


def test_options_out_of_range_are_named() -> None:
    with pytest.raises(UsageError, match=r"options\.q"):
        escape(RIGHT, q=10.0)
