"""Proposition C.1: random directions in high dimension are almost orthogonal."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from scipy.special import betainc

from flowrepro.claims.old_claim import number, statement, upper
from flowrepro.claims.old_verdict import Judgement
from flowrepro.claims.published import as_declared
from flowrepro.core.config import StudyCase
from flowrepro.core.trajectory import Dataset, Study
from flowrepro.papers.lee2022.experiments import DIRECTIONS
from flowrepro.papers.lee2022.hypotheses import ref
from flowrepro.papers.topic import Progress

CHUNK = 2**21
"""Numbers drawn at a time."""


def two_sided(e: float, d: int) -> float:
    """P(|cos| >= e) of two independent isotropic vectors in dimension d, exactly: a regularised incomplete beta function."""
    return float(betainc((d - 1) / 2, 0.5, 1 - e**2))


def compute_directions(
    study: StudyCase, dataset: Dataset | None, progress: Progress
) -> Mapping[str, np.ndarray]:
    """Shares of pairs with a large cosine.

    d, epsilon : (K,) the cases. one, two : (K,) shares with cos >= epsilon and |cos| >= epsilon. pairs : (K,). spread : (K,) std of the angle.
    """
    cases = [(int(d), float(e)) for d, e in study.options["cases"]]
    dimensions = list(dict.fromkeys(d for d, _ in cases))
    rng = np.random.default_rng(study.seed)
    cosines = {}
    for k, d in enumerate(dimensions):
        chunks, left = [], int(study.options["numbers"]) // d
        pairs = left
        while left:
            size = min(left, max(1, CHUNK // d))
            u, v = rng.standard_normal((2, size, d))
            chunks.append(
                np.sum(u * v, axis=1) / (np.linalg.norm(u, axis=1) * np.linalg.norm(v, axis=1))
            )
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


@statement(
    "proposition-C.1",
    ref("Proposition C.1"),
    "theory",
    ("directions",),
    "P(cos >= epsilon) <= exp(-d epsilon^2 / 2), so phi_0 is near pi/2",
    (as_declared(DIRECTIONS, ("seed", "options")),),
)
def almost_orthogonal(findings: Study) -> list[Judgement]:
    """measured: the shares less their bound, and off the exact probability, in standard errors; the angle's spread at the first d."""
    parts = []
    arrays = findings.arrays
    for d, e, one, two, pairs in zip(
        *(arrays[name] for name in ("d", "epsilon", "one", "two", "pairs")), strict=True
    ):
        exact, bound = two_sided(float(e), int(d)), float(np.exp(-d * e**2 / 2))
        error = float(np.sqrt(max(exact * (1 - exact), 1.0 / pairs) / pairs))
        where = f"d = {d}, epsilon = {e:g}"
        parts.append(
            upper(
                f"{where}: share {one:.4g} above exp(-d epsilon^2/2) = {bound:.4g}, standard errors",
                (one - bound) / error,
                4.0,
            )
        )
        parts.append(
            upper(
                f"{where}: share of |cos| off the exact {exact:.4g}, standard errors",
                abs(two - exact) / error,
                4.0,
            )
        )
    return [
        *parts,
        number(f"standard deviation of phi_0 at d = {arrays['d'][0]}", arrays["spread"][0]),
    ]


CLAIMS = (almost_orthogonal,)
