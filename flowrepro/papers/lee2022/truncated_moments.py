r"""Lemma 2.1 and Proposition B.1: second moments of half spaces and wedges, against samples and against quadrature.

For unit vectors u, v at angle theta and a spherically symmetric x with E[x x^T] = s I (s = 1 Gaussian, 1/d on the sphere),

    E[1{u.x > 0} x x^T] = (s/2) I,   E[1{u.x > 0} 1{v.x > 0} x x^T] = s M(u, v),   E[relu(u.x) relu(v.x)] = s u^T M v,

    M = (1 - theta/pi)/2 I + (1 / (2 pi sin theta)) [-cos theta (u u^T + v v^T) + u v^T + v u^T].
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from flowrepro.claims.old_claim import statement, upper
from flowrepro.claims.old_verdict import Judgement
from flowrepro.claims.published import as_declared
from flowrepro.core.config import StudyCase
from flowrepro.core.trajectory import Dataset, Study
from flowrepro.engines.population import angle_between, overlap
from flowrepro.papers.lee2022.experiments import MOMENTS
from flowrepro.papers.lee2022.hypotheses import ref
from flowrepro.papers.topic import Progress

LAWS = ("gaussian", "sphere")
CORRELATED = 3.0
"""Variance of the mean of z^2 in that of independent scores: the entries of a pair are correlated (chosen; measured 2)."""
QUADRATURE = 64
"""Gauss nodes of the angular integral; the integrand is analytic."""


def wedge_moment(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """M(u, v) for unit vectors (d,) that are neither equal nor opposite; (d, d)."""
    theta = float(angle_between(u, v))
    plane = -np.cos(theta) * (np.outer(u, u) + np.outer(v, v)) + np.outer(u, v) + np.outer(v, u)
    return np.asarray(
        0.5 * (1 - theta / np.pi) * np.eye(len(u)) + plane / (2 * np.pi * np.sin(theta))
    )


def wedge_eigenvalues(theta: float, d: int) -> np.ndarray:
    """Ascending eigenvalues of M: (pi - theta - sin theta, pi - theta (d - 2 times), pi - theta + sin theta) / (2 pi)."""
    middle = np.full(d - 2, np.pi - theta)
    return np.concatenate(
        [[np.pi - theta - np.sin(theta)], middle, [np.pi - theta + np.sin(theta)]]
    ) / (2 * np.pi)


def angular_integrals(theta: float) -> np.ndarray:
    """(1/pi) int sin^2, cos^2 over the wedge |angle| < (pi - theta)/2, by quadrature: the outer eigenvalues of M once more."""
    nodes, weights = np.polynomial.legendre.leggauss(QUADRATURE)
    half = (np.pi - theta) / 2
    return np.array(
        [half * float(weights @ np.square(f(half * nodes))) / np.pi for f in (np.sin, np.cos)]
    )


def _sample(law: str, rng: np.random.Generator, n: int, d: int) -> tuple[np.ndarray, float]:
    x = rng.standard_normal((n, d))
    return (
        (x, 1.0) if law == "gaussian" else (x / np.linalg.norm(x, axis=1, keepdims=True), 1.0 / d)
    )


def _scores(products: np.ndarray, mask: np.ndarray, expected: np.ndarray) -> np.ndarray:
    """(mean - expected) / standard error of every column of mask * products."""
    n = len(mask)
    mean, second = mask @ products / n, mask @ np.square(products) / n
    return np.asarray((mean - expected) / np.sqrt((second - mean**2) / n))


def compute_moments(
    study: StudyCase, dataset: Dataset | None, progress: Progress
) -> Mapping[str, np.ndarray]:
    """Scores of the three identities for random pairs u, v, for both laws, and errors of the spectrum of M.

    half, wedge : (laws, pairs, d (d + 1) / 2), relu : (laws, pairs), spectrum, quadrature : (pairs,).
    """
    n, d, pairs = (int(study.options[name]) for name in ("n", "d", "pairs"))
    rng = np.random.default_rng(study.seed)
    i, j = np.triu_indices(d)
    half, wedge = np.empty((2, len(LAWS), pairs, len(i)))
    relu = np.empty((len(LAWS), pairs))
    spectrum, quadrature, done = np.empty(pairs), np.empty(pairs), 0
    for k, law in enumerate(LAWS):
        for pair in range(pairs):
            u, v = (w / np.linalg.norm(w) for w in rng.standard_normal((2, d)))
            x, size = _sample(law, rng, n, d)
            on_u, on_v, M, products = x @ u > 0, x @ v > 0, wedge_moment(u, v), x[:, i] * x[:, j]
            half[k, pair] = _scores(products, on_u.astype(float), size / 2 * np.eye(d)[i, j])
            wedge[k, pair] = _scores(products, (on_u & on_v).astype(float), size * M[i, j])
            relu[k, pair] = _scores(
                (np.maximum(x @ u, 0) * np.maximum(x @ v, 0))[:, None],
                np.ones(n),
                np.array([size * (u @ M @ v)]),
            )[0]
            theta = float(angle_between(u, v))
            exact = wedge_eigenvalues(theta, d)
            spectrum[pair] = max(
                np.abs(np.linalg.eigvalsh(M) - exact).max(),
                abs(u @ M @ v - 0.5 * float(overlap(np.asarray(theta)))),
            )
            quadrature[pair] = np.abs(angular_integrals(theta) - exact[[0, -1]]).max()
            done += 1
            progress(done, len(LAWS) * pairs)
    return {
        "half": half,
        "wedge": wedge,
        "relu": relu,
        "spectrum": spectrum,
        "quadrature": quadrature,
    }


def _parts(findings: Study, law: str) -> list[Judgement]:
    k = LAWS.index(law)
    parts = []
    for name in ("half", "wedge", "relu"):
        z = findings.arrays[name][k]
        mean, error = float(np.mean(z**2)), float(np.sqrt(2 * CORRELATED / z.size))
        parts.append(upper(f"{name}: largest |z| of {z.size}", np.abs(z).max(), 5.0))
        parts.append(
            upper(
                f"{name}: mean z^2 = {mean:.3f} off 1, standard errors", abs(mean - 1) / error, 4.0
            )
        )
    return parts


@statement(
    "lemma-2.1",
    ref("Lemma 2.1"),
    "theory",
    ("moments",),
    "second moments of half spaces and wedges of a Gaussian",
    (as_declared(MOMENTS, ("seed", "options")),),
)
def lemma_2_1(findings: Study) -> list[Judgement]:
    """measured: standard scores z of the sampled entries, by their largest and their mean square; errors of the eigenvalues."""
    arrays = findings.arrays
    exact = [
        upper("eigenvalues of M", arrays["spectrum"].max(), 1e-12),
        upper("eigenvalues against quadrature", arrays["quadrature"].max(), 1e-12),
    ]
    return [*_parts(findings, "gaussian"), *exact]


@statement(
    "proposition-B.1",
    ref("Proposition B.1"),
    "theory",
    ("moments",),
    "on the unit sphere the same moments divided by d",
    (as_declared(MOMENTS, ("seed", "options")),),
)
def proposition_b_1(findings: Study) -> list[Judgement]:
    """measured: as for Lemma 2.1."""
    return _parts(findings, "sphere")


CLAIMS = (lemma_2_1, proposition_b_1)
