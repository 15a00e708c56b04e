r"""Closed forms while the net is negligible.

As long as |h_k| is far below the targets, g = g(0) is constant and each neuron moves alone: with D
its (projected) force, R = ||D||, c = <w, D/R>, A = (a + c)/2, B = (a - c)/2 and E = e^(R t),

    a(t) = A E + B/E,   <w, D/R>(t) = A E - B/E,   the part of w orthogonal to D is constant.

It meets plane p at the smallest root E > 1 of A p E^2 + (z - c p) E - B p = 0 with p = <D/R, n_p>.
Forces being constant, a sliding set changes only at such a meeting or where a changes sign.
r_j^2 is convex in time, also across events, so the time at which the net stops being negligible is
found by bisection.
"""

from __future__ import annotations

import numpy as np

from flowrepro.engines.compiled import LOSS_CODES
from flowrepro.engines.flow.compiled import inner, jit
from flowrepro.engines.flow.forces import Drive, Work, update_forces
from flowrepro.engines.flow.locate import adopt
from flowrepro.engines.flow.net import Net
from flowrepro.engines.flow.resolve import SIGN, Log, height, record, resolve
from flowrepro.engines.flow.state import MINUS, PLUS, SCALE, SLIDING, TIME, State

NEGLIGIBLE = 1e-12
"""Relative size of h below which the forces count as those of h = 0."""
FROZEN = 1e-15
"""A force below this, relative to all forces together, is 0 up to rounding."""
MAX_MEETINGS = 10_000


@inner
def _force(net: Net, S: State, W: Work, j: int, unit: np.ndarray) -> float:
    """||D_j|| and D_j / ||D_j|| into unit (d,); 0.0 where it vanishes up to rounding."""
    unit[:] = 0.0
    for p in range(len(net.normal)):
        if S.mode[j, p] != SLIDING:
            unit += W.F[1 if S.mode[j, p] == PLUS else 0, p] * net.normal[p]
    for q in range(S.rank[j]):
        unit -= np.dot(unit, S.Q[j, q]) * S.Q[j, q]
    size = float(np.sqrt(np.dot(unit, unit)))
    if S.dead[j] or size <= FROZEN * W.clock[SCALE]:
        return 0.0
    unit /= size
    return size


@inner
def _move(S: State, j: int, unit: np.ndarray, growth: float) -> None:
    """Neuron j after R t = growth under a constant force along ``unit``; sizes up to e^growth are
    taken out as a logarithm.
    """
    d = len(unit)
    u, b = S.Y[j, 1 : d + 1], S.Y[j, d + 1]
    c = np.dot(u, unit)
    A, B = _amplitudes(u, b, c, unit)
    u -= c * unit
    across = np.sqrt(np.dot(u, u))
    # e^growth may overflow: the largest of the three parts is taken out as a logarithm.
    top = max(np.log(abs(A)) + growth, max(np.log(abs(B)) - growth, np.log(across)))
    up, down, still = A * np.exp(growth - top), B * np.exp(-growth - top), np.exp(-top)
    u *= still
    u += (up - down) * unit
    b = up + down
    length = np.sqrt(np.dot(u, u) + b * b)
    u /= length
    S.Y[j, d + 1] = b / length
    S.Y[j, 0] += top + np.log(length)


@inner
def _amplitudes(u: np.ndarray, b: float, c: float, unit: np.ndarray) -> tuple[float, float]:
    """A and B; a neuron opposite to its force keeps shrinking, which rounding in A would turn
    around.
    """
    A, B = 0.5 * (b + c), 0.5 * (b - c)
    across = 0.0
    for i in range(len(u)):
        across += (u[i] - c * unit[i]) ** 2
    if abs(A) <= 1e-14 and across <= 1e-26:
        A = 0.0
    return A, B


