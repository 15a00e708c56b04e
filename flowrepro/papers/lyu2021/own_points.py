"""Any set of points: certificates, which theorem applies, and where the flow goes.

Case "separator" runs on the user's own points with --data FILE. Its claims also judge the paper's
three examples.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial

import numpy as np

from flowrepro.claims.claim import NotApplicable
from flowrepro.claims.limits import as_declared, in_a_limit, number_at
from flowrepro.claims.verdict import Part, at_least, at_most, number, within
from flowrepro.core.config import Data
from flowrepro.core.trajectory import Study
from flowrepro.figures import style
from flowrepro.figures.panels import Contour, Horizontal, Line, Panel, Span, Vertical
from flowrepro.papers.lyu2021 import PAPER
from flowrepro.papers.lyu2021.classifiers import MET, classifiers, last, network
from flowrepro.papers.lyu2021.figure_1_kkt_networks import LEFT, MIDDLE, RIGHT
from flowrepro.papers.lyu2021.shared.limits import (
    applicable,
    linear_margin,
    linearly_separable,
    predicted_limit,
    unevenness,
    value,
)
from flowrepro.papers.lyu2021.shared.planes import classes, on_grid, plane, shades
from flowrepro.papers.topic import Topic
from flowrepro.theory.margin import EXACT

WIDTH = 1e-8
"""Relative width of a closed bracket."""
SMALLEST_Q = 1e4
"""Margin from which the limit is compared with."""
SMALL = 1e-5
"""Scale of the start up to which the limit sigma -> 0 is meant.

Relative to that at which outputs are of order one (scale^2 max ||x|| m)."""
EVEN = 1e-3
"""|sum_{a>0} a^2 / sum_{a<0} a^2 - 1| up to which both signs share a linear classifier."""
WEAK = 0.05
"""Squared weights of the other sign up to which the limit of one sign shows (chosen)."""
ALLOWED_FALL = 1e-6
"""Relative fall of the smoothed margin that the implicit integrator's tolerance can make."""
CELLS = 61
"""Grid lines of the contour plot in each direction."""

topic = Topic(PAPER, "Any set of points")

small_start = partial(
    classifiers.case,
    m=10,
    init="balanced",
    scale=1e-6,
    method="flow",
    q=1e6,
    quick={"options.q": 1e4},
)
SEPARATOR = small_start(
    "separator",
    "The classifiers of a set of points with their certificates, and where the flow from a small "
    "start goes.",
    Data(name="symmetric"),
)
FLIPPED = small_start(
    "separator-flipped",
    "Theorem A.10: the same for the hinted points with all labels flipped.",
    Data(name="hinted", options={"flipped": True}),
)
ORTHOGONAL = small_start(
    "separator-orthogonal",
    "Theorem H.2: the same with ReLU for orthogonally separable points.",
    Data(name="orthogonally-separable"),
    alpha=0.0,
)
ANY_POINTS = (SEPARATOR, LEFT, MIDDLE, RIGHT)


def separated(result: Study) -> str | None:
    """The net reached L < ln 2 / n."""
    if value(result, "net_switch") >= 0:
        return None
    return f"the net never reached L < ln 2 / n; {remedy(result)}"


def remedy(result: Study) -> str:
    """What makes the net go on, from the reason why it stopped."""
    stop = str(result.arrays["net_stop"])
    if stop in ("TARGET_LOSS", "HORIZON"):
        return "raise options.q"
    if stop == "MAX_STEPS":
        return "its budget of steps was spent: take fewer points or neurons, or options.method=gd"
    return f"it stopped early ({stop}): take another seed or more neurons"


