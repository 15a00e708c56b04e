r"""Symmetric data: flows from small starts find the max-margin linear classifier (Section 4).

Theorem 4.2: the largest normalised margin is (1 + alpha)/4 gamma*, that of (w*, -w*, 1, -1)/2.
Theorem 4.3: with probability 1 - 2^-(m-1) neurons of both signs grow, and f / ||theta||^2
converges to (1 + alpha)/4 <w*, x>. The sign of b_k = <w_k, mu> / ||mu|| + a_k at the start decides
with which sign neuron k grows (Lemma 5.2).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np

from flowrepro.claims.claim import NotApplicable, require
from flowrepro.claims.verdict import Part, at_most, none_of, number
from flowrepro.core.network import predict
from flowrepro.core.trajectory import Dataset, Study
from flowrepro.data.labels import require_signs
from flowrepro.engines.log_domain import Classification, integrate_many
from flowrepro.papers.lyu2021 import PAPER
from flowrepro.papers.lyu2021.assumptions import LEFT_SET, MIDDLE_SET, SYMMETRIC_SET
from flowrepro.papers.lyu2021.hypotheses import (
    SECTION_4,
    alpha,
    not_orthogonal_to_mean,
    separator_of,
    small,
)
from flowrepro.papers.lyu2021.section_3_flows import (
    FLOW_MIDDLE,
    FLOW_SYMMETRIC,
    FLOW_SYMMETRIC_5D,
    SYMMETRIC,
    State,
    function_distance,
    past,
    some_separate,
    state_at,
    states_past,
)
from flowrepro.papers.lyu2021.shared import geometry
from flowrepro.papers.lyu2021.shared.geometry import draws, probes
from flowrepro.papers.study import Progress, option
from flowrepro.papers.topic import Topic
from flowrepro.theory.margin import normalised_margin

topic = Topic(PAPER, "Symmetric data", given=SECTION_4)

EVEN = 1e-3
"""|sum_{a>0} a^2 / sum_{a<0} a^2 - 1| from which on the rates are those of the balanced pair."""
GAP, DISTANCE = 2.0, 1.0
"""Margin gap times q, distance of functions times sqrt(q): measured .16 to .5 and .12 to .25."""
DEVIATIONS = 3.0
"""Standard deviations of the binomial frequency."""
MISMATCHES = 0.01
"""Part of the starts that may differ from the prediction: neurons nearly orthogonal to mu."""
FEWEST = 50
"""Starts from which on a frequency is judged."""
ROUNDED = 1e-10
"""Relative gap of two margins below which it is rounding."""
BATCH = 50
"""Runs between two reports of progress."""
MOST_STEPS = 2_000_000


@topic.study
def coin_flips(
    data: Dataset,
    *,
    alpha: float = option(0.5, "slope of the leaky part", within=(0.0, 1.0)),
    init: str = option("gaussian", "law of the start", choices=("gaussian", "balanced")),
    scale: float = option(1e-6, "scale of the start", within=(1e-150, 1e3)),
    widths: list[int] = option([2, 3, 4], "widths of the networks", within=(1, 1000)),
    seeds: int = option(400, "starts of each width", within=(1, 100_000)),
    q: float = option(100.0, "margin at which a run ends", within=(1.0, 1e4)),
    seed: int,
    progress: Progress,
) -> dict[str, np.ndarray]:
    """Descent with steps c / C, the fastest for limits, from many random starts of each width.

    Returns width (M,); the starts first_W (M, S, m, d), first_a (M, S, m) and the ends W, a, where
    narrower networks are filled up with zeros; q, rho (M, S) at the end; probe (2000, d).
    """
    require_signs(data)
    d, shape = data.X.shape[1], (len(widths), seeds, max(widths))
    task = Classification(data.X, data.y, alpha)
    arrays = {
        name: np.zeros((*shape, d) if name.endswith("W") else shape)
        for name in ("first_W", "first_a", "W", "a")
    }
    arrays |= {name: np.full(shape[:2], np.nan) for name in ("q", "rho")}
    for k, m in enumerate(widths):
        W, a = (scale * weights for weights in draws(seed, seeds, m, d, init))
        arrays["first_W"][k, :, :m], arrays["first_a"][k, :, :m] = W, a
        for begin in range(0, seeds, BATCH):
            part = slice(begin, begin + BATCH)
            runs = integrate_many(task, W[part], a[part], [q], max_steps=MOST_STEPS)
            for s, run in enumerate(runs, begin):
                arrays["W"][k, s, :m], arrays["a"][k, s, :m] = run.final
                arrays["q"][k, s], arrays["rho"][k, s] = run.q_min[-1], run.rho[-1]
            progress(k * seeds + begin + len(runs), len(widths) * seeds)
    return {"width": np.array(widths), **arrays, "probe": probes(seed, d)}


PROBABILITY_SYMMETRIC = coin_flips.case(
    "probability-symmetric",
    "Theorem 4.3: how often neurons of both signs grow, by width.",
    SYMMETRIC,
    quick={"options.seeds": 50},
)


@topic.claim(
    "theorem-4-2-optimum-is-linear",
    "On symmetric data the largest normalised margin of any width is (1 + alpha)/4 gamma*, "
    "that of the linear pair (w*, -w*, 1, -1)/2.",
    place="Theorem 4.2",
    on=(LEFT_SET, SYMMETRIC_SET, MIDDLE_SET),
)
def optimum_is_linear(result: Study) -> Iterable[Part]:
    """Margin of the pair, dual bound from the multipliers of w*, and column generation."""
    best, slope, X, y = separator_of(result), alpha(result), result.X, result.y
    largest = (1 + slope) / 4 * best.margin
    pair = normalised_margin(X, y, *geometry.linear_pair(best.w), slope)
    # averaged over the pairs x, -x the multipliers make sum_i lam_i y_i phi(<u, x_i>) linear in u
    partner = np.abs(X[:, None] + X[None]).max(axis=2).argmin(axis=1)
    lam = best.duals / best.duals.sum()
    lam = (lam + lam[partner]) / 2
    certificate = (1 + slope) / 4 * float(np.linalg.norm((lam * y) @ X))
    low, high = (float(bound) for bound in result.arrays["largest"])
    yield at_most("|pair's margin / ((1 + alpha)/4 gamma*) - 1|", abs(pair / largest - 1), 1e-12)
    yield at_most("the same of the dual bound", abs(certificate / largest - 1), 1e-12)
    yield at_most("of the optimum by column generation, lower", abs(low / largest - 1), 1e-7)
    yield at_most("upper", abs(high / largest - 1), 1e-7)


@topic.claim(
    "section-4-1-split-neurons",
    "With each neuron (a_k, w_k) replaced by (a_k, w_k) and (-a_k, -w_k) a network is linear, and "
    "its normalised margin is not smaller.",
    place="Section 4.1",
    on=(FLOW_SYMMETRIC, FLOW_SYMMETRIC_5D),
)
def split_neurons(result: Study) -> Iterable[Part]:
    """At all records, the starts included; |f(x) + f(-x)| over ||theta||^2 at the probes."""
    X, y, slope, probe = result.X, result.y, alpha(result), result.arrays["probe"]
    lost, odd = [], []
    for run, index in np.argwhere(np.isfinite(result.arrays["q"])):
        state = state_at(result, run, index)
        W, a = np.concatenate([state.W, -state.W]), np.concatenate([state.a, -state.a])
        before = normalised_margin(X, y, state.W, state.a, slope)
        lost.append(before - normalised_margin(X, y, W, a, slope))
        both = predict(probe, W, a, slope) + predict(-probe, W, a, slope)
        odd.append(np.abs(both).max() / state.rho**2)
    require(None if lost else "no record is finite")
    yield at_most("largest loss of margin", np.max(lost), 1e-12)
    yield at_most("largest even part of the split network", np.max(odd), 1e-12)


def linear_bound(delta: np.ndarray, slope: float, margin: float, largest: float) -> np.ndarray:
    """How far a network of norm 1 and margin (1 - delta) (1 + slope)/4 gamma* is from linear.

    On the unit sphere, for 0 < delta < 1; ``margin`` is gamma*, ``largest`` is max ||x_i||. With
    v = sum_k a_k w_k and e the even part of f, the smaller margin of x_i and -x_i is
    (1 + slope)/2 y_i <v, x_i> - |e(x_i)|, and ||v|| <= sum_k |a_k| ||w_k|| <= 1/2. So v is within
    sqrt(delta) + delta/2 of w*/2, the neurons turn from it by sum_k |a_k| ||w_k|| (1 - cos) <=
    delta/2, and e is small at the nearest x_i, which bounds it everywhere.
    """
    turned, half = np.sqrt(delta / 2), (1 - slope) / 2
    at_nearest = (1 + slope) / 4 * margin * delta + half * turned * largest
    even = at_nearest / ((1 - delta) * margin) + half * turned
    return np.asarray((1 + slope) / 2 * (np.sqrt(delta) + delta / 2) + even)


@topic.claim(
    "theorem-4-2-near-optimal",
    "A network whose margin is short of the largest by a share delta is within O(sqrt(delta)) of "
    "the function (1 + alpha)/4 <w*, x>, so every optimum is linear.",
    place="Theorem 4.2",
    on=(FLOW_SYMMETRIC, FLOW_SYMMETRIC_5D),
    given=(some_separate,),
)
def near_optimal(result: Study) -> Iterable[Part]:
    """Distance of functions over `linear_bound` at all records of margin 100 and more."""
    best, slope = separator_of(result), alpha(result)
    target = geometry.linear_target(best.w, slope, result.arrays["probe"])
    states = [state for _, state in states_past(result, 100.0)]
    short = np.array([1 - s.q / s.rho**2 / ((1 + slope) / 4 * best.margin) for s in states])
    far = np.array([function_distance(result, state, target) for state in states])
    judged = (short > ROUNDED) & (short < 1)
    require(None if judged.any() else "no record has a margin near the largest")
    size = float(np.linalg.norm(result.X, axis=1).max())
    bound = linear_bound(short[judged], slope, best.margin, size)
    yield at_most("largest distance / bound", float(np.max(far[judged] / bound)), 1.0)
    yield none_of("margins above the largest", int(np.sum(~(short >= -ROUNDED))))
    yield number("least delta", float(short[judged].min()))


def predicted(X: np.ndarray, y: np.ndarray, W: np.ndarray, a: np.ndarray) -> np.ndarray:
    """Signs (..., m) of b_k = <w_k, mu> / ||mu|| + a_k at the start   (Lemma 5.2)."""
    return np.asarray(np.sign(W @ geometry.unit(geometry.mean(X, y)) + a))


@topic.claim(
    "theorem-4-3-linear-limit",
    "If growing neurons of both signs are drawn, then f / ||theta||^2 converges to "
    "(1 + alpha)/4 <w*, x> and the margin is the largest; otherwise one neuron remains.",
    place="Theorem 4.3 and Corollary 4.4",
    on=(FLOW_SYMMETRIC, FLOW_SYMMETRIC_5D, FLOW_MIDDLE),
    given=(not_orthogonal_to_mean, small(1e-3), some_separate),
)
def linear_limit(result: Study) -> Iterable[Part]:
    """Distance of functions times sqrt(q) and margin gap times q at margins of 1e4 and more.

    Judged once the two signs have the same weight.
    """
    if result.arrays["W"].shape[2] < 2:
        raise NotApplicable("the theorem is for width m >= 2")
    gaps, distances, slopes, good = [], [], [], 0
    for run in range(len(result.arrays["q"])):
        first = state_at(result, run, 0)
        signs = np.unique(predicted(result.X, result.y, first.W, first.a))
        good += len(signs) == 2
        target, limit = _limit(result, signs)
        states = [state for state in past(result, run, 1e4) if len(signs) < 2 or _even(state)]
        gaps += [abs(1 - state.q / state.rho**2 / limit) * state.q for state in states]
        far = [(np.log(s.q), np.log(function_distance(result, s, target))) for s in states]
        distances += [np.exp(ln_distance + ln_q / 2) for ln_q, ln_distance in far]
        resolved = np.array([point for point in far if point[1] > np.log(1e-5)])
        if len(resolved) >= 2:
            slopes.append(float(np.polyfit(resolved[:, 0], resolved[:, 1], 1)[0]))
    if not gaps:
        raise NotApplicable(
            "no run reached a margin of 1e4 with both signs of the same weight; "
            "integrate to larger margins"
        )
    yield at_most("largest distance of functions * sqrt(q)", np.max(distances), DISTANCE)
    yield at_most("largest relative margin gap * q", np.max(gaps), GAP)
    if slopes:
        yield at_most("slope of ln distance against ln q", np.max(slopes), -0.4)
    yield number("runs with growing neurons of both signs", good)


def _limit(result: Study, signs: np.ndarray) -> tuple[np.ndarray, float]:
    """(Function at the probes, margin) of the limit that the growing signs predict."""
    best, slope, probe = separator_of(result), alpha(result), result.arrays["probe"]
    if len(signs) == 2:
        return geometry.linear_target(best.w, slope, probe), (1 + slope) / 4 * best.margin
    target = geometry.one_neuron_target(best.w, slope, probe, float(signs[0]))
    return target, slope * best.margin / 2


def _even(state: State) -> bool:
    """Whether positive and negative output weights have nearly the same sum of squares."""
    positive = float(np.sum(state.a[state.a > 0] ** 2))
    negative = float(np.sum(state.a[state.a < 0] ** 2))
    return abs(positive - negative) <= EVEN * negative


def enough_starts(result: Study) -> str | None:
    """Hypothesis: there are FEWEST starts or more."""
    if (seeds := result.case.options["seeds"]) >= FEWEST:
        return None
    return f"{seeds} starts are too few for a frequency; take {FEWEST} or more"


def drawn_from(init: str) -> Callable[[Study], str | None]:
    """Hypothesis: the starts are of this law."""

    def hypothesis(result: Study) -> str | None:
        if (used := result.case.options["init"]) == init:
            return None
        return f"the statement is about the {init} start, this case has the {used} one"

    return hypothesis


def reached_end(result: Study) -> str | None:
    """Hypothesis: every run reached the margin q."""
    q = result.case.options["q"]
    missed = int(np.sum(~(result.arrays["q"] >= q * (1 - 1e-12))))
    return f"{missed} runs did not reach the margin {q:g}" if missed else None


def frequency(m: int, hits: np.ndarray, probability: float) -> Iterable[Part]:
    """Parts: the frequency of the hits (S,) against its probability, at width m."""
    off = abs(np.mean(hits) - probability)
    deviation = float(off / np.sqrt(probability * (1 - probability) / len(hits)))
    note = f"m = {m}: |frequency - {probability:g}| in standard deviations"
    yield at_most(note, deviation, DEVIATIONS)
    yield number(f"frequency at m = {m}", float(np.mean(hits)))


def both_signs(signs: np.ndarray, counted: np.ndarray) -> np.ndarray:
    """Whether signs (..., m) holds +1 and -1 among the counted neurons."""
    positive, negative = counted & (signs > 0), counted & (signs < 0)
    return np.asarray(np.any(positive, axis=-1) & np.any(negative, axis=-1))


@topic.claim(
    "theorem-4-3-probability",
    "With probability 1 - 2^-(m-1) neurons of both signs grow, and b_k at the start decides "
    "which of them grow.",
    place="Theorem 4.3 and Lemma E.7",
    on=(PROBABILITY_SYMMETRIC,),
    given=(not_orthogonal_to_mean, drawn_from("gaussian"), small(1e-3), enough_starts, reached_end),
)
def probability(result: Study) -> Iterable[Part]:
    """Frequency of aligned neurons of both signs at the end, and of wrong predictions."""
    parts: list[Part] = []
    X, y, arrays, mismatches, total = result.X, result.y, result.arrays, 0, 0
    for k, m in enumerate(arrays["width"]):
        if m < 2:
            continue
        W, a = arrays["W"][k], arrays["a"][k]
        good = both_signs(np.sign(a), geometry.aligned(X, y, W, a))
        signs = predicted(X, y, arrays["first_W"][k, :, :m], arrays["first_a"][k, :, :m])
        expected = both_signs(signs, np.ones((1, m), dtype=bool))
        mismatches, total = mismatches + int(np.sum(good != expected)), total + len(good)
        parts += frequency(m, good, 1 - 0.5 ** (m - 1))
    require(None if parts else "the theorem is for width m >= 2")
    note = "part of the starts that differ from the prediction"
    yield at_most(note, mismatches / total, MISMATCHES)
    yield from parts
