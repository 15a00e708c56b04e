r"""What boursier2024 assumes of its points, measured: Assumptions 3 to 6 as slacks, positive where they hold.

X (n, d), y (n,). K (n,) bool marks the data whose hyperplane touches the cone of all-active neurons. A margin over
nothing is inf.
"""

from __future__ import annotations

from itertools import combinations
from typing import NamedTuple

import numpy as np

from flowrepro.papers.boursier2024.least_squares import residuals
from flowrepro.theory.arrangement import ON, Arrangement


class Assumption5(NamedTuple):
    """Both sides for every k in K: y_k ||x_k||^2 > ||y|| sqrt(sum over k' != k of <x_k', x_k>^2); nan for the other k."""

    left: np.ndarray
    right: np.ndarray

    @property
    def ratio(self) -> float:
        """Least left / right; the assumption holds where it exceeds 1."""
        with np.errstate(divide="ignore", invalid="ignore"):  # a point 0 has 0 on both sides
            return float(np.nanmin(self.left / self.right, initial=np.inf))


class Assumption6(NamedTuple):
    """Margins of the three conditions: min r_k over K, min u_k <D, x_k> of item 1, min <D~_u, w> of item 2."""

    residual: float
    item_1: float
    item_2: float

    @property
    def slack(self) -> float:
        """Positive where the assumption holds."""
        return min(self)


def box_slack(X: np.ndarray, y: np.ndarray, eta: float) -> float:
    """Assumption 3 for the given eta: least distance of three planar points to the sides of their boxes, points sorted by the first feature.

    -inf for other points.
    """
    if X.shape != (3, 2):
        return -np.inf
    order = np.argsort(X[:, 0])
    values = np.concatenate([X[order].ravel(), y[order]])
    low, high = boxes(eta)
    return float(np.minimum(values - low, high - values).min())


def boxes(eta: float) -> tuple[np.ndarray, np.ndarray]:
    """Lower and upper ends (9,) of the boxes of Assumption 3 for (x_1, x_2, x_3, y), two features each."""
    low = [-1.0, 1.0, -eta, 1.0 - eta, 1.0 - eta, 1.0, 1.0, 0.0, 1.0]
    high = [-1.0 + eta, 1.0 + eta, eta, 1.0 + eta, 1.0, 1.0 + eta, 1.0 + eta, eta, 1.0 + eta]
    return np.array(low), np.array(high)


def middle_coordinates(X: np.ndarray) -> tuple[float, float]:
    """(alpha_1, alpha_3) with x_2 = alpha_1 x_1 + alpha_3 x_3   (eq 13)."""
    first, last = np.linalg.solve(X[[0, 2]].T, X[1])
    return float(first), float(last)


def assumption_4(X: np.ndarray, y: np.ndarray) -> float:
    """Least of all cosines, of y, and of the singular values of d points of unit length; -inf for n < d."""
    n, d = X.shape
    if n < d or np.any(np.all(X == 0, axis=1)):
        return -np.inf
    unit = X / np.linalg.norm(X, axis=1)[:, None]
    independence = 0.0
    if np.linalg.matrix_rank(unit) == d:
        independence = float(
            np.linalg.svd(unit[list(combinations(range(n), d))], compute_uv=False)[:, -1].min()
        )
    cosines = (unit @ unit.T)[np.triu_indices(n, 1)]
    return float(
        min(cosines.min(initial=np.inf), y.min(), independence if independence > ON else 0.0)
    )


def edge_data(cones: Arrangement) -> np.ndarray:
    """K (n,): some w != 0 has <w, x_k> = 0 and <w, x_k'> >= 0 for all k' (within the span of the points)."""
    return np.any((cones.signs == 0) & np.all(cones.signs >= 0, axis=1)[:, None], axis=0)  # type: ignore[no-any-return]


def assumption_5(X: np.ndarray, y: np.ndarray, K: np.ndarray) -> Assumption5:
    """Both sides of Assumption 5."""
    gram = X @ X.T
    square = np.diag(gram)
    others = np.sqrt(np.maximum(np.sum(gram**2, axis=1) - square**2, 0.0))
    return Assumption5(
        np.where(K, y * square, np.nan), np.where(K, np.linalg.norm(y) * others, np.nan)
    )


def assumption_6(cones: Arrangement, y: np.ndarray, K: np.ndarray) -> Assumption6:
    """Margins of Assumption 6.

    Item 2 asks for <D~_u, w> > 0 wherever <w, x_k> has both signs among k in K; on the closed cone of u that is a union of
    its faces, on each of which a linear form is positive where it is nonnegative on the rays and not zero on all.
    """
    X = cones.X
    residual = residuals(X, y)
    forces = residual[:, None] * X / len(y)
    item_1 = item_2 = np.inf
    for u in cones.signs[np.any(cones.signs > 0, axis=1) & np.any(cones.signs < 0, axis=1)]:
        faces = np.all((cones.signs == 0) | (cones.signs == u), axis=1)
        D = (u > 0) @ forces
        touched = K & (u != 0) & np.any(cones.signs[faces] == 0, axis=0)
        for k in np.flatnonzero(touched):
            free = np.minimum(
                0.0, u[k] * forces[u == 0] @ X[k]
            )  # each share in [0, 1] at its worst
            item_1 = min(item_1, float(u[k] * D @ X[k] + free.sum()))
        item_2 = min(item_2, _least_on_mixed_faces(cones, np.flatnonzero(faces), D, K))
    return Assumption6(float(residual[K].min(initial=np.inf)), item_1, item_2)


def _least_on_mixed_faces(
    cones: Arrangement, faces: np.ndarray, D: np.ndarray, K: np.ndarray
) -> float:
    least = np.inf
    for face in faces.tolist():
        signs = cones.signs[face, K]
        if np.any(signs > 0) and np.any(signs < 0):
            products = cones.rays_of(face) @ D
            lowest = float(products.min())
            least = min(least, lowest if lowest < -ON else float(products.max()))
    return least
