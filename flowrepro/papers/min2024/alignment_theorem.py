"""The first part of Theorem 1 of min2024: every neuron reaches S+, S- or the dead cone by t1, each stay and each path in bounded time."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from flowrepro.claims.old_claim import lower, none_of, number, statement, upper
from flowrepro.claims.old_verdict import Judgement
from flowrepro.core.trajectory import Study
from flowrepro.engines.alignment import align
from flowrepro.papers.min2024.constants import (
    alignment_bound,
    approximation_time,
    ln_largest_scale,
    stay_bound,
)
from flowrepro.papers.min2024.theory_cases import THEORY_CASES
from flowrepro.papers.min2024.theory_states import (
    ALIGNMENT,
    THEORY,
    Stays,
    assumption_1,
    assumption_2,
    moderate_scale,
    points_of,
    read_states,
    read_stays,
    ref,
    start_of,
    two_points_at_least,
)

THEOREM = ref("Theorem 1")
PROOF = ref("Appendix C.2")
LIMIT = 1e-5
"""Distance of t1 from its limit at scales that satisfy Lemma 1 comfortably (measured 2e-8 at eps = 1e-6)."""


def harmonic(k: int) -> float:
    """H_k = 1 + 1/2 + ... + 1/k, 0 for k = 0."""
    return float(np.sum(1.0 / np.arange(1, k + 1)))


def longest_path(n_own: int, n_other: int) -> float:
    """Largest sum of 1/n_a along a path of patterns, in closed form: all data of the other class lost one by one, then all own ones gained.

    T(P_max) of Appendix C.2 over its unit: H_{n_other} + 1/2 + H_{n_own - 1}, and H_{n_own - 1} without another class.
    """
    if n_own == 0:
        return harmonic(n_other)
    return harmonic(n_own - 1) + (harmonic(n_other) + 0.5 if n_other else 0.0)


def longest_path_by_enumeration(n_own: int, n_other: int) -> float:
    """The same by dynamic programming over all patterns (k_own, k_other) that are no trap and the changes that (7) allows."""
    best = np.zeros((n_own + 1, n_other + 1))
    for own in range(n_own, -1, -1):
        for other in range(n_other + 1):
            if (own == n_own and other == 0) or own + other == 0:
                continue
            best[own, other] = 1.0 / (own + other) + float(np.max(best[own:, : other + 1]))
    return float(best.max())


def stay_ratios(stays: Stays) -> np.ndarray:
    """Length times n_a of every stay outside the traps; empty where no neuron ever is outside."""
    outside = ~stays.trap
    return np.asarray((stays.end - stays.start)[outside] * stays.active[outside])


def path_times(stays: Stays, unit: float, m: int) -> tuple[np.ndarray, np.ndarray]:
    """Time of each neuron to its trap, and T(P) = sum of unit / n_a over its stays before it, (m,)."""
    outside = ~stays.trap
    taken, allowed = (stays.end - stays.start)[outside], unit / stays.active[outside]
    return np.bincount(stays.neuron[outside], weights=taken, minlength=m), np.bincount(
        stays.neuron[outside], weights=allowed, minlength=m
    )


def missed(stays: Stays, U: np.ndarray, X: np.ndarray, y: np.ndarray, sign: np.ndarray) -> int:
    """Neurons that start active on a datum of their own class and do not end alive in a trap. U (m, d) directions at the start."""
    own = y[None, :] == sign[:, None]
    started = np.any((U @ X.T > 0) & own, axis=1)
    last = np.flatnonzero(np.isinf(stays.end))
    arrived = np.zeros(len(sign), dtype=bool)
    arrived[stays.neuron[last]] = stays.trap[last] & (stays.active[last] > 0)
    return int(np.sum(started & ~arrived))


@statement(
    "A2",
    ref("Assumption 2"),
    "theory",
    THEORY_CASES,
    "no neuron starts along the data of the other class",
    (assumption_1, assumption_2),
)
def check_assumption_2(findings: Study) -> Sequence[Judgement]:
    """max over V_+ of cos(w_j(0), x_-) < 1 and over V_- of cos(w_j(0), x_+) < 1."""
    return [upper("largest cosine", start_of(findings).furthest, np.nextafter(1.0, 0.0))]


@statement(
    "T1.eps",
    ref("eq. (28)"),
    "theory",
    THEORY_CASES,
    "the scale satisfies what Theorem 1 asks for",
    ALIGNMENT,
)
def check_scale(findings: Study) -> Sequence[Judgement]:
    """ln eps is at most the logarithm of both terms of (28), the first with the factor 8 that its proof needs."""
    start = start_of(findings)
    approximation, duration = ln_largest_scale(points_of(findings), start)
    return [
        upper("ln eps against the first term", start.ln_eps, approximation),
        upper("ln eps against the second term", start.ln_eps, duration),
    ]


@statement(
    "T1.t1",
    THEOREM,
    "theory",
    THEORY_CASES,
    "every neuron is in S+, S- or dead by t1 <= 16 log n / (M sqrt(mu) X_min) <= T",
    ALIGNMENT,
)
def check_alignment_time(findings: Study) -> Sequence[Judgement]:
    """t1 by the events of the flow, its bound, and T of Lemma 1 beyond the bound."""
    points, start = points_of(findings), start_of(findings)
    bound = alignment_bound(points, start)
    return [
        upper("t1", read_stays(findings).t1, bound),
        lower("T", approximation_time(points, start), bound),
    ]


@statement(
    "T1.dur",
    PROOF,
    "theory",
    THEORY_CASES,
    "outside its trap a neuron keeps a pattern for at most 4 / (M sqrt(mu) X_min n_a)",
    ALIGNMENT,
)
def check_stays(findings: Study) -> Sequence[Judgement]:
    """Largest (time in a pattern) n_a, over the bound."""
    bound = stay_bound(points_of(findings), start_of(findings))
    return [
        upper(
            "largest stay over its bound",
            stay_ratios(read_stays(findings)).max(initial=0.0) / bound,
            1.0,
        )
    ]


@statement(
    "T1.path",
    PROOF,
    "theory",
    THEORY_CASES,
    "a neuron's time to its trap <= T(P) <= T(P_max) <= 16 log n / (M sqrt(mu) X_min)",
    ALIGNMENT,
)
def check_paths(findings: Study) -> Sequence[Judgement]:
    """T(P) sums the bounds of the stays of a neuron's own path, T(P_max) those of the longest possible one; at most n changes."""
    points, stays, start = points_of(findings), read_stays(findings), start_of(findings)
    unit = stay_bound(points, start)
    taken, allowed = path_times(stays, unit, start.m)
    moved = allowed > 0
    positive, negative = points.n_class
    longest = max(longest_path(positive, negative), longest_path(negative, positive))
    return [
        upper(
            "largest time to the trap over T(P)",
            float(np.max(taken[moved] / allowed[moved], initial=0.0)),
            1.0,
        ),
        upper("largest T(P) over T(P_max)", allowed.max() / (unit * longest), 1.0 + 1e-12),
        upper(
            "T(P_max) over 16 log n / (M sqrt(mu) X_min)",
            unit * longest / alignment_bound(points, start),
            1.0,
        ),
        upper("most changes of a neuron", float(np.bincount(stays.neuron).max() - 1), points.n),
    ]


