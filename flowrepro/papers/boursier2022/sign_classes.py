r"""The data as boursier2022's theorems know them: two label signs, directions, rates and weights.

Paper -> here, for the class of sign s: s D_s -> direction, ||D_s|| -> rate, S_{s,1} -> `members`,
||D_s|| n -> weight (equal for unit inputs), r -> `ratio`. Inputs need not have norm 1: with
x/||x|| and y/||x|| the interpolation constraints are the same, so static statements hold with the
weights as defined here.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class SignClass:
    """The samples with sign(y_k) = sign: X (k, d), y (k,), out of n in all."""

    sign: float
    X: np.ndarray
    y: np.ndarray
    n: int

    @property
    def direction(self) -> np.ndarray:
        """s D_s = (1/n) sum |y_k| x_k, (d,): where neurons of this output sign turn and grow."""
        return np.abs(self.y) @ self.X / self.n  # type: ignore[no-any-return]

    @property
    def rate(self) -> float:
        """||D_s||, the growth rate in flow time of a neuron along ``direction``."""
        return float(np.linalg.norm(self.direction))

    @property
    def squared_norms(self) -> np.ndarray:
        """||x_k||^2, shape (k,)."""
        return np.sum(np.square(self.X), axis=1)  # type: ignore[no-any-return]

    @property
    def weight(self) -> float:
        """W = sqrt(sum (y_k / ||x_k||)^2): sum of ||w_j||^2 in a minimal interpolator."""
        return float(np.sqrt(np.sum(np.square(self.y) / self.squared_norms)))

    @property
    def smallest_share(self) -> float:
        """min_k y_k^2 ||x_k||^2 / (2 n^2 rate^2): alpha and beta of Appendix B.1.

        The paper prints them without n^2.
        """
        return float(
            (np.square(self.y) * self.squared_norms).min() / (2 * (self.n * self.rate) ** 2)
        )

    @property
    def straggler(self) -> float:
        """1 - (rate without the smallest label) / rate: the lag of neurons that miss one label.

        1 for one label.
        """
        total = np.square(self.y) * self.squared_norms
        return float(1.0 - np.sqrt(max(0.0, 1.0 - total.min() / total.sum())))

    def members(self, W: np.ndarray, a: np.ndarray) -> np.ndarray:
        """Mask (m,) of S: this output sign and <w_j, x_k> >= 0 on the whole class   (eqs 5-6)."""
        return (np.sign(a) == self.sign) & np.all(W @ self.X.T >= 0, axis=1)  # type: ignore[no-any-return]


def sign_classes(X: np.ndarray, y: np.ndarray) -> tuple[SignClass, ...]:
    """The non-empty classes, the one with the larger rate first.

    The paper calls that one positive, relabelling if need be.
    """
    signs = np.sign(y)
    classes = [
        SignClass(sign, X[signs == sign], y[signs == sign], len(y))
        for sign in (1.0, -1.0)
        if np.any(signs == sign)
    ]
    return tuple(sorted(classes, key=lambda chosen: -chosen.rate))


def ratio(classes: tuple[SignClass, ...]) -> float:
    """r = ||D_fast|| / ||D_slow||; inf where the latter vanishes."""
    fast, slow = classes
    return fast.rate / slow.rate if slow.rate > 0 else float("inf")


def largest_epsilon(classes: tuple[SignClass, ...]) -> float:
    """The largest eps that leaves room between the phases   (Appendix B.1).

    (1 + 3 eps) max(1 - alpha, 1/r) <= 1 - eps   and   (1 + 3 r eps)(1 - beta) <= 1 - eps
    """
    fast, slow = classes
    r = ratio(classes)
    left = max(1.0 - fast.smallest_share, 1.0 / r)
    beta = slow.smallest_share
    return min((1.0 - left) / (1.0 + 3.0 * left), beta / (1.0 + 3.0 * r * (1.0 - beta)))


def assumption_3_probability(m: int, n_positive: int, n_negative: int) -> float:
    """Probability that S_{+,1} and S_{-,1} are not empty: balanced draw, orthogonal inputs.

    A neuron lies in S_{s,1} with probability q_s = 2^-(n_s + 1): its sign and n_s independent
    half-spaces.
    """
    q, p = 0.5 ** (n_positive + 1), 0.5 ** (n_negative + 1)
    return 1.0 - (1.0 - q) ** m - (1.0 - p) ** m + (1.0 - q - p) ** m


def largest_cosine(X: np.ndarray) -> float:
    """max_{k != l} |cos(x_k, x_l)|; 0 for one point, inf where a point is zero."""
    sizes = np.abs(X).max(axis=1, keepdims=True)
    if np.any(sizes == 0):
        return float("inf")
    unit = X / sizes
    unit = unit / np.linalg.norm(unit, axis=1, keepdims=True)  # in two steps: squares may overflow
    gram = unit @ unit.T
    return float(np.abs(gram - np.diag(np.diag(gram))).max(initial=0.0))
