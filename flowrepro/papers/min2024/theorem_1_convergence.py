"""The second part of min2024's Theorem 1: the loss decays, and W becomes a sum of two rank-1 parts.

After t1 the neurons that live fit one class each, V~+ the positive data and V~- the negative ones.
After t2, when both classes are fitted,

    L(t) <= L(t2) / (1 + L(t2) alpha (t - t2)),    ||W||_F^2 <= 2 ||W||_2^2 + O(eps).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import partial

import numpy as np
from scipy.special import logsumexp

from flowrepro.claims.claim import NotApplicable, require
from flowrepro.claims.verdict import Part, at_least, at_most, none_of, number
from flowrepro.core.network import LOSSES
from flowrepro.core.trajectory import Study
from flowrepro.papers.min2024 import PAPER
from flowrepro.papers.min2024.hypotheses import CONVERGENCE, THEORY, fitted, moderate_scale
from flowrepro.papers.min2024.shared.constants import (
    approximation_time,
    fit_bound,
    loss_rate,
    points_of,
)
from flowrepro.papers.min2024.shared.flow_states import (
    States,
    fit_times,
    read_states,
    read_stays,
    settled_classes,
    start_of,
)
from flowrepro.papers.min2024.small_initialization import EXACT, active_force
from flowrepro.papers.min2024.theorem_1_flow import FLOWS
from flowrepro.papers.topic import Topic
from flowrepro.theory.alignment import squared_norms

SHRUNK = 6.0
"""Decay of ln ||w_j|| up to which rounding is amplified to less than INTEGRATED (e^12)."""
INTEGRATED = 1e-6
"""Relative error of conserved quantities at rtol 1e-9 (measured 4e-12 at most)."""

topic = Topic(PAPER, "Theorem 1: convergence", command="toy2d")
with_assumption_1 = partial(topic.claim, on=FLOWS, given=THEORY)
after_t1 = partial(topic.claim, on=FLOWS, given=CONVERGENCE)
after_t2 = partial(topic.claim, on=FLOWS, given=(*CONVERGENCE, fitted))


def ln_mass(states: States, chosen: np.ndarray) -> np.ndarray:
    """ln sum_{j chosen} ||w_j||^2, (T,)."""
    return np.asarray(logsumexp(2 * states.ln_w[:, chosen], axis=1))


def by_class(result: Study) -> Iterator[tuple[str, np.ndarray]]:
    """The sign + with the mask (m,) of V~+, and - with that of V~-."""
    return zip("+-", settled_classes(result), strict=True)


@with_assumption_1(
    "lemma-12-traps", "S+ (V_+), S- (V_-) and the dead cone are never left.", place="Lemma 12"
)
def traps(result: Study) -> Iterator[Part]:
    """Stays in a trap that end."""
    stays = read_stays(result)
    yield none_of("traps left", int(np.sum(stays.trap & (stays.end != np.inf))))


@after_t1(
    "lemma-13-shrinking",
    "Until t1, the neurons that survive shrink by no more than e^(-4 n X_max t).",
    place="Lemma 13",
)
def shrinking(result: Study) -> Iterator[Part]:
    """ln of sum_{V~} ||w(t)||^2 / ||w(0)||^2 against -4 n X_max t at the records until t1."""
    points, states, t1 = points_of(result), read_states(result), read_stays(result).t1
    early = (states.t > 0) & (states.t <= t1)
    require(None if early.any() else "every neuron starts in its trap, so t1 = 0")
    for sign, chosen in by_class(result):
        mass = ln_mass(states, chosen)
        least = (mass - mass[0] + 4 * points.n * points.x_max * states.t)[early].min()
        yield at_least(f"V~{sign}: ln of the growth plus 4 n X_max t", least, -EXACT)


@after_t1(
    "lemma-14-growth", "After t1, the neurons of S+ and of S- do not shrink.", place="Lemma 14"
)
def growing(result: Study) -> Iterator[Part]:
    """Least change of ln sum_{V~} ||w||^2 between records, relative to its size where large."""
    states = read_states(result)
    late = states.t >= read_stays(result).t1
    for sign, chosen in by_class(result):
        mass = ln_mass(states, chosen)[late]
        steps = np.diff(mass) / np.maximum(1.0, np.abs(mass[1:]))
        yield at_least(f"V~{sign}: least change", float(steps.min()), -EXACT)


@after_t1(
    "equation-32-decoupling",
    "After t1, neurons of S+ are active on the positive data only and those of S- on the negative "
    "ones: L = L+ + L-.",
    place="eq. (32)",
)
def decoupling(result: Study) -> Iterator[Part]:
    """Pairs of a neuron and a datum of the other class that are active at a record after t1."""
    states = read_states(result)
    foreign = states.sign[:, None] != result.y[None, :]
    late = ~(states.t <= read_stays(result).t1)
    yield none_of("active on the other class", int(np.sum(states.active[late] & foreign)))


@after_t2(
    "equation-39-fit-time",
    "Both classes are fitted (|f| > 1/4) by t2, which is bounded from both sides.",
    place="eq. (39)",
)
def fit_time(result: Study) -> Iterator[Part]:
    """t2+ and t2- against (39), and t2 >= T of Lemma 3 where its scale is reached."""
    points, start = points_of(result), start_of(result)
    times = fit_times(result, read_states(result))
    bounds = fit_bound(points, start, read_stays(result).t1)
    for sign, t, bound in zip("+-", times, bounds, strict=True):
        yield at_most(f"t2{sign}", t, bound)
    if moderate_scale(result) is None:
        yield at_least("t2 against T", times.max(), approximation_time(points, start))


@after_t2(
    "lemma-15-descent",
    "After t2, dL/dt <= -(mu X_min)^2 (||a+||^2 L+^2 + ||a-||^2 L-^2) / 4.",
    place="Lemma 15",
)
def descent(result: Study) -> Iterator[Part]:
    """Least ratio of ||grad L||^2 = -dL/dt to the bound."""
    points, states = points_of(result), read_states(result)
    late = states.t >= fit_times(result, states).max()
    squares = [np.exp(2 * states.ln_a[:, chosen]).sum(axis=1) for _, chosen in by_class(result)]
    loss = LOSSES[result.case.options["loss"]][0](states.f, result.y)
    losses = [loss[:, result.y > 0].sum(axis=1), loss[:, result.y < 0].sum(axis=1)]
    total = np.sum(np.stack(squares, axis=1) * np.stack(losses, axis=1) ** 2, axis=1)
    bound = 0.25 * (points.mu * points.x_min) ** 2 * total
    least = float(np.min(squared_gradient(result, states)[late] / bound[late]))
    yield at_least("least -dL/dt over its bound", least, 1.0)


def squared_gradient(result: Study, states: States) -> np.ndarray:
    """||grad L||^2 (T,), with underflow where the network is."""
    force = active_force(result, states)
    along = np.sum(states.U * force, axis=-1)
    on_w = np.exp(2 * states.ln_a) * np.sum(force**2, axis=-1)
    return np.asarray(np.sum(on_w + np.exp(2 * states.ln_w) * along**2, axis=1))


@after_t2(
    "theorem-1-rate", "After t2, L(t) <= L(t2) / (1 + L(t2) alpha (t - t2)).", place="Theorem 1"
)
def rate(result: Study) -> Iterator[Part]:
    """Largest loss over its bound; how much faster 1/L grows than alpha; the final slope of ln L.

    The slope is that over the last factor 2 of t - t2.
    """
    states, alpha = read_states(result), loss_rate(points_of(result))
    late = states.t >= fit_times(result, states).max()
    t, loss = states.t[late] - states.t[late][0], states.loss[late]
    require(None if len(t) > 2 else "fewer than three records lie after t2; raise options.after")
    half = int(np.searchsorted(t, t[-1] / 2))
    largest = float(np.max(loss * (1 + loss[0] * alpha * t) / loss[0]))
    yield at_most("largest L over its bound", largest, 1.0 + 1e-9)
    growth = float(np.min(np.diff(1 / loss) / np.diff(t)))
    yield number("least d(1/L)/dt over alpha", growth / alpha)
    slope = float(np.log(loss[-1] / loss[half]) / np.log(t[-1] / t[half]))
    yield number("slope of ln L against ln(t - t2) at the end", slope)


def scaled_weights(
    states: States, index: int, chosen: np.ndarray
) -> tuple[np.ndarray, np.ndarray, float]:
    """(W, a) of the chosen neurons over e^top, and top = max_j ln ||w_j|| over them."""
    top = float(states.ln_w[index, chosen].max())
    W = np.exp(states.ln_w[index, chosen] - top)[:, None] * states.U[index, chosen]
    return W, states.sign[chosen] * np.exp(states.ln_a[index, chosen] - top), top


def beyond_the_plane(result: Study) -> str | None:
    """d > 2."""
    if result.X.shape[1] > 2:
        return None
    return "in the plane ||W||_F^2 <= 2 ||W||_2^2 holds for every W"


@topic.claim(
    "theorem-1-rank",
    "W becomes a sum of two matrices of rank one: ||W||_F^2 <= 2 ||W||_2^2 + O(eps).",
    place="Theorem 1",
    on=FLOWS,
    given=(*CONVERGENCE, beyond_the_plane),
)
def rank(result: Study) -> Iterator[Part]:
    """After t1: (41) for both classes, its sum, the bound where Lemma 3 holds, and the end.

    (41) is ||W+-||_F^2 - ||W+-||_2^2 <= 2 sum_{V~+-} ||w_j(t1)||^2. The bound where Lemma 3 holds
    is 4 sqrt(m) eps W_max^2.
    """
    states, t1 = read_states(result), read_stays(result).t1
    late = np.flatnonzero(states.t >= t1).tolist()
    first, everyone = late[0], np.ones(len(states.sign), dtype=bool)
    for sign, chosen in by_class(result):
        ln_bound = np.log(2.0) + float(ln_mass(states, chosen)[first])
        worst = np.max([_excess(states, i, chosen, 1.0, ln_bound) for i in late])
        yield at_most(f"W{sign}: excess over its bound and rounding", worst, 1.0)
    alive = np.any(settled_classes(result), axis=0)
    sizes = np.exp(2 * (states.ln_w[first] - states.ln_w[first].max()))
    total = 2 * np.sum(sizes[alive]) + np.sum(sizes[~alive])
    ln_bound = 2 * float(states.ln_w[first].max()) + float(np.log(total))
    worst = np.max([_excess(states, i, everyone, 2.0, ln_bound) for i in late])
    yield at_most("W: excess over its bound and rounding", worst, 1.0)
    start = start_of(result)
    if moderate_scale(result) is None and t1 <= approximation_time(points_of(result), start):
        ln_bound = float(np.log(4) + 0.5 * np.log(start.m) + start.ln_eps + 2 * np.log(start.w_max))
        worst = np.max([_excess(states, i, everyone, 2.0, ln_bound) for i in late])
        yield at_most("W: excess over 4 sqrt(m) eps W_max^2 and rounding", worst, 1.0)
    frobenius, spectral = squared_norms(scaled_weights(states, -1, everyone)[0])
    yield at_most("stable rank at the end", frobenius / spectral, 2 * (1 + 1e-6))


def _excess(
    states: States, index: int, chosen: np.ndarray, factor: float, ln_bound: float
) -> float:
    """(||W||_F^2 - factor ||W||_2^2) over (e^ln_bound + rounding of ||W||_F^2).

    It stays a number where e^ln_bound underflows.
    """
    W, _, top = scaled_weights(states, index, chosen)
    frobenius, spectral = squared_norms(W)
    bound = math.exp(min(ln_bound - 2 * top, 700.0)) + EXACT * frobenius
    return (frobenius - factor * spectral) / bound


@after_t1(
    "appendix-d-3-invariant",
    "After t1, W+ W+^T - a+ a+^T and W- W-^T - a- a-^T are constant.",
    place="Appendix D.3",
)
def invariant(result: Study) -> Iterator[Part]:
    """Largest change since t1, relative to ||W+-||_F^2 at the time."""
    states = read_states(result)
    late = np.flatnonzero(states.t >= read_stays(result).t1).tolist()
    for sign, chosen in by_class(result):
        W, a, top0 = scaled_weights(states, late[0], chosen)
        before, worst = W @ W.T - np.outer(a, a), 0.0
        for index in late:
            W, a, top = scaled_weights(states, index, chosen)
            change = W @ W.T - np.outer(a, a) - np.exp(2 * (top0 - top)) * before
            worst = np.maximum(worst, float(np.linalg.norm(change) / np.sum(W**2)))
        yield at_most(f"V~{sign}: largest change", worst, INTEGRATED)


@topic.claim(
    "section-2-1-balance",
    "The flow stays balanced, |a_j| = ||w_j||, and keeps the sign of a_j.",
    place="Section 2.1",
    on=FLOWS,
)
def balance(result: Study) -> Iterator[Part]:
    """Largest |a_j^2 - ||w_j||^2| / ||w_j||^2, and neurons whose a_j changes sign.

    Rounding stays while a neuron shrinks, and is amplified by the square of what it shrinks by.
    """
    states, Y = read_states(result), result.arrays["Y"]
    shrunk = float((np.maximum.accumulate(states.ln_w, axis=0) - states.ln_w).max())
    if shrunk > SHRUNK:
        raise NotApplicable(
            f"a neuron shrinks by e^-{shrunk:.4g}, so its balance and its sign are lost in rounding"
        )
    largest = float(np.abs(np.expm1(2 * (states.ln_a - states.ln_w))).max())
    yield at_most("largest |a^2 - ||w||^2| / ||w||^2", largest, INTEGRATED)
    flipped = np.any(np.sign(Y[..., -1]) != states.sign, axis=0)
    yield none_of("neurons that change sign", int(np.sum(flipped)))


@topic.claim(
    "section-2-1-loss", "The loss never increases along the flow.", place="Section 2.1", on=FLOWS
)
def loss_falls(result: Study) -> Iterator[Part]:
    """Largest relative increase between records."""
    loss = result.arrays["loss"]
    tiny = np.finfo(float).tiny  # the loss may underflow to 0
    largest = float(np.max(np.diff(loss) / np.maximum(loss[:-1], tiny)))
    yield at_most("largest relative increase", largest, 1e-12)


@with_assumption_1(
    "theorem-1-norm",
    "||W|| grows without bound as L falls: max |f| <= X_max sum_j |a_j| ||w_j||.",
    place="Theorem 1",
)
def norm(result: Study) -> Iterator[Part]:
    """max |f| over its bound, and for the loss exp ||W||_F^2 against ln(n / L) / X_max.

    The latter makes the norm tend to infinity as L -> 0.
    """
    points, states = points_of(result), read_states(result)
    ln_bound = np.log(points.x_max) + logsumexp(states.ln_a + states.ln_w, axis=1)
    yield at_most("ln of max |f| over its bound", float(np.max(states.ln_f - ln_bound)), EXACT)
    if result.case.options["loss"] == "exp":
        least = np.log(points.n / states.loss) / points.x_max
        slack = float(np.min(np.exp(logsumexp(2 * states.ln_w, axis=1)) - least))
        yield at_least("least ||W||_F^2 - ln(n/L) / X_max", slack, -EXACT * points.n)
