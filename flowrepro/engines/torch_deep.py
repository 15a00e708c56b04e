"""Full-batch gradient descent of a deep ReLU network of any widths on half the mean square (lee2022
Figure 4).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from flowrepro.core.models import DeepReLU
from flowrepro.engines.torch_device import exact_arithmetic, faults_named, resolve_device


@dataclass(frozen=True)
class DeepPath:
    """What is recorded of a descent.

    step : (T,) steps. loss : (T,) half the mean square. norms : (T, L) Frobenius norms of the
        layers.
    euler : (T,) relative error of the identity of `euler_error`, nan where it was not asked for.
    diverged : whether the loss became non-finite; the records end before.
    """

    step: np.ndarray
    loss: np.ndarray
    norms: np.ndarray
    euler: np.ndarray
    diverged: bool


def outputs(X: np.ndarray, layers: Sequence[np.ndarray]) -> np.ndarray:
    """f(x_k) of the network with these weight matrices, in their dtype, (n,)."""
    with torch.no_grad():
        return np.asarray(DeepReLU(layers)(torch.from_numpy(X.astype(layers[0].dtype))).numpy())


def descend(
    X: np.ndarray,
    y: np.ndarray,
    layers: Sequence[np.ndarray],
    lr: float,
    record: Sequence[int],
    *,
    dtype: str = "float32",
    device: str = "cpu",
    euler_every: int = 0,
    progress: Callable[[int], None] = lambda step: None,
) -> DeepPath:
    """Descend from ``layers`` to step record[-1].

    Parameters
    ----------
    X : (n, d), y : (n,), layers : W_1 (h_1, d), ..., W_L (1, h_{L-1}).
    record : steps (increasing, >= 0) at which loss and norms are kept.
    dtype, device : of the descent; "cpu", "cuda" or "auto" (`resolve_device`).
    euler_every : check the identity of `euler_error` in float64 at every so many records; 0 for
        never.
    progress : called at every record with the step; may raise to stop.
    """
    place, _ = resolve_device(device)
    losses: list[float] = []
    norms: list[list[float]] = []
    euler: list[float] = []
    wanted = set(record)
    with faults_named(place), exact_arithmetic(place):
        model = DeepReLU([W.astype(dtype) for W in layers]).to(place)
        points, labels = (
            torch.from_numpy(np.asarray(array, dtype=dtype)).to(place) for array in (X, y)
        )
        weights = list(model.parameters())
        for step in range(int(record[-1]) + 1):
            loss = 0.5 * torch.mean((model(points) - labels) ** 2)
            if step in wanted:
                value = loss.item()
                if not np.isfinite(value):
                    break
                judged = euler_every and len(losses) % euler_every == 0
                losses.append(value)
                norms.append(
                    [
                        float(torch.linalg.vector_norm(W.detach(), dtype=torch.float64))
                        for W in weights
                    ]
                )
                euler.append(euler_error(points, labels, weights, lr) if judged else float("nan"))
                progress(step)
            if step < record[-1]:
                with torch.no_grad():
                    for W, gradient in zip(
                        weights, torch.autograd.grad(loss, weights), strict=True
                    ):
                        W.sub_(gradient, alpha=lr)
    kept = len(losses)
    return DeepPath(
        np.array(record[:kept]),
        np.array(losses),
        np.reshape(norms, (kept, len(layers))),
        np.array(euler),
        kept < len(record),
    )


def euler_error(X: Tensor, y: Tensor, weights: Sequence[Tensor], lr: float) -> float:
    """Relative error, in float64, of the change of the total norm in one step of descent.

    f is 1-homogeneous in each of the L layers, so ||Theta+||^2 - ||Theta||^2 = -2 L lr mean((f - y)
    f) + lr^2 ||gradient||^2 exactly; the norm falls iff, up to O(lr), mean(f^2) > mean(y f).
    Relative to ||Theta||^2.
    """
    model = DeepReLU([W.detach().cpu().double().numpy() for W in weights]).to(X.device)
    layers = list(model.parameters())
    f, target = model(X.double()), y.double()
    gradients = torch.autograd.grad(0.5 * torch.mean((f - target) ** 2), layers)
    with torch.no_grad():
        before = sum(float(torch.sum(W**2)) for W in layers)
        after = sum(
            float(torch.sum((W - lr * g) ** 2)) for W, g in zip(layers, gradients, strict=True)
        )
        predicted = -2 * len(layers) * lr * float(torch.mean((f - target) * f)) + lr**2 * sum(
            float(torch.sum(g**2)) for g in gradients
        )
    return abs(after - before - predicted) / before
