"""Neurons caught on the hyperplane of one datum, which they cross about every step: updated one by one, in blocks.

Once residuals have both signs, the forces on the two sides of <w, x_k> = 0 may both point to it; that is how kinks
form at data (boursier2024, Figure 3). Descent then zigzags, and no two such neurons cross at the same steps.
Every block has one slot, hence one force, so its loops over LANES neurons vectorise.
"""

from __future__ import annotations

import numpy as np

from flowrepro.engines.compiled import compiled
from flowrepro.engines.grouped.place import find, locate
from flowrepro.engines.grouped.table import BLOCKS, CAPTURES, LANES, Caught, Cones, Points, Rule, Work

HOLD = 64.0
"""A neuron is let go when it cannot reach its hyperplane within HOLD steps."""

FIRST_PAUSE, LONGEST_PAUSE = 128, 2**15
"""Steps until a block is looked at; twice as many after every look at which no neuron was let go."""


@compiled
def add_outputs(points: Points, cones: Cones, caught: Caught, work: Work, alpha: float) -> None:
    """Add the caught neurons to V_s of their slot, and what the active ones add at their own datum to work.f."""
    d = points.X.shape[1]
    z = np.empty(LANES)
    for b in range(cones.counter[BLOCKS]):
        s = caught.slot[b]
        if s < 0:
            continue
        k = cones.edge[s]
        W, a = caught.W[b], caught.a[b]
        z[:] = 0.0
        for i in range(d):
            total = 0.0
            x = points.X[k, i]
            for lane in range(LANES):
                total += a[lane] * W[i, lane]
                z[lane] += x * W[i, lane]
            work.V[s, i] += total
        active = 0.0
        for lane in range(LANES):
            active += a[lane] * max(z[lane], 0.0)
        work.f[k] += (1.0 - alpha) * active


@compiled
def move(points: Points, cones: Cones, caught: Caught, work: Work, rule: Rule) -> None:
    """One step of every caught neuron, with the force D_s, less (1 - alpha) g_k x_k where <w, x_k> > 0."""
    d = points.X.shape[1]
    z, on, kick = np.empty(LANES), np.empty(LANES), np.empty(LANES)
    for b in range(cones.counter[BLOCKS]):
        s = caught.slot[b]
        if s < 0:
            continue
        k = cones.edge[s]
        W, a = caught.W[b], caught.a[b]
        z[:] = 0.0
        for i in range(d):
            x = points.X[k, i]
            for lane in range(LANES):
                z[lane] += x * W[i, lane]
        g = (1.0 - rule.alpha) * work.g[k]
        for lane in range(LANES):
            on[lane] = g if z[lane] > 0.0 else 0.0
            kick[lane] = -on[lane] * z[lane]
        for i in range(d):
            x, force = points.X[k, i], work.D[s, i]
            for lane in range(LANES):
                kick[lane] += force * W[i, lane]
                W[i, lane] += rule.lr * a[lane] * (force - on[lane] * x)
        if rule.both:
            for lane in range(LANES):
                a[lane] += rule.lr * kick[lane]


@compiled
def across(points: Points, work: Work, s: int, k: int, alpha: float) -> tuple[float, float, float]:
    """(<D, x_k> where datum k is off, the same where it is on, the larger |D|) for a slot whose bit k is off."""
    off = on = off_square = on_square = 0.0
    for i in range(points.X.shape[1]):
        x, D = points.X[k, i], work.D[s, i]
        D_on = D - (1.0 - alpha) * work.g[k] * x
        off += D * x
        on += D_on * x
        off_square += D * D
        on_square += D_on * D_on
    return off, on, np.sqrt(max(off_square, on_square))


@compiled
def capture(points: Points, cones: Cones, caught: Caught, work: Work, rule: Rule, s: int, j: int, theta: np.ndarray, step: int) -> int:
    """Take in neuron j, about to leave slot s for theta, if it crossed one hyperplane to which both sides push it back.

    Returns 1 if it did, 0 if not, -1 when there is no slot left. Uses the forces of the step just made; being wrong
    costs time only, not exactness.
    """
    k = crossed(cones.pattern[s], work.pattern)
    if k < 0 or cones.counter[BLOCKS] == len(caught.slot):
        return 0
    bit = np.uint64(1) << np.uint64(k & 63)
    off, on = 0.0, 0.0
    was_on = (cones.pattern[s, k >> 6] & bit) != 0
    jump = (1.0 - rule.alpha) * work.g[k] * points.norm[k] ** 2
    for i in range(points.X.shape[1]):
        off += work.D[s, i] * points.X[k, i]
    off += jump if was_on else 0.0
    on = off - jump
    a = theta[len(theta) - 1]
    if not (a * off > 0.0 and a * on < 0.0):
        return 0
    force = 0.0
    for i in range(points.X.shape[1]):
        force += work.D[s, i] ** 2
    reach = HOLD * rule.lr * (np.sqrt(force) + abs(work.g[k]) * points.norm[k])
    pattern = work.pattern.copy()
    margin = locate(points, theta, pattern, k)
    if margin < reach:
        return 0
    b = cones.counter[BLOCKS]
    edge_slot = find(points, cones, pattern, k, rule.alpha)
    if edge_slot < 0:
        return -1
    for candidate in range(cones.counter[BLOCKS] - 1, -1, -1):
        if caught.slot[candidate] == edge_slot and caught.count[candidate] < LANES:
            b = candidate
            break
        if caught.slot[candidate] < 0:
            b = candidate
    take(cones, caught, b, edge_slot, j, theta, margin, step)
    return 1


@compiled
def crossed(left: np.ndarray, right: np.ndarray) -> int:
    """The datum at which two patterns differ, if it is only one; else -1."""
    found = -1
    for word in range(len(left)):
        rest = left[word] ^ right[word]
        if rest == 0:
            continue
        if found >= 0 or (rest & (rest - np.uint64(1))) != 0:
            return -1
        found = 64 * word
        while (rest & np.uint64(1)) == 0:
            rest >>= np.uint64(1)
            found += 1
    return found


@compiled
def take(cones: Cones, caught: Caught, b: int, s: int, j: int, theta: np.ndarray, margin: float, step: int) -> None:
    """Write neuron j into block b of slot s."""
    if b == cones.counter[BLOCKS]:
        cones.counter[BLOCKS] += 1
    if caught.count[b] == 0:
        caught.slot[b] = s
        caught.due[b] = np.inf
        caught.pause[b] = FIRST_PAUSE
        caught.check[b] = step + FIRST_PAUSE
    lane = caught.count[b]
    caught.W[b, :, lane] = theta[:-1]
    caught.a[b, lane] = theta[len(theta) - 1]
    caught.neuron[b, lane] = j
    caught.count[b] += 1
    caught.due[b] = min(caught.due[b], cones.turned[s] + margin)
    cones.count[s] += 1
    cones.counter[CAPTURES] += 1


@compiled
def drop(caught: Caught, b: int, lane: int) -> None:
    """Remove a neuron from its block: the last one takes its place, and the lane left over is zero."""
    last = caught.count[b] - 1
    caught.W[b, :, lane] = caught.W[b, :, last]
    caught.a[b, lane] = caught.a[b, last]
    caught.neuron[b, lane] = caught.neuron[b, last]
    caught.W[b, :, last] = 0.0
    caught.a[b, last] = 0.0
    caught.count[b] = last
    if last == 0:
        caught.slot[b] = -1
