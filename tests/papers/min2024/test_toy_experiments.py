"""Figures 6 to 9: observations of one run and over seeds, three ways each, and their pictures."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import pytest

from flowrepro import data, engines
from flowrepro.claims.old_verdict import Judgement, Verdict
from flowrepro.core.config import TrainingCase, override
from flowrepro.core.initialize import initial_weights
from flowrepro.core.trajectory import (
    Dataset,
    Ensemble,
    EnsembleTrajectory,
    Run,
    Stop,
    StopReason,
    Study,
)
from flowrepro.engines.base import Problem, SaveAt
from flowrepro.engines.base import run as drive
from flowrepro.errors import UsageError
from flowrepro.figures import NotDrawable
from flowrepro.figures.canvas import render
from flowrepro.papers.min2024 import (
    toy_cases,
    toy_figures,
    toy_observations,
    toy_seeds,
    toy_seeds_figure,
)
from flowrepro.papers.min2024.regions import direction
from flowrepro.papers.min2024.toy_observations import END, OBSERVATIONS, SHOWN, Observation
from flowrepro.papers.min2024.toy_seen import Seen

Change = Callable[[Seen], None]
CLAIMS = {claim.id: claim for claim in toy_observations.CLAIMS}
ANGLES = toy_cases.TWO_POINTS_SEEDS.options["theta"]


def trained(case: TrainingCase) -> Run:
    dataset = data.load(case.data)
    problem = Problem.of(case, dataset.X, dataset.y, *initial_weights(case.init, case.seed, 2))
    engine, _ = engines.choose("fused", problem)
    return Run(
        case,
        dataset,
        drive(engine, problem, SaveAt.of(case.record, case.protocol.n_steps)),
        engine.name,
    )


@pytest.fixture(scope="module")
def runs() -> dict[str, Run]:
    return {case.name: trained(case) for case in toy_cases.RUNS}


@pytest.fixture(scope="module")
def six() -> Study:
    study, dataset = toy_cases.SIX_POINTS_SEEDS, data.load(toy_cases.SIX_POINTS.data)
    return Study(study, dataset, toy_seeds.points_seeds(study, dataset, lambda done, total: None))


@pytest.fixture(scope="module")
def two() -> Study:
    study = toy_cases.TWO_POINTS_SEEDS
    return Study(study, None, toy_seeds.separability_seeds(study, None, lambda done, total: None))


def flat(seen: Seen) -> None:
    seen.loss[:] = np.linspace(1.0, 0.0, seen.loss.shape[1])


def unfitted(seen: Seen) -> None:
    seen.loss[:, -1] = 0.5


def weights_of(source: int, step: int) -> Change:
    def change(seen: Seen) -> None:
        here, there = (int(np.flatnonzero(seen.kept == k)[0]) for k in (step, source))
        seen.W[:, here], seen.a[:, here] = seen.W[:, there], seen.a[:, there]

    return change


def one_direction(seen: Seen) -> None:
    seen.W[:, -1] = seen.W[:, -1, :1]


def negative(seen: Seen) -> None:
    seen.a[:, -1] = -np.abs(seen.a[:, -1])


TAMPER: dict[str, Change] = {
    "F6.drops": flat,
    "F6.loss": unfitted,
    "F6.classes": weights_of(0, END),
    "F6.alignment": weights_of(0, SHOWN),
    "F6.rank": one_direction,
    "F7.enter": weights_of(0, END),
    "F7.negative": negative,
    "F7.drop": flat,
    "F8.late": weights_of(END, SHOWN),
    "F8.drop": flat,
    "F9.stay": weights_of(0, END),
    "F9.negative": negative,
}


def tampered_run(run: Run, change: Change) -> Run:
    t = run.trajectory
    copy = dataclasses.replace(t, loss=t.loss.copy(), W=t.W.copy(), a=t.a.copy())
    change(
        Seen(
            run.X, run.y, copy.step, copy.loss[None], copy.snapshot_step, copy.W[None], copy.a[None]
        )
    )
    return dataclasses.replace(run, trajectory=copy)


def tampered_seeds(findings: Study, case: TrainingCase, change: Change) -> Study:
    """Four of the hundred seeds changed, so that 0.96 of them are as they should be."""
    arrays = {name: values.copy() for name, values in findings.arrays.items()}
    copy = dataclasses.replace(findings, arrays=arrays)
    seen = toy_observations.seen_seeds(copy, case)
    change(seen._replace(loss=seen.loss[:4], W=seen.W[:4], a=seen.a[:4]))
    return copy


def expect(result: Judgement, verdict: Verdict) -> None:
    assert result.verdict is verdict, f"{result.id}: {result.note}"


def test_the_table_covers_every_observation() -> None:
    assert set(TAMPER) == {seen.id for seen in OBSERVATIONS}
    many = {f"{id}-{kind}" for id in TAMPER for kind in ("seeds", "ensemble")}
    assert set(CLAIMS) == {*TAMPER, *many, "F8.straggler", "F8.slower-seeds", "F9.fewer-seeds"}


@pytest.mark.parametrize("seen", OBSERVATIONS, ids=lambda seen: seen.id)
def test_one_run_three_ways(seen: Observation, runs: dict[str, Run]) -> None:
    claim, run = CLAIMS[seen.id], runs[seen.case.name]
    expect(claim.function(run), Verdict.PASS)
    expect(claim.function(tampered_run(run, TAMPER[seen.id])), Verdict.FAIL)
    expect(
        claim.function(dataclasses.replace(run, case=override(run.case, {"lr": 1e-3}))),
        Verdict.NOT_APPLICABLE,
    )


@pytest.mark.parametrize("seen", OBSERVATIONS, ids=lambda seen: seen.id)
def test_many_seeds_three_ways(seen: Observation, six: Study, two: Study) -> None:
    claim, findings = CLAIMS[f"{seen.id}-seeds"], six if seen.case is toy_cases.SIX_POINTS else two
    expect(claim.function(findings), Verdict.PASS)
    expect(claim.function(tampered_seeds(findings, seen.case, TAMPER[seen.id])), Verdict.FAIL)
    few = dataclasses.replace(
        findings, arrays={**findings.arrays, "seeds": findings.arrays["seeds"][:20]}
    )
    assert "at least 100" in claim.function(few).note
    expect(
        claim.function(dataclasses.replace(findings, case=override(findings.case, {"lr": 1e-3}))),
        Verdict.NOT_APPLICABLE,
    )


def as_ensemble(findings: Study, case: TrainingCase) -> Ensemble:
    """The seeds of a study as the ensemble that --seeds makes of the case."""
    seen, seeds = toy_observations.seen_seeds(findings, case), findings.arrays["seeds"]
    levels, first = np.empty(0), np.empty((len(seeds), 0), dtype=np.int64)
    stop = Stop(StopReason.HORIZON, END, 42.0)
    trajectory = EnsembleTrajectory(
        seeds,
        seen.step,
        2e-3 * seen.step,
        seen.loss,
        levels,
        first,
        seen.kept,
        seen.W,
        seen.a,
        stop,
    )
    return Ensemble(
        dataclasses.replace(case, seeds=(0, len(seeds))),
        Dataset(seen.X, seen.y, "as in the study"),
        trajectory,
        "fused",
    )


@pytest.mark.parametrize("seen", OBSERVATIONS, ids=lambda seen: seen.id)
def test_an_ensemble_three_ways(seen: Observation, six: Study, two: Study) -> None:
    claim, findings = (
        CLAIMS[f"{seen.id}-ensemble"],
        six if seen.case is toy_cases.SIX_POINTS else two,
    )
    assert claim.many_seeds
    expect(claim.function(as_ensemble(findings, seen.case)), Verdict.PASS)
    expect(
        claim.function(
            as_ensemble(tampered_seeds(findings, seen.case, TAMPER[seen.id]), seen.case)
        ),
        Verdict.FAIL,
    )
    few = as_ensemble(findings, seen.case)
    few = dataclasses.replace(
        few, trajectory=dataclasses.replace(few.trajectory, seeds=few.trajectory.seeds[:20])
    )
    expect(claim.function(few), Verdict.NOT_APPLICABLE)


def test_the_straggler_is_that_of_one_seed(runs: dict[str, Run]) -> None:
    claim, run = CLAIMS["F8.straggler"], runs[toy_cases.MU_SMALL.name]
    expect(claim.function(run), Verdict.PASS)
    expect(claim.function(tampered_run(run, weights_of(0, END))), Verdict.FAIL)
    expect(
        claim.function(dataclasses.replace(run, case=override(run.case, {"seed": 5}))),
        Verdict.NOT_APPLICABLE,
    )


@pytest.mark.parametrize(
    ("id", "case", "step"),
    [("F8.slower-seeds", toy_cases.MU_SMALL, SHOWN), ("F9.fewer-seeds", toy_cases.ORTHOGONAL, END)],
)
def test_comparisons_three_ways(id: str, case: TrainingCase, step: int, two: Study) -> None:
    claim = CLAIMS[id]
    expect(claim.function(two), Verdict.PASS)

    def all_aligned(seen: Seen) -> None:
        at = int(np.flatnonzero(seen.kept == step)[0])
        seen.W[:, at], seen.a[:, at] = 1.0, 1.0

    expect(claim.function(tampered_seeds(two, case, all_aligned)), Verdict.FAIL)
    other = dataclasses.replace(two, case=override(two.case, {"theta": [0.1, 0.2, 0.3]}))
    assert "needs theta" in claim.function(other).note


def test_weights_that_were_not_kept_and_coarse_records_decide_nothing(runs: dict[str, Run]) -> None:
    run = runs[toy_cases.SIX_POINTS.name]
    t = run.trajectory
    without = dataclasses.replace(
        run,
        trajectory=dataclasses.replace(
            t, snapshot_step=t.snapshot_step[[0]], W=t.W[[0]], a=t.a[[0]]
        ),
    )
    assert "record.snapshots=[21000]" in CLAIMS["F6.classes"].function(without).note
    coarse = dataclasses.replace(
        run, trajectory=dataclasses.replace(t, step=t.step[::2], t=t.t[::2], loss=t.loss[::2])
    )
    assert "record.save_every=10" in CLAIMS["F6.drops"].function(coarse).note


def test_seeds_of_a_study_are_the_runs_of_those_seeds(
    six: Study, two: Study, runs: dict[str, Run]
) -> None:
    for findings, case in (
        (six, toy_cases.SIX_POINTS),
        (two, toy_cases.MU_LARGE),
        (two, toy_cases.MU_SMALL),
    ):
        seen, run = toy_observations.seen_seeds(findings, case), Seen.of_run(runs[case.name])
        np.testing.assert_array_equal(seen.loss[case.seed], run.loss[0])
        np.testing.assert_array_equal(seen.W[case.seed], run.W[0])


def test_options_out_of_range_are_named() -> None:
    dataset = data.load(toy_cases.SIX_POINTS.data)
    for key, value, message in (
        ("options.seeds", 0, "options.seeds"),
        ("options.m", 0, "init.m"),
        ("options.lr", -1.0, "protocol.lr"),
    ):
        with pytest.raises(UsageError, match=message):
            toy_seeds.points_seeds(
                override(toy_cases.SIX_POINTS_SEEDS, {key: value}),
                dataset,
                lambda done, total: None,
            )
    with pytest.raises(UsageError, match=r"options\.theta"):
        toy_seeds.separability_seeds(
            override(toy_cases.TWO_POINTS_SEEDS, {"theta": []}), None, lambda done, total: None
        )


def test_figures_show_the_neurons(runs: dict[str, Run]) -> None:
    for figure in toy_figures.FIGURES:
        (name,) = figure.cases
        shown = figure.collect(runs[name])
        assert [snapshot.step for snapshot in shown.snapshots] == [0, SHOWN, END]
        W, a = runs[name].trajectory.at(END)
        last = shown.snapshots[-1]
        np.testing.assert_array_equal(last.W, W)
        assert last.outside == Seen.of_run(runs[name]).outside(END)[0]
        np.testing.assert_array_equal(last.kind[last.kind != 0], np.sign(a)[last.kind != 0])
        if figure.id in ("6", "9"):  # the others are drawn alike
            assert render(figure, shown, {}, ["png"])["png"].startswith(b"\x89PNG")


def test_a_run_out_of_the_plane_has_no_picture(runs: dict[str, Run]) -> None:
    run = runs[toy_cases.SIX_POINTS.name]
    cube = dataclasses.replace(run, dataset=Dataset(np.eye(3), np.ones(3), "cube"))
    with pytest.raises(NotDrawable, match="d = 3"):
        toy_figures.collect_toy(cube)
    with pytest.raises(NotDrawable, match="not finite"):
        toy_figures.collect_toy(tampered_run(run, lambda seen: seen.loss.fill(np.inf)))


def test_the_figure_over_seeds(six: Study, two: Study) -> None:
    figure = toy_seeds_figure.FIGURE
    shown = figure.collect(six, two)
    assert shown.seeds == 100
    for seen in shown.experiments:
        assert np.all(seen.stragglers.sum(axis=1) == 100)
        assert np.all(np.diff(seen.loss, axis=0) >= 0)
    np.testing.assert_array_equal(shown.experiments[2].stragglers[1, :4], [58, 28, 11, 3])
    assert render(figure, shown, {}, ["png"])["png"].startswith(b"\x89PNG")
    with pytest.raises(NotDrawable, match="theta"):
        figure.collect(six, dataclasses.replace(two, case=override(two.case, {"theta": [0.3]})))


def test_two_positive_points_are_the_papers() -> None:
    for theta in ANGLES:
        np.testing.assert_allclose(
            toy_seeds.pair(theta).X, [direction(0.0), [np.sin(theta), np.cos(theta)]], atol=1e-15
        )
    assert np.all(np.eye(2) == toy_seeds.pair(0.0).X)
