"""The learned function on the real line, and where each neuron bends it.

One panel per snapshot: samples and h(x) on the left axis; on the right axis one star per neuron at
its kink -w_1/w_0 and its signed norm s ||w||, s the sign of its output weight. The panels of a run
share both scales.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from flowrepro.core.network import gain, predict
from flowrepro.core.trajectory import Run
from flowrepro.figures import NotDrawable, style
from flowrepro.figures.panels import Horizontal, Line, Note, Points
from flowrepro.figures.panels import Panel as Drawn

if TYPE_CHECKING:
    from matplotlib.axes import Axes

GRID_POINTS = 100
X_MARGIN, Y_BELOW, Y_ABOVE = 1.0, 2.6, 1.0
"""Margins of the axes around the data in boursier2022, Figures 2, 4 and 5."""


class Panel(NamedTuple):
    """One snapshot. h (GRID_POINTS,); kink, height (m,): abscissa (nan without one) and s ||w||;
    kind (m,): s, or 0 if dead."""

    step: int
    phase: str
    h: np.ndarray
    kink: np.ndarray
    height: np.ndarray
    kind: np.ndarray


class LinePanels(NamedTuple):
    """Samples x, y (n,), grid (GRID_POINTS,), limits of the two axes shared by all panels, and the
    panels."""

    x: np.ndarray
    y: np.ndarray
    grid: np.ndarray
    value_limits: tuple[float, float]
    height_limit: float
    panels: tuple[Panel, ...]


def collect_line_panels(run: Run, steps: Sequence[int], phases: Mapping[int, str]) -> LinePanels:
    """Panels at those of the wanted steps that the run has (`shown_steps`), titled with the phases
    that are known.

    Raises NotDrawable unless the points lie on a line: d = 2 with a last feature that is constant
    1.
    """
    require_line(run)
    x = run.X[:, 0]
    margin = _margin(x, X_MARGIN)
    grid = np.linspace(x.min() - margin, x.max() + margin, GRID_POINTS)
    panels = tuple(
        _panel(run, step, phases.get(step, ""), grid) for step in shown_steps(run, steps)
    )
    values = (
        float(run.y.min() - _margin(run.y, Y_BELOW)),
        float(run.y.max() + _margin(run.y, Y_ABOVE)),
    )
    return LinePanels(x, run.y, grid, values, _height_limit(panels, grid), panels)


def require_line(run: Run) -> None:
    """Raise NotDrawable unless d = 2 and the last feature is constant 1."""
    d = run.X.shape[1]
    if d != 2:
        raise NotDrawable(
            "this figure draws functions on a line, so it needs points (x, 1) with d = 2; these "
            f"have d = {d}"
        )
    if np.any(run.X[:, 1] != 1.0):
        raise NotDrawable(
            "this figure draws functions on a line, so it needs points (x, 1); the last feature "
            "of these is not constant 1"
        )


def shown_steps(run: Run, wanted: Sequence[int]) -> list[int]:
    """The wanted steps if the run kept them all; else, of those it kept, of the case's snapshots
    and the last one, as many."""
    has = run.trajectory.has
    if all(map(has, wanted)):
        return list(wanted)
    kept = sorted(
        {0, *filter(has, wanted), *filter(has, run.case.record.snapshots), run.trajectory.last_step}
    )
    return [
        kept[i] for i in np.unique(np.linspace(0, len(kept) - 1, len(wanted)).round().astype(int))
    ]


def _margin(values: np.ndarray, paper: float) -> float:
    """The paper's margin where it suits the spread of the values, a third of the spread
    elsewhere."""
    spread = float(np.ptp(values))
    return paper if spread == 0 or 0.1 < paper / spread < 5 else spread / 3


def _panel(run: Run, step: int, phase: str, grid: np.ndarray) -> Panel:
    W, a = (weights.astype(np.float64) for weights in run.trajectory.at(step))
    h = predict(
        np.column_stack([grid, np.ones_like(grid)]),
        W,
        gain(a, run.case.model.depth),
        run.case.model.alpha,
    )
    kink = np.full(len(a), np.nan)
    np.divide(-W[:, 1], W[:, 0], out=kink, where=W[:, 0] != 0)
    dead = (
        ~np.any(run.X @ W.T > 0, axis=0)
        if run.case.model.alpha == 0
        else np.zeros(len(a), dtype=bool)
    )
    return Panel(
        step,
        phase,
        h,
        kink,
        np.sign(a) * np.hypot(W[:, 0], W[:, 1]),
        np.where(dead, 0, np.sign(a)).astype(int),
    )


def _height_limit(panels: tuple[Panel, ...], grid: np.ndarray) -> float:
    """Largest |s ||w||| of a star that any panel shows, 1 if there is none."""
    shown = [
        np.abs(panel.height[(panel.kink >= grid[0]) & (panel.kink <= grid[-1])]) for panel in panels
    ]
    return float(max((heights.max() for heights in shown if heights.size), default=0.0)) or 1.0


def draw_line_panels(axes: Sequence[Axes], data: LinePanels, columns: int) -> None:
    """One panel per axes of a grid with ``columns`` columns; axes without a panel are left
    blank."""
    for index, ax in enumerate(axes):
        if index >= len(data.panels):
            ax.set_axis_off()
            continue
        twin = _draw_panel(ax, data, data.panels[index])
        ax.set_title(panel_title(index, data.panels[index]))
        _label_abscissa(ax)
        # The scales are common: their numbers stand at the outer sides only.
        ax.tick_params(labelleft=index % columns == 0)
        ends_row = index % columns == columns - 1 or index == len(data.panels) - 1 < columns
        twin.tick_params(labelright=ends_row)
        if index % columns == 0:
            ax.set_ylabel("$h(x)$", color=style.LEARNED)
        if ends_row:
            twin.set_ylabel(r"$s_j\,\|w_j\|$", color=style.POSITIVE)


def panel_title(index: int, panel: Panel) -> str:
    """(b) step 4000: end of first phase."""
    return f"({chr(ord('a') + index)}) step {panel.step}" + (
        f": {panel.phase}" if panel.phase else ""
    )


def _draw_panel(ax: Axes, data: LinePanels, panel: Panel) -> Axes:
    """Draw one snapshot; the right axis is returned."""
    twin = ax.twinx()
    twin.axhline(0.0, color=style.FRAME, linewidth=0.7, linestyle=(0, (5, 3)))
    for kind, colour, label in (
        (0, style.DEAD, "dead neuron"),
        (1, style.POSITIVE, "neuron, $s_j=+1$"),
        (-1, style.NEGATIVE, "neuron, $s_j=-1$"),
    ):
        chosen = panel.kind == kind
        twin.plot(
            panel.kink[chosen],
            panel.height[chosen],
            "*",
            color=colour,
            markersize=6,
            markeredgewidth=0.3,
            markeredgecolor="white",
            label=label,
        )
    ax.plot(data.grid, panel.h, color=style.LEARNED, label="learned function $h$")
    ax.plot(data.x, data.y, "o", color=style.DATA, markersize=4, label="data")
    ax.set_xlim(data.grid[0], data.grid[-1])
    ax.set_ylim(*data.value_limits)
    twin.set_ylim(-1.12 * data.height_limit, 1.12 * data.height_limit)
    _say_where_h_is(ax, data, panel)
    ax.set_zorder(1)
    ax.patch.set_visible(False)
    for side, axis, colour in (("left", ax, style.LEARNED), ("right", twin, style.POSITIVE)):
        axis.tick_params(axis="y", colors=colour)
        axis.spines[side].set_color(colour)
    twin.spines["right"].set_visible(True)
    ax.spines["right"].set_visible(False)
    return twin


def _say_where_h_is(ax: Axes, data: LinePanels, panel: Panel) -> None:
    """A note on the range of h where more than half of it lies outside the axis."""
    low, high = data.value_limits
    if np.mean((panel.h >= low) & (panel.h <= high)) < 0.5:
        note = f"$h$ from {panel.h.min():.3g} to {panel.h.max():.3g}"
        ax.text(
            0.98,
            0.02,
            note,
            transform=ax.transAxes,
            ha="right",
            va="bottom",
            fontsize=7,
            color=style.LEARNED,
        )


def _label_abscissa(ax: Axes) -> None:
    """x in the colour of the function, and beside it what the stars' abscissa is in theirs."""
    label = ax.set_xlabel("$x$", x=0.36, color=style.LEARNED)
    ax.annotate(
        "$-w_{j,2}/w_{j,1}$",
        xy=(0.52, 0.0),
        xycoords=("axes fraction", label),
        va="bottom",
        color=style.POSITIVE,
    )


