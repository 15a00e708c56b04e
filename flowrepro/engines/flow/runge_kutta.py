"""Explicit Runge-Kutta steps with all modes frozen, so that the right-hand side is smooth.

Dormand and Prince 5(4) (Hairer, Norsett, Wanner, Solving ODEs I, Table II.5.2) for the steps,
Ralston's third-order method for the micro-steps onto a plane.
"""

from __future__ import annotations

import numpy as np

from flowrepro.engines.flow.compiled import inner
from flowrepro.engines.flow.forces import Drive, Work, right_side
from flowrepro.engines.flow.net import Net
from flowrepro.engines.flow.state import TIME, State

NODES = np.array([0.0, 0.2, 0.3, 0.8, 8 / 9, 1.0, 1.0])
STAGES = np.array(
    [
        [0, 0, 0, 0, 0, 0],
        [1 / 5, 0, 0, 0, 0, 0],
        [3 / 40, 9 / 40, 0, 0, 0, 0],
        [44 / 45, -56 / 15, 32 / 9, 0, 0, 0],
        [19372 / 6561, -25360 / 2187, 64448 / 6561, -212 / 729, 0, 0],
        [9017 / 3168, -355 / 33, 46732 / 5247, 49 / 176, -5103 / 18656, 0],
        [35 / 384, 0, 500 / 1113, 125 / 192, -2187 / 6784, 11 / 84],
    ]
)
ERROR = np.array([71 / 57600, 0.0, -71 / 16695, 71 / 1920, -17253 / 339200, 22 / 525, -1 / 40])
DENSE = np.array(
    [
        [1.0, -8048581381 / 2820520608, 8663915743 / 2820520608, -12715105075 / 11282082432],
        [0.0, 0.0, 0.0, 0.0],
        [0.0, 131558114200 / 32700410799, -68118460800 / 10900136933, 87487479700 / 32700410799],
        [0.0, -1754552775 / 470086768, 14199869525 / 1410260304, -10690763975 / 1880347072],
        [0.0, 127303824393 / 49829197408, -318862633887 / 49829197408, 701980252875 / 199316789632],
        [0.0, -282668133 / 205662961, 2019193451 / 616988883, -1453857185 / 822651844],
        [0.0, 40617522 / 29380423, -110615467 / 29380423, 69997945 / 29380423],
    ]
)
"""y(t + x h) = y + h sum_i k_i (DENSE[i] . (x, x^2, x^3, x^4)): the fourth-order interpolant of
Dormand and Prince.
"""


@inner
def step(net: Net, S: State, drive: Drive, h: float, W: Work) -> float:
    """One step of length h from the state: W.Y1, velocities W.K (7, m, d+2); the largest l2 error
    of a neuron's row.
    """
    (m, width), t = S.Y.shape, S.clock[TIME]
    size = m * width
    W.K[0] = S.k1
    K, base = W.K.reshape(7, size), S.Y.reshape(size)  # dead neurons have velocity 0 in every stage
    for s in range(1, 7):
        rows = W.Y1 if s == 6 else W.Ys
        flat = rows.reshape(size)
        for i in range(size):
            flat[i] = base[i] + h * STAGES[s, 0] * K[0, i]
        for r in range(1, s):
            c = h * STAGES[s, r]
            for i in range(size):
                flat[i] += c * K[r, i]
        right_side(net, S, drive, t + NODES[s] * h, rows, W.K[s], W)
    # The stages' rows are free by now and hold the error.
    error = W.Ys.reshape(size)
    error[:] = 0.0
    for r in range(7):
        c = ERROR[r]
        for i in range(size):
            error[i] += c * K[r, i]
    worst = 0.0
    for j in range(m):
        if S.dead[j]:
            continue
        square = 0.0
        for i in range(width):
            square += W.Ys[j, i] ** 2
        if not np.isfinite(square):
            return np.inf
        worst = max(worst, square)
    return h * float(np.sqrt(worst))


@inner
def dense(S: State, W: Work, h: float, x: float, out: np.ndarray) -> None:
    """Rows at fraction x of the step just made with `step`."""
    for j in range(len(S.Y)):
        for i in range(S.Y.shape[1]):
            total = 0.0
            for r in range(7):
                total += (
                    W.K[r, j, i]
                    * x
                    * (DENSE[r, 0] + x * (DENSE[r, 1] + x * (DENSE[r, 2] + x * DENSE[r, 3])))
                )
            out[j, i] = S.Y[j, i] + h * total


@inner
def micro_step(net: Net, S: State, drive: Drive, t: float, dt: float, W: Work) -> None:
    """Move W.Y1, at time t with velocity W.K[6], by dt (either sign) with Ralston's method; renews
    W.K[6].
    """
    k = W.K
    W.Ys[:] = W.Y1 + 0.5 * dt * k[6]
    right_side(net, S, drive, t + 0.5 * dt, W.Ys, k[4], W)
    W.Ys[:] = W.Y1 + 0.75 * dt * k[4]
    right_side(net, S, drive, t + 0.75 * dt, W.Ys, k[5], W)
    for j in range(len(W.Y1)):
        if not S.dead[j]:
            W.Y1[j] += dt * (2.0 * k[6, j] + 3.0 * k[4, j] + 4.0 * k[5, j]) / 9.0
    right_side(net, S, drive, t + dt, W.Y1, k[6], W)
