"""The loop over steps and save times."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from flowrepro.engines.flow.batch import flow_step
from flowrepro.engines.flow.compiled import inner, jit
from flowrepro.engines.flow.forces import CLEAR, JUMP, SUBSTEPS, Drive, Work, update_forces
from flowrepro.engines.flow.locate import adopt
from flowrepro.engines.flow.net import Net
from flowrepro.engines.flow.resolve import Log, bury, height, is_dead, resolve
from flowrepro.engines.flow.state import LAST, LOSS, PLUS, STEP, TIME, State, copy_state
from flowrepro.engines.flow.stepping import (
    DIVERGED,
    LOG_FULL,
    MAX_EVENTS,
    MAX_STEPS,
    NEEDS_RANK,
    OK,
    Options,
    watch,
)

AT_START = 1e-14
"""A neuron closer than this to a plane at the start is on it."""


class Output(NamedTuple):
    """What is kept at save times: loss (T,), rows (T or 1, m, d+2), the last written over if there
    is room for one.

    mode : (m, P) at the last save time.
    """

    loss: np.ndarray
    rows: np.ndarray
    mode: np.ndarray


class Limits(NamedTuple):
    """Caps of one march: accepted steps and events."""

    steps: int
    events: int


class Room(NamedTuple):
    """What a march works in besides its state: the start of the step under way and the state at a
    save time inside it; scratch for the net and for one neuron; a log that is thrown away.
    """

    start: State
    other: State
    work: Work
    local: Work
    silent: Log


@jit
def begin(net: Net, S: State, drive: Drive, W: Work, h: float, log: Log) -> bool:
    """Modes, forces and velocities of a state of which only the rows are set;

    False if Q has too few rows.
    """
    m, P = S.mode.shape
    on = np.zeros(m, dtype=np.bool_)
    for j in range(m):
        for p in range(P):
            z = height(net.normal, S.Y, j, p)
            S.mode[j, p] = PLUS if z > 0.0 else 0
            on[j] = on[j] or abs(z) <= AT_START
    update_forces(net, S, drive, S.clock[TIME], S.Y, W)
    fits = True
    none = np.full(2, -1)  # not literals, for which numba would compile `resolve` a second time
    for j in range(m):
        if on[j] and not S.dead[j]:
            fits = resolve(net, S, W, j, none[0], none[1], log) and fits
        elif not S.dead[j] and is_dead(net, S.mode[j]):
            bury(S, W, j, log)
    adopt(net, S, W)
    for p in range(P):
        S.F[CLEAR, p] = np.sign(S.F[JUMP, p])
    S.clock[STEP] = h
    S.clock[LAST] = -np.inf
    return fits


@jit
def march(
    net: Net,
    S: State,
    room: Room,
    drive: Drive,
    options: Options,
    limits: Limits,
    times: np.ndarray,
    output: Output,
    log: Log,
) -> tuple[int, int]:
    """Integrate to times[-1]; (status, number of save times reached).

    The grid of steps does not depend on the save times: between two steps a saved state is a step
    of its own from the start of the step that covers it, and at the end the state is put back
    there. So runs cut anywhere are bit-identical.
    """
    start, other, W, LW, silent = room
    saved, steps, inside = 0, 0, False
    mark = log.n[0]
    while True:
        if not inside:
            while saved < len(times) and times[saved] <= S.clock[TIME]:
                _save(net, S, output, saved)
                saved += 1
            if saved == len(times):
                return OK, saved
            if steps >= limits.steps:
                return MAX_STEPS, saved
            if log.n[0] > limits.events:
                return MAX_EVENTS, saved
            copy_state(S, start)
            mark = log.n[0]
        # inside a step that was made: a step of its own up to the save time
        now, until, book = (other, times[saved], silent) if inside else (S, np.inf, log)
        status = flow_step(net, now, drive, W, LW, options, until, book)
        if inside:
            if status == OK and until - other.clock[TIME] > 1e-15 * max(1.0, until):
                continue
            _save(net, other, output, saved)
            saved += 1
        elif status == NEEDS_RANK or log.n[0] > len(log.t):
            copy_state(start, S)
            log.n[0] = mark
            return (NEEDS_RANK if status == NEEDS_RANK else LOG_FULL), saved
        elif status != OK:
            return status, saved
        else:
            steps += 1
            if not np.isfinite(S.clock[LOSS]):
                copy_state(start, S)
                return DIVERGED, saved
            watch(net, S, start, W, options, log)
        inside = bool(saved < len(times) and times[saved] < S.clock[TIME])
        if inside:
            copy_state(start, other)
            silent.n[0] = 0
            W.tally[SUBSTEPS] += 1
        elif saved == len(times):
            copy_state(start, S)
            log.n[0] = mark
            return OK, saved


@inner
def _save(net: Net, S: State, output: Output, place: int) -> None:
    output.loss[place] = S.clock[LOSS]
    output.rows[min(place, len(output.rows) - 1)] = S.Y
    output.mode[:] = S.mode
