"""What two times of min2024 depend on: t2 of the fit on eps, and t1 of the alignment on mu.

Per unit of ln(1/eps) the time t2+- grows by 1/||x_+-||, less than the bound (39) allows. On two
unit points with cosine mu the slowest neuron needs t1 = arccosh(1/mu) = log(2/mu) + O(mu^2), far
below the bound of Theorem 1.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np

from flowrepro.claims.verdict import Part, at_least, at_most, number
from flowrepro.core.config import Data
from flowrepro.core.overrides import override
from flowrepro.core.trajectory import Dataset, Study
from flowrepro.engines.alignment import align
from flowrepro.figures import NotDrawable, style
from flowrepro.figures.panels import Line, Panel, Points
from flowrepro.papers.min2024 import PAPER
from flowrepro.papers.min2024.hypotheses import assumption_1
from flowrepro.papers.min2024.shared.constants import (
    PointConstants,
    alignment_bound,
    point_constants,
    points_of,
    start_constants,
)
from flowrepro.papers.min2024.shared.flow_states import fit_times, read_states
from flowrepro.papers.min2024.theorem_1_flow import FLOW, theory_flow
from flowrepro.papers.study import Progress, option
from flowrepro.papers.topic import Topic

topic = Topic(PAPER, "Laws of the times t1 and t2")

# ---- the time to fit


@topic.study
def fit_time(
    data: Dataset,
    *,
    m: int = option(50, "neurons", within=(1, 1_000)),
    ln_eps: list[float] = option(
        [-6.0, -10.0, -15.0, -20.0, -100.0, -1_000.0, -10_000.0],
        "logarithms of the scale of the start",
        within=(-999_999.0, -0.01),
    ),
    seed: int,
    progress: Progress,
) -> dict[str, np.ndarray]:
    """t2 (E, 2): t2+ and t2- of the flow from one and the same shape W_0 at each ln eps (E,)."""
    found = []
    for index, scale in enumerate(ln_eps):
        options: dict[str, Any] = {"m": m, "ln_eps": scale, "after": 2.0, "points": 100}
        flow = override(FLOW, {f"options.{name}": value for name, value in options.items()})
        arrays = theory_flow(data, seed=seed, **options)
        result = Study(flow, data, arrays)
        found.append(fit_times(result, read_states(result)))
        progress(index + 1, len(ln_eps))
    return {"ln_eps": np.array(ln_eps), "t2": np.array(found)}


FIT_TIME = fit_time.case(
    "fit-time",
    "Beyond the paper: the time t2 to fit grows by 1/||x_+-|| per unit of ln(1/eps).",
    data=Data(name="six-points"),
    seed=1,
    quick={"options.ln_eps": [-10.0, -20.0, -100.0]},
)


def theorem_pace(points: PointConstants) -> np.ndarray:
    """8 / (sqrt(mu) n_+- X_min) (2,), the slope of the bound (39) in ln(1/eps)."""
    counts = np.array(points.n_class, dtype=float)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(8.0 / (np.sqrt(points.mu) * counts * points.x_min))


def several_scales(result: Study) -> str | None:
    """At least two scales, all of which fit."""
    if len(result.arrays["ln_eps"]) < 2:
        return "a slope needs at least two scales; give options.ln_eps more"
    lost = "some flow does not fit both classes, as no neuron is left for one of them"
    return None if np.all(np.isfinite(result.arrays["t2"])) else lost


def small_scales(result: Study) -> str | None:
    """eps^2 X_max <= e^-10 at the two smallest scales: neurons align long before |f| matters."""
    largest = float(np.sort(result.arrays["ln_eps"])[1])
    limit = -5.0 - 0.5 * float(np.log(points_of(result).x_max))
    large = (
        f"the law is for ln eps <= {limit:.3g} and the second smallest scale is {largest:.3g}; "
        "lower options.ln_eps"
    )
    return None if largest <= limit else large


@topic.claim(
    "beyond-fit-time-law",
    "The time t2+- grows by 1/||x_+-|| per unit of ln(1/eps).",
    place="eq. (39)", on=(FIT_TIME,), given=(assumption_1, several_scales, small_scales),
)  # fmt: skip
def fit_law(result: Study) -> Iterator[Part]:
    """Slopes of t2+- between the two smallest scales, and by how much that of (39) is larger."""
    order = np.argsort(result.arrays["ln_eps"])[:2]
    ln_eps, t2 = result.arrays["ln_eps"][order], result.arrays["t2"][order]
    slopes, points = (t2[0] - t2[1]) / (ln_eps[1] - ln_eps[0]), points_of(result)
    for sign, slope, pull in zip("+-", slopes, points.pull, strict=True):
        yield at_most(f"t2{sign}: |slope ||x_{sign}|| - 1|", abs(slope * pull - 1), 5e-3)
    yield number("slope of (39) over that of t2+", theorem_pace(points)[0] / slopes[0])


@topic.claim(
    "theorem-1-fit-time-order",
    "The time t2 lies between log(1/(sqrt(m) eps))/(4 n X_max) and the bound (39).",
    place="Theorem 1", on=(FIT_TIME,), given=(assumption_1, several_scales),
)  # fmt: skip
def fit_order(result: Study) -> Iterator[Part]:
    """Slope of t2 in ln(1/eps) against those of both bounds of Theta(log(1/eps))."""
    points, t2 = points_of(result), result.arrays["t2"].max(axis=1)
    slope = np.polyfit(-result.arrays["ln_eps"], t2, 1)[0]
    yield at_least("slope of t2", slope, 1 / (4 * points.n * points.x_max))
    yield at_most("slope of t2", slope, float(theorem_pace(points).max()))


@topic.figure(
    "beyond-fit-time",
    "Time t2 at which each class is fitted, against the scale of the initialisation: the flow, "
    "its exact slope, and the slope of the bound (39).",
    on=(FIT_TIME,), layout=(1, 1, style.COLUMN, 3.0),
)  # fmt: skip
def fit_times_panel(result: Study) -> Iterator[Panel]:
    """NotDrawable where Assumption 1 fails or a class is not fitted."""
    if reason := assumption_1(result) or several_scales(result):
        raise NotDrawable(f"the law of t2 does not apply: {reason}")
    points, measured, t2 = points_of(result), -result.arrays["ln_eps"], result.arrays["t2"]
    x = np.geomspace(measured.min(), measured.max(), 100)
    first, marks = int(np.argmax(measured)), []
    looks = (("+", style.POSITIVE, "o"), ("-", style.NEGATIVE, "s"))
    for (sign, colour, marker), own, pull in zip(looks, t2.T, points.pull, strict=True):
        line = x / pull + (own[first] - measured[first] / pull)
        marks += [
            Line(x, line, colour=colour, width=1.0, label=rf"slope $1/\|x_{sign}\|$"),
            Points(measured, own, colour=colour, marker=marker, label=rf"$t_2^{sign}$, flow"),
        ]
    marks.append(Line(x, x * theorem_pace(points).max(), colour=style.THEORY, dash="--",
                      label="slope of the bound (39)"))  # fmt: skip
    yield Panel(marks, xlabel=r"$\ln(1/\epsilon)$", ylabel="flow time", scale="log-log")


# ---- the time to align

NEAREST = np.geomspace(1e-12, 0.1, 12)
"""Distances (radians) from the edge of a cone at which the slowest neurons start."""


@topic.study
def alignment_time(
    *,
    mu: list[float] = option(
        [1e-1, 1e-2, 1e-3, 1e-4, 1e-6, 1e-8],
        "cosines of the two points",
        within=(1e-10, 0.999),
    ),
    angles: int = option(1_000, "starts spread over the circle", within=(1, 100_000)),
    progress: Progress,
) -> dict[str, np.ndarray]:
    """t1 (M,) of the slowest neuron of V_+ on two positive unit points with cosine mu (M,).

    bound (M,) is that of Theorem 1. Some neurons start just inside the edges of all cones, where
    they are slowest.
    """
    found, bounds = [], []
    for index, cosine in enumerate(mu):
        X, y = np.array([[1.0, 0.0], [cosine, np.sqrt(1 - cosine * cosine)]]), np.ones(2)
        edges = np.array([0.5, -0.5])[:, None] * np.pi + np.array([0.0, np.arccos(cosine)])
        even = np.linspace(0, 2 * np.pi, angles, endpoint=False)
        near = (edges.ravel()[:, None] + [*NEAREST, *-NEAREST]).ravel()
        starts = np.concatenate([even, near])
        W, ones = np.stack([np.cos(starts), np.sin(starts)], axis=1), np.ones(len(starts))
        found.append(align(X, y, W, ones).settled)
        start = start_constants(X, y, W, 0.0 * ones, ones, 0.0)
        bounds.append(alignment_bound(point_constants(X, y), start))
        progress(index + 1, len(mu))
    return {"mu": np.array(mu), "t1": np.array(found), "bound": np.array(bounds)}


ALIGNMENT_TIME = alignment_time.case(
    "alignment-time",
    "Beyond the paper: the alignment time of two unit points with cosine mu is arccosh(1/mu).",
    quick={"options.angles": 100},
)


@topic.claim(
    "beyond-alignment-time-law",
    "Two unit points with cosine mu are aligned with by arccosh(1/mu) = log(2/mu) + O(mu^2).",
    place="Appendix A.2", on=(ALIGNMENT_TIME,),
)  # fmt: skip
def alignment_law(result: Study) -> Iterator[Part]:
    """Distance of t1 from the law, and its ratio to the bound of Theorem 1, mu^(-5/2)."""
    t1, mu, bound = (result.arrays[name] for name in ("t1", "mu", "bound"))
    distance = float(np.max(np.abs(t1 - np.arccosh(1 / mu))))
    yield at_most("largest |t1 - arccosh(1/mu)|", distance, 1e-6)
    yield at_most("largest t1 over the bound of Theorem 1", float(np.max(t1 / bound)), 1.0)


@topic.figure(
    "beyond-alignment-time",
    "Alignment time of the slowest neuron on two unit points against their cosine mu: exact law, "
    "and the bound of Theorem 1.",
    on=(ALIGNMENT_TIME,), layout=(1, 2, style.PAGE, 2.4),
)  # fmt: skip
def alignment_times(result: Study) -> Iterator[Panel]:
    """t1 and arccosh(1/mu), alone and beside the bound of Theorem 1."""
    mu, t1, bound = (result.arrays[name] for name in ("mu", "t1", "bound"))
    x = np.geomspace(mu.min(), mu.max(), 200)
    both = (
        Line(x, np.arccosh(1 / x), colour=style.THEORY, width=1.0,
             label=r"$\mathrm{arccosh}(1/\mu)$"),
        Points(mu, t1, colour=style.POSITIVE, label=r"$t_1$, slowest neuron"),
    )  # fmt: skip
    panel = partial(Panel, xlabel=r"$\mu$", ylabel="flow time (sum)")
    yield panel(both, title="alignment time of two points", scale="log-linear")
    theorem = Line(mu, bound, dash="--", colour=style.FRAME, label="bound of Theorem 1")
    yield panel([*both, theorem], title="against the theorem", scale="log-log")
