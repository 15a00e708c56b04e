"""Which neuron meets what within a trial step."""

from __future__ import annotations

import numpy as np

from flowrepro.engines.flow.compiled import inner, jit
from flowrepro.engines.flow.forces import GRAZE, JUMP, Work
from flowrepro.engines.flow.net import Net
from flowrepro.engines.flow.release import TANGENTIAL, box_minimum
from flowrepro.engines.flow.resolve import DEPENDENT, ON_PLANE
from flowrepro.engines.flow.state import MINUS, PLUS, SCALE, SLIDING, State

DEAD_ZONE, EXIT_ZONE = 5e-13, 2e-12
"""An event is z past the plane, or a margin below 0, by more than this: what starts there cannot
fire on rounding.
"""
NONE, MEET, EXIT, SIGN_CHANGE = 0, 1, 2, 3


@jit
def cubic_meets(v0: float, d0: float, v1: float, d1: float) -> tuple[float, float]:
    """First root in (0, 1] of the cubic Hermite v + DEAD_ZONE, v0 > 0 inside (2.0: none), and the
    smallest interior minimum.

    d0, d1 are derivatives over the whole step.
    """
    c3, c2, c1 = 2.0 * (v0 - v1) + d0 + d1, -3.0 * (v0 - v1) - 2.0 * d0 - d1, d0
    shift = v0 + DEAD_ZONE
    low, grazing = 2.0, np.inf
    discriminant = c2 * c2 - 3.0 * c3 * c1
    if discriminant > 0.0:
        # the minimum of a cubic is where its derivative rises: q / (3 c3) or c1 / q, whichever has
        # c'' > 0
        root = np.sqrt(discriminant)
        x = (
            (-c2 + root) / (3.0 * c3)
            if c2 < 0.0 and c3 != 0.0
            else (-c1 / (c2 + root) if c2 + root != 0.0 else -1.0)
        )
        if 0.0 < x < 1.0:
            grazing = v0 + x * (c1 + x * (c2 + x * c3))
            if grazing + DEAD_ZONE < 0.0:
                low = x
    if low > 1.0 and v1 + DEAD_ZONE < 0.0:
        low = 1.0
    if low > 1.0:
        return 2.0, grazing
    # The cubic is positive at 0 and negative at ``low``, with one root between: bisect.
    a, b = 0.0, low
    for _ in range(60):
        middle = 0.5 * (a + b)
        if shift + middle * (c1 + middle * (c2 + middle * c3)) < 0.0:
            b = middle
        else:
            a = middle
        if b - a < 1e-9 * b:
            break
    return b, grazing


@inner
def margin(
    net: Net, S: State, F: np.ndarray, scale: float, noise: float, j: int, sign: float
) -> tuple[float, int, int]:
    """How far neuron j is from leaving its sliding set under forces F: (smallest margin / scale,
    plane, side of the exit).

    With q = s G_S^-1 N_S D_- and reach_p = - s J_p it slides while 0 <= q_p <= reach_p for all p of
    S; an exit counts once a bound is passed by ``noise``, the size of what rtol leaves undetermined
    in g. It then leaves with a velocity that is not noise, and the delay moves w by O(noise^2). If
    the normals are dependent (w = 0), it slides while 0 is in the set N_S D.
    """
    P, d = net.normal.shape
    planes = np.flatnonzero(S.mode[j] == SLIDING)
    count = len(planes)
    base = np.zeros(d)
    for p in range(P):
        pull = F[1, p] if S.mode[j, p] == PLUS else F[0, p]
        for i in range(d):
            base[i] += pull * net.normal[p, i]
    N = np.empty((count, d))
    reach = np.empty(count)
    for i in range(count):
        N[i], reach[i] = net.normal[planes[i]], -sign * F[JUMP, planes[i]]
    scale += noise
    worst, which, side = np.inf, -1, MINUS
    # Dependent normals leave q undetermined: does some D of the set keep the neuron there?
    if S.rank[j] < count:
        for i in range(count):
            worst = min(worst, (reach[i] + noise) / scale)
        if worst > 0.0:
            mu, D = np.zeros(count), base.copy()
            box_minimum(N, -sign * reach, np.ones(count, dtype=np.bool_), D, mu)
            worst = min(worst, DEPENDENT - np.sqrt(np.sum((N @ D) ** 2)) / scale)
        return worst, -1, MINUS
    q = np.linalg.solve(N @ N.T, N @ base)
    for i in range(count):
        low, high = (sign * q[i] + noise) / scale, (reach[i] - sign * q[i] + noise) / scale
        if low < worst:
            worst, which, side = low, planes[i], MINUS
        if high < worst:
            worst, which, side = high, planes[i], PLUS
    return worst, which, side


@inner
def scan(
    net: Net, S: State, W: Work, h: float, noise: float, j: int
) -> tuple[float, int, int, int]:
    """First event of neuron j in the step (W.Y1, W.K, W.F) of length h: (fraction, kind, plane,
    side); kind NONE if there is none.
    """
    d = S.Y.shape[1] - 2
    Y0, Y1, K, normal, mode = S.Y, W.Y1, W.K, net.normal, S.mode
    theta, kind, plane, side = 2.0, NONE, -1, MINUS
    if S.slides[j] > 0:
        if Y0[j, d + 1] * Y1[j, d + 1] < 0.0:
            theta, kind = Y0[j, d + 1] / (Y0[j, d + 1] - Y1[j, d + 1]), SIGN_CHANGE
        else:
            s = np.sign(Y0[j, d + 1] + Y1[j, d + 1])
            end, plane, side = margin(net, S, W.F, W.clock[SCALE], noise, j, s)
            if end < -EXIT_ZONE:
                begin, _, _ = margin(net, S, S.F, S.clock[SCALE], noise, j, s)
                theta, kind = max(begin, 0.0) / (max(begin, 0.0) - end), EXIT
    speed, moved = 0.0, 0.0
    for i in range(1, d + 1):
        speed += K[0, j, i] ** 2
        moved += (Y1[j, i] - Y0[j, i]) ** 2
    # A plane further off than three times the neuron's way is taken as not met.
    reach = 3.0 * max(h * np.sqrt(speed), np.sqrt(moved)) + 1e-11
    tangential = TANGENTIAL * S.clock[SCALE] * abs(Y0[j, d + 1])
    for p in range(len(normal)):
        if mode[j, p] == SLIDING:
            continue
        z0 = 0.0
        for i in range(d):
            z0 += Y0[j, 1 + i] * normal[p, i]
        if abs(z0) > reach:
            continue
        z1, d0, d1 = 0.0, 0.0, 0.0
        for i in range(d):
            n = normal[p, i]
            z1, d0, d1 = z1 + Y1[j, 1 + i] * n, d0 + K[0, j, 1 + i] * n, d1 + K[6, j, 1 + i] * n
        # On a plane and moving along it (orthogonal data), z is rounding of either sign.
        if abs(z0) <= ON_PLANE and abs(d0) <= tangential and abs(d1) <= tangential:
            continue
        inward = 1.0 if mode[j, p] == PLUS else -1.0
        x, low = cubic_meets(inward * z0, inward * h * d0, inward * z1, inward * h * d1)
        if (
            x > 1.0
            and np.sign(Y0[j, d + 1]) * W.F[JUMP, p] > 0.0
            and low < W.facts[GRAZE]
            and low > DEAD_ZONE
        ):
            W.facts[GRAZE] = low
        if x < theta:
            theta, kind, plane, side = x, MEET, p, PLUS if inward < 0 else MINUS
    return theta, kind, plane, side
