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
from flowrepro.claims.old_verdict import Claim, Judgement, Verdict
from flowrepro.core.config import TrainingCase, override
from flowrepro.core.initialize import initial_weights
from flowrepro.core.trajectory import Dataset, Run, Stop, StopReason, Study, Trajectory
from flowrepro.engines.base import Problem, SaveAt
from flowrepro.engines.base import run as drive
from flowrepro.errors import UsageError
from flowrepro.figures import NotDrawable
from flowrepro.figures.canvas import render
from flowrepro.papers.min2024 import digits_cases, digits_observations, pair_laws, two_phases
from flowrepro.papers.min2024.figures import FIGURES
from flowrepro.theory.observables import observer

CLAIMS: dict[str, Claim] = {
    claim.id: claim
    for part in (digits_observations, two_phases, pair_laws)
    for claim in part.CLAIMS
}
PAIR_CASES = (digits_cases.DIGITS_3_8, digits_cases.DIGITS_1_7)
PHASE_CASES = {"F12": digits_cases.BOTH_LAYERS, "F13": digits_cases.FIRST_LAYER}


def trained(case: TrainingCase, engine: str) -> Run:
    dataset = data.load(case.data)
    problem = Problem.of(
        case, dataset.X, dataset.y, *initial_weights(case.init, case.seed, dataset.X.shape[1])
    )
    chosen, _ = engines.choose(engine, problem)
    observe = observer(case.record.observe)(dataset.X, dataset.y, case.loss)
    return Run(
        case,
        dataset,
        drive(chosen, problem, SaveAt.of(case.record, case.protocol.n_steps, observe)),
        chosen.name,
    )


@functools.cache
def pair_run(case_name: str) -> Run:
    """The paper's run on 1000 of its images, as a flow: the same up to O(lr), in a second."""
    case = next(case for case in PAIR_CASES if case.name == case_name)
    return trained(override(case, {"subset": 1_000, "rtol": 1e-3}), "smooth-flow")


def judged(id: str, run: Run | Study) -> Judgement:
    return CLAIMS[id].function(run)


def with_loss(change: Callable[[np.ndarray], np.ndarray]) -> Callable[[Run], Run]:
    return lambda run: replace(
        run, trajectory=replace(run.trajectory, loss=change(run.trajectory.loss.copy()))
    )


