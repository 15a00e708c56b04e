"""Which cone a neuron is in, how far it is from the boundary, and putting it there."""

from __future__ import annotations

import math

import numpy as np

from flowrepro.engines.compiled import compiled
from flowrepro.engines.grouped.table import (
    BLOCKS,
    FREE,
    LEVELS,
    PLAIN,
    SLOTS,
    Caught,
    Cones,
    Neurons,
    Points,
    Work,
)

SAFETY = 1.0 - 1e-9
"""Margins are shortened by this factor, against the rounding of sums of many small angles."""


@compiled
def locate(points: Points, theta: np.ndarray, pattern: np.ndarray, skip: int) -> float:
    """Write the bits <w, x_k> > 0 into ``pattern``; a lower bound of the angle of theta to the
    nearest hyperplane.

    Datum ``skip`` counts as off and without a hyperplane (-1: none does); so do points x_k = 0.
    """
    n, d = points.X.shape
    pattern[:] = 0
    nearest = np.inf
    for k in range(n):
        if k == skip or points.norm[k] == 0.0:
            continue
        z = 0.0
        for i in range(d):
            z += points.X[k, i] * theta[i]
        if z > 0.0:
            pattern[k >> 6] |= np.uint64(1) << np.uint64(k & 63)
        nearest = min(nearest, abs(z) / points.norm[k])
    size = length(theta)
    if size == 0.0:
        return np.inf
    # arcsin r >= r + r^3 / 6: the angle to the hyperplane, from below.
    r = nearest / size
    return SAFETY * (r + r * r * r / 6.0)


@compiled
def length(theta: np.ndarray) -> float:
    """|theta|, also where its square is too small for a double; 0 only for theta = 0."""
    largest = 0.0
    for value in theta:
        largest = max(largest, abs(value))
    if largest == 0.0:
        return 0.0
    square = 0.0
    for value in theta:
        square += (value / largest) ** 2
    return largest * math.sqrt(square)


@compiled
def same(left: np.ndarray, right: np.ndarray) -> bool:
    """Whether two patterns agree."""
    different = 0
    for word in range(len(left)):
        different += left[word] != right[word]
    return different == 0


@compiled
def find(points: Points, cones: Cones, pattern: np.ndarray, edge: int, alpha: float) -> int:
    """The slot of this pattern and edge, opened if need be; -1 when all slots are taken."""
    free = -1
    for s in range(cones.counter[SLOTS]):
        if cones.edge[s] == edge and same(cones.pattern[s], pattern):
            return s
        if free < 0 and cones.edge[s] == FREE:
            free = s
    if free < 0:
        if cones.counter[SLOTS] == len(cones.edge):
            return -1
        free = cones.counter[SLOTS]
        cones.counter[SLOTS] += 1
    copy(pattern, cones.pattern[free])
    cones.edge[free] = edge
    for k in range(len(points.X)):
        on = (pattern[k >> 6] >> np.uint64(k & 63)) & np.uint64(1)
        for i in range(points.X.shape[1]):
            cones.active[free, i, k] = points.X[k, i] if on else alpha * points.X[k, i]
    return free


@compiled
def leave(cones: Cones, s: int) -> None:
    """One neuron fewer in slot s; an empty slot becomes free, so that no rounding is left behind in
    it.
    """
    cones.members[s] -= 1
    if cones.members[s] == 0:
        clear(cones, s)


@compiled
def clear(cones: Cones, s: int) -> None:
    """Make slot s as it was before its first use."""
    cones.edge[s] = FREE
    cones.members[s] = 0
    cones.active[s] = 0.0
    cones.turned[s] = 0.0
    cones.head[s] = -1
    cones.due[s] = np.inf
    cones.soonest[s] = np.inf
    cones.S[s] = 0.0
    reset(cones.M[s])


@compiled
def reset(M: np.ndarray) -> None:
    """M = I."""
    M[:] = 0.0
    for r in range(len(M)):
        M[r, r] = 1.0


@compiled
def copy(source: np.ndarray, target: np.ndarray) -> None:
    """target[:] = source for equal shapes; numba's own would compile for seconds, for the message
    it may have to give.
    """
    for index, value in np.ndenumerate(source):
        target[index] = value


@compiled
def close_gaps(cones: Cones, caught: Caught) -> None:
    """Move slots down until no free one lies among those in use."""
    for s in range(cones.counter[SLOTS]):
        while cones.counter[SLOTS] > s and cones.edge[cones.counter[SLOTS] - 1] == FREE:
            cones.counter[SLOTS] -= 1
        last = cones.counter[SLOTS] - 1
        if s >= last or cones.edge[s] != FREE:
            continue
        cones.edge[s], cones.members[s] = cones.edge[last], cones.members[last]
        cones.turned[s], cones.soonest[s] = cones.turned[last], cones.soonest[last]
        copy(cones.pattern[last], cones.pattern[s])
        copy(cones.active[last], cones.active[s])
        copy(cones.M[last], cones.M[s])
        copy(cones.S[last], cones.S[s])
        copy(cones.head[last], cones.head[s])
        copy(cones.due[last], cones.due[s])
        for b in range(cones.counter[BLOCKS]):
            if caught.slot[b] == last:
                caught.slot[b] = s
        clear(cones, last)
        cones.counter[SLOTS] = last