@statement(
    "T1.S",
    THEOREM,
    "theory",
    THEORY_CASES,
    "a neuron that starts active on a datum of its own class ends in S+ (V_+) or S- (V_-)",
    ALIGNMENT,
)
def check_arrival(findings: Study) -> Sequence[Judgement]:
    """Neurons of V_+ with max_{I+} <w_j(0), x_i> > 0 that do not end in S+, and those of V_- alike."""
    states = read_states(findings)
    return [
        none_of(
            "neurons that do not arrive",
            missed(read_stays(findings), states.U[0], findings.X, findings.y, states.sign),
        )
    ]


@statement(
    "E4",
    ref("eq. (4)"),
    "theory",
    THEORY_CASES,
    "at a small scale neurons meet the data as in the limit eps -> 0",
    (*THEORY, assumption_2, moderate_scale),
)
def check_limit(findings: Study) -> Sequence[Judgement]:
    """t1 and the number of patterns passed, against the exact alignment of the same directions."""
    states, stays = read_states(findings), read_stays(findings)
    exact = align(findings.X, findings.y, states.U[0], states.sign)
    patterns = sum(
        arc.start < end
        for path in exact.paths
        for arc, end in zip(path.arcs, [event.t for event in path.events] + [np.inf], strict=True)
    )
    return [
        upper("|t1 - its limit|", abs(stays.t1 - exact.settled), LIMIT),
        none_of("patterns more or fewer than in the limit", abs(len(stays.neuron) - patterns)),
    ]


@statement(
    "T1.seen",
    THEOREM,
    "theory",
    THEORY_CASES,
    "alignment as observed, whatever the scale",
    (*THEORY, assumption_2, two_points_at_least),
)
def check_observed(findings: Study) -> Sequence[Judgement]:
    """t1 and how far it is from its bound: numbers without a verdict, as a float run does not satisfy (28)."""
    points, start, stays, states = (
        points_of(findings),
        start_of(findings),
        read_stays(findings),
        read_states(findings),
    )
    return [
        number("t1", stays.t1),
        number(
            "its bound over t1",
            alignment_bound(points, start) / stays.t1 if stays.t1 > 0 else np.inf,
        ),
        number(
            "largest stay over its bound",
            stay_ratios(stays).max(initial=0.0) / stay_bound(points, start),
        ),
        number(
            "neurons that start active on their class and do not arrive",
            missed(stays, states.U[0], findings.X, findings.y, states.sign),
        ),
    ]


CLAIMS = (
    check_limit,
    check_assumption_2,
    check_scale,
    check_alignment_time,
    check_stays,
    check_paths,
    check_arrival,
    check_observed,
)
