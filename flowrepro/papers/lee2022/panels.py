"""What the panels of Figures 1 to 3 share: steps in thousands, at most so many points, both bounds.

A full line is an upper bound and a dashed one a lower bound.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from flowrepro.core.trajectory import Run
from flowrepro.figures import NotDrawable, style
from flowrepro.figures.panels import Horizontal, Line, Mark, Panel, Points
from flowrepro.papers.lee2022.bounds import norm_band
from flowrepro.papers.lee2022.hypotheses import fine_step, one_neuron
from flowrepro.papers.lee2022.neuron import Neuron
from flowrepro.papers.lee2022.section_5_runs import OWN

POINTS = 241
"""Points of a curve at most."""
STEPS = "step $T$ / 1000"


def drawable(run: Run) -> Neuron:
    """The neuron of a run; NotDrawable where norm and angle have no bounds."""
    if reason := one_neuron(run) or fine_step(run):
        raise NotDrawable(reason)
    return Neuron.of(run)


def thinned(size: int, keep: tuple[int, ...] = ()) -> np.ndarray:
    """Indices of at most POINTS of ``size`` snapshots, evenly spread, and of those in ``keep``."""
    even = np.linspace(0, size - 1, min(size, POINTS)).round().astype(int)
    return np.unique(np.concatenate([even, np.array(keep, dtype=int)]))


def coarser(*runs: Run) -> str:
    """What a caption says of runs in steps of another size than the paper's; else nothing."""
    found = {round(run.case.protocol.lr / OWN[run.case.name].protocol.lr, 3) for run in runs}
    if found == {1.0}:
        return ""
    return f" Steps are {' and '.join(f'{k:g}' for k in sorted(found))} times the paper's size."


def bounds(x: np.ndarray, low: np.ndarray, high: np.ndarray) -> list[Mark]:
    """Both bounds as lines."""
    look: Any = {"colour": style.THEORY, "width": 1.0}
    return [
        Line(x, high, label="upper bound", **look),
        Line(x, low, label="lower bound", dash=(0, (4, 2)), **look),
    ]


def norm_panel(run: Run, title: str, restarts: tuple[int, ...], from_zero: bool) -> Panel:
    """||w|| between its bounds from each of the restarts on; the norm axis may begin at 0."""
    neuron = drawable(run)
    shown = thinned(len(neuron.step), restarts)
    x, norm = neuron.step / 1000, neuron.path.norm
    marks: list[Mark] = [Horizontal(neuron.teacher, label=r"$\|w^*\|$")]
    lowest = np.inf
    for first in restarts:
        band = norm_band(neuron.restarted(first, neuron.path), neuron.clock.since(first))
        later = shown[shown >= first]
        pair = (x[later], band.low[later - first], band.high[later - first])
        lowest = min(lowest, float(pair[1].min()))
        marks += bounds(*pair)
    dots = np.array([first for first in restarts if first > 0 or not from_zero])
    top = 1.08 * max(float(norm[shown].max()), neuron.teacher)
    dot: Any = {"colour": style.DATA, "size": 3.5, "clip": False, "zorder": 4}
    marks += [
        Line(x[shown], norm[shown], width=1.6, label=r"norm $\|w(T)\|$"),
        Points(x[dots], norm[dots], label="start of bounds", **dot),
    ]
    return Panel(marks, title=title, xlabel=STEPS, ylabel=r"$\|w(T)\|$",
                 xlim=(0, x[-1]), ylim=(0.0 if from_zero else 0.8 * lowest, top),
                 xticks=5)  # fmt: skip
