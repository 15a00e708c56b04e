r"""What the statements of lyu2021 need of a set of points, and of random starts.

Mean directions, reweighted points, separators, limit functions, slacks of assumptions.

Paper -> here: \mu -> mean; x_i^+ , x_i^- -> `reweighted` with sign +1, -1 (the footnote of
Assumption A.1 prints both as x_i^+); \mu^+, \mu^- -> `one_neuron_mean`; w^*, \gamma^* ->
`separator`; w^+, \gamma^+ -> `one_neuron`; \kappa -> `lag`; D_init, D~_init -> `draw`.
"""

from __future__ import annotations

from itertools import product

import numpy as np
from scipy.optimize import lsq_linear
from scipy.spatial.distance import cdist

from flowrepro.core.network import activation
from flowrepro.errors import DataError, UsageError
from flowrepro.theory.margin import Inseparable, Separator, hard_margin
from flowrepro.theory.margin_kkt import KINK

Weights = tuple[np.ndarray, np.ndarray]
"""W (..., m, d) and a (..., m)."""
MIRROR = 1e-12
"""Relative distance up to which -x counts as a point of the set."""
MOST_VERTICES = 16
"""Points up to which all 2^n choices of slopes are enumerated."""
ROUNDING = 1e-12
"""Weight in a proof that is a rounding error."""
SHOWN = 8
"""Points named in the proof that a set is not separable."""


