r"""What the paper assumes of its points, measured: Assumptions 3 to 6 as slacks.

A slack is positive where its assumption holds; a margin over nothing is inf. X (n, d), y (n,).
K (n,) bool marks the data whose hyperplane touches the cone of neurons active on all data.
"""

from __future__ import annotations

from functools import cache
from itertools import combinations
from typing import NamedTuple

import numpy as np

from flowrepro.papers.boursier2024.neurons import least_squares, residuals
from flowrepro.theory.arrangement import ON, Arrangement


class Assumption5(NamedTuple):
    """Both sides of y_k ||x_k||^2 > ||y|| sqrt(sum over k' != k of <x_k', x_k>^2), each (n,).

    nan for k outside K.
    """

    left: np.ndarray
    right: np.ndarray

    @property
    def ratio(self) -> float:
        """Least left / right; the assumption holds where it exceeds 1."""
        with np.errstate(divide="ignore", invalid="ignore"):  # a point 0 has 0 on both sides
            return float(np.nanmin(self.left / self.right, initial=np.inf))


class Assumption6(NamedTuple):
    """Margins: min r_k over K, min u_k <D, x_k> of item 1, min <D~_u, w> of item 2."""

    residual: float
    item_1: float
    item_2: float

    @property
    def slack(self) -> float:
        """Positive where the assumption holds."""
        return min(self)


OPEN_ENDS = ((0, 0), (7, 0), (6, 1))
"""Ends that do not belong to the boxes: x_1 > -1, y_2 > 0, x_3 < 1 (coordinate, end)."""


def box_slack(X: np.ndarray, y: np.ndarray, eta: float) -> float:
    """Assumption 3: least distance of three planar points to the sides of their boxes.

    The points are sorted by the first feature. -inf for other points; negative on an open end.
    """
    if X.shape != (3, 2):
        return -np.inf
    order = np.argsort(X[:, 0])
    values = np.concatenate([X[order].ravel(), y[order]])
    low, high = box_ends(eta)
    inside = np.column_stack([values - low, high - values])
    if any(inside[place] == 0 for place in OPEN_ENDS):
        return min(float(inside.min()), -np.finfo(float).tiny)
    return float(inside.min())


def box_ends(eta: float) -> tuple[np.ndarray, np.ndarray]:
    """Lower and upper ends (9,) of the boxes for (x_1, x_2, x_3, y), two features each."""
    low = [-1.0, 1.0, -eta, 1.0 - eta, 1.0 - eta, 1.0, 1.0, 0.0, 1.0]
    high = [-1.0 + eta, 1.0 + eta, eta, 1.0 + eta, 1.0, 1.0 + eta, 1.0 + eta, eta, 1.0 + eta]
    return np.array(low), np.array(high)


def middle_coordinates(X: np.ndarray) -> tuple[float, float]:
    """(alpha_1, alpha_3) with x_2 = alpha_1 x_1 + alpha_3 x_3   (eq 13)."""
    first, last = np.linalg.solve(X[[0, 2]].T, X[1])
    return float(first), float(last)


def assumption_4(X: np.ndarray, y: np.ndarray) -> float:
    """Least of all cosines, of y, and of the singular values of d points of unit length.

    -inf for n < d.
    """
    n, d = X.shape
    if n < d or np.any(np.all(X == 0, axis=1)):
        return -np.inf
    unit = X / np.linalg.norm(X, axis=1)[:, None]
    cosines = (unit @ unit.T)[np.triu_indices(n, 1)]
    positive = float(min(np.where(np.abs(cosines) > ON, cosines, 0.0).min(initial=np.inf), y.min()))
    if np.linalg.matrix_rank(unit) < d:
        return min(positive, 0.0)
    subsets = unit[list(combinations(range(n), d))]
    independence = float(np.linalg.svd(subsets, compute_uv=False)[:, -1].min())
    return min(positive, independence if independence > ON else 0.0)


def edge_data(cones: Arrangement) -> np.ndarray:
    """K (n,): some w != 0 in the span has <w, x_k> = 0 and <w, x_k'> >= 0 for all k'."""
    return np.any((cones.signs == 0) & np.all(cones.signs >= 0, axis=1)[:, None], axis=0)  # type: ignore[no-any-return]


def assumption_5(X: np.ndarray, y: np.ndarray, K: np.ndarray) -> Assumption5:
    """Both sides of Assumption 5."""
    gram = X @ X.T
    square = np.diag(gram)
    others = np.sqrt(np.maximum(np.sum(gram**2, axis=1) - square**2, 0.0))
    right = np.where(K, np.linalg.norm(y) * others, np.nan)
    return Assumption5(np.where(K, y * square, np.nan), right)


def assumption_6(cones: Arrangement, y: np.ndarray, K: np.ndarray) -> Assumption6:
    """Margins of Assumption 6.

    Item 2 asks for <D~_u, w> > 0 wherever <w, x_k> has both signs among k in K. On the closed cone
    of u that is a union of its faces. On each a linear form is positive where it is nonnegative on
    the rays and not zero on all.
    """
    X = cones.X
    residual = residuals(X, y)
    forces = residual[:, None] * X / len(y)
    item_1 = item_2 = np.inf
    rays_of = cache(cones.rays_of)  # a face belongs to many cones
    for u in cones.signs[np.any(cones.signs > 0, axis=1) & np.any(cones.signs < 0, axis=1)]:
        faces = np.all((cones.signs == 0) | (cones.signs == u), axis=1)
        D = (u > 0) @ forces
        touched = K & (u != 0) & np.any(cones.signs[faces] == 0, axis=0)
        for k in np.flatnonzero(touched):
            # data on the hyperplane pull by a share in [0, 1], here the worst one
            free = np.minimum(0.0, u[k] * forces[u == 0] @ X[k])
            item_1 = min(item_1, float(u[k] * D @ X[k] + free.sum()))
        signs = cones.signs[faces][:, K]
        mixed = np.any(signs > 0, axis=1) & np.any(signs < 0, axis=1)
        for face in np.flatnonzero(faces)[mixed].tolist():
            products = rays_of(face) @ D
            lowest = float(products.min())
            item_2 = min(item_2, lowest if lowest < -ON else float(products.max()))
    return Assumption6(float(residual[K].min(initial=np.inf)), item_1, item_2)


def slacks(cones: Arrangement, y: np.ndarray, eta: float) -> dict[str, np.ndarray]:
    """Slacks of the assumptions and the constants of the phases (Lemmas 6, 16, 17).

    least_mean is the alpha of eq 49: of a positive form, hence least at a ray.
    """
    X, K = cones.X, edge_data(cones)
    fifth = assumption_5(X, y, K)
    curvature = np.linalg.eigvalsh(X.T @ X / len(y))
    low, high = max(curvature[0], 0.0), curvature[-1]
    edges = cones.inside[(cones.dimension == 1) & np.all(cones.signs >= 0, axis=1)]
    return {
        "beta": least_squares(X, y),
        "residual": residuals(X, y),
        "edge_data": K,
        "assumption_3": np.array(box_slack(X, y, eta)),
        "assumption_4": np.array(assumption_4(X, y)),
        "assumption_5_left": fifth.left,
        "assumption_5_right": fifth.right,
        "assumption_6": np.array(assumption_6(cones, y, K)),
        "curvature": np.array([low, high]),
        "condition": np.array(np.sqrt(high / low) if low > 0 else np.inf),
        "force_bound": np.array(np.sqrt(np.mean(y**2) * np.mean(np.sum(X**2, axis=1)))),
        "least_mean": np.array(np.min(edges @ X.mean(axis=0), initial=np.inf)),
    }
