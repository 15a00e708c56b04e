"""Two times of min2024 and what they really depend on: the time t2 to fit against eps, the alignment time t1 against mu (beyond the paper)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from flowrepro.claims.old_claim import lower, number, statement, upper
from flowrepro.claims.old_verdict import Judgement
from flowrepro.claims.options import at_least_one, within
from flowrepro.core.config import StudyCase
from flowrepro.core.trajectory import Dataset, Study
from flowrepro.engines.alignment import align
from flowrepro.figures import Figure, NotDrawable, style
from flowrepro.papers.min2024.constants import (
    PointConstants,
    alignment_bound,
    point_constants,
    start_constants,
)
from flowrepro.papers.min2024.theory_cases import ALIGNMENT_TIME, FIT_TIME
from flowrepro.papers.min2024.theory_flow import theory_flow
from flowrepro.papers.min2024.theory_states import (
    assumption_1,
    fit_times,
    points_of,
    read_states,
    ref,
)
from flowrepro.papers.topic import Progress

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FLOW_OPTIONS: Mapping[str, object] = {"loss": "exp", "after": 2.0, "points": 100, "rtol": 1e-9}
NEAREST = np.geomspace(1e-12, 0.1, 12)
"""Distances (radians) from the edge of a cone at which the slowest neurons start."""


def fit_time(case: StudyCase, dataset: Dataset | None, progress: Progress) -> dict[str, np.ndarray]:
    """t2 (E, 2): t2+ and t2- of the flow from one and the same shape W_0 at each ln eps of ``ln_eps`` (E,)."""
    assert dataset is not None
    scales = within(case, "ln_eps", -1e6, 0.0)
    found = []
    for index, ln_eps in enumerate(scales):
        one = replace(case, options={**FLOW_OPTIONS, "m": case.options["m"], "ln_eps": ln_eps})
        run = Study(one, dataset, theory_flow(one, dataset, lambda done, total: None))
        found.append(fit_times(run, read_states(run)))
        progress(index + 1, len(scales))
    return {"ln_eps": np.array(scales), "t2": np.array(found)}


def theorem_pace(points: PointConstants) -> np.ndarray:
    """8 / (sqrt(mu) n_+- X_min) (2,), the slope of the bound (39) in ln(1/eps)."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(
            8.0 / (np.sqrt(points.mu) * np.array(points.n_class, dtype=float) * points.x_min)
        )


def several_scales(findings: Study) -> str | None:
    """At least two scales, all of which fit."""
    if len(findings.arrays["ln_eps"]) < 2:
        return "a slope needs at least two scales; give options.ln_eps more"
    return (
        None
        if np.all(np.isfinite(findings.arrays["t2"]))
        else "some flow does not fit both classes, as no neuron is left for one of them"
    )


def small_scales(findings: Study) -> str | None:
    """eps^2 X_max <= e^-10 at the two smallest scales, so that neurons align long before |f| matters."""
    largest = float(np.sort(findings.arrays["ln_eps"])[1])
    limit = -5.0 - 0.5 * float(np.log(points_of(findings).x_max))
    return (
        None
        if largest <= limit
        else f"the law is for ln eps <= {limit:.3g} and the second smallest scale is {largest:.3g}; lower options.ln_eps"
    )


@statement(
    "t2.law",
    ref("eq. (39)"),
    "theory",
    (FIT_TIME.name,),
    "t2+- grows by 1/||x_+-|| per unit of ln(1/eps)",
    (assumption_1, several_scales, small_scales),
)
def check_fit_law(findings: Study) -> Sequence[Judgement]:
    """Slopes of t2+- between the two smallest scales, to 0.5 %; the theorem's own slope is larger by the factor told."""
    order = np.argsort(findings.arrays["ln_eps"])[:2]
    ln_eps, t2 = findings.arrays["ln_eps"][order], findings.arrays["t2"][order]
    slopes = (t2[0] - t2[1]) / (ln_eps[1] - ln_eps[0])
    points = points_of(findings)
    parts = [
        upper(f"t2{sign}: |slope ||x_{sign}|| - 1|", abs(slope * pull - 1), 5e-3)
        for sign, slope, pull in zip("+-", slopes, points.pull, strict=True)
    ]
    return [*parts, number("slope of (39) over that of t2+", theorem_pace(points)[0] / slopes[0])]


