r"""A counterexample to Theorem A.7: all its assumptions hold, and its conclusion is false.

Theorem A.7 rests on Theorem G.11: under Assumption A.5 the one-neuron network (w+, 1)/sqrt 2 is a
local maximum of the margin among networks with its output signs. The proof fixes the multipliers
lam* of w+ and needs

    rate(lam*) = max_{||u|| = 1} -sum_i lam*_i y_i phi(<u, x_i>)  <  gamma+

but Assumption A.5 and Lemma G.10 give this for some lam only. At the points of this module it
holds for another lam and fails for lam*. A neuron of negative output along u that holds the share e
of the squared weights then raises the margin by e (rate - gamma+)/2. Along the flow

    (a_- / a_+)^2 ~ sigma^{2 kappa} q^{(rate - gamma+)/gamma+},   kappa = 1 - ||mu^-||/||mu^+||,

so that the flow leaves the predicted limit at a margin q ~ sigma^{-2 kappa gamma+/(rate - gamma+)},
however small the scale sigma is.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from flowrepro.claims.claim import require
from flowrepro.claims.verdict import Part, at_least, at_most, number, within
from flowrepro.core.config import Data
from flowrepro.core.trajectory import Dataset, StopReason, Study
from flowrepro.data.labels import require_signs
from flowrepro.engines.log_domain import HANDOVER, Classification, LateRun, Start, integrate, join
from flowrepro.errors import DataError, UsageError
from flowrepro.figures import style
from flowrepro.figures.panels import Horizontal, Line, Mark, Panel, Points
from flowrepro.papers.lyu2021 import PAPER
from flowrepro.papers.lyu2021.hypotheses import labelled, leaky
from flowrepro.papers.lyu2021.shared import geometry, local_optimum
from flowrepro.papers.study import Progress, option
from flowrepro.papers.topic import Topic
from flowrepro.theory.margin import normalised_margin
from flowrepro.theory.margin_global import largest_margin

topic = Topic(PAPER, "Beyond: a counterexample to Theorem A.7", given=(labelled, leaky))

LEFT = CLOSE = 1e-3
"""Share of the negative neurons in the squared weights from which a flow has left; relative gap to
the largest margin at which it has arrived (measured: 2e-4)."""
PER_DECADE, MOST_STEPS = 10, 20_000
"""Levels of q in a decade, and steps of a flow at most."""
MOST_DRAWS = 100
"""Draws among which one with output weights of both signs is looked for."""
CLEAR = 1e-6
"""Relative distance from equality at which a strict inequality counts as proved."""
FIRST, EXPONENT = 1e4, 0.02
"""Margin from which the growth of the negative neurons is fitted, as the 1/q terms are gone; the
fitted exponent's relative error (measured: below 0.01)."""


@topic.study
def counterexample(
    data: Dataset,
    *,
    alpha: float = option(0.5, "slope of the leaky part", within=(0.01, 0.99)),
    m: int = option(4, "width", within=(2, 100)),
    scales: list[float] = option(
        [1e-6, 1e-8, 1e-12, 1e-16, 1e-20, 1e-24, 1e-28, 1e-40],
        "scales of the start, decreasing",
        within=(1e-100, 1e-3),
    ),
    shares: list[float] = option(
        [1e-1, 1e-2, 1e-3, 1e-4, 1e-5],
        "shares of the negative neuron, decreasing",
        within=(1e-8, 0.5),
    ),
    q: float = option(1e11, "margin at which a flow ends", within=(1e3, 1e11)),
    seed: int,
    progress: Progress,
) -> dict[str, Any]:
    """Certificates of the assumptions, networks that beat the one-neuron network, and flows.

    Returns
    gamma_star, star_residual, alignment, kappa, least_product : Assumptions 3.2, A.2 and A.3, and
        the least y_i y_j <x_i, x_j> (A.6).
    gamma_plus, plus_residual, lam (s,), points (s, d) : w+, and its multipliers on S+.
    negative, nearby, largest (2,) : bounds of the largest margin without positive outputs on S+,
        near the one-neuron network, and at any width.
    rate, u (d,) : the fastest neuron of negative output.
    share, raised (E,) : margins of the networks with it.
    scale (A,), level (L,); gamma, weak, ln_t (A, L) : along the flows, their margin, the share
        sum_{a<0} a^2 / sum a^2, and ln t; nan where a flow does not get there.
    """
    require_signs(data)
    X, y = data.X, data.y
    star, own = geometry.best_separator(X, y), local_optimum.support(X, y, alpha)
    if own is None:
        raise DataError("the reweighted points are not separable; take a larger slope alpha")
    rate, u = local_optimum.negative_rate(own, alpha)
    largest = largest_margin(X, y, alpha)
    networks = [local_optimum.with_negative_neuron(own, alpha, u, share) for share in shares]
    W, a = _both_signs(seed, m, X.shape[1])
    level = np.geomspace(10 * HANDOVER, q, max(2, round(PER_DECADE * np.log10(q / HANDOVER / 10))))
    runs = []
    for k, scale in enumerate(scales, 1):
        flow = _flow(Classification(X, y, alpha), scale * W, scale * a, level)
        runs.append(_columns(flow, level))
        progress(k, len(scales))
    Z = y[:, None] * X
    return {
        "gamma_star": star.margin,
        "star_residual": max(star.infeasibility, star.stationarity, star.gap),
        "alignment": geometry.alignment_slack(X, y, alpha).min(),
        "kappa": geometry.lag(X, y, alpha),
        "least_product": (Z @ Z.T).min(),
        "gamma_plus": own.best.margin,
        "plus_residual": max(own.best.infeasibility, own.best.stationarity, own.best.gap),
        "lam": own.lam,
        "points": own.X,
        "negative": np.array(local_optimum.negative_margin(own, alpha)),
        "nearby": np.array(local_optimum.nearby_margin(own, alpha)),
        "largest": np.array([largest.lower, largest.upper]),
        "rate": rate,
        "u": u,
        "share": np.array(shares),
        "raised": np.array([normalised_margin(X, y, *network, alpha) for network in networks]),
        "scale": np.array(scales),
        "level": level,
        **{
            name: np.stack(rows)
            for name, rows in zip(COLUMNS, zip(*runs, strict=True), strict=True)
        },
    }


