"""The losses of ``network.py``, compiled."""

from __future__ import annotations

import math

import numpy as np

from flowrepro.engines.compiled import compiled


@compiled
def loss_value(loss: int, f: float, y: float) -> float:
    """l(f, y)."""
    if loss == 0:
        return 0.5 * (f - y) ** 2
    if loss == 3:
        return math.exp(-y * f)
    softplus = max(-y * f, 0.0) + math.log1p(math.exp(-abs(y * f)))
    return softplus if loss == 1 else 2.0 * softplus


@compiled
def loss_slope(loss: int, f: float, y: float) -> float:
    """dl/df."""
    if loss == 0:
        return f - y
    if loss == 3:
        return -y * math.exp(-y * f)
    small = math.exp(-abs(y * f))
    sigmoid = (small if y * f > 0 else 1.0) / (1.0 + small)
    return -y * sigmoid if loss == 1 else -2.0 * y * sigmoid


@compiled
def total_loss(loss: int, weight: float, f: np.ndarray, y: np.ndarray) -> float:
    """weight * sum_k l(f_k, y_k)."""
    total = 0.0
    for k in range(len(y)):
        total += loss_value(loss, f[k], y[k])
    return weight * total