@topic.claim(
    "assumption-3-2-certificate",
    "The max-margin separator and the best single neurons satisfy their optimality conditions.",
    place="Assumption 3.2, Section 3",
    on=ANY_POINTS,
    given=(linearly_separable,),
)
def separator_certificate(result: Study) -> Iterable[Part]:
    """The largest of infeasibility, stationarity residual and duality gap, relative.

    gamma > 0 proves separability.
    """
    yield at_most("w*: residual", value(result, "star_residual"), EXACT)
    for name, sign in (("plus", "+"), ("minus", "-")):
        if np.isfinite(value(result, f"gamma_{name}")):
            yield at_most(f"w{sign}: residual", value(result, f"{name}_residual"), EXACT)
    yield at_least("gamma*", value(result, "gamma_star"), 0.0)
    yield number("points with a multiplier", float(np.sum(result.arrays["star_duals"] > 0)))
    yield number("gamma+ (one positive neuron: gamma+ / 2)", value(result, "gamma_plus"))
    yield number("gamma- (one negative neuron: gamma- / 2)", value(result, "gamma_minus"))


@topic.claim(
    "section-3-largest-margin",
    "The largest normalised margin of any width lies in a proved bracket, and no network found here"
    " exceeds it.",
    place="Section 3, global-max-margin",
    on=ANY_POINTS,
)
def largest_margin_bracket(result: Study) -> Iterable[Part]:
    """Width of the closed bracket, and margins beyond its upper bound, relative."""
    top, bottom = value(result, "largest_upper"), value(result, "largest_lower")
    known = {
        "KKT network": value(result, "kkt_margin"),
        "trained net": float(result.arrays["net_normalised_margin"].max()),
        "linear pair (1 + alpha)/4 gamma*": linear_margin(result),
    }
    if not result.arrays["largest_exact"]:
        raise NotApplicable(
            f"the bracket is open, [{bottom:.6g}, {top:.6g}]: {result.arrays['largest_reason']}"
        )
    yield within("width of the bracket / largest margin", (top - bottom) / top, -WIDTH, WIDTH)
    for name, margin in known.items():
        if np.isfinite(margin):
            yield at_most(f"{name} / upper bound - 1", margin / top - 1, WIDTH)
    yield number("lower bound", bottom)
    yield number("upper bound", top)


@topic.claim(
    "theorem-3-1-trained-margin",
    "After L < ln 2 / n the flow never lowers the smoothed normalised margin, and nears a KKT"
    " direction.",
    place="Theorem 3.1",
    on=ANY_POINTS,
    given=(separated,),
)
def trained_margin(result: Study) -> Iterable[Part]:
    """Largest relative fall of the smoothed margin between records of the flow; final residuals."""
    arrays, switch = result.arrays, int(result.arrays["net_switch"])
    smoothed = arrays["net_smoothed_margin"][switch:]
    descents = {"gd", "sgd", "euler"}  # these may lower it
    if not descents & set(str(arrays["net_method"]).split("+")):
        fall = float(np.max(-np.diff(smoothed) / smoothed[1:], initial=0.0))
        yield at_most("largest relative fall", fall, ALLOWED_FALL)
    yield number("KKT eps", last(result, "eps"))
    yield number("KKT delta", last(result, "delta"))
    yield number("q", last(result, "q_min"))
    yield number("ln L", last(result, "ln_loss"))
    yield number("normalised margin", last(result, "normalised_margin"))


def followed_from_a_small_start(result: Study) -> str | None:
    """The flow itself, from a small start, far enough."""
    options, q = result.case.options, last(result, "q_min")
    m = float(options["m"])
    output = float(options["scale"]) ** 2 * m * float(np.linalg.norm(result.X, axis=1).max())
    if output > SMALL**2 * m:
        return (
            f"the start is not small (scale^2 max ||x|| = {output / m:.2g} > {SMALL**2:g}); "
            "lower options.scale"
        )
    if q >= SMALLEST_Q * (1 - MET):
        return None
    return (
        f"the net was trained to q = {q:.3g} only, and the limit shows from q = {SMALLEST_Q:g} on; "
        f"{remedy(result)}"
    )


