"""Appendix D.1: the constants of Theorem 1, and how long the alignment takes at most.

alpha_min, D_min and delta_0 are positive (Lemmas 9 and 10). Under Condition 1, with a constant
alpha_0, a neuron settles by t_2 = 4 D_max / (D_min min(alpha_min, alpha_0))^2. The exact times in
the limit of vanishing scale lie far below.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from flowrepro.claims.claim import require
from flowrepro.claims.verdict import Part, at_least, at_most, number, within
from flowrepro.core.trajectory import Study
from flowrepro.engines.alignment import align
from flowrepro.figures import NotDrawable, style
from flowrepro.figures.panels import HeatMap, Line, Panel
from flowrepro.papers.boursier2024 import PAPER
from flowrepro.papers.boursier2024.assumptions import Assumption5
from flowrepro.papers.boursier2024.hypotheses import declared
from flowrepro.papers.boursier2024.section_2_cones import (
    ANALYSES,
    ANALYSIS,
    independent,
    off_the_boundary,
    positive_points,
    relu,
    turned,
)
from flowrepro.papers.topic import Topic
from flowrepro.theory.arrangement import ON
from flowrepro.theory.stationary import HALF_MEAN_SQUARE

topic = Topic(PAPER, "Constants and times of the alignment")

MOST_FOLLOWED = 200
"""Starts that are followed to tau, at most about."""
CAPS = (0.1, 0.03, 0.01)
"""Values of alpha_0 for which the neurons that Condition 1 excludes are counted (chosen)."""


def has_extremal(result: Study) -> str | None:
    """There is an extremal vector."""
    if result.arrays["extremal_cone"].size:
        return None
    return "there is no extremal vector; the points are not in general position (Assumption 2)"


def fifth_ratio(result: Study) -> float:
    """Least left / right of Assumption 5."""
    left, right = (result.arrays[f"assumption_5_{side}"] for side in ("left", "right"))
    return Assumption5(left, right).ratio


def numbers(result: Study) -> dict[str, float]:
    """The targets of an analysis by name, read off its arrays."""
    f = result.arrays
    D = f["extremal_D"][0]
    return {
        "norm of D*": float(np.linalg.norm(D)),
        "angle of D* (degrees)": float(np.degrees(np.arctan2(D[1], D[0]))),
        "D_max": float(f["D_max"]),
        "D_min": float(f["D_min"]),
        "delta_0": float(np.minimum(f["delta_outer"], f["delta_inner"])),
        "alpha_min": float(np.minimum(f["alpha_plus"], f["alpha_minus"])),
        "lambda* (alpha0 = 1, eps = 0.1)": float(f["critical_scale"][0, 0]),
        "lambda* (alpha0 = 0.1, eps = 0.3)": float(f["critical_scale"][1, 2]),
        "bound of t_2 (alpha0 = 1)": float(f["settling_bound"][0]),
        "latest t_2 of a > 0": float(f["settled"][:, 0].max()),
        "log10 c (alpha0 = 1)": float(f["log10_misalignment"][0]),
        "least eigenvalue of X^T X / n": float(f["curvature"][0]),
        "alpha of eq 49": float(f["least_mean"]),
        "Dbar": float(f["force_bound"]),
        "kappa": float(f["condition"]),
        "Assumption 5, least left / right": fifth_ratio(result),
    }


@topic.claim(
    "lemmas-9-10",
    "The constants alpha_min, D_min and delta_0 are positive.",
    place="Lemmas 9 and 10",
    on=ANALYSES,
    given=(independent, has_extremal, off_the_boundary),
)
def positive_constants(result: Study) -> Iterable[Part]:
    """With the scales lambda* and the constant of eq 37 as numbers."""
    arrays, options = result.arrays, result.case.options
    largest, least = float(arrays["D_max"]), float(arrays["D_min"])
    angle, boundary = (
        float(np.minimum(arrays[one], arrays[other]))
        for one, other in (("alpha_plus", "alpha_minus"), ("delta_outer", "delta_inner"))
    )
    yield at_least("alpha_min", angle, ON)
    yield at_least("D_min", least, ON * largest)
    yield at_least("delta_0", boundary, ON * largest)
    yield number("D_max", largest)
    for a, scales in zip(options["alpha0"], arrays["critical_scale"], strict=True):
        for e, scale in zip(options["eps"], scales, strict=True):
            yield number(f"lambda* (alpha0 = {a:g}, eps = {e:g})", scale)
    for a, log10 in zip(options["alpha0"], arrays["log10_misalignment"], strict=True):
        yield number(f"log10 of c (eq 37, alpha0 = {a:g})", log10)


@topic.claim(
    "theorem-1-settling-bound",
    "Under Condition 1 neurons settle by t_2.",
    place="Theorem 1 (ii), after eq 32",
    on=ANALYSES,
    given=(relu, independent, has_extremal),
)
def settling_bound(result: Study) -> Iterable[Part]:
    """Last activation event as the scale vanishes, over all starts that satisfy Condition 1."""
    arrays, bounds = result.arrays, result.arrays["settling_bound"]
    if not arrays["start"].size:
        require("the alignment of these points was not followed to its end")
    if np.any(arrays["extremal_kind"] == "saddle"):
        require("G has a saddle, where alignment may take arbitrarily long (Theorem 1)")
    if not np.all(np.isfinite(bounds)):
        require("the bound t_2 is infinite, as a constant of Theorem 1 is 0 for these points")
    for a, bound in zip(result.case.options["alpha0"], bounds, strict=True):
        covered = ~(arrays["start_cosine"] <= -np.sqrt(1.0 - a**2))
        latest = float(arrays["settled"][covered].max(initial=0.0))
        yield at_most(f"latest, alpha0 = {a:g}", latest, float(bound))
    latest = float(arrays["settled"][:, 0].max(initial=0.0))
    yield number("latest of a > 0 without a condition", latest)


def followed(result: Study) -> str | None:
    """The alignment was followed to its end."""
    if result.arrays["start"].size:
        return None
    return "the alignment of these points was not followed to its end"


def caps_inside_cones(result: Study) -> str | None:
    """In the plane, with extremal vectors inside open cones, followed from even directions."""
    arrays = result.arrays
    if result.X.shape[1] != 2 or not arrays["start"].size:
        return "shares are counted over even directions of the plane"
    if np.any(arrays["dimension"][arrays["extremal_cone"]] != 2):
        return "an extremal vector lies on a hyperplane, so the forces beside it differ"
    return None


@topic.claim(
    "remark-1-share",
    "Condition 1 excludes a share arcsin(alpha_0) / pi of the neurons of one sign for each "
    "extremal vector, which vanishes with alpha_0.",
    place="Remark 1",
    on=ANALYSES,
    given=(relu, independent, has_extremal, caps_inside_cones),
)
def excluded_share(result: Study) -> Iterable[Part]:
    """Excluded starts and the predicted number, for alpha_0 below alpha_min and the caps' size.

    Near a_j D_u / ||D_u|| of the other sign the alignment starts at less than
    -sqrt(1 - alpha_0^2) ||D||; a cap of the circle has 2 arcsin(alpha_0) / (2 pi) of it.
    """
    arrays, count = result.arrays, result.case.options["directions"]
    D, X = arrays["extremal_D"], result.X
    to_edge = np.abs(D @ X.T) / np.linalg.norm(D, axis=1)[:, None] / np.linalg.norm(X, axis=1)
    most = float(np.min([arrays["alpha_plus"], arrays["alpha_minus"], to_edge.min()]))
    used = [alpha0 for alpha0 in CAPS if alpha0 < most]
    if not used:
        require(f"no alpha_0 of {CAPS} is below {most:.3g}, up to which the shares are known")
    for alpha0 in used:
        excluded = np.sum(arrays["start_cosine"] <= -np.sqrt(1 - alpha0**2))
        predicted = len(D) * count * np.arcsin(alpha0) / np.pi
        yield at_most(
            f"alpha_0 = {alpha0:g}: |excluded starts - {predicted:.4g}| per extremal vector",
            abs(float(excluded) - predicted) / len(D), 1.0,
        )  # fmt: skip


@topic.claim(
    "lemma-15-limit",
    "In the limit of vanishing scale, at tau, positive neurons have nearly the products of "
    "D* / ||D*|| with all data: what is missing is O(lambda^(eps/2)).",
    place="Lemma 15",
    on=ANALYSES,
    given=(relu, positive_points, followed),
)
def products_at_tau(result: Study) -> Iterable[Part]:
    """The largest (<D*, x_k> / ||D*|| - <w/a, x_k>) / ||x_k|| at three tau after the last event.

    As tau = -eps ln(lambda) / D_max, it falls like lambda^(p eps), p = its decay rate / D_max.
    """
    X, y, D = result.X, result.y, result.y @ result.X / len(result.y)
    size, norms = float(np.linalg.norm(D)), np.linalg.norm(result.X, axis=1)
    W = result.arrays["start"]
    W = W[np.any(W @ X.T > 0, axis=1)][:: max(1, len(W) // MOST_FOLLOWED)]
    aligned = align(X, y, W, np.ones(len(W)), HALF_MEAN_SQUARE)
    times = aligned.settled + np.array([2.0, 4.0, 6.0]) / size
    products = np.stack([aligned.directions(t) @ X.T / norms for t in times])
    missing = np.max(X @ D / size / norms - products, axis=(1, 2))
    if np.any(missing <= 0):
        require("every start has larger products with the data than D* / ||D*||")
    power = -float(np.polyfit(times, np.log(missing), 1)[0]) / float(result.arrays["D_max"])
    yield at_least("power of lambda over eps", power, 0.5)
    yield at_least("least <w/a, x_k> / ||x_k||, at the first tau", products[0].min(), 0.0)
    yield number("largest missing there", missing[0])


@topic.claim(
    "appendix-d-numbers",
    "The constants of the two sets of three points are those that their definitions give.",
    place="Section 3 and Appendix D.1",
    on=ANALYSES,
    kind="reproduction",
    given=(declared(*ANALYSES),),
)
def known_numbers(result: Study) -> Iterable[Part]:
    """Every target of the case."""
    found = numbers(result)
    for target in result.case.targets:
        if target.window:
            yield within(target.what, found[target.what], *target.window)


@topic.figure(
    "alignment-map",
    "The points of Figure 2, or a user's own: on how many data a neuron is active, over its "
    "initial direction and time, exactly in the limit of vanishing scale.",
    layout=(1, 3, style.PAGE, 2.6),
    on=(ANALYSIS,),
)
def alignment_map(result: Study) -> Iterable[Panel]:
    """Active data over direction and time for both signs of a, and how long alignment takes.

    NotDrawable outside the plane, and for leaky activations.
    """
    arrays, n = result.arrays, len(result.y)
    if result.X.shape[1] != 2 or arrays["start"].size == 0:
        raise NotDrawable(
            "the map of alignment is drawn for points of the plane, ReLU activations and an "
            "alignment that ends"
        )
    start = turned(arrays["start"])
    order = np.argsort(start, kind="stable")
    counts = range(n + 1) if n <= 8 else (0, n // 2, n)
    for k, sign in enumerate("><"):
        shades = HeatMap(arrays["map_active"][order, k].T, x=start[order], y=arrays["map_time"],
                         low=0, high=n, bar="active data", bar_ticks=counts)  # fmt: skip
        yield Panel([shades], title=f"neurons with $a {sign} 0$", xticks=range(0, 361, 90),
                    xlabel="direction at the start (degrees)",
                    ylabel=r"flow time, $\lambda \to 0$")  # fmt: skip
    left = np.arange(len(start), 0, -1)
    moving = [
        Line(np.sort(settled), left, colour=colour, dash=dash, width=1.0, label=label)
        for settled, colour, dash, label in zip(
            arrays["settled"].T, (style.POSITIVE, style.NEGATIVE), ("-", "--"),
            ("$a > 0$", "$a < 0$"), strict=True)
    ]  # fmt: skip
    yield Panel(moving, title="time until aligned", scale="linear-log", legend="upper right",
                xlabel="flow time", ylabel="directions that still move")  # fmt: skip
