"""The later the bounds of the norm start, the tighter they are (lee2022, Figure 3)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from flowrepro.claims.verdict import Part, at_most, none_of, number
from flowrepro.core.trajectory import Run
from flowrepro.engines.population import PlaneStart
from flowrepro.figures import style
from flowrepro.figures.panels import Panel
from flowrepro.papers.lee2022 import PAPER
from flowrepro.papers.lee2022.bounds import Enclosure, deficit_of, limit_norm, norm_band
from flowrepro.papers.lee2022.hypotheses import NEURON
from flowrepro.papers.lee2022.neuron import Neuron
from flowrepro.papers.lee2022.panels import coarser, drawable, norm_panel
from flowrepro.papers.lee2022.section_5_runs import RESTARTS, counted, same_time
from flowrepro.papers.topic import Topic

topic = Topic(PAPER, "Bounds started again", given=(*NEURON, same_time))

TWO = tuple(RESTARTS.values())
SLACK = 1e-3
"""Violation of the order of the bands that is allowed, in units of v* (measured: none)."""


def restart_indices(run: Run, neuron: Neuron) -> tuple[int, ...]:
    """Snapshots at which the bounds start again: the steps that the case lists."""
    return tuple(int(np.searchsorted(neuron.step, step)) for step in run.case.record.snapshots)


def bands(run: Run, neuron: Neuron) -> Iterator[tuple[int, PlaneStart, Enclosure]]:
    """(snapshot, norm and angle there, bounds from there on) of every restart."""
    for index in restart_indices(run, neuron):
        start = neuron.restarted(index, neuron.path)
        yield index, start, norm_band(start, neuron.clock.since(index))


@topic.claim(
    "figure-3-epsilon",
    "From restart to restart epsilon falls, and the limit of the lower bound rises.",
    place="Figure 3; Appendix D.1",
    on=TWO,
    kind="reproduction",
    label="identity",  # epsilon is an increasing function of an angle that falls
)
def epsilon_falls(run: Run) -> Iterator[Part]:
    """Restarts at which epsilon or the limit of the lower bound go the wrong way; their values."""
    starts = [start for _, start, _ in bands(run, Neuron.of(run))]
    epsilon = [deficit_of(start) for start in starts]
    limits = [limit_norm(start) / start.teacher_norm for start in starts]
    yield none_of("epsilon does not fall", int(np.sum(~(np.diff(epsilon) < 0))))
    yield none_of("limit does not rise", int(np.sum(~(np.diff(limits) > 0))))
    for k, value in enumerate(epsilon):
        yield number(f"epsilon at restart {k}", value)
    for k, value in enumerate(limits):
        yield number(f"limit of the lower bound {k}, v*", value)


@topic.claim(
    "figure-3-latest",
    "The latest bounds are the tightest.",
    place="Figure 3; Appendix D.1",
    on=TWO,
    kind="reproduction",
)
def latest_is_tightest(run: Run) -> Iterator[Part]:
    """Widths at the end; how far another band goes inside the newest one."""
    neuron = Neuron.of(run)
    *earlier, (last, _, newest) = found = list(bands(run, neuron))
    widths = [float(band.high[-1] - band.low[-1]) / neuron.teacher for _, _, band in found]
    yield none_of("widths that do not shrink", int(np.sum(~(np.diff(widths) < 0))))
    inside = max(
        max(
            float((band.low[last - index :] - newest.low).max()),
            float((newest.high - band.high[last - index :]).max()),
        )
        for index, _, band in earlier
    )
    yield at_most("another band inside the newest by, v*", inside / neuron.teacher, SLACK)
    for k, width in enumerate(widths):
        yield number(f"width at the end {k}, v*", width)


@topic.claim(
    "figure-3-bounds",
    "From every restart on the norm stays between the bounds, up to what a finite sample and a "
    "step explain.",
    place="Theorems A.1 and A.3; Figure 3",
    on=TWO,
)
def between_restarted(run: Run) -> Iterator[Part]:
    """Excess over a bound after its restart, in units of v*."""
    neuron = Neuron.of(run)
    tolerance = (neuron.sample_tolerance + neuron.step_tolerance) / neuron.teacher
    for k, (index, _, band) in enumerate(bands(run, neuron)):
        norm = neuron.path.norm[index:]
        excess = float(np.maximum(norm - band.high, band.low - norm)[1:].max()) / neuron.teacher
        yield at_most(f"restart {k}: outside by, v* (finite-sample tolerance)", excess, tolerance)


@topic.figure(
    "3",
    lambda *runs: (
        "The norm of one neuron of one and two layers, with bounds started at four "
        "points of the run: the latest are the tightest. The initial norm, which the paper does "
        f"not state, is a middle one.{coarser(*runs)}"
    ),
    on=TWO,
    file="figure-3-restarted-bounds",
    layout=(1, 2, style.PAGE, 3.0),
)
def restarted(*runs: Run) -> Iterable[Panel]:
    """Bounds from the four steps that each case names."""
    for run in runs:
        restarts = restart_indices(run, drawable(run))
        yield norm_panel(run, counted(run.case.model.depth), restarts, from_zero=False)
