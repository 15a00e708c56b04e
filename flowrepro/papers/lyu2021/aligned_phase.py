"""The early phase without symmetry: after a time T0 that does not depend on the scale the two signs grow at rates ||mu^+-|| / 2."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from flowrepro.claims.old_claim import lower, number, require, statement, upper
from flowrepro.claims.old_verdict import Claim, Judgement
from flowrepro.core.trajectory import Study
from flowrepro.papers.lyu2021 import geometry
from flowrepro.papers.lyu2021.assumptions import aligned_means, one_sign_grows_faster
from flowrepro.papers.lyu2021.late_records import alpha, labelled, leaky, ref, separable
from flowrepro.papers.lyu2021.power_iteration import largest_norm

CASES = ("early-middle", "early-right")
GIVEN = (labelled, leaky, separable, aligned_means, one_sign_grows_faster)
NEARLY = 1e-3
"""Relative change over the scales, at most 1e-10 for the case: the interaction of neurons then (measured: 1e-8)."""
READABLE, PERTURBATIVE = 1e-7, 0.05
"""Relative errors between which the order in r can be read: above the integrator's, below where the next order matters."""


@statement(
    "cone-entry",
    ref("Lemma G.4"),
    "theory",
    CASES,
    "All neurons enter the cone sgn(a_k) y_i <w_k, x_i> >= (delta/3) ||w_k|| at a time T0, of a size proportional to the scale, both independent of it.",
    given=GIVEN,
)
def check_entry(f: Study) -> Sequence[Judgement]:
    """Relative range of T0 and of ||w_k(T0)|| / sigma over the scales, largest over the draws."""
    times, scales = f.arrays["entry_t"], np.array(f.case.options["scales"])
    require(
        None
        if np.all(np.isfinite(times))
        else "some flow does not enter the cone before it leaves the linear regime; take smaller scales"
    )
    sizes = np.linalg.norm(f.arrays["entry_W"], axis=-1) / scales[:, None]
    return [
        upper(
            "largest relative range of T0",
            float(np.max(np.ptp(times, axis=1) / times.max(axis=1))),
            NEARLY,
        ),
        upper(
            "of ||w_k(T0)|| / sigma",
            float(np.max(np.ptp(sizes, axis=1) / sizes.max(axis=1))),
            NEARLY,
        ),
        number("largest T0", float(times.max())),
        number("A, least ||w_k(T0)|| / sigma", float(sizes.min())),
        number("B, the largest", float(sizes.max())),
    ]


class Growth(NamedTuple):
    """Growth of one draw from T0 to T0 + T1 at scale sigma = ratio r^3: times (T,), weights (T, m, d), (T, m)."""

    draw: int
    r: float
    sigma: float
    t: np.ndarray
    W: np.ndarray
    a: np.ndarray


def _growths(f: Study) -> Iterator[Growth]:
    arrays = f.arrays
    require(
        None
        if np.all(np.isfinite(arrays["grow_a"]))
        else "some flow does not enter the cone before it leaves the linear regime; take smaller radii"
    )
    for s in range(len(arrays["grow_t"])):
        for k, r in enumerate(f.case.options["radii"]):
            yield Growth(
                s,
                r,
                f.case.options["ratio"] * r**3,
                arrays["grow_t"][s, k],
                arrays["grow_W"][s, k],
                arrays["grow_a"][s, k],
            )


def _means(f: Study) -> dict[float, np.ndarray]:
    """mu^+ and mu^- of the scaled points, by sign."""
    return {
        sign: geometry.one_neuron_mean(geometry.scaled(f.X), f.y, alpha(f), sign)
        for sign in (1.0, -1.0)
    }


@statement(
    "growth-rates",
    ref("Lemma G.5"),
    "theory",
    CASES,
    "After T0 neurons of positive and negative output grow at the rates ||mu^+||/2 and ||mu^-||/2.",
    given=GIVEN,
)
def check_rates(f: Study) -> Sequence[Judgement]:
    """Rate of ln ||(<w_k, mu>, a_k) . (1, 1)||, the part along the top eigenvector, in the middle of the phase at the smallest radius."""
    errors: list[float] = []
    smallest = min(f.case.options["radii"])
    for growth in _growths(f):
        if growth.r != smallest:
            continue
        half = slice(0, len(growth.t) // 2)  # the nonlinearity is felt at the end only
        for sign, mu in _means(f).items():
            chosen = growth.a[0] * sign > 0
            along = np.abs(
                growth.W[half][:, chosen] @ geometry.unit(mu) + growth.a[half][:, chosen]
            )
            rates = np.polyfit(growth.t[half], np.log(along), 1)[0] if chosen.any() else np.empty(0)
            errors += list(np.abs(rates / (np.linalg.norm(mu) / 2) - 1))
    return [upper("largest relative error of a rate", max(errors), 1e-4)]


@statement(
    "aligned-power-iteration",
    ref("Lemma G.5, item 1; Lemmas G.6 and G.7"),
    "theory",
    CASES,
    "At T0 + T1(r) neurons are r b_k (mu^+, 1) or r^{1 - kappa} b_k (mu^-, 1), means normalised, up to C2 r^3.",
    given=GIVEN,
)
def check_power_iteration(f: Study) -> Sequence[Judgement]:
    """Error over r^3 against C2 = 4 B^3 / (lambda+ sqrt m) + sqrt 2 B C1; and its order in r, at least 3."""
    means, kappa = _means(f), geometry.lag(f.X, f.y, alpha(f))
    rate = float(np.linalg.norm(means[1.0])) / 2
    ratios: list[float] = []
    errors: dict[int, list[tuple[float, float]]] = {}
    for growth in _growths(f):
        root, B = (
            np.sqrt(growth.a.shape[1]),
            float(np.linalg.norm(growth.W[0], axis=-1).max()) / growth.sigma,
        )
        target_W, target_a = np.zeros_like(growth.W[-1]), np.zeros_like(growth.a[-1])
        for sign, power in ((1.0, 1.0), (-1.0, 1.0 - kappa)):
            chosen, direction = growth.a[0] * sign > 0, geometry.unit(means[sign])
            b = (growth.W[0, chosen] @ direction + growth.a[0, chosen]) / (
                2 * (root * growth.sigma) ** power
            )
            target_a[chosen] = growth.r**power * b
            target_W[chosen] = target_a[chosen][:, None] * direction
        error = float(largest_norm(growth.W[-1] - target_W, growth.a[-1] - target_a))
        ratios.append(
            error
            / growth.r**3
            / (4 * B**3 / (rate * root) + np.sqrt(2) * B * f.case.options["ratio"])
        )
        if READABLE < error / np.abs(target_a).max() < PERTURBATIVE:
            errors.setdefault(growth.draw, []).append((growth.r, error))
    slopes = [_slope(np.log(np.array(pairs))) for pairs in errors.values() if len(pairs) >= 2]
    order = [lower("least slope of ln error against ln r", min(slopes), 2.8)] if slopes else []
    return [upper("largest error / (C2 r^3)", max(ratios), 1.0), *order]


def _slope(points: np.ndarray) -> float:
    """Of the line through points (k, 2)."""
    return float(np.polyfit(points[:, 0], points[:, 1], 1)[0])


CLAIMS: tuple[Claim, ...] = (check_entry, check_rates, check_power_iteration)
