"""Figures 10 to 13 and the extreme vectors of pairs of digits: three ways each, and their pictures."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from flowrepro import data, engines
from flowrepro.engines.base import Problem, SaveAt
from flowrepro.engines.base import run as drive
from flowrepro.errors import UsageError
from flowrepro.experiment import Experiment, override
from flowrepro.figures import NotDrawable
from flowrepro.figures.canvas import render
from flowrepro.initialize import initial_weights
from flowrepro.papers.min2024 import digits_observations, digits_rows, pair_laws, two_phases
from flowrepro.papers.min2024.figures import FIGURES
from flowrepro.theory.observables import observer
from flowrepro.theory.result import Check, CheckResult, Verdict
from flowrepro.trajectory import Dataset, Findings, Run, Stop, StopReason, Trajectory

CHECKS: dict[str, Check] = {check.id: check for part in (digits_observations, two_phases, pair_laws) for check in part.CHECKS}
PAIR_ROWS = (digits_rows.DIGITS_3_8, digits_rows.DIGITS_1_7)
PHASE_ROWS = {"F12": digits_rows.BOTH_LAYERS, "F13": digits_rows.FIRST_LAYER}


def trained(row: Experiment, engine: str) -> Run:
    dataset = data.load(row.data)
    problem = Problem.of(row, dataset.X, dataset.y, *initial_weights(row.init, row.seed, dataset.X.shape[1]))
    chosen, _ = engines.choose(engine, problem)
    observe = observer(row.record.observe)(dataset.X, dataset.y, row.loss)
    return Run(row, dataset, drive(chosen, problem, SaveAt.of(row.record, row.protocol.n_steps, observe)), chosen.name)


@functools.cache
def pair_run(row_name: str) -> Run:
    """The paper's run on 1000 of its images, as a flow: the same up to O(lr), in a second."""
    row = next(row for row in PAIR_ROWS if row.name == row_name)
    return trained(override(row, {"subset": 1_000, "rtol": 1e-3}), "smooth-flow")


def judged(id: str, run: Run | Findings) -> CheckResult:
    return CHECKS[id].function(run)


def with_loss(change: Callable[[np.ndarray], np.ndarray]) -> Callable[[Run], Run]:
    return lambda run: replace(run, trajectory=replace(run.trajectory, loss=change(run.trajectory.loss.copy())))


def observing(name: str, change: Callable[[np.ndarray], np.ndarray]) -> Callable[[Run], Run]:
    return lambda run: replace(
        run, trajectory=replace(run.trajectory, observed={**run.trajectory.observed, name: change(run.trajectory.observed[name].copy())})
    )


def bumped(loss: np.ndarray) -> np.ndarray:
    loss[10] *= 1.001
    return loss


