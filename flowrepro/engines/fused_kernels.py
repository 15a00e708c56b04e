r"""The compiled steps of plain gradient descent: closed-form gradients, full batch, float64.

One step, both layers from the old values (boursier2022, Section 5; conventions in ``network.py``):

    z_kj = <w_j, x_k>,  A_kj = sigma(z_kj),  g_k = d objective / d f_k  at  f_k = sum_j a_j A_kj
    a_j <- a_j - lr sum_k g_k A_kj,     w_j <- w_j - lr a_j sum_k sigma'(z_kj) g_k x_k

The innermost loops run over neurons, so the first layer is kept transposed and padded with zero
neurons to whole SIMD vectors; a zero neuron stays zero and adds nothing.

With fewer samples than coordinates the same step is made in the span of the samples, which no
w_j - w_j(0) leaves:
w_j = w_j(0) + sum_k c_kj x_k, z = X W(0)^T + X X^T c, c_kj <- c_kj - lr a_j sigma'(z_kj) g_k. That
is one product of size n n m a step instead of two of size n d m.
"""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

import numpy as np

from flowrepro.engines.compiled import compiled, compiled_parallel, range_parallel

Array: TypeAlias = np.ndarray


class Rule(NamedTuple):
    """What a step needs besides points and weights: objective = weight sum_k l(f_k, y_k).

    code : of the loss l, see LOSS_CODES. alpha : slope of the Leaky ReLU. both : False trains the
    first layer only.
    """

    code: int
    weight: float
    alpha: float
    lr: float
    both: bool


class Record(NamedTuple):
    """What `descend_members` keeps.

    losses (R, K) of the members at steps[kept]; first_below (R, L), where it is negative, becomes
    the first of ``steps`` with a loss below levels (L,).
    """

    steps: Array
    kept: Array
    losses: Array
    levels: Array
    first_below: Array


@compiled
def value(code: int, f: float, y: float) -> float:
    """l(f, y), the formulas of ``network.LOSSES``."""
    if code == 0:
        return 0.5 * (f - y) * (f - y)
    u = -y * f
    if code == 3:
        return float(np.exp(u))
    softplus = float(np.log1p(np.exp(-abs(u)))) + (u if u > 0.0 else 0.0)
    return 2.0 * softplus if code == 2 else softplus


@compiled
def slope_of_loss(code: int, f: float, y: float) -> float:
    """dl/df."""
    if code == 0:
        return f - y
    if code == 3:
        return -y * float(np.exp(-y * f))
    slope = -y / (1.0 + float(np.exp(y * f)))
    return 2.0 * slope if code == 2 else slope


@compiled
def _forward(X: Array, W: Array, a: Array, alpha: float, hidden: Array, f: Array) -> None:
    """Fill hidden (n, m) and f (n,); ``not z > 0`` lets nan through."""
    n, d = X.shape
    m = a.shape[0]
    for k in range(n):
        row = hidden[k]
        x = X[k, 0]
        for j in range(m):
            row[j] = x * W[0, j]
        for i in range(1, d):
            x = X[k, i]
            for j in range(m):
                row[j] += x * W[i, j]
        total = 0.0
        for j in range(m):
            z = row[j]
            z = z if z > 0.0 else alpha * z
            row[j] = z
            total += a[j] * z
        f[k] = total


@compiled
def _update(
    X: Array,
    W: Array,
    a: Array,
    g: Array,
    rule: Rule,
    hidden: Array,
    grad_W: Array,
    grad_a: Array,
) -> None:
    """One step of both layers (or the first) from hidden (n, m) and g_k = d objective / d f_k."""
    n, d = X.shape
    m = a.shape[0]
    alpha, lr = rule.alpha, rule.lr
    # The last row of grad_W is no gradient: it is room for the slopes of one sample.
    slope = grad_W[d]  # scratch
    grad_W[:] = 0.0
    grad_a[:] = 0.0
    for k in range(n):
        row = hidden[k]
        gk = g[k]
        for j in range(m):
            slope[j] = gk if row[j] > 0.0 else alpha * gk
            grad_a[j] += gk * row[j]
        for i in range(d):
            x = X[k, i]
            for j in range(m):
                grad_W[i, j] += slope[j] * x
    for i in range(d):
        for j in range(m):
            W[i, j] -= lr * a[j] * grad_W[i, j]
    if rule.both:
        for j in range(m):
            a[j] -= lr * grad_a[j]


