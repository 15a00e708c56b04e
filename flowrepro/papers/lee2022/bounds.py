r"""The bounds of lee2022 on the norm and the angle, for the flow and, with (1 - c lr)^T in place of e^{-ct}, for descent.

Norm, m = depth - 1, eps_0 = 1 - S(phi_0), S(phi) = (sin phi - phi cos phi) / pi: the flow with S held at S(phi_0) is slower,
and that with S = 1 is faster, so the norm lies between two scalar flows (Theorems 3.3 and 3.8; A.1 and A.3).
Angle, for r < ||w|| < R: d phi / dt lies between two multiples of sin phi (Theorems 3.4 and 3.9; A.2 and 4.2).

Both start from any moment of a run: "restarted" bounds take the norm and the angle of that moment for v_0 and phi_0.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from flowrepro.engines.population import PlaneStart, overlap_deficit
from flowrepro.papers.lee2022.clock import Clock
from flowrepro.papers.lee2022.implicit_norm import implicit_norm


class Band(NamedTuple):
    """Lower and upper bound, each (T,)."""

    low: np.ndarray
    high: np.ndarray


class Rates(NamedTuple):
    """Least and largest rate at which the angle closes, c_l and c_u, per unit of flow time."""

    slow: float
    fast: float


def norm_band(start: PlaneStart, clock: Clock) -> Band:
    """Bounds of ||w||; equal at t = 0. For three layers and more those of the flow, whatever the clock's step."""
    low, high = (
        scalar_norm(start, clock, deficit)
        for deficit in (float(overlap_deficit(np.asarray(start.theta))), 0.0)
    )
    return Band(low, high)


def scalar_norm(start: PlaneStart, clock: Clock, deficit: float) -> np.ndarray:
    """The solution v(t) of v' = -(1/2) v^m (v^(m+1) - (1 - deficit) v*^(m+1)), v(0) = v_0   (T,)."""
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
    return (
        float((1 - overlap_deficit(np.asarray(start.theta))) ** (1 / start.depth))
        * start.teacher_norm
    )


def angle_rates(start: PlaneStart, least: float, most: float) -> Rates:
    """c_l and c_u of the angle's bounds for least < ||w|| < most (r and R of the paper)."""
    m, goal, phi = start.depth - 1, start.teacher_norm, np.pi - start.theta
    if m == 0:
        return Rates(goal * phi / (2 * np.pi * most), goal / (2 * least))
    return Rates(
        phi / (2 * np.pi) * least ** (m - 1) * goal ** (m + 1),
        0.5 * most ** (m - 1) * goal ** (m + 1),
    )


def angle_band(start: PlaneStart, rates: Rates, clock: Clock) -> Band:
    """Bounds of theta = pi - phi: 2 k (1 - c_u lr)^T - (2/3) k^3 (1 - 3 c_u lr)^T < theta < 2 k (1 - c_l lr)^T, k = cot(phi_0 / 2)."""
    k = np.tan(start.theta / 2)
    return Band(
        2 * k * clock.decay(rates.fast) - 2 / 3 * k**3 * clock.decay(3 * rates.fast),
        2 * k * clock.decay(rates.slow),
    )


def tight_angle_band(start: PlaneStart, rates: Rates, clock: Clock) -> Band:
    """Bounds of theta one step earlier in the proof, equal at t = 0: 2 arctan(k e^{-c_u t}) and 2 arctan(k e^{-c_l t})."""
    k = np.tan(start.theta / 2)
    return Band(
        2 * np.arctan(k * clock.decay(rates.fast)), 2 * np.arctan(k * clock.decay(rates.slow))
    )


def radii(start: PlaneStart) -> tuple[float, float]:
    """(r, R) of Appendix D.3: (||w_0||, ||w*||), (||w*||/2, max) and (||w*||/2, ||w_0||) for small, middle and large starts."""
    return min(start.norm, start.teacher_norm / 2), max(start.norm, start.teacher_norm)


def stopping_step(start: PlaneStart, rates: Rates, lr: float, angle: float) -> float:
    """Step from which on theta < angle   (Corollary 4.3); not positive where the bound holds from the start."""
    return float(np.log(angle / 2 / np.tan(start.theta / 2)) / np.log1p(-rates.slow * lr))
