r"""One pass over the samples for neurons that are pooled: they share an activation pattern, so they
share their products.

With slopes s_gk = sigma'(z_k) of pool g on sample k, u_g = sum_{j in g} a_j w_j and q_k = d
objective / d f_k,

    f_k = sum_g s_gk <u_g, x_k> + sum_{lone l} a_l sigma(<w_l, x_k>),    c_g = sum_k q_k s_gk x_k,

the gradient is a_j c_g in w_j and <w_j, c_g> in a_j: one product per pool instead of one per
neuron. Lone neurons keep their own.
"""

from __future__ import annotations

import numpy as np

from flowrepro.engines.compiled import compiled_parallel, range_parallel
from flowrepro.engines.fused_kernels import slope_of_loss, value

BLOCKS = 64
"""Blocks of samples, each with sums of its own, so that the result does not depend on the number of
threads.
"""


@compiled_parallel
def pooled_pass(
    X: np.ndarray,
    y: np.ndarray,
    skip: np.ndarray,
    slopes: np.ndarray,
    U: np.ndarray,
    lone_W: np.ndarray,
    lone_a: np.ndarray,
    code: int,
    weight: float,
    alpha: float,
    sums: np.ndarray,
    lone_sums: np.ndarray,
    values: np.ndarray,
) -> None:
    """Add up every block's share over the samples that are not skipped.

    X (n, d); skip (n,) bool; slopes (n, G); U (G, d); lone_W (L, d), lone_a (L,).
    Filled: sums (BLOCKS, G + L, d) with c_g and the lone neurons' sum_k q_k sigma'(z_k) x_k;
    lone_sums (BLOCKS, L) with sum_k q_k sigma(z_k); values (BLOCKS,) with the objective's share.
    """
    n, d = X.shape
    G, L = U.shape[0], len(lone_a)
    size = (n + BLOCKS - 1) // BLOCKS
    for b in range_parallel(BLOCKS):
        mine, mine_a, total = sums[b], lone_sums[b], 0.0
        mine[:] = 0
        mine_a[:] = 0
        z = np.zeros(L, dtype=X.dtype)
        for i in range(b * size, min(n, (b + 1) * size)):
            if skip[i]:
                continue
            x, f = X[i], X.dtype.type(0)
            for g in range(G):
                if slopes[i, g] != 0:
                    u, product = U[g], X.dtype.type(0)
                    for k in range(d):
                        product += u[k] * x[k]
                    f += slopes[i, g] * product
            for r in range(L):
                w, product = lone_W[r], X.dtype.type(0)
                for k in range(d):
                    product += w[k] * x[k]
                z[r] = product
                f += lone_a[r] * (product if product > 0 else alpha * product)
            total += value(code, f, y[i])
            q = weight * slope_of_loss(code, f, y[i])
            for g in range(G):
                share = X.dtype.type(q * slopes[i, g])
                if share != 0:
                    c = mine[g]
                    for k in range(d):
                        c[k] += share * x[k]
            for r in range(L):
                mine_a[r] += q * (z[r] if z[r] > 0 else alpha * z[r])
                share = X.dtype.type(q if z[r] > 0 else alpha * q)
                if share != 0:
                    c = mine[G + r]
                    for k in range(d):
                        c[k] += share * x[k]
        values[b] = weight * total
