"""Alignment in the limit eps -> 0, where the approximate dynamics (4) are exact: Theorem 1's times on random sets, and where neurons end.

No scale has to be small enough here, so the statements about t1 hold on every set; the events are those of `engines.alignment`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from flowrepro.claims.old_claim import lower, none_of, number, require, statement, upper
from flowrepro.claims.old_verdict import Judgement
from flowrepro.claims.options import at_least_one
from flowrepro.core.config import StudyCase
from flowrepro.core.trajectory import Dataset, Study
from flowrepro.data.well_separated import separated_clusters
from flowrepro.engines.alignment import Alignment, Fate, align
from flowrepro.papers.min2024.alignment_theorem import (
    longest_path,
    longest_path_by_enumeration,
    missed,
    path_times,
    stay_ratios,
)
from flowrepro.papers.min2024.constants import (
    alignment_bound,
    point_constants,
    start_constants,
    stay_bound,
)
from flowrepro.papers.min2024.regions import degrees, sectors
from flowrepro.papers.min2024.theory_cases import BASINS
from flowrepro.papers.min2024.theory_flow import balanced_start
from flowrepro.papers.min2024.theory_states import Stays, assumption_1, ref, stays_with_traps
from flowrepro.papers.topic import Progress
from flowrepro.theory.alignment import class_sums

CASES = (BASINS.name,)
MOST_NEURONS = 6
"""Sizes of V_+ for which the probability of a neuron in S+ is drawn."""
SIGMAS = 3.0


def basins(case: StudyCase, dataset: Dataset | None, progress: Progress) -> dict[str, np.ndarray]:
    """Exact alignment on ``sets`` random sets, and the fates of neurons drawn at random on the case's own points.

    Per set (S,): n, d, mu, t1, t1_bound, stay and path (largest time over its bound, of single patterns and of whole paths),
    missed (neurons active on their class that do not arrive in S+ or S-), started.
    alive (2, draws, 6) : whether neuron 1, ..., 6 of a draw ends in S+ (a > 0) and in S- (a < 0); active (2, draws, 6): whether it
    starts active on a datum of its class.
    """
    assert dataset is not None
    rng = np.random.default_rng(case.seed)
    sets, m, draws = int(case.options["sets"]), at_least_one(case, "m"), at_least_one(case, "draws")
    at_least_one(case, "largest_class", 50)
    cases = []
    for index in range(sets):
        options = {
            "n": int(rng.integers(2, 15)),
            "d": int(rng.integers(2, 11)),
            "angle": float(rng.uniform(20, 80)),
            "sigma": float(rng.uniform(0.1, 0.5)),
        }
        points = separated_clusters(seed=index, **options)  # type: ignore[arg-type]
        cases.append(_on_a_set(points.X, points.y, m, index))
        progress(index, sets + 2)
    found = (
        {name: np.array([values[name] for values in cases]) for name in cases[0]} if cases else {}
    )
    alive, active = (
        np.empty((2, draws, MOST_NEURONS), dtype=bool),
        np.empty((2, draws, MOST_NEURONS), dtype=bool),
    )
    for side, (sign, fate) in enumerate(((1.0, Fate.POSITIVE), (-1.0, Fate.NEGATIVE))):
        W = rng.standard_normal((draws * MOST_NEURONS, dataset.X.shape[1]))
        fates = align(dataset.X, dataset.y, W, sign * np.linalg.norm(W, axis=1)).fates
        alive[side] = np.array([reached is fate for reached in fates]).reshape(draws, MOST_NEURONS)
        active[side] = np.any(W @ dataset.X[sign * dataset.y > 0].T > 0, axis=1).reshape(
            draws, MOST_NEURONS
        )
        progress(sets + 1 + side, sets + 2)
    return {**found, "alive": alive, "active": active}


def _on_a_set(X: np.ndarray, y: np.ndarray, m: int, seed: int) -> dict[str, float]:
    W, a = balanced_start(seed, m, X.shape[1])
    norms = np.linalg.norm(W, axis=1)
    points, start = (
        point_constants(X, y),
        start_constants(X, y, W / norms[:, None], np.log(norms), np.sign(a), 0.0),
    )
    stays = stays_of(align(X, y, W, a), y)
    unit = stay_bound(points, start)
    taken, allowed = path_times(stays, unit, m)
    return {
        "n": points.n,
        "d": X.shape[1],
        "mu": points.mu,
        "t1": stays.t1,
        "t1_bound": alignment_bound(points, start),
        "stay": stay_ratios(stays).max(initial=0.0) / unit,
        "path": float(np.max(taken[allowed > 0] / allowed[allowed > 0], initial=0.0)),
        "missed": missed(stays, W, X, y, np.sign(a)),
    }


def stays_of(alignment: Alignment, y: np.ndarray) -> Stays:
    """The stays of an exact alignment; patterns of no length are left out."""
    kept = []
    for j, path in enumerate(alignment.paths):
        ends = [event.t for event in path.events] + [np.inf]
        for arc, end in zip(path.arcs, ends, strict=True):
            if end > arc.start:
                kept.append(
                    (
                        j,
                        arc.start,
                        end,
                        int(np.sum(arc.active & (y > 0))),
                        int(np.sum(arc.active & (y < 0))),
                    )
                )
    columns = [np.array(column) for column in zip(*kept, strict=True)]
    return stays_with_traps(
        columns,
        np.array([path.sign > 0 for path in alignment.paths]),
        (int(np.sum(y > 0)), int(np.sum(y < 0))),
    )


def has_sets(findings: Study) -> str | None:
    """At least one random set."""
    return None if "t1" in findings.arrays else "no random set was drawn; raise options.sets"


@statement(
    "T1.t1.limit",
    ref("Theorem 1"),
    "theory",
    CASES,
    "for eps -> 0 every neuron is in S+, S- or dead by 16 log n / (M sqrt(mu) X_min)",
    (has_sets,),
)
def check_alignment_time(findings: Study) -> Sequence[Judgement]:
    """Largest t1 over its bound on random sets."""
    found = findings.arrays
    return [
        upper("largest t1 over its bound", float(np.max(found["t1"] / found["t1_bound"])), 1.0),
        number("random sets", len(found["t1"])),
    ]


@statement(
    "T1.dur.limit",
    ref("Appendix C.2"),
    "theory",
    CASES,
    "for eps -> 0 no pattern lasts longer than its bound, and no path longer than T(P)",
    (has_sets,),
)
def check_stays(findings: Study) -> Sequence[Judgement]:
    """Largest times in a pattern and to a trap over their bounds, on random sets."""
    return [
        upper("longest stay over its bound", findings.arrays["stay"].max(), 1.0),
        upper("longest path over T(P)", findings.arrays["path"].max(), 1.0),
    ]


@statement(
    "T1.S.limit",
    ref("Theorem 1"),
    "theory",
    CASES,
    "for eps -> 0 a neuron that starts active on its class ends in S+ (S-)",
    (has_sets,),
)
def check_arrival(findings: Study) -> Sequence[Judgement]:
    """Neurons that do not, on random sets and among those drawn on the case's points."""
    parts = [none_of("of the random sets", int(findings.arrays["missed"].sum()))]
    if assumption_1(findings) is None:
        parts.append(
            none_of(
                "of the draws", int(np.sum(findings.arrays["active"] & ~findings.arrays["alive"]))
            )
        )
    return parts


