"""Random directions in high dimension are almost orthogonal (lee2022, Proposition C.1).

P(|cos| >= e) of two independent isotropic vectors is a regularised incomplete beta function.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy.special import betainc

from flowrepro.claims.verdict import Part, at_most, number
from flowrepro.core.trajectory import Study
from flowrepro.papers.lee2022 import PAPER
from flowrepro.papers.lee2022.hypotheses import draws_its_points
from flowrepro.papers.study import Progress, option
from flowrepro.papers.topic import Topic

topic = Topic(PAPER, "Random directions", given=(draws_its_points,))

CHUNK = 2**21
"""Numbers drawn at a time."""


def two_sided(e: float, d: int) -> float:
    """P(|cos| >= e) in dimension d, exactly."""
    return float(betainc((d - 1) / 2, 0.5, 1 - e**2))


@topic.study
def directions(
    *,
    cases: list[tuple[int, float]] = option(
        [(100, 0.1), (100, 0.2), (100, 0.3), (1_000, 0.1)],
        "dimension and epsilon of each case",
        within=((2, 10_000), (0.0, 1.0)),
    ),
    # 100000 pairs at d = 100
    numbers: int = option(10_000_000, "numbers of all first vectors", within=(10_000, 10**9)),
    seed: int,
    progress: Progress,
) -> dict[str, np.ndarray]:
    """Shares of pairs with a large cosine.

    d, epsilon : (K,) the cases. one, two : (K,) shares with cos >= epsilon and |cos| >= epsilon.
    pairs : (K,). spread : (K,) standard deviation of the angle.
    """
    dimensions = list(dict.fromkeys(d for d, _ in cases))
    rng = np.random.default_rng(seed)
    cosines = {}
    for k, d in enumerate(dimensions):
        chunks, left = [], numbers // d
        pairs = left
        while left:
            size = min(left, max(1, CHUNK // d))
            u, v = rng.standard_normal((2, size, d))
            norms = np.linalg.norm(u, axis=1) * np.linalg.norm(v, axis=1)
            chunks.append(np.sum(u * v, axis=1) / norms)
            left -= size
            progress(k * pairs + pairs - left, pairs * len(dimensions))
        cosines[d] = np.concatenate(chunks)
    return {
        "d": np.array([d for d, _ in cases]),
        "epsilon": np.array([e for _, e in cases]),
        "one": np.array([np.mean(cosines[d] >= e) for d, e in cases]),
        "two": np.array([np.mean(np.abs(cosines[d]) >= e) for d, e in cases]),
        "pairs": np.array([len(cosines[d]) for d, _ in cases]),
        "spread": np.array([np.arccos(cosines[d]).std() for d, _ in cases]),
    }


DIRECTIONS = directions.case(
    "directions", "Proposition C.1: angles of random directions", quick={"numbers": 1_000_000}
)


@topic.claim(
    "proposition-c-1",
    "P(cos >= epsilon) is at most exp(-d epsilon^2 / 2), so phi_0 is near pi/2.",
    place="Proposition C.1",
)
def almost_orthogonal(study: Study) -> Iterator[Part]:
    """The shares less their bound, and off the exact probability, in standard errors."""
    arrays = study.arrays
    columns = (arrays[name] for name in ("d", "epsilon", "one", "two", "pairs"))
    for d, e, one, two, pairs in zip(*columns, strict=True):
        exact, bound = two_sided(float(e), int(d)), float(np.exp(-d * e**2 / 2))
        error = float(np.sqrt(max(exact * (1 - exact), 1.0 / pairs) / pairs))
        where = f"d = {d}, epsilon = {e:g}"
        above = f"share {one:.4g} above exp(-d epsilon^2/2) = {bound:.4g}, standard errors"
        yield at_most(f"{where}: {above}", (one - bound) / error, 4.0)
        off = f"share of |cos| off the exact {exact:.4g}, standard errors"
        yield at_most(f"{where}: {off}", abs(two - exact) / error, 4.0)
    yield number(f"standard deviation of phi_0 at d = {arrays['d'][0]}", arrays["spread"][0])
