"""The exact instant of an event, and the step that ends there."""

from __future__ import annotations

import numpy as np

from flowrepro.engines.flow.compiled import inner
from flowrepro.engines.flow.events import DEAD_ZONE, MEET, NONE, SIGN_CHANGE, margin, scan
from flowrepro.engines.flow.forces import LOCATED, RESTEPS, Drive, Work, update_forces, velocities
from flowrepro.engines.flow.net import Net
from flowrepro.engines.flow.resolve import ON_PLANE, SIGN, Log, height, record, resolve
from flowrepro.engines.flow.runge_kutta import micro_step, step
from flowrepro.engines.flow.state import (
    BURST,
    LAST,
    LOSS,
    PLUS,
    SCALE,
    SLIDING,
    TIME,
    State,
    project,
)

ON_TARGET = 2e-13
"""z at a located event."""
ON_EXIT = 1e-12
"""Margin (relative to the forces) or b at a located exit or change of sign."""
BURST_GAP = 1e-9
"""Events closer than this, relative to max(1, t), count as one burst."""


@inner
def _distance(net: Net, S: State, W: Work, noise: float, j: int, kind: int, plane: int) -> float:
    """Signed distance of W.Y1 from the event, positive before it."""
    row = W.Y1[j]
    if kind == MEET:
        return height(net.normal, W.Y1, j, plane) * (1.0 if S.mode[j, plane] == PLUS else -1.0)
    s = 1.0 if S.Y[j, -1] > 0.0 else -1.0
    if kind == SIGN_CHANGE:
        return float(row[-1] * s)
    value, _, _ = margin(net, S, W.F, W.clock[SCALE], noise, j, s)
    return value


@inner
def _bracketed(
    net: Net,
    S: State,
    drive: Drive,
    W: Work,
    noise: float,
    j: int,
    kind: int,
    plane: int,
    high: float,
) -> float:
    """Step length in (0, high] that ends at the event, by regula falsi (Illinois) with full
    re-steps; W holds that step.

    Where the event turns out not to lie in the step, the whole step is made and its length
    returned.
    """
    goal = ON_TARGET if kind == MEET else ON_EXIT
    low, f_low, kept = 0.0, 0.0, 0
    W.Y1[:] = S.Y
    W.F[:] = S.F
    W.clock[SCALE] = S.clock[SCALE]
    f_low = max(_distance(net, S, W, noise, j, kind, plane), goal)
    W.tally[RESTEPS] += 1
    step(net, S, drive, high, W)
    f_high = _distance(net, S, W, noise, j, kind, plane)
    if f_high >= -goal:
        return high
    for _ in range(80):
        middle = (low * f_high - high * f_low) / (f_high - f_low)
        if not low < middle < high:
            middle = 0.5 * (low + high)
        W.tally[RESTEPS] += 1
        step(net, S, drive, middle, W)
        f = _distance(net, S, W, noise, j, kind, plane)
        if abs(f) <= goal or high - low <= 1e-15 * max(1.0, abs(S.clock[TIME])):
            return middle
        if f < 0.0:
            high, f_high = middle, f
            # Illinois: the value at an end that stays twice is halved, or the secant would stall.
            f_low = 0.5 * f_low if kept == 1 else f_low
            kept = 1
        else:
            low, f_low = middle, f
            f_high = 0.5 * f_high if kept == -1 else f_high
            kept = -1
    return middle


@inner
def _newton(
    net: Net, S: State, drive: Drive, W: Work, j: int, plane: int, tau: float, h: float
) -> float:
    """Step length that ends with |z| <= ON_TARGET, from a re-step of length tau and micro-steps;
    -1.0 if it fails.
    """
    W.tally[RESTEPS] += 1
    step(net, S, drive, tau, W)
    inward = 1.0 if S.mode[j, plane] == PLUS else -1.0
    for _ in range(8):
        z = inward * height(net.normal, W.Y1, j, plane)
        if abs(z) <= ON_TARGET:
            return tau
        zdot = inward * height(net.normal, W.K[6], j, plane)
        # Newton's method in the length of the step: zdot at its end is known.
        dt = -z / zdot if zdot < 0.0 else np.inf
        if abs(dt) > 0.2 * h or tau + dt <= 0.0:
            return -1.0
        micro_step(net, S, drive, S.clock[TIME] + tau, dt, W)
        tau += dt
    return -1.0


