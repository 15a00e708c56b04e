"""Figures 2 and 3: the observations three ways each, and what the figures show."""

import dataclasses
import functools

import numpy as np
import pytest
from boursier2022_runs import (
    at,
    delayed,
    departed,
    drawn,
    judged_three_ways,
    losses,
    marks,
    on_line,
    protocol,
    run_of,
    scaled,
    states,
    thinned,
    train,
    turned,
    with_snapshots,
)

from flowrepro.claims.verdict import Verdict
from flowrepro.core.overrides import override
from flowrepro.core.trajectory import Dataset
from flowrepro.figures import NotDrawable, canvas
from flowrepro.figures.numbers import numbers
from flowrepro.papers.boursier2022 import figures_2_3_toy as figures
from flowrepro.papers.boursier2022.figures_2_3_toy import TOY
from flowrepro.papers.boursier2022.hypotheses import first_below

TABLE = [
    (figures.figure_2a, states(scaled(1e3), at(0))),
    (figures.figure_2b, states(scaled(-1), at(4_000))),
    (figures.figure_2c, states(scaled(1.1), at(8_000))),
    (figures.figure_2d, states(scaled(1.1))),
    (figures.figure_2d_variation_norm, states(scaled(2.0))),
    (figures.figure_3_steps, delayed(3_000)),
    (figures.figure_3_plateaus, losses(lambda loss: 1.01 * loss)),
    (figures.figure_4_contrast, states(turned(1.0))),
]
toy = functools.partial(run_of, TOY)


def test_the_table_covers_every_claim():
    assert [claim for claim, _ in TABLE] == figures.topic.claims


@pytest.mark.parametrize(("claim", "tamper"), TABLE)
def test_three_ways(claim, tamper):
    judged_three_ways(claim, toy(), tamper(toy()), departed(toy()))


def test_when_the_loss_falls_is_judged_only_where_it_was_recorded():
    timed = [figures.figure_3_steps, figures.figure_3_plateaus, figures.figure_4_contrast]
    fine, coarse = thinned(toy(), 100), thinned(toy(), 5_000)
    for claim, _ in TABLE:
        expected = Verdict.NOT_APPLICABLE if claim in timed else Verdict.PASS
        assert claim.judge(coarse).verdict is expected, claim.id
        assert claim.judge(fine).verdict is Verdict.PASS, claim.id


def test_a_run_that_never_gets_there_is_outside_every_window():
    run = losses(lambda loss: np.full_like(loss, loss[0]))(toy())
    assert first_below(run, 0.99) == np.inf
    result = figures.figure_3_steps.judge(run)
    assert (result.verdict, result.measured) == (Verdict.FAIL, np.inf)


def test_sparse_snapshots_do_not_show_a_turn():
    sparse = with_snapshots(toy(), [0, 4_000, 8_000, 15_000, 20_000])
    assert "record.geometric" in figures.figure_4_contrast.judge(sparse).note


def test_our_numbers_in_the_case_are_what_seed_0_gives():
    first = toy().trajectory.first_below
    assert [target.ours for target in TOY.targets] == [first(0.99), first(0.495)]


def test_the_law_of_a_sweep_is_the_closed_form_of_the_seed():
    for law, ours in zip(figures.topic.laws, TOY.targets, strict=True):
        assert law.predict(TOY) == pytest.approx(ours.ours, abs=3)
    assert np.isnan(figures.topic.laws[0].predict(override(TOY, {"n_steps": 100})))


# ---- figures

FIGURE_2, FIGURE_3 = figures.topic.figures


def test_figure_2_shows_the_four_phases():
    picture, _ = drawn(FIGURE_2, toy())
    titles = [f"step {step}: {name}" for step, name in figures.PHASES.items()]
    assert [panel.title for panel in picture.panels] == titles
    # boursier2022, Figure 2: h = 0 twice, then only the positive label is fitted, then both.
    expected = ([0, 0], [0, 0], [0, 1], [-1, 1])
    for panel, values in zip(picture.panels, expected, strict=True):
        (curve,) = marks(panel, "learned function")
        at_samples = np.interp(toy().X[:, 0], curve.x, curve.y)
        np.testing.assert_allclose(at_samples, values, atol=0.03)  # the grid misses the samples
    for sign, kink in (("+1", -0.5), ("-1", 2.0)):
        (stars,) = marks(picture.panels[-1].twin, f"neuron, $s_j={sign}")
        np.testing.assert_allclose(stars.x[np.abs(stars.y) > 0.05], kink, atol=0.01)


