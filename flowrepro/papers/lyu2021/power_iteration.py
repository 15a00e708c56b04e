r"""The dynamics near zero on symmetric data: the linear flow d(w, a)/dt = (a mu~, <mu~, w>), and the two-neuron embedding.

mu~ = (1 + alpha)/4 mu (Section 5.1 prints (1 + alpha)/2 mu), lambda_0 = ||mu~||, M-norm: max_k max(||w_k||, |a_k|).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from flowrepro.errors import DataError
from flowrepro.papers.lyu2021 import geometry


def largest_norm(W: np.ndarray, a: np.ndarray) -> np.ndarray:
    """M-norm (...) of weights (..., m, d), (..., m)   (Definition 5.1)."""
    return np.asarray(np.maximum(np.linalg.norm(W, axis=-1), np.abs(a)).max(axis=-1))


@dataclass(frozen=True)
class PowerIteration:
    """lambda_0, the direction mu / ||mu|| (d,), and the points it belongs to."""

    X: np.ndarray
    rate: float
    direction: np.ndarray

    @classmethod
    def of(cls, X: np.ndarray, y: np.ndarray, alpha: float) -> PowerIteration:
        """Of symmetric data with ||x_i|| <= 1; DataError where mu = 0."""
        mu = geometry.mean(X, y)
        size = float(np.linalg.norm(mu))
        if size == 0.0:
            raise DataError(
                "the mean of y_i x_i is zero, so neurons do not grow from zero to first order; take other points or labels"
            )
        return cls(X, (1 + alpha) / 4 * size, mu / size)

    def growth_time(self, factor: float) -> float:
        """ln(factor) / lambda_0: T1(r) for r / (sqrt(m) sigma M), T2(r) for 1/r."""
        return float(np.log(factor)) / self.rate

    def flow(self, W: np.ndarray, a: np.ndarray, t: float) -> tuple[np.ndarray, np.ndarray]:
        """phi~(theta, t): the part of w along mu and a turn hyperbolically, the rest stands still."""
        along, cosh, sinh = W @ self.direction, np.cosh(self.rate * t), np.sinh(self.rate * t)
        return W + ((cosh - 1) * along + sinh * a)[
            ..., None
        ] * self.direction, cosh * a + sinh * along

    def linear_limit(self, W: np.ndarray, a: np.ndarray, most: float = 0.5) -> float:
        """Last time of Lemma D.2: ln(sqrt(lambda_0)/2 / (sqrt(m) M)) / lambda_0."""
        return (
            float(np.log(most * np.sqrt(self.rate) / (np.sqrt(a.shape[-1]) * largest_norm(W, a))))
            / self.rate
        )

    def embedding(self, W: np.ndarray, a: np.ndarray) -> np.ndarray:
        """b_k = (<w_k, mu>/||mu|| + a_k) / (2 sqrt(m) M) of draws at scale 1   (Lemma 5.2)."""
        return np.asarray(
            (W @ self.direction + a) / (2 * np.sqrt(a.shape[-1]) * largest_norm(W, a))
        )

    def linear_until(self, W: np.ndarray, a: np.ndarray) -> float:
        """t0 = ln(lambda_0 D / (16 m M^2)) / (2 lambda_0), D = min |<w_k, x_i>| / M, of a well-aligned (W, a)   (Theorem E.4)."""
        size = float(largest_norm(W, a))
        return float(
            np.log(self.rate * np.abs(W @ self.X.T).min() / size / (16 * len(a) * size**2))
        ) / (2 * self.rate)


def two_neurons(b: np.ndarray, direction: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """theta^ = (b+ mu, b- mu, b+, b-), b+- = +-sqrt(sum of the squares of the entries of that sign)   (Section 5.2)."""
    a = np.array([np.linalg.norm(b[b > 0]), -np.linalg.norm(b[b < 0])])
    return a[:, None] * direction, a


def embed(b: np.ndarray, W: np.ndarray, a: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """pi_b of two-neuron weights (..., 2, d), (..., 2): neuron k is |b_k| / b+- times the one of its sign   (Section 5.2)."""
    positive = b > 0
    shares = np.where(positive, b / np.linalg.norm(b[positive]), -b / np.linalg.norm(b[~positive]))
    chosen = np.where(positive, 0, 1)
    return shares[:, None] * W[..., chosen, :], shares * a[..., chosen]
