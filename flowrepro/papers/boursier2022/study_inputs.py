"""What the studies of boursier2022 accept: orthogonal points of moderate size, and options within their ranges."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from flowrepro.claims.options import require_ranges
from flowrepro.core.config import StudyCase
from flowrepro.errors import UsageError
from flowrepro.papers.boursier2022.hypotheses import largest_cosine
from flowrepro.theory.square_descent import MODERATE

RANGES: Mapping[str, tuple[float, float]] = {
    "p": (-2.0, 1e6),
    "seeds": (1, 1000),
    "m": (1, 100_000),
    "fractions": (1e-3, 1.0),
    "ratios": (1.05, 100.0),
    "decades": (0.5, 12.0),
    "horizon": (1.0, 1e6),
    "draws": (1, 100_000),
    "lr": (1e-6, 1.0),
}
"""option -> (least, largest): of the number, or of every number of the list; whole where both are."""


def require_options(study: StudyCase) -> None:
    """Raise UsageError, naming the option and its range, for one that is no number (or list of numbers) within it."""
    require_ranges(study.options, {name: RANGES[name] for name in study.options})


def require_orthogonal(X: np.ndarray, y: np.ndarray) -> None:
    """Raise UsageError unless the points are orthogonal, none of them 0, with labels of both signs, all of moderate size."""
    sizes = np.concatenate([np.abs(X).max(axis=1), np.abs(y)])
    if np.any(sizes > MODERATE) or np.any((sizes > 0) & (sizes < 1 / MODERATE)):
        raise UsageError(
            f"points or labels of size {sizes[sizes > 0].min():.2g} to {sizes.max():.2g} have squares beyond double precision; rescale them"
        )
    if largest_cosine(X) > 1e-12 or not (np.any(y > 0) and np.any(y < 0)):
        raise UsageError(
            "this study is about orthogonal points with labels of both signs; give such points, or run the case 'toy' on these"
        )
