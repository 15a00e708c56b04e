"""Figures of boursier2024: three points before and after training, and the two trainings of Figures 2 and 3."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from flowrepro.core.network import predict
from flowrepro.core.trajectory import Run
from flowrepro.data.points import teacher
from flowrepro.figures import Figure, NotDrawable, style
from flowrepro.figures.line_panels import legend_below, require_line
from flowrepro.papers.boursier2024 import (
    alignment_map,
    analysis_figure,
    basin,
    box_study,
    critical_scale,
    eight_piece_sets,
    infinite_width,
    label_signs,
    leaky_slopes,
    omnidirectionality,
    phases_figure,
    saddle_view,
    scaling_laws,
    unbalanced_width,
)
from flowrepro.papers.boursier2024.assumptions import boxes
from flowrepro.papers.boursier2024.least_squares import least_squares
from flowrepro.papers.boursier2024.panels import (
    Panels,
    collect_panels,
    draw_panels,
    line_grid,
    on_line,
    with_bias,
)
from flowrepro.papers.boursier2024.three_point_observations import ETA
from flowrepro.papers.boursier2024.two_neurons import two_neurons

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FIGURE_2_STEPS = (0, 3031, 6504, 2_000_000)
"""Initialisation, end of phase 2a, end of phase 2, convergence; the paper gives the last number only."""
FIGURE_3_STEPS = (0, 5374, 113_573, 1_017_009, 2_999_999)
"""Initialisation, end of the early phase, one piece, four pieces, convergence; the numbers are ours."""

# Figure 1 -----------------------------------------------------------------------------------------------------------


class Boxes(NamedTuple):
    """Samples x, y (3,), boxes (3, 4) of Assumption 3 as x from, x to, y from, y to, and three functions on the grid: least squares, two neurons, trained."""

    x: np.ndarray
    y: np.ndarray
    boxes: np.ndarray
    grid: np.ndarray
    fitted: np.ndarray
    two_neurons: np.ndarray
    trained: np.ndarray


def collect_boxes(run: Run) -> Boxes:
    """Three points with the boxes of Assumption 3, and what training makes of them (Figure 1).

    Raises NotDrawable for other numbers of points, or where no two neurons with positive a fit them this way.
    """
    require_line(run)
    x, y = run.X[:, 0], run.y
    if len(y) != 3:
        raise NotDrawable(f"Figure 1 shows three points and the boxes for them; these are {len(y)}")
    grid = line_grid(x)
    low, high = boxes(ETA)
    sides = np.column_stack([low[:6:2], high[:6:2], low[6:], high[6:]])
    pair = two_neurons(x, y)
    if pair is None:
        raise NotDrawable(
            "Figure 1 shows three points with labels that fall, then rise, which two neurons fit; these are not such points"
        )
    trained = on_line(*run.trajectory.at(run.trajectory.last_step), grid)
    return Boxes(x, y, sides, grid, fitted_line(run), predict(with_bias(grid), *pair), trained)


def draw_boxes(axes: Sequence[Axes], data: Boxes) -> None:
    """One panel."""
    (ax,) = axes
    for k, (left, right, low, high) in enumerate(data.boxes):
        ax.fill(
            [left, right, right, left],
            [low, low, high, high],
            color=style.DEAD,
            alpha=0.3,
            linewidth=0,
            label="" if k else "boxes of Assumption 3, $\\eta=1/6$",
        )
    ax.plot(data.grid, data.two_neurons, ":", color=style.POSITIVE, label="two neurons that fit")
    ax.plot(data.grid, data.trained, color=style.LEARNED, linewidth=2.2, label="trained network")
    ax.plot(data.grid, data.fitted, "--", color=style.THEORY, linewidth=1.0, label="least squares")
    ax.plot(data.x, data.y, "o", color=style.DATA, markersize=4, label="data")
    ax.set_xlim(data.grid[0], data.grid[-1])
    ax.set_ylim(-0.1, 1.3)
    ax.set_xlabel("$x$")
    ax.set_ylabel("$y$")
    legend_below(axes, columns=2)


# Figures 2 and 3 ----------------------------------------------------------------------------------------------------


def collect_figure_2(run: Run) -> Panels:
    """The learned function and the neurons at four steps, least squares dashed."""
    require_line(run)
    return collect_panels(
        run, FIGURE_2_STEPS, fitted_line(run), "least squares", figure_2_values(run)
    )


def figure_2_values(run: Run) -> tuple[float, float]:
    """Limits of the values, -0.5 to 1.5 for the paper's points."""
    spread = float(np.ptp(run.y)) or 1.0
    return float(run.y.min()) - 0.6 * spread, float(run.y.max()) + 0.4 * spread


def fitted_line(run: Run) -> np.ndarray:
    """Least squares on the grid."""
    return with_bias(line_grid(run.X[:, 0])) @ least_squares(run.X, run.y)  # type: ignore[no-any-return]


def collect_figure_3(run: Run) -> Panels:
    """The learned function and the neurons at five steps, the teacher dashed."""
    require_line(run)
    return collect_panels(run, FIGURE_3_STEPS, taught(run), "teacher")


def taught(run: Run) -> np.ndarray | None:
    """The teacher on the grid; None for points of another origin."""
    return teacher(line_grid(run.X[:, 0])) if run.case.data.name == "eight-pieces" else None


FIGURES: tuple[Figure, ...] = (
    Figure(
        id="1",
        file="figure-1-boxes",
        cases=("figure-1",),
        caption="Three points that satisfy Assumption 3: two neurons fit them, training ends at least squares.",
        layout=(1, 1, style.COLUMN, 3.0),
        collect=collect_boxes,
        draw=draw_boxes,
    ),
    Figure(
        id="2",
        file="figure-2-three-points",
        cases=("figure-2",),
        caption="Three points: the learned function and the directions and norms of the neurons at four steps; training ends at least squares.",
        layout=("AAB;CCD;EEF;GGH", style.PAGE, 8.6),
        collect=collect_figure_2,
        draw=draw_panels,
        projections=dict.fromkeys("BDFH", "polar"),
        tolerance=(1e-4, 1e-6),  # single neurons over millions of steps
    ),
    Figure(
        id="3",
        file="figure-3-eight-pieces",
        cases=("figure-3",),
        caption="40 points of a teacher with eight linear pieces: the learned function and the neurons at five steps; training ends with five pieces.",
        layout=("AAB;CCD;EEF;GGH;IIJ", style.PAGE, 10.0),
        collect=collect_figure_3,
        draw=draw_panels,
        projections=dict.fromkeys("BDFHJ", "polar"),
        tolerance=(1e-4, 1e-6),  # single neurons over millions of steps
    ),
    phases_figure.FIGURE,
    *analysis_figure.FIGURES,
    *scaling_laws.FIGURES,
    *critical_scale.FIGURES,
    *basin.FIGURES,
    *unbalanced_width.FIGURES,
    *infinite_width.FIGURES,
    *leaky_slopes.FIGURES,
    *alignment_map.FIGURES,
    *box_study.FIGURES,
    *omnidirectionality.FIGURES,
    *eight_piece_sets.FIGURES,
    *saddle_view.FIGURES,
    *label_signs.FIGURES,
)
