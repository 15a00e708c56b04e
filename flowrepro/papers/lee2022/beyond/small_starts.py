"""How long a vanishing norm takes to align (beyond lee2022, Section 3.2).

Exact times against the law of small starts (`closed_form`), over seven decades.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from flowrepro.claims.claim import NotApplicable
from flowrepro.claims.verdict import Part, at_most, number, within
from flowrepro.core.trajectory import Study
from flowrepro.engines.population import PlaneStart, population_descent, population_flow
from flowrepro.figures import style
from flowrepro.figures.panels import Line, Mark, Panel, Points, Text
from flowrepro.papers.lee2022 import PAPER
from flowrepro.papers.lee2022.beyond.closed_form import alignment_constant, alignment_time, solve
from flowrepro.papers.lee2022.hypotheses import draws_its_points
from flowrepro.papers.lee2022.section_5_runs import ALIGNED, SIZES, STEP_SIZES, TEACHER_SCALES
from flowrepro.papers.study import Progress, option
from flowrepro.papers.topic import Topic

topic = Topic(PAPER, "Alignment from a vanishing norm", given=(draws_its_points,))

RIGHT_ANGLE = 1.5707963267948966
"""theta_0 of two random directions in many dimensions (Proposition C.1)."""
INTEGRABLE = -2.5
"""log10(v_0/v*) from which on the flow is integrated in its own time too (below, the time steps
span too many decades)."""
PAPER_NORM = 10.0
"""Norm of a standard Gaussian vector in the paper's 100 dimensions."""
FIRST_DECADES = {1: -6.0, 2: np.inf}
"""Layers -> log10(v_0/v*) up to which the law must hold, -3 for others: its relative error is
O(v_0/v*) for one layer and 0 for two."""


@topic.study
def small_starts(
    *,
    depths: list[int] = option([1, 2, 3, 4, 5, 6], "numbers of layers", within=(1, 10)),
    log10_v0: list[float] = option(
        [-8.0, -7.0, -6.0, -5.0, -4.0, -3.0, -2.5, -2.0, -1.5, -1.0],
        "log10 of v_0 / v*",
        within=(-20.0, 0.0),
    ),
    theta0: float = option(RIGHT_ANGLE, "initial angle", within=(0.2, 3.1)),
    progress: Progress,
) -> dict[str, np.ndarray]:
    """Times until theta < ALIGNED in units of v*^(-2m), and what the law says.

    depth : (M,). log10_v0 : (V,). ln_time, ln_law : (M, V). reached : (M, V) angle of the
    integrated flow at that time, nan where it is not integrated. paper : (3,) steps of the
    three-layer small start at the paper's sizes: the law's, the solution's, and those of the
    population descent.
    """
    shape = (len(depths), len(log10_v0))
    ln_time, ln_law, reached = np.empty(shape), np.empty(shape), np.full(shape, np.nan)
    for k, depth in enumerate(depths):
        constant = alignment_constant(depth - 1, np.pi - theta0, ALIGNED)
        for i, ln_v0 in enumerate(np.log(10.0) * np.array(log10_v0)):
            unit = (2 - depth) * ln_v0
            ln_time[k, i] = unit + np.log(solve(depth, float(ln_v0), theta0, ALIGNED).time[-1])
            ln_law[k, i] = unit + np.log(constant)
            if log10_v0[i] >= INTEGRABLE:
                start = PlaneStart(depth, 1.0, float(np.exp(ln_v0)), theta0)
                t = np.array([0.0, np.exp(ln_time[k, i])])
                reached[k, i] = population_flow(start, t, rtol=1e-11).theta[-1]
        progress(k + 1, len(depths))
    times = {"ln_time": ln_time, "ln_law": ln_law, "reached": reached}
    cases = {"depth": np.array(depths), "log10_v0": np.array(log10_v0)}
    return {**cases, **times, "paper": _papers_three_layers(theta0)}


def _papers_three_layers(theta0: float) -> np.ndarray:
    teacher, lr, ratio = TEACHER_SCALES[3] * PAPER_NORM, STEP_SIZES[3], SIZES["sn"]
    start = PlaneStart(3, teacher, ratio * teacher, theta0)
    exact = solve(3, float(np.log(ratio)), theta0, ALIGNED).time[-1] / ratio / teacher**4
    steps = np.arange(0, round(1.2 * exact / lr), 10)
    descent = steps[np.flatnonzero(population_descent(start, lr, steps).theta < ALIGNED)[0]]
    return np.array([alignment_time(start, ALIGNED) / lr, exact / lr, descent])


