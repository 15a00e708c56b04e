"""How far the neurons of each output sign have turned towards the data of that sign."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

ALIGNED = 0.9
"""Cosine above which a neuron counts as aligned."""


def cosines(W: np.ndarray, direction: np.ndarray) -> np.ndarray:
    """Cosine between each neuron and a direction: cos_j = <w_j, v> / (||w_j|| ||v||).

    Parameters
    ----------
    W : ndarray, shape (..., d)
    direction : ndarray, shape (d,)
        Need not be normalised.

    Returns
    -------
    ndarray, shape (...)
        In [-1, 1] up to rounding; nan where either vector is zero.
    """
    norms = np.linalg.norm(W, axis=-1) * np.linalg.norm(direction)
    return (W @ direction) / np.where(norms > 0, norms, np.nan)  # type: ignore[no-any-return]


def class_sums(X: np.ndarray, y: np.ndarray) -> np.ndarray:
    """x_+ = sum_{y_i > 0} x_i and x_- = sum_{y_i < 0} x_i as rows (2, d), raw sums in float64
    (min2024 Sec. 3).
    """
    return np.stack(
        [X[y > 0].sum(axis=0, dtype=np.float64), X[y < 0].sum(axis=0, dtype=np.float64)]
    )


def mean_neurons(W: np.ndarray, a: np.ndarray) -> np.ndarray:
    """Mean of w_j over V_+ = {a_j > 0} and over V_- = {a_j < 0} as rows (2, d); nan where the class
    is empty.
    """
    means = [
        W[chosen].mean(axis=0) if chosen.any() else np.full(W.shape[1], np.nan)
        for chosen in (a > 0, a < 0)
    ]
    return np.stack(means).astype(np.float64)


def squared_norms(W: np.ndarray) -> tuple[float, float]:
    """(||W||_F^2, ||W||_2^2) of W (m, d), from the smaller of the two Gram matrices."""
    gram = W @ W.T if len(W) <= W.shape[1] else W.T @ W
    return float(np.trace(gram)), float(np.linalg.eigvalsh(gram)[-1])


def class_alignment(
    X: np.ndarray, y: np.ndarray
) -> Callable[[np.ndarray, np.ndarray], dict[str, np.ndarray]]:
    """What Figure 5 of min2024 follows along a run, as a function of (W (m, d), a (m,)).

    Entries of shape (2,) are for V_+ with x_+ and V_- with x_-, by the sign of the *current* a_j,
    which an unbalanced initialisation lets change; nan where a class of neurons or of data is
    empty.

    mean_cos (2,)        cosine of the mean neuron of the class with the sum of its data
    min_cos, max_cos (2,) over the neurons of the class
    count (2,)           number of neurons in the class
    aligned_share ()     share of all m neurons whose cosine with the sum of their class exceeds 0.9
    frobenius2 (), spectral2 ()   ||W||_F^2 and ||W||_2^2, in float64
    sign (m,)            sign of a_j, int8
    """
    sums = class_sums(X, y)

    def observe(W: np.ndarray, a: np.ndarray) -> dict[str, np.ndarray]:
        W = W.astype(np.float64)
        own = np.full((2, len(a)), np.nan)
        for side, chosen in enumerate((a > 0, a < 0)):
            own[side, chosen] = cosines(W[chosen], sums[side])
        known = np.isfinite(own)
        present = known.any(axis=1)
        frobenius2, spectral2 = squared_norms(W)
        return {
            "mean_cos": np.array(
                [cosines(mean, total) for mean, total in zip(mean_neurons(W, a), sums, strict=True)]
            ),
            "min_cos": np.where(present, np.where(known, own, np.inf).min(axis=1), np.nan),
            "max_cos": np.where(present, np.where(known, own, -np.inf).max(axis=1), np.nan),
            "count": np.array([np.count_nonzero(a > 0), np.count_nonzero(a < 0)]),
            "aligned_share": np.array(np.count_nonzero(own > ALIGNED) / len(a)),
            "frobenius2": np.array(frobenius2),
            "spectral2": np.array(spectral2),
            "sign": np.sign(a).astype(np.int8),
        }

    return observe
