r"""Second moments of half spaces and wedges (lee2022, Lemma 2.1 and Proposition B.1).

For unit vectors u, v at angle theta and a spherically symmetric x with E[x x^T] = s I (s = 1 for
the Gaussian, 1/d on the sphere),

    E[1{u.x > 0} x x^T] = (s/2) I,               E[1{u.x > 0} 1{v.x > 0} x x^T] = s M(u, v),
    E[relu(u.x) relu(v.x)] = s u^T M v,
    M = (1 - theta/pi)/2 I + (-cos theta (u u^T + v v^T) + u v^T + v u^T) / (2 pi sin theta).

They are compared with samples, entry by entry, and the eigenvalues of M with quadrature.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from flowrepro.claims.verdict import Part, at_most
from flowrepro.core.trajectory import Study
from flowrepro.engines.population import angle_between, overlap
from flowrepro.papers.lee2022 import PAPER
from flowrepro.papers.lee2022.hypotheses import draws_its_points
from flowrepro.papers.study import Progress, option
from flowrepro.papers.topic import Topic

topic = Topic(PAPER, "Second moments of half spaces and wedges", given=(draws_its_points,))

LAWS = ("gaussian", "sphere")
CORRELATED = 3.0
"""Variance of the mean of z^2 in that of independent scores: the entries of a pair are correlated
(chosen; measured 2)."""
QUADRATURE = 64
"""Gauss nodes of the angular integral; the integrand is analytic."""


def wedge_moment(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """M(u, v) for unit vectors (d,) that are neither equal nor opposite; (d, d)."""
    theta = float(angle_between(u, v))
    plane = -np.cos(theta) * (np.outer(u, u) + np.outer(v, v)) + np.outer(u, v) + np.outer(v, u)
    whole = 0.5 * (1 - theta / np.pi) * np.eye(len(u))
    return np.asarray(whole + plane / (2 * np.pi * np.sin(theta)))


def wedge_eigenvalues(theta: float, d: int) -> np.ndarray:
    """(pi - theta - sin theta, pi - theta, ..., pi - theta + sin theta) / (2 pi), of M."""
    middle, ends = np.full(d - 2, np.pi - theta), np.pi - theta + np.sin(theta) * np.array([-1, 1])
    return np.concatenate([ends[:1], middle, ends[1:]]) / (2 * np.pi)


def angular_integrals(theta: float) -> np.ndarray:
    """The outer eigenvalues of M, by quadrature over the wedge |angle| < (pi - theta)/2."""
    nodes, weights = np.polynomial.legendre.leggauss(QUADRATURE)
    half = (np.pi - theta) / 2
    squares = (np.square(f(half * nodes)) for f in (np.sin, np.cos))
    return np.array([half * float(weights @ square) / np.pi for square in squares])


def _sample(law: str, rng: np.random.Generator, n: int, d: int) -> tuple[np.ndarray, float]:
    """Points (n, d) and s."""
    x = rng.standard_normal((n, d))
    if law == "gaussian":
        return x, 1.0
    return x / np.linalg.norm(x, axis=1, keepdims=True), 1.0 / d


def _scores(products: np.ndarray, mask: np.ndarray, expected: np.ndarray) -> np.ndarray:
    """(mean - expected) / standard error of every column of mask * products."""
    n = len(mask)
    mean, second = mask @ products / n, mask @ np.square(products) / n
    return np.asarray((mean - expected) / np.sqrt((second - mean**2) / n))


@topic.study
def moments(
    *,
    n: int = option(200_000, "points of a sample", within=(10_000, 10_000_000)),
    d: int = option(6, "dimension", within=(2, 100)),
    pairs: int = option(20, "random pairs u, v for each law", within=(1, 1_000)),
    seed: int,
    progress: Progress,
) -> dict[str, np.ndarray]:
    """Scores of the three identities for random pairs u, v, and errors of the spectrum of M.

    half, wedge : (laws, pairs, d (d + 1) / 2), relu : (laws, pairs), spectrum, quadrature :
    (pairs,).
    """
    rng = np.random.default_rng(seed)
    i, j = np.triu_indices(d)
    half, wedge = np.empty((2, len(LAWS), pairs, len(i)))
    relu, (spectrum, quadrature) = np.empty((len(LAWS), pairs)), np.empty((2, pairs))
    for k, law in enumerate(LAWS):
        for pair in range(pairs):
            u, v = (w / np.linalg.norm(w) for w in rng.standard_normal((2, d)))
            x, size = _sample(law, rng, n, d)
            on_u, on_v, M, products = x @ u > 0, x @ v > 0, wedge_moment(u, v), x[:, i] * x[:, j]
            half[k, pair] = _scores(products, on_u.astype(float), size / 2 * np.eye(d)[i, j])
            wedge[k, pair] = _scores(products, (on_u & on_v).astype(float), size * M[i, j])
            both = np.maximum(x @ u, 0) * np.maximum(x @ v, 0)
            relu[k, pair] = _scores(both[:, None], np.ones(n), np.array([size * (u @ M @ v)]))[0]
            theta = float(angle_between(u, v))
            exact = wedge_eigenvalues(theta, d)
            overlapping = abs(u @ M @ v - 0.5 * float(overlap(np.asarray(theta))))
            spectrum[pair] = max(np.abs(np.linalg.eigvalsh(M) - exact).max(), overlapping)
            quadrature[pair] = np.abs(angular_integrals(theta) - exact[[0, -1]]).max()
            progress(k * pairs + pair + 1, len(LAWS) * pairs)
    found = {"half": half, "wedge": wedge, "relu": relu}
    return {**found, "spectrum": spectrum, "quadrature": quadrature}


MOMENTS = moments.case(
    "moments",
    "Lemma 2.1 and Proposition B.1 on samples",
    quick={"n": 50_000, "pairs": 10},
)


def _scores_are_standard(study: Study, law: str) -> Iterator[Part]:
    for name in ("half", "wedge", "relu"):
        z = study.arrays[name][LAWS.index(law)]
        mean, error = float(np.mean(z**2)), float(np.sqrt(2 * CORRELATED / z.size))
        yield at_most(f"{name}: largest |z| of {z.size}", np.abs(z).max(), 5.0)
        note = f"{name}: mean z^2 = {mean:.3f} off 1, standard errors"
        yield at_most(note, abs(mean - 1) / error, 4.0)


@topic.claim(
    "lemma-2-1",
    "The second moments of a Gaussian on a half space and on a wedge are I/2 and M(u, v).",
    place="Lemma 2.1",
)
def lemma_2_1(study: Study) -> Iterator[Part]:
    """Standard scores of the sampled entries; errors of the eigenvalues."""
    yield from _scores_are_standard(study, "gaussian")
    yield at_most("eigenvalues of M", study.arrays["spectrum"].max(), 1e-12)
    yield at_most("eigenvalues against quadrature", study.arrays["quadrature"].max(), 1e-12)


@topic.claim(
    "proposition-b-1",
    "On the unit sphere the second moments are those of the Gaussian divided by d.",
    place="Proposition B.1",
)
def proposition_b_1(study: Study) -> Iterator[Part]:
    """Standard scores of the sampled entries."""
    yield from _scores_are_standard(study, "sphere")