@statement(
    "t2.Theta",
    ref("Theorem 1"),
    "theory",
    (FIT_TIME.name,),
    "t2 lies between log(1/(sqrt(m) eps))/(4 n X_max) and (39)",
    (assumption_1, several_scales),
)
def check_fit_order(findings: Study) -> Sequence[Judgement]:
    """Slope of t2 in ln(1/eps) against those of both bounds of Theta(log(1/eps))."""
    points, ln_eps = points_of(findings), findings.arrays["ln_eps"]
    slope = np.polyfit(-ln_eps, findings.arrays["t2"].max(axis=1), 1)[0]
    return [
        lower("slope of t2", slope, 1 / (4 * points.n * points.x_max)),
        upper("slope of t2", slope, float(theorem_pace(points).max())),
    ]


def alignment_time(
    case: StudyCase, dataset: Dataset | None, progress: Progress
) -> dict[str, np.ndarray]:
    """t1 (M,) of the slowest neuron of V_+ on two positive unit points with cosine mu (M,), and the bound of Theorem 1.

    Starts: ``angles`` even ones on the circle, and some just inside the edges of all cones, where neurons are slowest.
    """
    cosines, angles = np.array(within(case, "mu", 0.0, 1.0)), at_least_one(case, "angles")
    found, bounds = [], []
    for index, mu in enumerate(cosines):
        X, y = np.array([[1.0, 0.0], [mu, np.sqrt(1 - mu * mu)]]), np.ones(2)
        edges = np.array([0.5, -0.5])[:, None] * np.pi + np.array([0.0, np.arccos(mu)])
        starts = np.concatenate(
            [
                np.linspace(0, 2 * np.pi, angles, endpoint=False),
                (edges.ravel()[:, None] + [*NEAREST, *-NEAREST]).ravel(),
            ]
        )
        W = np.stack([np.cos(starts), np.sin(starts)], axis=1)
        found.append(align(X, y, W, np.ones(len(W))).settled)
        bounds.append(
            alignment_bound(
                point_constants(X, y),
                start_constants(X, y, W, np.zeros(len(W)), np.ones(len(W)), 0.0),
            )
        )
        progress(index + 1, len(cosines))
    return {"mu": cosines, "t1": np.array(found), "bound": np.array(bounds)}


@statement(
    "t1.law",
    ref("Appendix A.2"),
    "theory",
    (ALIGNMENT_TIME.name,),
    "two unit points with cosine mu are aligned with by arccosh(1/mu) = log(2/mu) + O(mu^2)",
)
def check_alignment_law(findings: Study) -> Sequence[Judgement]:
    """Largest |t1 - arccosh(1/mu)|, which is far below the bound of Theorem 1: mu^(-5/2)."""
    found = findings.arrays
    return [
        upper(
            "largest |t1 - arccosh(1/mu)|",
            float(np.max(np.abs(found["t1"] - np.arccosh(1 / found["mu"])))),
            1e-6,
        ),
        upper(
            "largest t1 over the bound of Theorem 1",
            float(np.max(found["t1"] / found["bound"])),
            1.0,
        ),
    ]


CLAIMS = (check_fit_law, check_fit_order, check_alignment_law)


# ---- figures


class FitTimes(NamedTuple):
    """ln(1/eps) (E,), t2+- (E, 2), ||x_+-|| (2,), and the slope of the theorem's bound (2,)."""

    ln_inverse: np.ndarray
    t2: np.ndarray
    pull: np.ndarray
    theorem: np.ndarray


