"""What the studies of boursier2022 accept: orthogonal points of moderate size, and options within their ranges."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from flowrepro.errors import UsageError
from flowrepro.experiment import Study
from flowrepro.papers.boursier2022.hypotheses import MODERATE, largest_cosine

RANGES: Mapping[str, tuple[type, float, float]] = {
    "p": (float, -2.0, 1e6),
    "seeds": (int, 1, 1000),
    "m": (int, 1, 100_000),
    "fractions": (float, 1e-3, 1.0),
    "ratios": (float, 1.05, 100.0),
    "decades": (float, 0.5, 12.0),
    "horizon": (float, 1.0, 1e6),
    "draws": (int, 1, 100_000),
    "lr": (float, 1e-6, 1.0),
}
"""option -> (type, least, largest): of the number, or of every number of the list."""


def require_options(study: Study) -> None:
    """Raise UsageError, naming the option and its range, for one that is no number (or list of numbers) within it."""
    for name, given in study.options.items():
        kind, least, most = RANGES[name]
        values = given if isinstance(given, (list, tuple)) else [given]
        if not values or not all(_is(value, kind) and least <= value <= most for value in values):
            whole = "whole numbers" if kind is int else "numbers"
            raise UsageError(f"options.{name} takes {whole} from {least:g} to {most:g}, not '{given}'")


def _is(value: object, kind: type) -> bool:
    return isinstance(value, int if kind is int else (int, float)) and not isinstance(value, bool)


def require_orthogonal(X: np.ndarray, y: np.ndarray) -> None:
    """Raise UsageError unless the points are orthogonal, none of them 0, with labels of both signs, all of moderate size."""
    sizes = np.concatenate([np.abs(X).max(axis=1), np.abs(y)])
    if np.any(sizes > MODERATE) or np.any((sizes > 0) & (sizes < 1 / MODERATE)):
        raise UsageError(f"points or labels of size {sizes[sizes > 0].min():.2g} to {sizes.max():.2g} have squares beyond double precision; rescale them")
    if largest_cosine(X) > 1e-12 or not (np.any(y > 0) and np.any(y < 0)):
        raise UsageError("this study is about orthogonal points with labels of both signs; give such points, or run the row 'toy' on these")
