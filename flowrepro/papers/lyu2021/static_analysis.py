"""Studies of a data set alone: the principal direction, the largest margins, and margins around the one-neuron network."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from flowrepro.claims.options import require_ranges
from flowrepro.core.config import StudyCase
from flowrepro.core.network import activation
from flowrepro.core.trajectory import Dataset
from flowrepro.errors import DataError, NumericalError, UsageError
from flowrepro.papers.lyu2021 import geometry
from flowrepro.papers.topic import Progress
from flowrepro.theory.margin_global import largest_margin

RANGES = {"alpha": (0.0, 1.0), "searches": (1, 1_000_000), "perturbations": (1, 1_000_000)}
SIZES = (1e-4, 1e-3, 1e-2, 1e-1)
"""Relative sizes of the perturbations."""
NEURONS, POSITIVE = 5, 3
"""Width of the perturbed network, and how many of its neurons share the one that is embedded."""


def assumptions(
    case: StudyCase, dataset: Dataset | None, progress: Progress
) -> Mapping[str, np.ndarray]:
    """What checks of Assumptions A.1 to A.5 need beyond closed forms.

    options : alpha, searches (random steps from each candidate), perturbations (per size).

    Returns principal (d,), the unit vector with the most slack of Assumption A.1 found; largest (2,), lower and upper
    bound of the largest margin of any width; negative (2,), those of networks without positive output weights on the
    support S+ of w+ (nan where not computable); perturbed (P,), normalised margins of networks near the one-neuron
    network that keep its signs and patterns, and their relative size (P,).
    """
    assert dataset is not None
    require_ranges(case.options, RANGES)
    X, y, alpha, rng = (
        dataset.X,
        dataset.y,
        float(case.options["alpha"]),
        np.random.default_rng(case.seed),
    )
    principal = principal_direction(X, y, alpha, rng, case.options["searches"])
    progress(1, 4)
    largest = _bounds(X, y, alpha, (1.0, -1.0))
    progress(2, 4)
    plus = geometry.one_neuron(X, y, alpha)
    support = (
        np.zeros(len(y), dtype=bool)
        if plus is None
        else y * (geometry.reweighted(X, y, alpha, 1.0) @ plus.w) <= plus.margin * (1 + 1e-9)
    )
    negative = _bounds(X[support], y[support], alpha, (-1.0,))
    progress(3, 4)
    sizes, margins = perturbed_margins(
        X, y, alpha, plus.w if plus else np.zeros(X.shape[1]), rng, case.options["perturbations"]
    )
    progress(4, 4)
    return {
        "principal": principal,
        "largest": largest,
        "negative": negative,
        "size": sizes,
        "perturbed": margins,
    }


def _bounds(X: np.ndarray, y: np.ndarray, alpha: float, outputs: tuple[float, ...]) -> np.ndarray:
    """Certified (lower, upper); nan where the points are too many, not separable or empty."""
    if len(y) == 0:
        return np.full(2, np.nan)
    try:
        found = largest_margin(X, y, alpha, outputs=outputs)
    except (UsageError, NumericalError, DataError):
        return np.full(2, np.nan)
    return np.array([found.lower, found.upper])


def principal_direction(
    X: np.ndarray, y: np.ndarray, alpha: float, rng: np.random.Generator, searches: int
) -> np.ndarray:
    """The best of mu, w* and w+ for `geometry.principal_slack`, each improved by a random search with shrinking steps."""
    candidates = [
        geometry.mean(X, y),
        *(
            found.w
            for found in (geometry.separator(X, y), geometry.one_neuron(X, y, alpha))
            if found is not None
        ),
    ]
    best, height = candidates[0], -np.inf
    for w in map(geometry.unit, candidates):
        slack = geometry.principal_slack(X, y, alpha, w)
        for step in np.geomspace(1.0, 1e-6, searches):
            trial = geometry.unit(w + step * rng.standard_normal(len(w)))
            found = geometry.principal_slack(X, y, alpha, trial)
            if found > slack:
                w, slack = trial, found
        if slack > height:
            best, height = w, slack
    return np.asarray(best)


def perturbed_margins(
    X: np.ndarray, y: np.ndarray, alpha: float, w: np.ndarray, rng: np.random.Generator, count: int
) -> tuple[np.ndarray, np.ndarray]:
    """Sizes and normalised margins (P,) of random networks near (w, 1)/sqrt 2 embedded in POSITIVE of NEURONS neurons.

    Only those whose embedded neurons keep their output sign and patterns; the other neurons have a <= 0 (Theorem G.11).
    """
    d = len(w)
    shares = np.append(
        np.sqrt(rng.dirichlet(np.ones(POSITIVE))), np.zeros(NEURONS - POSITIVE)
    ) / np.sqrt(2)
    sizes = np.repeat(SIZES, count)
    W = shares[:, None] * w + sizes[:, None, None] * rng.standard_normal(
        (len(sizes), NEURONS, d)
    ) / np.sqrt(NEURONS * d)
    a = shares + sizes[:, None] * rng.standard_normal((len(sizes), NEURONS)) / np.sqrt(NEURONS)
    a[:, POSITIVE:] = -np.abs(a[:, POSITIVE:])
    Z = W @ X.T  # (P, m, n)
    keeps = np.all(a[:, :POSITIVE] > 0, axis=1) & np.all(
        np.sign(Z[:, :POSITIVE]) == np.sign(X @ w), axis=(1, 2)
    )
    q = y * np.einsum("pm,pmn->pn", a, activation(Z, alpha))
    margins = q.min(axis=1) / (np.sum(W**2, axis=(1, 2)) + np.sum(a**2, axis=1))
    return sizes[keeps], margins[keeps]