def observing(name: str, change: Callable[[np.ndarray], np.ndarray]) -> Callable[[Run], Run]:
    return lambda run: replace(
        run,
        trajectory=replace(
            run.trajectory,
            observed={
                **run.trajectory.observed,
                name: change(run.trajectory.observed[name].copy()),
            },
        ),
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


@pytest.mark.parametrize("case", [case.name for case in PAIR_CASES])
@pytest.mark.parametrize("id", TAMPER)
def test_pairs_of_digits_three_ways(id: str, case: str) -> None:
    run = pair_run(case)
    assert judged(id, run).verdict is Verdict.PASS, judged(id, run)
    assert judged(id, TAMPER[id](run)).verdict is Verdict.FAIL
    elsewhere = replace(run, case=override(run.case, {"positive": 5}))
    assert judged(id, elsewhere).verdict is Verdict.NOT_APPLICABLE


def test_pairs_need_the_records_that_they_read() -> None:
    run = pair_run("digits-1-7")
    whole = run.trajectory
    short = replace(
        run,
        trajectory=replace(whole, step=whole.step[:100], t=whole.t[:100], loss=whole.loss[:100]),
    )
    assert "needs iteration" in judged("F10.grow", short).note
    blind = replace(run, trajectory=replace(run.trajectory, observed={}))
    assert "record.observe" in judged("F10.align", blind).note


def test_the_windows_of_the_three_pairs_follow_each_other() -> None:
    windows = [
        next(
            target.window
            for target in case.targets
            if target.what.startswith("first step with loss")
        )
        for case in (digits_cases.DIGITS_1_0, digits_cases.DIGITS_1_7, digits_cases.DIGITS_3_8)
    ]
    assert all(
        before is not None and after is not None and before[1] < after[0]
        for before, after in itertools.pairwise(windows)
    )


# ---- Figures 12 and 13


def phases(id: str) -> Run:
    """A made-up run with the curves of the figure: bumps of directions and norms, apart (12) or at the start (13)."""
    case = PHASE_CASES[id]
    epoch = np.arange(case.protocol.n_steps // digits_cases.EPOCH + 1)
    if id == "F12":
        directions, norms, loss = (
            38 * np.exp(-(((epoch - 148) / 60) ** 2)) + 0.4,
            0.69 / (1 + ((epoch - 477) / 20.0) ** 4),
            np.where(epoch < 400, 1.0, 0.1),
        )
        norms = np.where(epoch < 300, 1e-7, norms)
    else:
        directions, norms, loss = (
            np.where(epoch == 0, 3e6, 100.0 / (1 + epoch)),
            np.where(epoch == 0, 0.0, 0.7 / (1 + epoch)),
            1.0 / (1 + 2 * epoch),
        )
    step = epoch * digits_cases.EPOCH
    y = np.repeat([1.0, -1.0], [6_742, 5_923])
    trajectory = Trajectory(
        step=step, t=step * 2e-3, loss=loss, snapshot_step=step[[0, -1]], W=np.zeros((2, 1, 1)), a=np.zeros((2, 1)), group=np.arange(1),
        stop=Stop(StopReason.HORIZON, int(step[-1]), 0.0), observed={"directions": directions, "norms": norms},
    )  # fmt: skip
    return Run(case, Dataset(np.ones((len(y), 1)), y, "made up"), trajectory, "torch")


def exchanged(run: Run) -> Run:
    observed = run.trajectory.observed
    return replace(
        run,
        trajectory=replace(
            run.trajectory,
            observed={"directions": observed["norms"], "norms": observed["directions"]},
        ),
    )


@pytest.mark.parametrize("id", PHASE_CASES)
def test_phases_three_ways(id: str) -> None:
    assert judged(id, phases(id)).verdict is Verdict.PASS, judged(id, phases(id))
    assert judged(id, exchanged(phases(id))).verdict is Verdict.FAIL
    other = replace(phases(id), case=override(phases(id).case, {"m": 49}))
    assert judged(id, other).verdict is Verdict.NOT_APPLICABLE
    epochs = replace(phases(id), dataset=Dataset(np.ones((100, 1)), np.ones(100), "few"))
    assert "steps per epoch" in judged(id, epochs).note
    blind = replace(phases(id), trajectory=replace(phases(id).trajectory, observed={}))
    assert "record.observe" in judged(id, blind).note


@pytest.mark.parametrize("id", PHASE_CASES)
def test_a_few_epochs_of_sgd_are_recorded_and_drawn(id: str) -> None:
    case = override(PHASE_CASES[id], {"subset": 140, "batch_size": 20, "n_steps": 21})
    run = trained(case, "auto")
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
def pairs() -> Study:
    case = override(digits_cases.PAIRS, {"digits": [1, 0, 7], "subset": 400, "n_steps": 6_000})
    return Study(case, None, pair_laws.pair_laws(case, None, lambda done, total: None))


def changed(name: str, change: Callable[[np.ndarray], Any]) -> Study:
    return replace(pairs(), arrays={**pairs().arrays, name: change(pairs().arrays[name].copy())})


def test_extreme_vectors_predict_growth_and_plateau() -> None:
    for id in ("pairs.growth", "pairs.plateau"):
        assert judged(id, pairs()).verdict is Verdict.PASS, judged(id, pairs())
    assert (
        judged("pairs.growth", changed("predicted", lambda step: step * 1.2)).verdict
        is Verdict.FAIL
    )
    assert (
        judged("pairs.plateau", changed("plateau", lambda cosine: cosine * 0.9)).verdict
        is Verdict.FAIL
    )
    assert (
        judged("pairs.growth", changed("growth", lambda step: step * np.nan)).verdict
        is Verdict.NOT_APPLICABLE
    )
    assert (
        judged("pairs.plateau", changed("seen", lambda cosine: cosine * np.nan)).verdict
        is Verdict.NOT_APPLICABLE
    )
    figure = pair_laws.FIGURES[0]
    assert render(figure, figure.collect(pairs()), {"seed": "0"}, ["png"])["png"].startswith(
        b"\x89PNG"
    )


def test_pairs_need_two_digits() -> None:
    with pytest.raises(UsageError, match="at least two"):
        pair_laws.pair_laws(
            override(digits_cases.PAIRS, {"digits": [1]}), None, lambda done, total: None
        )


def test_the_growth_step_solves_its_equation() -> None:
    fold, pull = np.array([300.0, 250.0]), np.array([1.5, 1.2])
    k = pair_laws.growth_step(fold, pull, 50, 1e-6)
    assert np.sum(50 * 1e-12 / 4 * np.exp(2 * k / fold) * pull) == pytest.approx(pair_laws.DROP)
    assert np.isnan(pair_laws.growth_step(np.array([300.0, np.nan]), pull, 50, 1e-6))