@statement(
    "T1.path.longest",
    ref("Appendix C.2"),
    "theory",
    CASES,
    "P_max is the longest path of patterns, and is no longer than 4 log n allows",
)
def check_longest(findings: Study) -> Sequence[Judgement]:
    """T(P) <= T(P_max) by enumeration of all paths, and H_{n-} + 1/2 + H_{n+ - 1} <= 4 log n, for classes of up to ``largest_class`` data."""
    most = int(findings.case.options["largest_class"])
    pairs = [
        (own, other) for own in range(most + 1) for other in range(most + 1) if own + other >= 2
    ]
    gaps = [abs(longest_path(*pair) - longest_path_by_enumeration(*pair)) for pair in pairs]
    ratios = [longest_path(*pair) / (4 * np.log(sum(pair))) for pair in pairs]
    return [
        upper("|closed form - enumeration|", max(gaps), 1e-12),
        upper("largest T(P_max) over 4 log n, units of T(P)", max(ratios), 1.0),
    ]


@statement(
    "T1.prob",
    ref("Merits of random initialization"),
    "theory",
    CASES,
    "of k neurons of V_+ one ends in S+ with probability at least 1 - 2^-k",
    (assumption_1,),
)
def check_probability(findings: Study) -> Sequence[Judgement]:
    """Share of draws with a survivor among the first k = 1, ..., 6 neurons, plus three standard errors, for both signs."""
    parts = []
    for sign, alive in zip("+-", findings.arrays["alive"], strict=True):
        require(
            None
            if np.any(findings.y == float(sign + "1"))
            else f"there are no data of class {sign}1, which its neurons could fit"
        )
        shares = np.logical_or.accumulate(alive, axis=1).mean(axis=0)
        error = SIGMAS * np.sqrt(np.maximum(shares * (1 - shares), 1 / len(alive)) / len(alive))
        excess = shares + error - (1 - 0.5 ** np.arange(1, MOST_NEURONS + 1))
        parts.append(
            lower(
                f"V_{sign}: least share + 3 standard errors - (1 - 2^-k)", float(excess.min()), 0.0
            )
        )
    return parts


