"""Alignment in the limit eps -> 0, event by event: times on random sets, and where neurons end.

In this limit the approximate dynamics (4) are exact. No scale has to be small enough, so that the
statements about t1 hold on every set. The events are those of `engines.alignment`.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from flowrepro.claims.claim import require
from flowrepro.claims.verdict import Part, at_least, at_most, none_of, number
from flowrepro.core.config import Data
from flowrepro.core.trajectory import Dataset, Study
from flowrepro.data.well_separated import separated_clusters
from flowrepro.engines.alignment import Alignment, Fate, align
from flowrepro.papers.min2024 import PAPER
from flowrepro.papers.min2024.hypotheses import assumption_1
from flowrepro.papers.min2024.shared.constants import (
    alignment_bound,
    point_constants,
    start_constants,
    stay_bound,
)
from flowrepro.papers.min2024.shared.flow_states import Stays, stays_with_traps
from flowrepro.papers.min2024.shared.lattice import longest_path, longest_path_by_enumeration
from flowrepro.papers.min2024.shared.regions import degrees, sectors
from flowrepro.papers.min2024.theorem_1_alignment import missed, path_times, stay_ratios
from flowrepro.papers.min2024.theorem_1_flow import balanced_start
from flowrepro.papers.study import Progress, option
from flowrepro.papers.topic import Topic
from flowrepro.theory.alignment import class_sums

topic = Topic(PAPER, "Alignment in the limit of vanishing initialisation")

MOST_NEURONS = 6
"""Sizes of V_+ for which the probability of a neuron in S+ is drawn."""


@topic.study
def basins(
    data: Dataset,
    *,
    sets: int = option(60, "random data sets", within=(0, 10_000)),
    m: int = option(30, "neurons on each random set", within=(1, 1_000)),
    draws: int = option(4_000, "draws of six neurons on the case's points", within=(1, 100_000)),
    largest_class: int = option(15, "data of a class in the enumeration", within=(1, 50)),
    seed: int,
    progress: Progress,
) -> dict[str, np.ndarray]:
    """Exact alignment on random sets, and the fates of random neurons on the case's own points.

    Per set (S,): n, d, mu, t1, t1_bound; stay and path (largest time over its bound, of single
    patterns and of whole paths); missed (neurons active on their class that do not arrive in S+ or
    S-). alive (2, draws, 6) : whether neuron 1, ..., 6 of a draw ends in S+ (a > 0) and in S-
    (a < 0). active (2, draws, 6) : whether it starts active on a datum of its class.
    """
    rng = np.random.default_rng(seed)
    found = []
    for index in range(sets):
        points = separated_clusters(
            seed=index,
            n=int(rng.integers(2, 15)),
            d=int(rng.integers(2, 11)),
            angle=float(rng.uniform(20, 80)),
            sigma=float(rng.uniform(0.1, 0.5)),
        )
        found.append(_on_a_set(points.X, points.y, m, index))
        progress(index, sets + 2)
    per_set = {name: np.array([values[name] for values in found]) for name in (found or [{}])[0]}
    fates, active = [], []
    for side, (sign, own) in enumerate(((1.0, Fate.POSITIVE), (-1.0, Fate.NEGATIVE))):
        W = rng.standard_normal((draws * MOST_NEURONS, data.X.shape[1]))
        reached = align(data.X, data.y, W, sign * np.linalg.norm(W, axis=1)).fates
        fates.append([fate is own for fate in reached])
        active.append(np.any(W @ data.X[sign * data.y > 0].T > 0, axis=1))
        progress(sets + 1 + side, sets + 2)
    shape = (2, draws, MOST_NEURONS)
    alive = np.array(fates).reshape(shape)
    return {**per_set, "alive": alive, "active": np.array(active).reshape(shape)}


def _on_a_set(X: np.ndarray, y: np.ndarray, m: int, seed: int) -> dict[str, float]:
    W, a = balanced_start(seed, m, X.shape[1])
    norms = np.linalg.norm(W, axis=1)
    points = point_constants(X, y)
    start = start_constants(X, y, W / norms[:, None], np.log(norms), np.sign(a), 0.0)
    stays, unit = stays_of(align(X, y, W, a), y), stay_bound(points, start)
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
    """The stays of an exact alignment in activation patterns; those of no length are left out."""
    kept = []
    for j, path in enumerate(alignment.paths):
        ends = [event.t for event in path.events] + [np.inf]
        for arc, end in zip(path.arcs, ends, strict=True):
            if end > arc.start:
                counts = (int(np.sum(arc.active & (sign * y > 0))) for sign in (1, -1))
                kept.append((j, arc.start, end, *counts))
    columns = [np.array(column) for column in zip(*kept, strict=True)]
    up = np.array([path.sign > 0 for path in alignment.paths])
    return stays_with_traps(columns, up, (int(np.sum(y > 0)), int(np.sum(y < 0))))


BASINS = basins.case(
    "theory-basins",
    "Exact alignment on random sets for vanishing initialisation, and where neurons end.",
    data=Data(name="six-points"),
    quick={"options.sets": 6, "options.draws": 500},
)

# ---- times on random sets


def has_sets(result: Study) -> str | None:
    """At least one random set."""
    return None if "t1" in result.arrays else "no random set was drawn; raise options.sets"


@topic.claim(
    "theorem-1-time-limit",
    "For eps -> 0 every neuron is in S+, in S- or dead by 16 log n / (M sqrt(mu) X_min).",
    place="Theorem 1",
    given=(has_sets,),
)
def alignment_time(result: Study) -> Iterator[Part]:
    """Largest t1 over its bound on random sets."""
    t1, bound = result.arrays["t1"], result.arrays["t1_bound"]
    yield at_most("largest t1 over its bound", float(np.max(t1 / bound)), 1.0)
    yield number("random sets", len(t1))


@topic.claim(
    "appendix-c-2-durations-limit",
    "For eps -> 0 no pattern lasts longer than its bound, and no path longer than T(P).",
    place="Appendix C.2",
    given=(has_sets,),
)
def durations(result: Study) -> Iterator[Part]:
    """Largest times in a pattern and to a trap over their bounds, on random sets."""
    yield at_most("longest stay over its bound", result.arrays["stay"].max(), 1.0)
    yield at_most("longest path over T(P)", result.arrays["path"].max(), 1.0)


@topic.claim(
    "theorem-1-arrival-limit",
    "For eps -> 0 a neuron that starts active on its class ends in S+ or S-.",
    place="Theorem 1",
    given=(has_sets,),
)
def arrival(result: Study) -> Iterator[Part]:
    """Neurons that do not, on random sets and among those drawn on the case's points."""
    yield none_of("of the random sets", int(result.arrays["missed"].sum()))
    if assumption_1(result) is None:
        lost = result.arrays["active"] & ~result.arrays["alive"]
        yield none_of("of the draws", int(np.sum(lost)))


