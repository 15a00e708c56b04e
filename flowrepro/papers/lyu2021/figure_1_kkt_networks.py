r"""Figure 1: three linearly separable sets with KKT networks whose margin is not the largest.

The figure shows the zero line of a KKT network and that of a network of largest margin.
Certificates prove that the one is KKT and the other optimal. Appendix I.1.1 has the left example at
other slopes. The targets of the cases include those of Figure 2, which is about the same runs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from flowrepro.claims.claim import Claim
from flowrepro.claims.published import as_declared
from flowrepro.claims.verdict import Part, at_most, none_of, number, within
from flowrepro.core.config import Data, StudyCase, Target
from flowrepro.core.network import predict
from flowrepro.core.trajectory import Study
from flowrepro.data.separable import symmetric_example
from flowrepro.figures import NotDrawable, style
from flowrepro.figures.panels import Line, Mark, Panel, Points
from flowrepro.papers.lyu2021 import PAPER
from flowrepro.papers.lyu2021.classifiers import classifiers, network
from flowrepro.papers.lyu2021.shared.geometry import stationarity
from flowrepro.papers.lyu2021.shared.planes import classes, crossings, plane, zero_rays
from flowrepro.papers.study import Progress, option
from flowrepro.papers.topic import Topic
from flowrepro.theory.margin import normalised_margin
from flowrepro.theory.margin_global import largest_margin
from flowrepro.theory.margin_kkt import kkt_certificate

EXACT, BRACKET = 1e-12, 1e-7
"""Allowed residual of a closed form, and width of the bracket of the largest margin."""
HEIGHTS = np.arange(-2.0, 2.25, 0.25)
"""Heights y at which the boundary of the middle example is followed."""
HINTS = 3
"""The first so many points of the right example are its hints."""

Measure = Callable[[Any], Iterable[Part]]

topic = Topic(PAPER, "Figure 1: KKT networks that are not optimal")


def aim(what: str, paper: str | float, ours: float, low: float, high: float) -> Target:
    """What the paper says, what we measured, and the window in which a measurement must fall."""
    return Target(what=what, paper=paper, ours=ours, window=(low, high))


LEFT_KKT = aim("margin of the KKT network", "suboptimal", 0.3561072, 0.3561062, 0.3561082)
LEFT_RAYS = aim("zero rays of the KKT network, degrees from the x axis", "not linear", 93.8635,
                93.862, 93.865)  # fmt: skip
LEFT_NET = aim("margin of the trained net (largest: 0.375)", "global max margin", 0.37493,
               0.995 * 0.375, 0.3750001)  # fmt: skip
LEFT_FUNCTION = aim("trained function off (1 + alpha)/4 <w*, x>", "linear classifier", 3.4e-5,
                    0.0, 2e-3)  # fmt: skip
MIDDLE_RATIO = aim("margin of the linear classifier / largest margin", "much smaller", 0.7506,
                   0.7505, 0.7507)  # fmt: skip
MIDDLE_AT_0 = aim("optimal boundary at y = 0", "nonlinear", -0.0342, -0.0392, -0.0292)
MIDDLE_AT_1 = aim("optimal boundary at |y| = 1", "nonlinear", -0.4438, -0.4488, -0.4388)
MIDDLE_AT_2 = aim("optimal boundary at |y| = 2", "nonlinear", -0.8534, -0.8584, -0.8484)
MIDDLE_BOUNDARY = aim("boundary of the trained net, x for |y| <= 2", "linear", -0.0485,
                      -0.06, -0.035)  # fmt: skip
MIDDLE_NET = aim("margin of the trained net (linear classifier: 0.1118034)", "suboptimal", 0.11170,
                 0.99 * 0.1118034, 1.01 * 0.1118034)  # fmt: skip
MIDDLE_FUNCTION = aim("trained function off phi(<w+, x>)/2", "linear classifier", 6.5e-3,
                      0.0, 0.02)  # fmt: skip
RIGHT_RATIO = aim("margin of the linear classifier / largest margin", "suboptimal", 0.6882,
                  0.6881, 0.6883)  # fmt: skip
RIGHT_RAYS = aim("zero rays of the optimum, degrees from the x axis", "nonlinear", 115.0169,
                 115.0, 115.034)  # fmt: skip
RIGHT_NET = aim("margin of the trained net (linear classifier: 0.1)", "suboptimal", 0.09969,
                0.0985, 0.1015)  # fmt: skip
RIGHT_FUNCTION = aim("trained function off phi(<w+, x>)/2", "linear classifier", 2.7e-3,
                     0.0, 0.01)  # fmt: skip
SLOPE_ANGLES = {
    alpha: aim(f"b at alpha = {alpha:g}, degrees", 45.0 if alpha == 0 else "root of Appendix I.1.1",
               b, b - 1e-4, b + 1e-4)
    for alpha, b in ((0.0, 45.0), (0.1, 40.3923), (0.5, 25.3015), (0.9, 9.9542))
}  # fmt: skip
SLOPE_MARGINS = {
    alpha: aim(f"KKT margin at alpha = {alpha:g}, b as above", "suboptimal",
               margin, margin - 1e-6, margin + 1e-6)
    for alpha, margin in ((0.0, 0.2071068), (0.1, 0.2377884), (0.5, 0.3561072), (0.9, 0.4713976))
}  # fmt: skip

LEFT = classifiers.case(
    "left",
    "Figures 1 and 2, left: symmetric data with a KKT network that is not optimal.",
    Data(name="symmetric-example"),
    targets=(LEFT_KKT, LEFT_RAYS, LEFT_NET, LEFT_FUNCTION),
    quick={"options.q": 100.0},
)
MIDDLE = classifiers.case(
    "middle",
    "Figures 1 and 2, middle: a constant feature, the linear classifier is not optimal.",
    Data(name="constant-feature"),
    targets=(
        MIDDLE_RATIO, MIDDLE_AT_0, MIDDLE_AT_1, MIDDLE_AT_2, MIDDLE_BOUNDARY, MIDDLE_NET,
        MIDDLE_FUNCTION,
    ),
    quick={"options.q": 100.0},
)  # fmt: skip
RIGHT = classifiers.case(
    "right",
    "Figures 1 and 2, right: three hints, the linear classifier is not optimal.",
    Data(name="hinted"),
    targets=(RIGHT_RATIO, RIGHT_RAYS, RIGHT_NET, RIGHT_FUNCTION),
    quick={"options.q": 100.0},
)


@topic.study
def left_slopes(
    *,
    alphas: list[float] = option(
        [0.0, 0.1, 0.5, 0.9], "slopes of the leaky part", within=(0.0, 0.999)
    ),
    progress: Progress,
) -> dict[str, np.ndarray]:
    """The left example at A slopes: arrays (A,).

    alpha; angle b in degrees, kkt_margin and residual of the KKT network; lower, upper: the bracket
    of the largest margin.
    """
    kept = []
    for done, alpha in enumerate(alphas, 1):
        points = symmetric_example(alpha)
        X, y, W, a = points.X, points.y, points.extra["W"], points.extra["a"]
        best, proof = largest_margin(X, y, alpha), kkt_certificate(X, y, W, a, alpha)
        residual = stationarity(X, y, W, a, alpha, points.extra["duals"])
        kept.append(
            {
                "alpha": alpha,
                "angle": float(np.degrees(np.arctan2(1.0, X[0, 1]))),
                "kkt_margin": normalised_margin(X, y, W, a, alpha),
                "residual": max(proof.eps, proof.delta, residual),
                "lower": best.lower,
                "upper": best.upper,
            }
        )
        progress(done, len(alphas))
    return {name: np.array([entry[name] for entry in kept]) for name in kept[0]}


LEFT_SLOPES = left_slopes.case(
    "left-slopes",
    "Appendix I.1.1: the example of Figure 1 left at other slopes.",
    targets=(*SLOPE_ANGLES.values(), *SLOPE_MARGINS.values()),
)


def rays(result: Study, name: str) -> float:
    """Mean angle of the two zero rays from the positive x axis, degrees.

    nan unless there are two, above and below.
    """
    found = zero_rays(*network(result, name))
    two = len(found) == 2 and found[0] < 0 < found[1]
    return float(np.abs(found).mean()) if two else float("nan")


def ray_error(result: Study, name: str, angle: float) -> float:
    """Largest distance in degrees of the zero rays from +-angle; inf unless there are two."""
    found = zero_rays(*network(result, name))
    error = np.abs(found - np.array([-angle, angle])).max() if len(found) == 2 else np.inf
    return float(error)


def boundary(result: Study, name: str, heights: np.ndarray, reach: float = 3.0) -> np.ndarray:
    """Zero line x(y) of a network; features beyond x and y are those of the first point."""
    d = result.X.shape[1]
    offset = np.append([0.0, 0.0], result.X[0, 2:])
    return crossings(plane(*network(result, name), np.eye(d)[:2], offset), heights, reach)


def observed(case: StudyCase, id: str, sentence: str, place: str) -> Callable[[Measure], Claim]:
    """Decorator: a claim that reproduces the paper, on a case as declared but for its seed."""
    given = (as_declared(case, ("seed",)),)
    return topic.claim(id, sentence, place=place, on=(case,), kind="reproduction", given=given)


def meets(target: Target, note: str, measured: float) -> Part:
    """Part: a measurement in the window of a target."""
    assert target.window is not None
    return within(note, measured, *target.window)


def bracket(result: Study) -> Part:
    """Part: the certificate of the largest margin."""
    width = float(result.arrays["largest_upper"] - result.arrays["largest_lower"])
    return at_most("largest margin: width of its bracket", width, BRACKET)


@observed(
    LEFT,
    "figure-1-left",
    "A KKT direction on symmetric data can have less than the largest margin.",
    "Figure 1 left; Appendix I.1.1",
)
def figure_1_left(result: Study) -> Iterable[Part]:
    """Residuals of the network of Appendix I.1.1 and its multipliers, margins, zero rays."""
    arrays, alpha = result.arrays, float(result.case.options["alpha"])
    W, a = arrays["kkt_W"], arrays["kkt_a"]
    assert result.dataset is not None
    duals = result.dataset.extra["duals"]
    residual = stationarity(result.X, result.y, W, a, alpha, duals)
    q = result.y * predict(result.X, W, a, alpha)
    imbalance = np.abs(np.abs(a) - np.linalg.norm(W, axis=1)).max()
    linear = (1 + alpha) / 4 * arrays["gamma_star"]
    yield at_most("KKT residual eps", float(arrays["kkt_eps"]), EXACT)
    yield at_most("KKT residual delta", float(arrays["kkt_delta"]), EXACT)
    yield at_most("residual of the paper's multipliers", residual, EXACT)
    yield at_most("negative part of the multipliers", float(-duals.min()), EXACT)
    yield at_most("largest |q_i - 1|", float(np.abs(q - 1).max()), EXACT)
    yield at_most("largest ||a_k| - ||w_k||| (Lemma B.9)", float(imbalance), EXACT)
    yield meets(LEFT_KKT, "KKT margin", float(arrays["kkt_margin"]))
    yield within("largest margin / ((1 + alpha)/4 gamma*)",
                 float(arrays["largest_lower"] / linear), 1 - BRACKET, 1 + BRACKET)  # fmt: skip
    yield bracket(result)
    yield meets(LEFT_RAYS, "zero rays of the KKT network, degrees", rays(result, "kkt"))
    off = ray_error(result, "largest", 90.0)
    yield at_most("zero rays of the optimum off +-90 degrees", off, 1e-3)


@observed(
    LEFT_SLOPES,
    "figure-1-left-slopes",
    "The example of Figure 1 left exists for every slope in [0, 1).",
    "Appendix I.1.1",
)
def figure_1_slopes(result: Study) -> Iterable[Part]:
    """KKT residuals, angle and margin at every slope, and the largest margin (1 + alpha)/4."""
    arrays = result.arrays
    yield at_most("largest KKT residual", float(arrays["residual"].max()), EXACT)
    names = ("alpha", "angle", "kkt_margin", "lower", "upper")
    for alpha, angle, margin, low, high in zip(*(arrays[name] for name in names), strict=True):
        largest = (1 + alpha) / 4
        yield meets(SLOPE_ANGLES[float(alpha)], f"b at alpha {alpha:g}", angle)
        yield meets(SLOPE_MARGINS[float(alpha)], f"KKT margin at {alpha:g}", margin)
        yield at_most(f"largest margin at {alpha:g} off (1 + alpha)/4",
                      np.max(np.abs([low - largest, high - largest])), BRACKET)  # fmt: skip


def linear_classifier(result: Study, ratio: Target) -> Iterable[Part]:
    """Parts: the linear classifier is KKT, and what part of the largest margin it has."""
    arrays = result.arrays
    residual = float(np.maximum(arrays["kkt_eps"], arrays["kkt_delta"]))
    yield at_most("KKT residual of the linear classifier", residual, EXACT)
    yield bracket(result)
    share = float(arrays["kkt_margin"] / arrays["largest_lower"])
    yield meets(ratio, "linear / largest margin", share)


def assumptions(result: Study) -> Iterable[Part]:
    """Parts: A.2, A.3 and A.5 hold; A.1 is printed."""
    arrays = result.arrays
    lag = float(arrays["mu_minus"] - arrays["mu_plus"])
    yield at_most("A.2: minus the least slack", -float(arrays["alignment"]), -1e-9)
    yield at_most("A.3: ||mu-|| - ||mu+||", lag, -1e-9)
    note = "A.5: largest margin without positive outputs on S+ / (gamma+/2)"
    yield at_most(note, float(arrays["other_sign"][1]), 1 - 1e-9)
    yield number("A.1: best slack over mu, w*, w+ (negative: it fails there)",
                 float(arrays["principal"]))  # fmt: skip


@observed(
    MIDDLE,
    "figure-1-middle",
    "With a constant feature, a linear KKT classifier has three quarters of the largest margin.",
    "Figure 1 middle; Appendix I.1.2",
)
def figure_1_middle(result: Study) -> Iterable[Part]:
    """Margins, both boundaries, and the assumptions of Theorem A.7.

    The paper gives no numbers; ours are measured.
    """
    yield from linear_classifier(result, MIDDLE_RATIO)
    eps, c = result.X[:, 0][result.y > 0].min(), result.X[0, 2]
    off = np.abs(boundary(result, "kkt", HEIGHTS) + c**2 / eps).max()
    yield at_most("linear boundary off x = -c^2 / eps", float(off), 1e-9)
    at_0, *further = boundary(result, "largest", np.array([0.0, 1.0, -1.0, 2.0, -2.0]))
    yield meets(MIDDLE_AT_0, "optimal boundary at y = 0", at_0)
    for y, x in zip((1, -1, 2, -2), further, strict=True):
        yield meets(MIDDLE_AT_1 if abs(y) == 1 else MIDDLE_AT_2, f"at y = {y:+g}", x)
    yield from assumptions(result)


@observed(
    RIGHT,
    "figure-1-right",
    "Three hints make a linear KKT classifier suboptimal.",
    "Figure 1 right; Definition 6.1",
)
def figure_1_right(result: Study) -> Iterable[Part]:
    """Margins, support vectors, zero rays and the assumptions of Theorem A.7.

    The paper gives no numbers; ours are measured.
    """
    arrays, y = result.arrays, result.y
    yield from linear_classifier(result, RIGHT_RATIO)
    closed = float(arrays["largest_lower"] * 4 * np.sqrt(2.96))
    yield within("largest margin / closed form", closed, 1 - BRACKET, 1 + BRACKET)
    slope = np.where(y > 0, 1.0, result.case.options["alpha"])
    heights = y * (result.X @ arrays["w_plus"]) * slope / arrays["gamma_plus"]
    support = np.abs(heights - 1) <= EXACT
    wrong = int(np.sum(support ^ np.isin(np.arange(len(y)), (1, 2))))
    yield none_of("support vectors other than hints 2 and 3", wrong)
    off = ray_error(result, "kkt", 90.0)
    yield at_most("zero rays of the linear classifier off +-90 degrees", off, 1e-6)
    yield meets(RIGHT_RAYS, "zero rays of the optimum, degrees", rays(result, "largest"))
    yield from assumptions(result)


def limits_around(points: np.ndarray) -> tuple[tuple[float, float], tuple[float, float]]:
    """Limits of x and y: the points with a margin of a fifth of their spread."""
    low, high = points.min(axis=0), points.max(axis=0)
    ends = np.stack([low - 0.2 * (high - low), high + 0.2 * (high - low)])
    return (float(ends[0, 0]), float(ends[1, 0])), (float(ends[0, 1]), float(ends[1, 1]))


def zero_line(result: Study, name: str) -> np.ndarray:
    """Points (K, 2) of a network's zero line in the picture, from bottom to top.

    Two rays from 0 for points in the plane, else x(y) as `boundary` has it.
    """
    xlim, ylim = limits_around(result.X[:, :2])
    reach = 2 * float(np.abs([xlim, ylim]).max())
    if result.X.shape[1] > 2:
        heights = np.linspace(*ylim, 41)
        return np.column_stack([boundary(result, name, heights, reach), heights])
    angles = np.radians(zero_rays(*network(result, name)))
    if not angles.size:
        raise NotDrawable(
            "a network of this figure has the same sign everywhere, so it has no boundary to draw"
        )
    ends = reach * np.column_stack([np.cos(angles), np.sin(angles)])
    return np.stack([ends[0], np.zeros(2), ends[-1]])


def require_examples(*results: Study) -> None:
    """Raise NotDrawable unless these are the paper's three data sets."""
    if [result.case.data for result in results] != [LEFT.data, MIDDLE.data, RIGHT.data]:
        raise NotDrawable(
            "this figure is of the paper's three data sets; figure separator draws your own points"
        )


