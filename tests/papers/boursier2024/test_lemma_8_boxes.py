"""Assumptions 3 to 6 against direct searches, and random points in the boxes."""

from __future__ import annotations

import numpy as np
import pytest
from boursier2024_results import UNDECLARED, Row, as_declared, on_study, options, small, tampered

from flowrepro.claims.verdict import Verdict
from flowrepro.data.points import three_points, three_points_in_boxes
from flowrepro.figures.canvas import render
from flowrepro.papers.boursier2024 import lemma_8_boxes as lemma
from flowrepro.papers.boursier2024.assumptions import (
    assumption_4,
    assumption_5,
    assumption_6,
    box_ends,
    box_slack,
    edge_data,
    middle_coordinates,
)
from flowrepro.papers.boursier2024.lemma_8_boxes import in_boxes
from flowrepro.papers.boursier2024.neurons import residuals
from flowrepro.theory.arrangement import arrangement

ROWS = [
    on_study(
        lemma.lemma_8, "analysis-boxes", tampered(assumption_6=lambda s: -s), tampered(assumption_3=np.array(-0.1))
    ),
    on_study(lemma.lemma_8_samples, "boxes", tampered(residual=lambda r: r - 1.0), options(eta=[0.3])),
    on_study(lemma.lemma_8_assumption_5, "boxes", tampered(ratio=lambda r: r + 1.0), UNDECLARED, as_declared),
    on_study(lemma.theorem_2_boxes, "boxes", tampered(distance=lambda d: d + 1e-3), options(eta=[0.3])),
]


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_claims_hold_fail_and_do_not_apply(row: Row) -> None:
    row.check()


def test_slacks_are_shown_without_a_claim() -> None:
    result = lemma.assumption_slacks.judge(small("analysis"))
    assert result.verdict is Verdict.INFO
    assert "Assumption 6: 0.0305" in result.note


def test_the_figure_is_drawn() -> None:
    (figure,) = lemma.topic.figures
    image = render(figure.collect(small("boxes")), figure.layout, {}, ("png",), share=figure.share)["png"]
    assert image.startswith(b"\x89PNG")


def correlated(seed: int, n: int = 5) -> tuple[np.ndarray, np.ndarray]:
    """Points of the half plane with a constant feature, and positive labels."""
    rng = np.random.default_rng(seed)
    return np.column_stack([rng.uniform(-0.9, 0.9, n), np.ones(n)]), rng.uniform(0.1, 1.0, n)


def circle(count: int) -> np.ndarray:
    angle = 2 * np.pi * (np.arange(count) + 0.5) / count
    return np.column_stack([np.cos(angle), np.sin(angle)])


@pytest.mark.parametrize("seed", range(6))
def test_edge_data_are_those_that_leave_the_all_active_cone_first(seed: int) -> None:
    X, _ = correlated(seed)
    Z = circle(40_000) @ X.T
    inside = np.all(Z > 0, axis=1)
    nearest = np.argmin(np.abs(Z) + np.where(inside[:, None], 0.0, np.inf), axis=1)
    borders = inside & (~np.roll(inside, 1) | ~np.roll(inside, -1))
    assert set(np.flatnonzero(edge_data(arrangement(X)))) == set(nearest[borders])


@pytest.mark.parametrize("seed", range(12))
def test_assumption_6_is_that_of_a_search_over_directions(seed: int) -> None:
    X, y = (
        correlated(seed)
        if seed % 3
        else (
            in_boxes(np.random.default_rng(seed), 1 / 6, 1)[0][0],
            in_boxes(np.random.default_rng(seed), 1 / 6, 1)[1][0],
        )
    )
    cones, r = arrangement(X), residuals(X, y)
    K = edge_data(cones)
    W = circle(20_000)
    Z = W @ X.T
    both = np.any(Z[:, K] > 0.01, axis=1) & np.any(Z[:, K] < -0.01, axis=1)
    pulls = np.sum(((Z > 0) * r) @ X * W, axis=1) / len(y)
    assert (assumption_6(cones, y, K).item_2 > 0) == bool(np.all(pulls[both] > 0))
    assert assumption_6(cones, y, K).residual == pytest.approx(r[K].min())


def test_assumptions_of_the_papers_points() -> None:
    for points, ratio, fulfilled in ((three_points(), 0.4569, False), (three_points_in_boxes(), 1.1741, True)):
        cones = arrangement(points.X)
        K = edge_data(cones)
        assert K.tolist() == [True, False, True]
        assert assumption_5(points.X, points.y, K).ratio == pytest.approx(ratio, abs=1e-4)
        assert (box_slack(points.X, points.y, 1 / 6) >= 0) is fulfilled
        assert assumption_4(points.X, points.y) > 0
        assert assumption_6(cones, points.y, K).slack > 0


def test_assumption_4_fails_for_opposite_dependent_or_few_points() -> None:
    y = np.ones(2)
    assert assumption_4(np.array([[1.0, 0.0], [-1.0, 0.1]]), y) < 0
    assert assumption_4(np.array([[1.0, 0.0], [2.0, 0.0]]), y) == 0
    assert assumption_4(np.array([[0.6, 0.8], [-0.8, 0.6 + 1e-16]]), y) == 0  # rounding
    assert assumption_4(np.array([[1.0, 0.0]]), np.ones(1)) == -np.inf


def test_points_beside_a_box_are_outside_by_their_distance() -> None:
    X, y = in_boxes(np.random.default_rng(0), 1 / 6, 1)
    assert box_slack(X[0], y[0], 1 / 6) >= 0
    moved = y[0].copy()
    moved[1] = -0.25
    assert box_slack(X[0], moved, 1 / 6) == pytest.approx(-0.25)
    assert box_slack(X[0][:2], y[0][:2], 1 / 6) == -np.inf
    on_an_open_end = y[0].copy()
    on_an_open_end[1] = 0.0
    assert box_slack(X[0], on_an_open_end, 1 / 6) < 0
    low, high = box_ends(1 / 6)
    assert np.all(low < high)


def test_the_middle_point_is_the_combination_of_the_outer_ones() -> None:
    X = three_points().X
    first, last = middle_coordinates(X)
    assert first * X[0] + last * X[2] == pytest.approx(X[1])
