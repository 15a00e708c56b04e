r"""The population flow of one neuron, solved: lee2022 bounds what has a closed form.

With q = sin(phi) / phi the flow of Propositions 3.1 and 3.6 keeps, for every number of scalars m
and every start,

    d ln(v q) / dt = -(1/2) v^(2m),     a first integral; for m = 0, v q = v_0 q_0 e^{-t/2}.

Divided by dphi/dt it is linear in (v q)^{-(m+1)}, so the norm is known as a function of the angle,
and the time after it:

    (v* / (v q))^(m+1) = (v* / (v_0 q_0))^(m+1)
                         + (m+1) pi int_{phi_0}^{phi} p^m sin(p)^(-m-2) dp
    v*^(2m) t = int_{phi_0}^{phi} (v/v*)^(1-m) 2 pi / (p sin p) dp.

One layer is elementary: w points along w_0 + (phi_0/pi) (e^{t/2} - 1) w*.

While ||w|| << v* the flow keeps v q, so the angle closes in known time, the law of small starts:

    T(theta) = C_m (v_0/v*)^(1-m) v*^(-2m),
    C_m = 2 pi (phi_0 / sin phi_0)^(m-1) int_{phi_0}^{pi-theta} p^(-m) sin(p)^(m-2) dp.

For two layers (m = 1) this is exact for every v_0. It makes "a small norm slows deep networks"
(Section 3.2) a law.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.integrate import quad

from flowrepro.engines.population import PlanePath, PlaneStart, overlap
from flowrepro.errors import UsageError

NODES, WEIGHTS = np.polynomial.legendre.leggauss(4)
CELLS, GRADING = 2000, 6.0
"""Cells of ln tan(theta/2), and the logarithm of the width of the last over that of the first: a
large norm falls at once."""


class Orbit(NamedTuple):
    """theta falling, ln(||w|| / v*), time in units of (v_0/v*)^(1-m) v*^(-2m), all (T,)."""

    theta: np.ndarray
    ln_norm: np.ndarray
    time: np.ndarray


def ln_q(theta: np.ndarray) -> np.ndarray:
    """ln(sin(phi) / phi), phi = pi - theta."""
    return np.asarray(np.log(np.sin(theta)) - np.log(np.pi - theta))


def ln_integral(path: PlanePath, start: PlaneStart) -> np.ndarray:
    """ln(v q / (v_0 q_0)) along a path, (T,)."""
    norm, begun = np.log(path.norm / start.norm), ln_q(np.asarray(start.theta))
    return np.asarray(norm + ln_q(path.theta) - begun)


def ln_growth(m: int, x: np.ndarray) -> np.ndarray:
    """ln int (m+1) pi p^m sin(p)^(-m-2) dp from the first angle to each of the others (K,).

    The angles are given as x = ln tan(theta/2), falling; -inf at the first.
    """
    middle, half = 0.5 * (x[1:] + x[:-1]), 0.5 * (x[:-1] - x[1:])
    theta = 2 * np.arctan(np.exp(middle[:, None] + half[:, None] * NODES))
    values = m * np.log(np.pi - theta) - (m + 1) * np.log(np.sin(theta))  # dp = sin(theta) |dx|
    cells = np.logaddexp.reduce(values + np.log(WEIGHTS), axis=1) + np.log(half * (m + 1) * np.pi)
    return np.concatenate([[-np.inf], np.logaddexp.accumulate(cells)])


def solve(depth: int, ln_start: float, theta0: float, last: float, cells: int = CELLS) -> Orbit:
    """The flow from ln(v_0 / v*) and theta0 until the angle is ``last``, at cells + 1 angles.

    Any start can be had, e^{-1000} too: nothing is computed but in logarithms. With CELLS the
    relative error of the time is 1e-11 up to (v_0/v*)^(m+1) = 200, that of the norm rounding.
    """
    if not 0 < last < theta0 < np.pi:
        raise UsageError(
            "the flow closes the angle, so it needs 0 < last < theta0 < pi, not "
            f"last={last:g} and theta0={theta0:g}"
        )
    m = depth - 1
    first, end = np.log(np.tan(theta0 / 2)), np.log(np.tan(last / 2))
    share = np.expm1(np.linspace(0.0, GRADING, cells + 1))
    x = np.empty(2 * cells + 1)
    x[::2] = first + (end - first) * share / np.expm1(GRADING)
    x[1::2] = 0.5 * (x[:-2:2] + x[2::2])
    theta = 2 * np.arctan(np.exp(x))
    start = -(m + 1) * (ln_start + float(ln_q(np.asarray(theta0))))
    ln_norm = -np.logaddexp(start, ln_growth(m, x)) / (m + 1) - ln_q(theta)
    pace = np.exp((1 - m) * (ln_norm - ln_start)) * 2 * np.pi / (np.pi - theta)
    simpson = (x[:-2:2] - x[2::2]) / 6 * (pace[:-2:2] + 4 * pace[1::2] + pace[2::2])
    return Orbit(theta[::2], ln_norm[::2], np.concatenate([[0.0], np.cumsum(simpson)]))


def one_layer(start: PlaneStart, t: np.ndarray) -> PlanePath:
    """The flow of one layer at times t (T,), to rounding.

    tan(theta) = sin(theta_0) / (cos(theta_0) + (phi_0/pi) (v*/v_0) (e^{t/2} - 1))
    """
    if start.depth != 1:
        raise UsageError(
            f"the elementary solution is that of one layer, not of {start.depth}; use solve"
        )
    pulled = (np.pi - start.theta) / np.pi * start.teacher_norm / start.norm * np.expm1(t / 2)
    theta = np.arctan2(np.sin(start.theta), np.cos(start.theta) + pulled)
    norm = start.norm * np.exp(ln_q(np.asarray(start.theta)) - ln_q(theta) - t / 2)
    return PlanePath(np.asarray(t, dtype=np.float64), norm, norm, theta)


def grows_throughout(depth: int, ratio: np.ndarray, phi: np.ndarray) -> np.ndarray:
    """Whether the norm increases all the time from v_0 / v* = ratio and phi_0 = phi.

    ratio <= S(phi)^(1/(m+1))   (eq 11)
    """
    return np.asarray(ratio**depth <= overlap(np.pi - phi))


def falls_throughout(depth: int, ratio: np.ndarray, phi: np.ndarray) -> np.ndarray:
    """Whether the norm decreases all the time: for one layer iff
    v_0/v* (sin phi + pi cos phi) <= -phi, for more layers never.

    As theta -> 0, v/v* - 1 ~ -theta (1/pi + v*/(pi v_0 q_0) + cot phi_0) for one layer; for more
    layers the integral of the orbit outweighs the start, and v/v* -> 1 from below.
    """
    ratio, phi = np.broadcast_arrays(ratio, phi)
    if depth > 1:
        return np.zeros(ratio.shape, dtype=bool)
    return np.asarray(ratio * (np.sin(phi) + np.pi * np.cos(phi)) <= -phi)


def alignment_constant(m: int, phi: float, theta: float) -> float:
    """C_m, for angles 0 < theta < pi - phi."""

    def integrand(p: float) -> float:
        return float(p ** (-m) * np.sin(p) ** (m - 2))

    ends = (phi, np.pi - theta)
    integral = quad(integrand, *ends, epsabs=0.0, epsrel=1e-10, limit=200)[0]
    return float(2 * np.pi * (phi / np.sin(phi)) ** (m - 1) * integral)


def alignment_time(start: PlaneStart, theta: float) -> float:
    """Flow time until the angle is ``theta``, by the law of small starts; 0 if at once."""
    m, goal, phi = start.depth - 1, start.teacher_norm, np.pi - start.theta
    if start.theta <= theta:
        return 0.0
    unit = float((start.norm / goal) ** (1 - m) * goal ** (-2 * m))
    return alignment_constant(m, phi, theta) * unit
