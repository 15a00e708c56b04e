"""What gradient flow keeps: a_j^2 - ||w_j||^2 for every neuron of a positively homogeneous
activation.
"""

from __future__ import annotations

import numpy as np


def imbalance(W: np.ndarray, a: np.ndarray) -> np.ndarray:
    """a_j^2 - ||w_j||^2, shape (..., m), for W (..., m, d) and a (..., m)   (boursier2022 Lemma
    1).
    """
    return np.square(a) - np.sum(np.square(W), axis=-1)  # type: ignore[no-any-return]


def drift(W: np.ndarray, a: np.ndarray) -> np.ndarray:
    """Largest change of each neuron's imbalance since the first state, (m,), for states W (T, m,
    d), a (T, m) along a run.
    """
    values = imbalance(W, a)
    return np.abs(values - values[0]).max(axis=0)  # type: ignore[no-any-return]


def sign_changes(a: np.ndarray, least: float = 0.0) -> int:
    """Number of neurons with an output weight of both signs among the states a (T, m) with |a| >
    least.
    """
    return int(np.sum(np.any(a > least, axis=0) & np.any(a < -least, axis=0)))
