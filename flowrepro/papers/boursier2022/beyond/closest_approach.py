r"""How near the flow comes to the saddle theta_S: a power of lambda.

boursier2022 bounds the distance by lambda^{eps/5}. x = I_2, y = (1, -1/r). After the first
half-fit the positive neurons still miss a part e^{-2 d_+ (t - T_+)} ~ lambda^-2 e^{-2 d_+ t} of
W_+, while the negative ones have grown to lambda e^{d_- t}. The sum is least where both are equal,
lambda^q with

    q = (2 r - 2) / (2 r + 1).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from flowrepro.claims.published import as_declared
from flowrepro.claims.verdict import Part, within
from flowrepro.core.trajectory import Study
from flowrepro.figures import style
from flowrepro.figures.panels import Line, Mark, Panel, Points, Text
from flowrepro.papers.boursier2022 import PAPER
from flowrepro.papers.boursier2022.appendix_b_flow import LOG_SCALE, LOG_SCALE_FOUR, RTOL, Start
from flowrepro.papers.boursier2022.beyond.scaling_laws import (
    NAMES,
    RESOLVED,
    exponent,
    limit_distance,
)
from flowrepro.papers.boursier2022.closed_form import ClosedForm
from flowrepro.papers.study import Progress, option
from flowrepro.papers.topic import Topic

topic = Topic(PAPER, "How near the flow comes to the saddle")

TIMES = 500
"""Records between the half-fits, at which the distance is measured."""


def predicted_exponent(r: np.ndarray) -> np.ndarray:
    """q = (2 r - 2) / (2 r + 1)."""
    return np.asarray((2 * r - 2) / (2 * r + 1))


@topic.study
def closest_approach(
    *,
    ratios: list[float] = option(
        [1.2, 1.5, 2.0, 3.0, 4.0],
        "ratios r of the growth rates; near 1 there is no visible saddle",
        within=(1.05, 100.0),
    ),
    decades: list[float] = option(
        [3.0, 5.0, 7.0], "scales at which lambda^q is 10^-decade", within=(0.5, 12.0)
    ),
    m: int = option(60, "neurons", within=(1, 2000)),
    seed: int,
    progress: Progress,
) -> dict[str, np.ndarray]:
    """Least ||theta_t - theta_S|| for ratios r and, per ratio, scales.

    Arrays: r (R,), and of shape (R, D) for the decades: ll, nearest, time.
    """
    r = np.array(ratios)
    found = np.empty((3, len(ratios), len(decades)))
    for i, each in enumerate(r):
        for k, decade in enumerate(decades):
            log10_scale = -float(decade / predicted_exponent(each))
            found[:, i, k] = _nearest(float(each), Start.of(log10_scale, m, seed, 2))
            progress(i * len(decades) + k + 1, found[0].size)
    return {"r": r, "ll": found[0], "nearest": found[1], "time": found[2]}


def _nearest(r: float, start: Start) -> tuple[float, float, float]:
    """(ln(1/lambda), least distance to theta_S, flow time of it)."""
    X, y = np.eye(2), np.array([1.0, -1.0 / r])
    form = ClosedForm.of(X, y, start.W, start.a)
    first, second = form.half_times - start.ln_scale / form.rates
    run = start.flow(X, y, np.linspace(first, second, TIMES), rtol=RTOL)
    theta = np.exp(run.Y[:, :, :1]) * run.Y[:, :, 1:]
    distance = np.sqrt(np.sum(np.square(theta - np.column_stack(form.saddle())), axis=(1, 2)))
    k = int(distance.argmin())
    return -start.ln_scale, float(distance[k]), float(run.t[k])


CLOSEST_APPROACH = closest_approach.case(
    "closest-approach",
    "The flow comes near the saddle as a power of the scale (beyond the paper).",
    quick={"options.ratios": [1.5, 3.0]},
)


@topic.claim(
    "beyond-closest-approach",
    "The flow comes to within lambda^q of theta_S, q = (2r-2)/(2r+1).",
    place="Fact 1, beyond",
    given=(as_declared(CLOSEST_APPROACH, ("seed", "options.ratios", "options.m")),),
)
def closest_approach_law(result: Study) -> Iterator[Part]:
    """Exponent of lambda in the least distance to theta_S, for each ratio r of the rates."""
    for r, ll, nearest in zip(*(result.arrays[key] for key in ("r", "ll", "nearest")), strict=True):
        q, allowed = float(predicted_exponent(r)), 0.02 if r < 1.3 else 0.01
        found = exponent(ll, nearest)
        yield within(f"exponent for r = {r:g}", found, q - allowed, q + allowed)


@topic.figure(
    "distances",
    "Distances as powers of the scale: how near the flow comes to the saddle, and the limit to the "
    "least-norm interpolator theta*.",
    on=(LOG_SCALE, LOG_SCALE_FOUR, CLOSEST_APPROACH),
    layout=(1, 2, style.PAGE, 2.8),
    tolerance=(1e-2, 1e-8),
)
def distances(two: Study, four: Study, approach: Study) -> Iterator[Panel]:
    """(a) the closest approach to theta_S for several ratios; (b) the limit against theta*."""
    law: Any = {"colour": style.THEORY, "width": 0.9, "zorder": 1}
    arrays, marks = approach.arrays, list[Mark]()
    for k, (r, ll, nearest) in enumerate(
        zip(arrays["r"], arrays["ll"], arrays["nearest"], strict=True)
    ):
        q = float(predicted_exponent(r))
        named = f"$r={r:g}$, $q={q:.3g}$"
        marker = style.MARKERS[k % len(style.MARKERS)]
        marks.append(Line(ll, nearest[0] * np.exp(-q * (ll - ll[0])), **law))
        marks.append(Points(ll, nearest, marker=marker, label=named))
    yield Panel(
        marks,
        title=r"nearest to the saddle: $\lambda^q$",
        xlabel=r"$\ln(1/\lambda)$",
        ylabel=r"$\min_t\|\theta_t-\theta_S\|$",
        scale="linear-log",
        xlim=(0.0, 1.1 * float(arrays["ll"].max())),
        legend="upper right",
    )
    marks = []
    for k, result in enumerate((two, four)):
        limit = limit_distance(result)
        look: Any = {"marker": "os"[k], "size": 3.5, "colour": (style.LEARNED, style.DATA)[k]}
        marks.append(Points(limit.ll, limit.distance, label=f"{NAMES[k]}, flow", **look))
        ll, distance, gamma = limit.ll[limit.kept], limit.distance[limit.kept], limit.exponent
        if ll.size:
            ends = np.array([ll.min(), ll.max()])
            factor = np.exp(np.mean(np.log(distance) + gamma * ll))
            at = float(ends.mean()), float(factor * np.exp(-gamma * ends.mean()))
            marks.append(Line(ends, factor * np.exp(-gamma * ends), **law))
            marks.append(Text(*at, rf"$\gamma={gamma:.3g}$", offset=(3, 3), size=6.5))
    yield Panel(
        marks,
        title=r"limit against $\theta^*$",
        xlabel=r"$\ln(1/\lambda)$",
        ylabel=r"$\|\theta_\infty-\theta^*\|$",
        scale="linear-log",
        xlim=(0.0, 220.0),
        legend="upper right",
        floor=RESOLVED[0],
    )
