"""An ensemble on a device: all members' steps as batched matrix products in PyTorch, in float64."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from flowrepro.core.models import objective, output_gradient
from flowrepro.engines.base import Problem
from flowrepro.engines.fused_kernels import Record, Rule
from flowrepro.engines.torch_device import exact_arithmetic, faults_named, resolve_device


class DeviceMembers:
    """What ``fused_kernels.descend_members`` does, on the device of the problem; called with the
    same arrays.

    Sums are taken in another order than there, so members agree with single runs to rounding, not
    bit for bit.
    """

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.device, self.said = resolve_device(problem.device)

    def __call__(
        self,
        X: np.ndarray,
        y: np.ndarray,
        W: np.ndarray,
        a: np.ndarray,
        step: int,
        record: Record,
        _: Rule,
    ) -> None:
        """Members W (R, d, m), a (R, m) in place from ``step`` to the record's last step."""
        steps, kept, losses, levels, first_below = record
        with faults_named(self.device), torch.no_grad(), exact_arithmetic(self.device):
            points, targets, thresholds = (
                torch.from_numpy(array).to(self.device) for array in (X, y, levels)
            )
            weights, outputs = (
                torch.from_numpy(W).to(self.device),
                torch.from_numpy(a).to(self.device),
            )
            first = torch.from_numpy(first_below).to(self.device)
            values = weights.new_empty(len(a), len(kept))
            column = {int(steps[place]): i for i, place in enumerate(kept)}
            asked = {int(value) for value in steps}
            for now in range(step, int(steps[-1]) + 1):
                if now > step:
                    self._descend(points, targets, weights, outputs)
                if now in asked:
                    value = objective(
                        self.problem.loss,
                        self._outputs(self._hidden(points, weights), outputs),
                        targets,
                    )
                    if now in column:
                        values[:, column[now]] = value
                    first[(first < 0) & (value[:, None] < thresholds)] = now
            W[:], a[:], losses[:], first_below[:] = (
                weights.cpu().numpy(),
                outputs.cpu().numpy(),
                values.cpu().numpy(),
                first.cpu().numpy(),
            )

    def _hidden(self, X: Tensor, W: Tensor) -> Tensor:
        """sigma(X W_r), (R, n, m)."""
        return torch.nn.functional.leaky_relu(X @ W, self.problem.alpha)

    @staticmethod
    def _outputs(hidden: Tensor, a: Tensor) -> Tensor:
        """f_r, (R, n)."""
        return torch.bmm(hidden, a[:, :, None]).squeeze(2)

    def _descend(self, X: Tensor, y: Tensor, W: Tensor, a: Tensor) -> None:
        """One step of all members, both layers from the old values."""
        hidden = self._hidden(X, W)
        g = output_gradient(self.problem.loss, self._outputs(hidden, a), y)
        slopes = torch.where(hidden > 0, g[:, :, None], self.problem.alpha * g[:, :, None])
        grad_W = (X.T @ slopes).mul_(a[:, None, :])
        if self.problem.train == "both":
            a.sub_(torch.bmm(g[:, None, :], hidden).squeeze(1), alpha=self.problem.lr)
        W.sub_(grad_W, alpha=self.problem.lr)
