"""The phases of training on three points as curves over flow time (beyond the paper's figures)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from flowrepro.claims.old_claim import NotApplicable
from flowrepro.core.trajectory import Run
from flowrepro.figures import Figure, NotDrawable, style
from flowrepro.papers.boursier2024.convergence_phase import linearised_rate
from flowrepro.papers.boursier2024.growth_phase import Phases
from flowrepro.papers.boursier2024.hypotheses import ONE_DIRECTION, exponent, scale, statics
from flowrepro.papers.boursier2024.least_squares import least_mse, least_squares
from flowrepro.theory.square_descent import mse

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LOWEST = 1e-14
"""Excess loss below which it is rounding."""


class PhaseCurves(NamedTuple):
    """t (S,), sums of a^2 over I and N, distance of sum over I of a w to beta*; tau, tau_2, tau_3; loss_t, excess (T,) and its predicted rate."""

    t: np.ndarray
    positive: np.ndarray
    negative: np.ndarray
    distance: np.ndarray
    ends: tuple[float, float, float]
    loss_t: np.ndarray
    excess: np.ndarray
    rate: float


def collect_phases(run: Run) -> PhaseCurves:
    """Raises NotDrawable for a run without the three phases."""
    try:
        for hypothesis in ONE_DIRECTION:
            if (reason := hypothesis(run)) is not None:
                raise NotApplicable(reason)
        phases, tau = (
            Phases.of(run),
            statics(run).constants.alignment_time(scale(run), exponent(run)),
        )
    except NotApplicable as reason:
        raise NotDrawable(f"the phases of Section 4.1 do not appear: {reason}") from None
    along = phases.along
    distance = np.linalg.norm(along.beta - least_squares(run.X, run.y), axis=1)
    excess = mse(run) - least_mse(run.X, run.y)
    kept = excess > LOWEST
    return PhaseCurves(
        along.t[1:],
        along.mass[1:],
        along.negative[1:],
        distance[1:],
        (tau, phases.tau_2, phases.tau_3),
        run.trajectory.t[kept][1:],
        excess[kept][1:],
        linearised_rate(run),
    )


def draw_phases(axes: Sequence[Axes], data: PhaseCurves) -> None:
    """Norms on the left, the excess loss on the right; the ends of the phases as thin lines."""
    left, right = axes
    left.plot(data.t, data.positive, color=style.POSITIVE, label=r"$\sum_I a_j^2$")
    left.plot(data.t, data.negative, "-.", color=style.NEGATIVE, label=r"$\sum_N a_j^2$")
    left.plot(
        data.t, data.distance, "--", color=style.LEARNED, label=r"$\|\beta^*-\sum_I a_j w_j\|$"
    )
    left.set_ylim(1e-8, 5.0)
    left.set_title("(a) norms")
    left.legend(loc="center left")
    right.plot(data.loss_t, data.excess, color=style.LEARNED, label="MSE above least squares")
    late = data.excess < 1e-4
    if late.any():
        t, first = data.loss_t[late], data.excess[late][0]
        right.plot(
            t,
            2 * first * np.exp(-data.rate * (t - t[0])),
            ":",
            color=style.THEORY,
            label=f"rate {data.rate:.4g} of the limit",
        )
    right.set_ylim(LOWEST, 3.0)
    right.set_title("(b) loss")
    right.legend(loc="lower left")
    for ax in axes:
        ax.set_xscale("log")
        ax.set_yscale("log")
        ax.set_xlim(0.1, data.t[-1])
        ax.set_xlabel("flow time $t$")
        for end, name in zip(data.ends, (r"$\tau$", r"$\tau_2$", r"$\tau_3$"), strict=True):
            ax.axvline(end, color=style.FRAME, linewidth=0.7, linestyle=":")
            ax.annotate(
                name,
                (end, 0.99),
                xycoords=("data", "axes fraction"),
                ha="left",
                va="top",
                fontsize=7,
            )


FIGURE = Figure(
    id="beyond-phases",
    file="beyond-phases",
    cases=("phases",),
    caption="Three points: the phases of training over flow time; the loss converges at the rate of the linearised limit.",
    layout=(1, 2, style.PAGE, 2.7),
    collect=collect_phases,
    draw=draw_phases,
)
