r"""Steps of gradient descent with forces that are interpolated between few evaluations.

The force on neuron j is c_j = sum_k q_k sigma'(z_jk) x_k with z_jk = <w_j, x_k> and q_k = d
objective / d f_k. One step is

    w_j <- w_j - lr a_j c_j,    a_j <- a_j - lr <w_j, c_j>.

Under fixed signs of z_jk the force c_j is a smooth function of the step. Where the sign of a pair
(j, k) changes, +-(1 - alpha) q_k x_k is added to all its values between which is interpolated.

Both kernels run on one core: threads of their own would compete with those of the matrix products.
"""

from __future__ import annotations

import numpy as np

from flowrepro.engines.compiled import compiled


@compiled
def march(
    X: np.ndarray,
    norms: np.ndarray,
    W: np.ndarray,
    a: np.ndarray,
    forces: np.ndarray,
    slopes: np.ndarray,
    weights: np.ndarray,
    first: np.ndarray,
    sample: np.ndarray,
    active: np.ndarray,
    lr: float,
    alpha: float,
    both: bool,
    bent: np.ndarray,
) -> None:
    """Fill W (S + 1, m, d) and a (S + 1, m) from W[0] and a[0] on.

    X (n, d) with row norms (n,). forces (p, m, d) and slopes (p, n), the q_k, were evaluated at p
    steps; weights (S, p) interpolate them. Pairs that may change their sign: neuron j with the
    samples ``sample[first[j] : first[j + 1]]``. Their signs ``active``, and the forces under these
    signs, are replaced by those at the end. bent (m,): the largest distance of each neuron from
    the chord of its path.
    """
    S, p = weights.shape
    m, d = W.shape[1], W.shape[2]
    kind = X.dtype.type
    for j in range(m):
        c, travelled = np.empty(d, X.dtype), 0.0
        mine, signs = sample[first[j] : first[j + 1]], active[first[j] : first[j + 1]]
        due = np.zeros(len(mine))
        for s in range(S + 1):
            w = W[s, j]
            for e in range(len(mine)):
                if travelled < due[e]:  # it cannot have reached the plane where z = 0
                    continue
                k = mine[e]
                x, z = X[k], kind(0)
                for i in range(d):
                    z += w[i] * x[i]
                due[e] = travelled + 0.99 * abs(z) / norms[k]
                if (z > 0) != signs[e]:
                    signs[e] = not signs[e]
                    for r in range(p):
                        change = (1 - alpha) * slopes[r, k]
                        share, force = kind(change if signs[e] else -change), forces[r, j]
                        for i in range(d):
                            force[i] += share * x[i]
            if s == S:
                break
            for i in range(d):
                c[i] = 0
            for r in range(p):
                share, force = weights[s, r], forces[r, j]
                if share != 0:  # 0 times a force that diverged is no number
                    for i in range(d):
                        c[i] += share * force[i]
            product, length, share, moved = kind(0), kind(0), kind(lr * a[s, j]), W[s + 1, j]
            for i in range(d):
                product += w[i] * c[i]
                length += c[i] * c[i]
                moved[i] = w[i] - share * c[i]
            travelled += abs(share) * np.sqrt(length)
            a[s + 1, j] = a[s, j] - kind(lr * product) if both else a[s, j]
        largest = kind(0)
        for s in range(1, S):
            share, distance = kind(s / S), kind(0)
            for i in range(d):
                off = W[s, j, i] - W[0, j, i] - share * (W[S, j, i] - W[0, j, i])
                distance += off * off
            largest = max(largest, distance)
        bent[j] = np.sqrt(largest)


@compiled
def near(
    Z: np.ndarray,
    other: np.ndarray,
    stretch: float,
    active: np.ndarray,
    reach: np.ndarray,
    norms: np.ndarray,
    found: np.ndarray,
    count: np.ndarray,
) -> None:
    """Find the pairs that may change their sign from Z (m, n) to Z + stretch (other - Z).

    Those whose last sign is not ``active`` (m, n), and those that come within reach (m,) times
    norms (n,) of 0 at either end. Filled: the samples found[j, : count[j]] of neuron j.
    """
    m, n = Z.shape
    kind = Z.dtype.type
    for j in range(m):
        z, ahead, mine, limit, hits = Z[j], other[j], active[j], reach[j], 0
        for k in range(n):
            end = z[k] + kind(stretch) * (ahead[k] - z[k])
            apart = min(abs(z[k]), abs(end)) > limit * norms[k]
            found[j, hits] = k
            hits += (not apart) | ((end > 0) != mine[k])
        count[j] = hits
