"""Figure 4: the observations three ways each, the saddle, and what the figure shows."""

import functools

import numpy as np
import pytest
from boursier2022_runs import (
    at,
    copied,
    delayed,
    departed,
    drawn,
    judged_three_ways,
    losses,
    on_line,
    run_of,
    scaled,
    states,
    thinned,
    train,
    turned,
)

from flowrepro.claims.verdict import Verdict
from flowrepro.core.overrides import override
from flowrepro.core.trajectory import Dataset
from flowrepro.figures import NotDrawable
from flowrepro.figures.panels import Points
from flowrepro.papers.boursier2022 import figure_4_five_points as figure_4
from flowrepro.papers.boursier2022.figure_4_five_points import FIVE_POINTS
from flowrepro.papers.boursier2022.positive_fit import best_positive_fit

five = functools.partial(run_of, FIVE_POINTS)
quick = functools.partial(run_of, FIVE_POINTS, n_steps=100_000)
TABLE = [
    (figure_4.figure_4f_start, losses(lambda loss: 0.98 * loss)),
    (figure_4.figure_4b, states(turned(20.0), at(15_000))),
    (figure_4.figure_4c, states(scaled(1.1), at(94_000))),
    (figure_4.figure_4f_plateau, delayed(3_000)),
    (figure_4.figure_4d, copied(150_000, 300_000, 300_001)),
    (figure_4.figure_4e, losses(lambda loss: loss + 0.01)),
]


@pytest.mark.parametrize(("claim", "tamper"), TABLE)
def test_three_ways(claim, tamper):
    judged_three_ways(claim, five(), tamper(five()), departed(five()))


def test_the_variation_norm_is_judged_once_the_points_are_fitted():
    claim = figure_4.figure_4e_variation_norm
    judged_three_ways(claim, five(), copied(0, 300_000, 300_001)(five()), quick())
    assert [*(row[0] for row in TABLE), claim] == figure_4.topic.claims


@pytest.mark.slow
def test_the_variation_norm_stays_near_its_least_when_the_points_are_interpolated():
    run = run_of(FIVE_POINTS, n_steps=600_000, save_every=100)
    assert run.trajectory.loss[-1] < 1e-8
    assert figure_4.figure_4e_variation_norm.judge(run).measured == pytest.approx(1.054, abs=1e-3)


def test_when_the_loss_falls_is_judged_only_where_it_was_recorded():
    timed = [figure_4.figure_4f_start, figure_4.figure_4f_plateau]
    for claim, _ in TABLE:
        coarse = claim.judge(thinned(five(), 20_000)).verdict
        assert coarse is (Verdict.NOT_APPLICABLE if claim in timed else Verdict.PASS), claim.id
        assert claim.judge(thinned(five(), 1_000)).verdict is Verdict.PASS, claim.id


def test_a_draw_that_loses_its_negative_neurons_is_reported_as_such():
    result = figure_4.figure_4d.judge(run_of(FIVE_POINTS, seed=12))
    assert result.verdict is Verdict.NOT_APPLICABLE
    assert "negative output weight" in result.note


def test_our_numbers_in_the_case_are_what_seed_0_gives():
    saddle, leaves = FIVE_POINTS.targets
    t = five().trajectory
    assert saddle.ours == pytest.approx(float(np.interp(94_000, t.step, t.loss)), abs=1e-5)
    assert leaves.ours == t.first_below(0.99 * best_positive_fit(five().X, five().y).mse)


def test_the_saddle_is_the_best_fit_with_positive_output_weights():
    fit = best_positive_fit(five().X, five().y)
    assert fit.mse == pytest.approx(0.0636316, abs=1e-7)
    order = np.argsort(fit.angles)
    angles = [np.degrees(np.arctan2(0.0131579, 0.1157895)), 225.0]
    np.testing.assert_allclose(fit.angles[order], angles, atol=1e-4)
    masses = [np.hypot(0.1157895, 0.0131579), 1.4 * np.sqrt(2.0)]
    np.testing.assert_allclose(fit.masses[order], masses, atol=1e-6)
    low, high = FIVE_POINTS.targets[0].window
    assert low < fit.mse < high


@pytest.mark.parametrize("n", [1, 2, 6])
def test_the_best_positive_fit_beats_every_network_with_positive_output_weights(n):
    rng = np.random.default_rng(n)
    X, y = np.column_stack([rng.standard_normal(n), np.ones(n)]), rng.standard_normal(n)
    fit = best_positive_fit(X, y)
    angles = np.radians(fit.angles)
    W = fit.masses[:, None] * np.column_stack([np.cos(angles), np.sin(angles)])
    f = np.maximum(X @ W.T, 0.0).sum(axis=1)
    assert np.mean(np.square(f - y)) == pytest.approx(fit.mse, abs=1e-12)
    # no neuron lowers the loss, the condition for a minimum over a cone
    hidden = np.maximum(rng.standard_normal((1_000, 2)) @ X.T, 0.0)
    assert np.all(hidden @ (f - y) >= -1e-9)


# ---- the figure

(FIGURE,) = figure_4.topic.figures


def test_the_figure_of_a_shorter_run_ends_with_its_last_step():
    picture, axes = drawn(FIGURE, quick())
    *line, blank, loss = picture.panels
    titles = ["step 0: initialisation", "step 15000: alignment", "step 94000: saddle"]
    assert [panel.title for panel in line] == [*titles, "step 100000"]
    assert not blank.frame
    assert loss.ylabel == "training MSE"
    (dots,) = (mark for mark in loss.marks if isinstance(mark, Points))
    np.testing.assert_array_equal(dots.x, [0, 15_000, 94_000, 100_000])
    np.testing.assert_array_equal(loss.marks[0].x, quick().trajectory.step)
    assert len(axes) == 6


def test_a_users_points_are_drawn_under_their_own_name():
    user = on_line([-3.0, 0.5, 40.0], [10.0, -200.0, 3.0])
    case = override(FIVE_POINTS, {"n_steps": 50, "lr": 1e-6, "data.name": "two-points"})
    assert drawn(FIGURE, train(case, user))[0].caption.startswith("A user's points")


@pytest.mark.parametrize(
    ("dataset", "reason"),
    [
        (on_line([1e200, 2.0], [1.0, -1.0]), "not finite"),
        (Dataset(np.eye(3), np.array([1.0, 0.6, -0.5]), "space"), "d = 3"),
    ],
    ids=["overflow", "space"],
)
def test_what_cannot_be_drawn_says_why(dataset, reason):
    with pytest.raises(NotDrawable, match=reason):
        FIGURE.collect(train(override(FIVE_POINTS, {"n_steps": 20}), dataset))
