r"""Which velocities a neuron can have on an intersection of hyperplanes: the algebra alone.

Filippov's set there is s {D_- + sum_p mu_p J_p n_p, mu in [0,1]^K}, s = sign(a), D_- with all
planes of K on their minus side. A consistent velocity satisfies, with zdot_p = s <D, n_p>,
zdot_p > 0 -> mu_p = 1,  zdot_p < 0 -> mu_p = 0,  zdot_p = 0 -> mu_p in [0, 1].

Planes with s J_p < 0 attract (A), the others repel (R). If all attract, the set is the negative
subdifferential of a convex function and the velocity is the unique element of minimal norm (slow
solution of a maximal monotone operator). A regular solution has R at vertices and A at the
minimiser: max over mu_R, min over mu_A of ||D||^2.
"""

from __future__ import annotations

import numpy as np

from flowrepro.engines.flow.compiled import inner, jit

SNAP = 1e-9
"""mu closer than this to 0 or 1 is at the vertex: an exit located to 1e-12 must not read as still
sliding.
"""
STRICT = 1e-10
"""Another vertex counts as a solution if all its normal velocities exceed this, relative to the
forces.
"""
TANGENTIAL = 1e-13
"""Normal velocities below this, relative to the forces, are zero up to rounding (orthogonal data).
"""
MAX_TESTED = 6
"""Uniqueness is tested for at most this many repelling planes at one instant."""


@jit
def box_minimum(
    normal: np.ndarray, jump: np.ndarray, attract: np.ndarray, D: np.ndarray, mu: np.ndarray
) -> None:
    """Minimise ||D_- + sum mu_p J_p n_p|| over mu_p in [0, 1], p attracting;

    D (d,) enters and leaves up to date with mu.
    """
    q, d = normal.shape
    size = 0.0
    for i in range(d):
        size += abs(D[i])
    for p in range(q):
        size += abs(jump[p])
    for sweep in range(4000):
        moved = 0.0
        for p in range(q):
            if not attract[p]:
                continue
            along = 0.0
            for i in range(d):
                along += D[i] * normal[p, i]
            # Coordinate descent: along n_p, D is shortest where it is orthogonal to n_p.
            new = min(1.0, max(0.0, mu[p] - along / jump[p]))
            shift = (new - mu[p]) * jump[p]
            mu[p] = new
            for i in range(d):
                D[i] += shift * normal[p, i]
            moved = max(moved, abs(shift))
        if moved <= 1e-16 * size:
            return
        # Sweeps are slow where normals are nearly parallel; a linear system is exact there.
        if sweep % 10 == 9:
            polish(normal, jump, attract, D, mu)


@inner
def polish(
    normal: np.ndarray, jump: np.ndarray, attract: np.ndarray, D: np.ndarray, mu: np.ndarray
) -> None:
    """Exact minimum over the planes strictly inside the box, taken if it stays inside."""
    count = 0
    free = np.empty(len(mu), dtype=np.int64)
    for p in range(len(mu)):
        if attract[p] and 0.0 < mu[p] < 1.0:
            free[count] = p
            count += 1
    if count < 2 or count > len(D):
        return
    gram, right = np.empty((count, count)), np.empty(count)
    for i in range(count):
        right[i] = -np.dot(normal[free[i]], D)
        for k in range(count):
            gram[i, k] = np.dot(normal[free[i]], normal[free[k]])
    # Dependent normals have many minimisers with the same D: the sweeps find one.
    if abs(np.linalg.det(gram)) < 1e-12:
        return
    change = np.linalg.solve(gram, right)
    for i in range(count):
        new = mu[free[i]] + change[i] / jump[free[i]]
        if not 0.0 <= new <= 1.0:
            return
    for i in range(count):
        p = free[i]
        mu[p] += change[i] / jump[p]
        D += change[i] * normal[p]


@inner
def _at_vertex(
    normal: np.ndarray, jump: np.ndarray, attract: np.ndarray, base: np.ndarray, mu: np.ndarray
) -> np.ndarray:
    """Minimise over the attracting planes from scratch for the given mu of the repelling ones;

    D (d,).
    """
    D = base.copy()
    for p in range(len(mu)):
        if attract[p]:
            mu[p] = 0.0
        else:
            D += mu[p] * jump[p] * normal[p]
    box_minimum(normal, jump, attract, D, mu)
    return D


@jit
def regular_solution(
    normal: np.ndarray, jump: np.ndarray, base: np.ndarray, sign: float, scale: float
) -> tuple[np.ndarray, np.ndarray, int]:
    """The regular solution this project follows where several exist, and how many others there are.

    Repelling planes start on their minus side; one with mu = 0 and zdot > 0 goes to 1, one with mu
    = 1 and zdot < 0 to 0 (each flip raises the max-min value, so this ends). A single repelling
    plane is left on its minus side, as explicit Euler with relu'(0) = 0 does.

    Parameters
    ----------
    normal : (q, d) unit normals, jump : (q,) J_p, base : (d,) D_-, sign : sign of a, scale : size
        of the forces.

    Returns
    -------
    mu (q,), D (d,), number of other regular solutions found.
    """
    q = len(jump)
    attract = sign * jump < 0.0
    repelling = np.flatnonzero(~attract)
    mu = np.zeros(q)
    D = _at_vertex(normal, jump, attract, base, mu)
    # No vertex comes twice but by rounding, which the range ends.
    for _ in range(2 ** min(len(repelling), 12) + 1):
        flipped = False
        for p in repelling:
            zdot = sign * np.dot(D, normal[p])
            if (mu[p] == 0.0 and zdot > TANGENTIAL * scale) or (
                mu[p] == 1.0 and zdot < -TANGENTIAL * scale
            ):
                mu[p] = 1.0 - mu[p]
                D = _at_vertex(normal, jump, attract, base, mu)
                flipped = True
                break
        if not flipped:
            break
    # Another vertex is a flow too if it pushes every repelling plane to the side it assumes.
    others = 0
    if 0 < len(repelling) <= MAX_TESTED:
        other = np.zeros(q)
        for vertex in range(2 ** len(repelling)):
            same = True
            for i in range(len(repelling)):
                other[repelling[i]] = (vertex >> i) & 1
                same = same and other[repelling[i]] == mu[repelling[i]]
            if same:
                continue
            E = _at_vertex(normal, jump, attract, base, other)
            consistent = True
            for p in repelling:
                zdot = sign * np.dot(E, normal[p])
                if (zdot if other[p] == 1.0 else -zdot) <= STRICT * scale:
                    consistent = False
            others += consistent
    return mu, D, others
