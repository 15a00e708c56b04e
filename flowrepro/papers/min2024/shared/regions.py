"""The cones S_+, S_- and S_dead of min2024 (Section 3), and who lies in them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from flowrepro.engines.alignment import Fate, classify
from flowrepro.theory.alignment import class_sums, cosines

FATES = tuple(Fate)
"""What the codes of `regions` stand for."""
POSITIVE, NEGATIVE, DEAD, OTHER = (
    FATES.index(fate) for fate in (Fate.POSITIVE, Fate.NEGATIVE, Fate.DEAD, Fate.OTHER)
)


def regions(X: np.ndarray, y: np.ndarray, W: np.ndarray) -> np.ndarray:
    """Codes (..., m) into FATES of neurons W (..., m, d).

    Dead comes first, as S_- has no pattern of its own without negative data.
    """
    active = W @ X.T > 0
    codes = np.where(np.all(active == (y < 0), axis=-1), NEGATIVE, OTHER)
    codes[np.all(active == (y > 0), axis=-1)] = POSITIVE
    codes[~active.any(axis=-1)] = DEAD
    return np.asarray(codes)


def outside(X: np.ndarray, y: np.ndarray, W: np.ndarray, a: np.ndarray) -> np.ndarray:
    """Neurons (..., m) that are neither dead nor in S_+ (a_j > 0) or S_- (a_j < 0)."""
    codes = regions(X, y, W)
    return np.asarray(
        (codes != DEAD) & ~((codes == POSITIVE) & (a > 0)) & ~((codes == NEGATIVE) & (a < 0))
    )


def own_cosines(X: np.ndarray, y: np.ndarray, W: np.ndarray, a: np.ndarray) -> np.ndarray:
    """cos(w_j, x_+) where a_j > 0 and cos(w_j, x_-) where a_j < 0, (..., m).

    nan without data of that class.
    """
    positive, negative = class_sums(X, y)
    return np.where(a > 0, cosines(W, positive), cosines(W, negative))


class Sector(NamedTuple):
    """Directions from ``start`` to ``end`` > start degrees, counter-clockwise, in one region."""

    start: float
    end: float
    region: Fate


def sectors(X: np.ndarray, y: np.ndarray) -> tuple[Sector, ...]:
    """The plane cut at the lines <w, x_i> = 0, X (n, 2), counter-clockwise.

    Neighbouring sectors of one region are joined.
    """
    across = np.degrees(np.arctan2(X[:, 1], X[:, 0]))
    cuts = np.unique(np.round(np.concatenate([across - 90.0, across + 90.0]) % 360.0, 9) % 360.0)
    parts: list[Sector] = []
    for start, end in zip(cuts, np.append(cuts[1:], cuts[0] + 360.0), strict=True):
        region = classify(X @ direction((start + end) / 2) > 0, y)
        if parts and parts[-1].region == region:
            parts[-1] = parts[-1]._replace(end=float(end))
        else:
            parts.append(Sector(float(start), float(end), region))
    if len(parts) > 1 and parts[0].region == parts[-1].region:
        parts = [*parts[1:-1], Sector(parts[-1].start, parts[0].end + 360.0, parts[0].region)]
    return tuple(parts)


def direction(degrees: float | np.ndarray) -> np.ndarray:
    """Unit vectors (..., 2) of the plane at these angles."""
    angle = np.radians(degrees)
    return np.stack([np.cos(angle), np.sin(angle)], axis=-1)


def degrees(V: np.ndarray) -> np.ndarray:
    """Angles (...) of vectors (..., 2), in [0, 360)."""
    return np.asarray(np.degrees(np.arctan2(V[..., 1], V[..., 0])) % 360.0)
