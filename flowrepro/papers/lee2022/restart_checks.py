"""Figure 3: the later the bounds of the norm start, the tighter they are."""

from __future__ import annotations

import numpy as np

from flowrepro.claims.old_claim import Hypothesis, none_of, number, statement, upper
from flowrepro.claims.old_verdict import Judgement
from flowrepro.core.trajectory import Run
from flowrepro.engines.population import PlaneStart, overlap_deficit
from flowrepro.papers.lee2022.bounds import Band, limit_norm, norm_band
from flowrepro.papers.lee2022.experiments import RESTARTS
from flowrepro.papers.lee2022.hypotheses import NEURON, ref
from flowrepro.papers.lee2022.neuron import Neuron
from flowrepro.papers.lee2022.published import same_time

CASES = tuple(case.name for case in RESTARTS.values())
SLACK = 1e-3
"""Violation of the order of the bands that is allowed, in units of v* (measured: none)."""
GIVEN: tuple[Hypothesis, ...] = (same_time, *NEURON)


def restart_indices(run: Run, neuron: Neuron) -> list[int]:
    """Snapshots at which the bounds start again: the steps that the case lists."""
    return [int(np.searchsorted(neuron.step, step)) for step in run.case.record.snapshots]


def bands(run: Run, neuron: Neuron) -> list[tuple[int, PlaneStart, Band]]:
    """(snapshot, norm and angle there, bounds from there on) of every restart."""
    found = []
    for index in restart_indices(run, neuron):
        start = neuron.restarted(index, neuron.path)
        found.append((index, start, norm_band(start, neuron.clock.since(index))))
    return found


@statement(
    "figure-3-epsilon",
    ref("Figure 3; Appendix D.1"),
    "reproduction",
    CASES,
    "epsilon falls from restart to restart, and the lower bound's limit rises",
    GIVEN,
)
def epsilon_falls(run: Run) -> list[Judgement]:
    """measured: restarts at which epsilon or the limit of the lower bound go the wrong way; their values."""
    starts = [start for _, start, _ in bands(run, Neuron.of(run))]
    epsilon = [float(overlap_deficit(np.asarray(start.theta))) for start in starts]
    limits = [limit_norm(start) / start.teacher_norm for start in starts]
    values = [number(f"epsilon at restart {k}", value) for k, value in enumerate(epsilon)]
    values += [number(f"limit of the lower bound {k}, v*", value) for k, value in enumerate(limits)]
    return [
        none_of("epsilon does not fall", int(np.sum(np.diff(epsilon) >= 0))),
        none_of("limit does not rise", int(np.sum(np.diff(limits) <= 0))),
        *values,
    ]


@statement(
    "figure-3-latest",
    ref("Figure 3; Appendix D.1"),
    "reproduction",
    CASES,
    "the latest bounds are the tightest",
    GIVEN,
)
def latest_is_tightest(run: Run) -> list[Judgement]:
    """measured: widths at the end that do not shrink; after the last restart, how far another band goes inside the newest one."""
    neuron = Neuron.of(run)
    found = bands(run, neuron)
    last, _, newest = found[-1]
    widths = [float(band.high[-1] - band.low[-1]) / neuron.teacher for _, _, band in found]
    inside = max(
        float(
            np.maximum(
                band.low[last - index :] - newest.low, newest.high - band.high[last - index :]
            ).max()
        )
        for index, _, band in found[:-1]
    )
    shown = [number(f"width at the end {k}, v*", width) for k, width in enumerate(widths)]
    return [
        none_of("widths that do not shrink", int(np.sum(np.diff(widths) >= 0))),
        upper("another band inside the newest by, v*", inside / neuron.teacher, SLACK),
        *shown,
    ]


@statement(
    "figure-3-bounds",
    ref("Theorems A.1 and A.3; Figure 3"),
    "theory",
    CASES,
    "the norm stays between the bounds from every restart",
    GIVEN,
)
def between_restarted(run: Run) -> list[Judgement]:
    """measured: largest excess over a bound after its restart, in units of v*; 0.1 sqrt(d/n) + lr max(v_0, v*)^(2m) are allowed."""
    neuron = Neuron.of(run)
    tolerance = (neuron.sample_tolerance + neuron.step_tolerance) / neuron.teacher
    parts = []
    for k, (index, _, band) in enumerate(bands(run, neuron)):
        norm = neuron.path.norm[index:]
        excess = float(np.maximum(norm - band.high, band.low - norm)[1:].max()) / neuron.teacher
        parts.append(
            upper(f"restart {k}: outside by, v* (finite-sample tolerance)", excess, tolerance)
        )
    return parts


CLAIMS = (epsilon_falls, latest_is_tightest, between_restarted)
