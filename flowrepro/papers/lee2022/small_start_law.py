"""How long a vanishing norm takes to align: exact times against the law of small starts, over seven decades (beyond lee2022, Section 3.2)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from flowrepro.claims.old_claim import NotApplicable, number, statement, upper, window
from flowrepro.claims.old_verdict import Judgement
from flowrepro.claims.options import require_ranges
from flowrepro.claims.published import as_declared
from flowrepro.core.config import StudyCase
from flowrepro.core.trajectory import Dataset, Study
from flowrepro.engines.population import PlaneStart, population_descent, population_flow
from flowrepro.figures import Figure, style
from flowrepro.papers.lee2022.beyond_cases import SMALL_STARTS
from flowrepro.papers.lee2022.experiments import ALIGNED, SIZES, STEP_SIZES, TEACHER_SCALES
from flowrepro.papers.lee2022.hypotheses import ref
from flowrepro.papers.lee2022.small_start import alignment_constant, alignment_time
from flowrepro.papers.lee2022.solved_flow import solve
from flowrepro.papers.topic import Progress

if TYPE_CHECKING:
    from matplotlib.axes import Axes

RANGES = {"depths": (1, 10), "log10_v0": (-20.0, 0.0), "theta0": (0.2, 3.1)}
INTEGRABLE = -2.5
"""log10(v_0/v*) from which on the flow is integrated in its own time too (below, the time steps span too many decades)."""
PAPER_NORM = 10.0
"""Norm of a standard Gaussian vector in the paper's 100 dimensions."""
FIRST_DECADES = {1: -6.0, 2: np.inf}
"""Layers -> log10(v_0/v*) up to which the law must hold, -3 for others: its relative error is O(v_0/v*) for one layer and 0 for two."""


def compute_small_starts(
    study: StudyCase, dataset: Dataset | None, progress: Progress
) -> Mapping[str, np.ndarray]:
    """Times until theta < ALIGNED in units of v*^(-2m), and what the law says.

    depth : (M,). log10_v0 : (V,). ln_time, ln_law : (M, V). reached : (M, V) angle of the integrated flow at that time, nan where it is not integrated.
    paper : (3,) steps of the three-layer small start at the paper's sizes: the law's, the solution's, and those of the population descent.
    """
    require_ranges(study.options, RANGES)
    depths, log10_v0 = (
        [int(depth) for depth in study.options["depths"]],
        np.array(study.options["log10_v0"], dtype=float),
    )
    theta0 = float(study.options["theta0"])
    shape = (len(depths), len(log10_v0))
    ln_time, ln_law, reached = np.empty(shape), np.empty(shape), np.full(shape, np.nan)
    for k, depth in enumerate(depths):
        constant = alignment_constant(depth - 1, np.pi - theta0, ALIGNED)
        for i, ln_v0 in enumerate(np.log(10.0) * log10_v0):
            unit = (2 - depth) * ln_v0
            ln_time[k, i] = unit + np.log(solve(depth, float(ln_v0), theta0, ALIGNED).time[-1])
            ln_law[k, i] = unit + np.log(constant)
            if log10_v0[i] >= INTEGRABLE:
                t = np.array([0.0, np.exp(ln_time[k, i])])
                reached[k, i] = population_flow(
                    PlaneStart(depth, 1.0, float(np.exp(ln_v0)), theta0), t, rtol=1e-11
                ).theta[-1]
        progress(k + 1, len(depths))
    return {
        "depth": np.array(depths),
        "log10_v0": log10_v0,
        "ln_time": ln_time,
        "ln_law": ln_law,
        "reached": reached,
        "paper": _papers_three_layers(theta0),
    }


def _papers_three_layers(theta0: float) -> np.ndarray:
    teacher, lr = TEACHER_SCALES[3] * PAPER_NORM, STEP_SIZES[3]
    start = PlaneStart(3, teacher, SIZES["sn"] * teacher, theta0)
    exact = (
        solve(3, float(np.log(SIZES["sn"])), theta0, ALIGNED).time[-1] / SIZES["sn"] / teacher**4
    )
    steps = np.arange(0, round(1.2 * exact / lr), 10)
    descent = steps[np.flatnonzero(population_descent(start, lr, steps).theta < ALIGNED)[0]]
    return np.array([alignment_time(start, ALIGNED) / lr, exact / lr, descent])


GIVEN = (as_declared(SMALL_STARTS, ("seed", "options")),)


