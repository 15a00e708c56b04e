"""How nearly a data set is orthogonally separable: the signs and cosines of all pairs, without the n x n matrix."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

BLOCK = 1024
"""Rows of the correlation matrix held at a time: 52 MB in float32 for the 12665 images of two digits."""
RESOLUTION = 1e-6
"""Error of a cosine computed in float32."""


class Correlations(NamedTuple):
    """Ordered pairs i != j that support Assumption 1, y_i y_j <x_i, x_j> > 0, as shares; and the worst pair.

    share : of all pairs; positive, negative, across : of the pairs within and between the classes (nan without any).
    worst : min over pairs i, j (i = j included) of y_i y_j cos(x_i, x_j), the mu of Assumption 1.
    """

    share: float
    positive: float
    negative: float
    across: float
    worst: float


def correlations(X: np.ndarray, y: np.ndarray) -> Correlations:
    """Signs and worst cosine over all pairs of the rows of X (n, d) with labels y (n,), by their sign.

    Blocks of the matrix are multiplied in float32: cosines are right to RESOLUTION, so pairs closer than that to
    orthogonality may be counted on either side. A zero row has cosine 0 with everything and supports no pair.
    """
    used = np.any(X != 0, axis=0)
    sizes = np.abs(X).max(axis=1, initial=0.0, keepdims=True)
    X = X[:, used] / np.where(sizes > 0, sizes, 1.0)  # so that no square overflows
    norms = np.linalg.norm(X, axis=1, keepdims=True)
    unit = (np.sign(y)[:, None] * X / np.where(norms > 0, norms, 1.0)).astype(np.float32)
    positive, negative = unit[y > 0], unit[y < 0]
    parts = [
        _tally(_within(positive)),
        _tally(_within(negative)),
        _tally(_between(positive, negative)),
    ]
    pairs = [
        len(positive) * (len(positive) - 1),
        len(negative) * (len(negative) - 1),
        2 * len(positive) * len(negative),
    ]
    within_positive, within_negative, across = (
        _share(good, count) for (good, _), count in zip(parts, pairs, strict=True)
    )
    share = _share(sum(good for good, _ in parts), sum(pairs))
    return Correlations(
        share, within_positive, within_negative, across, worst=min(worst for _, worst in parts)
    )


def _within(Z: np.ndarray) -> Iterator[tuple[np.ndarray, int]]:
    """Blocks of Z Z^T on and above the diagonal, with the number of ordered pairs each entry stands for."""
    for start in range(0, len(Z), BLOCK):
        cases, later = Z[start : start + BLOCK], Z[start + BLOCK :]
        own = cases @ cases.T
        yield own[np.triu_indices(len(own), 1)], 2
        yield np.diag(own), 0
        yield cases @ later.T, 2


def _between(Z: np.ndarray, others: np.ndarray) -> Iterator[tuple[np.ndarray, int]]:
    for start in range(0, len(Z), BLOCK):
        yield Z[start : start + BLOCK] @ others.T, 2


def _tally(blocks: Iterator[tuple[np.ndarray, int]]) -> tuple[int, float]:
    """(ordered pairs with a positive entry, smallest entry)."""
    good, worst = 0, np.inf
    for block, weight in blocks:
        good += weight * int(np.count_nonzero(block > 0))
        worst = min(worst, float(block.min(initial=np.inf)))
    return good, worst


def _share(good: int, pairs: int) -> float:
    return good / pairs if pairs else float("nan")


def even_subsample(y: np.ndarray, per_class: int) -> np.ndarray:
    """Indices of at most ``per_class`` evenly spaced cases of each class, positives first."""
    return np.concatenate(
        [
            indices[_spread(len(indices), per_class)]
            for indices in (np.flatnonzero(y > 0), np.flatnonzero(y < 0))
        ]
    )


def _spread(n: int, wanted: int) -> np.ndarray:
    return np.arange(min(n, wanted)) * n // max(1, min(n, wanted))
