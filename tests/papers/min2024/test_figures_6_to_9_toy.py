"""Figures 6 to 9: observations of one run, over seeds and of ensembles, and their pictures."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from min2024_results import claims_of, computed, expect, png, trained, with_trajectory

from flowrepro.claims.verdict import Verdict
from flowrepro.core.config import TrainingCase
from flowrepro.core.overrides import override
from flowrepro.core.trajectory import Dataset, Ensemble, EnsembleTrajectory, Run, Stop, StopReason, Study
from flowrepro.errors import UsageError
from flowrepro.figures import NotDrawable
from flowrepro.figures.panels import Points
from flowrepro.papers.min2024 import figures_6_to_9_toy as toy
from flowrepro.papers.min2024.beyond import toy_seeds
from flowrepro.papers.min2024.beyond.toy_seeds import pair, runs_of
from flowrepro.papers.min2024.figures_6_to_9_toy import (
    END,
    MU_LARGE,
    MU_SMALL,
    OBSERVATIONS,
    ORTHOGONAL,
    SHOWN,
    SIX_POINTS,
    Observation,
)
from flowrepro.papers.min2024.shared.toy_runs import Runs

Change = Callable[[Runs], None]
CLAIMS = claims_of(toy.topic, toy_seeds.topic)
PASS, FAIL, OUTSIDE = Verdict.PASS, Verdict.FAIL, Verdict.NOT_APPLICABLE
AT_THE_END = ("figure-6-loss", "figure-6-rank", "figure-7-negative", "figure-9-negative")
"""Observations that an ensemble is judged by, which keeps its first and last weights."""
each_observation = pytest.mark.parametrize("seen", OBSERVATIONS, ids=lambda seen: seen.id)


@pytest.fixture(scope="module")
def runs() -> dict[str, Run]:
    return {case.name: trained(case, "fused") for case in toy.topic.cases}  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def six() -> Study:
    return computed(toy_seeds.toy_seeds, toy_seeds.SIX_POINTS_SEEDS)


@pytest.fixture(scope="module")
def two() -> Study:
    return computed(toy_seeds.separability_seeds, toy_seeds.TWO_POINTS_SEEDS)


def flat(runs: Runs) -> None:
    runs.loss[:] = np.linspace(1.0, 0.0, runs.loss.shape[1])


def unfitted(runs: Runs) -> None:
    runs.loss[:, -1] = 0.5


def weights_of(source: int, step: int) -> Change:
    def change(runs: Runs) -> None:
        here, there = (int(np.flatnonzero(runs.kept == k)[0]) for k in (step, source))
        runs.W[:, here], runs.a[:, here] = runs.W[:, there], runs.a[:, there]

    return change


def one_direction(runs: Runs) -> None:
    runs.W[:, -1] = runs.W[:, -1, :1]


def negative(runs: Runs) -> None:
    runs.a[:, -1] = -np.abs(runs.a[:, -1])


TAMPER: dict[str, Change] = {
    "figure-6-drops": flat,
    "figure-6-loss": unfitted,
    "figure-6-cones": weights_of(0, END),
    "figure-6-alignment": weights_of(0, SHOWN),
    "figure-6-rank": one_direction,
    "figure-7-cone": weights_of(0, END),
    "figure-7-negative": negative,
    "figure-7-drop": flat,
    "figure-8-late": weights_of(END, SHOWN),
    "figure-8-drop": flat,
    "figure-9-stay": weights_of(0, END),
    "figure-9-negative": negative,
}


def tampered_run(run: Run, change: Change) -> Run:
    t = run.trajectory
    copy = with_trajectory(run, loss=t.loss.copy(), W=t.W.copy(), a=t.a.copy())
    t = copy.trajectory
    change(Runs(run.X, run.y, t.step, t.loss[None], t.snapshot_step, t.W[None], t.a[None]))
    return copy


def tampered_seeds(result: Study, case: TrainingCase, change: Change) -> Study:
    """Four of the hundred seeds changed, so that 0.96 of them are as they should be."""
    copy = replace(result, arrays={name: one.copy() for name, one in result.arrays.items()})
    runs = runs_of(copy, case)
    change(runs._replace(loss=runs.loss[:4], W=runs.W[:4], a=runs.a[:4]))
    return copy


def as_ensemble(result: Study, case: TrainingCase, R: int = 100) -> Ensemble:
    """The first R seeds of a study as the ensemble that --seeds makes of the case."""
    runs = runs_of(result, case)
    trajectory = EnsembleTrajectory(
        result.arrays["seeds"][:R], runs.step, 2e-3 * runs.step, runs.loss[:R], np.empty(0),
        np.empty((R, 0), dtype=np.int64), runs.kept, runs.W[:R], runs.a[:R],
        Stop(StopReason.HORIZON, END, 42.0),
    )  # fmt: skip
    points = Dataset(runs.X, runs.y, "as in the study")
    return Ensemble(replace(case, seeds=(0, R)), points, trajectory, "fused")


def test_every_observation_is_claimed_of_one_run_and_of_many() -> None:
    assert set(TAMPER) == {seen.id for seen in OBSERVATIONS}
    many = {f"{id}-seeds" for id in TAMPER} | {f"{id}-ensemble" for id in AT_THE_END}
    others = {"figure-8-straggler", "figure-8-slower-seeds", "figure-9-fewer-seeds"}
    assert set(CLAIMS) == {*TAMPER, *many, *others}


@each_observation
def test_one_run_three_ways(seen: Observation, runs: dict[str, Run]) -> None:
    claim, run = CLAIMS[seen.id], runs[seen.case.name]
    expect(claim, run, PASS)
    expect(claim, tampered_run(run, TAMPER[seen.id]), FAIL)
    expect(claim, replace(run, case=override(run.case, {"lr": 1e-3})), OUTSIDE)


@pytest.mark.slow
@each_observation
def test_many_seeds_three_ways(seen: Observation, six: Study, two: Study) -> None:
    claim, result = CLAIMS[f"{seen.id}-seeds"], six if seen.case is SIX_POINTS else two
    expect(claim, result, PASS)
    expect(claim, tampered_seeds(result, seen.case, TAMPER[seen.id]), FAIL)
    few = {**result.arrays, "seeds": result.arrays["seeds"][:20]}
    expect(claim, replace(result, arrays=few), OUTSIDE, "at least 100")
    expect(claim, replace(result, case=override(result.case, {"lr": 1e-3})), OUTSIDE)


@pytest.mark.parametrize("id", AT_THE_END)
def test_an_ensemble_three_ways(id: str, six: Study, two: Study) -> None:
    (seen,) = (one for one in OBSERVATIONS if one.id == id)
    assert seen.at_the_end
    claim, result = CLAIMS[f"{seen.id}-ensemble"], six if seen.case is SIX_POINTS else two
    assert claim.over_seeds
    expect(claim, as_ensemble(result, seen.case), PASS)
    changed = tampered_seeds(result, seen.case, TAMPER[seen.id])
    expect(claim, as_ensemble(changed, seen.case), FAIL)
    expect(claim, as_ensemble(result, seen.case, 20), OUTSIDE)


def test_the_straggler_is_that_of_one_seed(runs: dict[str, Run]) -> None:
    claim, run = CLAIMS["figure-8-straggler"], runs[MU_SMALL.name]
    expect(claim, run, PASS)
    expect(claim, tampered_run(run, weights_of(0, END)), FAIL)
    expect(claim, replace(run, case=override(run.case, {"seed": 5})), OUTSIDE)


@pytest.mark.parametrize(
    ("id", "case", "step"), [("figure-8-slower-seeds", MU_SMALL, SHOWN), ("figure-9-fewer-seeds", ORTHOGONAL, END)]
)
def test_comparisons_three_ways(id: str, case: TrainingCase, step: int, two: Study) -> None:
    def all_aligned(runs: Runs) -> None:
        at = int(np.flatnonzero(runs.kept == step)[0])
        runs.W[:, at], runs.a[:, at] = 1.0, 1.0

    expect(CLAIMS[id], two, PASS)
    expect(CLAIMS[id], tampered_seeds(two, case, all_aligned), FAIL)
    other = replace(two, case=override(two.case, {"theta": [0.1, 0.2, 0.3]}))
    expect(CLAIMS[id], other, OUTSIDE, "needs theta")


def test_missing_weights_and_coarse_records_decide_nothing(runs: dict[str, Run]) -> None:
    run = runs[SIX_POINTS.name]
    t = run.trajectory
    first = with_trajectory(run, snapshot_step=t.snapshot_step[[0]], W=t.W[[0]], a=t.a[[0]])
    expect(CLAIMS["figure-6-cones"], first, OUTSIDE, "record.snapshots=[21000]")
    coarse = with_trajectory(run, step=t.step[::2], t=t.t[::2], loss=t.loss[::2])
    expect(CLAIMS["figure-6-drops"], coarse, OUTSIDE, "record.save_every=10")


def test_seeds_of_a_study_are_the_runs_of_those_seeds(six: Study, two: Study, runs: dict[str, Run]) -> None:
    for result, case in ((six, SIX_POINTS), (two, MU_LARGE), (two, MU_SMALL)):
        many, one = runs_of(result, case), Runs.of(runs[case.name])
        np.testing.assert_array_equal(many.loss[case.seed], one.loss[0])
        np.testing.assert_array_equal(many.W[case.seed], one.W[0])


@pytest.mark.parametrize("options", [{"seeds": 0}, {"m": 0}, {"lr": -1.0}, {"theta": []}])
def test_options_out_of_range_are_named(options: dict[str, object]) -> None:
    (name,) = options
    with pytest.raises(UsageError, match=rf"options\.{name}"):
        toy_seeds.separability_seeds(**options)


def test_figures_show_the_neurons(runs: dict[str, Run]) -> None:
    for figure in toy.topic.figures:
        run = runs[figure.cases[0]]
        *planes, _ = figure.collect(run).panels
        assert [panel.title for panel in planes] == [f"iteration {k}" for k in (0, SHOWN, END)]
        W, a = run.trajectory.at(END)
        marks = (mark for mark in planes[-1].marks if isinstance(mark, Points))
        dead, up, down = (mark for mark in marks if "neuron" in mark.label)
        assert len(dead.x) + len(up.x) + len(down.x) == len(W)
        assert set(up.x) <= set(W[a > 0, 0])
        assert set(down.x) <= set(W[a < 0, 0])
        outside = Runs.of(run).outside(END)[0]
        assert planes[-1].xlabel.startswith(f"{outside} live")
    assert png(toy.topic.figures[0], runs[SIX_POINTS.name])


def test_a_run_out_of_the_plane_has_no_picture(runs: dict[str, Run]) -> None:
    run, figure = runs[SIX_POINTS.name], toy.topic.figures[0]
    with pytest.raises(NotDrawable, match="d = 3"):
        figure.collect(replace(run, dataset=Dataset(np.eye(3), np.ones(3), "cube")))
    with pytest.raises(NotDrawable, match="not finite"):
        figure.collect(tampered_run(run, lambda runs: runs.loss.fill(np.inf)))


def test_other_points_are_not_called_the_paper_s(runs: dict[str, Run]) -> None:
    run = runs[MU_LARGE.name]
    other = replace(run, case=override(run.case, {"theta": 0.2}))
    figure = toy.topic.figures[1]
    assert figure.collect(run).caption.startswith("Two positive points, mu = sin 0.1")
    assert figure.collect(other).caption.startswith("2 points of the plane")


@pytest.mark.slow
def test_the_figure_over_seeds(six: Study, two: Study) -> None:
    (figure,) = toy_seeds.topic.figures
    panels = figure.collect(six, two).panels
    for curve, histogram in zip(panels[:4], panels[4:], strict=True):
        band, median = curve.marks
        assert np.all((band.low <= median.y) & (median.y <= band.high))
        assert all(bars.height.sum() == pytest.approx(1.0) for bars in histogram.marks)
    np.testing.assert_allclose(panels[6].marks[1].height[:4], [0.58, 0.28, 0.11, 0.03])
    assert png(figure, six, two)
    with pytest.raises(NotDrawable, match="theta"):
        figure.collect(six, replace(two, case=override(two.case, {"theta": [0.3]})))


def test_two_positive_points_are_the_paper_s() -> None:
    for theta in (0.1, 0.001, 0.0):
        expected = [[1.0, 0.0], [np.sin(theta), np.cos(theta)]]
        np.testing.assert_allclose(pair(theta).X, expected, atol=1e-15)
    assert np.all(np.eye(2) == pair(0.0).X)
