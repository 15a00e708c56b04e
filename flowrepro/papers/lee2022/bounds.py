r"""The bounds of lee2022 on norm and angle, for the flow and for descent.

Descent has (1 - c lr)^T in place of e^{-ct}.

Norm, m = depth - 1, eps_0 = 1 - S(phi_0), S(phi) = (sin phi - phi cos phi) / pi: the flow with S
held at S(phi_0) is slower, and that with S = 1 is faster, so the norm lies between two scalar flows
(Theorems 3.3 and 3.8; A.1 and A.3). Angle, for r < ||w|| < R: d phi / dt lies between two multiples
of sin phi (Theorems 3.4 and 3.9; A.2 and 4.2).

Both start from any moment of a run: "restarted" bounds take the norm and the angle of that moment
for v_0 and phi_0.

For m >= 2 the scalar flow u' = -(1/2) u^m (u^(m+1) - a), a = (1 - eps) v*^(m+1), with the limit
u_eq = a^(1/(m+1)), is implicit (Theorem 3.8):

    F(u) - F(v_0) = -t/2,  F(u) = Re[ u^(1-m) / ((m-1) a) 2F1(1, (1-m)/(m+1); 2/(m+1); u^(m+1)/a) ].

F is inverted in z = ln(|u - u_eq| / u), in which both ends of the branch of v_0 are far away: a
table of t(z), then Newton. The paper prints the constant term with another eps (misprint
implicit-constant).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.special import hyp2f1

from flowrepro.engines.population import PlaneStart, overlap_deficit
from flowrepro.papers.lee2022.neuron import Clock

CLOSEST = 1e-13
"""Relative distance from the limit at which u counts as there: nearer, u^(m+1)/a rounds to 1, where
2F1 is infinite."""
NODES, ROUNDS, ACCURACY = 400, 6, 1e-9
"""Size of the table, most Newton steps after it, and the change of z at which they end: its square
is below rounding."""


class Enclosure(NamedTuple):
    """Lower and upper bound, each (T,)."""

    low: np.ndarray
    high: np.ndarray


class Rates(NamedTuple):
    """Least and largest rate at which the angle closes, c_l and c_u, per unit of flow time."""

    slow: float
    fast: float


def deficit_of(start: PlaneStart) -> float:
    """eps_0 = 1 - S(phi_0)."""
    return float(overlap_deficit(np.asarray(start.theta)))


def norm_band(start: PlaneStart, clock: Clock) -> Enclosure:
    """Bounds of ||w||; equal at t = 0. For m >= 2 they are the flow's, whatever the step."""
    low, high = (scalar_norm(start, clock, deficit) for deficit in (deficit_of(start), 0.0))
    return Enclosure(low, high)


def scalar_norm(start: PlaneStart, clock: Clock, deficit: float) -> np.ndarray:
    """v(t) with v' = -(1/2) v^m (v^(m+1) - (1 - deficit) v*^(m+1)), v(0) = v_0   (T,)."""
    m, goal, v0 = start.depth - 1, start.teacher_norm, start.norm
    if m == 0:
        left = clock.decay(0.5)
        return (1 - deficit) * (1 - left) * goal + v0 * left
    if m == 1:
        share = 1 - deficit
        left = clock.decay(share * goal**2)
        return goal * np.sqrt(share / (1 - (1 - share * (goal / v0) ** 2) * left))
    return implicit_norm(v0, (1 - deficit) * goal ** (m + 1), m, clock.t)


def limit_norm(start: PlaneStart) -> float:
    """Where the lower bound of the norm ends: (1 - eps_0)^(1/(m+1)) v*."""
    return float((1 - deficit_of(start)) ** (1 / start.depth)) * start.teacher_norm


def radii(start: PlaneStart) -> tuple[float, float]:
    """(r, R) of Appendix D.3.

    (||w_0||, ||w*||), (||w*||/2, max) and (||w*||/2, ||w_0||) for small, middle and large starts.
    """
    return min(start.norm, start.teacher_norm / 2), max(start.norm, start.teacher_norm)


