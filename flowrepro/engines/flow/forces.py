r"""Right-hand side of the flow with all modes frozen.

With g_k = - weight l'(h_k, y_k), every plane p pulls a neuron with F[side, p] n_p:

    F[PLUS]  = sum_{k in p, side +} g_k ||x_k|| - alpha sum_{side -} g_k ||x_k||
    F[MINUS] = alpha sum_{side +} - sum_{side -},  F[SLIDING] = 0,  F[JUMP] = F[PLUS] - F[MINUS]
    D_j = (I - Q^T Q) sum_p F[mode_jp, p] n_p,   kappa = b <u, D>
    rho' = 2 kappa,   u' = b D - 2 kappa u,   b' = <u, D> - 2 kappa b

The continuity of h in the parameters makes g the same for all neurons at an instant, so each neuron
meets its planes alone.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from flowrepro.engines.flow.compiled import inner, jit
from flowrepro.engines.flow.net import Net
from flowrepro.engines.flow.state import LOSS, MINUS, PLUS, SCALE, State

JUMP, CLEAR = 3, 4
"""Rows of F: the jump of the force across a plane, and its sign when it was last above the noise.
"""
RHS, STEPS, REJECTED, RESTEPS, LOCATED, LOCAL, SLAVED, SHRUNK, SUBSTEPS = range(9)
"""Places in ``Work.tally``."""
RISE, SUM_E2, MAX_E2, GRAZE = range(4)
"""Places in ``Work.facts``: largest rise of the loss, measured coupling errors of batches, smallest
grazing depth.
"""


class Drive(NamedTuple):
    """Where g comes from: the net itself (coupled), or the quartic through g (5, n) on [start,
    start + span].
    """

    coupled: bool
    g: np.ndarray
    start: float
    span: float


class Work(NamedTuple):
    """Scratch arrays of one integration;

    ``clock`` and ``F`` hold scale, loss and forces of the last evaluation.
    """

    K: np.ndarray
    Y1: np.ndarray
    Ys: np.ndarray
    Zs: np.ndarray
    sums: np.ndarray
    h: np.ndarray
    g: np.ndarray
    F: np.ndarray
    clock: np.ndarray
    tally: np.ndarray
    facts: np.ndarray
    offset: np.ndarray


def make_work(m: int, d: int, n: int, P: int) -> Work:
    """Empty scratch for m neurons."""
    facts = np.array([-np.inf, 0.0, 0.0, np.inf])
    return Work(
        K=np.zeros((7, m, d + 2)),
        Y1=np.zeros((m, d + 2)),
        Ys=np.zeros((m, d + 2)),
        Zs=np.zeros(P),
        sums=np.zeros((2, P)),
        h=np.zeros(n),
        g=np.zeros(n),
        F=np.zeros((5, P)),
        clock=np.zeros(6),
        tally=np.zeros(9, dtype=np.int64),
        facts=facts,
        offset=np.zeros(1, dtype=np.int64),
    )


@jit
def loss_and_force(code: int, h: float, y: float) -> tuple[float, float]:
    """(l(h, y), -l'(h, y)); formulas: flowrepro/network.py."""
    if code == 0:
        return 0.5 * (h - y) ** 2, y - h
    if code == 3:
        e = np.exp(-y * h)
        return e, y * e
    z = y * h
    value = np.log1p(np.exp(-z)) if z > 0.0 else np.log1p(np.exp(z)) - z
    slope = y * (np.exp(-z) / (1.0 + np.exp(-z)) if z > 0.0 else 1.0 / (1.0 + np.exp(z)))
    return (value, slope) if code == 1 else (2.0 * value, 2.0 * slope)


@inner
def predict(net: Net, S: State, Y: np.ndarray, W: Work) -> None:
    """h_k of rows Y with the modes of S into W.h."""
    (d, P), (sums, z, mode, normal, dead) = (
        net.normal_t.shape,
        (W.sums, W.Zs, S.mode, net.normal_t, S.dead),
    )
    # Samples of a plane differ by a factor only: sum the neurons by plane and side, then scale.
    sums[:] = 0.0
    for j in range(len(Y)):
        weight = 0.0 if dead[j] else np.exp(2.0 * Y[j, 0]) * Y[j, d + 1]
        if weight == 0.0:
            continue
        for p in range(P):
            z[p] = Y[j, 1] * normal[0, p]
        for i in range(1, d):
            u = Y[j, 1 + i]
            for p in range(P):
                z[p] += u * normal[i, p]
        for p in range(P):
            sums[1, p] += weight * z[p] if mode[j, p] == PLUS else 0.0
            sums[0, p] += weight * z[p] if mode[j, p] == MINUS else 0.0
    for k in range(len(net.y)):
        p = net.plane[k]
        plus, minus = W.sums[1, p], W.sums[0, p]
        W.h[k] = net.norm[k] * (
            plus + net.alpha * minus if net.side[k] > 0 else -net.alpha * plus - minus
        )


@inner
def gather(net: Net, W: Work) -> None:
    """Forces F of the planes and the scale sum_k |g_k| ||x_k|| from W.g."""
    W.F[:] = 0.0
    scale = 0.0
    for k in range(len(net.y)):
        p, pull = net.plane[k], W.g[k] * net.norm[k]
        scale += abs(pull)
        W.F[JUMP, p] += (1.0 - net.alpha) * pull
        if net.side[k] > 0:
            W.F[1, p] += pull
            W.F[0, p] += net.alpha * pull
        else:
            W.F[1, p] -= net.alpha * pull
            W.F[0, p] -= pull
    W.clock[SCALE] = scale


@inner
def prescribed(drive: Drive, t: float, g: np.ndarray) -> None:
    """g(t) of a prescribed drive: the quartic through its five equidistant values."""
    x = 4.0 * (t - drive.start) / drive.span
    g[:] = 0.0
    for i in range(5):
        c = 1.0
        for other in range(5):
            if other != i:
                c *= (x - other) / (i - other)
        for k in range(len(g)):
            g[k] += c * drive.g[i, k]


@inner
def update_forces(net: Net, S: State, drive: Drive, t: float, Y: np.ndarray, W: Work) -> None:
    """g, F, scale and loss at rows Y and time t."""
    W.tally[RHS] += 1
    if drive.coupled:
        predict(net, S, Y, W)
        total = net.constant
        for k in range(len(net.y)):
            value, slope = loss_and_force(net.loss, W.h[k], net.y[k])
            total += net.weight * value
            W.g[k] = net.weight * slope
        W.clock[LOSS] = total
    else:
        prescribed(drive, t, W.g)
    gather(net, W)


@inner
def velocities(net: Net, S: State, F: np.ndarray, Y: np.ndarray, out: np.ndarray) -> None:
    """(rho', u', b') of all rows Y (m, d+2) under the forces F into out (m, d+2).

    One call for all neurons: handing these tuples of arrays over costs more than a neuron.
    """
    (P, d), (normal, mode, dead, rank, Q) = (
        net.normal.shape,
        (net.normal, S.mode, S.dead, S.rank, S.Q),
    )
    for j in range(len(Y)):
        for i in range(d + 2):
            out[j, i] = 0.0
        if dead[j]:
            continue
        for p in range(P):
            side = mode[j, p]
            pull = F[1, p] if side == PLUS else (F[0, p] if side == MINUS else 0.0)
            for i in range(d):
                out[j, 1 + i] += pull * normal[p, i]
        # A sliding neuron keeps its height: take out what points off its planes.
        for q in range(rank[j]):
            along = 0.0
            for i in range(d):
                along += out[j, 1 + i] * Q[j, q, i]
            for i in range(d):
                out[j, 1 + i] -= along * Q[j, q, i]
        # The growth 2 kappa goes into rho, so that (u, b) stays on the sphere.
        b, ud = Y[j, d + 1], 0.0
        for i in range(1, d + 1):
            ud += Y[j, i] * out[j, i]
        kappa = b * ud
        out[j, 0] = 2.0 * kappa
        out[j, d + 1] = ud - 2.0 * kappa * b
        for i in range(1, d + 1):
            out[j, i] = b * out[j, i] - 2.0 * kappa * Y[j, i]


@inner
def right_side(
    net: Net, S: State, drive: Drive, t: float, Y: np.ndarray, out: np.ndarray, W: Work
) -> None:
    """Velocities of all neurons into out (m, d+2)."""
    update_forces(net, S, drive, t, Y, W)
    velocities(net, S, W.F, Y, out)
