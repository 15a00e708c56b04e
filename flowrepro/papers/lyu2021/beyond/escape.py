r"""A weak neuron near the one-neuron network grows as a power of the margin.

    (a_k / a_main)^2 ~ q^{(r - r0) / r0},   r0 = gamma+,   r = max_u |sum_i p_i y_i phi(<u, x_i>)|

p are the multipliers of w+. On symmetric points the opposite sign has r = gamma* and
r0 = alpha gamma*, so the exponent is (1 - alpha)/alpha: descent finds the linear classifier only
after the loss has fallen to e^{-q}, q = q_0 ratio^{-alpha / (1 - alpha)}.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from itertools import product
from typing import NamedTuple

import numpy as np

from flowrepro.claims.claim import NotApplicable
from flowrepro.claims.verdict import Part, at_most, number
from flowrepro.core.trajectory import Dataset, Study
from flowrepro.data.labels import require_signs
from flowrepro.engines.log_domain import Classification, LateRun, integrate
from flowrepro.errors import DataError
from flowrepro.figures import style
from flowrepro.figures.panels import Line, Panel
from flowrepro.papers.lyu2021 import PAPER
from flowrepro.papers.lyu2021.hypotheses import labelled, separable, symmetric
from flowrepro.papers.lyu2021.section_3_flows import MIDDLE, RIGHT, SYMMETRIC
from flowrepro.papers.lyu2021.shared import geometry
from flowrepro.papers.study import Progress, option
from flowrepro.papers.topic import Topic

topic = Topic(PAPER, "Beyond: escape from one-neuron networks", given=(labelled, separable))

BEGIN = 100.0
"""Margin at which the flows start."""
PER_DECADE = 10
MOST_STEPS = 20_000
MOST_SUPPORT = 12
"""Support vectors whose patterns are enumerated."""
WEAK = 1e-2
"""Ratio (a_k / a_main)^2 up to which the weak neuron does not act back."""
AGREEMENT = 0.02
"""Relative error of an exponent (measured: 0.002 on symmetric points, 0.01 on the others)."""


@topic.study
def escape(
    data: Dataset,
    *,
    alphas: list[float] = option([0.5], "slopes of the leaky part", within=(0.01, 0.99)),
    ratio: float = option(1e-8, "(a_2 / a_1)^2 at the start", within=(1e-12, 0.5)),
    q: float = option(1e11, "margin at which a flow ends", within=(1e3, 1e14)),
    progress: Progress,
) -> dict[str, np.ndarray]:
    """Flows from the one-neuron network (w+, 1) with a weak neuron in its fastest direction.

    Returns alpha (A,); rate, stray_rate (A,), growth rates of the main and of the weak neuron;
    sign (A,) of the weak one's output; level (L,), margins; ratio (A, L), (a_2 / a_1)^2 there, and
    gamma (A, L), the normalised margin; nan where the flow did not get there.
    """
    require_signs(data)
    X, y = data.X, data.y
    level = np.geomspace(2 * BEGIN, q, max(2, round(PER_DECADE * np.log10(q / BEGIN))))
    kept: dict[str, list[object]] = {}
    for k, alpha in enumerate(alphas, 1):
        plus = geometry.one_neuron(X, y, alpha)
        if plus is None:
            raise DataError(
                "the points are not linearly separable, so there is no one-neuron network to "
                "start from; take a separable set"
            )
        stray = fastest_stray(X, y, alpha, plus.w, plus.duals / plus.duals.sum())
        size, weak = np.sqrt(BEGIN / plus.margin), np.sqrt(ratio)
        W = size * np.stack([plus.w, weak * stray.u])
        a = size * np.array([1.0, stray.sign * weak])
        run = integrate(
            Classification(X, y, alpha), W, a, level, method="bdf", max_steps=MOST_STEPS
        )
        found = {
            "alpha": alpha,
            "rate": plus.margin,
            "stray_rate": stray.rate,
            "sign": stray.sign,
            "ratio": at_levels(run, (run.a[:, 1] / run.a[:, 0]) ** 2, level),
            "gamma": at_levels(run, run.normalised_margin, level),
        }
        for name, value in found.items():
            kept.setdefault(name, []).append(value)
        progress(k, len(alphas))
    return {"level": level, **{name: np.array(values) for name, values in kept.items()}}


def at_levels(run: LateRun, values: np.ndarray, level: np.ndarray) -> np.ndarray:
    """Values (R,) of a run's records at the first one at or past each level (L,), else nan."""
    reached = (np.flatnonzero(run.q_min >= q * (1 - 1e-12)) for q in level)
    return np.array([values[index[0]] if index.size else np.nan for index in reached])


class Stray(NamedTuple):
    """A unit vector u (d,), the sign of its output, and its rate s sum_i p_i y_i phi(<u, x_i>)."""

    u: np.ndarray
    sign: float
    rate: float


def fastest_stray(
    X: np.ndarray, y: np.ndarray, alpha: float, w: np.ndarray, p: np.ndarray
) -> Stray:
    """The fastest neuron among the local maxima of the rate over unit u other than (w, 1).

    Inside a pattern of the support vectors the rate is <v, u>, so v / ||v|| is a local maximum if
    it has that pattern.
    """
    support = np.flatnonzero(p > 0)
    if len(support) > MOST_SUPPORT:
        raise DataError(
            f"the one-neuron separator has {len(support)} support vectors, and {MOST_SUPPORT} can "
            "be enumerated; take fewer points"
        )
    best = Stray(-w, -1.0, -np.inf)
    for slopes in product((alpha, 1.0), repeat=len(support)):
        for sign in (1.0, -1.0):
            v = sign * (np.array(slopes) * p[support] * y[support]) @ X[support]
            length = float(np.linalg.norm(v))
            consistent = length > 0 and np.all((X[support] @ v > 0) == (np.array(slopes) == 1.0))
            is_main = sign > 0 and v @ w > (1 - 1e-9) * length
            if consistent and length > best.rate and not is_main:
                best = Stray(v / length, sign, length)
    return best


