r"""The dynamics near zero on symmetric points, and the embedding of two neurons into many.

Near zero the flow is linear, d(w, a)/dt = (a mu~, <mu~, w>) with mu~ = (1 + alpha)/4 mu (Section
5.1 prints (1 + alpha)/2 mu): a power iteration at the rate lambda_0 = ||mu~||. The M-norm of
weights is M = max_k max(||w_k||, |a_k|).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from flowrepro.errors import DataError
from flowrepro.papers.lyu2021.shared import geometry
from flowrepro.papers.lyu2021.shared.geometry import Weights


def largest_norm(W: np.ndarray, a: np.ndarray) -> np.ndarray:
    """M-norm (...) of weights (..., m, d), (..., m)   (Definition 5.1)."""
    return np.asarray(np.maximum(np.linalg.norm(W, axis=-1), np.abs(a)).max(axis=-1))


@dataclass(frozen=True)
class PowerIteration:
    """lambda_0, the direction mu / ||mu|| (d,), and the points (n, d) they belong to."""

    X: np.ndarray
    rate: float
    direction: np.ndarray

    @classmethod
    def of(cls, X: np.ndarray, y: np.ndarray, alpha: float) -> PowerIteration:
        """Of symmetric points with ||x_i|| <= 1; DataError where mu = 0."""
        mu = geometry.mean(X, y)
        size = float(np.linalg.norm(mu))
        if size == 0.0:
            raise DataError(
                "the mean of y_i x_i is zero, so neurons do not grow from zero to first order; "
                "take other points or labels"
            )
        return cls(X, (1 + alpha) / 4 * size, mu / size)

    def growth_time(self, factor: float) -> float:
        """ln(factor) / lambda_0: T1(r) for r / (sqrt(m) sigma M), T2(r) for 1/r."""
        return float(np.log(factor)) / self.rate

    def flow(self, W: np.ndarray, a: np.ndarray, t: float) -> Weights:
        """phi~(theta, t): <w, mu> and a turn hyperbolically, the rest of w stands still."""
        along, cosh, sinh = W @ self.direction, np.cosh(self.rate * t), np.sinh(self.rate * t)
        change = (cosh - 1) * along + sinh * a
        return W + change[..., None] * self.direction, cosh * a + sinh * along

    def linear_limit(self, W: np.ndarray, a: np.ndarray) -> float:
        """Last time of Lemma D.2: ln(sqrt(lambda_0)/2 / (sqrt(m) M)) / lambda_0."""
        size = np.sqrt(a.shape[-1]) * largest_norm(W, a)
        return self.growth_time(float(0.5 * np.sqrt(self.rate) / size))

    def embedding(self, W: np.ndarray, a: np.ndarray) -> np.ndarray:
        """b_k = (<w_k, mu>/||mu|| + a_k) / (2 sqrt(m) M) of draws at scale 1   (Lemma 5.2)."""
        size = 2 * np.sqrt(a.shape[-1]) * largest_norm(W, a)
        return np.asarray((W @ self.direction + a) / size)

    def linear_until(self, W: np.ndarray, a: np.ndarray) -> float:
        """t0 = ln(lambda_0 D / (16 m M^2)) / (2 lambda_0) of a well-aligned (W, a)   (Theorem E.4).

        D = min |<w_k, x_i>| / M.
        """
        size, height = float(largest_norm(W, a)), np.abs(W @ self.X.T).min()
        growth = np.log(self.rate * height / size / (16 * len(a) * size**2))
        return float(growth) / (2 * self.rate)


def two_neurons(b: np.ndarray, direction: np.ndarray) -> Weights:
    """theta^ = (b+ mu, b- mu, b+, b-) with b+ and -b- the norms of the entries of one sign.

    Section 5.2; ``direction`` (d,) is mu / ||mu||.
    """
    a = np.array([np.linalg.norm(b[b > 0]), -np.linalg.norm(b[b < 0])])
    return a[:, None] * direction, a


def embed(b: np.ndarray, W: np.ndarray, a: np.ndarray) -> Weights:
    """pi_b of two-neuron weights (..., 2, d), (..., 2)   (Section 5.2).

    Neuron k is |b_k| / b+ times the first of the two where b_k > 0, and |b_k| / |b-| times the
    second elsewhere.
    """
    positive = b > 0
    shares = np.where(positive, b / np.linalg.norm(b[positive]), -b / np.linalg.norm(b[~positive]))
    chosen = np.where(positive, 0, 1)
    return shares[:, None] * W[..., chosen, :], shares * a[..., chosen]