def angle_rates(start: PlaneStart, least: float, most: float) -> Rates:
    """c_l and c_u of the angle's bounds for least < ||w|| < most (r and R of the paper)."""
    m, goal, phi = start.depth - 1, start.teacher_norm, np.pi - start.theta
    if m == 0:
        return Rates(goal * phi / (2 * np.pi * most), goal / (2 * least))
    slow = phi / (2 * np.pi) * least ** (m - 1) * goal ** (m + 1)
    return Rates(slow, 0.5 * most ** (m - 1) * goal ** (m + 1))


def angle_band(start: PlaneStart, rates: Rates, clock: Clock) -> Enclosure:
    """Bounds of theta = pi - phi, with k = cot(phi_0 / 2).

    2 k (1 - c_u lr)^T - (2/3) k^3 (1 - 3 c_u lr)^T < theta < 2 k (1 - c_l lr)^T
    """
    k = np.tan(start.theta / 2)
    fast, cubic = clock.decay(rates.fast), clock.decay(3 * rates.fast)
    return Enclosure(2 * k * fast - 2 / 3 * k**3 * cubic, 2 * k * clock.decay(rates.slow))


def tight_angle_band(start: PlaneStart, rates: Rates, clock: Clock) -> Enclosure:
    """Bounds of theta one step earlier in the proof, 2 arctan(k e^{-c t}); equal at t = 0."""
    k = np.tan(start.theta / 2)
    low, high = (2 * np.arctan(k * clock.decay(rate)) for rate in (rates.fast, rates.slow))
    return Enclosure(low, high)


def stopping_step(start: PlaneStart, rates: Rates, lr: float, angle: float) -> float:
    """Step from which on theta < angle (Corollary 4.3); not positive where it holds at once."""
    return float(np.log(angle / 2 / np.tan(start.theta / 2)) / np.log1p(-rates.slow * lr))


def antiderivative(u: np.ndarray, a: float, m: int) -> np.ndarray:
    """F(u), an antiderivative of 1 / (u^m (u^(m+1) - a)), for u > 0 and m >= 2; one for u below
    the limit a^(1/(m+1)), by the geometric series in z = u^(m+1)/a, and one above, in 1/z.
    """
    z, b = np.asarray(u ** (m + 1) / a), (1.0 - m) / (m + 1.0)
    with np.errstate(divide="ignore"):  # u^(m+1) may underflow
        inverse = 1.0 / z
    below = u ** (1.0 - m) / ((m - 1.0) * a) * _geometric(b, np.minimum(z, 1.0))
    above = -(u ** (-2.0 * m)) / (2.0 * m) * _geometric(1.0 - b, np.minimum(inverse, 1.0))
    return np.asarray(np.where(z < 1.0, below, above))


def _geometric(b: float, z: np.ndarray) -> np.ndarray:
    """2F1(1, b; b+1; z) = sum_k b z^k / (b + k), for z < 1."""
    c = b + 1.0
    # Unless 1 + b and c are the same number, scipy takes another formula near z = 1, and 1.17 is
    # wrong there by more than the value.
    return np.asarray(hyp2f1(1.0, c - 1.0, c, z))


def implicit_norm(v0: float, a: float, m: int, t: np.ndarray) -> np.ndarray:
    """u(t) from u(0) = v0 > 0 at times t (T,) >= 0, for m >= 2; relative accuracy about 1e-12."""
    limit = a ** (1.0 / (m + 1))
    side = 1.0 if v0 < limit else -1.0
    if abs(v0 - limit) <= CLOSEST * limit:
        return np.full(np.shape(t), limit)

    def place(z: np.ndarray) -> np.ndarray:
        return np.asarray(limit / (1.0 + side * np.exp(z)))

    def time(z: np.ndarray) -> np.ndarray:
        passed = antiderivative(np.array(v0), a, m) - antiderivative(place(z), a, m)
        return np.asarray(2.0 * passed)

    first, last = np.log(abs(v0 - limit) / v0), np.log(CLOSEST)
    table = np.linspace(first, last, NODES)
    times = time(table)
    z = np.interp(t, times, table)
    for _ in range(ROUNDS):
        before = z
        u = place(z)
        # negative on both branches
        dt_dz = 2.0 * (1.0 - u / limit) / (u ** (m - 1) * (u ** (m + 1) - a))
        z = np.clip(z - (time(z) - t) / dt_dz, last, first)
        if np.all(np.abs(z - before) <= ACCURACY):
            break
    return np.where(t >= times[-1], limit, np.where(t == 0, v0, place(z)))
