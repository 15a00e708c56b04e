from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from flowrepro.core.trajectory import Dataset, Run, Stop, StopReason, Trajectory
from flowrepro.figures import NotDrawable
from flowrepro.figures.canvas import render
from flowrepro.figures.numbers import numbers
from flowrepro.papers.min2024.digits_cases import DIGITS_1_0
from flowrepro.papers.min2024.experiments import CASES
from flowrepro.papers.min2024.figure_5 import FIGURES, AlignmentFigure, collect_alignment
from flowrepro.theory.alignment import class_alignment

FIGURE = FIGURES[0]


def small_run(d: int = 9) -> Run:
    """Two neurons over three records; data e1 (+1), twice, and -2 e2 (-1)."""
    X = np.zeros((3, d))
    X[0, 0] = X[1, 0] = 1.0
    X[2, 1] = -2.0
    y = np.array([1.0, 1.0, -1.0])
    W = np.zeros((3, 2, d))
    W[:, 0, 0], W[:, 1, 1] = [1.0, 2.0, 3.0], [1.0, 1.0, -1.0]
    a = np.tile([1.0, -1.0], (3, 1))
    observe = class_alignment(X, y)
    seen = [observe(weights, outputs) for weights, outputs in zip(W, a, strict=True)]
    trajectory = Trajectory(
        step=np.array([0, 20, 40]),
        t=np.array([0.0, 0.04, 0.08]),
        loss=np.array([1.0, 0.5, 0.25]),
        snapshot_step=np.array([0, 40]),
        W=W[[0, 2]],
        a=a[[0, 2]],
        group=np.arange(2),
        stop=Stop(StopReason.HORIZON, 40, 0.08),
        observed={name: np.stack([values[name] for values in seen]) for name in seen[0]},
    )
    return Run(DIGITS_1_0, Dataset(X, y, "small"), trajectory, "torch")


def test_the_figure_belongs_to_a_case() -> None:
    assert {name for figure in FIGURES for name in figure.cases} <= {case.name for case in CASES}
    assert [figure.id for figure in FIGURES] == ["5", "10", "11"]


def test_collects_what_the_run_holds() -> None:
    data = collect_alignment(small_run())
    unit = np.eye(9)
    expected = AlignmentFigure(
        correlation=np.array([[1.0, 1.0, 0.0], [1.0, 1.0, 0.0], [0.0, 0.0, 1.0]], dtype=np.float32),
        n_positive=2,
        share=2 / 6,
        step=np.array([0, 20, 40]),
        mean_cos=np.array([[1.0, -1.0], [1.0, -1.0], [1.0, 1.0]]),
        min_cos=np.array([[1.0, -1.0], [1.0, -1.0], [1.0, 1.0]]),
        max_cos=np.array([[1.0, -1.0], [1.0, -1.0], [1.0, 1.0]]),
        loss=np.array([1.0, 0.5, 0.25]),
        stable_rank=np.array([2.0, 5 / 4, 10 / 9]),
        spectral2=np.array([1.0, 4.0, 9.0]),
        images=np.stack([3 * unit[0], -unit[1], unit[0], -2 * unit[1]]).reshape(4, 3, 3),
        image_step=40,
    )
    for name, value in expected._asdict().items():
        np.testing.assert_array_equal(getattr(data, name), value, err_msg=name)


def test_needs_the_alignment() -> None:
    run = small_run()
    with pytest.raises(NotDrawable, match=r"record\.observe"):
        collect_alignment(replace(run, trajectory=replace(run.trajectory, observed={})))


def drawn(data: AlignmentFigure) -> list[Any]:
    from matplotlib.figure import Figure as Canvas

    axes = list(Canvas().subplots(1, 10))
    FIGURE.draw(axes, data)
    return axes


def test_draws_the_collected_numbers() -> None:
    data = collect_alignment(small_run())
    heat, up, down, loss, rank, norm, *images = drawn(data)
    np.testing.assert_array_equal(heat.images[0].get_array(), data.correlation)
    assert heat.images[0].get_clim() == (-1, 1)
    for ax, values in (
        (up, data.mean_cos[:, 0]),
        (down, data.mean_cos[:, 1]),
        (loss, data.loss),
        (rank, data.stable_rank),
        (norm, data.spectral2),
    ):
        np.testing.assert_array_equal(
            ax.lines[0].get_xydata(), np.column_stack([data.step, values])
        )
    assert loss.get_yscale() == "log"
    for ax, image in zip(images, data.images, strict=True):
        np.testing.assert_array_equal(ax.images[0].get_array(), image)


def one_class(run: Run) -> Run:
    y = np.ones(3)
    seen = class_alignment(run.X, y)(run.trajectory.W[0], run.trajectory.a[0])
    observed = {name: np.stack([value] * 3) for name, value in seen.items()}
    return replace(
        run,
        dataset=replace(run.dataset, y=y),
        trajectory=replace(run.trajectory, observed=observed),
    )


def cut_short(run: Run) -> Run:
    observed = {name: values[:1] for name, values in run.trajectory.observed.items()}
    return replace(run, trajectory=replace(run.trajectory, observed=observed))


@pytest.mark.parametrize(
    "run",
    [small_run(), small_run(d=5), small_run(d=2), one_class(small_run()), cut_short(small_run())],
)
def test_renders_images_strips_and_missing_classes_the_same_way_twice(run: Run) -> None:
    data = collect_alignment(run)
    first = render(FIGURE, data, {"seed": "0"}, ["png"])
    assert first["png"].startswith(b"\x89PNG")
    assert render(FIGURE, data, {"seed": "0"}, ["png"]) == first
    assert numbers(data)["image_step"] == [40]