def test_figure_3_marks_the_departures_and_meets_the_closed_form():
    picture, _ = drawn(FIGURE_3, toy())
    (panel,) = picture.panels
    left = [mark.tag for mark in panel.marks if getattr(mark, "tag", "")]
    assert left == ["0 left at 5210", "saddle left at 10568"]
    (curve,), (closed,) = marks(panel, "gradient descent"), marks(panel, "closed form")
    np.testing.assert_array_equal(curve.y, toy().trajectory.loss)
    assert np.abs(curve.y - closed.y).max() <= 1e-3
    assert "closed form" in picture.caption
    assert "initial scale 1e-06" in picture.caption


def test_figure_3_closed_form_scales_with_the_factor_of_the_loss():
    changes = {"loss.factor": 1.0, "lr": 2e-3, "n_steps": 9_000, "geometric": 0.0}
    run = train(override(TOY, changes))
    assert run.trajectory.loss[0] == pytest.approx(0.5)
    assert np.abs(run.trajectory.loss - figures.predicted_loss(run)).max() <= 1e-3
    (panel,) = FIGURE_3.collect(run).panels
    assert panel.ylabel == "training loss"
    assert panel.marks[1].tag == "0 left at 5210"


@pytest.mark.parametrize(
    ("changes", "dataset"),
    [
        ({"init.scale": 1.0}, None),
        ({"init.name": "gaussian"}, None),
        ({}, on_line([0.0, 1.0], [1.0, -1.0])),
        ({}, on_line([-0.5, 2.0], [1.0, 1.0])),
        ({"loss.name": "logistic"}, None),
    ],
    ids=["large", "unbalanced", "not orthogonal", "one sign", "logistic"],
)
def test_figure_3_has_no_closed_form_outside_its_hypotheses(changes, dataset):
    run = train(override(TOY, {"n_steps": 500, **changes}), dataset)
    assert figures.predicted_loss(run) is None
    assert "closed form" not in FIGURE_3.collect(run).caption


def test_the_flow_is_named_as_such():
    (panel,) = FIGURE_3.collect(dataclasses.replace(toy(), engine="flow")).panels
    assert panel.marks[0].label == "gradient flow"
    assert panel.ylabel == "training MSE"


def test_a_loss_that_is_not_finite_is_not_drawn():
    run = train(override(TOY, {"n_steps": 20}), on_line([1e200, 2.0], [1.0, -1.0]))
    with pytest.raises(NotDrawable, match="not finite"):
        FIGURE_3.collect(run)


def test_panels_of_a_chain_show_its_own_function():
    deep = FIGURE_2.collect(protocol(depth=3)(toy())).panels[-1].marks[0]
    W, a = toy().trajectory.at(15_000)
    hidden = np.maximum(np.column_stack([deep.x, np.ones_like(deep.x)]) @ W.T, 0.0)
    np.testing.assert_allclose(deep.y, hidden @ np.where(a > 0, a**2, 0.0), atol=1e-12)
    assert np.abs(deep.y - FIGURE_2.collect(toy()).panels[-1].marks[0].y).max() > 0.1


def test_phases_are_named_only_for_the_papers_protocol():
    longer, larger = protocol(n_steps=9_000, seed=3), protocol(**{"init.scale": 1e-3})
    assert figures.phases_of(longer(toy()), TOY, figures.PHASES) == figures.PHASES
    assert figures.phases_of(larger(toy()), TOY, figures.PHASES) == {}


def test_points_in_space_have_a_loss_but_no_panels():
    points = Dataset(np.eye(3), np.array([1.0, 0.6, -0.5]), "a user's points")
    run = train(override(TOY, {"n_steps": 100}), points)
    with pytest.raises(NotDrawable, match="d = 3"):
        FIGURE_2.collect(run)
    assert len(FIGURE_3.collect(run).panels[0].marks[0].y) == 101


@pytest.mark.parametrize("figure", [FIGURE_2, FIGURE_3], ids=lambda figure: figure.id)
def test_a_users_points_are_drawn_under_their_own_name(figure):
    case = override(TOY, {"n_steps": 50, "lr": 1e-6, "data.name": "five-points"})
    user = on_line([-3.0, 0.5, 40.0], [10.0, -200.0, 3.0])
    assert drawn(figure, train(case, user))[0].caption.startswith("A user's points")


def test_the_film_has_a_frame_for_every_shown_snapshot():
    (film,) = figures.topic.animations
    frames = list(film.frames(toy()))
    assert [len(frame) for frame in frames] == [1] * len(frames)
    assert frames[0][0].title == "step 0"
    assert frames[-1][0].title == "step 20000"
    assert len(frames) > 100


@pytest.mark.slow
def test_the_files_are_the_same_twice():
    first, second = FIGURE_2.collect(toy()), FIGURE_2.collect(toy())
    assert numbers(first) == numbers(second)
    images = [canvas.render(each, FIGURE_2.layout, {}, ("png",), share=FIGURE_2.share) for each in (first, second)]
    assert images[0] == images[1]
