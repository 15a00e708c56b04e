"""Neurons caught on the hyperplane of one datum, which they cross about every step: updated one by
one, in blocks.

Once residuals have both signs, the forces on the two sides of <w, x_k> = 0 may both point to it;
that is how kinks form at data (boursier2024, Figure 3). Descent then zigzags, and no two such
neurons cross at the same steps.
Every block has one slot, hence one force, so its loops over LANES neurons vectorise.
"""

from __future__ import annotations

import numpy as np

from flowrepro.engines.compiled import compiled
from flowrepro.engines.grouped.place import copy, find, locate
from flowrepro.engines.grouped.table import (
    BLOCKS,
    CAPTURES,
    LANES,
    Caught,
    Cones,
    Points,
    Rule,
    Work,
)

CAPTURE, RELEASE = 512.0, 4096.0
"""A neuron is taken in when it will be back on its hyperplane within CAPTURE steps, and let go when
not within RELEASE.

One crossing of an ordinary neuron costs as much time as some 1000 steps of a caught one.
"""

CLEARANCE = 64.0
"""Neurons that may reach another hyperplane within CLEARANCE steps are not taken in; half of that
lets them go.
"""

FIRST_PAUSE, LONGEST_PAUSE = 128, 2**15
"""Steps until a block is looked at; twice as many after every look at which no neuron was let go.
"""


@compiled
def sum_block(
    X: np.ndarray, W: np.ndarray, a: np.ndarray, b: int, k: int, sums: np.ndarray, z: np.ndarray
) -> None:
    """sums_b = (sum_j a_j w_j, sum_j a_j max(<w_j, x_k>, 0)) over block b: what the step of its
    cone and datum k need; z is scratch.
    """
    d = X.shape[1]
    for lane in range(LANES):
        z[lane] = 0.0
    for i in range(d):
        total, x = 0.0, X[k, i]
        for lane in range(LANES):
            total += a[b, lane] * W[b, i, lane]
            z[lane] += x * W[b, i, lane]
        sums[b, i] = total
    own = 0.0
    for lane in range(LANES):
        own += a[b, lane] * (z[lane] if z[lane] > 0.0 else 0.0)
    sums[b, d] = own


@compiled
def move_block_in_plane(
    X: np.ndarray,
    W: np.ndarray,
    a: np.ndarray,
    b: int,
    k: int,
    s: int,
    D: np.ndarray,
    g: float,
    lr: float,
    both: bool,
    sums: np.ndarray,
) -> None:
    """`move_block` and `sum_block` for d = 2 in one pass over the neurons, nothing but them being
    read or written.
    """
    x0, x1, D0, D1 = X[k, 0], X[k, 1], D[s, 0], D[s, 1]
    outer = lr if both else 0.0
    v0 = v1 = own = 0.0
    for lane in range(LANES):
        w0, w1, c = W[b, 0, lane], W[b, 1, lane], a[b, lane]
        on = g if x0 * w0 + x1 * w1 > 0.0 else 0.0
        F0, F1 = D0 - on * x0, D1 - on * x1
        a[b, lane] = c + outer * (F0 * w0 + F1 * w1)
        W[b, 0, lane] = w0 = w0 + lr * c * F0
        W[b, 1, lane] = w1 = w1 + lr * c * F1
        c, z = a[b, lane], x0 * w0 + x1 * w1
        v0 += c * w0
        v1 += c * w1
        own += c * (z if z > 0.0 else 0.0)
    sums[b, 0], sums[b, 1], sums[b, 2] = v0, v1, own


@compiled
def move_block(
    X: np.ndarray,
    W: np.ndarray,
    a: np.ndarray,
    b: int,
    k: int,
    s: int,
    D: np.ndarray,
    g: float,
    lr: float,
    both: bool,
    z: np.ndarray,
    on: np.ndarray,
    kick: np.ndarray,
) -> None:
    """One step of the neurons of block b, with the force D_s, less g x_k where <w, x_k> > 0; z, on,
    kick are scratch.
    """
    for lane in range(LANES):
        z[lane] = 0.0
    for i in range(D.shape[1]):
        x = X[k, i]
        for lane in range(LANES):
            z[lane] += x * W[b, i, lane]
    for lane in range(LANES):
        on[lane] = g if z[lane] > 0.0 else 0.0
        kick[lane] = -on[lane] * z[lane]
    for i in range(D.shape[1]):
        x, force = X[k, i], D[s, i]
        for lane in range(LANES):
            kick[lane] += force * W[b, i, lane]
            W[b, i, lane] += lr * a[b, lane] * (force - on[lane] * x)
    if both:
        for lane in range(LANES):
            a[b, lane] += lr * kick[lane]


@compiled
def across(points: Points, D: np.ndarray, jump: float, k: int) -> tuple[float, float, float]:
    """(<D, x_k>, <D - jump x_k, x_k>, the larger of the two norms): the forces where datum k is off
    and on.
    """
    off = on = off_square = on_square = 0.0
    for i in range(len(D)):
        x = points.X[k, i]
        D_on = D[i] - jump * x
        off += D[i] * x
        on += D_on * x
        off_square += D[i] * D[i]
        on_square += D_on * D_on
    return off, on, np.sqrt(max(off_square, on_square))