def example(result: Study, title: str, told: str, marks: Iterable[Mark], hints: int = 0) -> Panel:
    """A panel of Figures 1 and 2: the marks, and the points, hints as crosses."""
    points, label = result.X[:, :2], result.y
    own = [*marks, *classes(points[hints:], label[hints:])]
    if hints:
        own.append(Points(*points[:hints].T, marker="X", colour=style.POSITIVE, size=7.5,
                          edge="white", label="hint, $y=+1$", zorder=4))  # fmt: skip
    xlim, ylim = limits_around(points)
    return Panel(own, title=title, xlabel=f"$x_1$\n{told}", ylabel="$x_2$", xlim=xlim, ylim=ylim)


@topic.figure(
    "1",
    "Linearly separable data with KKT networks that are not optimal: their zero lines, those of the"
    " networks of largest margin, and the residuals that certify both.",
    on=(LEFT, MIDDLE, RIGHT),
    layout=(1, 3, style.PAGE, 2.9),
    file="figure-1-margins",
    tolerance=(1e-5, 1e-6),
)
def figure_1(*results: Study) -> Iterable[Panel]:
    """Both boundaries of every example, both margins, and the residuals of their certificates."""
    require_examples(*results)
    titles = ("left: symmetric", "middle: constant feature", "right: three hints")
    for result, title, hints in zip(results, titles, (0, 0, HINTS), strict=True):
        arrays = result.arrays
        lower, upper = float(arrays["largest_lower"]), float(arrays["largest_upper"])
        residual = float(np.maximum(arrays["kkt_eps"], arrays["kkt_delta"]))
        told = (
            f"KKT $\\gamma$ {arrays['kkt_margin']:.4f}, residual {residual:.0e}\n"
            f"largest $\\gamma$ {lower:.4f}, bracket {upper - lower:.0e}"
        )
        marks = [
            Line(*zero_line(result, "kkt").T, dash="--", colour=style.THEORY, width=1.8,
                 label="KKT network, not optimal", zorder=3),
            Line(*zero_line(result, "largest").T, colour=style.DATA, label="largest margin",
                 zorder=2),
        ]  # fmt: skip
        yield example(result, title, told, marks, hints)
