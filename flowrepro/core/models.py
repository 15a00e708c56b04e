"""PyTorch modules; the conventions (shapes, losses, reductions, time) are those of
``network.py``.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from flowrepro.core.config import Loss


def _floats(values: np.ndarray) -> np.ndarray:
    """A copy; lists and integers become float64."""
    found = np.array(values)
    return found if found.dtype.kind == "f" else found.astype(np.float64)


def _activation(Z: Tensor, alpha: float) -> Tensor:
    return torch.relu(Z) if alpha == 0 else nn.functional.leaky_relu(Z, alpha)


class TwoLayer(nn.Module):
    """f(x) = sum_j a_j sigma(<w_j, x>) without biases; sigma is the leaky ReLU of slope alpha,
    sigma'(0) = alpha.

    Parameters ``W`` (m, d) and ``a`` (m,) start from the arrays given, in their dtype if they are
    floats.
    """

    def __init__(
        self, W: np.ndarray, a: np.ndarray, alpha: float = 0.0, train_a: bool = True
    ) -> None:
        super().__init__()
        self.W = nn.Parameter(torch.from_numpy(_floats(W)))
        self.a = nn.Parameter(torch.from_numpy(_floats(a)), requires_grad=train_a)
        self.alpha = alpha

    def forward(self, X: Tensor) -> Tensor:
        """Predictions (n,) for X (n, d)."""
        return _activation(X @ self.W.T, self.alpha) @ self.a


class Chains(nn.Module):
    """f(x) = sum_j gain_j sigma(<w_j, x>), a network of any ``depth`` (Chains of ``network.py``).

    Each neuron is followed by depth - 1 scalars of its own, with ReLUs between them: gain_j is
    their product, and 0 where one below the last is not positive. One neuron is the model of
    lee2022, Sections 2 to 4.

    Parameters ``W`` (m, d) and ``scalars`` (depth - 1, m), all rows of which start from a (m,), in
    the dtype of the arrays if they are floats. Each scalar has its own derivative; equal ones stay
    equal.
    """

    def __init__(
        self, W: np.ndarray, a: np.ndarray, depth: int, alpha: float = 0.0, train_a: bool = True
    ) -> None:
        super().__init__()
        self.W = nn.Parameter(torch.from_numpy(_floats(W)))
        scalars = torch.from_numpy(np.tile(_floats(a), (depth - 1, 1)))
        self.scalars = nn.Parameter(scalars, requires_grad=train_a)
        self.alpha = alpha

    def forward(self, X: Tensor) -> Tensor:
        """Predictions (n,) for X (n, d)."""
        hidden = _activation(X @ self.W.T, self.alpha)
        if not len(self.scalars):
            return hidden.sum(dim=-1)
        return hidden @ (torch.relu(self.scalars[:-1]).prod(dim=0) * self.scalars[-1])


class DeepReLU(nn.Module):
    """f(x) = W_L relu(... relu(W_1 x)) without biases, linear at the output, which has one unit
    (lee2022 Figure 4).

    Parameters ``layers``: W_l of shape (width l, width l - 1), the last (1, width), start from the
    arrays given.
    """

    def __init__(self, layers: Sequence[np.ndarray]) -> None:
        super().__init__()
        self.layers = nn.ParameterList(
            [nn.Parameter(torch.from_numpy(np.array(W))) for W in layers]
        )

    def forward(self, X: Tensor) -> Tensor:
        """Predictions (n,) for X (n, d)."""
        *hidden, last = self.layers
        for W in hidden:
            X = torch.relu(X @ W.T)
        return torch.mv(X, last[0])


def gain(a: Tensor, depth: int) -> Tensor:
    """`network.gain`: the product of the depth - 1 equal scalars a above a neuron, of a's shape."""
    return _power(a, depth - 1, depth)


def partial_gain(a: Tensor, depth: int) -> Tensor:
    """`network.partial_gain`: the derivative of `gain` with respect to one of the scalars."""
    return _power(a, depth - 2, depth) if depth > 1 else torch.zeros_like(a)


def _power(a: Tensor, exponent: int, depth: int) -> Tensor:
    power = a**exponent
    return power.masked_fill(a <= 0, 0.0) if depth >= 3 else power


def objective(loss: Loss, f: Tensor, y: Tensor) -> Tensor:
    """factor * reduction_k l(f_k, y_k) over the last axis: a scalar for f (n,), one per member for
    f (R, n) (formulas: ``network.py``).
    """
    if loss.name == "square":
        values = 0.5 * (f - y) ** 2
    elif loss.name == "exp":
        values = torch.exp(-y * f)
    else:
        values = nn.functional.softplus(-y * f) * (2.0 if loss.name == "logistic2" else 1.0)
    return loss.factor * (values.mean(dim=-1) if loss.reduction == "mean" else values.sum(dim=-1))


def output_gradient(loss: Loss, f: Tensor, y: Tensor) -> Tensor:
    """d objective / d f_k, of the shape of f."""
    if loss.name == "square":
        slopes = f - y
    elif loss.name == "exp":
        slopes = -y * torch.exp(-y * f)
    else:
        slopes = -y * torch.sigmoid(-y * f) * (2.0 if loss.name == "logistic2" else 1.0)
    return slopes * (loss.factor / (len(y) if loss.reduction == "mean" else 1.0))