SYMMETRIC_POINTS = escape.case(
    "escape-symmetric",
    "Beyond the paper: neurons of the other sign outgrow the one-neuron network on symmetric "
    "points.",
    SYMMETRIC,
    alphas=[0.2, 0.35, 0.5, 0.7],
    q=1e13,
    quick={"options.alphas": [0.2, 0.5]},
)
MIDDLE_POINTS = escape.case(
    "escape-middle",
    "Beyond the paper: stray positive neurons outgrow the one-neuron network of Figure 1 middle.",
    MIDDLE,
    quick={"options.q": 1e8},
)
RIGHT_POINTS = escape.case(
    "escape-right",
    "Beyond the paper: the same on the hinted points.",
    RIGHT,
    quick={"options.q": 1e8},
)


def exponents(result: Study) -> tuple[np.ndarray, np.ndarray]:
    """(Theory (A,), fitted (A,)) exponents of the ratio.

    Fitted is nan where fewer than 5 levels have a weak second neuron.
    """
    theory = result.arrays["stray_rate"] / result.arrays["rate"] - 1
    fitted, level = np.full(len(theory), np.nan), result.arrays["level"]
    for k, ratio in enumerate(result.arrays["ratio"]):
        used = np.isfinite(ratio) & (ratio < WEAK) & (ratio > 0)
        if used.sum() >= 5:
            fitted[k] = np.polyfit(np.log(level[used]), np.log(ratio[used]), 1)[0]
    return theory, fitted


@topic.claim(
    "beyond-escape-exponent",
    "A weak neuron grows as q^{(r - r0)/r0} relative to the main one.",
    place="beyond: near the one-neuron networks of Theorems 4.3 and A.7",
)
def exponent(result: Study) -> Iterable[Part]:
    """Fitted against predicted exponents, for every slope."""
    theory, fitted = exponents(result)
    if np.all(np.isnan(fitted)):
        raise NotApplicable(
            "no run has enough margins at which the second neuron is weak; "
            "take a larger last margin"
        )
    error = float(np.nanmax(np.abs(fitted / theory - 1)))
    yield at_most("largest relative error of an exponent", error, AGREEMENT)
    for alpha, expected, value in zip(result.arrays["alpha"], theory, fitted, strict=True):
        yield number(f"alpha = {alpha:g}: fitted (theory {expected:.5g})", value)


@topic.claim(
    "beyond-escape-reaches-optimum",
    "On symmetric points the escape ends at the largest margin.",
    place="beyond: Theorem 4.2",
    given=(symmetric,),
)
def reaches_optimum(result: Study) -> Iterable[Part]:
    """Normalised margin over (1 + alpha)/4 gamma* where the neurons have become equally strong."""
    alpha, rate, ratio, gamma = (
        result.arrays[name] for name in ("alpha", "rate", "ratio", "gamma")
    )
    largest = (1 + alpha) / 4 * rate / alpha  # the main neuron grows at alpha gamma*
    done = ratio[:, -1] > 0.99
    if not done.any():
        raise NotApplicable("no weak neuron has caught up at the last margin")
    gap = float(np.max(np.abs(1 - gamma[done, -1] / largest[done])))
    yield at_most("largest relative margin gap", gap, 1e-3)
    yield number("runs", done.sum())


@topic.figure(
    "beyond-escape",
    "Weak neurons outgrow a one-neuron network as a power of the margin: measured ratios and the "
    "predicted exponents.",
    layout=(1, 3, style.PAGE, 2.7),
    share="y",
)
def growth(*results: Study) -> Iterable[Panel]:
    """Ratio against margin, with the predicted power through the first point of each run."""
    titles = ("symmetric points", "Figure 1 middle", "Figure 1 right")
    slopes = sorted({float(alpha) for result in results for alpha in result.arrays["alpha"]})
    for title, result in zip(titles, results, strict=True):
        ratios, powers, level = [], [], result.arrays["level"]
        columns = ("alpha", "sign", "ratio")
        runs = zip(*(result.arrays[name] for name in columns), exponents(result)[0], strict=True)
        for alpha, sign, ratio, theory in runs:
            look = partial(
                Line,
                colour=style.POSITIVE if sign > 0 else style.NEGATIVE,
                dash=style.DASHES[slopes.index(float(alpha)) % len(style.DASHES)],
            )
            label = rf"weak neuron, $a {'>' if sign > 0 else '<'} 0$, $\alpha={alpha:g}$"
            ratios.append(look(level, ratio, label=label))
            power = ratio[0] * (level / level[0]) ** theory
            power[power > 1] = np.nan
            law = partial(Line, colour=style.THEORY, width=0.8, zorder=1.5)
            powers.append(law(level, power, label="predicted power"))
        yield Panel(
            [*ratios, *powers],
            title=title,
            xlabel=r"margin $\min_i q_i$",
            ylabel=r"$(a_{\mathrm{weak}}/a_{\mathrm{main}})^2$",
            scale="log-log",
            ylim=(None, 5.0),
        )
