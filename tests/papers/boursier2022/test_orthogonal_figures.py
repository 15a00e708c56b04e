"""Figures 2 to 5: what is collected from real runs, where a picture does not exist, and that nothing is cut off."""

import dataclasses
import itertools

import matplotlib.figure
import numpy as np
import pytest

from flowrepro import data, engines
from flowrepro.core import initialize
from flowrepro.core.config import override
from flowrepro.core.trajectory import Dataset, Run
from flowrepro.engines.base import Problem, SaveAt
from flowrepro.engines.base import run as drive
from flowrepro.figures import NotDrawable, canvas, style
from flowrepro.figures.numbers import numbers
from flowrepro.papers.boursier2022 import figures
from flowrepro.papers.boursier2022.experiments import CASES, FIVE_POINTS, LAZY, TOY
from flowrepro.theory.tangent_kernel import kernel_interpolator

BY_ID = {figure.id: figure for figure in figures.FIGURES}
BY_NAME = {case.name: case for case in CASES}


def trained(case, dataset=None):
    dataset = dataset or data.load(case.data)
    weights = initialize.initial_weights(case.init, case.seed, dataset.X.shape[1])
    problem = Problem.of(case, dataset.X, dataset.y, *weights)
    return Run(
        case,
        dataset,
        drive(engines.load("fused"), problem, SaveAt.of(case.record, case.protocol.n_steps)),
        "fused",
    )


@pytest.fixture(scope="module")
def toy():
    return trained(TOY)


@pytest.fixture(scope="module")
def five():
    return trained(override(FIVE_POINTS, FIVE_POINTS.quick))


@pytest.fixture(scope="module")
def lazy():
    return trained(LAZY)


def on_line(x, y):
    return Dataset(np.column_stack([x, np.ones(len(x))]), np.array(y), "a user's points")


def test_declarations_are_consistent():
    assert len(BY_ID) == len(figures.FIGURES)
    assert len({figure.file for figure in figures.FIGURES}) == len(figures.FIGURES)
    assert {name for figure in figures.FIGURES for name in figure.cases} <= set(BY_NAME)
    assert set(BY_ID) == {
        "1",
        "2",
        "3",
        "3-seeds",
        "4",
        "5",
        "6",
        "7",
        "escape-times",
        "distances",
        "without-assumption-3",
        "sign-jumps",
        "validity",
    }
    for figure in figures.FIGURES:
        assert figure.layout[2] in (style.COLUMN, style.PAGE)


def test_figure_2_shows_the_four_phases(toy):
    collected = figures.collect_toy_panels(toy)
    assert [panel.step for panel in collected.panels] == [0, 4_000, 8_000, 15_000]
    assert [panel.phase for panel in collected.panels] == list(figures.TOY_PHASES.values())
    # boursier2022, Figure 2: h = 0 twice, then only the positive label is fitted, then both.
    at_samples = [np.interp(toy.X[:, 0], collected.grid, panel.h) for panel in collected.panels]
    for values, expected in zip(at_samples, ([0, 0], [0, 0], [0, 1], [-1, 1]), strict=True):
        np.testing.assert_allclose(
            values, expected, atol=0.03
        )  # the grid does not hold the samples
    last = collected.panels[-1]
    large = np.abs(last.height) > 0.05
    np.testing.assert_allclose(last.kink[large & (last.kind == 1)], -0.5, atol=0.01)
    np.testing.assert_allclose(last.kink[large & (last.kind == -1)], 2.0, atol=0.01)


def test_figure_3_marks_the_departures_and_meets_the_closed_form(toy):
    collected = figures.collect_loss(toy)
    assert collected.departures == (5_210, 10_568)
    np.testing.assert_array_equal(collected.loss, toy.trajectory.loss)
    assert np.abs(collected.loss - collected.predicted).max() <= 1e-3


def test_figure_3_closed_form_scales_with_the_factor_of_the_loss():
    case = override(TOY, {"loss.factor": 1.0, "lr": 2e-3, "n_steps": 9_000, "geometric": 0.0})
    collected = figures.collect_loss(trained(case))
    assert collected.loss[0] == pytest.approx(0.5)
    assert np.abs(collected.loss - collected.predicted).max() <= 1e-3
    assert collected.departures[0] == 5_210


