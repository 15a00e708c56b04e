"""The learned function on the real line, and where each neuron bends it.

One panel per snapshot. On the left axis the samples and h(x); on the right axis one star per neuron
at its kink -w_2/w_1, with its signed norm s ||w||, where s is the sign of its output weight. The
panels of a run share both scales.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from flowrepro.core.network import gain, predict
from flowrepro.core.trajectory import Run
from flowrepro.figures import NotDrawable, style
from flowrepro.figures.panels import Horizontal, Line, Mark, Note, Panel, Points

GRID_POINTS = 100
X_MARGIN, Y_BELOW, Y_ABOVE = 1.0, 2.6, 1.0
"""Margins of the axes around the data in boursier2022, Figures 2, 4 and 5."""
KINDS = (
    (0, style.DEAD, "dead neuron"),
    (1, style.POSITIVE, "neuron, $s_j=+1$"),
    (-1, style.NEGATIVE, "neuron, $s_j=-1$"),
)
"""Sign of a neuron, or 0 if it is dead -> colour, name."""


class Snapshot(NamedTuple):
    """The function and the neurons at one step.

    h : (GRID_POINTS,) values. kink, height : (m,) abscissa, nan without one, and s ||w||.
    kind : (m,) s, or 0 for a neuron that is active on no sample.
    """

    h: np.ndarray
    kink: np.ndarray
    height: np.ndarray
    kind: np.ndarray


def line_panels(run: Run, steps: Sequence[int], phases: Mapping[int, str]) -> list[Panel]:
    """A panel for each of the wanted steps that the run has (`shown_steps`), all with one scale.

    Titles are the steps, with the phases that are known. Raises NotDrawable unless the points lie
    on a line (`require_line`).
    """
    require_line(run)
    x, y = run.X[:, 0], run.y
    margin = _margin(x, X_MARGIN)
    grid = np.linspace(x.min() - margin, x.max() + margin, GRID_POINTS)
    limits = (float(y.min() - _margin(y, Y_BELOW)), float(y.max() + _margin(y, Y_ABOVE)))
    shown = {step: snapshot(run, step, grid) for step in shown_steps(run, steps)}
    height = 1.12 * max((_highest(found, grid) for found in shown.values()), default=0.0) or 1.0
    return [
        _panel(run, grid, found, limits, height, _title(step, phases))
        for step, found in shown.items()
    ]


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
    """The wanted steps if the run kept them all; else as many of the steps that it kept.

    Those are chosen evenly from the wanted ones, the case's snapshots, and the last one.
    """
    has, last = run.trajectory.has, run.trajectory.last_step
    if all(map(has, wanted)):
        return list(wanted)
    kept = sorted({0, *filter(has, wanted), *filter(has, run.case.record.snapshots), last})
    places = np.unique(np.linspace(0, len(kept) - 1, len(wanted)).round().astype(int))
    return [kept[place] for place in places]


def snapshot(run: Run, step: int, grid: np.ndarray) -> Snapshot:
    """The function on the grid (GRID_POINTS,) and the neurons at a recorded step."""
    W, a = (weights.astype(np.float64) for weights in run.trajectory.at(step))
    alpha = run.case.model.alpha
    points = np.column_stack([grid, np.ones_like(grid)])
    h = predict(points, W, gain(a, run.case.model.depth), alpha)
    kink = np.full(len(a), np.nan)
    np.divide(-W[:, 1], W[:, 0], out=kink, where=W[:, 0] != 0)
    alive = np.any(run.X @ W.T > 0, axis=0) | (alpha != 0)
    kind = np.where(alive, np.sign(a), 0).astype(int)
    return Snapshot(h, kink, np.sign(a) * np.hypot(W[:, 0], W[:, 1]), kind)


def _margin(values: np.ndarray, paper: float) -> float:
    """The paper's margin where it suits the spread of the values, else a third of the spread."""
    spread = float(np.ptp(values))
    return paper if spread == 0 or 0.1 < paper / spread < 5 else spread / 3


def _highest(found: Snapshot, grid: np.ndarray) -> float:
    """Largest |s ||w||| of a star within the grid, 0 if there is none."""
    within = (found.kink >= grid[0]) & (found.kink <= grid[-1])
    return float(np.abs(found.height[within]).max(initial=0.0))


def _title(step: int, phases: Mapping[int, str]) -> str:
    """step 4000: end of first phase."""
    return f"step {step}" + (f": {phases[step]}" if step in phases else "")


def _panel(
    run: Run,
    grid: np.ndarray,
    found: Snapshot,
    limits: tuple[float, float],
    height: float,
    title: str,
) -> Panel:
    stars: list[Mark] = [Horizontal(0.0, dash=(0, (5, 3)), width=0.7)]
    for kind, colour, label in KINDS:
        own = found.kind == kind
        kink, height_of = found.kink[own], found.height[own]
        stars.append(
            Points(kink, height_of, colour=colour, label=label, marker="*", edge="white", size=6.0)
        )
    marks: list[Mark] = [
        Line(grid, found.h, label="learned function $h$"),
        Points(run.X[:, 0], run.y, colour=style.DATA, label="data"),
    ]
    if np.mean((found.h >= limits[0]) & (found.h <= limits[1])) < 0.5:
        words = f"$h$ from {found.h.min():.3g} to {found.h.max():.3g}"
        marks.append(Note(words, "lower right", colour=style.LEARNED))
    return Panel(
        marks,
        twin=Panel(stars, ylabel=r"$s_j\,\|w_j\|$", ycolour=style.POSITIVE, ylim=(-height, height)),
        title=title,
        xlabel=r"$x$, and kink $-w_{j,2}/w_{j,1}$",
        ylabel="$h(x)$",
        ycolour=style.LEARNED,
        xlim=(float(grid[0]), float(grid[-1])),
        ylim=limits,
    )
