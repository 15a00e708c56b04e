"""What a neuron does on hyperplanes: one routine for the start, entry, crossing, exit and death."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from flowrepro.engines.flow.compiled import inner
from flowrepro.engines.flow.forces import JUMP, SLAVED, Work
from flowrepro.engines.flow.net import Net
from flowrepro.engines.flow.release import SNAP, regular_solution
from flowrepro.engines.flow.state import MINUS, PLUS, SCALE, SLIDING, TIME, State

ON_PLANE = 1e-12
"""A neuron is on a plane if |<u, n>| is at most this; events are located to less."""
DEPENDENT = 1e-10
KINDS = (
    "cross-",
    "cross+",
    "slide",
    "leave-",
    "leave+",
    "death",
    "non_unique",
    "sign",
    "revival_ambiguous",
    "through_zero",
)
DEATH, NON_UNIQUE, SIGN, REVIVAL, THROUGH_ZERO = 5, 6, 7, 8, 9


class Log(NamedTuple):
    """Events as growing arrays: t (cap,), what (cap, 3) = neuron, plane (-1: none), kind; n (1,)
    their number.
    """

    t: np.ndarray
    what: np.ndarray
    n: np.ndarray


def empty_log(capacity: int) -> Log:
    """Room for so many events."""
    return Log(
        np.zeros(capacity), np.zeros((capacity, 3), dtype=np.int64), np.zeros(1, dtype=np.int64)
    )


@inner
def record(log: Log, t: float, neuron: int, plane: int, kind: int) -> None:
    """Append an event; the caller keeps room (`march`)."""
    i = log.n[0]
    if i < len(log.t):
        log.t[i] = t
        log.what[i, 0], log.what[i, 1], log.what[i, 2] = neuron, plane, kind
    log.n[0] = i + 1


@inner
def height(normal: np.ndarray, Y: np.ndarray, j: int, p: int) -> float:
    """<u_j, n_p>, u_j in row j of Y (or a velocity in its place)."""
    z = 0.0
    for i in range(normal.shape[1]):
        z += Y[j, 1 + i] * normal[p, i]
    return z


@inner
def orthonormalise(normal: np.ndarray, planes: np.ndarray, Q: np.ndarray) -> int:
    """Orthonormal basis of the span of the planes' normals into the rows of Q; its rank, or -1 if Q
    has too few rows.
    """
    rank = 0
    for p in planes:
        v = normal[p].copy()
        for _ in range(2):
            for q in range(rank):
                v -= np.dot(v, Q[q]) * Q[q]
        length = np.sqrt(np.dot(v, v))
        if length > DEPENDENT:
            if rank == len(Q):
                return -1
            Q[rank] = v / length
            rank += 1
    return rank


@inner
def is_dead(net: Net, mode: np.ndarray) -> bool:
    """No sample is active and the slope is 0: D = 0 for good."""
    if net.alpha > 0.0:
        return False
    return not (np.any(mode != MINUS) or np.any(net.both))


@inner
def _touched(net: Net, S: State, j: int) -> np.ndarray:
    """Planes the neuron is on."""
    P = len(net.normal)
    K, count = np.empty(P, dtype=np.int64), 0
    for p in range(P):
        if S.mode[j, p] == SLIDING or abs(height(net.normal, S.Y, j, p)) <= ON_PLANE:
            K[count] = p
            count += 1
    return K[:count]


@inner
def resolve(net: Net, S: State, W: Work, j: int, forced: int, side: int, log: Log) -> bool:
    """Renew the modes of neuron j at the state, with the forces W.F there; False if Q has too few
    rows.

    ``forced`` is the plane whose event was located (-1: none), ``side`` the mode it would have
    next: the side of an exit, the far side of a plane met. Where rounding says that nothing
    changes, an exit leaves and a plane met attracts.
    """
    row, mode, t = S.Y[j], S.mode[j], S.clock[TIME]
    d, scale = len(row) - 2, W.clock[SCALE]
    K = _touched(net, S, j)
    basis = np.empty((min(d, len(K)), d))
    touched_rank = orthonormalise(net.normal, K, basis)
    # Put the neuron onto the planes exactly: later decisions must not read rounding as height.
    for q in range(touched_rank):
        row[1 : d + 1] -= np.dot(basis[q], row[1 : d + 1]) * basis[q]
    # On d independent planes w = 0: neighbouring flows leave it in other directions.
    if touched_rank == d:
        record(log, t, j + W.offset[0], -1, THROUGH_ZERO)
    normal, jump = np.empty((len(K), d)), np.empty(len(K))
    before = np.empty(len(K), dtype=np.int64)
    for i in range(len(K)):
        normal[i], jump[i], before[i] = net.normal[K[i]], W.F[JUMP, K[i]], mode[K[i]]
        mode[K[i]] = MINUS
    # D_-: the force with every plane of K on its minus side (release.py).
    base = np.zeros(d)
    for p in range(len(mode)):
        pull = W.F[mode[p], p]
        for i in range(d):
            base[i] += pull * net.normal[p, i]
    # At b = 0 the sign that counts is the one b takes next, and b' = <u, D> there.
    sign = (
        np.sign(row[d + 1]) if abs(row[d + 1]) > ON_PLANE else np.sign(np.dot(row[1 : d + 1], base))
    )
    if sign == 0.0:
        sign = np.sign(row[d + 1])
    mu, _, others = regular_solution(normal, jump, base, sign, scale)
    for i in range(len(K)):
        # A share between 0 and 1 on an attracting plane is a slide; its ends are the sides.
        inside = SNAP < mu[i] < 1.0 - SNAP and sign * jump[i] < 0.0
        mode[K[i]] = SLIDING if inside else (PLUS if mu[i] > 0.5 else MINUS)
        if K[i] == forced and mode[K[i]] == before[i] and sign * jump[i] < 0.0:
            mode[K[i]] = side if inside else SLIDING
    _log_changes(log, t, j + W.offset[0], K, before, mode)
    if others > 0:
        record(log, t, j + W.offset[0], K[0] if len(K) == 1 else -1, NON_UNIQUE)
    return renew(net, S, W, j, log)


@inner
def _log_changes(
    log: Log, t: float, neuron: int, K: np.ndarray, before: np.ndarray, mode: np.ndarray
) -> None:
    for i in range(len(K)):
        new = mode[K[i]]
        if new != before[i]:
            kind = 2 if new == SLIDING else (3 + new if before[i] == SLIDING else new)
            record(log, t, neuron, K[i], kind)


@inner
def renew(net: Net, S: State, W: Work, j: int, log: Log) -> bool:
    """Sliding basis and death of neuron j after a change of its modes; False if Q is too small."""
    mode = S.mode[j]
    sliding = np.flatnonzero(mode == SLIDING)
    S.slides[j] = len(sliding)
    rank = orthonormalise(net.normal, sliding, S.Q[j])
    if rank < 0:
        return False
    S.rank[j] = rank
    if rank < len(sliding):
        W.tally[SLAVED] += 1
    if is_dead(net, mode):
        bury(S, W, j, log)
    return True


@inner
def bury(S: State, W: Work, j: int, log: Log) -> None:
    """Neuron j never moves again."""
    S.dead[j] = True
    record(log, S.clock[TIME], j + W.offset[0], -1, DEATH)
