"""Figures 1 to 3 and the animations: what is collected, and that it can be drawn."""

import dataclasses

import numpy as np
import pytest

from flowrepro.core.network import predict
from flowrepro.core.trajectory import Dataset
from flowrepro.data.points import teacher
from flowrepro.figures import NotDrawable, animation, canvas
from flowrepro.figures.numbers import numbers
from flowrepro.papers.boursier2024 import animations
from flowrepro.papers.boursier2024.errata import MISPRINTS
from flowrepro.papers.boursier2024.figures import (
    FIGURES,
    collect_boxes,
    collect_figure_2,
    collect_figure_3,
)
from flowrepro.papers.boursier2024.least_squares import least_mse, least_squares, residuals
from flowrepro.papers.boursier2024.panels import GRID_POINTS, line_grid, on_line, with_bias
from flowrepro.papers.boursier2024.phases_figure import collect_phases
from flowrepro.papers.boursier2024.two_neurons import two_neurons

BY_ID = {figure.id: figure for figure in FIGURES}


@pytest.fixture(scope="module")
def small(run_of):
    """Runs of a few steps by the case's name."""
    return {
        "figure-1": run_of("figure-1", m=500, n_steps=2000),
        "figure-2": run_of("figure-2", n_steps=7000),
        "figure-3": run_of("figure-3", m=500, n_steps=6000),
        "phases": run_of("phases", m=500, n_steps=300),
    }


def with_points(run, X, y):
    return dataclasses.replace(
        run, dataset=Dataset(np.array(X, dtype=float), np.array(y, dtype=float), "own")
    )


def test_outputs_on_a_line_are_those_of_the_network():
    rng = np.random.default_rng(0)
    W, a, x = rng.standard_normal((300, 2)), rng.standard_normal(300), np.linspace(-2, 2, 41)
    W[:4, 0] = 0.0
    assert np.allclose(on_line(W, a, x), predict(with_bias(x), W, a), rtol=0, atol=1e-12)
    assert np.array_equal(on_line(W[:0], a[:0], x), np.zeros(41))


def test_the_grid_is_the_papers_where_it_holds_the_points():
    assert line_grid(np.array([-0.5, 0.9]))[[0, -1]].tolist() == [-1.0, 1.0]
    assert line_grid(np.array([0.0, 10.0]))[[0, -1]].tolist() == [-1.0, 11.0]


def test_two_neurons_fit_where_labels_fall_and_rise():
    x, y = np.array([0.9, -0.9, 0.05]), np.array([1.05, 1.1, 0.1])
    W, a = two_neurons(x, y)
    assert np.all(a > 0)
    assert np.allclose(predict(with_bias(x), W, a), y, rtol=0, atol=1e-14)
    assert two_neurons(np.array([-1.0, 0.0, 1.0]), np.array([1.0, 2.0, 3.0])) is None
    assert two_neurons(np.array([-1.0, 0.0, 0.01]), np.array([1.0, 0.9, 1.0])) is None


def test_least_squares_of_figure_2():
    """Exact by hand: beta* = (-4/65, 251/390), residual (16/39, -112/195, 32/195)."""
    X, y = with_bias(np.array([-0.75, -0.5, 0.125])), np.array([1.1, 0.1, 0.8])
    assert np.allclose(least_squares(X, y), [-4 / 65, 251 / 390], rtol=0, atol=1e-14)
    assert np.allclose(residuals(X, y), [16 / 39, -112 / 195, 32 / 195], rtol=0, atol=1e-14)
    assert least_mse(X, y) == pytest.approx(0.17504273504, abs=1e-11)


def test_figure_1_collects_boxes_and_three_functions(small):
    data = collect_boxes(small["figure-1"])
    assert data.boxes[1].tolist() == pytest.approx([-1 / 6, 1 / 6, 0.0, 1 / 6])
    assert np.all(
        (data.boxes[:, 0] <= data.x)
        & (data.x <= data.boxes[:, 1])
        & (data.boxes[:, 2] <= data.y)
        & (data.y <= data.boxes[:, 3])
    )
    assert np.allclose(np.interp(data.x, data.grid, data.two_neurons), data.y, atol=1e-2)
    assert np.allclose(
        data.fitted, with_bias(data.grid) @ least_squares(small["figure-1"].X, data.y)
    )


