"""What gradient flow keeps: a_j^2 - ||w_j||^2 for every neuron of a positively homogeneous activation."""

from __future__ import annotations

import numpy as np


def imbalance(W: np.ndarray, a: np.ndarray) -> np.ndarray:
    """a_j^2 - ||w_j||^2, shape (..., m), for W (..., m, d) and a (..., m)   (boursier2022 Lemma 1)."""
    return np.square(a) - np.sum(np.square(W), axis=-1)


def relative_drift(W: np.ndarray, a: np.ndarray) -> float:
    """Largest change of a neuron's imbalance since the first state, relative to the largest a^2 + ||w||^2 met.

    W (T, m, d) and a (T, m) are states along a run. 0 for weights that are all zero. Norms are taken after scaling
    to unit size, so that weights of 1e-200 do not underflow.
    """
    size = max(float(np.abs(W).max(initial=0.0)), float(np.abs(a).max(initial=0.0)))
    if size == 0.0:
        return 0.0
    W, a = W / size, a / size
    values = imbalance(W, a)
    return float(np.abs(values - values[0]).max() / (np.square(a) + np.sum(np.square(W), axis=-1)).max())


def sign_changes(a: np.ndarray) -> int:
    """Number of neurons whose output weight a (T, m) ever has another sign than at first."""
    return int(np.any(np.sign(a) != np.sign(a[0]), axis=0).sum())
