"""How nearly a data set is orthogonally separable: signs and cosines of all pairs, in blocks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

BLOCK = 1024
"""Rows of the correlation matrix held at a time: 52 MB in float32 for 12665 images."""
RESOLUTION = 1e-6
"""Error of a cosine computed in float32."""


class Correlations(NamedTuple):
    """Shares of ordered pairs i != j with y_i y_j <x_i, x_j> > 0, as Assumption 1 asks.

    share : of all pairs; positive, negative, across : of the pairs within and between the classes
    (nan without any). worst : min over all pairs, i = j included, of y_i y_j cos(x_i, x_j), the mu
    of Assumption 1.
    """

    share: float
    positive: float
    negative: float
    across: float
    worst: float


def correlations(X: np.ndarray, y: np.ndarray) -> Correlations:
    """Signs and worst cosine over all pairs of the rows of X (n, d) with labels y (n,), by sign.

    Blocks are multiplied in float32: cosines are right to RESOLUTION, so that pairs closer than
    that to orthogonality may be counted on either side. A zero row has cosine 0 with everything
    and satisfies Assumption 1 with no other.
    """
    used = np.any(X != 0, axis=0)
    sizes = np.abs(X).max(axis=1, initial=0.0, keepdims=True)
    X = X[:, used] / np.where(sizes > 0, sizes, 1.0)  # so that no square overflows
    norms = np.linalg.norm(X, axis=1, keepdims=True)
    unit = (np.sign(y)[:, None] * X / np.where(norms > 0, norms, 1.0)).astype(np.float32)
    positive, negative = unit[y > 0], unit[y < 0]
    p, q = len(positive), len(negative)
    pairs = (p * (p - 1), q * (q - 1), 2 * p * q)
    blocks = (_within(positive), _within(negative), _between(positive, negative))
    good, worst = zip(*map(_tally, blocks), strict=True)
    own, other, across = (_share(*counts) for counts in zip(good, pairs, strict=True))
    return Correlations(_share(sum(good), sum(pairs)), own, other, across, min(worst))


def _within(Z: np.ndarray) -> Iterator[tuple[np.ndarray, int]]:
    """Blocks of Z Z^T on and above the diagonal, and how many ordered pairs an entry stands for."""
    for start in range(0, len(Z), BLOCK):
        rows, later = Z[start : start + BLOCK], Z[start + BLOCK :]
        own = rows @ rows.T
        yield own[np.triu_indices(len(own), 1)], 2
        yield np.diag(own), 0
        yield rows @ later.T, 2


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
    """Indices of at most ``per_class`` evenly spaced data of each class, positive ones first."""
    classes = (np.flatnonzero(y > 0), np.flatnonzero(y < 0))
    sizes = [min(len(own), per_class) for own in classes]
    return np.concatenate([
        own[np.arange(size) * len(own) // max(1, size)]
        for own, size in zip(classes, sizes, strict=True)
    ])  # fmt: skip
