"""What the panels of lee2022's figures share: thinning, titles, axes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from flowrepro.core.trajectory import Run
from flowrepro.figures import NotDrawable, style
from flowrepro.papers.lee2022.experiments import NEURONS
from flowrepro.papers.lee2022.hypotheses import fine_step, one_neuron
from flowrepro.papers.lee2022.neuron import Neuron

if TYPE_CHECKING:
    from matplotlib.axes import Axes

POINTS = 241
"""Points of a curve at most."""
THOUSAND = 1_000.0


def drawable(run: Run) -> Neuron:
    """The neuron of a run; NotDrawable where norm and angle have no bounds."""
    reason = one_neuron(run) or fine_step(run)
    if reason:
        raise NotDrawable(reason)
    return Neuron.of(run)


def thinned(size: int, keep: tuple[int, ...] = ()) -> np.ndarray:
    """Indices of at most POINTS of ``size`` snapshots, evenly spread, first and last included, and of those in ``keep``."""
    even = np.linspace(0, size - 1, min(size, POINTS)).round().astype(int)
    return np.unique(np.concatenate([even, np.array(keep, dtype=int)]))


def title(index: int, run: Run) -> str:
    """(b) 1L-MN, or for a case that has no such name, (b) 2 layers."""
    depth = run.case.model.depth
    named = (
        run.case.name.upper()
        if run.case.name in NEURONS
        else f"{depth} layer{'s' if depth > 1 else ''}"
    )
    return f"({chr(ord('a') + index)}) {named}"


def name_steps(ax: Axes, step: np.ndarray, bottom: bool) -> None:
    """The horizontal axis in thousands of steps, named in the bottom case only."""
    ax.set_xlim(0, step[-1] / THOUSAND)
    ax.locator_params(axis="x", nbins=5)
    ax.tick_params(labelbottom=bottom)
    if bottom:
        ax.set_xlabel("step $T$ / 1000")
    ax.spines["right"].set_visible(False)


def draw_band(ax: Axes, step: np.ndarray, low: np.ndarray, high: np.ndarray, who: str) -> None:
    """Upper bound solid, lower bound dashed."""
    ax.plot(step / THOUSAND, high, color=style.THEORY, linewidth=1.0, label=f"upper bound{who}")
    ax.plot(
        step / THOUSAND,
        low,
        color=style.THEORY,
        linewidth=1.0,
        linestyle=(0, (4, 2)),
        label=f"lower bound{who}",
    )
