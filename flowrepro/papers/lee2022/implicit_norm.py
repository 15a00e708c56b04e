r"""The implicit bound of the norm for three layers and more (lee2022 Theorem 3.8), solved for the norm.

u' = -(1/2) u^m (u^(m+1) - a), a = (1 - eps) v*^(m+1), has the limit u_eq = a^(1/(m+1)) and

    F(u) - F(v_0) = -t/2,    F(u) = Re[ u^(1-m) / ((m-1) a) 2F1(1, (1-m)/(m+1); 2/(m+1); u^(m+1)/a) ],

on the branch of v_0: below u_eq or above it. (The paper prints the constant term with another eps, see errata.py.)
F is inverted in z = ln(|u - u_eq| / u), in which both ends of the branch are far away: a table of t(z), then Newton.
"""

from __future__ import annotations

import numpy as np
from scipy.special import hyp2f1

CLOSEST = 1e-13
"""Relative distance from the limit at which u counts as there: nearer, u^(m+1)/a rounds to 1, where 2F1 is infinite."""
NODES, ROUNDS, ACCURACY = 400, 6, 1e-9
"""Size of the table, most Newton steps after it, and the change of z at which they end: its square is below rounding."""


def antiderivative(u: np.ndarray, a: float, m: int) -> np.ndarray:
    """F(u), an antiderivative of 1 / (u^m (u^(m+1) - a)), for u > 0 and m >= 2.

    2F1 is evaluated at a complex argument: on the real axis scipy returns inf from 1 on.
    """
    z = np.asarray(u ** (m + 1) / a, dtype=np.complex128)
    series = hyp2f1(1.0, (1.0 - m) / (m + 1.0), 2.0 / (m + 1.0), z)
    return np.asarray(u ** (1.0 - m) / ((m - 1.0) * a) * series.real)


def implicit_norm(v0: float, a: float, m: int, t: np.ndarray) -> np.ndarray:
    """u(t) from u(0) = v0 > 0 at flow times t (T,) >= 0, for m >= 2; relative accuracy about 1e-12."""
    limit = a ** (1.0 / (m + 1))
    side = 1.0 if v0 < limit else -1.0
    if abs(v0 - limit) <= CLOSEST * limit:
        return np.full(np.shape(t), limit)

    def place(z: np.ndarray) -> np.ndarray:
        return np.asarray(limit / (1.0 + side * np.exp(z)))

    def time(z: np.ndarray) -> np.ndarray:
        return np.asarray(
            2.0 * (antiderivative(np.array(v0), a, m) - antiderivative(place(z), a, m))
        )

    first, last = np.log(abs(v0 - limit) / v0), np.log(CLOSEST)
    table = np.linspace(first, last, NODES)
    times = time(table)
    z = np.interp(t, times, table)
    for _ in range(ROUNDS):
        before = z
        u = place(z)
        dt_dz = (
            2.0 * (1.0 - u / limit) / (u ** (m - 1) * (u ** (m + 1) - a))
        )  # negative on both branches
        z = np.clip(z - (time(z) - t) / dt_dz, last, first)
        if np.all(np.abs(z - before) <= ACCURACY):
            break
    return np.where(t >= times[-1], limit, np.where(t == 0, v0, place(z)))
