"""Phases I and II on symmetric data: power iteration near zero, then two neurons embedded in m (Section 5, Appendices D and E)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from flowrepro.claims.old_claim import (
    NotApplicable,
    none_of,
    number,
    require,
    statement,
    upper,
    window,
)
from flowrepro.claims.old_verdict import Claim, Judgement
from flowrepro.core.trajectory import Study
from flowrepro.papers.lyu2021 import geometry
from flowrepro.papers.lyu2021.late_records import (
    alpha,
    labelled,
    leaky,
    not_orthogonal_to_mean,
    ref,
    separable,
    symmetric,
    velocity,
)
from flowrepro.papers.lyu2021.power_iteration import (
    PowerIteration,
    embed,
    largest_norm,
    two_neurons,
)

CASES = ("early-symmetric", "early-symmetric-5d")
GIVEN = (labelled, leaky, separable, symmetric, not_orthogonal_to_mean)
READABLE = 1e-8
"""Relative size below which a bound would test the integrator, whose tolerance is 1e-10, instead of the lemma."""
EXTREMES = (("least", min), ("largest", max))


def linear_flow(f: Study) -> PowerIteration:
    """The linear dynamics of the scaled points."""
    return PowerIteration.of(geometry.scaled(f.X), f.y, alpha(f))


def _difference(left: tuple[np.ndarray, np.ndarray], right: tuple[np.ndarray, np.ndarray]) -> float:
    """M-norm of the difference of two networks."""
    return float(largest_norm(left[0] - right[0], left[1] - right[1]))


def _starts(f: Study) -> Iterator[tuple[int, int, float, tuple[np.ndarray, np.ndarray]]]:
    """(draw, radius index, r, weights at scale sigma = r^3 / (sqrt(m) M)) of the flows near zero, for the r that Lemma 5.2 allows."""
    bar_W, bar_a, rate = f.arrays["bar_W"], f.arrays["bar_a"], linear_flow(f).rate
    allowed = [(k, r) for k, r in enumerate(f.case.options["radii"]) if r <= np.sqrt(rate) / 2]
    require(None if allowed else f"all radii exceed sqrt(lambda_0)/2 = {np.sqrt(rate) / 2:.3g}")
    for s in range(len(bar_a)):
        for k, r in allowed:
            scale = r**3 / (np.sqrt(bar_a.shape[1]) * float(largest_norm(bar_W[s], bar_a[s])))
            yield s, k, r, (scale * bar_W[s], scale * bar_a[s])


def _near(
    f: Study,
) -> Iterator[tuple[tuple[np.ndarray, np.ndarray], float, tuple[np.ndarray, np.ndarray]]]:
    """(Start, time, weights then) of all flows near zero."""
    for s, k, _, start in _starts(f):
        for index, t in enumerate(f.arrays["near_t"][s, k]):
            yield (
                start,
                float(t),
                (f.arrays["near_W"][s, k, index], f.arrays["near_a"][s, k, index]),
            )


@statement(
    "linear-growth",
    ref("Lemma D.1"),
    "theory",
    CASES,
    "The linear flow phi~ grows by at most exp(lambda_0 t) in the M-norm.",
    given=GIVEN,
)
def check_linear_growth(f: Study) -> Sequence[Judgement]:
    """Closed form against the bound, at all times and starts."""
    linear = linear_flow(f)
    ratios = [
        float(largest_norm(*linear.flow(*start, t)))
        / (np.exp(linear.rate * t) * float(largest_norm(*start)))
        for start, t, _ in _near(f)
    ]
    return [upper("largest ||phi~||_M / (e^{lambda_0 t} ||theta_0||_M)", max(ratios), 1 + 1e-12)]


@statement(
    "near-linear",
    ref("Lemma D.2"),
    "theory",
    CASES,
    "Near zero the flow stays within (4 m ||theta_0||_M^3 / lambda_0) e^{3 lambda_0 t} of the linear flow, with lambda_0 = (1 + alpha)/4 ||mu||.",
    given=GIVEN,
)
def check_near_linear(f: Study) -> Sequence[Judgement]:
    """Where the bound exceeds READABLE of the linear flow."""
    linear, ratios = linear_flow(f), []
    for start, t, state in _near(f):
        m, size, along = len(start[1]), float(largest_norm(*start)), linear.flow(*start, t)
        bound = 4 * m * size**3 / linear.rate * np.exp(3 * linear.rate * t)
        if t <= linear.linear_limit(*start) * (1 + 1e-12) and bound > READABLE * float(
            largest_norm(*along)
        ):
            ratios.append(_difference(state, along) / bound)
    require(
        None
        if ratios
        else "the bound is below the integrator's resolution at all recorded times; take larger radii"
    )
    return [upper("largest distance / bound", max(ratios), 1.0), number("comparisons", len(ratios))]


@statement(
    "power-iteration",
    ref("Lemma 5.2"),
    "theory",
    CASES,
    "At T1(r) neuron k is r b_k (mu, 1) up to (4/lambda_0 + sqrt 2) r^3 / sqrt(m), mu normalised, for r <= sqrt(lambda_0)/2.",
    given=GIVEN,
)
def check_power_iteration(f: Study) -> Sequence[Judgement]:
    """The last recorded time is T1(r)."""
    linear, errors = linear_flow(f), []
    for s, k, r, start in _starts(f):
        b = linear.embedding(f.arrays["bar_W"][s], f.arrays["bar_a"][s])
        state = f.arrays["near_W"][s, k, -1], f.arrays["near_a"][s, k, -1]
        errors.append(
            _difference(state, (r * b[:, None] * linear.direction, r * b))
            * np.sqrt(len(start[1]))
            / r**3
        )
    constant = 4 / linear.rate + np.sqrt(2)
    return [
        upper("largest error * sqrt(m) / r^3", max(errors), constant),
        number("least", min(errors)),
    ]


def _good(f: Study) -> list[int]:
    """Draws with a good embedding vector; NotApplicable if there are none."""
    good = [s for s in range(len(f.arrays["bar_a"])) if np.all(np.isfinite(f.arrays["pair_t"][s]))]
    require(
        None
        if good
        else "no draw has a good embedding vector (growing neurons of both signs) and a flow that starts before t0; take more seeds"
    )
    return good


def _embedding(f: Study, s: int) -> np.ndarray:
    return linear_flow(f).embedding(f.arrays["bar_W"][s], f.arrays["bar_a"][s])


@statement(
    "embedded-pair",
    ref("Lemmas 5.3, E.1 and E.2"),
    "theory",
    CASES,
    "The flow of embedded weights is the embedded flow: phi(pi_b(theta^), t) = pi_b(phi(theta^, t)), and so are the gradients.",
    given=GIVEN,
)
def check_embedding(f: Study) -> Sequence[Judgement]:
    """Both flows at the same times, relative to the weights' size; gradients at the same states to rounding."""
    X, flows, gradients = geometry.scaled(f.X), [], []
    for s in _good(f):
        b = _embedding(f, s)
        for W, a, many_W, many_a in zip(
            f.arrays["pair_W"][s, 0],
            f.arrays["pair_a"][s, 0],
            f.arrays["copy_W"][s],
            f.arrays["copy_a"][s],
            strict=True,
        ):
            image = embed(b, W, a)
            flows.append(_difference((many_W, many_a), image) / float(largest_norm(*image)))
            g = embed(b, *velocity(X, f.y, W, a, alpha(f)))
            gradients.append(
                _difference(velocity(X, f.y, *image, alpha(f)), g) / float(largest_norm(*g))
            )
    return [
        upper("largest relative distance of the flows", max(flows), 1e-9),
        upper("of the gradients", max(gradients), 1e-13),
    ]


