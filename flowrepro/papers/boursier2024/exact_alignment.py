"""The alignment of balanced ReLU neurons in the limit of vanishing scale, event by event.

The starts are directions of the sphere; t is the time of the flow of the half mean square.
"""

from __future__ import annotations

import numpy as np

from flowrepro.engines.alignment import NeuronPath, align
from flowrepro.errors import NumericalError
from flowrepro.papers.study import Progress
from flowrepro.theory.arrangement import Arrangement
from flowrepro.theory.arrangement_extremal import Subgradients
from flowrepro.theory.stationary import HALF_MEAN_SQUARE

MOST_ALIGNED = 60
"""Points up to which the alignment is followed event by event (chosen: seconds)."""
AT_ONCE = 100
"""Starts between two reports of progress."""
MAP_TIMES = 120
"""Times of the map of active data."""
NUDGE = 1e-7
"""Starts lie this far (radians) beside every ray, where alignment takes longest."""


def settling(
    cones: Arrangement, forces: Subgradients, y: np.ndarray, W: np.ndarray, progress: Progress
) -> dict[str, np.ndarray]:
    """Exact alignment of balanced neurons from the directions W (q, d) as the scale vanishes.

    Per sign of a (+, -), shape (q, 2): settled, the time of the last event; start_cosine, a/|a|
    times the cosine of D(w) and w at the start, which Condition 1 bounds; inactive, whether the
    neuron ends with no force. map_time (T,), map_active (q, 2, T): number of active data. All are
    empty for leaky activations, for many points, and where the alignment has no end.
    """
    if forces.gamma != 0.0 or len(y) > MOST_ALIGNED:
        W = W[:0]
    paths: list[list[NeuronPath]] = [[], []]
    try:
        for first in range(0, len(W), AT_ONCE):
            part = W[first : first + AT_ONCE]
            for sign, kept in zip((1.0, -1.0), paths, strict=True):
                a = np.full(len(part), sign)
                kept.extend(align(cones.X, y, part, a, HALF_MEAN_SQUARE).paths)
            progress(first, len(W))
    except NumericalError:  # neurons may meet the same two points without end, by rounding
        W, paths = W[:0], [[], []]
    settled = np.array([[path.settled for path in kept] for kept in paths]).T
    times = np.linspace(0.0, 1.05 * float(settled.max(initial=0.0)), MAP_TIMES)
    D = ((W @ cones.X.T > 0) * forces.g) @ cones.X
    size = np.linalg.norm(D, axis=1)
    cosine = np.divide(np.sum(D * W, axis=1), size, out=np.zeros_like(size), where=size > 0)
    counts = [[_active_counts(path, times) for path in pair] for pair in zip(*paths, strict=True)]
    return {
        "start": W,
        "settled": settled,
        "start_cosine": np.column_stack([cosine, -cosine]),
        "inactive": np.array([[path.arcs[-1].rate == 0.0 for path in kept] for kept in paths]).T,
        "map_time": times,
        "map_active": np.array(counts, dtype=np.int16).reshape(-1, 2, MAP_TIMES),
    }


def _active_counts(path: NeuronPath, times: np.ndarray) -> np.ndarray:
    """Number of data that the neuron is active on, at increasing times (T,)."""
    counts = np.array([arc.active.sum() for arc in path.arcs])
    return counts[np.searchsorted([arc.start for arc in path.arcs], times, side="right") - 1]


def start_directions(cones: Arrangement, count: int, seed: int) -> np.ndarray:
    """Unit vectors (q, d): equal angles in the plane, else random, and both sides of rays.

    Of all rays if they are no more than ``count``.
    """
    d = cones.X.shape[1]
    if d == 2:
        angle = 2.0 * np.pi * (np.arange(count) + 0.5) / count
        W = np.column_stack([np.cos(angle), np.sin(angle)])
    else:
        W = np.random.default_rng(seed).standard_normal((count, d))
    rays = np.flatnonzero(cones.dimension == 1)
    rays = rays[:: -(-len(rays) // count)]
    beside = []
    for ray, u in zip(cones.inside[rays], cones.signs[rays], strict=True):
        for x in cones.X[(u == 0) & np.any(cones.X != 0, axis=1)]:
            nudge = NUDGE * (x / np.linalg.norm(x))
            beside.append([ray - nudge, ray + nudge])
    W = np.concatenate([W, *beside])
    W /= np.linalg.norm(W, axis=1)[:, None]
    return W[np.argsort(np.arctan2(W[:, 1], W[:, 0]), kind="stable")] if d == 2 else W