def mean(X: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Mu = (1/n) sum_i y_i x_i, shape (d,)   (Section 4.3)."""
    return np.asarray(y @ X / len(y))


def unit(v: np.ndarray) -> np.ndarray:
    """Vectors (..., d) divided by their lengths; nan where the length is 0."""
    with np.errstate(invalid="ignore"):
        return np.asarray(v / np.linalg.norm(v, axis=-1, keepdims=True))


def scaled(X: np.ndarray) -> np.ndarray:
    """The points divided by their largest norm, as the theory's constants assume ||x_i|| <= 1."""
    return np.asarray(X / np.linalg.norm(X, axis=1).max())


def reweighted(X: np.ndarray, y: np.ndarray, alpha: float, sign: float) -> np.ndarray:
    """x_i where y_i = sign, alpha x_i elsewhere, (n, d): slopes of an aligned neuron (Sec. A)."""
    return np.asarray(np.where(y == sign, 1.0, alpha)[:, None] * X)


def one_neuron_mean(X: np.ndarray, y: np.ndarray, alpha: float, sign: float) -> np.ndarray:
    """mu^+ or mu^-, (d,)   (Section A.1)."""
    return mean(reweighted(X, y, alpha, sign), y)


def lag(X: np.ndarray, y: np.ndarray, alpha: float) -> float:
    """Kappa = 1 - ||mu^-|| / ||mu^+||: the slower growth of the smaller class (Lemma G.5)."""
    plus, minus = (
        float(np.linalg.norm(one_neuron_mean(X, y, alpha, sign))) for sign in (1.0, -1.0)
    )
    return 1 - minus / plus


def separator(X: np.ndarray, y: np.ndarray) -> Separator | None:
    """w^* and gamma^*, or None where no w has all y_i <w, x_i> > 0, or it cannot be decided."""
    try:
        found = hard_margin(X, y)
    except DataError:
        return None
    return found if isinstance(found, Separator) and found.margin > 0 else None


def best_separator(X: np.ndarray, y: np.ndarray) -> Separator:
    """w^* and gamma^*; DataError with the proof where the points are not separable."""
    found = hard_margin(X, y)
    if not isinstance(found, Inseparable):
        return found
    raise DataError(
        f"{inseparable(found)}; append a constant feature with --set bias=true where a hyperplane "
        "off the origin separates them, or take points that one does"
    )


def inseparable(proof: Inseparable) -> str:
    """The sentence, without a full stop, that proves that no hyperplane separates the points."""
    order = np.argsort(-proof.duals, kind="stable")
    order = order[proof.duals[order] > ROUNDING]
    terms = " + ".join(f"{proof.duals[i]:.4g} z_{i + 1}" for i in order[:SHOWN])
    more = f" + {len(order) - SHOWN} more terms" if len(order) > SHOWN else ""
    error = f" up to {proof.residual:.1e} of the largest point" if proof.residual else ""
    return (
        "the points are not separable by a hyperplane through the origin: "
        f"{terms}{more} = 0{error}, with z_i = y_i x_i and points counted from 1"
    )


def one_neuron(X: np.ndarray, y: np.ndarray, alpha: float, sign: float = 1.0) -> Separator | None:
    """w^+, gamma^+ (or w^-, gamma^-): the separator of the reweighted points (Assumption A.5)."""
    return separator(reweighted(X, y, alpha, sign), y)


def mirrored(X: np.ndarray, y: np.ndarray) -> bool:
    """Whether each (x, y) of the set comes with (-x, -y), as often   (Assumption 4.1)."""
    if not len(y) or y.sum() != 0:
        return False
    positive, negative = X[y > 0], -X[y < 0]
    equal = _equal(positive, negative)
    return bool(
        np.all(equal.any(axis=0))
        and np.array_equal(equal.sum(axis=1), _equal(positive, positive).sum(axis=1))
    )


def _equal(A: np.ndarray, B: np.ndarray) -> np.ndarray:
    """Whether point i of A is point k of B, up to rounding, (len(A), len(B))."""
    return np.asarray(cdist(A, B, "chebyshev") <= MIRROR * np.abs(A).max())


def orthogonally_separable(X: np.ndarray, y: np.ndarray) -> bool:
    """Whether y_i y_j <x_i, x_j> >= 0 for all pairs, and > 0 inside a class   (Definition H.1)."""
    gram = (y[:, None] * X) @ (y[:, None] * X).T
    return bool(gram.min() >= -1e-14 * np.abs(gram).max() and np.all(gram[y[:, None] == y] > 0))


def alignment_slack(X: np.ndarray, y: np.ndarray, alpha: float) -> np.ndarray:
    """Slack (n,) of Assumption A.2, which is that all are > 0.

    <mu, y_i x_i> - ((1 - alpha) / (n alpha)) sum_j max(-<y_i x_i, y_j x_j>, 0)
    """
    Z = y[:, None] * X
    gram = Z @ Z.T
    return np.asarray(
        gram.mean(axis=1) - (1 - alpha) / (len(y) * alpha) * np.maximum(-gram, 0.0).sum(axis=1)
    )


def principal_slack(X: np.ndarray, y: np.ndarray, alpha: float, w: np.ndarray) -> float:
    """Slack of Assumption A.1 for a unit vector w; the assumption is that some w has it > 0.

    gamma_w / max_i ||P x_i|| - mean_i ||P x_i|| / (alpha <mu, w>),     P = I - w w^T

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
    """min_i y_i <x_i, v> / ||v|| over the vertices v = sum_j s_j y_j x_j, s in {alpha, 1}^n.

    Shape (2^n,) (Lemma G.2, K); the least of them is delta of Appendix G. DataError for more than
    MOST_VERTICES points.
    """
    if len(y) > MOST_VERTICES:
        raise DataError(
            f"{len(y)} points have 2^{len(y)} choices of slopes, and at most {MOST_VERTICES} "
            "points are enumerated; take fewer points"
        )
    Z = y[:, None] * X
    slopes = np.array(list(product((alpha, 1.0), repeat=len(y))))
    V = slopes @ Z
    return np.asarray((V @ Z.T).min(axis=1) / np.linalg.norm(V, axis=1))


def aligned(X: np.ndarray, y: np.ndarray, W: np.ndarray, a: np.ndarray) -> np.ndarray:
    """Whether sgn(a_j) y_i <w_j, x_i> > 0 for all i, (..., m): the cone test of Lemma G.4.

    W (..., m, d), a (..., m).
    """
    return np.asarray(np.all(np.sign(a)[..., None] * y * (W @ X.T) > 0, axis=-1))


def linear_pair(w: np.ndarray) -> Weights:
    """The two neurons (w, -w, 1, -1) / 2; f(x) = (1 + alpha) / 4 <w, x>   (Theorem 4.2)."""
    return np.stack([w, -w]) / 2, np.array([0.5, -0.5])


def linear_target(w: np.ndarray, alpha: float, points: np.ndarray) -> np.ndarray:
    """(1 + alpha) / 4 <w, x>   (Theorem 4.3)."""
    return np.asarray((1 + alpha) / 4 * (points @ w))


def one_neuron_target(
    w: np.ndarray, alpha: float, points: np.ndarray, sign: float = 1.0
) -> np.ndarray:
    """Sign phi(sign <w, x>) / 2   (Theorem A.7; sign -1 is Theorem A.10)."""
    return sign / 2 * activation(sign * (points @ w), alpha)


def class_separator(X: np.ndarray, y: np.ndarray, sign: float) -> np.ndarray:
    """argmin ||w|| s.t. <w, x_i> >= 1 for y_i = sign, (d,)   (problem (Q) of Lemma H.3).

    0 without such a point, nan where no w has that.
    """
    points = X[y == sign]
    found = separator(points, np.ones(len(points))) if len(points) else None
    if found is None:
        return np.full(X.shape[1], np.nan if len(points) else 0.0)
    return np.asarray(found.w / found.margin)


def orthogonal_target(X: np.ndarray, y: np.ndarray, points: np.ndarray) -> np.ndarray:
    """(phi(<w+, x>) - phi(<w-, x>)) / (2 (||w+|| + ||w-||)) with ReLU   (Theorem H.2)."""
    plus, minus = (class_separator(X, y, sign) for sign in (1.0, -1.0))
    size = 2 * float(np.linalg.norm(plus) + np.linalg.norm(minus))
    return np.asarray((activation(points @ plus, 0.0) - activation(points @ minus, 0.0)) / size)


def stationarity(
    X: np.ndarray, y: np.ndarray, W: np.ndarray, a: np.ndarray, alpha: float, duals: np.ndarray
) -> float:
    """Largest entry of theta - sum_i lam_i grad q_i, with the slopes at kinks that make it least.

    Slopes at kinks lie in [alpha, 1]. Each neuron has its own, so each is a small bounded
    least-squares problem.
    """
    Z = X @ W.T
    worst = float(np.abs(a - (duals * y) @ activation(Z, alpha)).max())
    for w, out, z in zip(W, a, Z.T, strict=True):
        pull = (out * duals * y)[:, None] * X
        kink = np.abs(z) <= KINK * np.linalg.norm(X, axis=1) * np.linalg.norm(w)
        rest = w - np.where(z > 0, 1.0, alpha)[~kink] @ pull[~kink]
        if kink.any():
            rest = rest - lsq_linear(pull[kink].T, rest, (alpha, 1.0), method="bvls").x @ pull[kink]
        worst = max(worst, float(np.abs(rest).max()))
    return worst


def draw(rng: np.random.Generator, m: int, d: int, init: str) -> Weights:
    """One draw at scale 1 of D_init ("gaussian") or D~_init ("balanced").

    W (m, d) is standard Gaussian; a (m,) is standard Gaussian (c_a = 1), or +-||w_j|| with a fair
    coin for the sign.
    """
    if init not in ("gaussian", "balanced"):
        raise UsageError(f"options.init must be gaussian or balanced, not '{init}'")
    W, a = rng.standard_normal((m, d)), rng.standard_normal(m)
    return W, np.sign(a) * np.linalg.norm(W, axis=1) if init == "balanced" else a


def draws(seed: int, count: int, m: int, d: int, init: str) -> Weights:
    """``count`` draws, W (count, m, d), a (count, m).

    Number s comes from default_rng([seed, s, m]), whatever ``count`` is.
    """
    pairs = [draw(np.random.default_rng([seed, s, m]), m, d, init) for s in range(count)]
    return np.stack([W for W, _ in pairs]), np.stack([a for _, a in pairs])


def probes(seed: int, d: int, count: int = 2000) -> np.ndarray:
    """Random unit vectors (count, d) at which functions are compared."""
    points = np.random.default_rng([seed, d, count]).standard_normal((count, d))
    return np.asarray(points / np.linalg.norm(points, axis=1, keepdims=True))
