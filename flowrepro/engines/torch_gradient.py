"""The gradient of the objective in PyTorch at the price of its two matrix products.

Plain autograd keeps several (n, m) arrays and passes over each of them in memory. Here samples are
taken in blocks whose (m, block) activations stay in cache, and both products of a block are made
while its rows are warm.
Tests compare it with autograd through ``models.TwoLayer`` and ``models.Chains``.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Protocol

import torch
from torch import Tensor

from flowrepro.core.config import Loss
from flowrepro.core.models import gain, objective, output_gradient, partial_gain

CPU_BLOCK = 16384
"""Samples per block on a CPU: with m = 50 the activations take 3 MB in float32 (L2 or L3). On one
core 512 .. 16384 differ by 4 % (measured); the largest has the fewest calls, each of which waits
for all threads."""


class Gradient(Protocol):
    """Gradient and objective of the current weights, in buffers that are reused."""

    grad_W: Tensor
    grad_a: Tensor
    value: Tensor

    def evaluate(
        self, W: Tensor, a: Tensor, rows: Tensor | None = None, *, value_only: bool = False
    ) -> None:
        """Fill the buffers."""


class BlockGradient:
    """Gradient and objective of the network on X (n, d), y (n,), into buffers that are reused.

    ``depth`` other than 2: see Chains in ``network.py``.

    After ``evaluate(W, a)``: ``grad_W`` (m, d), ``grad_a`` (m,) and ``value`` (scalar), all on the
    device.
    """

    def __init__(
        self,
        X: Tensor,
        y: Tensor,
        loss: Loss,
        alpha: float,
        m: int,
        block: int,
        depth: int = 2,
    ) -> None:
        self.X, self.y, self.loss, self.alpha, self.m, self.depth = X, y, loss, alpha, m, depth
        self.block = min(block, len(X))
        self.grad_W, self.grad_a = X.new_zeros(m, X.shape[1]), X.new_zeros(m)
        self.value = X.new_zeros(())
        self._hidden = X.new_empty(m * self.block)
        self._active = torch.empty(m * self.block, dtype=torch.bool, device=X.device)
        self._gathered = X.new_empty(0)

    def evaluate(
        self, W: Tensor, a: Tensor, rows: Tensor | None = None, *, value_only: bool = False
    ) -> None:
        """Objective and gradient at W (m, d), a (m,) over ``rows`` (indices), or over all
        samples.
        """
        count = len(self.X) if rows is None else len(rows)
        weight = self.loss.factor / count if self.loss.reduction == "mean" else self.loss.factor
        part = replace(self.loss, reduction="sum", factor=weight)
        above = a if self.depth == 2 else gain(a, self.depth)
        self.value.zero_()
        if not value_only:
            self.grad_W.zero_()
            self.grad_a.zero_()
        for start in range(0, count, self.block):
            X, y = self._samples(rows, start, min(start + self.block, count))
            self._add_block(X, y, W, above, part, value_only)
        if not value_only:
            self.grad_W.mul_(above[:, None])
            if self.depth != 2:
                self.grad_a.mul_(partial_gain(a, self.depth))

    def _samples(self, rows: Tensor | None, start: int, stop: int) -> tuple[Tensor, Tensor]:
        if rows is None:
            return self.X[start:stop], self.y[start:stop]
        if not self._gathered.numel():
            self._gathered = self.X.new_empty(self.block, self.X.shape[1])
        chosen, gathered = rows[start:stop], self._gathered[: stop - start]
        torch.index_select(self.X, 0, chosen, out=gathered)
        return gathered, self.y[chosen]

    def _add_block(
        self, X: Tensor, y: Tensor, W: Tensor, above: Tensor, loss: Loss, value_only: bool
    ) -> None:
        """Add one block's share, ``above`` (m,) being the factor of each neuron; neurons are rows
        here, as BLAS is a fifth faster on W X^T than on X W^T (measured).
        """
        b = len(X)
        hidden, active = (
            self._hidden[: self.m * b].view(self.m, b),
            self._active[: self.m * b].view(self.m, b),
        )
        torch.mm(W, X.T, out=hidden)
        if self.alpha == 0:
            hidden.relu_()
        else:
            torch.nn.functional.leaky_relu_(hidden, self.alpha)
        f = torch.mv(hidden.T, above)
        self.value.add_(objective(loss, f, y))
        if value_only:
            return
        g = output_gradient(loss, f, y)
        self.grad_a.addmv_(hidden, g)
        torch.gt(hidden, 0, out=active)
        slopes = hidden  # the activations are not needed any more
        if self.alpha == 0:
            torch.mul(active, g, out=slopes)
        else:
            torch.where(active, g, self.alpha * g, out=slopes)
        self.grad_W.addmm_(slopes, X)
