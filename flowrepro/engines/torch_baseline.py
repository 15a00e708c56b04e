"""What the engines are measured against: the training loop everybody writes, and bare matrix
products.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from flowrepro.core.models import TwoLayer, objective
from flowrepro.engines.base import Problem


class PlainLoop:
    """The plain PyTorch loop: an nn.Module, autograd and torch.optim.SGD on the full batch.

    With the square loss in its mean the criterion is ``nn.MSELoss``, as the authors of boursier2022
    write it.
    """

    def __init__(self, problem: Problem) -> None:
        loss, dtype = problem.loss, problem.dtype
        self.X = torch.from_numpy(np.array(problem.X, dtype=dtype))
        self.y = torch.from_numpy(np.array(problem.y, dtype=dtype))
        self.model = TwoLayer(
            problem.W0.astype(dtype),
            problem.a0.astype(dtype),
            problem.alpha,
            train_a=problem.train == "both",
        )
        self.optimizer = torch.optim.SGD(
            [p for p in self.model.parameters() if p.requires_grad], lr=problem.lr
        )
        is_mse = loss.name == "square" and loss.reduction == "mean" and loss.factor == 2.0
        self.criterion = nn.MSELoss() if is_mse else lambda f, y: objective(loss, f, y)

    def advance(self, steps: int) -> None:
        """Make so many steps."""
        for _ in range(steps):
            self.optimizer.zero_grad()
            self.criterion(self.model(self.X), self.y).backward()
            self.optimizer.step()

    def weights(self) -> tuple[np.ndarray, np.ndarray]:
        """Copies of W (m, d) and a (m,)."""
        return self.model.W.detach().numpy().copy(), self.model.a.detach().numpy().copy()


class MatrixProducts:
    """W X^T and G X alone, the two products no step can do without, into buffers that are
    reused.
    """

    def __init__(self, problem: Problem) -> None:
        X = np.asarray(problem.X, dtype=problem.dtype)
        self.X = torch.from_numpy(np.ascontiguousarray(X[:, X.any(axis=0)]))
        self.W = torch.from_numpy(
            np.ascontiguousarray(problem.W0[:, X.any(axis=0)], dtype=problem.dtype)
        )
        self.hidden, self.grad = self.X.new_empty(len(self.W), len(X)), torch.empty_like(self.W)

    def advance(self, steps: int) -> None:
        """Make both products so many times."""
        for _ in range(steps):
            torch.mm(self.W, self.X.T, out=self.hidden)
            torch.mm(self.hidden, self.X, out=self.grad)