@compiled
def wait(cones: Cones, neurons: Neurons, s: int, j: int, margin: float) -> None:
    """Put neuron j, which may turn by ``margin`` before anything can happen to it, into the right
    list of slot s.
    """
    # List l takes margins in [2^-l, 2^(1-l)) and is looked at after 2^-l: never too late.
    if margin >= 1.0:
        level, width = 0, 1.0
    elif margin >= 2.0 ** (2 - LEVELS):
        level = 1 - math.frexp(margin)[1]
        width = math.ldexp(1.0, -level)
    else:
        level, width = LEVELS - 1, 0.0
    if cones.head[s, level] < 0:
        cones.due[s, level] = cones.turned[s] + width
        cones.soonest[s] = min(cones.soonest[s], cones.due[s, level])
    neurons.following[j] = cones.head[s, level]
    cones.head[s, level] = j


@compiled
def weigh(cones: Cones, neurons: Neurons, s: int, j: int, sign: float) -> None:
    """S_s += sign theta0_j theta0_j^T."""
    theta0 = neurons.theta0[j]
    for r in range(len(theta0)):
        for c in range(len(theta0)):
            cones.S[s, r, c] += sign * theta0[r] * theta0[c]


@compiled
def current(cones: Cones, neurons: Neurons, s: int, j: int, theta: np.ndarray) -> None:
    """theta = M_s theta0_j."""
    for r in range(len(theta)):
        theta[r] = 0.0
        for c in range(len(theta)):
            theta[r] += cones.M[s, r, c] * neurons.theta0[j, c]


@compiled
def enter(
    cones: Cones, neurons: Neurons, work: Work, s: int, j: int, theta: np.ndarray, margin: float
) -> None:
    """Put neuron j, now at theta, into the plain slot s: theta0 = M_s^{-1} theta."""
    pull_back(cones.M[s], theta, work.system, neurons.theta0[j])
    weigh(cones, neurons, s, j, 1.0)
    cones.members[s] += 1
    wait(cones, neurons, s, j, margin)


@compiled
def pull_back(M: np.ndarray, theta: np.ndarray, system: np.ndarray, theta0: np.ndarray) -> None:
    """Solve M theta0 = theta by elimination with row exchanges."""
    size = len(theta)
    for r in range(size):
        for c in range(size):
            system[r, c] = M[r, c]
        system[r, size] = theta[r]
    for c in range(size):
        pivot = c
        for r in range(c + 1, size):
            if abs(system[r, c]) > abs(system[pivot, c]):
                pivot = r
        if pivot != c:
            for column in range(c, size + 1):
                system[c, column], system[pivot, column] = system[pivot, column], system[c, column]
        for r in range(c + 1, size):
            ratio = system[r, c] / system[c, c]
            for column in range(c + 1, size + 1):
                system[r, column] -= ratio * system[c, column]
    for r in range(size - 1, -1, -1):
        total = system[r, size]
        for c in range(r + 1, size):
            total -= system[r, c] * theta0[c]
        theta0[r] = total / system[r, r]


@compiled
def start_again(cones: Cones, neurons: Neurons, s: int, theta: np.ndarray) -> None:
    """A new epoch of slot s, before M_s becomes ill-conditioned: theta0 <- M theta0, S anew, M
    = I.
    """
    cones.S[s] = 0.0
    for level in range(LEVELS):
        j = cones.head[s, level]
        while j >= 0:
            current(cones, neurons, s, j, theta)
            copy(theta, neurons.theta0[j])
            weigh(cones, neurons, s, j, 1.0)
            j = neurons.following[j]
    reset(cones.M[s])
    for level in range(LEVELS):
        cones.due[s, level] -= cones.turned[s]
    cones.soonest[s] -= cones.turned[s]
    cones.turned[s] = 0.0


@compiled
def settle(
    points: Points, cones: Cones, neurons: Neurons, work: Work, alpha: float, first: int
) -> int:
    """Put the neurons from ``first`` on, whose theta0 is their theta, into cones; the first that
    found no slot, else m.
    """
    m = len(neurons.following)
    for j in range(first, m):
        copy(neurons.theta0[j], work.theta)
        margin = locate(points, work.theta, work.pattern, -1)
        s = find(points, cones, work.pattern, PLAIN, alpha)
        if s < 0:
            return j
        enter(cones, neurons, work, s, j, work.theta, margin)
    return m