@topic.claim(
    "theorem-4-3-predicted-limit",
    "The flow from a small start has the margin that the theorem for these points predicts.",
    place="Theorems 4.3, A.7, A.10 and H.2",
    on=(SEPARATOR, FLIPPED, ORTHOGONAL),
    given=(separated, followed_from_a_small_start),
)
@in_a_limit(
    as_declared((SEPARATOR, FLIPPED, ORTHOGONAL), "options.scale", free=("options.q",)),
    "options.scale",
    lambda result: number_at(result.case, "options.scale"),
)
def predicted(result: Study) -> Iterable[Part]:
    """|margin / predicted margin - 1|, beside what the other neurons hold.

    It falls like K / q, with K of the order of ln n (measured).
    """
    theorem, margin, name = predicted_limit(result)
    q, rest = last(result, "q_min"), unevenness(result, name)
    if name in ("linear", "orthogonal") and rest > EVEN:
        raise NotApplicable(
            f"the two signs do not have their shares yet (these are off by {rest:.2g} of the "
            f"squared weights at q = {q:.2g}); raise options.q"
        )
    if rest > WEAK:
        raise NotApplicable(
            f"the neurons of the other sign still hold {rest:.2g} of the squared weights at q = "
            f"{q:.2g}; raise options.q"
        )
    gap = abs(last(result, "normalised_margin") / margin - 1)
    allowed = (2 + np.log(len(result.y))) / q + rest
    yield at_most(f"Theorem {theorem}: margin gap", gap, allowed)
    yield number("predicted margin", margin)
    yield number("of the largest margin", margin / value(result, "largest_lower"))
    yield number("distance of f / rho^2 from the predicted function", last(result, name))


@topic.claim(
    "which-theorem",
    "The points satisfy these hypotheses of the paper (numbers without a claim).",
    place="Assumptions 4.1, 4.5, A.1 to A.9; Definition H.1",
    on=(*ANY_POINTS, FLIPPED, ORTHOGONAL),
)
def which_theorem(result: Study) -> Iterable[Part]:
    """1 where a hypothesis holds, 0 where not, and the slacks.

    A.1 is tried along mu, w* and w+ only.
    """
    names = list(applicable(result))
    yield number(f"theorems that apply ({', '.join(names)})", float(len(names)))
    for note, name in (
        ("symmetric (4.1: Theorem 4.3)", "mirrored"),
        ("least |<mu, x_i>| (4.5)", "mu_x_least"),
        ("least slack of A.2 (positive: it holds)", "alignment"),
        ("best slack of A.1", "principal"),
        ("||mu+|| (A.3)", "mu_plus"),
        ("||mu-||", "mu_minus"),
        ("growth of the other sign / of the leading neuron (Theorem A.7 needs < 1)", "other_rate"),
        ("orthogonally separable (H.1: Theorem H.2 for ReLU)", "orthogonally_separable"),
    ):
        yield number(note, value(result, name))
    note = "largest margin of the other sign / of the leading neuron (A.5: less than 1)"
    yield number(note, float(result.arrays["other_sign"][1]))