@topic.claim(
    "appendix-c-2-longest-path",
    "P_max is the longest path of patterns, and is no longer than 4 log n allows.",
    place="Appendix C.2",
    label="identity",
)
def longest(result: Study) -> Iterator[Part]:
    """T(P) <= T(P_max) over all paths, and H_{n-} + 1/2 + H_{n+ - 1} <= 4 log n.

    All classes of up to ``largest_class`` data are enumerated.
    """
    sizes = range(int(result.case.options["largest_class"]) + 1)
    pairs = [(own, other) for own in sizes for other in sizes if own + other >= 2]
    gaps = [abs(longest_path(*pair) - longest_path_by_enumeration(*pair)) for pair in pairs]
    ratios = [longest_path(*pair) / (4 * np.log(sum(pair))) for pair in pairs]
    yield at_most("|closed form - enumeration|", np.max(gaps), 1e-12)
    yield at_most("largest T(P_max) over 4 log n, units of T(P)", np.max(ratios), 1.0)


# ---- where neurons end


@topic.claim(
    "theorem-1-survivors",
    "Of k neurons of V_+ one ends in S+ with probability at least 1 - 2^-k.",
    place="Merits of random initialization",
    given=(assumption_1,),
)
def survivors(result: Study) -> Iterator[Part]:
    """Share of draws with a survivor among the first k = 1, ..., 6 neurons, for both signs."""
    for sign, alive in zip("+-", result.arrays["alive"], strict=True):
        missing = f"there are no data of class {sign}1, which its neurons could fit"
        require(None if np.any(result.y == float(sign + "1")) else missing)
        shares = np.logical_or.accumulate(alive, axis=1).mean(axis=0)
        error = 3.0 * np.sqrt(np.maximum(shares * (1 - shares), 1 / len(alive)) / len(alive))
        excess = shares + error - (1 - 0.5 ** np.arange(1, MOST_NEURONS + 1))
        note = f"V_{sign}: least share + 3 standard errors - (1 - 2^-k)"
        yield at_least(note, float(excess.min()), 0.0)


def in_the_plane(result: Study) -> str | None:
    """Points of the plane."""
    d = result.X.shape[1]
    other = f"the closed form is for the plane; these points have dimension {d}"
    return None if d == 2 else other


def both_classes(result: Study) -> str | None:
    """Data of both classes."""
    both = np.any(result.y > 0) and np.any(result.y < 0)
    return None if both else "one class has no data, so its neurons have no basin"


def no_line(result: Study) -> str | None:
    """No two data are antipodal, between which a dead cone would be a line."""
    Z = result.X / np.linalg.norm(result.X, axis=1, keepdims=True)
    told = "two data are antipodal, so that the dead cone may be a line"
    return None if np.min(Z @ Z.T) > -1 + 1e-9 else told


def basin_shares(X: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Shares of the circle from which V_+ reaches S+ and V_- reaches S- (2,), in closed form.

    A direction of V_+ turns away from the unstable rest point x_- and stops at the edge of the dead
    cone: it reaches S+ from the whole arc between these two that holds x_+. Without a dead cone
    all but one direction does.
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


@topic.claim(
    "figure-2-basins",
    "In the plane neurons of V_+ reach S+ from one arc, between x_- and the dead cone.",
    place="Figure 2",
    given=(assumption_1, in_the_plane, both_classes, no_line),
)
def shares_of_the_circle(result: Study) -> Iterator[Part]:
    """Share of all draws that reach S+ or S- against the closed form, in standard errors."""
    expected = basin_shares(result.X, result.y)
    for sign, alive, share in zip("+-", result.arrays["alive"], expected, strict=True):
        error = np.sqrt(max(share * (1 - share), 1 / alive.size) / alive.size)
        note = f"V_{sign}: |{alive.mean():.5f} - {share:.5f}| in standard errors"
        yield at_most(note, abs(alive.mean() - share) / error, 4.0)