SMALL_STARTS = small_starts.case(
    "small-starts",
    "beyond Section 3.2: the time to align from a vanishing norm, for one to six layers",
    quick={"depths": [1, 2, 3]},
)


@topic.claim(
    "beyond-small-starts",
    "The angle falls below 0.1 after C_m (v_0/v*)^(1-m) v*^(-2m) as v_0 tends to 0.",
    place="Section 3.2, beyond the paper",
)
def law_holds(study: Study) -> Iterator[Part]:
    """Largest relative error of the law; slope of ln T in ln v_0 minus 1 - m."""
    arrays, judged = study.arrays, False
    for k, depth in enumerate(arrays["depth"]):
        small = arrays["log10_v0"] <= FIRST_DECADES.get(int(depth), -3.0)
        if small.sum() < 2:
            continue
        judged = True
        error = np.abs(np.expm1(arrays["ln_time"][k] - arrays["ln_law"][k]))[small].max()
        ln_v0, ln_time = np.log(10.0) * arrays["log10_v0"][small], arrays["ln_time"][k][small]
        slope = np.polyfit(ln_v0, ln_time, 1)[0]
        yield at_most(f"m = {depth - 1}: error of the law", error, 1e-9 if depth == 2 else 2e-5)
        yield at_most(f"m = {depth - 1}: slope off", abs(slope - 2 + depth), 1e-5)
    if not judged:
        raise NotApplicable(
            "no two norms are small enough for the law; add some to options.log10_v0"
        )


@topic.claim(
    "beyond-small-starts-flow",
    "The integrated flow aligns at the solved times.",
    place="Section 3.2, beyond the paper",
)
def flow_agrees(study: Study) -> Iterator[Part]:
    """Angle of the flow at the time at which it should be 0.1."""
    reached = study.arrays["reached"]
    if np.all(np.isnan(reached)):
        raise NotApplicable(
            f"no norm is large enough for an integration in time (10^{INTEGRABLE:g})"
        )
    largest = float(np.nanmax(np.abs(reached / ALIGNED - 1)))
    yield at_most("largest |theta / 0.1 - 1|", largest, 1e-6)


@topic.claim(
    "beyond-small-starts-paper",
    "Descent of three layers from the paper's small norm would align at the step of the solved "
    "flow, after the paper's 100000.",
    place="Figure 1g, beyond the paper",
)
def paper_agrees(study: Study) -> Iterator[Part]:
    """Steps of the population descent over those of the solved flow; those steps."""
    law, exact, descent = study.arrays["paper"]
    yield within("descent / solved flow", descent / exact, 0.999, 1.001)
    yield number("steps of the descent", descent)
    yield number("steps by the law", law)


@topic.figure(
    "beyond-small-starts",
    "Time to align from a small norm, for m + 1 layers: one layer gets faster, two do not care, "
    "more are slowed down by powers.",
    layout=(1, 1, style.COLUMN, 2.8),
)
def times_and_powers(study: Study) -> Iterable[Panel]:
    """Times to align over the initial norm, with the power 1 - m for each m."""
    arrays = study.arrays
    v0, time, law = 10.0 ** arrays["log10_v0"], np.exp(arrays["ln_time"]), np.exp(arrays["ln_law"])
    marks: list[Mark] = []
    for m, predicted, measured in zip(arrays["depth"] - 1, law, time, strict=True):
        named = r"$C_m\,(v_0/v^*)^{1-m}$"
        marks += [
            Line(v0, predicted, colour=style.THEORY, width=1.0, label=named),
            Points(v0, measured, size=3.0, label="flow"),
            Text(v0[0], measured[0], f"$m={m}$", offset=(-4, 0)),
        ]
    ticks = [place for place in v0 if float(np.log10(place)).is_integer()]
    yield Panel(marks, xlabel=r"initial norm $v_0/v^*$", scale="log-log", legend="upper right",
                ylabel=r"time to $\theta<0.1$, in $v^{*\,-2m}$",
                xlim=(v0.min() / 25, v0.max() * 1.5), xticks=ticks)  # fmt: skip