@statement(
    "pair-from-zero",
    ref("Theorem E.4 and Lemma E.8; Lemma 5.4, eq (4)"),
    "theory",
    CASES,
    "phi(r theta^, T2(r) + t) converges as r -> 0, within (4 m ||theta^||_M^3 / lambda_0) e^{3 lambda_0 t} of e^{lambda_0 t} theta^ up to t0.",
    given=GIVEN,
)
def check_pair(f: Study) -> Sequence[Judgement]:
    """Distance over bound for all r and t <= t0; the distances between successive r fall as r^2; patterns do not change."""
    linear, ratios, slopes, changes = linear_flow(f), [], [], 0
    radii = np.array(f.case.options["tiny"])
    for s in _good(f):
        pair = two_neurons(_embedding(f, s), linear.direction)
        m, size = 2, float(largest_norm(*pair))
        states_W, states_a = f.arrays["pair_W"][s], f.arrays["pair_a"][s]
        for index, t in enumerate(f.arrays["pair_t"][s]):
            growth = np.exp(linear.rate * t)
            bound = 4 * m * size**3 / linear.rate * growth**3
            if bound > READABLE * growth * size:
                ratios += [
                    _difference(
                        (states_W[k, index], states_a[k, index]),
                        (growth * pair[0], growth * pair[1]),
                    )
                    / bound
                    for k in range(len(radii))
                ]
        steps = np.array(
            [
                _difference(
                    (states_W[k, -1], states_a[k, -1]), (states_W[k + 1, -1], states_a[k + 1, -1])
                )
                for k in range(len(radii) - 1)
            ]
        )
        used = steps > READABLE * size
        if used.sum() >= 2:
            slopes.append(float(np.polyfit(np.log(radii[:-1][used]), np.log(steps[used]), 1)[0]))
        patterns = np.sign(states_W @ geometry.scaled(f.X).T)
        changes += int(np.sum(patterns != np.sign(pair[0] @ geometry.scaled(f.X).T)))
    cauchy = (
        [
            window(f"{name} slope of ln distance between radii against ln r", at(slopes), 1.9, 2.1)
            for name, at in EXTREMES
        ]
        if slopes
        else []
    )
    return [
        upper("largest distance / bound", max(ratios), 1.0),
        none_of("activation patterns that changed before t0 (Lemma E.5)", changes),
        *cauchy,
    ]