@pytest.mark.parametrize(
    ("case", "dataset"),
    [
        (override(TOY, {"init.scale": 1.0, "n_steps": 500}), None),
        (override(TOY, {"init.name": "gaussian", "n_steps": 500}), None),
        (override(TOY, {"n_steps": 500}), on_line([0.0, 1.0], [1.0, -1.0])),
        (override(TOY, {"n_steps": 500}), on_line([-0.5, 2.0], [1.0, 1.0])),
        (override(TOY, {"n_steps": 500, "loss.name": "logistic"}), None),
    ],
    ids=["large", "unbalanced", "not orthogonal", "one sign", "logistic"],
)
def test_figure_3_has_no_closed_form_outside_its_hypotheses(case, dataset):
    assert figures.collect_loss(trained(case, dataset)).predicted is None


def test_curves_say_what_they_are(toy, five):
    assert (figures.collect_loss(toy).method, figures.collect_loss(toy).quantity) == (
        "gradient descent",
        "training MSE",
    )
    assert figures.collect_five_points(five).quantity == "training MSE"
    flow = dataclasses.replace(toy, engine="flow", case=override(TOY, {"loss.factor": 1.0}))
    assert (figures.collect_loss(flow).method, figures.collect_loss(flow).quantity) == (
        "gradient flow",
        "training loss",
    )


def drawn(name, run):
    figure = BY_ID[name]
    cases, columns, width, height = figure.layout
    canvas = matplotlib.figure.Figure(figsize=(width, height), layout="constrained")
    axes = list(canvas.subplots(cases, columns, squeeze=False).ravel())
    figure.draw(axes, figure.collect(run))
    canvas.draw_without_rendering()
    return axes


def test_the_method_and_the_quantity_are_drawn(toy):
    (ax,) = drawn("3", dataclasses.replace(toy, engine="flow"))
    assert ax.lines[0].get_label() == "gradient flow"
    assert ax.get_ylabel() == "training MSE"


def test_the_columns_of_figure_4_are_evenly_spaced(five):
    boxes = [ax.get_position() for ax in drawn("4", five)]
    gaps = [
        right.x0 - left.x1
        for case in (boxes[:3], boxes[3:])
        for left, right in itertools.pairwise(case)
    ]
    np.testing.assert_allclose(gaps, gaps[0], atol=2e-3)
    np.testing.assert_allclose([box.width for box in boxes], boxes[0].width, atol=2e-3)
    assert 0 < gaps[0] < 0.06


def test_a_loss_that_is_not_finite_is_not_drawn():
    run = trained(override(TOY, {"n_steps": 20}), on_line([1e200, 2.0], [1.0, -1.0]))
    for name in ("3", "4"):
        with pytest.raises(NotDrawable, match="not finite"):
            BY_ID[name].collect(run)
    assert BY_ID["5"].collect(run).interpolator is None


def test_panels_of_a_chain_show_its_own_function(toy):
    shallow = figures.collect_toy_panels(toy).panels[-1].h
    deep = (
        figures.collect_toy_panels(dataclasses.replace(toy, case=override(TOY, {"depth": 3})))
        .panels[-1]
        .h
    )
    W, a = toy.trajectory.at(15_000)
    grid = figures.collect_toy_panels(toy).grid
    expected = np.maximum(np.column_stack([grid, np.ones_like(grid)]) @ W.T, 0.0) @ np.where(
        a > 0, a**2, 0.0
    )
    np.testing.assert_allclose(deep, expected, atol=1e-12)
    assert np.abs(deep - shallow).max() > 0.1


def test_figure_4_of_a_shorter_run_ends_with_its_last_step(five):
    collected = figures.collect_five_points(five)
    assert [panel.step for panel in collected.panels.panels] == [0, 15_000, 94_000, 100_000]
    assert collected.panels.panels[2].phase == "saddle"
    assert collected.panels.panels[3].phase == ""
    np.testing.assert_array_equal(collected.step, five.trajectory.step)


