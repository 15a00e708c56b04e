"""Left: the learned function on the line. Right: every neuron w_j in polar coordinates (boursier2024, Figures 2 and 3).

The angle of a neuron is atan2(bias weight, slope); norm 0 is a circle, not the origin, so that directions can be seen
before the norms grow.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from flowrepro.core.trajectory import Run
from flowrepro.figures import style
from flowrepro.figures.canvas import DENSE
from flowrepro.figures.line_panels import legend_below, require_line, shown_steps

if TYPE_CHECKING:
    from matplotlib.axes import Axes

GRID_POINTS = 201
MOST_RAYS = 8
"""Samples up to which their directions and the cone boundaries are drawn (the paper leaves them out for 40)."""
LAYERS = 16
MARKS = {
    -1: ("v", 3.0, style.NEGATIVE, "neuron, $a_j<0$"),
    1: ("*", 5.0, style.POSITIVE, "neuron, $a_j>0$"),
    0: (".", 4.0, style.DEAD, "neuron, $a_j=0$"),
}
"""Sign of a neuron -> marker, size, colour, name."""
INNER = 0.36
"""Radius of the circle of norm 0, relative to the largest norm (read off the paper's panels)."""


class Frame(NamedTuple):
    """One snapshot: h (GRID_POINTS,); angle in radians, radius ||w_j|| and sign of a_j, each (m,)."""

    step: int
    h: np.ndarray
    angle: np.ndarray
    radius: np.ndarray
    sign: np.ndarray


class Panels(NamedTuple):
    """Samples x, y (n,), grid and the dashed reference (None without one) on it, limits of the values, angles of the samples, and the frames."""

    x: np.ndarray
    y: np.ndarray
    grid: np.ndarray
    reference: np.ndarray | None
    reference_name: str
    values: tuple[float, float]
    data_angles: np.ndarray
    frames: tuple[Frame, ...]


def on_line(W: np.ndarray, a: np.ndarray, x: np.ndarray) -> np.ndarray:
    """h(x, 1) = sum_j a_j relu(w_j1 x + w_j2) at increasing abscissas x (p,), by sums over neurons sorted by their kink: O(m log m + p)."""
    slope, bias = W[:, 0], W[:, 1]
    h = np.full(len(x), float(a[slope == 0] @ np.maximum(bias[slope == 0], 0.0)))
    for facing in (
        1.0,
        -1.0,
    ):  # as x runs in this direction, neurons of this slope switch on one after the other
        chosen = facing * slope > 0
        kink = -bias[chosen] / slope[chosen] * facing
        order = np.argsort(kink)
        terms = a[chosen, None] * W[chosen]
        sums = np.concatenate([np.zeros((1, 2)), np.cumsum(terms[order], axis=0)])
        on = sums[np.searchsorted(kink[order], facing * x, side="left")]
        h += on[:, 0] * x + on[:, 1]
    return h


def line_grid(x: np.ndarray) -> np.ndarray:
    """GRID_POINTS abscissas: [-1, 1] as in the paper where it holds the samples, else a tenth beyond them."""
    low, high = float(x.min()), float(x.max())
    margin = 0.1 * (high - low) or 1.0
    return (
        np.linspace(-1.0, 1.0, GRID_POINTS)
        if low >= -1 and high <= 1
        else np.linspace(low - margin, high + margin, GRID_POINTS)
    )


def with_bias(x: np.ndarray) -> np.ndarray:
    """(x, 1) as rows, (p, 2)."""
    return np.column_stack([x, np.ones_like(x)])


def collect_panels(
    run: Run,
    steps: Sequence[int],
    reference: np.ndarray | None,
    name: str,
    values: tuple[float, float] | None = None,
) -> Panels:
    """Frames at those of the wanted steps that the run has (`shown_steps`).

    ``reference`` holds values on the grid of the samples (`line_grid`). Without ``values`` the limits are those of all that is drawn.
    Raises NotDrawable unless the points lie on a line: d = 2 with a last feature that is constant 1.
    """
    require_line(run)
    x = run.X[:, 0]
    grid = line_grid(x)
    frames = tuple(frame(run, step, grid) for step in shown_steps(run, steps))
    return Panels(
        x,
        run.y,
        grid,
        reference,
        name,
        values or value_limits(run.y, reference, frames),
        np.arctan2(run.X[:, 1], x),
        frames,
    )


def frame(run: Run, step: int, grid: np.ndarray) -> Frame:
    """The snapshot at a kept step."""
    W, a = run.trajectory.at(step)
    return Frame(
        step,
        on_line(W, a, grid),
        np.arctan2(W[:, 1], W[:, 0]),
        np.hypot(W[:, 0], W[:, 1]),
        np.sign(a).astype(int),
    )


def value_limits(
    y: np.ndarray, reference: np.ndarray | None, frames: Sequence[Frame]
) -> tuple[float, float]:
    """Limits that show samples, reference and every h, with a margin of a twentieth."""
    shown = np.concatenate(
        [y, *([] if reference is None else [reference]), *(each.h for each in frames)]
    )
    low, high = float(shown.min()), float(shown.max())
    margin = 0.05 * (high - low) or 1.0
    return low - margin, high + margin


def draw_panels(axes: Sequence[Axes], data: Panels) -> None:
    """A row per frame: function, then neurons; axes without a frame are left blank. One legend below."""
    for case in range(len(axes) // 2):
        left, right = axes[2 * case], axes[2 * case + 1]
        if case >= len(data.frames):
            left.set_axis_off()
            right.set_axis_off()
            continue
        shown = data.frames[case]
        draw_function(left, data, shown)
        draw_neurons(right, data, shown)
        left.set_title(f"({chr(ord('a') + 2 * case)}) step {shown.step}")
        right.set_title(f"({chr(ord('b') + 2 * case)})")
        left.set_xlabel("$x$" if case == len(data.frames) - 1 else "")
    legend_below(axes, columns=4)


def draw_function(ax: Axes, data: Panels, shown: Frame) -> None:
    """h, the dashed reference and the samples."""
    if data.reference is not None:
        ax.plot(
            data.grid,
            data.reference,
            "--",
            color=style.THEORY,
            linewidth=1.0,
            zorder=3,
            label=data.reference_name,
        )
    ax.plot(data.grid, shown.h, color=style.LEARNED, linewidth=1.8, label="learned function $h$")
    ax.plot(data.x, data.y, "o", color=style.DATA, markersize=3.5, zorder=4, label="data")
    ax.set_xlim(data.grid[0], data.grid[-1])
    ax.set_ylim(*data.values)
    ax.set_ylabel("$h(x)$")
    ax.grid(alpha=0.3)


def draw_neurons(ax: Axes, data: Panels, shown: Frame, largest: float | None = None) -> None:
    """A mark per neuron on a polar axes; ``largest`` is the norm at the outer circle, that of the frame by default."""
    polar: Any = ax
    top = 1.06 * (largest or float(shown.radius.max()) or 1.0)
    for first in range(LAYERS):  # the two signs by turns, so that neither covers the other
        for sign, (marker, size, colour, label) in MARKS.items():
            chosen = np.flatnonzero(shown.sign == sign)[first::LAYERS]
            if chosen.size:
                drawn = ax.plot(
                    shown.angle[chosen],
                    shown.radius[chosen],
                    marker,
                    color=colour,
                    markersize=size,
                    markeredgewidth=0,
                    label=label,
                )
                drawn[0].set_rasterized(len(shown.radius) > DENSE)
    polar.set_ylim(0.0, top)
    polar.set_rorigin(-INNER * top)
    polar.set_rticks([top / 2, top])
    ax.set_yticklabels([])
    few = len(data.x) <= MOST_RAYS
    polar.set_thetagrids(
        range(0, 360, 45),
        [_degrees(angle, data.data_angles if few else np.empty(0)) for angle in range(0, 360, 45)],
    )
    ax.tick_params(axis="x", pad=-2)
    ax.grid(alpha=0.3)
    if few:
        _mark_data(ax, data, top)


def _degrees(angle: int, taken: np.ndarray) -> str:
    """The number of a tick, left out where the name of a sample stands."""
    apart = np.abs((np.degrees(taken) - angle + 180) % 360 - 180)
    return "" if np.any(apart < 20) else f"{angle}°"


def _mark_data(ax: Axes, data: Panels, top: float) -> None:
    """Boundaries <w, x_k> = 0 as dashed rays, and the direction of each sample on the outer circle."""
    for k, angle in enumerate(data.data_angles):
        for side in (-1, 1):
            boundary = angle + side * np.pi / 2
            ax.plot(
                [boundary, boundary],
                [0.0, top],
                "--",
                color=style.FRAME,
                linewidth=0.8,
                label="boundary of a cone",
            )
        ax.plot(
            angle,
            top,
            "+",
            color=style.DATA,
            markersize=7,
            clip_on=False,
            zorder=5,
            label="direction of a sample $x_k$",
        )
        ax.annotate(
            f"$x_{k + 1}$",
            (angle, 1.22 * top),
            ha="center",
            va="center",
            fontsize=7,
            annotation_clip=False,
        )
