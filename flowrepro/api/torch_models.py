"""Networks of PyTorch: from a module to weights and back.

`flowrepro.models` is this module: TwoLayer, Chains (a neuron of any depth) and DeepReLU, whose
forward takes (n, d) and gives (n,).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from torch import nn

from flowrepro.core.models import Chains, DeepReLU, TwoLayer
from flowrepro.errors import UsageError

__all__ = ["Chains", "DeepReLU", "TwoLayer", "from_torch"]

FORM = "give nn.Sequential(nn.Linear(d, m, bias=False), nn.ReLU(), nn.Linear(m, 1, bias=False))"


def from_torch(model: nn.Module) -> tuple[np.ndarray, np.ndarray, float]:
    """The weights of a two-layer network of PyTorch.

    Parameters
    ----------
    model : nn.Sequential(Linear, ReLU or LeakyReLU, Linear) without biases and with one output, or
        a `TwoLayer`.

    Returns
    -------
    W : ndarray, shape (m, d)
    a : ndarray, shape (m,)
        Copies in float64.
    alpha : float
        Slope of the leaky part, 0 for ReLU.

    Raises
    ------
    UsageError
        Another form: biases, other layers, several outputs.

    Examples
    --------
    >>> from torch import nn
    >>> import flowrepro as fr
    >>> first, last = nn.Linear(3, 8, bias=False), nn.Linear(8, 1, bias=False)
    >>> W, a, alpha = fr.from_torch(nn.Sequential(first, nn.ReLU(), last))
    >>> W.shape, a.shape, alpha
    ((8, 3), (8,), 0.0)
    """
    if isinstance(model, TwoLayer):
        return _array(model.W), _array(model.a), float(model.alpha)
    layers = list(model.children()) if isinstance(model, nn.Sequential) else []
    kinds = [type(layer).__name__ for layer in layers]
    if len(layers) != 3 or kinds[0] != "Linear" or kinds[2] != "Linear":
        found = f"Sequential({', '.join(kinds)})" if layers else type(model).__name__
        raise UsageError(f"from_torch cannot read {found}; {FORM}")
    first, middle, last = layers
    if isinstance(middle, nn.ReLU):
        alpha = 0.0
    elif isinstance(middle, nn.LeakyReLU):
        alpha = float(middle.negative_slope)
    else:
        raise UsageError(f"from_torch takes ReLU or LeakyReLU, not {kinds[1]}; {FORM}")
    for place, layer in (("first", first), ("last", last)):
        if layer.bias is not None:
            raise UsageError(
                f"the {place} layer has a bias, which these networks do not have; set bias=False, "
                "and append a constant feature to the points"
            )
    W, a = _array(first.weight), _array(last.weight)
    if a.shape != (1, len(W)):
        raise UsageError(
            f"the last layer has weights of shape {a.shape} and must have (1, {len(W)}): "
            f"one output for the {len(W)} neurons of the first"
        )
    return W, a[0], alpha


def _array(weight: Any) -> np.ndarray:
    return np.array(weight.detach().cpu().double().numpy())
