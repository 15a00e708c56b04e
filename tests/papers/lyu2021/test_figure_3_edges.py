"""Figure 3: its claims, and closed forms against Euler's paths."""

from __future__ import annotations

import numpy as np
import pytest
from margin_results import drawn, found, judge_three_ways, times

from flowrepro.papers.lyu2021.figure_3_edges import EDGES, branching, edges, landscapes, unique


def test_claims() -> None:
    judge_three_ways(unique, found(EDGES), {"valley": times(1.01)}, {"step": 1e-2})
    judge_three_ways(branching, found(EDGES), {"euler_ridge": np.abs}, {"step": 1e-2})


def test_closed_forms() -> None:
    arrays = found(EDGES).arrays
    t = arrays["t"]
    assert arrays["ridge"].shape == (7, len(t))
    np.testing.assert_allclose(arrays["ridge"][:, -1], [3, -3, 2, -2, 1, -1, 0])
    np.testing.assert_allclose(arrays["valley"][:, t >= 1], 0.0, atol=1e-12)
    assert arrays["refraction"][0, -1] == pytest.approx(6.0)


def test_eulers_error_is_of_the_order_of_the_step() -> None:
    error = [
        max(np.abs(arrays[f"euler_{kind}"] - arrays[kind]).max() for kind in ("valley", "refraction"))
        for arrays in (edges(step=step) for step in (0.03, 0.003))
    ]
    assert error[1] <= 0.2 * error[0] <= 0.02


def test_the_figure() -> None:
    assert [panel.title for panel in drawn(landscapes, found(EDGES))] == [
        "ridge", "valley", "refraction edge",
    ]  # fmt: skip