COLUMNS = ("gamma", "weak", "ln_t")
"""What is kept of a flow."""


def _both_signs(seed: int, m: int, d: int) -> geometry.Weights:
    """The first balanced draw W (m, d), a (m,) with output weights of both signs."""
    draws, outputs = geometry.draws(seed, MOST_DRAWS, m, d, "balanced")
    mixed = np.flatnonzero(np.ptp(np.sign(outputs), axis=1) > 0)
    if not mixed.size:
        raise UsageError(
            f"no draw of seed {seed} has output weights of both signs; raise options.m"
        )
    return draws[mixed[0]], outputs[mixed[0]]


def _flow(task: Classification, W: np.ndarray, a: np.ndarray, level: np.ndarray) -> LateRun:
    """The flow to the last level of q: explicit to HANDOVER, implicit beyond."""
    run = integrate(task, W, a, [HANDOVER], method="rk4", max_steps=MOST_STEPS)
    if run.stop is not StopReason.TARGET_LOSS:
        return run
    clocks = Start(int(run.step[-1]), float(run.s[-1]), float(run.ln_t[-1]))
    how: dict[str, Any] = {"method": "bdf", "start": clocks, "max_steps": MOST_STEPS}
    return join(run, integrate(task, *run.final, level, **how))


def _columns(run: LateRun, level: np.ndarray) -> list[np.ndarray]:
    """COLUMNS at each level (L,)."""
    weak = np.sum(run.a**2, axis=1, where=run.a < 0) / np.sum(run.a**2, axis=1)
    found = np.full((len(COLUMNS), len(level)), np.nan)
    for k, q in enumerate(level):
        past = np.flatnonzero(run.q_min >= q * (1 - 1e-9))
        if past.size:
            i = past[0]
            found[:, k] = run.normalised_margin[i], weak[i], run.ln_t[i]
    return list(found)


COUNTEREXAMPLE = counterexample.case(
    "counterexample-a7",
    "Beyond the paper: seven points where Theorem A.7 fails, although its assumptions hold.",
    Data(name="counterexample-a7"),
    quick={"scales": [1e-8, 1e-12, 1e-16, 1e-18, 1e-40], "q": 1e8},
)


def value(result: Study, name: str) -> float:
    """A number that the study found."""
    return float(result.arrays[name])


def predicted_slope(result: Study) -> float:
    """-2 kappa gamma+ / (rate - gamma+), the slope of ln q at leaving against ln sigma."""
    gamma, rate = value(result, "gamma_plus"), value(result, "rate")
    return -2 * value(result, "kappa") * gamma / (rate - gamma)


def leaving(result: Study) -> np.ndarray:
    """ln q at which each flow leaves, (A,); nan where that is before or after the levels.

    Between two levels the logarithm of the share of the negative neurons is taken as linear.
    """
    weak, clock = np.log(result.arrays["weak"]), np.log(result.arrays["level"])
    found = np.full(len(weak), np.nan)
    for k, share in enumerate(weak):
        past = np.flatnonzero(share > np.log(LEFT))
        if past.size and past[0] > 0:
            j = int(past[0])
            found[k] = np.interp(np.log(LEFT), share[j - 1 : j + 1], clock[j - 1 : j + 1])
    return found


