r"""How the flow scales with lambda beyond what boursier2022 states: escape times, and the distance of the limit to theta*.

With kappa_j from the initial draw (`closed_form`) the class of rate d and weight W is half fitted at
T = (ln(1/lambda) + ln(W / sum kappa_j^2) / 2) / d; the limit is at distance of order lambda^gamma from theta*, where
gamma = 1 - sqrt(1 - min y^2 / sum y^2), the least over the classes with several labels, and 1 if there are none.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from flowrepro.claims.old_claim import number, require, statement, upper, window
from flowrepro.claims.old_verdict import Judgement
from flowrepro.core.trajectory import Study
from flowrepro.papers.boursier2022.hypotheses import equal_norms, ref, two_signs
from flowrepro.papers.boursier2022.phase_lemmas import CASES, of_order_one
from flowrepro.papers.boursier2022.sign_classes import sign_classes

NEGLIGIBLE = 1e-2
"""lambda^gamma below which neurons that miss a label do not move the half-fits by more than 1e-3 (measured)."""
RESOLVED = (1e-9, 0.1)
"""Distances between rounding and order one."""


def straggler_exponent(findings: Study) -> float:
    """gamma of the module's head."""
    return min(chosen.straggler for chosen in sign_classes(findings.X, findings.y))


class EscapeTimes(NamedTuple):
    """Of the runs with negligible stragglers: p, seed, ll (R,), measured and predicted half-times (R, 2), rates (2,)."""

    p: np.ndarray
    seed: np.ndarray
    ll: np.ndarray
    measured: np.ndarray
    predicted: np.ndarray
    rates: np.ndarray


def escape_times(findings: Study) -> EscapeTimes:
    """Half-times of both classes; ln(u / (W - u)) is a line in time, so a linear interpolation between records is exact."""
    arrays = findings.arrays
    kept = arrays["complete"] & (np.exp(-arrays["ll"] * straggler_exponent(findings)) <= NEGLIGIBLE)
    measured = np.array(
        [
            [_half_time(arrays["t"][i], arrays[f"share_{name}"][i]) for name in ("fast", "slow")]
            for i in np.flatnonzero(kept)
        ]
    )
    rates = np.array([chosen.rate for chosen in sign_classes(findings.X, findings.y)])
    return EscapeTimes(
        arrays["p"][kept],
        arrays["seed"][kept],
        arrays["ll"][kept],
        measured.reshape(-1, 2),
        arrays["half_time_predicted"][kept],
        rates,
    )


def _half_time(t: np.ndarray, share: np.ndarray) -> float:
    """Time at which u / W crosses 1/2, nan if it does not."""
    above = np.flatnonzero(share >= 0.5)
    if not above.size or above[0] == 0:
        return float("nan")
    k = above[0]
    odds = np.log(share[k - 1 : k + 1] / (1.0 - share[k - 1 : k + 1]))
    return float(t[k - 1] - odds[0] * (t[k] - t[k - 1]) / (odds[1] - odds[0]))


def slopes(times: EscapeTimes) -> np.ndarray:
    """Slope of the half-times against ln(1/lambda), the draw kept fixed, over all draws; (2,)."""
    centred = []
    for values in (times.ll[:, None], times.measured):
        means = {seed: values[times.seed == seed].mean(axis=0) for seed in np.unique(times.seed)}
        centred.append(values - np.array([means[seed] for seed in times.seed]))
    return np.asarray(np.sum(centred[0] * centred[1], axis=0) / np.sum(np.square(centred[0])))


@statement(
    "escape-times",
    ref("Section 4.2, beyond"),
    "theory",
    CASES,
    "the two saddles are left at ln(1/lambda)/||D+|| and ln(1/lambda)/||D-|| plus constants of the initial draw",
    (two_signs, equal_norms, of_order_one),
)
def escape_law(findings: Study) -> list[Judgement]:
    """measured: slope of each half-time against ln(1/lambda), times ||D||; largest distance to the closed form, times ||D||."""
    times = escape_times(findings)
    require(
        None
        if len(np.unique(times.p)) >= 3
        else "fewer than three scales at which neurons that miss a label are negligible"
    )
    law, error = (
        slopes(times) * times.rates,
        np.abs(times.measured - times.predicted).max(axis=0) * times.rates,
    )
    parts = []
    for k, name in enumerate(("fast", "slow")):
        parts += [
            window(f"slope of the {name} class x ||D||", law[k], 1 - 1e-4, 1 + 1e-4),
            upper(f"{name} class, largest error x ||D||", error[k], 1e-3),
        ]
    return [*parts, number("runs", len(times.p)), number("largest ln(1/lambda)", times.ll.max())]


class LimitDistance(NamedTuple):
    """ll, distance (R,) of the last state to theta* and of the nearest one to theta_S; the exponents of lambda they should have."""

    p: np.ndarray
    ll: np.ndarray
    distance: np.ndarray
    exponent: float


def limit_distance(findings: Study) -> LimitDistance:
    """||theta_end - theta*|| of the runs on which S+ and S- are not empty."""
    arrays = findings.arrays
    kept = arrays["complete"]
    return LimitDistance(
        arrays["p"][kept],
        arrays["ll"][kept],
        arrays["to_limit"][kept, -1],
        straggler_exponent(findings),
    )


def exponent(ll: np.ndarray, distance: np.ndarray) -> float:
    """q of distance ~ lambda^q by least squares."""
    return float(-np.polyfit(ll, np.log(distance), 1)[0])


@statement(
    "limit-distance",
    ref("Lemma 12, beyond"),
    "theory",
    CASES,
    "the limit is at distance of order lambda^gamma from theta*, far nearer than the lambda^{eps/31} of the proof",
    (two_signs, equal_norms, of_order_one),
)
def distance_law(findings: Study) -> list[Judgement]:
    """measured: exponent of lambda in ||theta_end - theta*||, over the runs where it lies between 1e-9 and 0.1, against gamma."""
    limit = limit_distance(findings)
    kept = (limit.distance > RESOLVED[0]) & (limit.distance < RESOLVED[1])
    require(
        None
        if len(np.unique(limit.p[kept])) >= 3
        else "fewer than three scales at which the distance is neither rounding nor of order one"
    )
    found = exponent(limit.ll[kept], limit.distance[kept])
    return [
        window("exponent", found, limit.exponent - 0.01, limit.exponent + 0.01),
        number("gamma", limit.exponent),
        number(
            "distance / lambda^gamma, least",
            (limit.distance[kept] * np.exp(limit.exponent * limit.ll[kept])).min(),
        ),
        number("largest", (limit.distance[kept] * np.exp(limit.exponent * limit.ll[kept])).max()),
    ]


CLAIMS = (escape_law, distance_law)
