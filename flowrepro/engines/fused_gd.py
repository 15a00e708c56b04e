"""Gradient descent in one compiled loop (fused_kernels.py): full batch, float64, CPU."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from flowrepro.engines.base import Engine, Problem, beyond_doubles_on_cpu
from flowrepro.engines.compiled import LOSS_CODES, is_compiled
from flowrepro.engines.fused_kernels import Rule, descend, descend_in_span

LANES = 8
"""Neurons are padded to a multiple of this (one AVX-512 vector of doubles)."""

BLAS_WINS = (20, 1_000_000)
"""d and n m d above which matrix products are faster (measured, see `FusedGD.advises_against`)."""

SPAN_PAYS = 100_000
"""n m d from which the loop in the span of the samples is taken; below it, steps cost a few us
either way, and an ensemble's members are the single runs bit for bit."""


def rule_of(problem: Problem) -> Rule:
    """What the kernels need to know of a problem besides its points and weights."""
    loss = problem.loss
    weight = loss.factor / len(problem.y) if loss.reduction == "mean" else loss.factor
    both = problem.train == "both"
    return Rule(LOSS_CODES[loss.name], weight, float(problem.alpha), float(problem.lr), both)


def works_in_span(problem: Problem) -> bool:
    """Whether steps are made in the span of the samples."""
    n, d, m = problem.shape
    return n < d and n * m * d >= SPAN_PAYS


def padded_width(m: int) -> int:
    """Neurons of a whole number of SIMD vectors."""
    return -(-m // LANES) * LANES


class FusedGD(Engine):
    """Plain gradient descent, compiled (measured, one core: 0.14 us a step for n=2, d=2, m=60; 50
    us for n=75, d=150, m=200).
    """

    name: ClassVar[str] = "fused"

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem)
        n, d, m = problem.shape
        self._X = np.ascontiguousarray(problem.X, dtype=np.float64)
        self._y = np.ascontiguousarray(problem.y, dtype=np.float64)
        self._rule = rule_of(problem)
        self._in_span = works_in_span(problem)
        self._first, self._a = (
            np.zeros((n if self._in_span else d, padded_width(m))),
            np.zeros(padded_width(m)),
        )  # C or W, transposed and padded
        if self._in_span:
            self._gram, self._Z0 = self._X @ self._X.T, np.zeros_like(self._first)
            self._Z0[:, :m] = self._X @ problem.W0.T
        self.restore(
            {"first": np.zeros((n, m)) if self._in_span else problem.W0.T, "a": problem.a0}, 0
        )

    @classmethod
    def supports(cls, problem: Problem) -> str | None:
        """None, or what it lacks: float32, a GPU, mini-batches."""
        return beyond_doubles_on_cpu(problem)

    @classmethod
    def advises_against(cls, problem: Problem) -> str | None:
        """For large inputs BLAS is faster; for few coordinates the products are thin and the loop
        wins at any size.

        Measured in float64 on one core, us a step, this loop against matrix products: (n, d, m) =
        (1000, 3, 300) 183 : 1204, (200, 20, 200) 115 : 179, (75, 75, 200) 168 : 155, (1000, 100,
        50) 1054 : 544; in the span of the samples (75, 150, 200) 55 : 243, (300, 600, 400) 1840 :
        4940, (1000, 1100, 500) 29700 : 40900.
        """
        (n, d, m), (coordinates, size) = problem.shape, BLAS_WINS
        if works_in_span(problem) or d <= coordinates or n * m * d <= size:
            return None
        return (
            f"matrix products are faster for d = {d} > {coordinates} and n m d = {n * m * d:.2g} "
            f"> {size:.0e}"
        )

    @classmethod
    def is_compiled(cls) -> bool:
        """Whether the first step starts at once (False: the first call compiles for some
        seconds).
        """
        return is_compiled(descend)

    def advance(self, steps: np.ndarray) -> np.ndarray:
        """See `Engine.advance`."""
        steps = np.ascontiguousarray(steps, dtype=np.int64)
        losses = np.empty(len(steps))
        if self._in_span:
            span = (self._gram, self._Z0)
            descend_in_span(
                span, self._y, self._first, self._a, self.step, steps, losses, self._rule
            )
        else:
            descend(self._X, self._y, self._first, self._a, self.step, steps, losses, self._rule)
        self.step = int(steps[-1])
        self.stats["gradient_evaluations"] = self.step
        return losses

    def weights(self) -> tuple[np.ndarray, np.ndarray]:
        """See `Engine.weights`."""
        state = self.state()
        W = (
            self.problem.W0 + state["first"].T @ self._X
            if self._in_span
            else state["first"].T.copy()
        )
        return W, state["a"]

    def state(self) -> dict[str, np.ndarray]:
        """The weights, or what they moved by in the span of the samples, are all there is."""
        m = len(self.problem.a0)
        return {"first": self._first[:, :m].copy(), "a": self._a[:m].copy()}

    def restore(self, state: Mapping[str, np.ndarray], step: int) -> None:
        """See `Engine.restore`."""
        m = len(self.problem.a0)
        self._first[:], self._a[:] = 0.0, 0.0
        self._first[:, :m], self._a[:m] = state["first"], state["a"]
        self.step = step
        self.stats["gradient_evaluations"] = step
