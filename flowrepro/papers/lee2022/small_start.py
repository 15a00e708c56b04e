r"""When a small neuron is aligned: while ||w|| << v*, the flow keeps v sin(phi) / phi, so the angle closes in known time.

T(theta) = C_m (v_0/v*)^(1-m) v*^(-2m),   C_m = 2 pi (phi_0 / sin phi_0)^(m-1) int_{phi_0}^{pi-theta} p^(-m) sin(p)^(m-2) dp.

For two layers (m = 1) this is exact for every v_0. It makes lee2022's "small norm slows deep networks" (Section 3.2) a law.
"""

from __future__ import annotations

import numpy as np
from scipy.integrate import quad

from flowrepro.engines.population import PlaneStart


def alignment_constant(m: int, phi: float, theta: float) -> float:
    """C_m, for angles 0 < theta < pi - phi."""
    integral = quad(
        lambda p: p ** (-m) * np.sin(p) ** (m - 2),
        phi,
        np.pi - theta,
        epsabs=0.0,
        epsrel=1e-10,
        limit=200,
    )[0]
    return float(2 * np.pi * (phi / np.sin(phi)) ** (m - 1) * integral)


def alignment_time(start: PlaneStart, theta: float) -> float:
    """Flow time until the angle falls to ``theta``, by the law of small starts; 0 where it is there already."""
    m, goal, phi = start.depth - 1, start.teacher_norm, np.pi - start.theta
    if start.theta <= theta:
        return 0.0
    return alignment_constant(m, phi, theta) * float(
        (start.norm / goal) ** (1 - m) * goal ** (-2 * m)
    )
