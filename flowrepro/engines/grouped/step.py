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
    top = cones.counter[SLOTS]
    M, S, q, V, slope = cones.M, cones.S, work.q, work.V, cones.slope
    for r in range(d + 1):
        for s in range(top):
            q[r, s] = 0.0
        for c in range(d + 1):
            for s in range(top):
                q[r, s] += S[r, c, s] * M[d, c, s]
    for i in range(d):
        for s in range(top):
            V[i, s] = 0.0
        for r in range(d + 1):
            for s in range(top):
                V[i, s] += M[i, r, s] * q[r, s]
    work.f[:] = 0.0
    if cones.counter[BLOCKS] > 0:
        add_outputs(points, cones, caught, work, alpha)
    for k in range(n):
        for i in range(d):
            total = 0.0
            for s in range(top):
                total += slope[k, s] * V[i, s]
            work.f[k] += points.X[k, i] * total


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
def forces(points: Points, cones: Cones, work: Work, rule: Rule) -> None:
    """g_k from the outputs and work.D_s = -sum_k g_k slope_sk x_k for each slot."""
    n, d = points.X.shape
    top = cones.counter[SLOTS]
    D, slope = work.D, cones.slope
    for i in range(d):
        for s in range(top):
            D[i, s] = 0.0
    for k in range(n):
        work.g[k] = rule.weight * loss_slope(rule.loss, work.f[k], points.y[k])
        for i in range(d):
            gx = work.g[k] * points.X[k, i]
            for s in range(top):
                D[i, s] -= gx * slope[k, s]


@compiled
def propagate(cones: Cones, work: Work, rule: Rule) -> None:
    """M_s <- (I + lr B(D_s)) M_s; with fixed outer weights the last row of B is zero."""
    d = len(work.D)
    top = cones.counter[SLOTS]
    M, D, kick = cones.M, work.D, work.q[0]
    for c in range(d + 1):
        for s in range(top):
            kick[s] = 0.0
        for i in range(d):
            for s in range(top):
                kick[s] += D[i, s] * M[i, c, s]
                M[i, c, s] += rule.lr * D[i, s] * M[d, c, s]
        if rule.both:
            for s in range(top):
                M[d, c, s] += rule.lr * kick[s]


@compiled
def turn(points: Points, cones: Cones, work: Work, rule: Rule) -> bool:
    """Add to ``turned`` a bound of the angle by which a step can turn theta; whether any cone must be looked at.

    |theta' - theta| <= lr |D| |theta|, so the angle is at most arcsin(lr |D|) <= r (1 + 0.19 r^2) for r = lr |D| <= 1/2.
    """
    d = len(work.D)
    top = cones.counter[SLOTS]
    D, square = work.D, work.q[0]
    for s in range(top):
        square[s] = 0.0
    for i in range(d):
        for s in range(top):
            square[s] += D[i, s] * D[i, s]
    for s in range(top):
        k = cones.edge[s]
        if k >= 0:
            square[s] = max(square[s], squared_force_across(points, work, s, k, rule.alpha))
    late = 0
    for s in range(top):
        r = rule.lr * math.sqrt(square[s])
        cones.turned[s] += r * (1.0 + 0.19 * r * r) if r <= 0.5 else np.pi
        late += (cones.turned[s] > cones.soonest[s]) | (cones.turned[s] > 1.0)
    return late > 0


@compiled
def squared_force_across(points: Points, work: Work, s: int, k: int, alpha: float) -> float:
    """|D|^2 on the other side of datum k, where it is active."""
    total = 0.0
    for i in range(len(work.D)):
        total += (work.D[i, s] - (1.0 - alpha) * work.g[k] * points.X[k, i]) ** 2
    return total
