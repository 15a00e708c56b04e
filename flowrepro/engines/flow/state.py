"""State of the flow in log-polar coordinates, and the projection onto its invariant.

Neuron j has r_j^2 = ||w_j||^2 + a_j^2, rho_j = ln r_j, and (u_j, b_j) = (w_j, a_j) / r_j on the
unit sphere of R^(d+1). Its row of ``Y`` is (rho, u, b). Initial scales of 1e-300 or e^(-100000) are
ordinary numbers here.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from flowrepro.engines.flow.compiled import inner, jit

MINUS, PLUS, SLIDING = 0, 1, 2
TIME, STEP, SCALE, LOSS, BURST, LAST = range(6)
"""Places in ``State.clock``: flow time, next trial step, sum_k |g_k| ||x_k||, loss, chained events,
last event.
"""


class State(NamedTuple):
    """All the integrator needs to go on bit for bit. Modes are state: signs of z near 0 are noise.

    Y (m, d+2) rows (rho, u, b);  mode (m, P) int8 in MINUS, PLUS, SLIDING;  dead (m,) neurons that
    never move again slides (m,) number of sliding planes, rank (m,) of their normals, Q (m, cap, d)
    orthonormal basis of these c0 (m,) = (a^2 - ||w||^2) e^(-2 rho0), rho0 (m,): the invariant
    k1 (m, d+2) velocity, F (5, P) forces at the state (`forces.gather`), clock (6,)
    """

    Y: np.ndarray
    mode: np.ndarray
    dead: np.ndarray
    slides: np.ndarray
    rank: np.ndarray
    Q: np.ndarray
    c0: np.ndarray
    rho0: np.ndarray
    k1: np.ndarray
    F: np.ndarray
    clock: np.ndarray


def log_polar(W: np.ndarray, a: np.ndarray, ln_scale: float = 0.0) -> np.ndarray:
    """Rows (rho, u, b) (m, d+2) of e^ln_scale (W (m, d), a (m,)); a zero neuron gets rho = -inf, u
    = 0, b = 0.
    """
    theta = np.column_stack([W, a]).astype(np.float64)
    top = np.abs(theta).max(axis=1)
    unit = theta / np.where(top > 0, top, 1.0)[:, None]
    length = np.linalg.norm(unit, axis=1)
    with np.errstate(divide="ignore"):
        rho = np.log(top) + np.log(length) + ln_scale
    return np.column_stack([rho, unit / np.where(top > 0, length, 1.0)[:, None]])


def cartesian(Y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(W (..., m, d), a (..., m)) of rows (rho, u, b); what is below the smallest double
    becomes 0.
    """
    with np.errstate(under="ignore"):
        theta = np.exp(Y[..., :1]) * Y[..., 1:]
    return np.ascontiguousarray(theta[..., :-1]), np.ascontiguousarray(theta[..., -1])


def start(Y: np.ndarray, P: int, n_rank: int) -> State:
    """A state at time 0 with rows Y and empty modes and forces."""
    m, d = len(Y), Y.shape[1] - 2
    c0 = Y[:, -1] ** 2 - np.sum(Y[:, 1:-1] ** 2, axis=1)
    return State(
        Y=np.ascontiguousarray(Y),
        mode=np.zeros((m, P), dtype=np.int8),
        dead=~np.isfinite(Y[:, 0]),
        slides=np.zeros(m, dtype=np.int64),
        rank=np.zeros(m, dtype=np.int64),
        Q=np.zeros((m, n_rank, d)),
        c0=np.where(np.abs(c0) <= 1e-14, 0.0, c0),
        rho0=Y[:, 0].copy(),
        k1=np.zeros_like(Y),
        F=np.zeros((5, P)),
        clock=np.zeros(6),
    )


@jit
def copy_state(source: State, target: State) -> None:
    """Copy all that changes in time (c0 and rho0 do not)."""
    target.Y[:] = source.Y
    target.mode[:] = source.mode
    target.dead[:] = source.dead
    target.slides[:] = source.slides
    target.rank[:] = source.rank
    target.k1[:] = source.k1
    target.F[:] = source.F
    target.clock[:] = source.clock
    for j in range(len(source.rank)):
        for i in range(source.rank[j]):
            target.Q[j, i] = source.Q[j, i]


@jit
def project_row(row: np.ndarray, c0: float, rho0: float) -> None:
    """Put a row back on a^2 - ||w||^2 = c0 e^(2 rho0) and (u, b) on the sphere, in place.

    (u, b) -> (la u, b / la) keeps a_j ||w_j||, hence the prediction, and every sign unchanged; x =
    la^2 solves |u|^2 x^2 + ct x - b^2 = 0 with ct the invariant in units of e^(2 rho).
    """
    last = len(row) - 1
    uu = 0.0
    for i in range(1, last):
        uu += row[i] * row[i]
    b = row[last]
    ct = c0 * np.exp(2.0 * (rho0 - row[0])) if c0 != 0.0 else 0.0
    root = np.sqrt(ct * ct + 4.0 * uu * b * b)
    x = (root - ct) / (2.0 * uu) if ct <= 0.0 else 2.0 * b * b / (ct + root)
    if x > 0.0 and np.isfinite(x):
        la = np.sqrt(x)
        for i in range(1, last):
            row[i] *= la
        row[last] = b / la
        uu *= x
        b = row[last]
    length = np.sqrt(uu + b * b)
    if length > 0.0:
        for i in range(1, last + 1):
            row[i] /= length
        row[0] += np.log(length)


@inner
def project(S: State) -> None:
    """`project_row` for every neuron that is alive."""
    for j in range(len(S.Y)):
        if not S.dead[j]:
            project_row(S.Y[j], S.c0[j], S.rho0[j])


def copied(state: State) -> State:
    """The state in arrays of its own."""
    return State(*(array.copy() for array in state))


def with_rank(state: State, cap: int) -> State:
    """The state with room for ``cap`` orthonormal rows per neuron."""
    m, old, d = state.Q.shape
    Q = np.zeros((m, cap, d))
    Q[:, :old] = state.Q
    return state._replace(Q=Q)
