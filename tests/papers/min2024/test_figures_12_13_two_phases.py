from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from min2024_results import claims_of, expect, png, trained, with_trajectory

from flowrepro.claims.verdict import Verdict
from flowrepro.core.overrides import override
from flowrepro.core.trajectory import Dataset, Run, Stop, StopReason, Trajectory
from flowrepro.figures import NotDrawable
from flowrepro.figures.declare import Figure
from flowrepro.papers.min2024.figures_12_13_two_phases import BOTH_LAYERS, EPOCH, FIRST_LAYER, topic

CLAIMS = claims_of(topic)
CASES = {"figure-12-two-phases": BOTH_LAYERS, "figure-13-one-phase": FIRST_LAYER}


def phases(id: str) -> Run:
    """A made-up run with the curves of the figure: bumps of directions and norms, or decays."""
    case = CASES[id]
    epoch = np.arange(case.protocol.n_steps // EPOCH + 1)
    if case is BOTH_LAYERS:
        directions = 38 * np.exp(-(((epoch - 148) / 60) ** 2)) + 0.4
        norms = np.where(epoch < 300, 1e-7, 0.69 / (1 + ((epoch - 477) / 20.0) ** 4))
        loss = np.where(epoch < 400, 1.0, 0.1)
    else:
        directions = np.where(epoch == 0, 3e6, 100.0 / (1 + epoch))
        norms = np.where(epoch == 0, 0.0, 0.7 / (1 + epoch))
        loss = 1.0 / (1 + 2 * epoch)
    step, y = epoch * EPOCH, np.repeat([1.0, -1.0], [6_742, 5_923])
    trajectory = Trajectory(
        step=step, t=step * 2e-3, loss=loss, snapshot_step=step[[0, -1]], W=np.zeros((2, 1, 1)),
        a=np.zeros((2, 1)), group=np.arange(1), stop=Stop(StopReason.HORIZON, int(step[-1]), 0.0),
        observed={"directions": directions, "norms": norms},
    )  # fmt: skip
    return Run(case, Dataset(np.ones((len(y), 1)), y, "made up"), trajectory, "torch")


@pytest.mark.parametrize("id", CASES)
def test_each_claim_three_ways(id: str) -> None:
    claim, run = CLAIMS[id], phases(id)
    expect(claim, run, Verdict.PASS)
    seen = run.trajectory.observed
    exchanged = {"directions": seen["norms"], "norms": seen["directions"]}
    expect(claim, with_trajectory(run, observed=exchanged), Verdict.FAIL)
    other = replace(run, case=override(run.case, {"m": 49}))
    expect(claim, other, Verdict.NOT_APPLICABLE)
    few = replace(run, dataset=Dataset(np.ones((100, 1)), np.ones(100), "few"))
    expect(claim, few, Verdict.NOT_APPLICABLE, "steps per epoch")
    blind = with_trajectory(run, observed={})
    expect(claim, blind, Verdict.NOT_APPLICABLE, "record.observe")


@pytest.mark.parametrize("figure", topic.figures, ids=lambda figure: figure.file)
def test_a_few_epochs_of_sgd_are_recorded_and_drawn(figure: Figure) -> None:
    case = BOTH_LAYERS if BOTH_LAYERS.name in figure.cases else FIRST_LAYER
    run = trained(override(case, {"subset": 140, "batch_size": 20, "n_steps": 21}))
    observed, a = run.trajectory.observed, run.trajectory.a
    assert run.trajectory.step.tolist() == [0, 7, 14, 21]
    assert observed["norms"].shape == observed["directions"].shape == (4,)
    assert np.all(observed["directions"] > 0)
    assert np.array_equal(a[0], a[-1]) == (case is FIRST_LAYER)
    assert set(np.abs(a[0])) == {1.0} or case is BOTH_LAYERS
    assert png(figure, run)
    with pytest.raises(NotDrawable, match=r"record\.observe"):
        figure.collect(with_trajectory(run, observed={}))
