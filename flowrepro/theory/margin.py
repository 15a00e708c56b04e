r"""Margins: of a homogeneous network, and of the best linear separator, with certificates.

Both are measured without an intercept; a bias is a further coordinate of the data.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from scipy.optimize import nnls

from flowrepro.core.network import predict
from flowrepro.errors import DataError
from flowrepro.theory.margin_exact import nearest_point

EXACT = 1e-10
"""Relative size up to which a certificate counts as exact."""
LEAST_MARGIN = 1e-150
"""Margin whose square is a double."""
MOST_EXACT = 200_000
"""n d^2 of points that rational arithmetic decides from any start: a few seconds."""


def normalised_margin(
    X: np.ndarray, y: np.ndarray, W: np.ndarray, a: np.ndarray, alpha: float = 0.0
) -> float:
    """min_i y_i f(x_i) / ||theta||^2 for W (m, d), a (m,)   (lyu2021 Section 3, degree of
    homogeneity 2); nan at theta = 0.
    """
    size = float(np.vdot(W, W) + np.vdot(a, a))
    return float(np.min(y * predict(X, W, a, alpha)) / size) if size > 0 else float("nan")


@dataclass(frozen=True)
class Separator:
    """The unit vector w that maximises min_i y_i <w, x_i>.

    margin : that minimum, a lower bound of the largest margin; upper : ||Z^T lam|| / sum lam, an
        upper bound, Z = y x.
    duals : (n,) lam >= 0 with v = w / margin = Z^T lam, the multipliers of min ||v||^2 / 2 s.t. Z v
        >= 1.
    infeasibility : max_i (1 - <v, z_i>)+.   stationarity : ||v - Z^T lam|| / ||v||.
    gap : | ||v||^2 - sum lam | / ||v||^2, that of the primal and the dual objective.
    """

    w: np.ndarray
    margin: float
    upper: float
    duals: np.ndarray
    infeasibility: float
    stationarity: float
    gap: float

    @property
    def support(self) -> np.ndarray:
        """Indices with a positive multiplier."""
        return np.flatnonzero(self.duals > 0)


@dataclass(frozen=True)
class Inseparable:
    """No w has y_i <w, x_i> > 0 for all i: sum_i lam_i y_i x_i = 0 with lam (n,) >= 0, sum lam = 1.

    residual : ||sum_i lam_i y_i x_i|| / max_i ||x_i||, 0 where rational arithmetic proved it.
    """

    duals: np.ndarray
    residual: float


def hard_margin(
    X: np.ndarray, y: np.ndarray, decided_exactly: bool = True
) -> Separator | Inseparable:
    """The max-margin separator without intercept, or the proof that there is none.

    Lawson and Hanson's least-distance problem: with Z = y x, u = argmin_{u >= 0} ||[Z^T; 1^T] u -
    e_{d+1}|| vanishes exactly if the data are not separable; otherwise the residual r gives v =
    -r_{1..d} / r_{d+1}. The support that it finds is solved once more, v = Z_P^+ 1, so that small
    margins lose no digits.

    Where the separator's certificate does not hold to EXACT in double precision, the question is
    decided in rational arithmetic (`margin_exact`).

    decided_exactly : False takes sum_i lam_i y_i x_i = 0 to EXACT as a proof that there is none.

    Raises
    ------
    DataError
        X is empty or not finite, its margin is below LEAST_MARGIN, or it is so large that rational
        arithmetic would take minutes.
    """
    Z = y[:, None] * X
    size = float(np.linalg.norm(Z, axis=1).max(initial=0.0))
    if not np.isfinite(size) or not len(Z):
        raise DataError("a separator needs at least one point and finite coordinates only")
    if size == 0.0:
        return Inseparable(np.full(len(Z), 1 / len(Z)), 0.0)
    Z = Z / size
    u, _ = nnls(np.vstack([Z.T, np.ones(len(Z))]), np.append(np.zeros(Z.shape[1]), 1.0))
    separator = _on_support(Z, u > 0)
    if (
        separator is not None
        and max(separator.infeasibility, separator.stationarity, separator.gap) <= EXACT
    ):
        return _rescaled(separator, size)
    residual = float(np.linalg.norm(u @ Z) / max(u.sum(), np.finfo(float).tiny))
    if residual <= EXACT and not decided_exactly:
        return Inseparable(u / u.sum(), residual)
    active = np.flatnonzero(u > 0).tolist()
    if len(Z) * len(Z.T) ** 2 > MOST_EXACT and not (residual <= EXACT and len(active) > len(Z.T)):
        raise DataError(
            f"{len(Z)} points in dimension {len(Z.T)} have a margin of about {residual:.1e} of the "
            "largest point or none, which double precision cannot tell; take fewer points"
        )
    return _exact(y[:, None] * X, active)


def _exact(Z: np.ndarray, start: list[int]) -> Separator | Inseparable:
    """The separator of Z (n, d), or the proof that there is none, from rational arithmetic."""
    x, weights = nearest_point(Z, start)
    p = np.array([float(weight) for weight in weights])
    square = sum((value * value for value in x), Fraction(0))
    if not square:
        return Inseparable(p, 0.0)
    top = max(map(abs, x))  # the squares of tiny margins underflow in double precision
    margin = float(top) * float(square / top**2) ** 0.5
    direction = np.array([float(value / top) for value in x])
    w = direction / np.linalg.norm(direction)
    if margin < LEAST_MARGIN:
        raise DataError(
            f"the margin is {margin:.1e}, too small for double precision; rescale the points, or "
            "remove those nearest to the boundary"
        )
    return Separator(w, margin, margin, p / margin**2, 0.0, 0.0, 0.0)


def _on_support(Z: np.ndarray, active: np.ndarray) -> Separator | None:
    """The least v with <v, z_i> = 1 on the active rows, judged on all of them;

    None without active rows or with v = 0.
    """
    if not active.any():
        return None
    v = np.linalg.lstsq(Z[active], np.ones(int(active.sum())), rcond=None)[0]
    length = float(np.linalg.norm(v))
    if length == 0.0:
        return None
    lam = np.zeros(len(Z))
    lam[active] = np.maximum(np.linalg.lstsq(Z[active].T, v, rcond=None)[0], 0.0)
    pull, reach = lam @ Z, Z @ v
    return Separator(
        w=v / length,
        margin=float(reach.min()) / length,
        upper=float(np.linalg.norm(pull) / lam.sum()) if lam.any() else float("inf"),
        duals=lam,
        infeasibility=max(0.0, 1.0 - float(reach.min())),
        stationarity=float(np.linalg.norm(v - pull)) / length,
        gap=abs(length**2 - float(lam.sum())) / length**2,
    )


def _rescaled(found: Separator, size: float) -> Separator:
    """The separator of ``size`` times the points."""
    return Separator(
        found.w,
        size * found.margin,
        size * found.upper,
        found.duals / size**2,
        found.infeasibility,
        found.stationarity,
        found.gap,
    )
