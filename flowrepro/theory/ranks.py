"""Ranks of a matrix that are no whole numbers: how many directions its rows share."""

from __future__ import annotations

import numpy as np


def effective_rank(W: np.ndarray) -> np.ndarray:
    """exp(H(p)), H the entropy of p_k = s_k / sum_l s_l, s the singular values.

    Definition 1 of O. Roy and M. Vetterli, The effective rank: a measure of effective
    dimensionality, EUSIPCO 2007.

    Parameters
    ----------
    W : ndarray, shape (..., m, d)

    Returns
    -------
    ndarray, shape (...)
        In [1, min(m, d)]; 1 where all rows are multiples of one, nan where W = 0.
    """
    values = np.linalg.svd(W, compute_uv=False)
    with np.errstate(divide="ignore", invalid="ignore"):
        p = values / values.sum(axis=-1, keepdims=True)
        entropy = -np.sum(np.where(p > 0, p * np.log(p), p * 0.0), axis=-1)
    return np.asarray(np.exp(entropy))


def stable_rank(W: np.ndarray) -> np.ndarray:
    """||W||_F^2 / ||W||_2^2       min2024, Theorem 1 and Figure 5

    Parameters
    ----------
    W : ndarray, shape (..., m, d)

    Returns
    -------
    ndarray, shape (...)
        In [1, rank W]; nan where W = 0.
    """
    squares = np.square(np.linalg.svd(W, compute_uv=False))
    with np.errstate(invalid="ignore"):
        return np.asarray(squares.sum(axis=-1) / squares[..., 0])
