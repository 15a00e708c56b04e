"""The norm's claims hold on the paper's runs, fail on spoilt ones and do not apply to others."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from flowrepro.claims.claim import Claim
from flowrepro.core.config import override
from flowrepro.engines.population import PlanePath
from flowrepro.papers.lee2022.figure_2_norm import (
    balancedness,
    equation_11,
    figure_2_restart,
    figure_2_shape,
    norms,
    norms_of_three_layers,
    theorem_3_3,
    theorem_3_8,
    theorem_3_8_descent,
    theorem_a1,
    theorem_a3,
    topic,
    turns,
)
from flowrepro.papers.lee2022.neuron import Neuron

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
