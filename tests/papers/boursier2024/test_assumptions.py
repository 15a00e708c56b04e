"""Assumptions 3 to 6 of boursier2024 against direct searches."""

from __future__ import annotations

import numpy as np
import pytest

from flowrepro.data.points import three_points, three_points_in_boxes
from flowrepro.papers.boursier2024.assumptions import (
    assumption_4,
    assumption_5,
    assumption_6,
    box_slack,
    boxes,
    edge_data,
    middle_coordinates,
)
from flowrepro.papers.boursier2024.box_study import in_boxes
from flowrepro.papers.boursier2024.least_squares import residuals
from flowrepro.theory.arrangement import arrangement


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
    for points, ratio, fulfilled in (
        (three_points(), 0.4569, False),
        (three_points_in_boxes(), 1.1741, True),
    ):
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
    assert assumption_4(np.array([[1.0, 0.0]]), np.ones(1)) == -np.inf


def test_points_beside_a_box_are_outside_by_their_distance() -> None:
    X, y = in_boxes(np.random.default_rng(0), 1 / 6, 1)
    assert box_slack(X[0], y[0], 1 / 6) >= 0
    moved = y[0].copy()
    moved[1] = -0.25
    assert box_slack(X[0], moved, 1 / 6) == pytest.approx(-0.25)
    assert box_slack(X[0][:2], y[0][:2], 1 / 6) == -np.inf
    low, high = boxes(1 / 6)
    assert np.all(low < high)


def test_the_middle_point_is_the_combination_of_the_outer_ones() -> None:
    X = three_points().X
    first, last = middle_coordinates(X)
    assert first * X[0] + last * X[2] == pytest.approx(X[1])
