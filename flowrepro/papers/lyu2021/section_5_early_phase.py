r"""Phases I and II on symmetric points (Section 5, Appendices D and E).

Phase I: near zero the flow is a power iteration, which ends near r b_k (mu, 1). Phase II: from
there the m neurons follow two neurons embedded into them. The points are scaled to ||x|| <= 1.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import pairwise

import numpy as np

from flowrepro.claims.claim import NotApplicable, require
from flowrepro.claims.verdict import Part, at_least, at_most, none_of, number, within
from flowrepro.core.network import predict
from flowrepro.core.trajectory import Study
from flowrepro.papers.lyu2021 import PAPER
from flowrepro.papers.lyu2021.hypotheses import SECTION_4, alpha, not_orthogonal_to_mean
from flowrepro.papers.lyu2021.section_3_flows import velocity
from flowrepro.papers.lyu2021.section_5_early_flows import EARLY_SYMMETRIC, EARLY_SYMMETRIC_5D
from flowrepro.papers.lyu2021.shared import geometry
from flowrepro.papers.lyu2021.shared.geometry import Weights
from flowrepro.papers.lyu2021.shared.power_iteration import (
    PowerIteration,
    embed,
    largest_norm,
    two_neurons,
)
from flowrepro.papers.topic import Topic

topic = Topic(
    PAPER,
    "Phases I and II on symmetric points",
    given=(*SECTION_4, not_orthogonal_to_mean),
)

FLOWS = (EARLY_SYMMETRIC, EARLY_SYMMETRIC_5D)
READABLE = 1e-8
"""Relative size below which a bound tests the integrator, whose tolerance is 1e-10."""
EXTREMES = (("least", min), ("largest", max))


def linear_flow(result: Study) -> PowerIteration:
    """The linear dynamics of the scaled points."""
    return PowerIteration.of(geometry.scaled(result.X), result.y, alpha(result))


def _difference(left: Weights, right: Weights) -> float:
    """M-norm of the difference of two networks."""
    return float(largest_norm(left[0] - right[0], left[1] - right[1]))


def _starts(result: Study) -> Iterator[tuple[int, int, float, Weights]]:
    """(Draw, index of the radius, r, start) of the flows near zero, for r that Lemma 5.2 allows.

    The start has the scale sigma = r^3 / (sqrt(m) M).
    """
    bar_W, bar_a = result.arrays["bar_W"], result.arrays["bar_a"]
    most = np.sqrt(linear_flow(result).rate) / 2
    allowed = [(k, r) for k, r in enumerate(result.case.options["radii"]) if r <= most]
    require(None if allowed else f"all radii exceed sqrt(lambda_0)/2 = {most:.3g}")
    for s in range(len(bar_a)):
        for k, r in allowed:
            size = np.sqrt(bar_a.shape[1]) * float(largest_norm(bar_W[s], bar_a[s]))
            scale = r**3 / size
            yield s, k, r, (scale * bar_W[s], scale * bar_a[s])


def _near(result: Study) -> Iterator[tuple[Weights, float, Weights]]:
    """(Start, time, weights then) of all flows near zero."""
    t, W, a = (result.arrays[f"near_{name}"] for name in ("t", "W", "a"))
    for s, k, _, start in _starts(result):
        for index in range(t.shape[-1]):
            yield start, float(t[s, k, index]), (W[s, k, index], a[s, k, index])


def _records(result: Study) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """(Times (T,), weights (T, m, d + 1), losses less ln 2 (T,)) of each flow near zero."""
    X, y, slope = geometry.scaled(result.X), result.y, alpha(result)
    t, W, a = (result.arrays[f"near_{name}"] for name in ("t", "W", "a"))
    for s, k, _, _ in _starts(result):
        q = np.stack(
            [y * predict(X, *state, slope) for state in zip(W[s, k], a[s, k], strict=True)]
        )
        loss = np.mean(np.log1p(2 * np.sinh(q / 4) ** 2) - q / 2, axis=1)
        yield t[s, k], np.concatenate([W[s, k], a[s, k][..., None]], axis=-1), loss


def _sizes(theta: np.ndarray) -> np.ndarray:
    return np.asarray(np.sqrt(np.sum(theta**2, axis=(1, 2))))


@topic.claim(
    "lemma-b-15-energy",
    "The loss falls at the rate ||d theta/dt||^2: from record to record the weights move by "
    "sqrt(dt dL) at most, and near zero by nearly as much as in the linear flow.",
    place="Lemma B.15",
    on=FLOWS,
)
def energy(result: Study) -> Iterable[Part]:
    """||d theta||^2 / (dt dL): 2 (g - 1) / ((g + 1) ln g) for the linear flow, g = e^{lambda_0 dt}.

    Both its growing and its decaying parts have this ratio.
    """
    rate, ratios, shares = linear_flow(result).rate, [], []
    for t, theta, loss in _records(result):
        ratio = _sizes(np.diff(theta, axis=0)) ** 2 / (np.diff(t) * -np.diff(loss))
        ratios.append(ratio)
        shares.append(ratio * rate * np.diff(t) / (2 * np.tanh(rate * np.diff(t) / 2)))
    yield at_most("largest ||d theta||^2 / (dt dL)", float(np.max(ratios)), 1 + 1e-6)
    yield at_least("least ratio, relative to the linear flow's", float(np.min(shares)), 0.9)


@topic.claim(
    "lemma-e-11-lipschitz",
    "From t0 to t_s the flow is Lipschitz in time, with the constant ||theta(t0)|| e^(t_s - t0).",
    place="Lemma E.11",
    on=FLOWS,
)
def lipschitz(result: Study) -> Iterable[Part]:
    """||d theta|| over the constant times dt, from record to record."""
    ratios = [
        _sizes(np.diff(theta, axis=0)) / (np.diff(t) * _sizes(theta)[:-1] * np.exp(np.diff(t)))
        for t, theta, _ in _records(result)
    ]
    yield at_most("largest ||d theta|| / bound", float(np.max(ratios)), 1.0)


@topic.claim(
    "lemma-d-1-linear-growth",
    "The linear flow phi~ grows by at most exp(lambda_0 t) in the M-norm.",
    place="Lemma D.1",
    on=FLOWS,
)
def linear_growth(result: Study) -> Iterable[Part]:
    """Closed form against the bound, at all times and starts."""
    linear = linear_flow(result)
    ratios = [
        float(largest_norm(*linear.flow(*start, t)))
        / (np.exp(linear.rate * t) * float(largest_norm(*start)))
        for start, t, _ in _near(result)
    ]
    yield at_most("largest ||phi~||_M / (e^{lambda_0 t} ||theta_0||_M)", np.max(ratios), 1 + 1e-12)


@topic.claim(
    "lemma-d-2-near-linear",
    "Near zero the flow stays within (4 m ||theta_0||_M^3 / lambda_0) e^{3 lambda_0 t} of the "
    "linear flow, with lambda_0 = (1 + alpha)/4 ||mu||.",
    place="Lemma D.2",
    on=FLOWS,
)
def near_linear(result: Study) -> Iterable[Part]:
    """Where the bound exceeds READABLE of the linear flow: the distance, and the power of the bound
    that it is like, as the bound has its order in r and in e^{lambda_0 t} but not its constant.
    """
    linear, ratios, bounds = linear_flow(result), [], []
    for start, t, state in _near(result):
        m, size, flowed = len(start[1]), float(largest_norm(*start)), linear.flow(*start, t)
        bound = 4 * m * size**3 / linear.rate * np.exp(3 * linear.rate * t)
        in_time = t <= linear.linear_limit(*start) * (1 + 1e-12)
        if in_time and bound > READABLE * float(largest_norm(*flowed)):
            ratios.append(_difference(state, flowed) / bound)
            bounds.append(bound)
    if not ratios:
        raise NotApplicable(
            "the bound is below the integrator's resolution at all recorded times; "
            "take larger radii"
        )
    yield at_most("largest distance / bound", np.max(ratios), 1.0)
    if max(bounds) > 10 * min(bounds):
        power = 1 + float(np.polyfit(np.log(bounds), np.log(ratios), 1)[0])
        yield at_least("power of the bound in the distance", power, 0.9)
    yield number("comparisons", len(ratios))


@topic.claim(
    "lemma-5-2-power-iteration",
    "At T1(r) neuron k is r b_k (mu, 1) up to (4/lambda_0 + sqrt 2) r^3 / sqrt(m), where mu is "
    "normalised and r <= sqrt(lambda_0)/2.",
    place="Lemma 5.2",
    on=FLOWS,
)
def power_iteration(result: Study) -> Iterable[Part]:
    """At the last recorded time, T1(r); the order of the error in r besides."""
    linear, arrays, errors = linear_flow(result), result.arrays, []
    for s, k, r, start in _starts(result):
        b = _embedding(result, s)
        state = arrays["near_W"][s, k, -1], arrays["near_a"][s, k, -1]
        error = _difference(state, (r * b[:, None] * linear.direction, r * b))
        errors.append(error * np.sqrt(len(start[1])) / r**3)
    constant = 4 / linear.rate + np.sqrt(2)
    yield at_most("largest error * sqrt(m) / r^3", np.max(errors), constant)
    yield number("least", min(errors))
    radii = list(dict.fromkeys(r for _, _, r, _ in _starts(result)))
    if len(radii) > 1:
        by_draw = np.log(np.reshape(errors, (-1, len(radii))))
        orders = 3 + np.polyfit(np.log(radii), by_draw.T, 1)[0]
        yield at_least("least order of the error in r", float(orders.min()), 2.8)


def _embedding(result: Study, s: int) -> np.ndarray:
    """b of draw number s, (m,)."""
    return linear_flow(result).embedding(result.arrays["bar_W"][s], result.arrays["bar_a"][s])


def _good(result: Study) -> list[int]:
    """Draws with a good embedding vector; NotApplicable if there are none."""
    times = result.arrays["pair_t"]
    good = [s for s in range(len(times)) if np.all(np.isfinite(times[s]))]
    if not good:
        raise NotApplicable(
            "no draw has a good embedding vector (growing neurons of both signs) and a flow that "
            "starts before t0; take more seeds"
        )
    return good


@topic.claim(
    "lemma-5-3-embedded-pair",
    "The flow of embedded weights is the embedded flow, "
    "phi(pi_b(theta^), t) = pi_b(phi(theta^, t)), and the gradients agree as well.",
    place="Lemmas 5.3, E.1 and E.2",
    on=FLOWS,
)
def embedded_pair(result: Study) -> Iterable[Part]:
    """Both flows at the same times, relative to the weights' size; gradients to rounding."""
    X, y, slope, flows, gradients = geometry.scaled(result.X), result.y, alpha(result), [], []
    pair_W, pair_a, copy_W, copy_a = (
        result.arrays[name] for name in ("pair_W", "pair_a", "copy_W", "copy_a")
    )
    for s in _good(result):
        b = _embedding(result, s)
        for W, a, *many in zip(pair_W[s, 0], pair_a[s, 0], copy_W[s], copy_a[s], strict=True):
            image = embed(b, W, a)
            flows.append(_difference((many[0], many[1]), image) / float(largest_norm(*image)))
            g = embed(b, *velocity(X, y, W, a, slope))
            off = _difference(velocity(X, y, *image, slope), g)
            gradients.append(off / float(largest_norm(*g)))
    yield at_most("largest relative distance of the flows", np.max(flows), 1e-9)
    yield at_most("of the gradients", np.max(gradients), 1e-13)


