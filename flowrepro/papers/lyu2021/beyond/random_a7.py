r"""Random sets: how often Theorem A.7 fails as printed, and that it holds as corrected.

Theorem G.11 as printed: Assumption A.5, min_lam rate(lam) < gamma+, makes the one-neuron network a
local maximum of the margin. As corrected: rate(lam*) < gamma+ does, where lam* are the multipliers
of w+ (see `local_optimum`). The judge is a certified bracket of the largest margin nearby, which
does not use lam*.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from flowrepro.claims.claim import require
from flowrepro.claims.verdict import Part, at_least, none_of, number
from flowrepro.core.trajectory import Study
from flowrepro.errors import DataError, NumericalError, UsageError
from flowrepro.papers.lyu2021 import PAPER
from flowrepro.papers.lyu2021.shared import geometry, local_optimum
from flowrepro.papers.study import Progress, option
from flowrepro.papers.topic import Topic

topic = Topic(PAPER, "Beyond: Theorem A.7 on random sets")

CLEAR = 1e-6
"""Relative distance from equality at which a strict inequality counts as proved."""


@topic.study
def random_sets(
    *,
    alpha: float = option(0.5, "slope of the leaky part", within=(0.05, 0.95)),
    sets: int = option(200, "sets in each dimension", within=(1, 100_000)),
    points: int = option(6, "points of a set", within=(2, 10)),
    dimensions: list[int] = option([2, 3], "dimensions", within=(2, 4)),
    spread: float = option(
        float(np.pi / 4), "largest angle between y_i x_i and the first axis", within=(0.01, 0.78540)
    ),
    seed: int,
    progress: Progress,
) -> dict[str, np.ndarray]:
    """Random sets with all y_i x_i in a right-angled cone, so that 3.2, A.2 and A.6 hold.

    The labels are fair coins, flipped where ||mu^+|| < ||mu^-|| (A.3); lengths are uniform in
    [0.3, 1.5]. Set s in dimension d comes from default_rng([seed, d, s]). Returns d, gamma_plus,
    rate, one_class (S,), and negative, nearby (S, 2), the brackets of `local_optimum`; nan where w+
    or a bracket was not found.
    """
    rows = []
    for j, d in enumerate(dimensions):
        for s in range(sets):
            X, y = _in_a_cone(np.random.default_rng([seed, d, s]), points, d, spread)
            y = y if geometry.lag(X, y, alpha) > 0 else -y
            rows.append([float(d), *_judged(X, y, alpha)])
            progress(j * sets + s + 1, len(dimensions) * sets)
    table = np.array(rows)
    return {
        "d": table[:, 0],
        "gamma_plus": table[:, 1],
        "rate": table[:, 2],
        "one_class": table[:, 3],
        "negative": table[:, 4:6],
        "nearby": table[:, 6:8],
    }


def _in_a_cone(
    rng: np.random.Generator, n: int, d: int, spread: float
) -> tuple[np.ndarray, np.ndarray]:
    """Points X (n, d) and labels (n,) with all y_i x_i within ``spread`` of the first axis."""
    angle, across = rng.uniform(0.0, spread, n), geometry.unit(rng.standard_normal((n, d - 1)))
    Z = np.column_stack([np.cos(angle), np.sin(angle)[:, None] * across])
    y = rng.choice([1.0, -1.0], n)
    return (y * rng.uniform(0.3, 1.5, n))[:, None] * Z, y


def _judged(X: np.ndarray, y: np.ndarray, alpha: float) -> list[float]:
    """gamma+, rate, whether S+ has one class, and the brackets of A.5 and of the local maximum."""
    own = local_optimum.support(X, y, alpha)
    try:
        if own is not None:
            return [
                own.best.margin,
                local_optimum.negative_rate(own, alpha)[0],
                float(np.ptp(own.y) == 0),
                *local_optimum.negative_margin(own, alpha),
                *local_optimum.nearby_margin(own, alpha),
            ]
    except (NumericalError, UsageError, DataError):
        pass
    return [np.nan] * 7


RANDOM_SETS = random_sets.case(
    "random-a7",
    "Beyond the paper: how often Theorem A.7 fails as printed, and as corrected.",
    quick={"sets": 20},
)


@topic.claim(
    "beyond-a-7-random-sets",
    "On random sets that satisfy all assumptions of Theorem A.7, the one-neuron network is a local "
    "maximum of the margin exactly where rate(lam*) < gamma+.",
    place="Theorem G.11 as printed and as corrected",
    on=(RANDOM_SETS,),
)
def on_random_sets(result: Study) -> Iterable[Part]:
    """Counts, from a certified bracket of the largest margin nearby that does not use lam*."""
    arrays, gamma = result.arrays, result.arrays["gamma_plus"]
    printed = arrays["negative"][:, 1] < gamma / 2 * (1 - CLEAR)
    require(None if printed.any() else "no set satisfies Assumption A.5; take more sets")
    corrected = printed & ~(arrays["rate"] >= gamma * (1 - CLEAR))
    fails = printed & (arrays["nearby"][:, 0] > gamma / 2 * (1 + CLEAR))
    holds = printed & (arrays["nearby"][:, 1] <= gamma / 2 * (1 + CLEAR))
    yield none_of("sets where the corrected theorem fails", int(np.sum(corrected & ~holds)))
    others = printed & ~(arrays["rate"] <= gamma * (1 + CLEAR))
    yield none_of(
        "sets where its hypothesis fails and the conclusion does not", int(np.sum(others & ~fails))
    )
    yield at_least("sets where the printed theorem fails", int(fails.sum()), 1)
    yield number("sets", len(gamma))
    yield number("sets with all printed assumptions", int(printed.sum()))
    yield number("of these, S+ in one class", int(np.sum(printed & (arrays["one_class"] == 1))))
    yield number("of these, rate(lam*) < gamma+", int(corrected.sum()))
