"""The first part of min2024's Theorem 1: neurons align in bounded time.

Every neuron reaches S+, S- or the dead cone by

    t1 <= 16 log n / (M sqrt(mu) X_min) <= T,

as each stay in a pattern and each path of patterns takes bounded time (Appendix C.2).
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np

from flowrepro.claims.verdict import Part, at_least, at_most, none_of, number
from flowrepro.core.trajectory import Study
from flowrepro.engines.alignment import align
from flowrepro.papers.min2024 import PAPER
from flowrepro.papers.min2024.hypotheses import (
    ALIGNMENT,
    THEORY,
    assumption_1,
    assumption_2,
    moderate_scale,
    two_points_at_least,
)
from flowrepro.papers.min2024.shared.constants import (
    alignment_bound,
    approximation_time,
    ln_largest_scale,
    points_of,
    stay_bound,
)
from flowrepro.papers.min2024.shared.flow_states import Stays, read_states, read_stays, start_of
from flowrepro.papers.min2024.shared.lattice import longest_path
from flowrepro.papers.min2024.theorem_1_flow import FLOWS
from flowrepro.papers.topic import Topic

LIMIT = 1e-5
"""Distance of t1 from its limit, at scales far below that of Lemma 1 (2e-8 at eps = 1e-6)."""

topic = Topic(PAPER, "Theorem 1: alignment", command="toy2d")
at_its_scale = partial(topic.claim, on=FLOWS, given=ALIGNMENT)


def stay_ratios(stays: Stays) -> np.ndarray:
    """Length times n_a of every stay outside the traps; empty where no neuron is outside."""
    outside = ~stays.trap
    return np.asarray((stays.end - stays.start)[outside] * stays.active[outside])


def path_times(stays: Stays, unit: float, m: int) -> tuple[np.ndarray, np.ndarray]:
    """Time of each neuron to its trap, and T(P), the sum of unit / n_a over its stays, (m,)."""
    outside = ~stays.trap
    taken, allowed = (stays.end - stays.start)[outside], unit / stays.active[outside]
    neuron = stays.neuron[outside]
    return (
        np.bincount(neuron, weights=taken, minlength=m),
        np.bincount(neuron, weights=allowed, minlength=m),
    )


def missed(stays: Stays, U: np.ndarray, X: np.ndarray, y: np.ndarray, sign: np.ndarray) -> int:
    """Neurons that start active on a datum of their own class and do not end alive in a trap.

    U (m, d) directions at the start, sign (m,) of the output weights.
    """
    own = y[None, :] == sign[:, None]
    started = np.any((U @ X.T > 0) & own, axis=1)
    last = np.flatnonzero(np.isinf(stays.end))
    arrived = np.zeros(len(sign), dtype=bool)
    arrived[stays.neuron[last]] = stays.trap[last] & (stays.active[last] > 0)
    return int(np.sum(started & ~arrived))


@topic.claim(
    "equation-4-limit",
    "At a small scale, neurons meet the data as in the limit eps -> 0.",
    place="eq. (4)",
    on=FLOWS,
    given=(*THEORY, assumption_2, moderate_scale),
)
def limit(result: Study) -> Iterator[Part]:
    """t1 and the number of patterns, against the exact alignment of the same directions."""
    states, stays = read_states(result), read_stays(result)
    exact = align(result.X, result.y, states.U[0], states.sign)
    patterns = sum(
        arc.start < end
        for path in exact.paths
        for arc, end in zip(path.arcs, [event.t for event in path.events] + [np.inf], strict=True)
    )
    yield at_most("|t1 - its limit|", abs(stays.t1 - exact.settled), LIMIT)
    yield none_of("patterns more or fewer than in the limit", abs(len(stays.neuron) - patterns))


@topic.claim(
    "assumption-2-start",
    "No neuron starts along the data of the other class.",
    place="Assumption 2",
    on=FLOWS,
    given=(assumption_1, assumption_2),
    label="identity",
)
def start_is_not_opposite(result: Study) -> Iterator[Part]:
    """max over V_+ of cos(w_j(0), x_-) < 1, and over V_- of cos(w_j(0), x_+) < 1."""
    yield at_most("largest cosine", start_of(result).furthest, np.nextafter(1.0, 0.0))


@at_its_scale(
    "equation-28-scale",
    "The scale satisfies what Theorem 1 asks for.",
    place="eq. (28)",
    label="identity",
)
def scale(result: Study) -> Iterator[Part]:
    """Both terms of (28), the first with the factor 8 that its proof needs."""
    start = start_of(result)
    approximation, duration = ln_largest_scale(points_of(result), start)
    yield at_most("ln eps against the first term", start.ln_eps, approximation)
    yield at_most("ln eps against the second term", start.ln_eps, duration)


@at_its_scale(
    "theorem-1-alignment-time",
    "Every neuron is in S+, S- or dead by t1 <= 16 log n / (M sqrt(mu) X_min) <= T.",
    place="Theorem 1",
)
def alignment_time(result: Study) -> Iterator[Part]:
    """t1 by the events of the flow, its bound, and T of Lemma 1 beyond the bound."""
    points, start = points_of(result), start_of(result)
    bound = alignment_bound(points, start)
    yield at_most("t1", read_stays(result).t1, bound)
    yield at_least("T", approximation_time(points, start), bound)


@at_its_scale(
    "appendix-c-2-stays",
    "Outside its trap, a neuron keeps a pattern for at most 4 / (M sqrt(mu) X_min n_a).",
    place="Appendix C.2",
)
def short_stays(result: Study) -> Iterator[Part]:
    """Largest (time in a pattern) n_a, over the bound."""
    bound = stay_bound(points_of(result), start_of(result))
    longest = stay_ratios(read_stays(result)).max(initial=0.0)
    yield at_most("largest stay over its bound", longest / bound, 1.0)


@at_its_scale(
    "appendix-c-2-paths",
    "The time T of a neuron to its trap satisfies T <= T(P) <= T(P_max) <= 16 log n / (M sqrt(mu) "
    "X_min).",
    place="Appendix C.2",
)
def paths(result: Study) -> Iterator[Part]:
    """T(P) sums the bounds of the stays on a neuron's own path, T(P_max) on the longest one."""
    points, stays, start = points_of(result), read_stays(result), start_of(result)
    unit = stay_bound(points, start)
    taken, allowed = path_times(stays, unit, start.m)
    moved = allowed > 0
    positive, negative = points.n_class
    longest = max(longest_path(positive, negative), longest_path(negative, positive))
    slowest = float(np.max(taken[moved] / allowed[moved], initial=0.0))
    yield at_most("largest time to the trap over T(P)", slowest, 1.0)
    yield at_most("largest T(P) over T(P_max)", allowed.max() / (unit * longest), 1.0 + 1e-12)
    yield at_most(
        "T(P_max) over 16 log n / (M sqrt(mu) X_min)",
        unit * longest / alignment_bound(points, start),
        1.0,
    )
    changes = float(np.bincount(stays.neuron).max() - 1)
    yield at_most("most changes of a neuron", changes, points.n)