@topic.claim(
    "theorem-e-4-pair-from-zero",
    "The flow phi(r theta^, T2(r) + t) converges as r -> 0, and stays within "
    "(4 m ||theta^||_M^3 / lambda_0) e^{3 lambda_0 t} of e^{lambda_0 t} theta^ up to t0.",
    place="Theorem E.4 and Lemma E.8; Lemma 5.4, eq (4)",
    on=FLOWS,
)
def pair_from_zero(result: Study) -> Iterable[Part]:
    """Distance over bound for all r and t <= t0; patterns do not change.

    The distances between successive r fall as r^2.
    """
    linear, ratios, slopes, changes = linear_flow(result), [], [], 0
    X, radii = geometry.scaled(result.X), np.array(result.case.options["tiny"])
    for s in _good(result):
        pair = two_neurons(_embedding(result, s), linear.direction)
        m, size = 2, float(largest_norm(*pair))
        W, a = result.arrays["pair_W"][s], result.arrays["pair_a"][s]
        for index, t in enumerate(result.arrays["pair_t"][s]):
            growth = np.exp(linear.rate * t)
            bound = 4 * m * size**3 / linear.rate * growth**3
            if bound > READABLE * growth * size:
                limit = growth * pair[0], growth * pair[1]
                states = zip(W[:, index], a[:, index], strict=True)
                ratios += [_difference(state, limit) / bound for state in states]
        ends = list(zip(W[:, -1], a[:, -1], strict=True))
        steps = np.array([_difference(*two) for two in pairwise(ends)])
        used = steps > READABLE * size
        if used.sum() >= 2:
            slopes.append(float(np.polyfit(np.log(radii[:-1][used]), np.log(steps[used]), 1)[0]))
        changes += int(np.sum(np.sign(W @ X.T) != np.sign(pair[0] @ X.T)))
    yield at_most("largest distance / bound", np.max(ratios), 1.0)
    yield none_of("activation patterns that changed before t0 (Lemma E.5)", changes)
    if slopes:
        for name, extreme in EXTREMES:
            note = f"{name} slope of ln distance between radii against ln r"
            yield within(note, extreme(slopes), 1.9, 2.1)


