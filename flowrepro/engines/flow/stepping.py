"""One step of the flow with exact events, and the revivals it may pass over."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from flowrepro.engines.flow.compiled import inner
from flowrepro.engines.flow.events import NONE, scan
from flowrepro.engines.flow.forces import CLEAR, JUMP, REJECTED, RISE, STEPS, Drive, Work
from flowrepro.engines.flow.locate import adopt, cut, settle, take_forces
from flowrepro.engines.flow.net import Net
from flowrepro.engines.flow.resolve import ON_PLANE, REVIVAL, Log, height, record
from flowrepro.engines.flow.runge_kutta import step
from flowrepro.engines.flow.state import BURST, LOSS, SCALE, SLIDING, STEP, TIME, State, project

OK, UNDERFLOW, ZENO, NEEDS_RANK, LOG_FULL, MAX_STEPS, MAX_EVENTS, DIVERGED = range(8)
"""What a step or a march ended with."""


class Options(NamedTuple):
    """rtol: l2 error per step of a neuron's row (rho, u, b); noise: rtol times the forces at h = 0,
    what rtol leaves undetermined in the forces; burst: length of a burst of events that counts as
    Zeno.

    batch: several events in one step where their effect on the other neurons is below rtol;
    coupling: weight * n * max ||x||^2, and spread: n * max ||x||, bound this effect.
    """

    rtol: float
    noise: float
    burst: float
    batch: bool
    coupling: float
    spread: float


@inner
def trial(
    net: Net, S: State, drive: Drive, W: Work, options: Options, until: float
) -> tuple[float, float]:
    """A step within the tolerance, not beyond time ``until``: (its length, its error);

    W holds it. Length 0: underflow.
    """
    remaining = until - S.clock[TIME]
    while True:
        h = min(S.clock[STEP], remaining)
        error = step(net, S, drive, h, W)
        W.tally[STEPS] += 1
        if error <= options.rtol:
            return h, error
        W.tally[REJECTED] += 1
        factor = max(0.2, 0.9 * (options.rtol / error) ** 0.2) if np.isfinite(error) else 0.2
        S.clock[STEP] = h * factor
        if S.clock[STEP] < 1e-14 * max(1.0, S.clock[TIME]):
            return 0.0, error


@inner
def grow(S: State, h: float, error: float, rtol: float, most: float) -> None:
    """The next trial step after an accepted one; one cut short by the end of the interval never
    shrinks it.
    """
    factor = min(most, max(0.2, 0.9 * (rtol / error) ** 0.2)) if error > 0.0 else most
    S.clock[STEP] = h * factor if h >= S.clock[STEP] else max(S.clock[STEP], h * factor)


@inner
def collect(net: Net, S: State, W: Work, h: float, noise: float, theta: np.ndarray) -> np.ndarray:
    """Neurons with an event in the step held by W; theta (m,) receives its fraction."""
    m = len(S.Y)
    hot, count = np.empty(m, dtype=np.int64), 0
    for j in range(m):
        if S.dead[j]:
            continue
        theta[j], kind, _, _ = scan(net, S, W, h, noise, j)
        if kind != NONE:
            hot[count] = j
            count += 1
    return hot[:count]


@inner
def accept(S: State, W: Work, h: float) -> None:
    """Take the event-free step held by W."""
    S.Y[:] = W.Y1
    S.k1[:] = W.K[6]
    S.clock[TIME] += h
    project(S)
    take_forces(S, W)


@inner
def alone(
    net: Net,
    S: State,
    j: int,
    goal: float,
    drive: Drive,
    W: Work,
    options: Options,
    tau: float,
    log: Log,
) -> int:
    """Integrate neuron j over tau, to the time ``goal``, under a prescribed g, every step cut at
    its first event.
    """
    clock, what, theta = S.clock.copy(), np.empty(4, dtype=np.int64), np.empty(1)
    clock[STEP], clock[BURST] = tau, 0.0
    one = slice(j, j + 1)
    V = State(
        S.Y[one],
        S.mode[one],
        S.dead[one],
        S.slides[one],
        S.rank[one],
        S.Q[one],
        S.c0[one],
        S.rho0[one],
        S.k1[one],
        S.F.copy(),
        clock,
    )
    W.offset[0] = j
    while not V.dead[0] and goal - clock[TIME] > 1e-15 * max(1.0, goal):
        h, error = trial(net, V, drive, W, options, goal)
        if h == 0.0:
            return UNDERFLOW
        hot = collect(net, V, W, h, options.noise, theta)
        if len(hot) == 0:
            accept(V, W, h)
            grow(V, h, error, options.rtol, 5.0)
            continue
        length = cut(net, V, drive, W, h, options.noise, hot, what)
        if not settle(net, V, drive, W, length, hot, what, log):
            return NEEDS_RANK
        adopt(net, V, W)
        if clock[BURST] > options.burst:
            return ZENO
    return OK


@inner
def watch(net: Net, S: State, before: State, W: Work, options: Options, log: Log) -> None:
    """After a step: the largest rise of the loss, and neurons that could have left a plane they
    rest on.

    A neuron rests on a plane if it is there with zero normal velocity: dead on the border of its
    dead cone, or on orthogonal data. When the jump of the force there turns from attracting to
    repelling, staying and leaving are both flows; staying is followed and `revival_ambiguous`
    recorded.
    """
    W.facts[RISE] = max(W.facts[RISE], S.clock[LOSS] - before.clock[LOSS])
    for p in range(len(net.normal)):
        jump = S.F[JUMP, p]
        if abs(jump) <= options.noise:
            continue
        turned = jump * S.F[CLEAR, p] < 0.0
        S.F[CLEAR, p] = np.sign(jump)
        if not turned:
            continue
        for j in range(len(S.Y)):
            if (
                S.mode[j, p] == SLIDING
                or not np.isfinite(S.Y[j, 0])
                or np.sign(S.Y[j, -1]) * jump <= 0.0
            ):
                continue
            rests = abs(height(net.normal, S.k1, j, p)) <= 1e-13 * S.clock[SCALE]
            if rests and abs(height(net.normal, S.Y, j, p)) <= ON_PLANE:
                record(log, S.clock[TIME], j, p, REVIVAL)
