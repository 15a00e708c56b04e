r"""Gradient descent with many samples at the price of a few neurons: those that share an activation
pattern are pooled.

Early alignment brings all neurons of one sign of a_j to one pattern (min2024, Theorem 1): on MNIST
50 neurons need two products per step instead of fifty. What keeps it exact: a neuron's sign on
sample k cannot change while its direction has turned by less than the angle between it and the
plane <w, x_k> = 0. At a reference step those angles are measured;
samples with a small one (and those on which the pool disagrees) are watched, that is computed
neuron by neuron; once a pooled neuron has turned further than the watched samples allow, a dense
step is made and the pools are formed anew.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from flowrepro.engines.base import Problem
from flowrepro.engines.compiled import is_compiled
from flowrepro.engines.fused_gd import rule_of
from flowrepro.engines.pooled_pass import BLOCKS, pooled_pass
from flowrepro.engines.torch_device import resolve_device
from flowrepro.engines.torch_gd import TorchGD
from flowrepro.engines.torch_gradient import BlockGradient

LONE = 0.05
"""Share of the samples on which a neuron may differ from its pool's majority; beyond it is computed
alone (chosen).
"""
WATCHED, MOST_WATCHED = 0.02, 0.2
"""Share of the samples that is watched beside those of disagreement, and at most (chosen: 2 % cost
as much as one neuron).
"""
ROUNDING = 4.0
"""Times sqrt(d) eps: the error of a cosine of d terms, below which a sign may be decided by
rounding (chosen, with room).
"""
RETRY = 40
"""Steps between two attempts to form pools."""
SHORT = 5
"""Steps that pools have to hold, or the next attempt waits as well (chosen: forming them costs
about two dense steps).
"""
LEAST = (2_000_000, 8)
"""n d and m from which pooling is worth its overhead (measured: 0.2 ms a step)."""


@dataclass(frozen=True)
class Pools:
    """Who is pooled at a reference step.

    members : the neurons of each pool. lone : the others. slopes : (n, G) sigma' of each pool.
        watched : (n,) bool.
    turn : sine of the angle by which a pooled neuron may have turned. directions : (m, d) unit
        vectors at the reference.
    """

    members: tuple[np.ndarray, ...]
    lone: np.ndarray
    slopes: np.ndarray
    watched: np.ndarray
    turn: float
    directions: np.ndarray

    def hold(self, W: np.ndarray) -> bool:
        """Whether the pattern of every pooled neuron on every sample that is not watched is still
        that of its pool.
        """
        pooled = np.concatenate(self.members)
        norms = np.linalg.norm(W[pooled], axis=1, keepdims=True)
        with np.errstate(divide="ignore", invalid="ignore"):
            chords = np.linalg.norm(W[pooled] / norms - self.directions[pooled], axis=1)
        return bool(
            np.all(chords <= self.turn)
        )  # a chord is not shorter than the sine; nan (a vanished neuron) is False


def form_pools(
    X: np.ndarray, norms: np.ndarray, W: np.ndarray, a: np.ndarray, alpha: float, rounding: float
) -> Pools | None:
    """The pools of W (m, d), a (m,) by the sign of a, or None where too few neurons agree.

    X (n, d) with row norms (n,).
    """
    lengths = np.linalg.norm(W, axis=1)
    if not (np.all(np.isfinite(a)) and np.all((lengths > 0) & np.isfinite(lengths))):
        return None
    directions = W / lengths[:, None]
    cosines = (torch.from_numpy(X) @ torch.from_numpy(directions).T).numpy() / norms[:, None]
    active = cosines > 0
    members, slopes, lone = [], [], []
    margin = np.full(len(X), np.inf, dtype=X.dtype)
    for group in (np.flatnonzero(a > 0), np.flatnonzero(a <= 0)):
        if not len(group):
            continue
        majority = active[:, group].mean(axis=1) > 0.5
        agree = (active[:, group] != majority[:, None]).mean(axis=0) <= LONE
        lone.append(group[~agree])
        group = group[agree]
        if len(group) == 0:
            continue
        members.append(group)
        slopes.append(np.where(majority, 1.0, alpha))
        differ = (active[:, group] != majority[:, None]).any(axis=1)
        margin = np.minimum(margin, np.where(differ, 0, np.abs(cosines[:, group]).min(axis=1)))
    alone = np.concatenate(lone)
    if len(members) + len(alone) > len(a) // 2:
        return None
    share = min(1.0, float((margin == 0).mean()) + WATCHED)
    turn = float(np.quantile(margin, share))
    if share > MOST_WATCHED or not rounding < turn < 1:
        return None
    return Pools(
        tuple(members),
        alone,
        np.stack(slopes, axis=1).astype(X.dtype),
        margin <= turn,
        0.98 * turn - rounding,
        directions,
    )


class PooledGradient:
    """As `BlockGradient`, with the pools of the last reference step used while they hold.

    ``clock`` gives the step: at the reference step itself the dense gradient is taken, so that an
    evaluation repeated after a checkpoint is the same one.
    """

    def __init__(
        self, X: Tensor, y: Tensor, problem: Problem, dense: BlockGradient, clock: Callable[[], int]
    ) -> None:
        self.dense, self.clock = dense, clock
        self.X, self.y = X.numpy(), y.numpy()
        self.problem = problem
        norms = np.linalg.norm(self.X, axis=1)
        self.norms = np.where(norms > 0, norms, 1)
        self.grad_W, self.grad_a, self.value = dense.grad_W, dense.grad_a, dense.value
        self.retry, self.reference = 0, -1
        self.pools: Pools | None = None
        self.start: tuple[np.ndarray, np.ndarray] | None = None
        self.is_pooled = False
        self.pooled_steps = 0

    def evaluate(
        self, W: Tensor, a: Tensor, rows: Tensor | None = None, *, value_only: bool = False
    ) -> None:
        """Objective and gradient at W (m, d), a (m,) over all samples."""
        step = self.clock()
        self.is_pooled = (
            self.pools is not None and self.reference != step and self.pools.hold(W.numpy())
        )
        if self.pools is not None and self.is_pooled:
            self._evaluate_pooled(W, a, self.pools)
            return
        self.dense.evaluate(W, a)
        if step >= self.retry and self.reference != step:
            broke_at_once = self.reference >= 0 and step - self.reference < SHORT
            self.form(W.numpy().copy(), a.numpy().copy())
            if self.pools is None or broke_at_once:
                self.retry = step + RETRY
            if self.pools is not None:
                self.reference = step

    def form(self, W: np.ndarray, a: np.ndarray) -> None:
        """The pools of these weights, and what the watched samples need."""
        self.pools = form_pools(
            self.X,
            self.norms,
            W,
            a,
            self.problem.alpha,
            ROUNDING * np.sqrt(self.X.shape[1]) * np.finfo(self.X.dtype).eps,
        )
        if self.pools is None:
            return
        self.start = W, a
        rows = np.flatnonzero(self.pools.watched)
        loss = replace(self.problem.loss, reduction="sum", factor=rule_of(self.problem).weight)
        X, y = torch.from_numpy(self.X[rows]), torch.from_numpy(self.y[rows])
        self.watched_gradient = BlockGradient(
            X, y, loss, self.problem.alpha, len(a), max(1, len(rows))
        )

    def state(self) -> dict[str, np.ndarray]:
        """The weights at the reference step, that step, the step of the next attempt, and the steps
        made with pools.
        """
        reference = (
            {}
            if self.pools is None or self.start is None
            else {"pool_W": self.start[0], "pool_a": self.start[1]}
        )
        return {
            **reference,
            "pool_steps": np.array([self.reference, self.retry, self.pooled_steps]),
        }

    def restore(self, state: Mapping[str, np.ndarray]) -> None:
        """Form the pools of `state` again."""
        self.pools, self.start = None, None
        self.reference, self.retry, self.pooled_steps = (
            int(step) for step in state.get("pool_steps", (-1, 0, 0))
        )
        if "pool_W" in state:
            self.form(np.array(state["pool_W"]), np.array(state["pool_a"]))

    def _evaluate_pooled(self, W: Tensor, a: Tensor, pools: Pools) -> None:
        code, weight, alpha, *_ = rule_of(self.problem)
        kind = self.X.dtype.type
        w, out = W.numpy(), a.numpy()
        G, L, d = len(pools.members), len(pools.lone), w.shape[1]
        U = np.stack([out[group] @ w[group] for group in pools.members])
        sums, lone_sums, values = (
            np.empty((BLOCKS, G + L, d), w.dtype),
            np.empty((BLOCKS, L), w.dtype),
            np.empty(BLOCKS),
        )
        pooled_pass(
            self.X, self.y, pools.watched, pools.slopes, U, w[pools.lone], out[pools.lone],
            code, weight, kind(alpha), sums, lone_sums, values,
        )  # fmt: skip
        c = sums.sum(axis=0)
        self.watched_gradient.evaluate(W, a)
        grad_W, grad_a = self.watched_gradient.grad_W.numpy(), self.watched_gradient.grad_a.numpy()
        for group, force in zip(pools.members, c, strict=False):
            grad_W[group] += out[group, None] * force
            grad_a[group] += w[group] @ force
        grad_W[pools.lone] += out[pools.lone, None] * c[G:]
        grad_a[pools.lone] += lone_sums.sum(axis=0)
        self.grad_W.copy_(self.watched_gradient.grad_W)
        self.grad_a.copy_(self.watched_gradient.grad_a)
        self.value.copy_(self.watched_gradient.value + values.sum())


class PooledGD(TorchGD):
    """`TorchGD` on the CPU with the full batch, its gradient pooled where neurons agree.

    stats beside those of TorchGD: pooled_steps.
    """

    name: ClassVar[str] = "pooled"
    two_layers_only: ClassVar[bool] = True
    libraries: ClassVar[tuple[str, ...]] = ("torch", "numba")

    @classmethod
    def supports(cls, problem: Problem) -> str | None:
        """Full batches on the CPU."""
        if resolve_device(problem.device)[0].type != "cpu":
            return f"it runs on the CPU and the case asks for device {problem.device}"
        if problem.batch_size is not None:
            return (
                "it takes the full batch and the case asks for mini-batches of "
                f"{problem.batch_size}"
            )
        return None

    @classmethod
    def advises_against(cls, problem: Problem) -> str | None:
        """Small problems, where forming pools costs more than they save."""
        n, d, m = problem.shape
        return (
            None
            if n * d >= LEAST[0] and m >= LEAST[1]
            else f"with n={n}, d={d}, m={m} there is too little to pool"
        )

    @classmethod
    def is_compiled(cls) -> bool:
        """See `Engine.is_compiled`."""
        return is_compiled(pooled_pass)

    def _build(self, X: np.ndarray) -> None:
        super()._build(X)
        dense = self.gradient
        assert isinstance(dense, BlockGradient)
        self.pooled = PooledGradient(dense.X, dense.y, self.problem, dense, lambda: self.step)
        self.gradient = self.pooled

    def state(self) -> dict[str, np.ndarray]:
        """The weights, and what the pools were formed from."""
        return {**super().state(), **self.pooled.state()}

    def restore(self, state: Mapping[str, np.ndarray], step: int) -> None:
        """See `Engine.restore`."""
        self.pooled.restore(state)
        super().restore(state, step)

    def update(self) -> None:
        """See `TorchGD.update`."""
        super().update()
        self.pooled.pooled_steps += self.pooled.is_pooled

    def _count(self) -> None:
        super()._count()
        self.stats["pooled_steps"] = self.pooled.pooled_steps
