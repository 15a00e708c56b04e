"""Figure 1 of boursier2022, the timeline of the flow, drawn from a run at a tiny scale."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from flowrepro.claims.old_claim import NotApplicable
from flowrepro.core.trajectory import Study
from flowrepro.figures import Figure, NotDrawable, style
from flowrepro.figures.line_panels import legend_below
from flowrepro.papers.boursier2022.phase_lemmas import resolves_phase_3, traces

if TYPE_CHECKING:
    from matplotlib.axes import Axes


class Timeline(NamedTuple):
    """One run; all times in units of ln(1/lambda).

    p, seed, eps; ticks (4,): eps/||D-||, (1+3eps)/||D+||, (1-eps)/||D-||, (1+3 r eps)/||D-||
    t (T,), fast, slow (T,): u/W of the classes; distance (T,) to theta_S
    settled, half (2,): last deactivation in S and half-fit of each class; t2, t3: ends of phases 2 and 3; bound: lambda^{eps/5}
    """

    p: float
    seed: int
    eps: float
    ticks: np.ndarray
    t: np.ndarray
    fast: np.ndarray
    slow: np.ndarray
    distance: np.ndarray
    settled: np.ndarray
    half: np.ndarray
    t2: float
    t3: float
    bound: float


def collect_timeline(findings: Study) -> Timeline:
    """The run at the largest scale at which all phases can be told, the largest eps; NotDrawable without one."""
    told = [trace for trace in traces(findings) if resolves_phase_3(trace) is None]
    if not told:
        raise NotDrawable(
            "at none of these scales can the phases of the timeline be told; add a smaller one, options.p=[100]"
        )
    trace = min(told, key=lambda trace: (trace.values["p"], trace.values["seed"], -trace.eps))
    try:
        t2, t3 = trace.t2(), trace.t3()
    except NotApplicable as reason:
        raise NotDrawable(str(reason)) from None
    values, ll = trace.values, trace.ll
    ticks = (
        np.array([trace.time(name) for name in ("t1", "t2 bound", "saddle until", "t3 bound")]) / ll
    )
    return Timeline(
        float(values["p"]),
        int(values["seed"]),
        trace.eps,
        ticks,
        trace.t / ll,
        values["share_fast"],
        values["share_slow"],
        values["to_saddle"],
        values["settled"] / ll,
        values["half_time_predicted"] / ll,
        t2 / ll,
        t3 / ll,
        trace.power(trace.eps / 5),
    )


PHASES = (
    "early\nalign-\nment",
    "fit positive labels",
    "intermediate\nsaddle",
    "fit negative labels",
    "convergence",
)
TICKS = (
    r"$\dfrac{\varepsilon}{\|D_-\|}$",
    r"$\dfrac{1+3\varepsilon}{\|D_+\|}$",
    r"$\dfrac{1-\varepsilon}{\|D_-\|}$",
    r"$\dfrac{1+3r\varepsilon}{\|D_-\|}$",
)


def draw_timeline(axes: Sequence[Axes], data: Timeline) -> None:
    """Above: the phases, the fit of each class and the measured events. Below: the distance to the saddle."""
    above, below = axes
    end = float(data.ticks[-1] * 1.12)
    edges = np.concatenate([[0.0], data.ticks, [end]])
    for ax in axes:
        ax.set_xlim(0.0, end)
        for k in (1, 3):
            ax.axvspan(edges[k], edges[k + 1], color=style.FRAME, alpha=0.12, linewidth=0)
        for tick in data.ticks:
            ax.axvline(tick, color=style.FRAME, linewidth=0.6)
        ax.spines["right"].set_visible(False)
    for name, left, right in zip(PHASES, edges[:-1], edges[1:], strict=True):
        above.text((left + right) / 2, 1.2, name, ha="center", va="center", fontsize=6)
    for share, colour, name, sign in (
        (data.fast, style.POSITIVE, "$u_+/W_+$", 0),
        (data.slow, style.NEGATIVE, "$u_-/W_-$", 1),
    ):
        above.plot(data.t, share, color=colour, label=name, linestyle=("-", "--")[sign])
        above.plot(
            data.settled[sign],
            0.0,
            "v^"[sign],
            color=colour,
            markersize=4,
            clip_on=False,
            label=f"last deactivation in $S_{'+-'[sign]}$",
            zorder=3,
        )
        above.plot(
            data.half[sign],
            0.5,
            "o",
            color=colour,
            markersize=4,
            label=f"$T_{sign + 1}$ predicted from the draw",
            zorder=3,
        )
    above.set_ylim(0.0, 1.38)
    above.set_yticks([0.0, 0.5, 1.0])
    above.set_ylabel("fitted part")
    above.set_xticks([])
    below.semilogy(data.t, data.distance, color=style.LEARNED, label=r"$\|\theta_t-\theta_S\|$")
    below.plot(
        data.ticks[1:3],
        [data.bound] * 2,
        color=style.THEORY,
        linewidth=2.0,
        label=r"bound $\lambda^{\varepsilon/5}$ of Fact 1",
    )
    for time, name, side in ((data.t2, "$t_2$", "right"), (data.t3, "$t_3$", "left")):
        below.axvline(time, color=style.FRAME, linewidth=0.8, linestyle=":")
        below.text(
            time,
            0.6,
            f" {name} ",
            transform=below.get_xaxis_transform(),
            va="top",
            ha=side,
            fontsize=7,
        )
    below.set_xticks([0.0, *data.ticks], ["0", *TICKS])
    below.set_xlabel(
        rf"$t\,/\,\ln(1/\lambda)$,   scale $10^{{-{data.p:g}}}$, $\varepsilon={data.eps:.3g}$"
    )
    below.set_ylabel("distance to the saddle")
    legend_below(axes, columns=4)


FIGURE = Figure(
    id="1",
    file="figure-1-timeline",
    cases=("log-scale",),
    caption="Timeline of the flow on two orthogonal points from a tiny scale: phases of the theorem, the fit of each label, and the distance to the saddle.",
    layout=(2, 1, style.PAGE, 4.4),
    collect=collect_timeline,
    draw=draw_timeline,
    tolerance=(1e-3, 1e-7),
)
