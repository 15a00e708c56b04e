"""When a sample must be asked for its activation: only after its neuron has moved far enough to
change it.

At <w, x> a neuron must move by |<w, x>| / ||x|| before the sign can change. So a sample that was
asked when its neuron had travelled the path p need not be asked again before the path reaches p +
|<w, x>| / ||x||, its key; a heap per neuron holds the smallest key on top. Neurons that move
smoothly ask some ten samples a step, whatever n is.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from flowrepro.engines.compiled import compiled
from flowrepro.engines.lazy.quadratic import Samples

SURE = 1.0 - 1e-6
"""Share of the distance to a boundary that a neuron may travel unasked."""
ULP = 2.3e-16


class Watch(NamedTuple):
    """path (m,) travelled, key (m, n) path at which to ask again, heap (m, n) of sample numbers,
    smallest key first.
    """

    path: np.ndarray
    key: np.ndarray
    heap: np.ndarray


def fresh_watch(samples: Samples, W: np.ndarray) -> Watch:
    """All samples just asked, no path travelled."""
    with np.errstate(all="ignore"):
        distance = np.abs(W @ samples.X.T) / samples.norms
        rounding = _roundings(samples.X.shape[1]) * np.linalg.norm(W, axis=1, keepdims=True)
        key = np.where(samples.norms > 0, np.maximum(distance * SURE - rounding, 0.0), np.inf)
    return Watch(np.zeros(len(W)), key, np.argsort(key, axis=1, kind="stable").astype(np.int64))


@compiled
def _roundings(d: int) -> float:
    """Bound of the rounding of <w, x> / (||w|| ||x||)."""
    return 2.0 * ULP * (d + 4)


@compiled
def travel(path: float, length: float) -> float:
    """The path after a step of this length, rounded up."""
    return (path + length) * (1.0 + 2.0 * ULP)


@compiled
def ask(
    samples: Samples,
    watch: Watch,
    W: np.ndarray,
    j: int,
    norm: float,
    sure: float,
    on: np.ndarray,
    flipped: np.ndarray,
    count: int,
) -> tuple[int, int]:
    """Ask all samples of neuron j that are due.

    Those whose activation differs from ``on`` (m, n) are appended to ``flipped`` from ``count`` on,
    as k m + j.
    ``norm`` is that of the neuron, ``sure`` is SURE (0: all samples are due at every step). The
    path must be positive and finite. Returns the new count and how many were asked.
    """
    key, heap, path, w = watch.key[j], watch.heap[j], watch.path[j], W[j]
    d, asked = len(w), 0
    after = path * (1.0 + ULP)
    while key[heap[0]] <= path:
        k = heap[0]
        x = samples.X[k]
        z = 0.0
        for i in range(d):
            z += x[i] * w[i]
        asked += 1
        if (z > 0.0) != on[j, k]:
            flipped[count] = k * len(W) + j
            count += 1
        # The rounding of <w, x> is taken off, so that a sample is asked too early, never too late.
        reach = sure * abs(z) / samples.norms[k] - _roundings(d) * (norm + path)
        key[k] = max(path + reach, after) if reach > 0.0 else after
        _sift_down(key, heap)
    return count, asked


@compiled
def _sift_down(key: np.ndarray, heap: np.ndarray) -> None:
    """Restore the order of the heap after the key of its top has grown."""
    size, place = len(heap), 0
    moved = heap[0]
    value = key[moved]
    while True:
        child = 2 * place + 1
        if child >= size:
            break
        if child + 1 < size and key[heap[child + 1]] < key[heap[child]]:
            child += 1
        if not key[heap[child]] < value:
            break
        heap[place] = heap[child]
        place = child
    heap[place] = moved
