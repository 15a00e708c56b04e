"""Figures 6 to 9 of min2024: neurons of one run in the plane before alignment, after it and at the end, and the loss."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from flowrepro.core.trajectory import Run
from flowrepro.figures import Figure, NotDrawable, style
from flowrepro.figures.line_panels import legend_below, shown_steps
from flowrepro.papers.min2024.plane import Plane, collect_plane, draw_plane
from flowrepro.papers.min2024.regions import DEAD, outside, regions
from flowrepro.papers.min2024.toy_cases import MU_LARGE, MU_SMALL, ORTHOGONAL, SIX_POINTS
from flowrepro.papers.min2024.toy_observations import END, SHOWN

if TYPE_CHECKING:
    from matplotlib.axes import Axes


class Snapshot(NamedTuple):
    """Neurons W (m, 2) at an iteration, the sign (m,) of a_j, 0 where the neuron is dead, and how many are outside their cones."""

    step: int
    W: np.ndarray
    kind: np.ndarray
    outside: int


class ToyRun(NamedTuple):
    """The plane, three snapshots, and loss (T,) at step (T,)."""

    plane: Plane
    snapshots: tuple[Snapshot, ...]
    step: np.ndarray
    loss: np.ndarray


def collect_toy(run: Run) -> ToyRun:
    """One run; `NotDrawable` for points that are not in the plane or a loss that is not finite."""
    if not np.all(np.isfinite(run.trajectory.loss)):
        raise NotDrawable("the loss is not finite; lower the step size or rescale the points")
    plane = collect_plane(run.X, run.y)
    snapshots = tuple(_snapshot(run, step) for step in shown_steps(run, (0, SHOWN, END)))
    return ToyRun(plane, snapshots, run.trajectory.step, run.trajectory.loss)


def _snapshot(run: Run, step: int) -> Snapshot:
    W, a = (weights.astype(np.float64) for weights in run.trajectory.at(step))
    dead = regions(run.X, run.y, W) == DEAD
    return Snapshot(
        step,
        W,
        np.where(dead, 0, np.sign(a)).astype(int),
        int(np.count_nonzero(outside(run.X, run.y, W, a))),
    )


def draw_toy(axes: Sequence[Axes], data: ToyRun) -> None:
    """Panels (a) to (c): directions as lines, the neurons themselves as dots; (d) the loss with a mark at each of them."""
    *panels, curve = axes
    for letter, ax, snapshot in zip("abc", panels, data.snapshots, strict=False):
        draw_plane(ax, data.plane, names=letter == "a")
        _draw_neurons(ax, snapshot, 0.72 * data.plane.limit)
        ax.set_title(f"({letter}) iteration {snapshot.step}")
        ax.set_xlabel(rf"{snapshot.outside} live outside $S_\pm$", fontsize=7)
    for ax in panels[len(data.snapshots) :]:
        ax.set_axis_off()
    _draw_loss(curve, data)
    legend_below(axes)


def _draw_neurons(ax: Axes, snapshot: Snapshot, length: float) -> None:
    from matplotlib.collections import LineCollection

    norms = np.linalg.norm(snapshot.W, axis=1, keepdims=True)
    tips = length * snapshot.W / np.where(norms > 0, norms, 1.0)
    for kind, colour, label in (
        (0, style.DEAD, "dead neuron"),
        (1, style.POSITIVE, "neuron, $a_j > 0$"),
        (-1, style.NEGATIVE, "neuron, $a_j < 0$"),
    ):
        chosen = snapshot.kind == kind
        rays = np.stack([np.zeros_like(tips[chosen]), tips[chosen]], axis=1)
        ax.add_collection(
            LineCollection(list(rays), colors=colour, linewidths=0.8, zorder=2 + abs(kind))
        )
        ax.plot(
            *snapshot.W[chosen].T,
            "o-",
            color=colour,
            linewidth=0,
            markersize=2.5,
            zorder=4,
            label=label,
        )


def _draw_loss(ax: Axes, data: ToyRun) -> None:
    ax.plot(data.step, data.loss, color=style.LEARNED)
    ax.set(
        xlim=(0, max(1, data.step[-1])),
        ylim=(0, 1.12 * float(data.loss.max())),
        xlabel="iteration",
        title="(d) loss",
    )
    ax.locator_params(axis="x", nbins=3)
    ax.spines["right"].set_visible(False)
    for letter, snapshot in zip("abc", data.snapshots, strict=False):
        height = float(np.interp(snapshot.step, data.step, data.loss))
        ax.plot(snapshot.step, height, "o", color=style.LEARNED, markersize=3, clip_on=False)
        shift, side = (
            (-3, "right") if snapshot.step > 0.95 * data.step[-1] else (3, "left")
        )  # the last letter would stand on the edge
        ax.annotate(
            letter,
            (snapshot.step, height),
            (shift, 3),
            textcoords="offset points",
            ha=side,
            fontsize=7,
            color=style.FRAME,
        )


def _figure(id: str, file: str, case: str, what: str) -> Figure:
    caption = f"{what}: directions of the neurons before alignment, after it and at the end, and the loss."
    return Figure(
        id=id,
        file=file,
        cases=(case,),
        caption=caption,
        layout=(1, 4, style.PAGE, 2.1),
        collect=collect_toy,
        draw=draw_toy,
    )


FIGURES = (
    _figure("6", "figure-6-six-points", SIX_POINTS.name, "Six points of the plane, mu = 0.2"),
    _figure("7", "figure-7-mu-0.1", MU_LARGE.name, "Two positive points, mu = sin 0.1"),
    _figure("8", "figure-8-mu-0.001", MU_SMALL.name, "Two positive points, mu = sin 0.001"),
    _figure("9", "figure-9-orthogonal", ORTHOGONAL.name, "Two orthogonal positive points"),
)