def collect_fit_times(findings: Study) -> FitTimes:
    """NotDrawable where Assumption 1 fails or a class is not fitted."""
    if reason := assumption_1(findings) or several_scales(findings):
        raise NotDrawable(f"the law of t2 does not apply: {reason}")
    points = points_of(findings)
    return FitTimes(
        -findings.arrays["ln_eps"], findings.arrays["t2"], points.pull, theorem_pace(points)
    )


def draw_fit_times(axes: Sequence[Axes], data: FitTimes) -> None:
    """One panel, both axes logarithmic: measured times and lines of slope 1/||x_+-||, and the theorem's bound."""
    (ax,) = axes
    x = np.geomspace(data.ln_inverse.min(), data.ln_inverse.max(), 100)
    first = int(np.argmax(data.ln_inverse))
    for side, (sign, colour, marker) in enumerate(
        (("+", style.POSITIVE, "o"), ("-", style.NEGATIVE, "s"))
    ):
        offset = data.t2[first, side] - data.ln_inverse[first] / data.pull[side]
        ax.plot(
            x,
            x / data.pull[side] + offset,
            color=colour,
            label=rf"slope $1/\|x_{sign}\|$",
            linewidth=1,
        )
        ax.plot(
            data.ln_inverse,
            data.t2[:, side],
            marker,
            color=colour,
            markersize=4,
            label=rf"$t_2^{sign}$, flow",
        )
    ax.plot(
        x,
        x * data.theorem.max(),
        color=style.THEORY,
        linestyle="--",
        label="slope of the bound (39)",
    )
    top = 300.0 * float(data.theorem.max() * x[-1])  # room for the legend
    ax.set(
        xscale="log",
        yscale="log",
        ylim=(None, top),
        xlabel=r"$\ln(1/\epsilon)$",
        ylabel="flow time",
    )
    ax.legend()


class AlignmentTimes(NamedTuple):
    """mu, measured t1, the bound of Theorem 1 (M,)."""

    mu: np.ndarray
    t1: np.ndarray
    bound: np.ndarray


def collect_alignment_times(findings: Study) -> AlignmentTimes:
    """The study's arrays."""
    return AlignmentTimes(*(findings.arrays[name] for name in AlignmentTimes._fields))


def draw_alignment_times(axes: Sequence[Axes], data: AlignmentTimes) -> None:
    """Left: t1 of the slowest neuron and arccosh(1/mu); right: the same beside the bound of Theorem 1."""
    left, right = axes
    mu = np.geomspace(data.mu.min(), data.mu.max(), 200)
    for ax in axes:
        ax.plot(
            mu,
            np.arccosh(1 / mu),
            color=style.THEORY,
            linewidth=1,
            label=r"$\mathrm{arccosh}(1/\mu)$",
        )
        ax.plot(
            data.mu,
            data.t1,
            "o",
            color=style.POSITIVE,
            markersize=4,
            label=r"$t_1$, slowest neuron",
        )
        ax.set(xscale="log", xlabel=r"$\mu$")
    right.plot(data.mu, data.bound, "--", color=style.FRAME, label="bound of Theorem 1")
    right.set(yscale="log", title="against the theorem")
    left.set(ylabel="flow time (sum)", title="alignment time of two points")
    right.legend()


FIGURES = (
    Figure(
        id="beyond-fit-time",
        file="beyond-fit-time",
        cases=(FIT_TIME.name,),
        caption="Time t2 at which each class is fitted, against the scale of the initialisation: the flow, its exact slope, and the slope of the bound (39)",
        layout=(1, 1, style.COLUMN, 2.6),
        collect=collect_fit_times,
        draw=draw_fit_times,
    ),
    Figure(
        id="beyond-alignment-time",
        file="beyond-alignment-time",
        cases=(ALIGNMENT_TIME.name,),
        caption="Alignment time of the slowest neuron on two unit points against their cosine mu: exact law, and the bound of Theorem 1",
        layout=(1, 2, style.PAGE, 2.4),
        collect=collect_alignment_times,
        draw=draw_alignment_times,
    ),
)