def test_figure_5_draws_the_kernel_interpolator(lazy):
    collected = figures.collect_lazy(lazy)
    assert [panel.step for panel in collected.panels.panels] == [0, 5_000]
    x = np.column_stack([collected.panels.grid, np.ones(len(collected.panels.grid))])
    expected = kernel_interpolator(lazy.X, lazy.y, *lazy.trajectory.at(0))
    np.testing.assert_array_equal(collected.interpolator, expected(x))
    np.testing.assert_allclose(expected(lazy.X), lazy.y, atol=1e-8)
    start, end = (panel.h for panel in collected.panels.panels)
    assert (
        np.abs(end - collected.interpolator).max() / np.abs(collected.interpolator - start).max()
        <= 0.35
    )


def test_figure_5_has_no_interpolator_for_another_loss(lazy):
    other = Run(
        override(LAZY, {"loss.name": "logistic"}), lazy.dataset, lazy.trajectory, lazy.engine
    )
    assert figures.collect_lazy(other).interpolator is None


def test_phases_are_named_only_for_the_papers_protocol(toy):
    assert (
        figures.phases_of(
            dataclasses.replace(toy, case=override(TOY, {"n_steps": 9_000, "seed": 3})),
            TOY,
            figures.TOY_PHASES,
        )
        == figures.TOY_PHASES
    )
    assert (
        figures.phases_of(
            dataclasses.replace(toy, case=override(TOY, {"init.scale": 1e-3})),
            TOY,
            figures.TOY_PHASES,
        )
        == {}
    )


def test_points_in_the_plane_have_a_loss_but_no_panels():
    points = Dataset(np.eye(3), np.array([1.0, 0.6, -0.5]), "a user's points")
    run = trained(override(TOY, {"n_steps": 100}), points)
    for name in ("2", "4", "5"):
        with pytest.raises(NotDrawable, match="d = 3"):
            BY_ID[name].collect(run)
    assert len(figures.collect_loss(run).loss) == 101


def runs_to_draw():
    user = on_line([-3.0, 0.5, 40.0], [10.0, -200.0, 3.0])
    for figure in (
        figure
        for figure in figures.FIGURES
        if not figure.many_seeds and figure.cases[0] in ("toy", "five-points", "lazy")
    ):
        case = BY_NAME[figure.cases[0]]
        yield pytest.param(
            figure,
            case if case is not FIVE_POINTS else override(case, case.quick),
            None,
            id=f"{figure.id}-paper",
        )
        yield pytest.param(
            figure, override(case, {"n_steps": 50, "lr": 1e-6}), user, id=f"{figure.id}-user"
        )


@pytest.mark.parametrize(("figure", "case", "dataset"), list(runs_to_draw()))
def test_nothing_is_cut_off_or_overlaps(figure, case, dataset):
    run = trained(case, dataset)
    cases, columns, width, height = figure.layout
    with style.paper_style():
        drawn = matplotlib.figure.Figure(figsize=(width, height), layout="constrained")
        axes = list(drawn.subplots(cases, columns, squeeze=False).ravel())
        figure.draw(axes, figure.collect(run))
        drawn.draw_without_rendering()
        box = drawn.get_tightbbox()
        assert box.x0 >= 0
        assert box.y0 >= 0
        assert box.x1 <= width
        assert box.y1 <= height
        titles = [
            title
            for ax in axes
            for title in (ax.title, ax._left_title, ax.xaxis.label, ax.yaxis.label)
            if title.get_text() and ax.axison
        ]
        boxes = [title.get_window_extent() for title in titles]
        assert not any(left.overlaps(right) for left, right in itertools.combinations(boxes, 2))
        assert min(text.get_fontsize() for text in titles) >= 7


def test_collecting_leaves_the_run_alone_and_the_files_are_the_same_twice(toy):
    before = [
        array.copy() for array in (toy.trajectory.W, toy.trajectory.a, toy.trajectory.loss, toy.X)
    ]
    first = {
        name: (
            numbers(BY_ID[name].collect(toy)),
            canvas.render(BY_ID[name], BY_ID[name].collect(toy), {"case": "toy"}),
        )
        for name in ("2", "3")
    }
    second = {
        name: (
            numbers(BY_ID[name].collect(toy)),
            canvas.render(BY_ID[name], BY_ID[name].collect(toy), {"case": "toy"}),
        )
        for name in ("2", "3")
    }
    assert first == second
    for array, kept in zip(
        (toy.trajectory.W, toy.trajectory.a, toy.trajectory.loss, toy.X), before, strict=True
    ):
        np.testing.assert_array_equal(array, kept)