@topic.claim(
    "beyond-a-7-assumptions",
    "The seven points satisfy all assumptions of Theorem A.7: 3.2, A.2, A.3, A.5 and A.6.",
    place="Theorem A.7, hypotheses",
)
def assumptions_hold(result: Study) -> Iterable[Part]:
    """Slacks, each with its certificate; A.6 from orthogonal separability (Appendix I.2)."""
    half = value(result, "gamma_plus") / 2
    yield at_least("A.2: least slack", value(result, "alignment"), CLEAR)
    yield at_least("3.2: gamma*", value(result, "gamma_star"), CLEAR)
    yield at_most(
        "residual of the separators",
        np.max([value(result, "star_residual"), value(result, "plus_residual")]),
        1e-10,
    )
    yield at_least("A.3: kappa", value(result, "kappa"), CLEAR)
    note = "A.5: largest margin with a <= 0 on S+, upper bound / (gamma+/2)"
    yield at_most(note, float(result.arrays["negative"][1]) / half, 1 - CLEAR)
    note = "A.6: least y_i y_j <x_i, x_j> (orthogonally separable)"
    yield at_least(note, value(result, "least_product"), CLEAR)
    yield number("gamma+/2", half)
    yield number("largest margin with a <= 0 on S+", float(result.arrays["negative"][1]))


@topic.claim(
    "beyond-a-7-ascent",
    "The one-neuron network is no local maximum of the margin: a neuron of negative output with "
    "the share e of the squared weights raises it by e (rate - gamma+)/2.",
    place="against Theorem G.11, item 1",
)
def ascends(result: Study) -> Iterable[Part]:
    """The margins of explicit networks, and the certified largest margin near the network."""
    arrays, half = result.arrays, value(result, "gamma_plus") / 2
    gain = (arrays["raised"] - half) / arrays["share"]
    predicted = (value(result, "rate") - 2 * half) / 2
    yield at_least("least gain of the margin / share", float(gain.min()), CLEAR)
    middle = int(np.argmin(np.abs(np.log(arrays["share"] / 1e-4))))  # above rounding errors
    note = f"gain / share at e = {arrays['share'][middle]:g} over (rate - gamma+)/2"
    yield within(note, float(gain[middle]) / predicted, 0.99, 1.01)
    note = "largest margin near the network, lower bound / (gamma+/2)"
    yield at_least(note, float(arrays["nearby"][0]) / half, 1 + CLEAR)
    yield number("(rate - gamma+)/2", predicted)


@topic.claim(
    "beyond-a-7-corrected-hypothesis",
    "The hypothesis that the proof needs, rate(lam*) < gamma+, fails at these points.",
    place="proof of Theorem G.11, where Assumption A.5 and Lemma G.10 are combined",
)
def corrected_fails(result: Study) -> Iterable[Part]:
    """rate(lam*) over gamma+, from the stored multipliers: the explicit u and the exact maximum."""
    arrays, gamma = result.arrays, value(result, "gamma_plus")
    on = np.all(result.X[:, None] == arrays["points"], axis=2).argmax(axis=0)
    heights = arrays["points"] @ arrays["u"]
    slopes = np.where(heights > 0, 1.0, float(result.case.options["alpha"]))
    explicit = -float(np.sum(arrays["lam"] * result.y[on] * slopes * heights))
    yield at_least("rate(lam*) / gamma+", value(result, "rate") / gamma, 1 + CLEAR)
    yield within("sum at u / rate(lam*)", explicit / value(result, "rate"), 1 - 1e-9, 1 + 1e-9)
    yield number("rate(lam*)", value(result, "rate"))


@topic.claim(
    "beyond-a-7-flows-leave",
    "Flows from small starts with output weights of both signs leave the limit that Theorem A.7 "
    "predicts, and end at the largest margin.",
    place="against Theorem A.7",
)
def flows_leave(result: Study) -> Iterable[Part]:
    """Growth of the negative share as q^((rate - gamma+)/gamma+), also before a flow has left.

    The end is judged for flows that go on to a margin 1e4 times that of their leaving.
    """
    arrays, level = result.arrays, result.arrays["level"]
    growth = value(result, "rate") / value(result, "gamma_plus") - 1
    fitted = []
    for weak in arrays["weak"]:
        used = (level >= FIRST) & (weak < LEFT)
        if used.sum() >= 5:
            fitted.append(np.polyfit(np.log(level[used]), np.log(weak[used]), 1)[0] / growth)
    require(None if fitted else "no flow has five margins beyond 1e4 at which it has not left yet")
    note = "fitted exponent over (rate - gamma+)/gamma+"
    yield within(f"least {note}", np.min(fitted), 1 - EXPONENT, 1 + EXPONENT)
    yield within(f"largest {note}", np.max(fitted), 1 - EXPONENT, 1 + EXPONENT)
    ends = arrays["weak"][:, -1] > LEFT
    late = ends & ~(leaving(result) + np.log(1e4) > np.log(level[-1]))
    require(None if late.any() else "no flow goes on to 1e4 times the margin of its leaving")
    gap = np.abs(arrays["gamma"][late, -1] / arrays["largest"][0] - 1)
    yield at_most("largest relative gap to the largest margin at the end", gap.max(), CLOSE)
    yield number(f"of {len(ends)} flows, those that have left (share 1e-3)", int(ends.sum()))
    yield number("log10 of the smallest scale that has left", np.log10(arrays["scale"][ends].min()))
    yield number("largest margin of any width", float(arrays["largest"][0]))


