r"""What the statements of lyu2021 need of a data set: mean directions, reweighted points, separators, slack of assumptions.

Paper -> here: \mu -> mean; x_i^+ , x_i^- -> `reweighted` with sign +1, -1 (Assumption A.1's footnote prints both as x_i^+);
\mu^+, \mu^- -> its mean; w^*, \gamma^* -> ``theory.margin.hard_margin``; w^+, \gamma^+ -> `one_neuron`; \kappa -> `lag`.
"""

from __future__ import annotations

from itertools import product

import numpy as np
from scipy.spatial.distance import cdist

from flowrepro.core.network import activation
from flowrepro.errors import DataError
from flowrepro.theory.margin import Separator, hard_margin

MIRROR = 1e-12
"""Relative distance up to which -x counts as a point of the set."""
MOST_VERTICES = 16
"""Points up to which all 2^n choices of slopes are enumerated."""


def mean(X: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Mu = (1/n) sum_i y_i x_i, shape (d,)   (Section 4.3)."""
    return np.asarray(y @ X / len(y))


def unit(v: np.ndarray) -> np.ndarray:
    """Vectors (..., d) divided by their lengths; nan where the length is 0."""
    with np.errstate(invalid="ignore"):
        return np.asarray(v / np.linalg.norm(v, axis=-1, keepdims=True))


def reweighted(X: np.ndarray, y: np.ndarray, alpha: float, sign: float) -> np.ndarray:
    """x_i where y_i = sign and alpha x_i elsewhere, (n, d): what a neuron of that output sign sees once it is aligned (Section A)."""
    return np.asarray(np.where(y == sign, 1.0, alpha)[:, None] * X)


def one_neuron_mean(X: np.ndarray, y: np.ndarray, alpha: float, sign: float) -> np.ndarray:
    """mu^+ or mu^-, (d,)   (Section A.1)."""
    return mean(reweighted(X, y, alpha, sign), y)


def lag(X: np.ndarray, y: np.ndarray, alpha: float) -> float:
    """Kappa = 1 - ||mu^-|| / ||mu^+||, by how much the smaller class of neurons grows more slowly (Lemma G.5)."""
    plus, minus = (
        float(np.linalg.norm(one_neuron_mean(X, y, alpha, sign))) for sign in (1.0, -1.0)
    )
    return 1 - minus / plus


def separator(X: np.ndarray, y: np.ndarray) -> Separator | None:
    """w^* and gamma^*, or None where no w has y_i <w, x_i> > 0 for all i (or none that double precision can see)."""
    try:
        found = hard_margin(X, y)
    except DataError:
        return None
    return found if isinstance(found, Separator) and found.margin > 0 else None


def one_neuron(X: np.ndarray, y: np.ndarray, alpha: float, sign: float = 1.0) -> Separator | None:
    """w^+, gamma^+ (or w^-, gamma^-): the separator of the reweighted points (Assumption A.5)."""
    return separator(reweighted(X, y, alpha, sign), y)


def mirrored(X: np.ndarray, y: np.ndarray) -> bool:
    """Whether (x, y) in the set implies (-x, -y) in it, with multiplicity   (Assumption 4.1)."""
    if not len(y) or y.sum() != 0:
        return False
    positive, negative = X[y > 0], -X[y < 0]
    equal = _equal(positive, negative)
    return bool(
        np.all(equal.any(axis=0))
        and np.array_equal(equal.sum(axis=1), _equal(positive, positive).sum(axis=1))
    )


def _equal(A: np.ndarray, B: np.ndarray) -> np.ndarray:
    """Whether case i of A is case k of B, up to rounding, (len(A), len(B))."""
    return np.asarray(cdist(A, B, "chebyshev") <= MIRROR * np.abs(A).max())


def orthogonally_separable(X: np.ndarray, y: np.ndarray) -> bool:
    """Whether y_i y_j <x_i, x_j> >= 0 for all pairs, and > 0 inside a class   (Definition H.1)."""
    gram = (y[:, None] * X) @ (y[:, None] * X).T
    return bool(gram.min() >= -1e-14 * np.abs(gram).max() and np.all(gram[y[:, None] == y] > 0))


def alignment_slack(X: np.ndarray, y: np.ndarray, alpha: float) -> np.ndarray:
    """<mu, y_i x_i> - ((1 - alpha) / (n alpha)) sum_j max(-<y_i x_i, y_j x_j>, 0), (n,): Assumption A.2 is that all are > 0."""
    Z = y[:, None] * X
    gram = Z @ Z.T
    return np.asarray(
        gram.mean(axis=1) - (1 - alpha) / (len(y) * alpha) * np.maximum(-gram, 0.0).sum(axis=1)
    )


def principal_slack(X: np.ndarray, y: np.ndarray, alpha: float, w: np.ndarray) -> float:
    """gamma_w / max_i ||P x_i|| - mean_i ||P x_i|| / (alpha <mu, w>), P = I - w w^T: Assumption A.1 is that some unit w has it > 0.

    -inf where w does not separate the points (or has <mu, w> <= 0).
    """
    heights = X @ w
    least, pull = float(np.min(y * heights)), float(mean(X, y) @ w)
    if least <= 0 or pull <= 0 or alpha == 0:
        return -np.inf
    off = np.linalg.norm(X - heights[:, None] * w, axis=1)
    largest = float(off.max())
    return np.inf if largest == 0.0 else least / largest - float(off.mean()) / (alpha * pull)


def cone_margins(X: np.ndarray, y: np.ndarray, alpha: float) -> np.ndarray:
    """min_i y_i <x_i, v> / ||v|| over the vertices v = sum_j s_j y_j x_j, s in {alpha, 1}^n, shape (2^n,)   (Lemma G.2, K).

    The least of them is delta of Appendix G. DataError for more than MOST_VERTICES points.
    """
    if len(y) > MOST_VERTICES:
        raise DataError(
            f"{len(y)} points have 2^{len(y)} choices of slopes, and at most {MOST_VERTICES} points are enumerated; take fewer points"
        )
    Z = y[:, None] * X
    slopes = np.array(list(product((alpha, 1.0), repeat=len(y))))
    V = slopes @ Z
    return np.asarray((V @ Z.T).min(axis=1) / np.linalg.norm(V, axis=1))


def aligned(X: np.ndarray, y: np.ndarray, W: np.ndarray, a: np.ndarray) -> np.ndarray:
    """Whether sgn(a_j) y_i <w_j, x_i> > 0 for all i, for neurons W (..., m, d), a (..., m): the cone test of Lemma G.4."""
    return np.asarray(np.all(np.sign(a)[..., None] * y * (W @ X.T) > 0, axis=-1))


def linear_pair(w: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The two neurons (w, -w, 1, -1) / 2 of unit norm; f(x) = (1 + alpha) / 4 <w, x> for unit w   (Theorem 4.2)."""
    return np.stack([w, -w]) / 2, np.array([0.5, -0.5])


def linear_target(w: np.ndarray, alpha: float, points: np.ndarray) -> np.ndarray:
    """(1 + alpha) / 4 <w, x>   (Theorem 4.3)."""
    return np.asarray((1 + alpha) / 4 * (points @ w))


def one_neuron_target(
    w: np.ndarray, alpha: float, points: np.ndarray, sign: float = 1.0
) -> np.ndarray:
    """Sign phi(sign <w, x>) / 2   (Theorem A.7; sign -1 is Theorem A.10)."""
    return sign / 2 * activation(sign * (points @ w), alpha)


def scaled(X: np.ndarray) -> np.ndarray:
    """The points divided by the largest of their norms, as the constants of the theory assume ||x_i|| <= 1."""
    return np.asarray(X / np.linalg.norm(X, axis=1).max())
