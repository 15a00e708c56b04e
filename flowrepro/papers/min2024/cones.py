"""The geometry behind alignment (min2024 Lemmas 2, 5 to 9 and 11): cones of points that satisfy Assumption 1, by sampling.

K is the cone of all combinations of y_i x_i with weights >= 0, S+ holds the directions active on the positive data exactly.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from flowrepro.claims.old_claim import lower, none_of, statement, upper
from flowrepro.claims.old_verdict import Judgement
from flowrepro.claims.options import at_least_one, one_of
from flowrepro.core.config import Loss, StudyCase
from flowrepro.core.network import output_gradient
from flowrepro.core.trajectory import Dataset, Study
from flowrepro.papers.min2024.constants import point_constants
from flowrepro.papers.min2024.theory_cases import CONES, CONES_10D
from flowrepro.papers.min2024.theory_states import assumption_1, points_of, ref, slope_one
from flowrepro.papers.topic import Progress
from flowrepro.theory.alignment import class_sums

CASES = (CONES.name, CONES_10D.name)
ROUNDING = 1e-12
PARALLEL = 1e-6
"""Size of a rest of two unit vectors below which its direction is rounding."""


def units(V: np.ndarray) -> np.ndarray:
    """Rows of V normalised; a zero row stays zero."""
    norms = np.linalg.norm(V, axis=-1, keepdims=True)
    return np.asarray(V / np.where(norms > 0, norms, 1.0))


def cones(case: StudyCase, dataset: Dataset | None, progress: Progress) -> dict[str, np.ndarray]:
    """``samples`` (S) draws for every lemma.

    lemma5 (S,) cos(z1, z2) of z1, z2 in K. lemma7 (S,) min_i y_i cos(z, x_i) of z in K. lemma6, lemma8 (S,) whether a sum of two
    elements of S+ or of S-, and a direction within the angle of Lemma 8 of x_+ or x_-, lies in that cone.
    lemma9 (S,) |cos(z, w)| of z in K and w outside S+ and S-, half of them the nearest such w. lemma11 (S,) ||x_a(w)|| over
    sqrt(n_a (1 + mu (n_a - 1))) X_min of random w with n_a > 0.
    """
    assert dataset is not None
    X, y, S = dataset.X, dataset.y, at_least_one(case, "samples")
    one_of(case, "loss", "exp", "logistic2", "logistic")
    rng = np.random.default_rng(case.seed)
    points = point_constants(X, y)

    def conic(chosen: np.ndarray) -> np.ndarray:
        """Unit elements (S, d) of the cone of y_i x_i; powers of the weights reach its faces."""
        weights = rng.exponential(size=(S, int(chosen.sum()))) ** rng.choice(
            [1.0, 4.0, 16.0], size=(S, 1)
        )
        return units(weights @ (y[chosen, None] * X[chosen]))

    everything = np.ones(len(y), dtype=bool)
    first, second = conic(everything), conic(everything)
    progress(1, 3)
    V = units(rng.standard_normal((S, X.shape[1])))
    inside, capped = _in_cones(X, y, first, second, V, points.zeta1, rng)
    progress(2, 3)
    Z = y[:, None] * units(X)
    active = V @ X.T > 0
    outside = ~_in_cone(X, y, V, 1) & ~_in_cone(X, y, V, -1)
    nearest = (
        first
        - np.sum(first * Z[(at := np.argmin(first @ Z.T, axis=1))], axis=1, keepdims=True) * Z[at]
    )
    nearest[np.linalg.norm(nearest, axis=1) < PARALLEL] = 0.0
    away = np.where((outside & (np.arange(S) % 2 == 0))[:, None], V, units(nearest))
    counts = active.sum(axis=1)
    pulls = np.linalg.norm((active * y) @ X, axis=1)[counts > 0]
    least = (
        np.sqrt(counts * np.maximum(1 + points.mu * (counts - 1), 0.0))[counts > 0] * points.x_min
    )
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
    """Lemma 6 on sums of elements of +-K moved at random as long as they stay in S+-, and Lemma 8 on caps around x_+ and x_-."""
    S = len(V)
    inside, capped = np.empty(S, dtype=bool), np.empty(S, dtype=bool)
    for sign, r, half in zip(
        (1, -1), class_sums(X, y), (slice(0, None, 2), slice(1, None, 2)), strict=True
    ):
        moved = [
            units(sign * z[half] + 0.3 * units(rng.standard_normal(z[half].shape)))
            for z in (first, second)
        ]
        pair = [
            np.where(_in_cone(X, y, z, sign)[:, None], z, sign * base[half])
            for z, base in zip(moved, (first, second), strict=True)
        ]
        inside[half] = _in_cone(
            X, y, pair[0] + rng.exponential(size=(len(pair[0]), 1)) * pair[1], sign
        )
        if not np.any(r):
            capped[half] = True
            continue
        axis = r / np.linalg.norm(r)
        across = V[half] - (V[half] @ axis)[:, None] * axis
        sine = (
            np.sqrt(zeta1) * (1 - 1e-9) * rng.uniform(0.9, 1.0, (len(across), 1))
        )  # just inside the cap cos > sqrt(1 - zeta_1)
        capped[half] = _in_cone(X, y, np.sqrt(1 - sine**2) * axis + sine * units(across), sign)
    return inside, capped


@statement(
    "L2",
    ref("Lemma 2"),
    "theory",
    CASES,
    "|-l'(y, f) - y| <= 2 |f| for |f| <= 1, losses of slope 1 at f = 0",
    (slope_one,),
)
def check_loss(findings: Study) -> Sequence[Judgement]:
    """On a grid of f in [-1, 1] and both labels."""
    f = np.concatenate([-np.geomspace(1, 1e-6, 200), np.geomspace(1e-6, 1, 200)])
    loss = Loss(name=findings.case.options["loss"], reduction="sum")
    worst = max(
        float(np.max(np.abs(-output_gradient(loss, f, y) - y) / (2 * np.abs(f))))
        for y in (np.ones_like(f), -np.ones_like(f))
    )
    return [upper("largest |-l' - y| / (2 |f|)", worst, 1.0)]


@statement(
    "L5", ref("Lemma 5"), "theory", CASES, "cos(z1, z2) >= mu for z1, z2 in K", (assumption_1,)
)
def check_pairs(findings: Study) -> Sequence[Judgement]:
    """Least cosine of the samples."""
    return [
        lower(
            "least cos(z1, z2)",
            float(findings.arrays["lemma5"].min()),
            points_of(findings).mu - ROUNDING,
        )
    ]


@statement("L6", ref("Lemma 6"), "theory", CASES, "S+ and S- are convex cones", (assumption_1,))
def check_convex(findings: Study) -> Sequence[Judgement]:
    """Sums of two elements of S+ (or S-) that lie outside."""
    return [none_of("sums outside", int(np.sum(~findings.arrays["lemma6"])))]


@statement(
    "L7",
    ref("Lemma 7"),
    "theory",
    CASES,
    "K lies inside S+ and -K inside S-: y_i cos(z, x_i) >= mu for z in K",
    (assumption_1,),
)
def check_inside(findings: Study) -> Sequence[Judgement]:
    """Least y_i cos(z, x_i) of the samples."""
    return [
        lower(
            "least y_i cos(z, x_i)",
            float(findings.arrays["lemma7"].min()),
            points_of(findings).mu - ROUNDING,
        )
    ]


@statement(
    "L8",
    ref("Lemma 8"),
    "theory",
    CASES,
    "directions nearer to x_+ than sqrt(1 - zeta_1) in cosine lie in S+, and near x_- in S-",
    (assumption_1,),
)
def check_caps(findings: Study) -> Sequence[Judgement]:
    """Samples of the caps that lie outside; zeta_1 = min cos^2(x_+-, x_i) > 0."""
    outside = int(np.sum(~findings.arrays["lemma8"]))
    return [
        none_of("directions outside", outside),
        lower("zeta_1", points_of(findings).zeta1, np.nextafter(0.0, 1.0)),
    ]


@statement(
    "L9",
    ref("Lemma 9"),
    "theory",
    CASES,
    "directions outside S+ and S- keep |cos| <= sqrt(1 - xi) to K, with xi = mu^2",
    (assumption_1,),
)
def check_outside(findings: Study) -> Sequence[Judgement]:
    """Largest |cos(z, w)| of the samples."""
    return [
        upper(
            "largest |cos(z, w)|",
            float(findings.arrays["lemma9"].max()),
            np.sqrt(1 - points_of(findings).xi) + ROUNDING,
        )
    ]


@statement(
    "L11",
    ref("Lemma 11"),
    "theory",
    CASES,
    "||x_a(w)|| >= sqrt(n_a (1 + mu (n_a - 1))) X_min >= sqrt(mu) n_a X_min",
    (assumption_1,),
)
def check_pull(findings: Study) -> Sequence[Judgement]:
    """Least ratio of the samples to the sharper bound."""
    return [
        lower(
            "least ||x_a|| over its bound", float(findings.arrays["lemma11"].min()), 1.0 - ROUNDING
        )
    ]


CLAIMS = (
    check_loss,
    check_pairs,
    check_convex,
    check_inside,
    check_caps,
    check_outside,
    check_pull,
)