@topic.claim(
    "beyond-a-7-leaving-law",
    "The margin at which the flow leaves grows as sigma^(-2 kappa gamma+/(rate - gamma+)).",
    place="against Theorem A.7; Lemma G.5, item 2",
)
def leaving_law(result: Study) -> Iterable[Part]:
    """Slope of ln q at leaving against ln sigma; the time is ln t = q there, up to logarithms."""
    ln_q, arrays = leaving(result), result.arrays
    used = ln_q > np.log(1e3)
    require(None if used.sum() >= 2 else "fewer than two flows leave beyond q = 1e3; raise q")
    slope = float(np.polyfit(np.log(arrays["scale"][used]), ln_q[used], 1)[0])
    predicted = predicted_slope(result)
    yield within("fitted slope / predicted", slope / predicted, 1 - EXPONENT, 1 + EXPONENT)
    yield number(f"fitted slope (predicted {predicted:.5f})", slope)
    last = int(np.flatnonzero(used)[-1])
    yield number("log10 of the last scale that has left", np.log10(arrays["scale"][last]))
    yield number("log10 of q there", ln_q[last] / np.log(10))
    yield number(
        "ln t / q there",
        np.interp(ln_q[last], np.log(arrays["level"]), arrays["ln_t"][last] / arrays["level"]),
    )


@topic.figure(
    "beyond-counterexample-a7",
    "A counterexample to Theorem A.7: flows from ever smaller starts leave the one-neuron network "
    "for the largest margin; the margin at which they leave; and explicit networks that beat it.",
    layout=(1, 3, style.PAGE, 2.7),
)
def leaves(result: Study) -> Iterable[Panel]:
    """Margin against q by scale; q at leaving against the scale; gain against the share."""
    arrays, half = result.arrays, value(result, "gamma_plus") / 2
    shades = np.linspace(0.0, 0.75, len(arrays["scale"]))
    flows: list[Mark] = [
        Line(
            arrays["level"],
            gamma,
            colour=str(shade),
            width=1.0,
            label="flows, darker from larger starts" if k == 0 else "",
        )
        for k, (gamma, shade) in enumerate(zip(arrays["gamma"], shades, strict=True))
    ]
    flows.append(
        Horizontal(
            half,
            colour=style.THEORY,
            dash="--",
            width=1.2,
            label=r"limit of Theorem A.7, $\gamma^+/2$",
        )
    )
    flows.append(
        Horizontal(
            arrays["largest"][0], colour=style.THEORY, dash="-", width=1.2, label="largest margin"
        )
    )
    yield Panel(
        flows,
        title="flows",
        xlabel=r"$q=\min_i\,y_i f(x_i)$",
        ylabel=r"$\gamma=q/\|\theta\|^2$",
        scale="log-linear",
    )
    ln_q, scale = leaving(result), arrays["scale"]
    seen = np.isfinite(ln_q)
    marks: list[Mark] = [Points(scale[seen], np.exp(ln_q[seen]), label="flows")]
    if seen.any():
        law = np.exp(ln_q[seen][-1]) * (scale / scale[seen][-1]) ** predicted_slope(result)
        marks.append(
            Line(
                scale,
                law,
                colour=style.THEORY,
                width=1.0,
                label=r"law $\sigma^{-2\kappa\gamma^+/(r-\gamma^+)}$",
            )
        )
    yield Panel(
        marks,
        title="leaving",
        xlabel=r"scale $\sigma$ of the start",
        ylabel=r"$q$ at leaving",
        scale="log-log",
        xticks=10.0 ** np.arange(-40, 1, 10),
    )
    share = arrays["share"]
    yield Panel(
        [
            Points(share, arrays["raised"] - half, label="with a negative neuron of share $e$"),
            Line(
                share,
                share * (value(result, "rate") / 2 - half),
                colour=style.THEORY,
                width=1.0,
                label=r"$e\,(r-\gamma^+)/2$",
            ),
        ],
        title="explicit networks",
        xlabel="share $e$ of the weights",
        ylabel=r"$\gamma-\gamma^+/2$",
        scale="log-log",
    )
