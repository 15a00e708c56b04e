r"""Steps that keep a^2 - |w|^2 of every neuron exactly: the flow of a step's frozen force instead
of its Euler step.

    theta <- exp(lr B(D)) theta = theta + (sinh z / |D|) B theta + ((cosh z - 1) / |D|^2) B^2 theta,
    z = lr |D|,

a Lorentz boost of (w, a), for B(D) = [[0, D], [D^T, 0]] (boursier2024, Lemma 1). First order in the
motion of D, as descent is.
"""

from __future__ import annotations

import math

import numpy as np

from flowrepro.engines.compiled import compiled
from flowrepro.engines.grouped.table import LANES


@compiled
def coefficients(square: float, lr: float) -> tuple[float, float]:
    """(sinh z / |D|, (cosh z - 1) / |D|^2) for |D|^2 = square and z = lr |D|; the second without
    cancellation.
    """
    norm = math.sqrt(square)
    if norm == 0.0:
        return lr, 0.5 * lr * lr
    half = math.sinh(0.5 * lr * norm) / norm
    return math.sinh(lr * norm) / norm, 2.0 * half * half


@compiled
def boost(M: np.ndarray, D: np.ndarray, s: int, lr: float, square: float) -> None:
    """M_s <- exp(lr B(D_s)) M_s, square = |D_s|^2."""
    d = D.shape[1]
    first, second = coefficients(square, lr)
    for c in range(d + 1):
        kick, last = 0.0, M[s, d, c]
        for i in range(d):
            kick += D[s, i] * M[s, i, c]
        for i in range(d):
            M[s, i, c] += D[s, i] * (first * last + second * kick)
        M[s, d, c] = last + first * kick + second * square * last


@compiled
def boost_block(
    X: np.ndarray,
    W: np.ndarray,
    a: np.ndarray,
    b: int,
    k: int,
    s: int,
    D: np.ndarray,
    g: float,
    lr: float,
    squares: tuple[float, float],
) -> None:
    """One step of the neurons of block b under D_s where <w, x_k> <= 0 and D_s - g x_k elsewhere;
    squares of the two norms.
    """
    d = D.shape[1]
    first_off, second_off = coefficients(squares[0], lr)
    first_on, second_on = coefficients(squares[1], lr)
    for lane in range(LANES):
        z = kick = 0.0
        for i in range(d):
            z += X[k, i] * W[b, i, lane]
            kick += D[s, i] * W[b, i, lane]
        on = z > 0.0
        pull = g if on else 0.0
        first, second, square = (
            (first_on, second_on, squares[1]) if on else (first_off, second_off, squares[0])
        )
        kick -= pull * z
        last = a[b, lane]
        for i in range(d):
            W[b, i, lane] += (D[s, i] - pull * X[k, i]) * (first * last + second * kick)
        a[b, lane] = last + first * kick + second * square * last