@inner
def cut(
    net: Net,
    S: State,
    drive: Drive,
    W: Work,
    h: float,
    noise: float,
    heavy: np.ndarray,
    what: np.ndarray,
) -> float:
    """Make the step up to the first event among the ``heavy`` neurons; its length. W holds the
    step.

    W comes in with a trial step of length h. what (4,) receives neuron, kind, plane, side of the
    event found last.
    """
    what[:] = -1
    what[1] = NONE
    length = h
    # A shorter step has other stages, so another neuron may now be first: look again.
    for _ in range(60):
        first, who, kind, plane, side = _earliest(net, S, W, length, noise, heavy)
        if first > 1.0 or (first >= 1.0 - 1e-12 and what[0] == who):
            break
        W.tally[LOCATED] += 1
        tau = -1.0
        if kind == MEET:
            tau = _newton(net, S, drive, W, who, plane, first * length, length)
        if tau < 0.0 or tau > length:
            tau = _bracketed(
                net,
                S,
                drive,
                W,
                noise,
                who,
                kind,
                plane,
                length if kind != MEET else min(1.0, 1.5 * first) * length,
            )
        what[0], what[1], what[2], what[3] = who, kind, plane, side
        if _distance(net, S, W, noise, who, kind, plane) > (DEAD_ZONE if kind == MEET else ON_EXIT):
            what[1] = NONE
        if tau >= length:
            break
        length = tau
    return length


@inner
def _earliest(
    net: Net, S: State, W: Work, length: float, noise: float, heavy: np.ndarray
) -> tuple[float, int, int, int, int]:
    """First event of the heavy neurons in the step held by W: (fraction, neuron, kind, plane,
    side).
    """
    best, first = heavy[0], 2.0
    for j in heavy:
        theta, _, _, _ = scan(net, S, W, length, noise, j)
        if theta < first:
            best, first = j, theta
    first, kind, plane, side = scan(net, S, W, length, noise, best)
    return first, best, kind, plane, side


@inner
def settle(
    net: Net,
    S: State,
    drive: Drive,
    W: Work,
    tau: float,
    heavy: np.ndarray,
    what: np.ndarray,
    log: Log,
) -> bool:
    """Accept the step of length tau held by W, whose end is the event ``what``, and resolve
    everybody who is on a plane.

    False if the basis arrays are too small.
    """
    S.Y[:] = W.Y1
    S.clock[TIME] += tau
    project(S)
    update_forces(net, S, drive, S.clock[TIME], S.Y, W)
    t = S.clock[TIME]
    if t - S.clock[LAST] <= BURST_GAP * max(1.0, t):
        S.clock[BURST] += 1.0
    else:
        S.clock[BURST] = 0.0
    S.clock[LAST] = t
    fits = True
    none = np.full(2, -1)  # not literals, for which numba would compile `resolve` a second time
    for j in heavy:
        if S.dead[j]:
            continue
        if j == what[0] and what[1] != NONE:
            if what[1] == SIGN_CHANGE:
                record(log, t, j + W.offset[0], -1, SIGN)
            fits = resolve(net, S, W, j, what[2], what[3], log) and fits
        elif _meets_too(net, S, W, j):
            fits = resolve(net, S, W, j, none[0], none[1], log) and fits
    return fits


@inner
def _meets_too(net: Net, S: State, W: Work, j: int) -> bool:
    """Whether neuron j is on a plane at the same instant and moving out of its side."""
    for p in range(len(net.normal)):
        if S.mode[j, p] != SLIDING:
            inward = 1.0 if S.mode[j, p] == PLUS else -1.0
            if (
                abs(height(net.normal, S.Y, j, p)) <= ON_PLANE
                and inward * height(net.normal, W.K[6], j, p) < -1e-13 * W.clock[SCALE]
            ):
                return True
    return False


@inner
def adopt(net: Net, S: State, W: Work) -> None:
    """Take forces, scale and loss in W, evaluated at the state, as the state's; renew all
    velocities.
    """
    take_forces(S, W)
    velocities(net, S, S.F, S.Y, S.k1)


@inner
def take_forces(S: State, W: Work) -> None:
    """Forces, scale and loss of W become the state's."""
    S.F[:4] = W.F[:4]
    S.clock[SCALE] = W.clock[SCALE]
    S.clock[LOSS] = W.clock[LOSS]
