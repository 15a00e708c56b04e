"""Statements counted over seeds, three ways each, and the figure of the ensemble."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import pytest
from boursier2022_runs import drawn

from flowrepro import data
from flowrepro.claims import over_seeds
from flowrepro.claims.verdict import Verdict
from flowrepro.core.config import TrainingCase
from flowrepro.core.initialize import initial_weights
from flowrepro.core.overrides import override
from flowrepro.core.trajectory import Ensemble, Stop, StopReason
from flowrepro.engines.base import Problem, SaveAt
from flowrepro.engines.ensemble import Members, run_ensemble
from flowrepro.figures import NotDrawable
from flowrepro.papers.boursier2022.beyond import many_seeds
from flowrepro.papers.boursier2022.closed_form import ClosedForm
from flowrepro.papers.boursier2022.figures_2_3_toy import TOY

BY_ID = {claim.id: claim for claim in many_seeds.topic.claims}
SEEDS = 100
Tamper = Callable[[Ensemble], Ensemble]


def trained(case: TrainingCase, every: int) -> Ensemble:
    assert case.seeds is not None
    dataset = data.load(case.data)
    weights = [initial_weights(case.init, seed, 2) for seed in range(*case.seeds)]
    members = Members(np.arange(*case.seeds), np.stack([W for W, _ in weights]), np.stack([a for _, a in weights]))
    n_steps = case.protocol.n_steps
    save_at = SaveAt(np.arange(0, n_steps + 1, every), np.array([0, n_steps]))
    problem = Problem.of(case, dataset.X, dataset.y, *weights[0])
    return Ensemble(case, dataset, run_ensemble(problem, members, save_at, levels=case.record.levels), "fused")


@pytest.fixture(scope="module")
def toy() -> Ensemble:
    return trained(dataclasses.replace(TOY, seeds=(0, SEEDS)), 100)


@pytest.fixture(scope="module")
def narrow() -> Ensemble:
    return trained(override(dataclasses.replace(TOY, seeds=(0, 400)), {"m": 4, "n_steps": 10}), 10)


def changed(ensemble: Ensemble, **arrays: object) -> Ensemble:
    return dataclasses.replace(ensemble, trajectory=dataclasses.replace(ensemble.trajectory, **arrays))  # type: ignore[arg-type]


def later(ensemble: Ensemble) -> Ensemble:
    """Four of the seeds pass every level 1000 steps late: 0.96 of them are as they should be."""
    first = ensemble.trajectory.first_below.copy()
    first[:4] += 1_000
    return changed(ensemble, first_below=first)


def stuck(ensemble: Ensemble) -> Ensemble:
    """Four of the seeds stay at the saddle."""
    loss = ensemble.trajectory.loss.copy()
    loss[:4, 100:] = 0.5
    return changed(ensemble, loss=loss)


def larger(ensemble: Ensemble) -> Ensemble:
    """Four of the seeds end with 1 % more of every weight."""
    W = ensemble.trajectory.W.copy()
    W[:4, -1] *= 1.01
    return changed(ensemble, W=W)


def one_sign(ensemble: Ensemble) -> Ensemble:
    """All output weights of a tenth of the draws are positive."""
    a = ensemble.trajectory.a.copy()
    a[::10, 0] = np.abs(a[::10, 0])
    return changed(ensemble, a=a)


def other_protocol(ensemble: Ensemble) -> Ensemble:
    return dataclasses.replace(ensemble, case=override(ensemble.case, {"lr": 2e-3}))


def dominated(ensemble: Ensemble) -> Ensemble:
    return dataclasses.replace(ensemble, case=override(ensemble.case, {"init.name": "dominated"}))


TABLE: dict[str, tuple[Tamper, Tamper]] = {
    "figure-3-steps-seeds": (later, other_protocol),
    "figure-2-phases-seeds": (stuck, other_protocol),
    "section-4-2-half-times-seeds": (later, other_protocol),
    "theorem-1-minimal-norm-seeds": (larger, other_protocol),
    "assumption-3-seeds": (one_sign, dominated),
}
"""id -> (tamper, change that leaves the hypotheses)."""


def test_the_table_covers_every_claim() -> None:
    assert set(TABLE) == set(BY_ID)
    assert all(claim.over_seeds for claim in many_seeds.topic.claims)


@pytest.mark.parametrize("id", TABLE)
def test_each_claim_three_ways(id: str, toy: Ensemble) -> None:
    tamper, leave = TABLE[id]
    judge = BY_ID[id].judge
    good, bad, outside = judge(toy), judge(tamper(toy)), judge(leave(toy))
    assert good.verdict is Verdict.PASS, good.note
    assert good.slack >= 0
    assert bad.verdict is Verdict.FAIL, bad.note
    assert bad.slack < 0
    assert outside.verdict is Verdict.NOT_APPLICABLE
    assert len(outside.note) > 10


def test_too_few_seeds_decide_nothing(toy: Ensemble) -> None:
    t = toy.trajectory
    few = changed(toy, **{name: getattr(t, name)[:20] for name in ("seeds", "loss", "first_below", "W", "a")})
    for claim in many_seeds.topic.claims:
        assert claim.judge(few).verdict is Verdict.NOT_APPLICABLE


def test_other_levels_and_grids_decide_nothing(toy: Ensemble) -> None:
    no_levels = changed(toy, levels=np.empty(0), first_below=np.empty((SEEDS, 0), dtype=np.int64))
    assert "0.99, 0.495" in BY_ID["figure-3-steps-seeds"].judge(no_levels).note
    coarse = changed(toy, step=toy.trajectory.step[::7], loss=toy.trajectory.loss[:, ::7])
    assert "every 700 steps" in BY_ID["figure-2-phases-seeds"].judge(coarse).note


def test_a_seed_without_neurons_of_a_class_is_late_for_ever(toy: Ensemble) -> None:
    a, first = toy.trajectory.a.copy(), toy.trajectory.first_below.copy()
    a[:4, 0] = np.abs(a[:4, 0])
    first[:4, 3] = -1
    result = BY_ID["section-4-2-half-times-seeds"].judge(changed(toy, a=a, first_below=first))
    assert result.verdict is Verdict.FAIL
    assert "largest inf" in result.note


def test_probability_of_assumption_3_where_it_is_not_one(narrow: Ensemble) -> None:
    result = BY_ID["assumption-3-seeds"].judge(narrow)
    assert result.verdict is Verdict.PASS, result.note
    assert 0.3 < result.measured < 0.55


def test_many_closed_forms_are_the_single_ones(toy: Ensemble) -> None:
    W, a = toy.trajectory.at(0)
    many = ClosedForm.of_many(toy.X, toy.y, W, a)
    for r in (0, 17, 99):
        np.testing.assert_array_equal(many[r].half_times, ClosedForm.of(toy.X, toy.y, W[r], a[r]).half_times)


def test_wilsons_interval() -> None:
    """10 of 10: [0.722, 1]; 50 of 100: [0.404, 0.596] (Wilson 1927)."""
    assert over_seeds.wilson(10, 10) == pytest.approx((0.7225, 1.0), abs=1e-4)
    assert over_seeds.wilson(50, 100) == pytest.approx((0.4038, 0.5962), abs=1e-4)


def test_the_figure_shows_the_seeds_and_the_closed_form(toy: Ensemble) -> None:
    (figure,) = many_seeds.topic.figures
    (panel,) = drawn(figure, toy)[0].panels
    band, median, half = panel.marks
    np.testing.assert_array_equal(median.y, np.median(toy.trajectory.loss, axis=0))
    assert np.all((band.low <= median.y) & (median.y <= band.high))
    percentiles = many_seeds.half_percentiles(toy)
    assert percentiles is not None
    for level, (low, middle, high) in zip((0.625, 0.125), percentiles, strict=True):
        measured = toy.trajectory.first_steps_below(level)
        assert low < middle < high
        assert abs(middle - np.median(measured)) < 20
    np.testing.assert_array_equal(half.x, percentiles[:, 1])
    departed = dataclasses.replace(toy, case=override(toy.case, {"init.scale": 1e-3}))
    assert many_seeds.half_percentiles(departed) is None
    stop = Stop(StopReason.DIVERGED, 3, 0.0, "2 of 9 members diverged")
    with pytest.raises(NotDrawable, match="2 of 9"):
        figure.collect(changed(toy, stop=stop))
