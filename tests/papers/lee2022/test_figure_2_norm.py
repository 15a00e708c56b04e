"""The norm's claims fail on wrong flows, and its figures are drawn."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from flowrepro.claims.claim import Claim
from flowrepro.engines.population import PlanePath, PlaneStart, population_flow
from flowrepro.papers.lee2022 import figure_2_norm
from flowrepro.papers.lee2022.bounds import deficit_of, scalar_norm
from flowrepro.papers.lee2022.figure_2_norm import (
    comparison,
    norms,
    norms_of_three_layers,
    small_norm_bounds,
    theorem_3_3,
    theorem_3_8,
    turns,
)
from flowrepro.papers.lee2022.neuron import Clock, Neuron

from .results import FAIL, NOT_APPLICABLE, drawn, quick_run


@pytest.mark.parametrize(("claim", "name"), [(theorem_3_3, "1l-ln"), (theorem_3_8, "3l-sn")])
def test_fails_on_a_flow_whose_norm_doubles(claim: Claim, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    right = Neuron.flow

    def wrong(self: Neuron) -> PlanePath:
        path = right(self)
        return replace(path, norm=path.norm * np.where(path.t > 0.5 * path.t[-1], 2.0, 1.0))

    monkeypatch.setattr(Neuron, "flow", wrong)
    assert claim.judge(quick_run(name)).verdict is FAIL


def test_small_norm_bounds_do_not_apply_to_a_middle_norm() -> None:
    assert small_norm_bounds.judge(quick_run("1l-mn")).verdict is NOT_APPLICABLE


@pytest.mark.parametrize("factor", [0.2, 2.0])
def test_small_norms_fail_on_a_flow_of_another_norm(factor: float, monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong(start: PlaneStart, t: np.ndarray) -> PlanePath:
        path = population_flow(start, t)
        return replace(path, norm=path.norm * np.where(path.t > 0, factor, 1.0))

    monkeypatch.setattr(figure_2_norm, "population_flow", wrong)
    result = small_norm_bounds.judge(quick_run("1l-sn"))
    assert result.verdict is FAIL


def test_the_comparison_fails_on_flows_in_the_other_order(monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong(start: PlaneStart, clock: Clock, deficit: float) -> np.ndarray:
        return scalar_norm(start, clock, deficit_of(start) - deficit)

    monkeypatch.setattr(figure_2_norm, "scalar_norm", wrong)
    assert comparison.judge(quick_run("2l-mn")).verdict is FAIL


def test_lemma_c_2_needs_a_lipschitz_right_hand_side() -> None:
    t = np.linspace(0.0, 2.0, 50)
    assert np.allclose(np.gradient(t**2, t)[1:-1], 2 * np.sqrt(t**2)[1:-1])
    assert np.all(t[1:] ** 2 > 0), "t^2 and 0 solve x' = 2 sqrt(|x|) and start together"


def test_turns_counts_minima_and_maxima_that_stand_out() -> None:
    t = np.linspace(0.0, 1.0, 200)
    assert turns(t, 1e-9) == turns(-t, 1e-9) == (0, 0)
    assert turns((t - 0.5) ** 2, 1e-9) == (1, 0)
    assert turns(np.sin(8 * t), 1e-9) == (1, 2)
    assert turns(t + 1e-3 * np.sin(60 * t), 1e-2) == (0, 0)


def test_figures_are_drawn() -> None:
    for figure, panels in ((norms, 6), (norms_of_three_layers, 3)):
        assert len(drawn(figure, *map(quick_run, figure.cases)).axes) == panels
