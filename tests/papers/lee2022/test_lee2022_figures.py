"""Every figure is collected and drawn from quick runs; what cannot be drawn says why."""

from __future__ import annotations

import matplotlib.figure
import numpy as np
import pytest
from lee_cases import BY_NAME, quick_run, study, untaught

from flowrepro.core.config import TrainingCase
from flowrepro.core.trajectory import Run, Study
from flowrepro.figures import Figure, NotDrawable, canvas
from flowrepro.papers.lee2022 import angle_figures, deep_figure, norm_figures

FIGURES = {
    figure.id: figure
    for figure in (*angle_figures.FIGURES, *norm_figures.FIGURES, *deep_figure.FIGURES)
}


def result_of(name: str) -> Run | Study:
    return (
        quick_run(name)
        if isinstance(BY_NAME[name], TrainingCase)
        else study(name, {"n": 40, "small_steps": 25, "large_steps": 25, "large_lr": 5e-6})
    )


def drawn(figure: Figure) -> matplotlib.figure.Figure:
    return canvas._drawn(figure, figure.collect(*map(result_of, figure.cases)))


@pytest.mark.parametrize("id", FIGURES)
def test_figures_are_drawn(id: str) -> None:
    figure = drawn(FIGURES[id])
    assert all(ax.lines for ax in figure.axes)
    assert len(figure.legends) == 1


def test_angles_show_the_nine_runs_between_their_bounds() -> None:
    data = FIGURES["1"].collect(*map(quick_run, FIGURES["1"].cases))
    assert [panel.title for panel in data.panels[::4]] == ["(a) 1L-SN", "(e) 2L-MN", "(i) 3L-LN"]
    for panel in data.panels:
        assert panel.step[0] == 0
        assert panel.step[-1] == 10_000
        assert np.all(panel.low[1:] < panel.theta[1:])
        assert np.all(panel.theta[1:] < panel.high[1:])


def test_restarted_bounds_start_at_the_norm() -> None:
    data = FIGURES["3"].collect(*map(quick_run, FIGURES["3"].cases))
    assert [[int(restart.step[0]) for restart in panel.restarts] for panel in data.panels] == [
        [0, 2_500, 5_000, 7_500],
        [0, 120, 250, 500],
    ]
    for restart in data.panels[1].restarts:
        assert restart.low[0] == pytest.approx(restart.norm)
        assert restart.high[0] == pytest.approx(restart.norm)


@pytest.mark.parametrize("id", ["1", "2", "3"])
def test_points_without_a_teacher_cannot_be_drawn(id: str) -> None:
    runs = [untaught(quick_run(name)) for name in FIGURES[id].cases]
    with pytest.raises(NotDrawable, match="teacher"):
        FIGURES[id].collect(*runs)