def test_figure_1_needs_three_points_that_two_neurons_fit(small):
    run = small["figure-1"]
    with pytest.raises(NotDrawable, match="three points"):
        collect_boxes(with_points(run, with_bias(np.arange(4.0)), np.ones(4)))
    with pytest.raises(NotDrawable, match="fall, then rise"):
        collect_boxes(with_points(run, run.X, [1.0, 2.0, 3.0]))


def test_figure_2_collects_what_the_neurons_are(small):
    run = small["figure-2"]
    data = collect_figure_2(run)
    assert [frame.step for frame in data.frames] == [
        0,
        3669,
        5374,
        7000,
    ]  # as many of the kept steps, since the run is short
    W, a = run.trajectory.at(5374)
    shown = data.frames[2]
    assert np.allclose(np.exp(1j * shown.angle) * shown.radius, W[:, 0] + 1j * W[:, 1])
    assert np.array_equal(shown.sign, np.sign(a))
    assert shown.h.shape == (GRID_POINTS,)
    assert data.values == pytest.approx((-0.5, 1.5))
    assert np.degrees(data.data_angles) == pytest.approx([126.870, 116.565, 82.875], abs=1e-3)


def test_figure_3_shows_its_teacher_and_no_other(small):
    run = small["figure-3"]
    data = collect_figure_3(run)
    assert np.array_equal(data.reference, teacher(data.grid))
    elsewhere = dataclasses.replace(
        run,
        case=dataclasses.replace(run.case, data=dataclasses.replace(run.case.data, name="file")),
    )
    assert collect_figure_3(elsewhere).reference is None


@pytest.mark.parametrize("id", ["1", "2", "3"])
def test_figures_are_drawn(id, small):
    figure = BY_ID[id]
    data = figure.collect(*(small[case] for case in figure.cases))
    assert canvas.render(figure, data, {}, ("png",))["png"].startswith(b"\x89PNG")
    assert numbers(data)


@pytest.mark.parametrize("collect", [collect_boxes, collect_figure_2, collect_figure_3])
def test_points_of_the_plane_are_not_drawn_on_a_line(collect, small):
    run = small["figure-1"]
    with pytest.raises(NotDrawable, match="line"):
        collect(with_points(run, [[0.0, 2.0], [1.0, 1.0], [1.0, 3.0]], run.y))


def test_animations_have_a_frame_for_each_step_shown(small):
    by_id = {each.id: each for each in animations.ANIMATIONS}
    for id, name in (("2-neurons", "phases"), ("3-function", "figure-3")):
        run = small[name]
        data = by_id[id].collect(run)
        assert [frame.step for frame in data.panels.frames] == animation.schedule(
            run.trajectory.snapshot_step
        )
        few = dataclasses.replace(data, panels=data.panels._replace(frames=data.panels.frames[-2:]))
        images = animation.draw_frames(by_id[id], few)
        assert len(images) == len(few) == 2
        assert images[0].size == images[1].size


def test_the_phases_are_drawn_where_there_are_some(run_of, small):
    data = collect_phases(run_of("phases"))
    tau, tau_2, tau_3 = data.ends
    assert tau < tau_2 < tau_3
    assert data.rate == pytest.approx(0.15785, rel=1e-3)
    assert np.interp(tau_2, data.t, data.positive) == pytest.approx(0.01, rel=0.05)
    assert canvas.render(BY_ID["beyond-phases"], data, {}, ("png",))["png"].startswith(b"\x89PNG")
    with pytest.raises(NotDrawable, match="does not grow"):
        collect_phases(small["phases"])
    with pytest.raises(NotDrawable, match="eq 4"):
        collect_phases(small["figure-3"])


def test_misprints_are_distinct():
    assert len({misprint.id for misprint in MISPRINTS}) == len(MISPRINTS)
    assert all(misprint.printed != misprint.correct for misprint in MISPRINTS)