def relabelled(run: Run) -> Run:
    return replace(run, dataset=replace(run.dataset, y=np.roll(run.y, len(run.y) // 4)))


TAMPER: dict[str, Callable[[Run], Run]] = {
    "F10.corr": relabelled,
    "F10.align": observing("mean_cos", lambda cosines: cosines * 0.9),
    "F10.plateau": observing("mean_cos", lambda cosines: cosines * 0.98),
    "F10.grow": with_loss(lambda loss: np.where(np.arange(len(loss)) * 20 < 7_500, 1.0, loss)),
    "F10.descent": with_loss(bumped),
    "F10.fit": with_loss(lambda loss: loss * 10),
}


@pytest.mark.parametrize("row", [row.name for row in PAIR_ROWS])
@pytest.mark.parametrize("id", TAMPER)
def test_pairs_of_digits_three_ways(id: str, row: str) -> None:
    run = pair_run(row)
    assert judged(id, run).verdict is Verdict.PASS, judged(id, run)
    assert judged(id, TAMPER[id](run)).verdict is Verdict.FAIL
    elsewhere = replace(run, row=override(run.row, {"positive": 5}))
    assert judged(id, elsewhere).verdict is Verdict.NOT_APPLICABLE


def test_pairs_need_the_records_that_they_read() -> None:
    run = pair_run("digits-1-7")
    whole = run.trajectory
    short = replace(run, trajectory=replace(whole, step=whole.step[:100], t=whole.t[:100], loss=whole.loss[:100]))
    assert "needs iteration" in judged("F10.grow", short).note
    blind = replace(run, trajectory=replace(run.trajectory, observed={}))
    assert "record.observe" in judged("F10.align", blind).note


def test_the_windows_of_the_three_pairs_follow_each_other() -> None:
    windows = [
        next(target.window for target in row.targets if target.what.startswith("first step with loss"))
        for row in (digits_rows.DIGITS_1_0, digits_rows.DIGITS_1_7, digits_rows.DIGITS_3_8)
    ]
    assert all(before is not None and after is not None and before[1] < after[0] for before, after in itertools.pairwise(windows))


# ---- Figures 12 and 13


def phases(id: str) -> Run:
    """A made-up run with the curves of the figure: bumps of directions and norms, apart (12) or at the start (13)."""
    row = PHASE_ROWS[id]
    epoch = np.arange(row.protocol.n_steps // digits_rows.EPOCH + 1)
    if id == "F12":
        directions, norms, loss = 38 * np.exp(-(((epoch - 148) / 60) ** 2)) + 0.4, 0.69 / (1 + ((epoch - 477) / 20.0) ** 4), np.where(epoch < 400, 1.0, 0.1)
        norms = np.where(epoch < 300, 1e-7, norms)
    else:
        directions, norms, loss = np.where(epoch == 0, 3e6, 100.0 / (1 + epoch)), np.where(epoch == 0, 0.0, 0.7 / (1 + epoch)), 1.0 / (1 + 2 * epoch)
    step = epoch * digits_rows.EPOCH
    y = np.repeat([1.0, -1.0], [6_742, 5_923])
    trajectory = Trajectory(
        step=step, t=step * 2e-3, loss=loss, snapshot_step=step[[0, -1]], W=np.zeros((2, 1, 1)), a=np.zeros((2, 1)), group=np.arange(1),
        stop=Stop(StopReason.HORIZON, int(step[-1]), 0.0), observed={"directions": directions, "norms": norms},
    )  # fmt: skip
    return Run(row, Dataset(np.ones((len(y), 1)), y, "made up"), trajectory, "torch")


def exchanged(run: Run) -> Run:
    observed = run.trajectory.observed
    return replace(run, trajectory=replace(run.trajectory, observed={"directions": observed["norms"], "norms": observed["directions"]}))


@pytest.mark.parametrize("id", PHASE_ROWS)
def test_phases_three_ways(id: str) -> None:
    assert judged(id, phases(id)).verdict is Verdict.PASS, judged(id, phases(id))
    assert judged(id, exchanged(phases(id))).verdict is Verdict.FAIL
    other = replace(phases(id), row=override(phases(id).row, {"m": 49}))
    assert judged(id, other).verdict is Verdict.NOT_APPLICABLE
    epochs = replace(phases(id), dataset=Dataset(np.ones((100, 1)), np.ones(100), "few"))
    assert "steps per epoch" in judged(id, epochs).note
    blind = replace(phases(id), trajectory=replace(phases(id).trajectory, observed={}))
    assert "record.observe" in judged(id, blind).note


@pytest.mark.parametrize("id", PHASE_ROWS)
def test_a_few_epochs_of_sgd_are_recorded_and_drawn(id: str) -> None:
    row = override(PHASE_ROWS[id], {"subset": 140, "batch_size": 20, "n_steps": 21})
    run = trained(row, "auto")
    observed, a = run.trajectory.observed, run.trajectory.a
    assert run.trajectory.step.tolist() == [0, 7, 14, 21]
    assert observed["norms"].shape == observed["directions"].shape == (4,)
    assert np.all(observed["directions"] > 0)
    assert np.array_equal(a[0], a[-1]) == (id == "F13")
    assert set(np.abs(a[0])) == {1.0} or id == "F12"
    figure = next(figure for figure in FIGURES if figure.id == id[1:])
    assert render(figure, figure.collect(run), {"seed": "0"}, ["png"])["png"].startswith(b"\x89PNG")
    with pytest.raises(NotDrawable, match=r"record\.observe"):
        figure.collect(replace(run, trajectory=replace(run.trajectory, observed={})))


# ---- extreme vectors


@functools.cache
def pairs() -> Findings:
    row = override(digits_rows.PAIRS, {"digits": [1, 0, 7], "subset": 400, "n_steps": 6_000})
    return Findings(row, None, pair_laws.pair_laws(row, None, lambda done, total: None))


def changed(name: str, change: Callable[[np.ndarray], Any]) -> Findings:
    return replace(pairs(), arrays={**pairs().arrays, name: change(pairs().arrays[name].copy())})


def test_extreme_vectors_predict_growth_and_plateau() -> None:
    for id in ("pairs.growth", "pairs.plateau"):
        assert judged(id, pairs()).verdict is Verdict.PASS, judged(id, pairs())
    assert judged("pairs.growth", changed("predicted", lambda step: step * 1.2)).verdict is Verdict.FAIL
    assert judged("pairs.plateau", changed("plateau", lambda cosine: cosine * 0.9)).verdict is Verdict.FAIL
    assert judged("pairs.growth", changed("growth", lambda step: step * np.nan)).verdict is Verdict.NOT_APPLICABLE
    assert judged("pairs.plateau", changed("seen", lambda cosine: cosine * np.nan)).verdict is Verdict.NOT_APPLICABLE
    figure = pair_laws.FIGURES[0]
    assert render(figure, figure.collect(pairs()), {"seed": "0"}, ["png"])["png"].startswith(b"\x89PNG")


def test_pairs_need_two_digits() -> None:
    with pytest.raises(UsageError, match="at least two"):
        pair_laws.pair_laws(override(digits_rows.PAIRS, {"digits": [1]}), None, lambda done, total: None)


def test_the_growth_step_solves_its_equation() -> None:
    fold, pull = np.array([300.0, 250.0]), np.array([1.5, 1.2])
    k = pair_laws.growth_step(fold, pull, 50, 1e-6)
    assert np.sum(50 * 1e-12 / 4 * np.exp(2 * k / fold) * pull) == pytest.approx(pair_laws.DROP)
    assert np.isnan(pair_laws.growth_step(np.array([300.0, np.nan]), pull, 50, 1e-6))
