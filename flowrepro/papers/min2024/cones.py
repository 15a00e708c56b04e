"""The geometry behind alignment (min2024, Lemmas 2, 5 to 9 and 11), by sampling.

K is the cone of all combinations of y_i x_i with weights >= 0. S+ (S-) is the cone of directions
that are active on the positive (negative) data exactly.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from flowrepro.claims.verdict import Part, at_least, at_most, none_of
from flowrepro.core.config import Loss
from flowrepro.core.network import output_gradient
from flowrepro.core.trajectory import Dataset, Study
from flowrepro.papers.min2024 import PAPER
from flowrepro.papers.min2024.hypotheses import LOSS_NAMES, LossName, assumption_1, slope_one
from flowrepro.papers.min2024.shared.constants import (
    CLUSTERS,
    SIX_POINTS,
    point_constants,
    points_of,
)
from flowrepro.papers.study import Progress, option, silent
from flowrepro.papers.topic import Topic
from flowrepro.theory.alignment import class_sums

ROUNDING = 1e-12
PARALLEL = 1e-6
"""Length of the difference of two unit vectors below which its direction is rounding."""

topic = Topic(PAPER, "The cones of alignment (Lemmas 2, 5 to 9 and 11)", command="toy2d")


def units(V: np.ndarray) -> np.ndarray:
    """Rows of V (..., d) normalised; a zero row stays zero."""
    norms = np.linalg.norm(V, axis=-1, keepdims=True)
    return np.asarray(V / np.where(norms > 0, norms, 1.0))


@topic.study
def cones(
    data: Dataset,
    *,
    loss: LossName = option("exp", "loss of Lemma 2", choices=LOSS_NAMES),
    samples: int = option(4_000, "draws for every lemma", within=(100, 1_000_000)),
    seed: int,
    progress: Progress = silent,
) -> dict[str, np.ndarray]:
    """S = ``samples`` draws for every lemma.

    Returns
    -------
    lemma5 (S,) : cos(z1, z2) of z1, z2 in K. lemma7 (S,) : min_i y_i cos(z, x_i) of z in K.
    lemma6 (S,) : whether a sum of two elements of S+ or of S- lies in that cone. lemma8 (S,) : the
        same of a direction within the angle of Lemma 8 of x_+ or x_-.
    lemma9 (S,) : |cos(z, w)| of z in K and w outside S+ and S-, half of them the nearest such w.
    lemma11 (S,) : ||x_a(w)|| over sqrt(n_a (1 + mu (n_a - 1))) X_min of random w with n_a > 0.
    """
    X, y, S = data.X, data.y, samples
    rng = np.random.default_rng(seed)
    points = point_constants(X, y)

    def conic() -> np.ndarray:
        """Unit elements (S, d) of K; powers of the weights reach its faces."""
        powers = rng.exponential(size=(S, len(y))), rng.choice([1.0, 4.0, 16.0], size=(S, 1))
        return units(powers[0] ** powers[1] @ (y[:, None] * X))

    first, second = conic(), conic()
    progress(1, 3)
    V = units(rng.standard_normal((S, X.shape[1])))
    inside, capped = _in_cones(X, y, first, second, V, points.zeta1, rng)
    progress(2, 3)
    Z = y[:, None] * units(X)
    active = V @ X.T > 0
    outside = ~_in_cone(X, y, V, 1) & ~_in_cone(X, y, V, -1)
    face = Z[np.argmin(first @ Z.T, axis=1)]
    nearest = first - np.sum(first * face, axis=1, keepdims=True) * face
    nearest[np.linalg.norm(nearest, axis=1) < PARALLEL] = 0.0
    away = np.where((outside & (np.arange(S) % 2 == 0))[:, None], V, units(nearest))
    counts = active.sum(axis=1)
    pulls = np.linalg.norm((active * y) @ X, axis=1)[counts > 0]
    cosines = np.maximum(1 + points.mu * (counts - 1), 0.0)
    least = np.sqrt(counts * cosines)[counts > 0] * points.x_min
    return {
        "lemma5": np.sum(first * second, axis=1),
        "lemma6": inside,
        "lemma7": np.min(first @ Z.T, axis=1),
        "lemma8": capped,
        "lemma9": np.abs(np.sum(first * away, axis=1)),
        "lemma11": pulls / np.where(least > 0, least, np.nan),
    }


def _in_cone(X: np.ndarray, y: np.ndarray, V: np.ndarray, sign: int) -> np.ndarray:
    """Whether directions V (S, d) activate exactly the data of that sign."""
    return np.asarray(np.all((V @ X.T > 0) == (sign * y > 0), axis=1))


def _in_cones(
    X: np.ndarray,
    y: np.ndarray,
    first: np.ndarray,
    second: np.ndarray,
    V: np.ndarray,
    zeta1: float,
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray]:
    """What the cones S+ (even samples) and S- (odd ones) hold, (S,) and (S,).

    Lemma 6: sums of two elements of +-K, each moved at random if it stays in S+-. Lemma 8: caps
    around x_+ and x_-, just inside cos > sqrt(1 - zeta_1); true where the class has no data.
    """
    inside, capped = np.empty(len(V), dtype=bool), np.empty(len(V), dtype=bool)
    for odd, (sign, r) in enumerate(zip((1, -1), class_sums(X, y), strict=True)):
        half = slice(odd, None, 2)
        moved = [
            units(sign * z[half] + 0.3 * units(rng.standard_normal(z[half].shape)))
            for z in (first, second)
        ]
        pair = [
            np.where(_in_cone(X, y, z, sign)[:, None], z, sign * base[half])
            for z, base in zip(moved, (first, second), strict=True)
        ]
        total = pair[0] + rng.exponential(size=(len(pair[0]), 1)) * pair[1]
        inside[half] = _in_cone(X, y, total, sign)
        if not np.any(r):
            capped[half] = True
            continue
        axis = r / np.linalg.norm(r)
        across = V[half] - (V[half] @ axis)[:, None] * axis
        sine = np.sqrt(zeta1) * (1 - 1e-9) * rng.uniform(0.9, 1.0, (len(across), 1))
        capped[half] = _in_cone(X, y, np.sqrt(1 - sine**2) * axis + sine * units(across), sign)
    return inside, capped


CONES = cones.case(
    "theory-cones",
    "Lemmas 2 and 5 to 11 on six points: the geometry that alignment rests on",
    data=SIX_POINTS,
    quick={"options.samples": 500},
)
CONES_10D = cones.case(
    "theory-cones-10d",
    "Lemmas 2 and 5 to 11 on twelve points in ten dimensions",
    data=CLUSTERS,
    quick={"options.samples": 500},
)


@topic.claim(
    "lemma-2-slope",
    "A loss of slope 1 at f = 0 has |-l'(y, f) - y| <= 2 |f| for |f| <= 1.",
    place="Lemma 2",
    given=(slope_one,),
    label="identity",
)
def slope(result: Study) -> Iterator[Part]:
    """On a grid of f in [-1, 1] and both labels."""
    f = np.concatenate([-np.geomspace(1, 1e-6, 200), np.geomspace(1e-6, 1, 200)])
    loss = Loss(name=result.case.options["loss"], reduction="sum")
    worst = max(
        float(np.max(np.abs(-output_gradient(loss, f, y) - y) / (2 * np.abs(f))))
        for y in (np.ones_like(f), -np.ones_like(f))
    )
    yield at_most("largest |-l' - y| / (2 |f|)", worst, 1.0)


@topic.claim(
    "lemma-5-cosines",
    "Two elements z1 and z2 of K have cos(z1, z2) >= mu.",
    place="Lemma 5",
    given=(assumption_1,),
)
def pairs(result: Study) -> Iterator[Part]:
    """Least cosine of the samples."""
    least = float(result.arrays["lemma5"].min())
    yield at_least("least cos(z1, z2)", least, points_of(result).mu - ROUNDING)


@topic.claim(
    "lemma-6-convexity", "S+ and S- are convex cones.", place="Lemma 6", given=(assumption_1,)
)
def convexity(result: Study) -> Iterator[Part]:
    """Sums of two elements of S+ (or S-) that lie outside."""
    yield none_of("sums outside", int(np.sum(~result.arrays["lemma6"])))


@topic.claim(
    "lemma-7-cone",
    "K lies inside S+, and -K inside S-: an element z of K has y_i cos(z, x_i) >= mu.",
    place="Lemma 7",
    given=(assumption_1,),
)
def inner_cone(result: Study) -> Iterator[Part]:
    """Least y_i cos(z, x_i) of the samples."""
    least = float(result.arrays["lemma7"].min())
    yield at_least("least y_i cos(z, x_i)", least, points_of(result).mu - ROUNDING)


@topic.claim(
    "lemma-8-caps",
    "A direction whose cosine with x_+ (x_-) exceeds sqrt(1 - zeta_1) lies in S+ (S-).",
    place="Lemma 8",
    given=(assumption_1,),
)
def caps(result: Study) -> Iterator[Part]:
    """Samples of the caps that lie outside; zeta_1 = min cos^2(x_+-, x_i) > 0."""
    yield none_of("directions outside", int(np.sum(~result.arrays["lemma8"])))
    yield at_least("zeta_1", points_of(result).zeta1, np.nextafter(0.0, 1.0))


@topic.claim(
    "lemma-9-outside",
    "A direction outside S+ and S- keeps |cos| <= sqrt(1 - xi) to K, with xi = mu^2.",
    place="Lemma 9",
    given=(assumption_1,),
)
def outside_directions(result: Study) -> Iterator[Part]:
    """Largest |cos(z, w)| of the samples."""
    largest = float(result.arrays["lemma9"].max())
    yield at_most("largest |cos(z, w)|", largest, np.sqrt(1 - points_of(result).xi) + ROUNDING)


@topic.claim(
    "lemma-11-force",
    "The force is at least ||x_a(w)|| >= sqrt(n_a (1 + mu (n_a - 1))) X_min >= sqrt(mu) n_a X_min.",
    place="Lemma 11",
    given=(assumption_1,),
)
def least_force(result: Study) -> Iterator[Part]:
    """Least ratio of the samples to the sharper bound."""
    least = float(result.arrays["lemma11"].min())
    yield at_least("least ||x_a|| over its bound", least, 1.0 - ROUNDING)
