r"""Minimal-norm subgradients and extremal vectors on the cones of an arrangement (boursier2024,
Definition 1).

While a network's output is negligible, a neuron in the cone of u feels a force from the set

    DD_u = { sum_k eta_k g_k x_k : eta_k = 1 where u_k = 1, gamma where u_k = -1, in [gamma, 1]
    where u_k = 0 },

g_k = -dl/df(0, y_k), times 1/n for a mean: y_k / n for half the mean square. D_u is its element of
least norm.
D_u != 0 is extremal where it lies in the cone or in its negative; these are, up to length, the
critical points on the unit sphere of G(w) = <w, D(w)>. There G = s ||D_u||, s = +1 or -1, and along
a direction v orthogonal to D_u

    G changes at first order by a sum over k with u_k = 0 of g_k psi_k(<v, x_k>), psi_k >= 0, zero
    at 0 only, and at second order by -s ||D_u|| ||v||^2 / 2 on the directions orthogonal to those
    x_k,

so signs alone decide whether it is a maximum, a minimum or a saddle.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

import numpy as np

from flowrepro.engines.alignment import smallest_force
from flowrepro.theory.arrangement import Arrangement, sign_vectors

NULL = 1e-12
"""A force this small against the sum of its terms' sizes is zero."""


@dataclass(frozen=True)
class Subgradients:
    """D_u of every cone of an arrangement.

    g : (n,) pulls. gamma : slope of the leaky part.
    D : (p, d), exact zeros where it vanishes up to rounding. norm : (p,). eta : (p, n), D_u = sum_k
        eta_k g_k x_k.
    own : (p,) bool, D_u lies in its cone. opposite : (p,) bool, -D_u does.
    """

    arrangement: Arrangement
    g: np.ndarray
    gamma: float
    D: np.ndarray
    norm: np.ndarray
    eta: np.ndarray
    own: np.ndarray
    opposite: np.ndarray

    @property
    def extremal(self) -> np.ndarray:
        """(p,) bool: D_u is extremal."""
        return np.asarray(self.own | self.opposite)


class Kind(Enum):
    """What a critical point of G on the unit sphere is."""

    MAXIMUM = "maximum"
    MINIMUM = "minimum"
    SADDLE = "saddle"


class Extremal(NamedTuple):
    """An extremal vector ``D`` of the cone with index ``cone``: the critical point is w = sign D /
    ||D||, G(w) = sign ||D||.
    """

    cone: int
    D: np.ndarray
    sign: int
    kind: Kind


def subgradients(cones: Arrangement, g: np.ndarray, gamma: float = 0.0) -> Subgradients:
    """D_u of every cone for pulls g (n,) and slope gamma in [0, 1] of the leaky part."""
    g = np.asarray(g, dtype=np.float64)
    terms = g[:, None] * cones.X
    eta = np.where(cones.signs > 0, 1.0, gamma)
    for row, u in zip(eta, cones.signs, strict=True):
        free = (u == 0) & np.any(terms != 0, axis=1)
        if free.any() and gamma < 1.0:
            base = row @ terms  # the free ones counted with gamma
            row[free] += (1.0 - gamma) * smallest_force(base, (1.0 - gamma) * terms[free])
    D = eta @ terms
    norm = np.linalg.norm(D, axis=1)
    null = norm <= NULL * (np.abs(eta) @ np.linalg.norm(terms, axis=1))
    D, norm = np.where(null[:, None], 0.0, D), np.where(null, 0.0, norm)
    signs = sign_vectors(cones.X, D)
    own, opposite = (np.all(signs == s * cones.signs, axis=1) & ~null for s in (1, -1))
    return Subgradients(cones, g, gamma, D, norm, eta, own, opposite)


def extremal_vectors(forces: Subgradients) -> list[Extremal]:
    """All extremal vectors with the kind of their critical point; at least one for generic points
    (boursier2024, Lemma 3).
    """
    return [_extremal(forces, int(cone)) for cone in np.flatnonzero(forces.extremal)]


def _extremal(forces: Subgradients, cone: int) -> Extremal:
    cones, sign = forces.arrangement, 1 if forces.own[cone] else -1
    slopes = forces.g[(cones.signs[cone] == 0) & np.any(cones.X != 0, axis=1)]
    isolated = (
        bool(cones.dimension[cone] == 1) and cones.rank == cones.X.shape[1]
    )  # no direction is left for the second order
    if np.all(slopes < 0) and (sign > 0 or isolated):
        kind = Kind.MAXIMUM
    elif np.all(slopes > 0) and (sign < 0 or isolated):
        kind = Kind.MINIMUM
    else:
        kind = Kind.SADDLE
    return Extremal(cone, forces.D[cone], sign, kind)


def ascent(forces: Subgradients, W: np.ndarray) -> np.ndarray:
    """G(w) = <w, D(w)> for vectors W (..., d): sum_k g_k sigma(<w, x_k>), of degree one."""
    Z = W @ forces.arrangement.X.T
    return np.asarray(np.where(Z > 0, Z, forces.gamma * Z) @ forces.g)