@statement(
    "approximate-embedding",
    ref("Lemma 5.4, eq (5); Lemmas E.6 and E.9"),
    "theory",
    CASES,
    "theta(T12 + t) -> pi_b(theta~(t)) as the scale vanishes: the distance is proportional to the scale.",
    given=GIVEN,
)
def check_approximate(f: Study) -> Sequence[Judgement]:
    """At t = t0 + late; slope of ln relative distance against ln scale, for scales whose distance is below 1/2 and above 1e-7."""
    slopes, last, scales = [], [], np.array(f.case.options["scales"])
    for s in _good(f):
        target = embed(_embedding(f, s), f.arrays["twin_W"][s], f.arrays["twin_a"][s])
        size = float(largest_norm(*target))
        distances = np.array(
            [
                _difference((W, a), target) / size
                for W, a in zip(f.arrays["wide_W"][s], f.arrays["wide_a"][s], strict=True)
            ]
        )
        used = (distances > 1e-7) & (distances < 0.5)
        if used.sum() >= 3:
            slopes.append(float(np.polyfit(np.log(scales[used]), np.log(distances[used]), 1)[0]))
            last.append(distances[-1])
    if not slopes:
        raise NotApplicable("no draw has three scales at which the distance can be read")
    return [
        *(window(f"{name} slope", at(slopes), 0.95, 1.05) for name, at in EXTREMES),
        number("largest relative distance at the smallest scale", max(last)),
    ]


CLAIMS: tuple[Claim, ...] = (
    check_linear_growth,
    check_near_linear,
    check_power_iteration,
    check_embedding,
    check_pair,
    check_approximate,
)
