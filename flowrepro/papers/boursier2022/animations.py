"""Animations of boursier2022: the learned function and the neurons along the toy and the five points."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from flowrepro.core.trajectory import Run
from flowrepro.figures.animation import Animation, schedule
from flowrepro.figures.line_panels import (
    LinePanels,
    collect_line_panels,
    draw_line_panels,
    legend_below,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

RATIO = 1.05
"""Of the steps of two frames; both cases keep snapshots on this grid."""


@dataclass(frozen=True)
class Frames:
    """Panels with one per step shown."""

    panels: LinePanels

    def __len__(self) -> int:
        return len(self.panels.panels)


def collect(run: Run) -> Frames:
    """A frame for every snapshot on the geometric schedule."""
    return Frames(collect_line_panels(run, schedule(run.trajectory.snapshot_step, RATIO), {}))


def draw(axes: Sequence[Axes], data: Frames, k: int) -> None:
    """One snapshot as a panel of the figures."""
    shown = data.panels.panels[k]
    draw_line_panels(axes, data.panels._replace(panels=(shown,)), columns=1)
    axes[0].set_title(f"step {shown.step}")
    if k == 0:
        legend_below(axes, columns=3)


ANIMATIONS: tuple[Animation, ...] = (
    Animation(
        id="2",
        file="toy",
        case="toy",
        caption="Two orthogonal points: learned function, and kink and signed norm of every neuron along training.",
        size=(5.0, 3.6),
        collect=collect,
        draw=draw,
    ),
    Animation(
        id="4",
        file="five-points",
        case="five-points",
        caption="Five points that are not orthogonal: learned function, and kink and signed norm of every neuron along training.",
        size=(5.0, 3.6),
        collect=collect,
        draw=draw,
    ),
)