@inner
def _first_root(first: float, second: float, third: float, z: float, inward: float) -> float:
    """Smallest E > 1 with first E^2 + second E + third = 0 at which inward z falls; inf if there is
    none.
    """
    best = np.inf
    square = second * second - 4.0 * first * third
    if square < 0.0:
        return best
    # The roots q / first and third / q lose no digits, as nothing cancels in q.
    q = -0.5 * (second + np.sqrt(square)) if second >= 0.0 else -0.5 * (second - np.sqrt(square))
    for root in (q / first if first != 0.0 else np.inf, third / q if q != 0.0 else np.inf):
        # E = 1 is the plane that the neuron stands on; a height that rises there is no meeting.
        falls = inward * (first - third / (root * root)) < 0.0
        if root > 1.0 + (1e-14 if abs(z) > 1e-13 else 1e-9) and falls and root < best:
            best = root
    return best


@inner
def _next_meeting(net: Net, S: State, j: int, unit: np.ndarray) -> tuple[float, int]:
    """(E, plane) of the next event of neuron j under a constant force, plane -1 for a change of
    sign; E = inf: none.
    """
    d = len(unit)
    u, b = S.Y[j, 1 : d + 1], S.Y[j, d + 1]
    c = np.dot(u, unit)
    A, B = _amplitudes(u, b, c, unit)
    best, plane = np.inf, -1
    if S.slides[j] > 0 and A != 0.0 and -B / A > 1.0 + 1e-12:
        best = np.sqrt(-B / A)
    for p in range(len(net.normal)):
        if S.mode[j, p] == SLIDING:
            continue
        z, along = height(net.normal, S.Y, j, p), np.dot(unit, net.normal[p])
        if abs(along) <= 1e-13:
            continue
        root = _first_root(
            A * along, z - c * along, -B * along, z, 1.0 if S.mode[j, p] == PLUS else -1.0
        )
        if root < best:
            best, plane = root, p
    return best, plane


@jit
def forward(net: Net, S: State, drive: Drive, W: Work, end: float, log: Log) -> bool:
    """Move a state whose net is negligible from its time to ``end``; False if it cannot (too few
    rows of Q, too many events).

    Events are logged neuron by neuron, not in the order of time.
    """
    begin = S.clock[TIME]
    update_forces(net, S, drive, begin, S.Y, W)
    unit = np.empty(net.normal.shape[1])
    for j in range(len(S.Y)):
        t = begin
        for _ in range(MAX_MEETINGS):
            R = _force(net, S, W, j, unit)
            if R == 0.0:
                t = end
                break
            E, plane = _next_meeting(net, S, j, unit)
            if np.log(E) >= R * (end - t):
                _move(S, j, unit, R * (end - t))
                t = end
                break
            _move(S, j, unit, np.log(E))
            t += np.log(E) / R
            S.clock[TIME] = t
            far = MINUS
            if plane < 0:
                S.Y[j, -1] = 0.0
                record(log, t, j, -1, SIGN)
            else:
                far = PLUS if S.mode[j, plane] == MINUS else MINUS
                z = height(net.normal, S.Y, j, plane)
                S.Y[j, 1:-1] -= z * net.normal[plane]
            if not resolve(net, S, W, j, plane, far, log):
                return False
        if t < end:
            return False
    S.clock[TIME] = end
    update_forces(net, S, drive, end, S.Y, W)
    adopt(net, S, W)
    return True


def negligible_log_radius(net: Net, m: int) -> float:
    """ln r below which m neurons together change no force by more than NEGLIGIBLE of it, as |h_k|
    <= m r^2 ||x_k|| / 2.

    The relative change is |h| / |y| for the square loss (measured against the largest force) and at
    most |y h| for the others.
    """
    largest = float(np.abs(net.y).max(initial=0.0))
    if largest == 0.0:
        return -np.inf
    small = NEGLIGIBLE * (largest if net.loss == LOSS_CODES["square"] else 1.0 / largest)
    return 0.5 * float(np.log(2.0 * small / (m * net.norm.max())))
