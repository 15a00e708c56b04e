r"""How fast the flow on symmetric data reaches its limit (beyond Theorem 4.3; rates are measured).

    1 - gamma / gamma_max ~ K1 / q,     max_x |f(x) / rho^2 - (1 + alpha)/4 <w^*, x>| ~ K2 / sqrt(q)

Components of w_k off the span of the support vectors stay bounded while rho ~ sqrt(q).
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from flowrepro.claims.claim import require
from flowrepro.claims.verdict import Part, at_most, number, within
from flowrepro.core.network import predict
from flowrepro.core.trajectory import Dataset, Study
from flowrepro.data.separable import symmetric
from flowrepro.engines.log_domain import Classification, flow
from flowrepro.engines.log_domain.adaptive import BDF_ATOL
from flowrepro.errors import UsageError
from flowrepro.figures import style
from flowrepro.figures.panels import Line, Panel, Points
from flowrepro.papers.lyu2021 import PAPER
from flowrepro.papers.lyu2021.shared import geometry
from flowrepro.papers.study import Progress, option
from flowrepro.papers.topic import Topic
from flowrepro.theory.margin_kkt import kkt_certificate

MOST_WEIGHTS = 400
"""m (d + 1) up to which the implicit integrator is quick."""
SETTLED = 1e4
"""Margin from which the laws are fitted."""
EVEN = 1e-3
"""|sum_{a>0} a^2 / sum_{a<0} a^2 - 1| up to which both signs share the classifier evenly.