def legend_below(axes: Sequence[Axes], columns: int | None = None) -> None:
    """One legend under all panels, from the artists of every axes of the figure; in one line unless
    ``columns`` says otherwise."""
    figure = axes[0].figure
    entries = {
        label: handle
        for ax in figure.axes
        for handle, label in zip(*ax.get_legend_handles_labels(), strict=True)
    }
    figure.legend(
        list(entries.values()),
        list(entries),
        loc="outside lower center",
        ncols=columns or len(entries),
        columnspacing=1.4,
        handletextpad=0.5,
    )


KINDS = (
    (0, style.DEAD, "dead neuron"),
    (1, style.POSITIVE, "neuron, $s_j=+1$"),
    (-1, style.NEGATIVE, "neuron, $s_j=-1$"),
)
"""Sign of a neuron, or 0 if it is dead -> colour, name."""


def line_panels(run: Run, steps: Sequence[int], phases: Mapping[int, str]) -> list[Drawn]:
    """A panel for each of the wanted steps that the run has (`shown_steps`), all with one scale.

    Left axis: the samples and h. Right axis: a star per neuron at its kink -w_2/w_1 and s ||w||,
    its signed norm. Titles are the steps, with the phases that are known. NotDrawable unless the
    points lie on a line (`require_line`).
    """
    data = collect_line_panels(run, steps, phases)
    return [_line_panel(data, panel) for panel in data.panels]