@statement(
    "beyond-small-starts",
    ref("Section 3.2, beyond the paper"),
    "theory",
    ("small-starts",),
    "theta < 0.1 after C_m (v_0/v*)^(1-m) v*^(-2m) as v_0 -> 0",
    GIVEN,
)
def law_holds(findings: Study) -> list[Judgement]:
    """measured: relative error of the law, largest over the norms it is for; slope of ln T in ln v_0 there minus 1 - m."""
    arrays = findings.arrays
    parts = []
    for k, depth in enumerate(arrays["depth"]):
        small = arrays["log10_v0"] <= FIRST_DECADES.get(int(depth), -3.0)
        if small.sum() < 2:
            continue
        error = np.abs(np.expm1(arrays["ln_time"][k] - arrays["ln_law"][k]))[small].max()
        slope = np.polyfit(
            np.log(10.0) * arrays["log10_v0"][small], arrays["ln_time"][k][small], 1
        )[0]
        parts += [
            upper(f"m = {depth - 1}: error of the law", error, 1e-9 if depth == 2 else 2e-5),
            upper(f"m = {depth - 1}: slope off", abs(slope - 2 + depth), 1e-5),
        ]
    if not parts:
        raise NotApplicable(
            "no two norms are small enough for the law; add some to options.log10_v0"
        )
    return parts


@statement(
    "beyond-small-starts-flow",
    ref("Section 3.2, beyond the paper"),
    "theory",
    ("small-starts",),
    "the integrated flow aligns at the solved times",
    GIVEN,
)
def flow_agrees(findings: Study) -> list[Judgement]:
    """measured: largest relative difference from 0.1 of the angle that the flow has at the time at which it should be 0.1."""
    reached = findings.arrays["reached"]
    if np.all(np.isnan(reached)):
        raise NotApplicable(
            f"no norm is large enough for an integration in time (10^{INTEGRABLE:g})"
        )
    return [
        upper("largest |theta / 0.1 - 1|", float(np.nanmax(np.abs(reached / ALIGNED - 1))), 1e-6)
    ]


@statement(
    "beyond-small-starts-paper",
    ref("Figure 1g, beyond the paper"),
    "theory",
    ("small-starts",),
    "when three layers from the small norm would have aligned",
    GIVEN,
)
def paper_agrees(findings: Study) -> list[Judgement]:
    """measured: steps of the population descent over those of the solved flow; those steps, of which the paper makes 100000."""
    law, exact, descent = findings.arrays["paper"]
    return [
        window("descent / solved flow", descent / exact, 0.999, 1.001),
        number("steps of the descent", descent),
        number("steps by the law", law),
    ]


CLAIMS = (law_holds, flow_agrees, paper_agrees)


# ---- figure


class SmallStarts(NamedTuple):
    """v_0 / v* (V,), times and law (M, V) in units of v*^(-2m), scalars m (M,)."""

    v0: np.ndarray
    time: np.ndarray
    law: np.ndarray
    m: np.ndarray


def collect_small_starts(findings: Study) -> SmallStarts:
    """The study's arrays."""
    arrays = findings.arrays
    return SmallStarts(
        10.0 ** arrays["log10_v0"],
        np.exp(arrays["ln_time"]),
        np.exp(arrays["ln_law"]),
        arrays["depth"] - 1,
    )


def draw_small_starts(axes: Sequence[Axes], data: SmallStarts) -> None:
    """Both axes logarithmic; a line of slope 1 - m for each m."""
    (ax,) = axes
    for k, m in enumerate(data.m):
        ax.plot(
            data.v0,
            data.law[k],
            color=style.THEORY,
            linewidth=1.0,
            label=r"$C_m\,(v_0/v^*)^{1-m}$" if k == 0 else None,
        )
        ax.plot(
            data.v0,
            data.time[k],
            "o",
            color=style.LEARNED,
            markersize=3,
            label="flow" if k == 0 else None,
        )
        ax.annotate(
            f"$m={m}$",
            (data.v0[0], data.time[k, 0]),
            xytext=(-4, 0),
            textcoords="offset points",
            ha="right",
            va="center",
            fontsize=7,
        )
    ax.set(
        xscale="log",
        yscale="log",
        xlabel=r"initial norm $v_0/v^*$",
        ylabel=r"time to $\theta<0.1$, in $v^{*\,-2m}$",
    )
    ax.set_xlim(data.v0.min() / 25, data.v0.max() * 1.5)
    ax.set_xticks([v0 for v0 in data.v0 if float(np.log10(v0)).is_integer()], minor=False)
    ax.set_xticks([], minor=True)
    ax.spines["right"].set_visible(False)
    ax.legend(loc="upper right")


FIGURES = (
    Figure(
        id="beyond-small-starts",
        file="beyond-small-starts",
        cases=("small-starts",),
        caption="Time to align from a small norm, for m + 1 layers: one layer gets faster, two do not care, more are slowed down by powers.",
        layout=(1, 1, style.COLUMN, 2.8),
        collect=collect_small_starts,
        draw=draw_small_starts,
    ),
)
