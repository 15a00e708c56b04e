"""Figure 5: the observations three ways each, and the interpolator in the figure."""

import dataclasses
import functools

import numpy as np
import pytest
from boursier2022_runs import (
    copied,
    departed,
    drawn,
    judged_three_ways,
    losses,
    marks,
    on_line,
    run_of,
    scaled,
    states,
    thinned,
    train,
)

from flowrepro.claims.verdict import Verdict
from flowrepro.core.overrides import override
from flowrepro.core.trajectory import Dataset
from flowrepro.figures import NotDrawable
from flowrepro.papers.boursier2022 import figure_5_lazy as figure_5
from flowrepro.papers.boursier2022.figure_4_five_points import FIVE_POINTS
from flowrepro.papers.boursier2022.figure_5_lazy import LAZY
from flowrepro.theory.tangent_kernel import kernel_interpolator

lazy = functools.partial(run_of, LAZY)
TABLE = [
    (figure_5.figure_5_movement, states(scaled(1.5))),
    (figure_5.figure_5_kernel, copied(0, 5_000, 5_001)),
    (figure_5.figure_5_speed, losses(lambda loss: np.full_like(loss, loss[0]))),
    (figure_5.figure_5_variation_norm, states(scaled(0.3))),
]


@pytest.mark.parametrize(("claim", "tamper"), TABLE)
def test_three_ways(claim, tamper):
    judged_three_ways(claim, lazy(), tamper(lazy()), departed(lazy()))


def test_the_table_covers_every_claim():
    others = [figure_5.other_large_starts]
    assert [*(claim for claim, _ in TABLE), *others] == figure_5.topic.claims


@pytest.mark.parametrize("case", figure_5.OTHERS, ids=lambda case: case.name)
def test_other_large_starts_three_ways(case):
    run, claim = run_of(case), figure_5.other_large_starts
    judged_three_ways(claim, run, states(scaled(1.5))(run), departed(run))
    slow = losses(lambda loss: np.full_like(loss, loss[0]))(run)
    assert claim.judge(slow).verdict is Verdict.FAIL
    small = run_of(case, scale=1e-4)
    assert claim.judge(small).verdict is Verdict.NOT_APPLICABLE
    parts = list(claim.measure(small))
    assert parts[0].verdict is Verdict.FAIL, "from a small start the weights move"


@pytest.mark.parametrize("factor", [0.0, 1.0])
def test_neither_the_rich_solution_nor_the_zero_function_is_lazy(factor):
    """Shares 0.006 and -0.06 of the way to the kernel; the lazy run has 0.67."""
    rich = run_of(FIVE_POINTS).trajectory.at(300_000)
    run = states(lambda W, a: (rich[0], factor * rich[1]))(lazy())
    result = figure_5.figure_5_kernel.judge(run)
    assert result.verdict is Verdict.FAIL
    assert abs(result.measured) < 0.1
    assert figure_5.figure_5_kernel.judge(lazy()).measured == pytest.approx(0.669, abs=2e-3)


def test_coarse_records_do_not_tell_the_speed():
    for claim, _ in TABLE:
        coarse = claim.judge(thinned(lazy(), 1_000)).verdict
        speed = claim is figure_5.figure_5_speed
        assert coarse is (Verdict.NOT_APPLICABLE if speed else Verdict.PASS), claim.id
        assert claim.judge(thinned(lazy(), 100)).verdict is Verdict.PASS, claim.id


def test_another_seed_passes():
    for claim, _ in TABLE:
        assert claim.judge(run_of(LAZY, seed=5)).verdict is Verdict.PASS, claim.id


def test_the_speed_is_judged_by_the_window_of_the_case():
    claim, late = figure_5.figure_5_speed, 7_500
    run = run_of(LAZY, n_steps=8_000)
    assert run.trajectory.first_below(0.01) == LAZY.targets[0].ours
    assert claim.judge(run).verdict is Verdict.PASS

    def slow(loss):
        return np.where(np.arange(len(loss)) < late, np.maximum(loss, 0.012), loss)

    result = claim.judge(losses(slow)(run))
    assert (result.verdict, result.measured) == (Verdict.FAIL, late)
    unfinished = claim.judge(losses(lambda loss: np.maximum(loss, 0.012))(lazy()))
    assert unfinished.verdict is Verdict.PASS
    assert "not within this run" in unfinished.note
    assert claim.judge(run_of(LAZY, n_steps=4_000)).verdict is Verdict.NOT_APPLICABLE


(FIGURE,) = figure_5.topic.figures


def test_the_figure_draws_the_kernel_interpolator():
    picture, _ = drawn(FIGURE, lazy())
    before, after = picture.panels
    assert (before.title, after.title) == ("step 0: initialisation", "step 5000: end")
    (limit,) = marks(after, "NTK interpolator")
    expected = kernel_interpolator(lazy().X, lazy().y, *lazy().trajectory.at(0))
    grid = np.column_stack([limit.x, np.ones(len(limit.x))])
    np.testing.assert_array_equal(limit.y, expected(grid))
    np.testing.assert_allclose(expected(lazy().X), lazy().y, atol=1e-8)
    start, end = (marks(panel, "learned function")[0].y for panel in picture.panels)
    assert np.abs(start - limit.y).max() > 4 * np.abs(limit.y).max()
    assert np.abs(end - limit.y).max() == pytest.approx(0.41 * np.abs(limit.y).max(), rel=0.2)
    assert not marks(before, "NTK interpolator")


def test_there_is_no_interpolator_for_another_loss_or_an_overflow():
    other = dataclasses.replace(lazy(), case=override(LAZY, {"loss.name": "logistic"}))
    assert figure_5.interpolator(other, np.zeros(1)) is None
    huge = train(override(LAZY, {"n_steps": 20}), on_line([1e200, 2.0], [1.0, -1.0]))
    assert not marks(FIGURE.collect(huge).panels[-1], "NTK interpolator")


def test_points_in_space_are_not_drawn():
    points = Dataset(np.eye(3), np.array([1.0, 0.6, -0.5]), "space")
    with pytest.raises(NotDrawable, match="d = 3"):
        FIGURE.collect(train(override(LAZY, {"n_steps": 20}), points))


def test_a_users_points_are_drawn_under_their_own_name():
    user = on_line([-3.0, 0.5, 40.0], [10.0, -200.0, 3.0])
    case = override(LAZY, {"n_steps": 50, "lr": 1e-6, "data.name": "two-points"})
    assert drawn(FIGURE, train(case, user))[0].caption.startswith("A user's points")