def _line_panel(data: LinePanels, panel: Panel) -> Drawn:
    neurons = [
        Points(panel.kink[panel.kind == kind], panel.height[panel.kind == kind], marker="*", size=6.0, edge="white",
               colour=colour, label=label)
        for kind, colour, label in KINDS
    ]  # fmt: skip
    heights = Drawn(
        [Horizontal(0.0, dash=(0, (5, 3)), width=0.7), *neurons],
        ylabel=r"$s_j\,\|w_j\|$", ycolour=style.POSITIVE, ylim=(-1.12 * data.height_limit, 1.12 * data.height_limit),
    )  # fmt: skip
    low, high = data.value_limits
    marks = [Line(data.grid, panel.h, label="learned function $h$"),
             Points(data.x, data.y, colour=style.DATA, label="data")]  # fmt: skip
    outside = np.mean((panel.h >= low) & (panel.h <= high)) < 0.5
    note = [
        Note(
            f"$h$ from {panel.h.min():.3g} to {panel.h.max():.3g}",
            "lower right",
            colour=style.LEARNED,
        )
    ]
    return Drawn(
        [*marks, *(note if outside else [])], twin=heights,
        title=f"step {panel.step}" + (f": {panel.phase}" if panel.phase else ""),
        xlabel=r"$x$, and kink $-w_{j,2}/w_{j,1}$", ylabel="$h(x)$", ycolour=style.LEARNED,
        xlim=(float(data.grid[0]), float(data.grid[-1])), ylim=data.value_limits,
    )  # fmt: skip