Before, the gap is that imbalance."""
RESOLVED = 10 * BDF_ATOL
"""Gap or distance from the limit that the implicit integrator resolves to a few percent."""
LARGEST_K1, LARGEST_K2 = 2.0, 1.0
"""Bounds of the constants; measured 0.16 to 0.7, and up to 0.4."""
RECORDS = ("q", "gap", "distance", "eps", "uneven")

topic = Topic(PAPER, "How fast the flow on symmetric data converges")


@topic.study
def convergence(
    *,
    alpha: float = option(0.5, "slope of the leaky part", within=(0.01, 0.99)),
    dimensions: list[int] = option([2, 3, 5, 20], "dimension of each set", within=(1, 39)),
    halves: list[int] = option([6, 8, 10, 15], "pairs x, -x of each set", within=(1, 200)),
    data_seeds: list[int] = option([0, 1, 2, 3], "seed of each set", within=(0, 2**31)),
    m: int = option(10, "number of neurons", within=(2, 1000)),
    scale: float = option(1e-6, "factor of the Gaussian start", within=(1e-100, 1e-2)),
    q: float = option(1e8, "least output margin at the end", within=(1e2, 1e10)),
    seed: int,
    progress: Progress,
) -> dict[str, np.ndarray]:
    """Flows on S data sets `symmetric` at R margins from 10 to q, two a decade.

    Returns
    -------
    dimension, angle (S,) : angle in degrees between mu and w^*.
    q, gap, distance, eps, uneven (S, R) : margin, 1 - gamma / gamma_max, distance of functions over
    2000 unit vectors, KKT residual, |sum_{a>0} a^2 / sum_{a<0} a^2 - 1|; nan where the flow did not
    get there.
    """
    if not len(dimensions) == len(halves) == len(data_seeds):
        raise UsageError(
            "options.dimensions, options.halves and options.data_seeds must be lists of one "
            "length, an entry for each data set"
        )
    if m * (max(dimensions) + 1) > MOST_WEIGHTS:
        raise UsageError(
            f"options.m times the dimension + 1 must not exceed {MOST_WEIGHTS}; take fewer neurons"
        )
    levels = np.geomspace(10.0, q, round(2 * np.log10(q)) - 1)
    angles, records = [], []
    for done, (d, h, own) in enumerate(zip(dimensions, halves, data_seeds, strict=True), 1):
        points = symmetric(d, h, own)
        angle, record = _one(points, alpha, m, scale, levels, seed)
        angles.append(angle)
        records.append(record)
        progress(done, len(dimensions))
    return {
        "dimension": np.array(dimensions),
        "angle": np.array(angles),
        **dict(zip(RECORDS, np.moveaxis(np.array(records), 2, 0), strict=True)),
    }


def _one(
    data: Dataset, alpha: float, m: int, scale: float, levels: np.ndarray, seed: int
) -> tuple[float, np.ndarray]:
    """Angle in degrees between mu and w^*, and the RECORDS (R, 5) of one flow."""
    X, y = data.X, data.y
    best = geometry.best_separator(X, y)
    W, a = geometry.draw(np.random.default_rng([seed, m]), m, X.shape[1], "gaussian")
    run = flow(Classification(X, y, alpha), scale * W, scale * a, levels)
    points = geometry.probes(seed, X.shape[1])
    target = geometry.linear_target(best.w, alpha, points)
    largest = (1 + alpha) / 4 * best.margin
    records = np.full((len(levels), len(RECORDS)), np.nan)
    for k, level in enumerate(levels):
        if run.q_min[-1] < level * (1 - 1e-12):
            continue
        index = run.index(level)
        W, a = run.W[index], run.a[index]
        distance = np.abs(predict(points, W, a, alpha) / run.rho[index] ** 2 - target).max()
        with np.errstate(divide="ignore"):
            uneven = abs(np.sum(a[a > 0] ** 2) / np.sum(a[a < 0] ** 2) - 1)
        gap = 1 - float(run.normalised_margin[index]) / largest
        eps = kkt_certificate(X, y, W, a, alpha).eps
        records[k] = run.q_min[index], gap, distance, eps, uneven
    cosine = float(geometry.unit(geometry.mean(X, y)) @ best.w)
    return float(np.degrees(np.arccos(min(1.0, cosine)))), records


CONVERGENCE = convergence.case(
    "convergence",
    "How fast the flow reaches its limit on symmetric data: margin gap K1 / q, distance of "
    "functions K2 / sqrt(q).",
    quick={
        "options.dimensions": [2, 5],
        "options.halves": [6, 10],
        "options.data_seeds": [0, 2],
        "options.q": 1e6,
    },
)
CONSTANTS = convergence.case(
    "convergence-constants",
    "Beyond the paper: the constants of the convergence laws over random symmetric sets.",
    dimensions=[2] * 10 + [3] * 10 + [5] * 10,
    halves=[6] * 10 + [8] * 10 + [10] * 10,
    data_seeds=list(range(100, 130)),
    m=6,
    q=1e6,
    quick={
        "options.dimensions": [2, 3],
        "options.halves": [6, 8],
        "options.data_seeds": [100, 110],
    },
)


def settled(result: Study, name: str) -> list[tuple[np.ndarray, np.ndarray]]:
    """(q, values) of each set whose signs are even, from SETTLED on and above what is resolved.

    Sets with less than a decade of them are left out.
    """
    pairs = []
    arrays = result.arrays
    for q, values, uneven in zip(arrays["q"], arrays[name], arrays["uneven"], strict=True):
        kept = (q >= SETTLED) & (values > RESOLVED) & (uneven <= EVEN)
        if kept.sum() >= 2 and q[kept][-1] >= 10 * q[kept][0]:
            pairs.append((q[kept], values[kept]))
    return pairs


def some_settled(result: Study) -> str | None:
    """At least one set has reached its law."""
    if settled(result, "gap") and settled(result, "distance"):
        return None
    return (
        f"no flow has even signs over a decade of margins beyond {SETTLED:g}; "
        "set a larger q, or another seed"
    )


def slope(q: np.ndarray, values: np.ndarray) -> float:
    """Exponent of the power law."""
    return float(np.polyfit(np.log(q), np.log(values), 1)[0])


@topic.claim(
    "beyond-margin-rate",
    "The margin gap falls like K1 / q on symmetric data.",
    place="Theorem 4.3 (rate measured)",
    on=(CONVERGENCE,),
    given=(some_settled,),
)
def gap_law(result: Study) -> Iterable[Part]:
    """Slope of ln(1 - gamma / gamma_max) against ln q of each set; how constant gap times q is."""
    pairs = settled(result, "gap")
    for q, gap in pairs:
        yield within("slope", slope(q, gap), -1.02, -0.98)
    spread = max(float(np.ptp(q * gap) / np.mean(q * gap)) for q, gap in pairs)
    yield at_most("largest spread of gap * q within a set", spread, 0.05)
    for q, gap in pairs:
        yield number("K1", float(np.mean(q * gap)))


@topic.claim(
    "beyond-function-rate",
    "The distance of functions falls like K2 / sqrt(q), or faster.",
    place="Theorem 4.3 (rate measured)",
    on=(CONVERGENCE,),
    given=(some_settled,),
)
def distance_law(result: Study) -> Iterable[Part]:
    """Slope of ln max |f / rho^2 - (1 + alpha)/4 <w*, x>| against ln q of each set.

    It is -1/2, or -1 where the two neurons stay opposite.
    """
    pairs = settled(result, "distance")
    for q, distance in pairs:
        yield at_most("slope", slope(q, distance), -0.4)
    for q, distance in pairs:
        K2 = float(distance[-1] * q[-1] ** 0.5)
        yield number("K2 = distance * sqrt(q) at the end", K2)


@topic.figure(
    "convergence",
    "Symmetric data, flow from small starts: margin gap and distance of functions to the limit of"
    " Theorem 4.3, down to losses of e^-q.",
    on=(CONVERGENCE,),
    layout=(1, 2, style.PAGE, 2.8),
    file="convergence-laws",
    tolerance=(5e-2, 1e-9),
)
def laws(result: Study) -> Iterable[Panel]:
    """Both distances from the limit against the margin, and the powers.

    What the integrator does not resolve is left out.
    """
    arrays, (first, *_) = result.arrays, result.arrays["q"]
    middle = len(first) // 2
    for name, ylabel, power, law in (
        ("gap", r"margin gap $1-\gamma/\gamma_{\max}$", -1.0, "$q^{-1}$"),
        ("distance", "distance of functions", -0.5, "$q^{-1/2}$"),
    ):
        values = np.where(arrays[name] > RESOLVED, arrays[name], np.nan)
        marks = [
            Line(q, line, width=1.0, size=3, fill="white", label=f"flow, $d={d}$",
                 marker=style.MARKERS[k % len(style.MARKERS)])
            for k, (q, line, d) in enumerate(
                zip(arrays["q"], values, arrays["dimension"], strict=True)
            )
        ]  # fmt: skip
        height = np.nanmax(values[:, middle]) * first[middle] ** -power
        power_law = 3 * height * first**power
        marks.append(Line(first, power_law, dash="--", colour=style.THEORY, tag=law))
        yield Panel(marks, xlabel=r"$q=\min_i\,y_i f(x_i)$", ylabel=ylabel, scale="log-log")


def constants(result: Study) -> tuple[np.ndarray, np.ndarray]:
    """(K1, K2) (S,): gap * q and distance * sqrt(q) at the last margin.

    nan where the signs are uneven or the margin is below SETTLED.
    """
    last = {name: values[:, -1] for name, values in result.arrays.items() if values.ndim > 1}
    reached = (last["uneven"] <= EVEN) & (last["q"] >= SETTLED)
    K1, K2 = last["gap"] * last["q"], last["distance"] * np.sqrt(last["q"])
    return np.where(reached, K1, np.nan), np.where(reached, K2, np.nan)


@topic.claim(
    "beyond-convergence-constants",
    "On symmetric sets the margin gap is K1 / q and the distance of functions at most K2 / sqrt(q),"
    " with constants of order 1.",
    place="Theorem 4.3 (constants measured)",
    on=(CONSTANTS,),
)
def order_one(result: Study) -> Iterable[Part]:
    """Largest constants over the sets whose two signs are even.

    Both are numbers of the set, not of the draw.
    """
    K1, K2 = (values[np.isfinite(values)] for values in constants(result))
    require(None if K1.size else "no set has even signs at a margin of 1e4 or more")
    yield at_most("largest K1", float(K1.max()), LARGEST_K1)
    yield at_most("largest K2", float(K2.max()), LARGEST_K2)
    yield number("median K1", float(np.median(K1)))
    yield number("median K2", float(np.median(K2)))
    yield number("sets", K1.size)


@topic.figure(
    "beyond-constants",
    "Constants of the convergence laws on random symmetric sets, against the angle between the mean"
    " direction and the separator.",
    on=(CONSTANTS,),
    layout=(1, 2, style.PAGE, 2.6),
    file="beyond-convergence-constants",
    tolerance=(5e-2, 1e-6),
)
def scatter(result: Study) -> Iterable[Panel]:
    """Both constants of every set, with a marker for each dimension."""
    angle, dimension = result.arrays["angle"], result.arrays["dimension"]
    labels = ("$K_1$ = margin gap · $q$", r"$K_2$ = distance · $\sqrt{q}$")
    for values, ylabel in zip(constants(result), labels, strict=True):
        marks = [
            Points(angle[dimension == d], values[dimension == d], marker=marker, fill="none",
                   clip=False, label=f"$d={d}$")
            for marker, d in zip(style.MARKERS, np.unique(dimension), strict=False)
        ]  # fmt: skip
        yield Panel(marks, xlabel=r"angle between $\mu$ and $w^*$ (degrees)", ylabel=ylabel,
                    ylim=(0, 1.08 * np.nanmax(values)))  # fmt: skip
