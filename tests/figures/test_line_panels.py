"""Panels on the line: which steps, what is in them, on which runs they exist, and what is drawn."""

import matplotlib.figure
import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from flowrepro.core.config import Data, Descent, Init, Loss, Model, Record, TrainingCase
from flowrepro.core.trajectory import Dataset, Run, Stop, StopReason, Trajectory
from flowrepro.figures import NotDrawable, renderer, style
from flowrepro.figures.line_panels import GRID_POINTS, line_panels, shown_steps, snapshot
from flowrepro.figures.panels import Note

# Four neurons: a kink at -0.5 seen by x = 2, one at 1 seen by x = -0.5, one without a kink, one
# that no sample activates.
W = np.array([[2.0, 1.0], [-3.0, 3.0], [0.0, 1.0], [-1.0, -4.0]])
A = np.array([1.0, -2.0, 0.5, -1.0])


def hand_made(steps=(0, 10, 20), asked=(0, 10, 20), X=None, y=(-1.0, 1.0), W=W, a=A, alpha=0.0):
    """A run whose weights at the i-th snapshot are i times (W, a)."""
    case = TrainingCase(
        name="hand",
        command="orthogonal",
        paper="boursier2022",
        shows="",
        data=Data(name="two-points"),
        init=Init(name="balanced", m=len(a), scale=1.0),
        loss=Loss(name="square", reduction="mean", factor=2.0),
        protocol=Descent(lr=0.1, n_steps=steps[-1]),
        model=Model(alpha=alpha),
        record=Record(snapshots=asked),
    )
    factor = np.arange(len(steps), dtype=float)
    curve = np.arange(steps[-1] + 1)
    trajectory = Trajectory(
        step=curve,
        t=0.2 * curve,
        loss=np.exp(-0.1 * curve),
        snapshot_step=np.array(steps),
        W=factor[:, None, None] * W,
        a=factor[:, None] * a,
        group=np.arange(len(a)),
        stop=Stop(StopReason.HORIZON, steps[-1], 0.2 * steps[-1]),
    )
    X = np.array([[-0.5, 1.0], [2.0, 1.0]]) if X is None else X
    return Run(case, Dataset(X, np.array(y), ""), trajectory, "fused")


def grid_of(panel):
    """The abscissae of the learned function."""
    return panel.marks[0].x


def test_a_snapshot_holds_what_the_weights_say():
    x = np.linspace(-1.5, 3.0, GRID_POINTS)
    found = snapshot(hand_made(), 10, x)
    np.testing.assert_allclose(
        found.h, np.maximum(2 * x + 1, 0) - 2 * np.maximum(3 - 3 * x, 0) + 0.5 - np.maximum(-x - 4, 0), atol=1e-12
    )
    np.testing.assert_array_equal(found.kink, [-0.5, 1.0, np.nan, -4.0])
    np.testing.assert_allclose(found.height, [np.sqrt(5), -np.sqrt(18), 1.0, -np.sqrt(17)])
    np.testing.assert_array_equal(found.kind, [1, -1, 1, 0])


def test_panels_hold_what_the_snapshots_say():
    run = hand_made()
    first, second = line_panels(run, (0, 10), {10: "second"})
    np.testing.assert_array_equal(grid_of(first), np.linspace(-1.5, 3.0, GRID_POINTS))
    np.testing.assert_allclose(first.ylim, (-3.6, 2.0))
    assert first.xlim == (-1.5, 3.0)
    curve, samples, *_ = second.marks
    np.testing.assert_array_equal(first.marks[0].y, np.zeros(GRID_POINTS))
    np.testing.assert_array_equal(curve.y, snapshot(run, 10, grid_of(second)).h)
    np.testing.assert_array_equal(samples.x, run.X[:, 0])
    np.testing.assert_array_equal(samples.y, run.y)
    # the kink of the dead neuron lies outside, so that it does not set the scale
    assert second.twin.ylim == pytest.approx((-1.12 * np.sqrt(18), 1.12 * np.sqrt(18)))


