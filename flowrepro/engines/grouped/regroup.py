"""After a step: look at the neurons that may have crossed a boundary, and at no others.

No sign of a neuron can change while its cone has turned by less than the neuron's margin, so
crossings are found at the very step at which they happen. A second look without a step in between
changes nothing; that is what makes the iterates independent of how a run is cut.
"""

from __future__ import annotations

import numpy as np

from flowrepro.engines.compiled import compiled
from flowrepro.engines.grouped.caught import (
    CLEARANCE,
    FIRST_PAUSE,
    LONGEST_PAUSE,
    RELEASE,
    across,
    capture,
    close_block_gaps,
    drop,
    returns,
)
from flowrepro.engines.grouped.place import (
    close_gaps,
    current,
    enter,
    find,
    leave,
    locate,
    same,
    start_again,
    wait,
    weigh,
)
from flowrepro.engines.grouped.table import (
    BLOCKS,
    CROSSINGS,
    EXAMINED,
    LEVELS,
    PLAIN,
    SLOTS,
    Caught,
    Cones,
    Neurons,
    Points,
    Rule,
    Work,
)


@compiled
def regroup(
    points: Points,
    cones: Cones,
    neurons: Neurons,
    caught: Caught,
    work: Work,
    rule: Rule,
    step: int,
) -> bool:
    """Bring every neuron to the cone it is in at ``step``;

    False when the slots do not suffice (call again with more).
    """
    for s in range(cones.counter[SLOTS]):
        if cones.turned[s] > 1.0:
            for b in range(cones.counter[BLOCKS]):
                if caught.slot[b] == s:
                    caught.due[b] -= cones.turned[s]
            start_again(cones, neurons, s, work.theta)
    for s in range(cones.counter[SLOTS]):
        if cones.turned[s] > cones.soonest[s] and not look(
            points, cones, neurons, caught, work, rule, s, step
        ):
            return False
    for b in range(cones.counter[BLOCKS]):
        s = caught.slot[b]
        if (
            s >= 0
            and (cones.turned[s] > caught.due[b] or step >= caught.check[b])
            and not look_at_block(points, cones, neurons, caught, work, rule, b, step)
        ):
            return False
    close_gaps(cones, caught)
    close_block_gaps(cones, caught)
    return True


@compiled
def look(
    points: Points,
    cones: Cones,
    neurons: Neurons,
    caught: Caught,
    work: Work,
    rule: Rule,
    s: int,
    step: int,
) -> bool:
    """Empty the lists of slot s that are due and put each of their neurons where it belongs now."""
    for level in range(LEVELS):
        if not cones.turned[s] > cones.due[s, level]:
            continue
        j = cones.head[s, level]
        cones.head[s, level] = -1
        cones.due[s, level] = np.inf
        while j >= 0:
            following = neurons.following[j]
            cones.counter[EXAMINED] += 1
            current(cones, neurons, s, j, work.theta)
            margin = locate(points, work.theta, work.pattern, -1)
            if same(work.pattern, cones.pattern[s]):
                wait(cones, neurons, s, j, margin)
            elif not cross(points, cones, neurons, caught, work, rule, s, j, margin, step):
                while j >= 0:
                    following = neurons.following[j]
                    wait(cones, neurons, s, j, 0.0)
                    j = following
                cones.due[s, LEVELS - 1] = cones.soonest[s] = -np.inf
                return False
            j = following
    cones.soonest[s] = np.inf
    for level in range(LEVELS):
        cones.soonest[s] = min(cones.soonest[s], cones.due[s, level])
    return True


@compiled
def cross(
    points: Points,
    cones: Cones,
    neurons: Neurons,
    caught: Caught,
    work: Work,
    rule: Rule,
    s: int,
    j: int,
    margin: float,
    step: int,
) -> bool:
    """Move neuron j, now at work.theta with work.pattern, out of slot s;

    False, with nothing done, when no slot is left.
    """
    taken = capture(points, cones, caught, work, rule, s, work.theta, j, step)
    if taken < 0:
        return False
    if taken == 0:
        target = find(points, cones, work.pattern, PLAIN, rule.alpha)
        if target < 0:
            return False
    weigh(cones, neurons, s, j, -1.0)
    leave(cones, s)
    if taken == 0:
        enter(cones, neurons, work, target, j, work.theta, margin)
    cones.counter[CROSSINGS] += 1
    return True


@compiled
def look_at_block(
    points: Points,
    cones: Cones,
    neurons: Neurons,
    caught: Caught,
    work: Work,
    rule: Rule,
    b: int,
    step: int,
) -> bool:
    """Let go the neurons of block b that have left their hyperplane or come near another one."""
    d = points.X.shape[1]
    s = caught.slot[b]
    k = cones.edge[s]
    off, on, force = across(points, work.D[s], (1.0 - rule.alpha) * work.g[k], k)
    turn = 0.5 * CLEARANCE * rule.lr * force
    nearest, held = np.inf, caught.held[b]
    for lane in range(held - 1, -1, -1):
        z = 0.0
        for i in range(d):
            work.theta[i] = caught.W[b, i, lane]
            z += points.X[k, i] * work.theta[i]
        work.theta[d] = caught.a[b, lane]
        cones.counter[EXAMINED] += 1
        margin = locate(points, work.theta, work.pattern, k)
        if (
            margin >= turn
            and returns(z, float(work.theta[d]), off, on, RELEASE * rule.lr)
            and same(work.pattern, cones.pattern[s])
        ):
            nearest = min(nearest, margin)
            continue
        margin = locate(points, work.theta, work.pattern, -1)
        target = find(points, cones, work.pattern, PLAIN, rule.alpha)
        if target < 0:
            return False
        j = caught.neuron[b, lane]
        drop(caught, b, lane)
        leave(cones, s)
        enter(cones, neurons, work, target, j, work.theta, margin)
    caught.due[b] = cones.turned[s] + nearest
    caught.pause[b] = (
        min(2 * caught.pause[b], LONGEST_PAUSE) if caught.held[b] == held else FIRST_PAUSE
    )
    caught.check[b] = step + caught.pause[b]
    return True
