r"""How nearly a network satisfies the first-order conditions of margin maximisation.

    (P)   min ||theta||^2 / 2   s.t.  q_i(theta) = y_i f(x_i) >= 1

theta^ = theta / sqrt(q_min) is an (eps, delta)-KKT point with multipliers lam >= 0 if ||theta^ -
sum_i lam_i g_i|| <= eps and lam_i (q_i(theta^) - 1) <= delta, g_i a Clarke subgradient of q_i
(lyu2021 Definition B.8, and Theorem 3.1).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np
from scipy.optimize import nnls

from flowrepro.core.network import activation
from flowrepro.errors import UsageError

KINK = 1e-12
"""|<w_j, x_i>| <= KINK ||w_j|| ||x_i|| counts as a kink: both slopes are subgradients there."""

MOST_KINKS = 12
"""Neurons that may bend at one sample; every choice of their slopes is one column of a
least-squares problem.
"""


@dataclass(frozen=True)
class KktCertificate:
    """The best multipliers found, in the units of theta^ = theta / sqrt(q_min).

    eps : ||theta^ - sum_i lam_i g_i|| / ||theta^||.   delta : max_i lam_i (q_i(theta^) - 1).
        duals : lam (n,).
    balance : |2 sum_i lam_i / ||theta^||^2 - 1|, zero at a KKT point by homogeneity.
    kinks : number of pairs (sample, neuron) at a kink.
    """

    eps: float
    delta: float
    duals: np.ndarray
    balance: float
    kinks: int


def kkt_certificate(
    X: np.ndarray, y: np.ndarray, W: np.ndarray, a: np.ndarray, alpha: float = 0.0
) -> KktCertificate:
    """Solve min_{lam >= 0} ||theta^ - sum_i lam_i g_i||^2 + (||theta^|| sum_i lam_i (q_i - 1))^2
    for W (m, d), a (m,).

    At a kink every convex combination of the vertices of the subdifferential is allowed, which the
    example of lyu2021 Figure 1 (left) needs. Without the second term eps is smaller and delta is
    not.

    Raises UsageError where q_min <= 0 (theta^ is not defined) or where more than MOST_KINKS neurons
    bend at one sample.
    """
    q = y * (activation(X @ W.T, alpha) @ a)
    least = float(q.min())
    if not least > 0:
        raise UsageError(
            "a KKT certificate needs a network that separates the data, but min_i y_i f(x_i) is "
            f"{least:g}; train it further"
        )
    W, a, excess = W / np.sqrt(least), a / np.sqrt(least), q / least - 1.0
    theta = np.append(W.ravel(), a)
    size = float(np.linalg.norm(theta))
    columns, owner, kinks = _subgradients(X, y, W, a, alpha)
    system = np.vstack([columns.T, size * excess[owner]])
    lam, _ = nnls(system, np.append(theta, 0.0))
    duals = np.bincount(owner, weights=lam, minlength=len(y))
    return KktCertificate(
        eps=float(np.linalg.norm(lam @ columns - theta)) / size,
        delta=float(np.max(duals * excess)),
        duals=duals,
        balance=abs(2 * float(duals.sum()) / size**2 - 1),
        kinks=kinks,
    )


def _subgradients(
    X: np.ndarray, y: np.ndarray, W: np.ndarray, a: np.ndarray, alpha: float
) -> tuple[np.ndarray, np.ndarray, int]:
    """Vertices of the subdifferentials of all q_i (p, D), the sample each belongs to (p,), and the
    number of kinks.
    """
    Z = X @ W.T
    bent = np.abs(Z) <= KINK * np.linalg.norm(X, axis=1)[:, None] * np.linalg.norm(W, axis=1)
    bent &= a != 0
    most = int(bent.sum(axis=1).max(initial=0))
    if most > MOST_KINKS:
        raise UsageError(
            f"{most} neurons bend at one sample, and a KKT certificate allows {MOST_KINKS}; "
            "remove the neurons that are zero"
        )
    rows, owner = [], []
    for i in range(len(y)):
        slopes = np.where(Z[i] > 0, 1.0, alpha)
        for choice in product((alpha, 1.0), repeat=int(bent[i].sum())):
            slopes[bent[i]] = choice
            rows.append(
                y[i] * np.append(np.outer(a * slopes, X[i]).ravel(), activation(Z[i], alpha))
            )
            owner.append(i)
    return np.array(rows), np.array(owner), int(bent.sum())