@topic.claim(
    "lemma-5-4-approximate-embedding",
    "As the scale vanishes, theta(T12 + t) converges to pi_b(theta~(t)): the distance is "
    "proportional to the scale.",
    place="Lemma 5.4, eq (5); Lemmas E.6 and E.9",
    on=FLOWS,
)
def approximate_embedding(result: Study) -> Iterable[Part]:
    """At t = t0 + late: slope of ln relative distance against ln scale.

    Scales count whose distance is below 1/2 and above 1e-7.
    """
    slopes, last, scales = [], [], np.array(result.case.options["scales"])
    twin_W, twin_a, wide_W, wide_a = (
        result.arrays[name] for name in ("twin_W", "twin_a", "wide_W", "wide_a")
    )
    for s in _good(result):
        target = embed(_embedding(result, s), twin_W[s], twin_a[s])
        size = float(largest_norm(*target))
        ends = zip(wide_W[s], wide_a[s], strict=True)
        distances = np.array([_difference(end, target) / size for end in ends])
        used = (distances > 1e-7) & (distances < 0.5)
        if used.sum() >= 3:
            slopes.append(float(np.polyfit(np.log(scales[used]), np.log(distances[used]), 1)[0]))
            last.append(distances[-1])
    require(None if slopes else "no draw has three scales at which the distance can be read")
    for name, extreme in EXTREMES:
        yield within(f"{name} slope", extreme(slopes), 0.95, 1.05)
    yield number("largest relative distance at the smallest scale", max(last))
