"""Animations of boursier2024: the learned function, and the neurons in polar coordinates, along Figures 2 and 3.

Those of Figure 2 show the case with fewer neurons, which keeps all frames.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from flowrepro.core.trajectory import Run
from flowrepro.figures.animation import Animation, schedule
from flowrepro.figures.line_panels import legend_below, require_line
from flowrepro.papers.boursier2024.figures import figure_2_values, fitted_line, taught
from flowrepro.papers.boursier2024.panels import Panels, collect_panels, draw_function, draw_neurons

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True)
class Frames:
    """Panels with a frame for every step shown."""

    panels: Panels

    def __len__(self) -> int:
        return len(self.panels.frames)


def collect_figure_2(run: Run) -> Frames:
    """Every frame of Figure 2, least squares dashed."""
    require_line(run)
    return Frames(
        collect_panels(
            run,
            schedule(run.trajectory.snapshot_step),
            fitted_line(run),
            "least squares",
            figure_2_values(run),
        )
    )


def collect_figure_3(run: Run) -> Frames:
    """Every frame of Figure 3, the teacher dashed."""
    require_line(run)
    return Frames(
        collect_panels(run, schedule(run.trajectory.snapshot_step), taught(run), "teacher")
    )


def draw_function_frame(axes: Sequence[Axes], data: Frames, k: int) -> None:
    """The learned function."""
    shown = data.panels.frames[k]
    draw_function(axes[0], data.panels, shown)
    axes[0].set_xlabel("$x$")
    axes[0].set_title(f"step {shown.step}")
    if k == 0:
        legend_below(axes)


def draw_neurons_frame(axes: Sequence[Axes], data: Frames, k: int) -> None:
    """The neurons; the outer circle is the largest norm of the frame."""
    shown = data.panels.frames[k]
    draw_neurons(axes[0], data.panels, shown)
    axes[0].set_title(f"step {shown.step}", y=1.08)
    if k == 0:
        legend_below(axes, columns=2)


ANIMATIONS: tuple[Animation, ...] = (
    Animation(
        id="2-function",
        file="figure-2-function",
        case="phases",
        caption="Three points: the learned function along training, which ends at least squares.",
        size=(4.4, 3.4),
        collect=collect_figure_2,
        draw=draw_function_frame,
    ),
    Animation(
        id="2-neurons",
        file="figure-2-neurons",
        case="phases",
        caption="Three points: directions and norms of the neurons along training; norm 0 is the inner circle.",
        size=(3.6, 4.0),
        collect=collect_figure_2,
        draw=draw_neurons_frame,
        projections=("polar",),
    ),
    Animation(
        id="3-function",
        file="figure-3-function",
        case="figure-3",
        caption="40 points of a teacher with eight pieces: the learned function along training, which ends with five.",
        size=(4.4, 3.4),
        collect=collect_figure_3,
        draw=draw_function_frame,
    ),
    Animation(
        id="3-neurons",
        file="figure-3-neurons",
        case="figure-3",
        caption="40 points of a teacher with eight pieces: directions and norms of the neurons along training.",
        size=(3.6, 4.0),
        collect=collect_figure_3,
        draw=draw_neurons_frame,
        projections=("polar",),
    ),
)
