r"""How many unbalanced neurons it takes to leave least squares on the points of Figure 2, and when (boursier2024, Section 5).

Without |a| >= ||w|| some neurons survive the alignment off the cone of D*; with enough of them training fits the points,
after a plateau that lengthens by a constant for every decade of the scale. A run departs when its MSE falls below half
that of least squares. The study's options: widths, scales, seeds, lr, horizon (flow time).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from flowrepro.claims.old_claim import (
    NotApplicable,
    lower,
    number,
    require,
    statement,
    target_window,
    window,
)
from flowrepro.claims.old_verdict import Claim, Judgement
from flowrepro.core.config import Init, StudyCase
from flowrepro.core.trajectory import Dataset, Study
from flowrepro.figures import Figure, style
from flowrepro.figures.line_panels import legend_below
from flowrepro.papers.boursier2024.hypotheses import ref
from flowrepro.papers.boursier2024.least_squares import least_mse
from flowrepro.papers.boursier2024.study_hypotheses import declared, spurious
from flowrepro.papers.boursier2024.training import problem_of, train
from flowrepro.papers.topic import Progress

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LOOKS = 300
"""Times at which a run is asked whether it has left; departures are known up to horizon / LOOKS."""


def count_departures(
    case: StudyCase, dataset: Dataset | None, progress: Progress
) -> Mapping[str, np.ndarray]:
    """departure (widths, scales, seeds): flow time at which the MSE is seen below half that of least squares, inf if it never is."""
    assert dataset is not None
    X, y, options = dataset.X, dataset.y, case.options
    level = 0.5 * least_mse(X, y)
    n_steps = int(options["horizon"] / (2.0 * options["lr"]))
    departure = np.full((len(options["widths"]), len(options["scales"]), options["seeds"]), np.inf)
    for done, (i, j, k) in enumerate(np.ndindex(departure.shape)):
        init = Init(
            name="gaussian", m=options["widths"][i], scale=options["scales"][j], divide_by="sqrt(m)"
        )
        problem = problem_of(X, y, init, case.seed + k, options["lr"], n_steps)
        run = train(problem, every=max(1, n_steps // LOOKS), target_loss=level, engine="fused")
        if run.loss[-1] < level:
            departure[i, j, k] = run.t[-1]
        progress(done + 1, departure.size)
    return {"departure": departure}


def least_widths(findings: Study) -> np.ndarray:
    """(scales,) the least width from which on all runs depart; inf where the widest does not."""
    widths = np.array(findings.case.options["widths"], dtype=np.float64)
    all_depart = np.all(np.isfinite(findings.arrays["departure"]), axis=2)
    from_there_on = np.logical_and.accumulate(all_depart[::-1], axis=0)[::-1]
    return np.where(from_there_on.any(axis=0), widths[np.argmax(from_there_on, axis=0)], np.inf)


def per_decade(findings: Study) -> float:
    """Growth of the median departure of the widest networks per decade of 1/lambda, in flow time."""
    times, powers = findings.arrays["departure"][-1], -np.log10(findings.case.options["scales"])
    seen = np.isfinite(times).any(axis=1)
    if seen.sum() < 2:
        raise NotApplicable(
            "fewer than two scales have runs that depart within options.horizon; raise it"
        )
    medians = [np.median(case[np.isfinite(case)]) for case in times[seen]]
    return float(np.polyfit(powers[seen], medians, 1)[0])


@statement(
    "unbalanced-leaves",
    ref("Section 5"),
    "theory",
    ("unbalanced-width",),
    "wide unbalanced networks leave least squares",
    given=(spurious,),
)
def unbalanced_leaves(findings: Study) -> Sequence[Judgement]:
    """Part of the runs of the widest networks at the largest scale that depart; the plateau is no convergence before the horizon."""
    departure = findings.arrays["departure"]
    scales = findings.case.options["scales"]
    largest = int(np.argmax(scales))
    require(
        None
        if scales[largest] >= 1e-3
        else "at smaller scales the plateau is longer than any horizon is sure to be"
    )
    parts = [
        number(f"least width at lambda = {s:g}", width)
        for s, width in zip(scales, least_widths(findings), strict=True)
    ]
    return [
        lower("part that departs", float(np.mean(np.isfinite(departure[-1, largest]))), 1.0),
        *parts,
    ]


@statement(
    "unbalanced-plateau",
    ref("Section 5"),
    "reproduction",
    ("unbalanced-width",),
    "the plateau lengthens by a constant per decade",
    given=(declared,),
)
def unbalanced_plateau(findings: Study) -> Sequence[Judgement]:
    """Per decade of 1/lambda; and that few neurons are trapped."""
    departure = findings.arrays["departure"]
    return [
        window(
            "flow time per decade",
            per_decade(findings),
            *target_window(findings.case, "plateau per decade"),
        ),
        lower(
            "part of the narrowest networks that stay", float(np.mean(np.isinf(departure[0]))), 0.5
        ),
        lower(
            "part of the widest networks that depart",
            float(np.mean(np.isfinite(departure[-1]))),
            0.7,
        ),
    ]


class Departures(NamedTuple):
    """Scales (s,), widths (w,), part that departs (w, s), and the times of the widest (s, seeds), nan where none."""

    scales: np.ndarray
    widths: np.ndarray
    part: np.ndarray
    times: np.ndarray


def collect_departures(findings: Study) -> Departures:
    """Departures over width and scale."""
    options, departure = findings.case.options, findings.arrays["departure"]
    times = np.where(np.isfinite(departure[-1]), departure[-1], np.nan)
    return Departures(
        np.array(options["scales"]),
        np.array(options["widths"]),
        np.isfinite(departure).mean(axis=2),
        times,
    )


def draw_departures(axes: Sequence[Axes], data: Departures) -> None:
    """Part that departs over the width; time of departure over the scale."""
    parts, times = axes
    for j, scale in enumerate(data.scales):
        look: Any = {"marker": "osv^"[j % 4], "color": str(0.2 * (j % 4)), "markersize": 4}
        parts.plot(
            data.widths, data.part[:, j], linewidth=1.0, label=f"$\\lambda$ = {scale:g}", **look
        )
        times.plot(
            np.full(data.times.shape[1], scale),
            data.times[j],
            linestyle="None",
            markerfacecolor="none",
            **look,
        )
    parts.set(
        xscale="log",
        xlabel="width $m$",
        ylabel="part of runs that fit",
        ylim=(-0.03, 1.03),
        title="(a)",
    )
    parts.set_xticks(data.widths, [str(width) for width in data.widths])
    parts.minorticks_off()
    times.set(
        xscale="log",
        xlabel="initial scale $\\lambda$",
        ylabel="time of departure",
        title=f"(b) m = {data.widths[-1]}",
    )
    legend_below(axes)


CLAIMS: tuple[Claim, ...] = (unbalanced_leaves, unbalanced_plateau)
FIGURES = (
    Figure(
        id="unbalanced-width",
        file="unbalanced-width",
        cases=("unbalanced-width",),
        caption="Three points, unbalanced initialisation: part of the runs that leave least squares, over width and scale, and when they do.",
        layout=(1, 2, style.PAGE, 2.6),
        collect=collect_departures,
        draw=draw_departures,
        tolerance=(0.05, 0.2),
    ),
)
