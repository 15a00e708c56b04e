r"""The constants of the early alignment of boursier2024, Theorem 1 and Appendix D, from the cones
of a data set.

All are of the flow of the half mean square (or any mean of losses whose slope is 1-Lipschitz), t
the time of that flow, lambda the scale of the output weights: sum_j a_j^2 <= lambda^2 over any
first neurons (eq 5).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np

from flowrepro.theory.arrangement import Arrangement, least_sine
from flowrepro.theory.arrangement_extremal import Subgradients


@dataclass(frozen=True)
class AlignmentConstants:
    """Equations (21) to (25); the minimum over nothing is inf.

    largest, smallest : D_max, and D_min over cones with 0 not in DD_u.
    boundary_outer, boundary_inner : delta0'' and delta0', how far extremal vectors are from leaving
        their cone.
    angle_plus, angle_minus : alpha_min,+ and alpha_min,-, sines of the smallest angle between a
        cone and a D_u (-D_u) outside.
    mean_square : (1/n) sum ||x_k||^2. label : min_k |dl/df(0, y_k)| / ||x_k||.
    """

    largest: float
    smallest: float
    boundary_outer: float
    boundary_inner: float
    angle_plus: float
    angle_minus: float
    mean_square: float
    label: float

    @property
    def boundary(self) -> float:
        """delta0 = min(delta0', delta0'')   (eq 21)."""
        return min(self.boundary_outer, self.boundary_inner)

    @property
    def angle(self) -> float:
        """alpha_min   (eq 23)."""
        return min(self.angle_plus, self.angle_minus)

    def critical_scale(self, alpha0: float, eps: float) -> float:
        """lambda*_{alpha0} for eps in (0, 1/3): Theorem 1 holds for smaller scales   (eq 22)."""
        inner = min(self.angle**2 * self.smallest / 8, alpha0**2 * self.smallest / 4, self.boundary)
        return float(min(inner / self.mean_square, self.label) ** (1.0 / (2.0 - 4.0 * eps)))

    def settling_bound(self, alpha0: float) -> float:
        """Bound of t_2, when a neuron under Condition 1 is in the cone of an extremal vector or
        inactive   (after eq 32).
        """
        least = self.smallest * min(self.angle, alpha0)
        return 4.0 * self.largest / least**2 if least > 0 else np.inf

    def log10_misalignment(self, alpha0: float) -> float:
        """log10 of c_{alpha0}, the constant of the bound of Theorem 1 (ii), which overflows   (eq
        37).
        """
        least = min(self.angle, alpha0) ** 2
        if least * self.smallest == 0:
            return np.inf
        growth = 4.0 * self.largest**2 / (self.smallest**2 * least) + np.sqrt(
            2.0 * self.mean_square / (self.largest * np.e**2)
        )
        log_first = np.log(4.0 * self.largest / least) + growth
        return float(
            np.logaddexp(log_first, 0.5 * np.log(2.0 * self.largest * self.mean_square))
            / np.log(10.0)
        )

    def alignment_time(self, scale: float, eps: float) -> float:
        """tau = -eps ln(lambda) / D_max, the end of the early alignment in Theorem 1."""
        return -eps * float(np.log(scale)) / self.largest


def alignment_constants(forces: Subgradients) -> AlignmentConstants:
    """The constants for the points and pulls of ``forces``; g_k is read as -(1/n) dl/df(0, y_k)."""
    X = forces.arrangement.X
    size = np.linalg.norm(X, axis=1)
    moving = forces.norm > 0
    with np.errstate(divide="ignore"):
        label = np.where(size > 0, len(X) * np.abs(forces.g) / size, np.inf)
    return AlignmentConstants(
        largest=float(forces.norm.max()),
        smallest=float(forces.norm[moving].min(initial=np.inf)),
        boundary_outer=_outer(forces, size),
        boundary_inner=_inner(forces),
        angle_plus=_sine(forces, moving & ~forces.own, 1.0),
        angle_minus=_sine(forces, moving & ~forces.opposite, -1.0),
        mean_square=float(np.mean(size**2)),
        label=float(label.min()),
    )


def _outer(forces: Subgradients, size: np.ndarray) -> float:
    """delta0'': min over extremal u and k with u_k != 0 of |<D_u, x_k>| / ||x_k||."""
    cones = forces.arrangement
    with np.errstate(invalid="ignore"):
        distance = np.abs(forces.D @ cones.X.T) / size
    wanted = forces.extremal[:, None] & (cones.signs != 0)
    return float(distance[wanted].min(initial=np.inf))


def _inner(forces: Subgradients) -> float:
    """delta0': min over extremal u and k with u_k = 0 of sigma_min(Z_u) min(eta_k - gamma, 1 -
    eta_k), Z_u = (g_k x_k)_k.
    """
    cones, least = forces.arrangement, np.inf
    for cone in np.flatnonzero(forces.extremal):
        free = cones.signs[cone] == 0
        if free.any():
            Z = forces.g[free, None] * cones.X[free]
            lowest = np.linalg.svd(Z, compute_uv=False)[-1] if len(Z) <= cones.rank else 0.0
            eta = forces.eta[cone, free]
            least = min(least, float(lowest * np.minimum(eta - forces.gamma, 1.0 - eta).min()))
    return least


def _sine(forces: Subgradients, wanted: np.ndarray, sign: float) -> float:
    """sqrt(1 - c^2), c >= 0 the largest cosine of sign D_u with its closed cone, over the wanted
    cones.

    Where all cosines are negative (in one dimension) the bound that the constant serves is void, c
    = 0, although the printed formula squares them.
    """
    sines = (
        least_sine(forces.arrangement.rays_of(cone), sign * forces.D[cone])
        for cone in np.flatnonzero(wanted).tolist()
    )
    return min(sines, default=1.0)


def generic_position(cones: Arrangement, forces: Subgradients) -> tuple[float, float]:
    """The two margins of boursier2024, Lemma 2, both positive for generic points.

    Returns
    -------
    min |<D_u, x_k>| / (||D_u|| ||x_k||) over cones with 0 not in DD_u whose closure, or its
    negative, holds D_u, and k with u_k != 0;
    and the least singular value of (g_k x_k) over all sets of rank-many points.
    """
    size = np.linalg.norm(cones.X, axis=1)
    Z = forces.D @ cones.X.T
    with np.errstate(invalid="ignore", divide="ignore"):
        cosine = np.nan_to_num(Z / (forces.norm[:, None] * size))
    cosine[np.abs(cosine) <= 1e-10] = 0.0
    near = np.zeros(len(cones), dtype=bool)
    for sign in (1, -1):
        near |= np.all(
            np.where(cones.signs == 0, cosine == 0, sign * cosine * cones.signs >= 0), axis=1
        )
    wanted = (near & (forces.norm > 0))[:, None] & (cones.signs != 0)
    return float(np.abs(cosine)[wanted].min(initial=np.inf)), _least_singular(
        forces.g[:, None] * cones.X, cones.rank
    )


def _least_singular(rows: np.ndarray, size: int) -> float:
    """Least singular value over all sets of ``size`` rows."""
    subsets = np.array(list(combinations(range(len(rows)), size)))
    return float(np.linalg.svd(rows[subsets], compute_uv=False)[:, -1].min())
