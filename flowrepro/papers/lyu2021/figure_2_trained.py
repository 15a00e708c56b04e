"""Figure 2: what descent finds on the examples of Figure 1, from a small start."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from flowrepro.claims.published import as_declared
from flowrepro.claims.verdict import Part, at_most, number
from flowrepro.core.trajectory import Study
from flowrepro.figures import style
from flowrepro.figures.panels import Line, Panel
from flowrepro.papers.lyu2021 import PAPER
from flowrepro.papers.lyu2021.classifiers import last, network
from flowrepro.papers.lyu2021.figure_1_kkt_networks import (
    HEIGHTS,
    HINTS,
    LEFT,
    LEFT_FUNCTION,
    LEFT_NET,
    MIDDLE,
    MIDDLE_BOUNDARY,
    MIDDLE_FUNCTION,
    MIDDLE_NET,
    RIGHT,
    RIGHT_FUNCTION,
    RIGHT_NET,
    boundary,
    example,
    limits_around,
    meets,
    ray_error,
    require_examples,
    zero_line,
)
from flowrepro.papers.lyu2021.shared.planes import on_grid, plane, shades
from flowrepro.papers.topic import Topic

RAY = 0.5
"""Degrees by which a trained zero ray may be off (measured: 0.1 and 0.13)."""
CELLS = 81
"""Grid lines of a contour plot in each direction."""

topic = Topic(PAPER, "Figure 2: what descent finds")


def trained_to_the_end(result: Study) -> str | None:
    """The last record has the margin q that was asked for."""
    q, wanted = last(result, "q_min"), float(result.case.options["q"])
    if q >= wanted:
        return None
    stop = result.arrays["net_stop"]
    return f"the net was trained to q = {q:.4g} only, not to {wanted:g} ({stop})"


def common(result: Study) -> Iterable[Part]:
    """Parts: no margin beyond the largest one; numbers every panel of Figure 2 states."""
    arrays, margin = result.arrays, last(result, "normalised_margin")
    missed = float(np.sum(~arrays["net_aligned"]))
    yield at_most("margin beyond the largest one", margin - float(arrays["largest_upper"]), 0.0)
    yield number("margin / largest margin", margin / float(arrays["largest_lower"]))
    yield number("q", last(result, "q_min"))
    yield number("ln L", last(result, "ln_loss"))
    yield number("log10 of the flow time", last(result, "ln_t") / np.log(10))
    yield number("KKT eps", last(result, "eps"))
    yield number("KKT delta", last(result, "delta"))
    steps = last(result, "step") + float(arrays["net_rejected"])
    yield number("steps, trials included", steps)
    yield number("neurons that fail the cone test of Lemma G.4 at L = ln 2 / n", missed)


@topic.claim(
    "figure-2-left",
    "Descent on symmetric data finds the largest margin, with a linear function.",
    place="Figure 2 a",
    on=(LEFT,),
    kind="reproduction",
    given=(as_declared(LEFT, ("seed",)), trained_to_the_end),
)
def figure_2_left(result: Study) -> Iterable[Part]:
    """Zero rays, margin, and the distance of f / rho^2 from (1 + alpha)/4 <w*, x>."""
    yield at_most("zero rays off +-90 degrees", ray_error(result, "net", 90.0), RAY)
    yield meets(LEFT_NET, "margin", last(result, "normalised_margin"))
    yield meets(LEFT_FUNCTION, "function off its limit", last(result, "linear"))
    yield from common(result)


@topic.claim(
    "figure-2-middle",
    "Descent finds the linear classifier phi(<w+, x>)/2 although its margin is not the largest.",
    place="Figure 2 b",
    on=(MIDDLE,),
    kind="reproduction",
    given=(as_declared(MIDDLE, ("seed",)), trained_to_the_end),
)
def figure_2_middle(result: Study) -> Iterable[Part]:
    """The boundary x(y), margin, and the distance of f / rho^2 from phi(<w+, x>)/2.

    At this scale some neurons fail the cone test; they grow like a power of q. So this is the
    picture at q = 1000, not the limit.
    """
    x = boundary(result, "net", HEIGHTS)
    yield meets(MIDDLE_BOUNDARY, "smallest x of the boundary", float(x.min()))
    yield meets(MIDDLE_BOUNDARY, "largest x of the boundary", float(x.max()))
    yield at_most("largest - smallest x", float(np.ptp(x)), 3e-3)
    yield meets(MIDDLE_NET, "margin", last(result, "normalised_margin"))
    yield meets(MIDDLE_FUNCTION, "function off its limit", last(result, "plus"))
    yield from common(result)


@topic.claim(
    "figure-2-right",
    "Descent finds the linear classifier on the hinted points although its margin is not the"
    " largest.",
    place="Figure 2 c",
    on=(RIGHT,),
    kind="reproduction",
    given=(as_declared(RIGHT, ("seed",)), trained_to_the_end),
)
def figure_2_right(result: Study) -> Iterable[Part]:
    """Zero rays, margin, and the distance of f / rho^2 from phi(<w+, x>)/2; see Figure 2 b."""
    yield at_most("zero rays off +-90 degrees", ray_error(result, "net", 90.0), RAY)
    yield meets(RIGHT_NET, "margin", last(result, "normalised_margin"))
    yield meets(RIGHT_FUNCTION, "function off its limit", last(result, "plus"))
    yield from common(result)


@topic.figure(
    "2",
    "Nets trained by descent from a small start until the least output margin is q: contours of"
    " f / ||theta||^2, lighter is higher.",
    on=(LEFT, MIDDLE, RIGHT),
    layout=(1, 3, style.PAGE, 2.9),
    file="figure-2-trained",
    tolerance=(5e-2, 5e-3),
)
def figure_2(*results: Study) -> Iterable[Panel]:
    """The trained nets on a grid that covers the data, with their zero lines."""
    require_examples(*results)
    titles = ("left", "middle, $x_3=c$", "right")
    for result, title, hints in zip(results, titles, (0, 0, HINTS), strict=True):
        x, y = (np.linspace(*ends, CELLS) for ends in limits_around(result.X[:, :2]))
        offset = np.append([0.0, 0.0], result.X[0, 2:])
        f = plane(*network(result, "net"), np.eye(result.X.shape[1])[:2], offset)
        margin = last(result, "normalised_margin")
        share = margin / float(result.arrays["largest_lower"])
        told = (
            f"$q={last(result, 'q_min'):.0f}$, KKT residual {last(result, 'eps'):.0e}\n"
            f"$\\gamma={margin:.4f}={share:.3f}$ of the largest"
        )
        marks = [
            shades(x, y, on_grid(f, x, y) / last(result, "rho") ** 2),
            Line(*zero_line(result, "net").T, width=2.0, label="trained net, $f=0$", zorder=3),
        ]
        yield example(result, title, told, marks, hints)
