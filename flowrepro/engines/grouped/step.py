"""One step of gradient descent on the cones: outputs, residuals, propagators. The cost does not depend on m.

All neurons of a cone feel D = -sum_k g_k slope_k x_k, g_k = d objective / d f_k, so a step is
theta <- (I + lr B(D)) theta,  B(D) = [[0, D], [D^T, 0]], the same matrix for the cone (boursier2024, Section 2).
"""

from __future__ import annotations

import math

import numpy as np

from flowrepro.engines.compiled import compiled
from flowrepro.engines.grouped.caught import add_outputs
from flowrepro.engines.grouped.table import BLOCKS, SLOTS, Caught, Cones, Points, Rule, Work

LOSS_NUMBER = {"square": 0, "logistic": 1, "logistic2": 2, "exp": 3}


@compiled
def outputs(points: Points, cones: Cones, caught: Caught, work: Work, alpha: float) -> None:
    """work.f_k = f(x_k), by V_s = sum_j a_j w_j = [M S M^T]_{w, a} of each cone.

    The factored form is kept on purpose: S <- P S P^T drifts away from the neurons by rounding.
    """
    n, d = points.X.shape
    V, q, f = work.V, work.q, work.f
    for s in range(cones.counter[SLOTS]):
        M, S = cones.M[s], cones.S[s]
        for r in range(d + 1):
            q[r] = 0.0
            for c in range(d + 1):
                q[r] += S[r, c] * M[d, c]
        for i in range(d):
            V[s, i] = 0.0
            for r in range(d + 1):
                V[s, i] += M[i, r] * q[r]
    f[:] = 0.0
    if cones.counter[BLOCKS] > 0:
        add_outputs(points, cones, caught, work, alpha)
    for s in range(cones.counter[SLOTS]):
        for i in range(d):
            v, active = V[s, i], cones.active[s, i]
            for k in range(n):
                f[k] += v * active[k]


@compiled
def loss_value(loss: int, f: float, y: float) -> float:
    """l(f, y); the losses are those of ``network.py``."""
    if loss == 0:
        return 0.5 * (f - y) ** 2
    if loss == 3:
        return math.exp(-y * f)
    softplus = max(-y * f, 0.0) + math.log1p(math.exp(-abs(y * f)))
    return softplus if loss == 1 else 2.0 * softplus


@compiled
def loss_slope(loss: int, f: float, y: float) -> float:
    """dl/df."""
    if loss == 0:
        return f - y
    if loss == 3:
        return -y * math.exp(-y * f)
    small = math.exp(-abs(y * f))
    sigmoid = (small if y * f > 0 else 1.0) / (1.0 + small)
    return -y * sigmoid if loss == 1 else -2.0 * y * sigmoid


@compiled
def objective(points: Points, work: Work, rule: Rule) -> float:
    """The objective at the outputs in ``work``."""
    total = 0.0
    for k in range(len(points.y)):
        total += loss_value(rule.loss, work.f[k], points.y[k])
    return rule.weight * total


@compiled
def descend(points: Points, cones: Cones, work: Work, rule: Rule) -> bool:
    """One step of every cone, from the outputs in ``work``; whether some neuron must be looked at afterwards.

    Leaves g_k in work.g and the forces D_s in work.D.
    """
    for k in range(len(points.y)):
        work.g[k] = rule.weight * loss_slope(rule.loss, work.f[k], points.y[k])
    late = False
    for s in range(cones.counter[SLOTS]):
        D = work.D[s]
        square = force(cones.active[s], work.g, D)
        k = cones.edge[s]
        if k < 0:
            propagate(cones.M[s], D, rule)
        else:
            square = max(square, squared_force_across(points, D, work.g[k], k, rule.alpha))
        cones.turned[s] += largest_turn(rule.lr * math.sqrt(square))
        late |= cones.turned[s] > cones.soonest[s] or cones.turned[s] > 1.0
    return late


@compiled
def force(active: np.ndarray, g: np.ndarray, D: np.ndarray) -> float:
    """D = -sum_k g_k slope_k x_k; its squared norm."""
    square = 0.0
    for i in range(len(D)):
        total = 0.0
        for k in range(len(g)):
            total -= active[i, k] * g[k]
        D[i] = total
        square += total * total
    return square


@compiled
def propagate(M: np.ndarray, D: np.ndarray, rule: Rule) -> None:
    """M <- (I + lr B(D)) M; with fixed outer weights the last row of B is zero."""
    d = len(D)
    for c in range(d + 1):
        kick, last = 0.0, M[d, c]
        for i in range(d):
            kick += D[i] * M[i, c]
            M[i, c] += rule.lr * D[i] * last
        if rule.both:
            M[d, c] = last + rule.lr * kick


@compiled
def largest_turn(r: float) -> float:
    """A bound of the angle by which a step turns theta, r = lr |D|.

    |theta' - theta| <= r |theta|, so it is at most arcsin r, which is below r (1 + 0.19 r^2) for r <= 1/2. Beyond, pi
    makes every neuron of the cone be looked at.
    """
    return r * (1.0 + 0.19 * r * r) if r <= 0.5 else np.pi


@compiled
def squared_force_across(points: Points, D: np.ndarray, g: float, k: int, alpha: float) -> float:
    """|D|^2 on the other side of datum k, where it is active."""
    total = 0.0
    for i in range(len(D)):
        total += (D[i] - (1.0 - alpha) * g * points.X[k, i]) ** 2
    return total