@compiled
def returns(z: float, a: float, off: float, on: float, reach: float) -> bool:
    """Whether a neuron at z = <w, x_k> is pushed to the hyperplane from both sides and reaches it
    in steps of length ``reach`` in total.
    """
    return a * off > 0.0 and a * on < 0.0 and abs(z) <= reach * abs(a * (on if z > 0.0 else off))


@compiled
def capture(
    points: Points,
    cones: Cones,
    caught: Caught,
    work: Work,
    rule: Rule,
    s: int,
    theta: np.ndarray,
    j: int,
    step: int,
) -> int:
    """Take in neuron j, about to leave slot s for theta, if it crossed one hyperplane to which it
    will be back soon.

    Returns 1 if it did, 0 if not, -1 when there is no slot left. Uses the forces of the step just
    made; being wrong costs time only, not exactness.
    """
    k = crossed(cones.pattern[s], work.pattern)
    if k < 0 or cones.counter[BLOCKS] == len(caught.slot):
        return 0
    d = points.X.shape[1]
    jump, z = (1.0 - rule.alpha) * work.g[k], 0.0
    was_on = (cones.pattern[s, k >> 6] >> np.uint64(k & 63)) & np.uint64(1)
    D_off = work.q[:d]
    for i in range(d):
        D_off[i] = work.D[s, i] + (jump * points.X[k, i] if was_on else 0.0)
        z += points.X[k, i] * theta[i]
    off, on, largest = across(points, D_off, jump, k)
    if not returns(z, float(theta[d]), off, on, CAPTURE * rule.lr):
        return 0
    pattern = work.other
    margin = locate(points, theta, pattern, k)
    if margin < CLEARANCE * rule.lr * largest:
        return 0
    target = find(points, cones, pattern, k, rule.alpha)
    if target < 0:
        return -1
    b = cones.counter[BLOCKS]
    for candidate in range(b - 1, -1, -1):
        if caught.slot[candidate] == target and caught.held[candidate] < LANES:
            b = candidate
            break
        if caught.slot[candidate] < 0:
            b = candidate
    take(cones, caught, b, target, j, theta, margin, step)
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
def take(
    cones: Cones,
    caught: Caught,
    b: int,
    s: int,
    j: int,
    theta: np.ndarray,
    margin: float,
    step: int,
) -> None:
    """Write neuron j into block b of slot s."""
    if b == cones.counter[BLOCKS]:
        cones.counter[BLOCKS] += 1
    if caught.held[b] == 0:
        caught.slot[b] = s
        caught.due[b] = np.inf
        caught.pause[b] = FIRST_PAUSE
        caught.check[b] = step + FIRST_PAUSE
    lane = caught.held[b]
    for i in range(len(theta) - 1):
        caught.W[b, i, lane] = theta[i]
    caught.a[b, lane] = theta[len(theta) - 1]
    caught.neuron[b, lane] = j
    caught.held[b] += 1
    caught.stale[b] = True
    caught.due[b] = min(caught.due[b], cones.turned[s] + margin)
    cones.members[s] += 1
    cones.counter[CAPTURES] += 1


@compiled
def drop(caught: Caught, b: int, lane: int) -> None:
    """Remove a neuron from its block: the last one takes its place, and the lane left over is
    zero.
    """
    last = caught.held[b] - 1
    for i in range(caught.W.shape[1]):
        caught.W[b, i, lane] = caught.W[b, i, last]
        caught.W[b, i, last] = 0.0
    caught.a[b, lane] = caught.a[b, last]
    caught.neuron[b, lane] = caught.neuron[b, last]
    caught.a[b, last] = 0.0
    caught.neuron[b, last] = 0
    caught.held[b] = last
    caught.stale[b] = True
    if last == 0:
        caught.slot[b] = -1


@compiled
def close_block_gaps(cones: Cones, caught: Caught) -> None:
    """Move blocks down until no free one lies among those in use; the lanes beyond stay zero."""
    b = 0
    while b < cones.counter[BLOCKS]:
        last = cones.counter[BLOCKS] - 1
        if caught.slot[b] >= 0:
            b += 1
        elif caught.slot[last] < 0:
            cones.counter[BLOCKS] = last
        else:
            copy(caught.W[last], caught.W[b])
            copy(caught.a[last], caught.a[b])
            copy(caught.neuron[last], caught.neuron[b])
            copy(caught.sums[last], caught.sums[b])
            caught.slot[b], caught.held[b], caught.stale[b] = (
                caught.slot[last],
                caught.held[last],
                caught.stale[last],
            )
            caught.due[b], caught.check[b], caught.pause[b] = (
                caught.due[last],
                caught.check[last],
                caught.pause[last],
            )
            caught.W[last], caught.a[last], caught.neuron[last] = 0.0, 0.0, 0
            caught.sums[last], caught.stale[last] = 0.0, False
            caught.slot[last], caught.held[last] = -1, 0
            cones.counter[BLOCKS] = last