@compiled
def descend(
    X: Array,
    y: Array,
    W: Array,
    a: Array,
    step: int,
    steps: Array,
    losses: Array,
    rule: Rule,
) -> None:
    """From ``step`` to steps[-1] in place; losses[i] at steps[i].

    Every state is evaluated by the same `_forward`, so neither the recording grid nor the cuts
    change a bit.
    """
    n, d = X.shape
    m = a.shape[0]
    code, weight = rule.code, rule.weight
    hidden, f = np.empty((n, m)), np.empty(n)
    grad_W, grad_a = np.empty((d + 1, m)), np.empty(m)
    recorded = 0
    while True:
        _forward(X, W, a, rule.alpha, hidden, f)
        if step == steps[recorded]:
            total = 0.0
            for k in range(n):
                total += value(code, f[k], y[k])
            losses[recorded] = weight * total
            recorded += 1
            if recorded == len(steps):
                return
        for k in range(n):
            f[k] = weight * slope_of_loss(code, f[k], y[k])
        _update(X, W, a, f, rule, hidden, grad_W, grad_a)
        step += 1


@compiled
def _add_product(K: Array, C: Array, Z: Array) -> None:
    """Z (n, m) += K (n, n) C (n, m); blocks of 2 x 4 leave three memory accesses to eight
    multiplications.
    """
    n, m = C.shape
    for k in range(0, n - 1, 2):
        above, below = Z[k], Z[k + 1]
        for i in range(0, n - 3, 4):
            p0, p1, p2, p3 = K[k, i], K[k, i + 1], K[k, i + 2], K[k, i + 3]
            q0, q1, q2, q3 = K[k + 1, i], K[k + 1, i + 1], K[k + 1, i + 2], K[k + 1, i + 3]
            for j in range(m):
                c0, c1, c2, c3 = C[i, j], C[i + 1, j], C[i + 2, j], C[i + 3, j]
                above[j] += p0 * c0 + p1 * c1 + p2 * c2 + p3 * c3
                below[j] += q0 * c0 + q1 * c1 + q2 * c2 + q3 * c3
        for i in range(n - n % 4, n):
            for j in range(m):
                above[j] += K[k, i] * C[i, j]
                below[j] += K[k + 1, i] * C[i, j]
    if n % 2 == 1:
        for i in range(n):
            for j in range(m):
                Z[n - 1, j] += K[n - 1, i] * C[i, j]


@compiled
def descend_in_span(
    span: tuple[Array, Array],
    y: Array,
    C: Array,
    a: Array,
    step: int,
    steps: Array,
    losses: Array,
    rule: Rule,
) -> None:
    """`descend` for w_j = w_j(0) + sum_k C[k, j] x_k, C (n, m) and a in place.

    span : K = X X^T (n, n) and Z0 = X W(0)^T (n, m).
    """
    K, Z0 = span
    code, weight, alpha, lr, both = rule
    n, m = Z0.shape
    Z, f, grad_a = np.empty((n, m)), np.empty(n), np.empty(m)
    recorded = 0
    while True:
        Z[:] = Z0
        _add_product(K, C, Z)
        for k in range(n):
            row, total = Z[k], 0.0
            for j in range(m):
                z = row[j]
                z = z if z > 0.0 else alpha * z
                row[j] = z
                total += a[j] * z
            f[k] = total
        if step == steps[recorded]:
            total = 0.0
            for k in range(n):
                total += value(code, f[k], y[k])
            losses[recorded] = weight * total
            recorded += 1
            if recorded == len(steps):
                return
        grad_a[:] = 0.0
        for k in range(n):
            row, moved = Z[k], C[k]
            g = weight * slope_of_loss(code, f[k], y[k])
            for j in range(m):
                grad_a[j] += g * row[j]
                moved[j] -= lr * a[j] * (g if row[j] > 0.0 else alpha * g)
        if both:
            for j in range(m):
                a[j] -= lr * grad_a[j]
        step += 1


@compiled_parallel
def descend_members(
    X: Array, y: Array, W: Array, a: Array, step: int, record: Record, rule: Rule
) -> None:
    """`descend` for every member r of W (R, d, m), a (R, m) in place, members shared among the
    cores.
    """
    steps, kept, losses, levels, first_below = record
    for r in range_parallel(W.shape[0]):
        every = np.empty(len(steps))
        descend(X, y, W[r], a[r], step, steps, every, rule)
        for i in range(len(kept)):
            losses[r, i] = every[kept[i]]
        for l in range(len(levels)):
            if first_below[r, l] < 0:
                for i in range(len(steps)):
                    if every[i] < levels[l]:
                        first_below[r, l] = steps[i]
                        break