@at_its_scale(
    "theorem-1-arrival",
    "A neuron that starts active on a datum of its own class ends in S+ (V_+) or S- (V_-).",
    place="Theorem 1",
)
def arrival(result: Study) -> Iterator[Part]:
    """Neurons of V_+ with <w_j(0), x_i> > 0 for a positive datum that miss S+, and V_- alike."""
    U, sign = read_states(result).U[0], read_states(result).sign
    strays = missed(read_stays(result), U, result.X, result.y, sign)
    yield none_of("neurons that do not arrive", strays)


@topic.claim(
    "theorem-1-observed",
    "Alignment is measured whatever the scale, without a verdict.",
    place="Theorem 1",
    on=FLOWS,
    given=(*THEORY, assumption_2, two_points_at_least),
)
def observed(result: Study) -> Iterator[Part]:
    """t1 and how far it is from its bound, as no float run satisfies (28)."""
    points, start, stays = points_of(result), start_of(result), read_stays(result)
    U, sign = read_states(result).U[0], read_states(result).sign
    bound, unit = alignment_bound(points, start), stay_bound(points, start)
    yield number("t1", stays.t1)
    yield number("its bound over t1", bound / stays.t1 if stays.t1 > 0 else np.inf)
    yield number("largest stay over its bound", stay_ratios(stays).max(initial=0.0) / unit)
    yield number(
        "neurons that start active on their class and do not arrive",
        missed(stays, U, result.X, result.y, sign),
    )
