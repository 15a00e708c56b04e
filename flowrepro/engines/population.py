r"""One student neuron, a teacher neuron and infinitely many Gaussian points: descent and flow on
the population loss.

Setting of lee2022 (any spherically symmetric law after rescaling time): f(x) = gain(v) relu(<w, x>)
with depth - 1 equal scalars v (``network.gain``), a balanced teacher of norm v*, loss (f - y)^2 / 2
in expectation. Everything happens in the plane of w and w*; theta is the angle between them, phi =
pi - theta, and with m = depth - 1, P = v^m, P* = v*^m

    -dL/dw = c w + P P* (phi / 2 pi) w*,        c = -P^2 / 2 + (P P* / 2 pi) (v* / ||w||) sin theta
    -dL/dv = -(P / v) (P ||w||^2 / 2 - P* ||w|| v* S / 2),       S = (sin theta + (pi - theta) cos
    theta) / pi.

Balanced, ||w|| = v, the flow closes on two scalars (Propositions 3.1 and 3.6):

    d ln v / dt = -v^(m-1) (v^(m+1) - v*^(m+1) S) / 2,      d ln tan(theta/2) / dt = -v^(m-1)
    v*^(m+1) (pi - theta) / (2 pi).

The descent is the companion of an empirical run with the same start and step: it shows what is left
to the sample.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.integrate import solve_ivp

from flowrepro.engines.compiled import compiled
from flowrepro.errors import NumericalError, UsageError


@dataclass(frozen=True)
class PlaneStart:
    """Depth, norm v* of the teacher, norm v0 of the balanced student, and the angle theta0 in (0,
    pi) between them.
    """

    depth: int
    teacher_norm: float
    norm: float
    theta: float

    def __post_init__(self) -> None:
        if not (
            self.depth >= 1
            and 0 < self.teacher_norm < np.inf
            and 0 < self.norm < np.inf
            and 0 < self.theta < np.pi
        ):
            raise UsageError(
                "the population dynamics need depth >= 1, positive norms and an angle between 0 "
                f"and pi, not {self}"
            )

    @classmethod
    def of(cls, w: np.ndarray, teacher: np.ndarray, depth: int) -> PlaneStart:
        """The start of an empirical run: student w (d,), teacher w* (d,)."""
        return cls(
            depth,
            float(np.linalg.norm(teacher)),
            float(np.linalg.norm(w)),
            float(angle_between(w, teacher)),
        )


@dataclass(frozen=True)
class PlanePath:
    """||w||, the scalar v (equal to ||w|| for the flow) and the angle theta at flow times t, all of
    shape (T,).
    """

    t: np.ndarray
    norm: np.ndarray
    scalar: np.ndarray
    theta: np.ndarray


def angle_between(w: np.ndarray, teacher: np.ndarray) -> np.ndarray:
    """Angle (...) of w (..., d) and teacher (d,) in [0, pi], to full relative accuracy near 0
    (arccos would stop at 1e-8).
    """
    u, target = w / np.linalg.norm(w, axis=-1, keepdims=True), teacher / np.linalg.norm(teacher)
    return np.asarray(
        2 * np.arctan2(np.linalg.norm(u - target, axis=-1), np.linalg.norm(u + target, axis=-1))
    )


def overlap(theta: np.ndarray) -> np.ndarray:
    """S = 2 E[relu(<u, x>) relu(<u*, x>)] for unit vectors at angle theta: 1 at 0, 0 at pi
    (lee2022 Lemma 2.1).
    """
    return np.asarray((np.sin(theta) + (np.pi - theta) * np.cos(theta)) / np.pi)


def overlap_deficit(theta: np.ndarray) -> np.ndarray:
    """eps = 1 - S without cancellation; theta^2 / 2 - theta^3 / (3 pi) + ... near 0   (lee2022
    Theorem 3.3).
    """
    theta = np.asarray(theta, dtype=np.float64)
    small = theta**3 / 3 - theta**5 / 30 + theta**7 / 840 - theta**9 / 45360
    cubic = np.where(theta < 0.05, small, np.sin(theta) - theta * np.cos(theta))
    return np.asarray(2 * np.sin(theta / 2) ** 2 - cubic / np.pi)


@compiled
def _descend(
    depth: int,
    teacher: float,
    a: float,
    b: float,
    v: float,
    lr: float,
    steps: np.ndarray,
    out: np.ndarray,
) -> None:
    """out[i] = (||w||, v, theta) at steps[i]; w = (a, b) in the basis of w*/v* and its normal."""
    power = depth - 1
    target = teacher**power
    step, recorded = 0, 0
    while True:
        norm = np.hypot(a, b)
        theta = np.arctan2(b, a)
        if step == steps[recorded]:
            out[recorded, 0], out[recorded, 1], out[recorded, 2] = norm, v, theta
            recorded += 1
            if recorded == len(steps):
                return
        gain = v**power
        c = -0.5 * gain * gain + gain * target * teacher * b / (2 * np.pi * norm * norm)
        shared = (b + (np.pi - theta) * a) / np.pi  # ||w|| S
        pull = (
            -(gain * norm * norm - target * teacher * shared) / 2 * v ** (power - 1)
            if power > 0
            else 0.0
        )
        a += lr * (c * a + gain * target * (np.pi - theta) * teacher / (2 * np.pi))
        b += lr * c * b
        v += lr * pull
        step += 1


def population_descent(start: PlaneStart, lr: float, steps: np.ndarray) -> PlanePath:
    """Gradient descent on the population loss, all parameters from the same iterate, at the given
    steps (increasing, >= 0).

    100000 steps take some 10 ms once compiled. Raises NumericalError where the step is so large
    that v <= 0 or not finite.
    """
    steps = np.ascontiguousarray(steps, dtype=np.int64)
    out = np.empty((len(steps), 3))
    a, b = start.norm * np.cos(start.theta), start.norm * np.sin(start.theta)
    _descend(start.depth, start.teacher_norm, float(a), float(b), start.norm, float(lr), steps, out)
    if not np.all(np.isfinite(out)) or (start.depth > 1 and not np.all(out[:, 1] > 0)):
        raise NumericalError(
            f"population descent of {start} diverges with lr={lr:g}: the step must stay well "
            f"below 4 / v^{2 * (start.depth - 1)}"
        )
    return PlanePath(lr * steps, out[:, 0], out[:, 1], out[:, 2])


def population_flow(start: PlaneStart, t: np.ndarray, rtol: float = 1e-12) -> PlanePath:
    """Gradient flow on the population loss at times t (increasing, >= 0).

    Integrated in ln v and ln tan(theta/2), so that norms of 1e-100 and angles of 1e-100 are as
    accurate as others.
    """
    t = np.asarray(t, dtype=np.float64)
    power, teacher = start.depth - 1, start.teacher_norm
    unit = teacher ** (power + 1)

    def velocity(_: float, z: np.ndarray) -> list[float]:
        ratio = np.exp(z[0])  # v / v*
        theta = 2 * np.arctan(np.exp(z[1]))
        rate = teacher ** (power - 1) * ratio ** (power - 1) * unit
        return [
            rate * (float(overlap(theta)) - ratio ** (power + 1)) / 2,
            -rate * (np.pi - theta) / (2 * np.pi),
        ]

    z0 = [np.log(start.norm / teacher), np.log(np.tan(start.theta / 2))]
    solution = solve_ivp(
        velocity, (0.0, float(t[-1])), z0, method="DOP853", t_eval=t, rtol=rtol, atol=rtol
    )
    if not solution.success:
        raise NumericalError(
            f"population flow of {start} stopped early ({solution.message.lower().rstrip('.')}): "
            "loosen rtol"
        )
    norm = teacher * np.exp(solution.y[0])
    return PlanePath(t, norm, norm, 2 * np.arctan(np.exp(solution.y[1])))