@topic.figure(
    "separator",
    "A set of points, its max-margin separator, a net trained by the flow from a small start, and"
    " its margin beside the largest one.",
    on=(SEPARATOR,),
    layout=(1, 2, style.PAGE, 3.1),
    tolerance=(1e-3, 1e-4),
)
def portrait(result: Study) -> Iterable[Panel]:
    """The net on the plane through 0 of w* and the widest direction across it; known margins."""
    w = result.arrays["w_star"]
    separable = bool(np.isfinite(w).all())
    if not separable:
        w = np.linalg.svd(result.X, full_matrices=False)[2][0]
    across = result.X - np.outer(result.X @ w, w)
    widest = np.zeros(len(w))
    if result.X.shape[1] > 1 and across.any():
        widest = np.linalg.svd(across, full_matrices=False)[2][0]
    axes = np.stack([w, widest * (np.sign(widest[np.argmax(np.abs(widest))]) or 1.0)])
    points = result.X @ axes.T
    reach = 1.25 * np.maximum(np.abs(points).max(axis=0), 0.25 * np.abs(points).max())
    u, v = (np.linspace(-size, size, CELLS) for size in reach)
    f = plane(*network(result, "net"), axes, np.zeros(len(w)))
    height = on_grid(f, u, v) / last(result, "rho") ** 2
    residual = value(result, "star_residual")
    yield Panel(
        [
            shades(u, v, height),
            Contour(u, v, height, width=2.0, label="trained net"),
            *([Vertical(0.0, colour=style.THEORY, dash="--", width=1.2,
                        label=f"separator, residual {residual:.0e}")] if separable else []),
            *classes(points, result.y),
        ],
        title="plane through 0",
        xlabel=r"$\langle x,w^*\rangle$" if separable else "widest direction",
        ylabel="widest direction across",
    )  # fmt: skip
    yield known_margins(result)


def known_margins(result: Study) -> Panel:
    """The net's margin against q, and levels: largest, linear pair, single neurons."""
    arrays = result.arrays
    low, high = value(result, "largest_lower"), value(result, "largest_upper")
    closed = high - low <= WIDTH * high
    told = f"largest, bracket {high - low:.0e}" if closed else "largest is in the grey band"
    shown = arrays["net_q_min"] > 0
    q, margin = arrays["net_q_min"][shown], arrays["net_normalised_margin"][shown]
    levels = {
        "linear pair": (linear_margin(result), "--"),
        "positive neuron": (value(result, "gamma_plus") / 2, "-."),
        "negative neuron": (value(result, "gamma_minus") / 2, ":"),
    }
    top = np.nanmax([high, margin.max(initial=0.0), *(level for level, _ in levels.values())])
    return Panel(
        [
            Span(y=(low, high), colour=style.DATA, opacity=0.25),
            Horizontal(low, colour=style.DATA, dash="-", width=1.4, label=told),
            *(Horizontal(level, colour=style.THEORY, dash=dash, width=1.2, label=name)
              for name, (level, dash) in levels.items() if np.isfinite(level)),
            Line(q, margin, width=2.0, marker="o", size=3, label="trained net"),
        ],
        title="normalised margin",
        xlabel=r"$q=\min_i\,y_i f(x_i)$",
        ylabel=r"$\gamma=q/\|\theta\|^2$",
        scale="log-linear",
        ylim=(0.0, 1.12 * float(top)),
    )  # fmt: skip


@topic.table(
    "margins",
    "Normalised margins of the classifiers of these points, each with the residual of its"
    " certificate.",
    ("classifier", "margin", "of the largest", "residual"),
    on=SEPARATOR,
    file="margins",
)
def margins(result: Study) -> Sequence[Sequence[float | str | None]]:
    """Margin of each classifier, its part of the largest one where that is known, and residual."""
    largest, exact = value(result, "largest_lower"), bool(result.arrays["largest_exact"])
    name = (
        "largest of any width (residual: width of its bracket)"
        if exact
        else "lower bound of the largest (residual: to the upper bound)"
    )
    q = last(result, "q_min")
    known: list[tuple[str, float, float]] = [
        (name, largest, value(result, "largest_upper") - largest),
        ("linear pair, (1 + alpha)/4 gamma*", linear_margin(result),
         value(result, "star_residual")),
        ("one positive neuron, gamma+ / 2", value(result, "gamma_plus") / 2,
         value(result, "plus_residual")),
        ("one negative neuron, gamma- / 2", value(result, "gamma_minus") / 2,
         value(result, "minus_residual")),
        (f"trained net at q = {q:.4g} (residual: KKT eps)",
         last(result, "normalised_margin"), last(result, "eps")),
    ]  # fmt: skip
    return [
        (name, margin, margin / largest if exact else None, residual)
        for name, margin, residual in known
        if margin == margin
    ]
