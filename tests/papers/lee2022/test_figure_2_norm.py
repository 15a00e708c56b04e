"""The norm's claims hold on the paper's runs, fail on spoilt ones and do not apply to others."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from flowrepro.claims.claim import Claim
from flowrepro.core.overrides import override
from flowrepro.engines.population import PlanePath, PlaneStart, population_flow
from flowrepro.papers.lee2022 import figure_2_norm
from flowrepro.papers.lee2022.bounds import deficit_of, scalar_norm
from flowrepro.papers.lee2022.figure_2_norm import (
    balancedness,
    comparison,
    equation_11,
    figure_2_restart,
    figure_2_shape,
    norms,
    norms_of_three_layers,
    small_norm_bounds,
    theorem_3_3,
    theorem_3_8,
    theorem_3_8_descent,
    theorem_a1,
    theorem_a3,
    topic,
    turns,
)
from flowrepro.papers.lee2022.neuron import Clock, Neuron

from .results import (
    FAIL,
    NOT_APPLICABLE,
    PASS,
    Tampered,
    drawn,
    ids,
    judgements,
    outside,
    quick_run,
    shrinking,
    stuck,
    swollen,
    uneven,
)


@pytest.mark.parametrize(("claim", "name"), judgements(topic.claims), ids=ids)
def test_holds_on_the_papers_runs(claim: Claim, name: str) -> None:
    result = claim.judge(quick_run(name))
    assert result.verdict is PASS, result.note


@pytest.mark.parametrize(
    ("claim", "name", "tamper"),
    [
        (theorem_a1, "1l-mn", swollen),
        (theorem_a3, "2l-sn", swollen),
        (theorem_3_8_descent, "3l-mn", swollen),
        (equation_11, "1l-sn", shrinking),
        (figure_2_shape, "1l-sn", shrinking),
        (figure_2_restart, "2l-mn", stuck),
        (balancedness, "2l-mn", uneven),
    ],
    ids=ids,
)
def test_fails_on_a_spoilt_run(claim: Claim, name: str, tamper: Tampered) -> None:
    assert claim.judge(tamper(quick_run(name))).verdict is FAIL


@pytest.mark.parametrize(("claim", "name"), [(theorem_3_3, "1l-ln"), (theorem_3_8, "3l-sn")])
def test_fails_on_a_flow_whose_norm_doubles(
    claim: Claim, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = Neuron.flow

    def wrong(self: Neuron) -> PlanePath:
        path = right(self)
        return replace(path, norm=path.norm * np.where(path.t > 0.5 * path.t[-1], 2.0, 1.0))

    monkeypatch.setattr(Neuron, "flow", wrong)
    assert claim.judge(quick_run(name)).verdict is FAIL


def test_small_norm_bounds_do_not_apply_to_a_middle_norm() -> None:
    assert small_norm_bounds.judge(quick_run("1l-mn")).verdict is NOT_APPLICABLE


@pytest.mark.parametrize("factor", [0.2, 2.0])
def test_small_norms_fail_on_a_flow_of_another_norm(
    factor: float, monkeypatch: pytest.MonkeyPatch
) -> None:
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


@pytest.mark.parametrize("claim", topic.claims, ids=ids)
def test_does_not_apply_outside_the_papers_setting(claim: Claim) -> None:
    for other in outside(quick_run(claim.cases[0].name)):
        assert claim.judge(other).verdict is NOT_APPLICABLE


@pytest.mark.parametrize("claim", [figure_2_shape, figure_2_restart], ids=ids)
def test_observations_are_of_the_papers_flow_time(claim: Claim) -> None:
    run = quick_run("1l-sn")
    result = claim.judge(replace(run, case=override(run.case, {"lr": 0.5 * run.case.protocol.lr})))
    assert result.verdict is NOT_APPLICABLE
    assert "flow time" in result.note


def test_turns_counts_minima_and_maxima_that_stand_out() -> None:
    t = np.linspace(0.0, 1.0, 200)
    assert turns(t, 1e-9) == turns(-t, 1e-9) == (0, 0)
    assert turns((t - 0.5) ** 2, 1e-9) == (1, 0)
    assert turns(np.sin(8 * t), 1e-9) == (1, 2)
    assert turns(t + 1e-3 * np.sin(60 * t), 1e-2) == (0, 0)


def test_figures_are_drawn() -> None:
    for figure, panels in ((norms, 6), (norms_of_three_layers, 3)):
        assert len(drawn(figure, *map(quick_run, figure.cases)).axes) == panels