def plane(findings: Study) -> str | None:
    """Points of the plane."""
    return (
        None
        if findings.X.shape[1] == 2
        else f"the closed form is for the plane; these points have dimension {findings.X.shape[1]}"
    )


def no_line(findings: Study) -> str | None:
    """No two data are antipodal, between which a dead cone would be a line."""
    Z = findings.X / np.linalg.norm(findings.X, axis=1, keepdims=True)
    return (
        None
        if np.min(Z @ Z.T) > -1 + 1e-9
        else "two data are antipodal, so that the dead cone may be a line"
    )


def both_classes(findings: Study) -> str | None:
    """Data of both classes."""
    return (
        None
        if np.any(findings.y > 0) and np.any(findings.y < 0)
        else "one class has no data, so its neurons have no basin"
    )


def basin_shares(X: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Shares of the circle from which V_+ reaches S+ and V_- reaches S- (2,), in closed form.

    A direction of V_+ turns away from the unstable rest point x_- and stops at the edge of the dead cone: it reaches S+ from
    the whole arc between these two that holds x_+. Without a dead cone all but one direction does.
    """
    dead = [sector for sector in sectors(X, y) if sector.region is Fate.DEAD]
    if not dead:
        return np.ones(2)
    shares = []
    positive, negative = degrees(class_sums(X, y))
    for own, other in ((positive, negative), (negative, positive)):
        after = (own - other) % 360.0  # going up from the unstable direction
        first, last = (dead[0].start - other) % 360.0, (dead[0].end - other) % 360.0
        shares.append((first if after < first else 360.0 - last) / 360.0)
    return np.array(shares)


@statement(
    "basin.share",
    ref("Figure 2"),
    "theory",
    CASES,
    "in the plane neurons of V_+ reach S+ from one arc, between x_- and the dead cone",
    (assumption_1, plane, both_classes, no_line),
)
def check_shares(findings: Study) -> Sequence[Judgement]:
    """Share of all draws that reach S+ (S-) against the closed form, in standard errors."""
    parts = []
    for sign, alive, share in zip(
        "+-", findings.arrays["alive"], basin_shares(findings.X, findings.y), strict=True
    ):
        error = np.sqrt(max(share * (1 - share), 1 / alive.size) / alive.size)
        parts.append(
            upper(
                f"V_{sign}: |{alive.mean():.5f} - {share:.5f}| in standard errors",
                abs(alive.mean() - share) / error,
                4.0,
            )
        )
    return parts


CLAIMS = (
    check_alignment_time,
    check_stays,
    check_arrival,
    check_longest,
    check_probability,
    check_shares,
)
