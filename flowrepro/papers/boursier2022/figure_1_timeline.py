"""Figure 1 of boursier2022, the timeline of the flow, drawn from a run at a tiny scale."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from flowrepro.claims.claim import NotApplicable
from flowrepro.core.trajectory import Study
from flowrepro.figures import NotDrawable, style
from flowrepro.figures.panels import Line, Mark, Panel, Points, Span, Text, Ticks, Vertical
from flowrepro.papers.boursier2022 import PAPER
from flowrepro.papers.boursier2022.appendix_b_flow import LOG_SCALE
from flowrepro.papers.boursier2022.traces import Trace, resolves_phase_3, traces
from flowrepro.papers.topic import Topic

topic = Topic(PAPER, "Figure 1: the timeline")

PHASES = (
    "early\nalign-\nment",
    "fit positive labels",
    "intermediate\nsaddle",
    "fit negative labels",
    "convergence",
)
TICKS = {
    "t1": r"$\dfrac{\varepsilon}{\|D_-\|}$",
    "t2 bound": r"$\dfrac{1+3\varepsilon}{\|D_+\|}$",
    "saddle until": r"$\dfrac{1-\varepsilon}{\|D_-\|}$",
    "t3 bound": r"$\dfrac{1+3r\varepsilon}{\|D_-\|}$",
}
"""special time -> its place in units of ln(1/lambda)."""
ROUNDING = 1e-11
"""Distances below it are rounding errors."""


def timeline_trace(result: Study) -> Trace:
    """The run at the largest scale at which all phases can be told, with the largest eps."""
    told = [trace for trace in traces(result) if resolves_phase_3(trace) is None]
    if not told:
        raise NotDrawable(
            "at none of these scales can the phases of the timeline be told; add a smaller one, "
            "options.p=[100]"
        )
    return min(told, key=lambda trace: (trace.values["p"], trace.values["seed"], -trace.eps))


@topic.figure(
    "1",
    "Timeline of the flow on two orthogonal points from a tiny scale: phases of the theorem, the "
    "fit of each label, and the distance to the saddle.",
    on=(LOG_SCALE,),
    file="figure-1-timeline",
    layout=(2, 1, style.PAGE, 4.4),
    tolerance=(1e-3, 1e-7),
)
def timeline(result: Study) -> Iterator[Panel]:
    """Above: the fit of each class and the measured events. Below: the distance to the saddle."""
    trace = timeline_trace(result)
    try:
        t2, t3 = trace.t2(), trace.t3()
    except NotApplicable as reason:
        raise NotDrawable(str(reason)) from None
    values, ll = trace.values, trace.ll
    ticks = np.array([trace.time(name) for name in TICKS]) / ll
    end = float(ticks[-1] * 1.12)
    edges = np.concatenate([[0.0], ticks, [end]])
    ground: list[Mark] = [Span(x=(edges[k], edges[k + 1]), opacity=0.12) for k in (1, 3)]
    ground.append(Vertical(ticks, dash="-", width=0.6))
    fits: list[Mark] = [Text((edges[:-1] + edges[1:]) / 2, np.full(5, 1.2), PHASES, size=6.0)]
    for k, (name, sign) in enumerate((("fast", "+"), ("slow", "-"))):
        look: Any = {"colour": (style.POSITIVE, style.NEGATIVE)[k]}
        on_top: Any = {**look, "zorder": 3, "clip": False}
        settled, half = (values[key][k] / ll for key in ("settled", "half_time_predicted"))
        deactivated = f"last deactivation in $S_{sign}$"
        predicted = f"$T_{k + 1}$ predicted from the draw"
        fit, dash = values[f"share_{name}"], ("-", "--")[k]
        fits += [
            Line(trace.t / ll, fit, dash=dash, label=f"$u_{sign}/W_{sign}$", **look),
            Points(settled, 0.0, marker="v^"[k], label=deactivated, **on_top),
            Points(half, 0.5, label=predicted, **on_top),
        ]
    yield Panel(
        [*ground, *fits],
        ylabel="fitted part",
        xlim=(0.0, end),
        ylim=(0.0, 1.38),
        xticks=(),
        yticks=(0.0, 0.5, 1.0),
    )
    bound = trace.power(trace.eps / 5)
    scale = rf"scale $10^{{-{values['p']:g}}}$, $\varepsilon={trace.eps:.3g}$"
    named = r"bound $\lambda^{\varepsilon/5}$ of Fact 1"
    yield Panel(
        [
            *ground,
            Line(trace.t / ll, values["to_saddle"], label=r"$\|\theta_t-\theta_S\|$"),
            Line(ticks[1:3], [bound] * 2, colour=style.THEORY, width=2.0, label=named),
            Vertical(t2 / ll),
            Vertical(t3 / ll),
            Text(t2 / ll, 1e-5, "$t_2$", offset=(-3, 0)),
            Text(t3 / ll, 1e-5, "$t_3$", offset=(3, 0)),
        ],
        xlabel=rf"$t\,/\,\ln(1/\lambda)$,   {scale}",
        ylabel="distance to the saddle",
        scale="linear-log",
        xlim=(0.0, end),
        xticks=Ticks([0.0, *ticks], ["0", *TICKS.values()]),
        floor=ROUNDING,
    )
