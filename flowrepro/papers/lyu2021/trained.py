"""What descent from 0.001 times the He initialisation finds on the three examples of lyu2021 (Figure 2)."""

from __future__ import annotations

import numpy as np

from flowrepro.claims.old_claim import number, statement, upper
from flowrepro.claims.old_verdict import Claim, Judgement
from flowrepro.claims.published import as_declared
from flowrepro.core.trajectory import Study
from flowrepro.papers.lyu2021.examples import FREE, HEIGHTS, boundary, in_target, ray_error
from flowrepro.papers.lyu2021.experiments import LEFT, MIDDLE, RIGHT
from flowrepro.papers.lyu2021.late_records import ref

RAY = 0.5
"""Degrees by which a trained zero ray may be off (measured: 0.1 and 0.13)."""


def last(run: Study, name: str) -> float:
    """The trained net's record at its end."""
    return float(run.arrays[f"net_{name}"][-1])


def trained_to_the_end(run: Study) -> str | None:
    """The last record has the margin q that was asked for."""
    q, wanted = last(run, "q_min"), float(run.case.options["q"])
    return (
        None
        if q >= wanted
        else f"the net was trained to q = {q:.4g} only, not to {wanted:g} ({run.arrays['net_stop']})"
    )


def _common(run: Study) -> list[Judgement]:
    """Parts: no margin beyond the largest one; numbers every panel states."""
    arrays = run.arrays
    return [
        upper(
            "margin beyond the largest one",
            last(run, "normalised_margin") - float(arrays["largest_upper"]),
            0.0,
        ),
        number(
            "margin / largest margin",
            last(run, "normalised_margin") / float(arrays["largest_lower"]),
        ),
        number("q", last(run, "q_min")),
        number("ln L", last(run, "ln_loss")),
        number("log10 of the flow time", last(run, "ln_t") / np.log(10)),
        number("KKT eps", last(run, "eps")),
        number("KKT delta", last(run, "delta")),
        number("steps, trials included", last(run, "step") + float(arrays["net_rejected"])),
        number(
            "neurons that fail the cone test of Lemma G.4 at L = ln 2 / n",
            float(np.sum(~arrays["net_aligned"])),
        ),
    ]


@statement(
    "figure-2-left",
    ref("Figure 2 a"),
    "reproduction",
    ("left",),
    "on symmetric data descent finds the largest margin, a linear function",
    (as_declared(LEFT, FREE), trained_to_the_end),
)
def figure_2_left(run: Study) -> list[Judgement]:
    """measured: zero rays, margin, and the distance of f / rho^2 from (1 + alpha)/4 <w*, x>."""
    return [
        upper("zero rays off +-90 degrees", ray_error(run, "net", 90.0), RAY),
        in_target(LEFT, "margin", last(run, "normalised_margin"), "margin of the trained net"),
        in_target(LEFT, "function off its limit", last(run, "linear"), "trained function off"),
        *_common(run),
    ]


@statement(
    "figure-2-middle",
    ref("Figure 2 b"),
    "reproduction",
    ("middle",),
    "descent finds the linear classifier phi(<w+, x>)/2 although its margin is not the largest",
    (as_declared(MIDDLE, FREE), trained_to_the_end),
)
def figure_2_middle(run: Study) -> list[Judgement]:
    """measured: the boundary x(y), margin, and the distance of f / rho^2 from phi(<w+, x>)/2.

    At this scale some neurons fail the cone test; they grow like a power of q, so this is the picture at q = 1000, not the limit.
    """
    x = boundary(run, "net", HEIGHTS)
    return [
        in_target(
            MIDDLE, "smallest x of the boundary", float(x.min()), "boundary of the trained net"
        ),
        in_target(
            MIDDLE, "largest x of the boundary", float(x.max()), "boundary of the trained net"
        ),
        upper("largest - smallest x", float(np.ptp(x)), 3e-3),
        in_target(MIDDLE, "margin", last(run, "normalised_margin"), "margin of the trained net"),
        in_target(MIDDLE, "function off its limit", last(run, "plus"), "trained function off"),
        *_common(run),
    ]


@statement(
    "figure-2-right",
    ref("Figure 2 c"),
    "reproduction",
    ("right",),
    "with hints descent finds the linear classifier although its margin is not the largest",
    (as_declared(RIGHT, FREE), trained_to_the_end),
)
def figure_2_right(run: Study) -> list[Judgement]:
    """measured: zero rays, margin, and the distance of f / rho^2 from phi(<w+, x>)/2; see Figure 2 b on the limit."""
    return [
        upper("zero rays off +-90 degrees", ray_error(run, "net", 90.0), RAY),
        in_target(RIGHT, "margin", last(run, "normalised_margin"), "margin of the trained net"),
        in_target(RIGHT, "function off its limit", last(run, "plus"), "trained function off"),
        *_common(run),
    ]


CLAIMS: tuple[Claim, ...] = (figure_2_left, figure_2_middle, figure_2_right)
