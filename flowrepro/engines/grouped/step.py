"""Steps of gradient descent on the cones: outputs, residuals, propagators. The cost does not depend
on m.

All neurons of a cone feel D = -sum_k g_k slope_k x_k, g_k = d objective / d f_k, so a step is
theta <- (I + lr B(D)) theta,  B(D) = [[0, D], [D^T, 0]], the same matrix for the cone
(boursier2024, Section 2).

The helpers take arrays and a slot rather than the tables or views: counting references would cost
more than the sums.
"""

from __future__ import annotations

import math

import numpy as np

from flowrepro.engines.compiled import compiled
from flowrepro.engines.grouped.boost import boost, boost_block
from flowrepro.engines.grouped.caught import move_block, move_block_in_plane, sum_block
from flowrepro.engines.grouped.losses import loss_slope
from flowrepro.engines.grouped.table import BLOCKS, SLOTS, Caught, Cones, Points, Rule, Work


@compiled
def coast(
    points: Points, cones: Cones, caught: Caught, work: Work, rule: Rule, step: int, until: int
) -> tuple[int, bool]:
    """Make steps from ``step`` until some neuron must be looked at (step reached, True) or to
    ``until`` (until, False).

    In the latter case work.f holds the outputs at ``until``; work.g and work.D hold g_k and D_s of
    the last step made.
    """
    X, y = points.X, points.y
    M, S, active, edge, turned, soonest = (
        cones.M,
        cones.S,
        cones.active,
        cones.edge,
        cones.turned,
        cones.soonest,
    )
    V, D, q, f, g, z, on, kick = work.V, work.D, work.q, work.f, work.g, work.z, work.on, work.kick
    W, a, slot, due, check, sums = (
        caught.W,
        caught.a,
        caught.slot,
        caught.due,
        caught.check,
        caught.sums,
    )
    d, top, blocks = X.shape[1], cones.counter[SLOTS], cones.counter[BLOCKS]
    for b in range(blocks):
        if slot[b] >= 0 and caught.stale[b]:
            sum_block(X, W, a, b, edge[slot[b]], sums, z)
            caught.stale[b] = False
    while True:
        for k in range(len(f)):
            f[k] = 0.0
        for s in range(top):
            cone_output(M, S, s, q, V)
        for b in range(blocks):
            s = slot[b]
            if s >= 0:
                f[edge[s]] += (1.0 - rule.alpha) * sums[b, d]
                for i in range(d):
                    V[s, i] += sums[b, i]
        for s in range(top):
            add_output(active, V, s, f)
        if step == until:
            return step, False
        for k in range(len(f)):
            g[k] = rule.weight * loss_slope(rule.loss, f[k], y[k])
        late = False
        for s in range(top):
            square = force(active, g, s, D)
            k = edge[s]
            if k >= 0:
                square = max(square, squared_force_across(X, D, s, (1.0 - rule.alpha) * g[k], k))
            elif rule.boost:
                boost(M, D, s, rule.lr, square)
            else:
                propagate(M, D, s, rule.lr, rule.both)
            turned[s] += largest_turn(rule.lr * math.sqrt(square))
            late |= turned[s] > soonest[s] or turned[s] > 1.0
        step += 1
        for b in range(blocks):
            s = slot[b]
            if s >= 0:
                own_slope = (1.0 - rule.alpha) * g[edge[s]]
                if rule.boost:
                    squares = (
                        squared_force_across(X, D, s, 0.0, edge[s]),
                        squared_force_across(X, D, s, own_slope, edge[s]),
                    )
                    boost_block(X, W, a, b, edge[s], s, D, own_slope, rule.lr, squares)
                    sum_block(X, W, a, b, edge[s], sums, z)
                elif d == 2:
                    move_block_in_plane(
                        X, W, a, b, edge[s], s, D, own_slope, rule.lr, rule.both, sums
                    )
                else:
                    move_block(
                        X, W, a, b, edge[s], s, D, own_slope, rule.lr, rule.both, z, on, kick
                    )
                    sum_block(X, W, a, b, edge[s], sums, z)
                late |= turned[s] > due[b] or step >= check[b]
        if late:
            return step, True


@compiled
def cone_output(M: np.ndarray, S: np.ndarray, s: int, q: np.ndarray, V: np.ndarray) -> None:
    """V_s = sum_j a_j w_j = [M S M^T]_{w, a} over the cone's neurons.

    The factored form is kept on purpose: S <- P S P^T drifts away from the neurons by rounding.
    """
    d = V.shape[1]
    for r in range(d + 1):
        total = 0.0
        for c in range(d + 1):
            total += S[s, r, c] * M[s, d, c]
        q[r] = total
    for i in range(d):
        total = 0.0
        for r in range(d + 1):
            total += M[s, i, r] * q[r]
        V[s, i] = total


@compiled
def add_output(active: np.ndarray, V: np.ndarray, s: int, f: np.ndarray) -> None:
    """f_k += slope_sk <x_k, V_s>."""
    for i in range(V.shape[1]):
        v = V[s, i]
        for k in range(len(f)):
            f[k] += v * active[s, i, k]


@compiled
def force(active: np.ndarray, g: np.ndarray, s: int, D: np.ndarray) -> float:
    """D_s = -sum_k g_k slope_sk x_k; its squared norm."""
    square = 0.0
    for i in range(D.shape[1]):
        total = 0.0
        for k in range(len(g)):
            total -= active[s, i, k] * g[k]
        D[s, i] = total
        square += total * total
    return square


@compiled
def propagate(M: np.ndarray, D: np.ndarray, s: int, lr: float, both: bool) -> None:
    """M_s <- (I + lr B(D_s)) M_s; with fixed outer weights the last row of B is zero."""
    d = D.shape[1]
    for c in range(d + 1):
        kick, last = 0.0, M[s, d, c]
        for i in range(d):
            kick += D[s, i] * M[s, i, c]
            M[s, i, c] += lr * D[s, i] * last
        if both:
            M[s, d, c] = last + lr * kick


@compiled
def largest_turn(r: float) -> float:
    """A bound of the angle by which a step turns theta, r = lr |D|.

    |theta' - theta| <= r |theta|, so it is at most arcsin r, which is below r (1 + 0.19 r^2) for r
    <= 1/2. Beyond, pi makes every neuron of the cone be looked at.
    """
    return r * (1.0 + 0.19 * r * r) if r <= 0.5 else np.pi


@compiled
def squared_force_across(X: np.ndarray, D: np.ndarray, s: int, g: float, k: int) -> float:
    """|D_s - g x_k|^2: the force on the other side of datum k, where it is active."""
    total = 0.0
    for i in range(D.shape[1]):
        total += (D[s, i] - g * X[k, i]) ** 2
    return total
