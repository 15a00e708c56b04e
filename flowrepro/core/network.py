r"""The two-layer network in plain numpy, and THE conventions of the project.

Shapes     X (n, d) holds samples in rows, y (n,), W (m, d) rows w_j, a (m,); ``alpha`` is the slope
           of the leaky part.
Network    f(x) = sum_j a_j sigma(<w_j, x>). sigma(z) = z where z > 0 and alpha z elsewhere, so
           relu'(0) = 0.
Chains     Depth L other than 2: f(x) = sum_j gain(a_j) sigma(<w_j, x>) with gain(a) = a^(L - 1).
           Each neuron is followed by L - 1 scalars, with ReLUs between them, that start equal to
           a_j and so stay equal. a_j is one of them: it moves by its own derivative, not by that of
           the power. Depth 1 has no scalars, f = sum_j sigma(<w_j, x>).
Losses     square     l(f, y) = (f - y)^2 / 2
           logistic   l(f, y) = log(1 + exp(-y f))
           logistic2  l(f, y) = 2 log(1 + exp(-y f))       slope 1 at f = 0
           exp        l(f, y) = exp(-y f)                  slope 1 at f = 0
Objective  factor * reduction_k l(f(x_k), y_k). The reduction, mean or sum, is explicit in the case.
Time       Step k of a descent with step size lr is at flow time t = factor * lr * k, the time of
           the flow of reduction_k l. (boursier2022 descends the mean of (f - y)^2, factor 2, and
           states the flow of half of it: t = 2 lr k.)

The PyTorch modules of ``models.py`` follow the same conventions; a test compares the two.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from flowrepro.core.config import Loss

LossFunction = Callable[[np.ndarray, np.ndarray], np.ndarray]


def _softplus(z: np.ndarray) -> np.ndarray:
    return np.asarray(np.logaddexp(0.0, z))


def _sigmoid(z: np.ndarray) -> np.ndarray:
    return np.asarray(np.exp(-np.logaddexp(0.0, -z)))


LOSSES: dict[str, tuple[LossFunction, LossFunction]] = {
    "square": (lambda f, y: 0.5 * (f - y) ** 2, lambda f, y: f - y),
    "logistic": (lambda f, y: _softplus(-y * f), lambda f, y: -y * _sigmoid(-y * f)),
    "logistic2": (lambda f, y: 2 * _softplus(-y * f), lambda f, y: -2 * y * _sigmoid(-y * f)),
    "exp": (lambda f, y: np.exp(-y * f), lambda f, y: -y * np.exp(-y * f)),
}
"""name -> (l, dl/df), elementwise."""


def predict(X: np.ndarray, W: np.ndarray, a: np.ndarray, alpha: float = 0.0) -> np.ndarray:
    """f(x_k) = sum_j a_j sigma(<w_j, x_k>), shape (n,)."""
    return np.asarray(activation(X @ W.T, alpha) @ a)


def gain(a: np.ndarray, depth: int) -> np.ndarray:
    """Product of the depth - 1 equal scalars a above a neuron; 0 for a <= 0 where a ReLU lies
    between them (depth >= 3).
    """
    return _power(a, depth - 1, depth)


def partial_gain(a: np.ndarray, depth: int) -> np.ndarray:
    """Derivative of `gain` with respect to one of the scalars; 0 at depth 1, which has none."""
    return _power(a, depth - 2, depth) if depth > 1 else np.zeros_like(a)


def _power(a: np.ndarray, exponent: int, depth: int) -> np.ndarray:
    return np.asarray(np.where((a <= 0) & (depth >= 3), 0.0, a**exponent))


def activation(Z: np.ndarray, alpha: float = 0.0) -> np.ndarray:
    """sigma(z), elementwise: z where z > 0 and alpha z elsewhere."""
    return np.where(Z > 0, Z, alpha * Z)


def objective(loss: Loss, f: np.ndarray, y: np.ndarray) -> float:
    """factor * reduction_k l(f_k, y_k)."""
    values = LOSSES[loss.name][0](f, y)
    return float(loss.factor * (values.mean() if loss.reduction == "mean" else values.sum()))


def output_gradient(loss: Loss, f: np.ndarray, y: np.ndarray) -> np.ndarray:
    """d objective / d f_k, shape (n,)."""
    return LOSSES[loss.name][1](f, y) * (
        loss.factor / (len(y) if loss.reduction == "mean" else 1.0)
    )


def gradient(
    X: np.ndarray, y: np.ndarray, W: np.ndarray, a: np.ndarray, loss: Loss, alpha: float = 0.0
) -> tuple[np.ndarray, np.ndarray]:
    """(d objective / dW (m, d), d objective / da (m,)) with relu'(0) = 0."""
    Z = X @ W.T
    g = output_gradient(loss, activation(Z, alpha) @ a, y)
    slopes = np.where(Z > 0, 1.0, alpha).astype(Z.dtype, copy=False)
    return a[:, None] * ((slopes * g[:, None]).T @ X), activation(Z, alpha).T @ g


def flow_time(loss: Loss, lr: float, step: np.ndarray | float) -> np.ndarray | float:
    """Flow time t = factor * lr * step of the flow of the un-scaled loss."""
    return loss.factor * lr * step