def test_a_leaky_network_has_no_dead_neuron():
    found = snapshot(hand_made(alpha=0.1), 10, np.zeros(1))
    np.testing.assert_array_equal(found.kind, [1, -1, 1, -1])


def test_grouped_neurons_are_all_shown():
    run = hand_made()
    grouped = Trajectory(**{**vars(run.trajectory), "group": np.array([0, 0, 1, 2, 3, 3])})
    found = snapshot(Run(run.case, run.dataset, grouped, "fused"), 10, np.zeros(1))
    np.testing.assert_array_equal(found.kind, [1, 1, -1, 1, 0, 0])


@pytest.mark.parametrize(
    ("steps", "asked", "expected"),
    [
        ((0, 10, 15, 20, 30), (0, 10, 20, 30), [0, 10, 20]),
        ((0, 10, 15), (0, 10, 20, 30), [0, 10, 15]),
        ((0, 10), (), [0, 10]),
        ((0, 7, 14, 21, 28, 35), (7, 14, 21, 28), [0, 14, 35]),
        ((0,), (), [0]),
    ],
)
def test_only_steps_that_exist_are_shown(steps, asked, expected):
    assert shown_steps(hand_made(steps=steps, asked=asked), (0, 10, 20)) == expected


@pytest.mark.parametrize(
    ("X", "reason"),
    [(np.array([[0.0, 0.0, 1.0], [1.0, 2.0, 1.0]]), "d = 3"), (np.array([[0.0, 0.5], [1.0, 2.0]]), "not constant 1")],
)
def test_points_off_a_line_are_not_drawable(X, reason):
    weights = np.ones((4, X.shape[1]))
    with pytest.raises(NotDrawable, match=reason):
        line_panels(hand_made(X=X, W=weights), (0,), {})


def test_margins_follow_data_of_another_size():
    (wide,) = line_panels(hand_made(X=np.array([[0.0, 1.0], [900.0, 1.0]]), y=(0.0, 300.0)), (0,), {})
    assert (grid_of(wide)[0], grid_of(wide)[-1]) == (-300.0, 1200.0)
    assert wide.ylim == (-100.0, 400.0)
    (one,) = line_panels(hand_made(X=np.array([[2.0, 1.0]]), y=(1.0,)), (0,), {})
    assert (grid_of(one)[0], grid_of(one)[-1]) == (1.0, 3.0)


def test_drawing_puts_every_star_and_shares_the_scales():
    run = hand_made()
    panels = line_panels(run, (0, 10, 20), {10: "middle"})
    figure = matplotlib.figure.Figure(figsize=(6, 5), layout="constrained")
    FigureCanvasAgg(figure)
    with style.paper_style():
        axes = renderer.draw(figure, panels, (2, 2, 6, 5), "both")
    assert [ax.get_title("left") for ax in axes] == ["(a) step 0", "(b) step 10: middle", "(c) step 20", ""]
    assert not axes[3].axison
    twins = [ax for ax in figure.axes if ax not in axes]
    assert len({twin.get_ylim() for twin in twins}) == 1
    assert len({ax.get_ylim() for ax in axes[:3]}) == 1
    stars = sum(len(line.get_xdata()) for line in twins[1].lines if line.get_marker() == "*")
    assert stars == 4
    curve, samples = axes[1].lines
    np.testing.assert_array_equal(curve.get_ydata(), panels[1].marks[0].y)
    np.testing.assert_array_equal(samples.get_xydata(), np.column_stack([run.X[:, 0], run.y]))
    labels = [text.get_text() for text in figure.legends[0].get_texts()]
    assert labels == ["learned function $h$", "data", "dead neuron", "neuron, $s_j=+1$", "neuron, $s_j=-1$"]


def test_a_function_beyond_the_axis_is_announced():
    near, far = line_panels(hand_made(a=1000 * A), (0, 10), {})
    assert not near.has(Note)
    (note,) = [mark for mark in far.marks if isinstance(mark, Note)]
    assert note.text.startswith("$h$ from -")


def test_a_title_without_and_with_a_phase():
    titles = [panel.title for panel in line_panels(hand_made(), (0, 10), {10: "fit"})]
    assert titles == ["step 0", "step 10: fit"]
