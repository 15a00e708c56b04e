r"""Gradient descent on many samples at the price of few gradients.

The forces on neurons are smooth functions of the step as long as no neuron changes its sign on a
sample. So they are evaluated at few steps, and interpolated between them up to rounding. An
interval of S steps is made as follows.

1. It is made with forces extrapolated from the last NODES evaluations.
2. The forces at its end are evaluated.
3. It is made again with forces interpolated. Both ends must agree up to TOLERANCE, or a shorter
   interval is taken. An interval of one step is plain gradient descent.

Changes of sign are made at their own steps. Along the interval a neuron stays within a measured
distance of the chord of its path. Pairs of a neuron and a sample that this distance may part are
followed step by step (interpolated_steps.py). All others keep their sign.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, NamedTuple

import numpy as np
import torch

from flowrepro.core.models import objective, output_gradient
from flowrepro.engines.base import Problem
from flowrepro.engines.compiled import is_compiled
from flowrepro.engines.interpolated_steps import march, near
from flowrepro.engines.torch_device import one_thread, resolve_device
from flowrepro.engines.torch_gd import TorchGD
from flowrepro.engines.torch_gradient import BlockGradient

NODES = {"float32": 4, "float64": 8}
"""Evaluations that a polynomial goes through (chosen)."""
TOLERANCE = {"float32": 2e-6, "float64": 1e-12}
"""How far both ends may differ, over the size of the neuron. The forces differ by less, lr times
the curvature as much (at most 0.002 a step in MNIST), and interpolation errs less than
extrapolation. Measured: weights as near to those of float64 as plain float32 is.
"""
SHARE = 0.01
"""How far they may differ, over the way that all weights went (chosen): near a minimum it is short.
"""
LENGTHS = (1, 2, 5, 10, 20)
"""Steps of an interval (chosen: records of min2024's runs fall on their ends)."""
PATIENCE = 3, 192
"""Intervals of one length before a longer one is tried, at first and at most: it doubles where that
fails. Where two steps are too many, so many steps are made without what interpolation needs.
"""
AHEAD = 1.5
"""Times the distance by which extrapolation fails: room for what it is not known exactly (chosen).
"""
ROUNDING = 4.0
"""Times sqrt(d) eps: the error of a cosine of d terms (chosen, with room)."""
LEAST = (500_000, 300, 8)
"""n d, d and m from which gradients cost more than the rest of an interval (measured)."""

COUNTS = "length", "streak", "patience", "evaluations"
KEPT = "W", "a", "loss", "steps", "forces", "slopes", "seen", "slack", *COUNTS
"""Fields of `Node` in a checkpoint, beside the signs."""


class Pairs(NamedTuple):
    """Neuron j with each of the samples ``sample[first[j] : first[j + 1]]``, and their signs."""

    first: np.ndarray
    sample: np.ndarray
    active: np.ndarray


@dataclass(frozen=True)
class Node:
    """What the next interval starts from; no array is ever changed.

    W (m, d), a (m,), loss : at ``steps[0]``; a loss that is nan must be evaluated.
    steps (p,) : of the last evaluations, the latest first; forces (p, m, d) under the signs
        ``active`` (m, n) of (W, a); slopes (p, n).
    seen (2, m, d) : first layers for which Z and Z_before (m, n) were computed last; slack (m,) :
        distance of W from the last of them.
    length : of the next interval, 0 for a plain step. streak : intervals of this length so far.
        patience : how many before a longer one is tried. evaluations : so far.
    """

    W: np.ndarray
    a: np.ndarray
    loss: np.ndarray
    steps: np.ndarray
    forces: np.ndarray
    slopes: np.ndarray
    active: np.ndarray
    seen: np.ndarray
    slack: np.ndarray
    Z: np.ndarray
    Z_before: np.ndarray
    length: int = 1
    streak: int = 0
    patience: int = PATIENCE[0]
    evaluations: int = 1


class Interval(NamedTuple):
    """Weights W (S + 1, m, d) and a (S + 1, m) along it, and what follows."""

    W: np.ndarray
    a: np.ndarray
    end: Node


class InterpolatedGD(TorchGD):
    """`TorchGD` on the CPU with the full batch, most of its gradients interpolated.

    It takes one thread, so that its bits do not depend on the cores, and cases run beside each
    other.

    stats: those of TorchGD; gradient_evaluations counts those that were evaluated.
    """

    name: ClassVar[str] = "interpolated"
    two_layers_only: ClassVar[bool] = True
    libraries: ClassVar[tuple[str, ...]] = ("torch", "numba")
    threads_matter: ClassVar[bool] = False
    gradient: BlockGradient
    node: Node
    interval: Interval | None

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
        """Small problems, where a gradient costs less than what saves it."""
        n, d, m = problem.shape
        return (
            None
            if n * d >= LEAST[0] and d >= LEAST[1] and m >= LEAST[2]
            else f"with n={n}, d={d}, m={m} a gradient costs too little to be saved"
        )

    @classmethod
    def is_compiled(cls) -> bool:
        """See `Engine.is_compiled`."""
        return is_compiled(march)

    def _build(self, X: np.ndarray) -> None:
        super()._build(X)
        self._X, self._norms = X, np.linalg.norm(X, axis=1)
        self._nodes, self._tolerance = NODES[X.dtype.name], TOLERANCE[X.dtype.name]
        shape = self.problem.shape[2], len(X)
        self._found, self._hits = np.empty(shape, np.int32), np.empty(shape[0], np.int64)
        self._rounding = ROUNDING * np.sqrt(X.shape[1]) * np.finfo(X.dtype).eps

    @one_thread()
    def advance(self, steps: np.ndarray) -> np.ndarray:
        """See `Engine.advance`."""
        losses = np.empty(len(steps))
        for i, target in enumerate(steps):
            self._reach(int(target))
            losses[i] = self.node.loss if self.step == self.node.steps[0] else np.nan
            if np.isnan(losses[i]):
                self.gradient.evaluate(self.W, self.a, value_only=True)
                losses[i] = self.gradient.value
        self._count()
        self.stats["gradient_evaluations"] = self.node.evaluations
        return losses

    def _reach(self, target: int) -> None:
        """Make intervals up to the one that holds the target."""
        while self.node.steps[0] != target:
            if self.interval is None:
                with np.errstate(all="ignore"):  # diverged weights
                    self.interval = self._next(self.node)
            if target < self.interval.end.steps[0]:
                break
            self.node, self.interval = self.interval.end, None
        past = target - int(self.node.steps[0])
        W, a = self.node.W, self.node.a
        if self.interval is not None:
            W, a = self.interval.W[past], self.interval.a[past]
        self.W.copy_(torch.from_numpy(W))
        self.a.copy_(torch.from_numpy(a))
        self.step = target

    def _next(self, node: Node) -> Interval:
        """The longest interval that is accurate enough, up to the length proposed."""
        if node.length == 0:
            return self._plain(node)
        for length in reversed(LENGTHS[: LENGTHS.index(node.length) + 1]):
            made = self._attempt(node, length)
            if made is not None:
                return made
            node = replace(node, evaluations=node.evaluations + 1)
        raise AssertionError("one step is always accurate")

    def _plain(self, node: Node) -> Interval:
        """One step of which nothing is kept for interpolation."""
        pull = self.problem.lr * node.forces[0]
        W = node.W - node.a[:, None] * pull
        moved = np.einsum("jd,jd->j", node.W, pull) if self.problem.train == "both" else 0
        end = self._start(W, node.a - moved, int(node.steps[0]) + 1)
        rest = node.streak + 1 < node.patience
        end = replace(
            end, length=0 if rest else 1, streak=node.streak + 1 if rest else 0,
            patience=node.patience, evaluations=node.evaluations + 1,
        )  # fmt: skip
        return Interval(np.stack([node.W, end.W]), np.stack([node.a, end.a]), end)

    def _start(self, W: np.ndarray, a: np.ndarray, step: int) -> Node:
        """A first evaluation."""
        Z, loss, forces, slopes = self._evaluate(W, a)
        return Node(
            W, a, loss, np.array([step]), forces[None], slopes[None], Z > 0, np.stack([W, W]),
            np.zeros_like(a), Z, Z,
        )  # fmt: skip

    def _attempt(self, node: Node, length: int) -> Interval | None:
        """An interval of this length, or None where its ends disagree or a sign may be wrong."""
        size = np.linalg.norm(node.W, axis=1)
        reach = node.slack + self._rounding * size
        most = self._tolerance * np.hypot(size, node.a)
        pairs = self._foreseen(node, length, reach)
        W, a, bent = self._march(node, node.steps, node.forces.copy(), node.slopes, length, pairs)
        allowed = reach + 1.5 * bent + 2 * most
        seen, out = W[-1], a[-1]
        Z, loss, force, slope = self._evaluate(seen, out, node.active)
        steps = np.append(node.steps[0] + length, node.steps)[: self._nodes]
        forces = np.concatenate([force[None], node.forces])[: self._nodes]
        slopes = np.concatenate([slope[None], node.slopes])[: self._nodes]
        pairs = self._near(node, Z, 1.0, allowed)
        W, a, bent = self._march(node, steps, forces, slopes, length, pairs)
        slack = np.linalg.norm(W[-1] - seen, axis=1)
        off = np.hypot(slack, a[-1] - out)
        way = np.hypot(np.linalg.norm(W[-1] - W[0]), np.linalg.norm(a[-1] - a[0]))
        of_way = np.linalg.norm(off) / (SHARE * way)
        error = float(np.max(np.where(off == 0, 0, np.maximum(off / most, of_way))))
        if length > 1 and not (error <= 1 and np.all(reach + bent + slack <= allowed)):
            return None
        active = node.active.copy()
        active[np.repeat(np.arange(len(size)), np.diff(pairs.first)), pairs.sample] = pairs.active
        # The loss was evaluated where the first attempt ended. The end is near.
        moved = out[:, None] * (W[-1] - seen) + (a[-1] - out)[:, None] * seen
        change = np.sum(force * moved, dtype=np.float64)
        loss = loss + change if abs(change) <= np.sqrt(self._tolerance) * loss else np.array(np.nan)
        end = Node(
            W[-1], a[-1], loss, steps, forces, slopes, active, np.stack([seen, node.seen[0]]),
            slack, Z, node.Z, *self._plan(node, length, error), node.evaluations + 1,
        )  # fmt: skip
        return Interval(W, a, end)

    def _plan(self, node: Node, length: int, error: float) -> tuple[int, int, int]:
        """Length, streak and patience after an interval of this length and error."""
        if length < node.length:
            later = min(2 * node.patience, PATIENCE[1])
            return (length, 1, later) if length > 1 else (0, 0, later)
        streak, step = node.streak + 1, int(node.steps[0]) + length
        succeeded = node.streak == 0 and length > 1
        patience = PATIENCE[0] if succeeded else node.patience
        longer = next((more for more in LENGTHS if more > length), length)
        foreseen = error * (longer / length) ** (self._nodes + 1)
        enough = streak >= (self._nodes if length == 1 else patience)
        if longer > length and enough and foreseen <= 1 and step % longer == 0:
            return longer, 0, patience
        return length, streak, patience

    def _foreseen(self, node: Node, length: int, reach: np.ndarray) -> Pairs:
        """The pairs that may change their sign, by the last two products with the samples.

        They are extrapolated; how far the weights that they belong to are from where the forces
        lead is added to the reach.
        """
        if length == 1:  # a step needs the signs at its start only
            return Pairs(
                np.zeros(len(reach) + 1, np.int64), np.empty(0, np.int32), np.empty(0, bool)
            )
        weights = interpolation(node.steps, node.steps[0] + np.arange(length)).sum(axis=0)
        pull = self.problem.lr * np.tensordot(weights, node.forces, 1)
        a = node.a
        if self.problem.train == "both":
            a = a - 0.5 * np.einsum("jd,jd->j", node.W, pull)
        ahead = length / float(node.steps[0] - node.steps[1])
        off = node.W - a[:, None] * pull - node.seen[0] - ahead * (node.seen[0] - node.seen[1])
        wide = reach + AHEAD * np.linalg.norm(off, axis=1)
        return self._near(node, node.Z_before, -ahead, wide)

    def _near(self, node: Node, other: np.ndarray, stretch: float, reach: np.ndarray) -> Pairs:
        """The pairs that may change their sign, see `near`."""
        near(node.Z, other, stretch, node.active, reach, self._norms, self._found, self._hits)
        pieces = [row[:count] for row, count in zip(self._found, self._hits, strict=True)]
        signs = [node.active[j, piece] for j, piece in enumerate(pieces)]
        first = np.append(0, np.cumsum(self._hits))
        return Pairs(first, np.concatenate(pieces), np.concatenate(signs))

    def _march(
        self, node: Node, steps: np.ndarray, forces: np.ndarray, slopes: np.ndarray,
        length: int, pairs: Pairs,
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:  # fmt: skip
        """See `march`, with forces and slopes that were evaluated at ``steps``."""
        weights = interpolation(steps, node.steps[0] + np.arange(length)).astype(node.W.dtype)
        W = np.empty((length + 1, *node.W.shape), node.W.dtype)
        a, bent = np.empty((length + 1, len(node.a)), node.W.dtype), np.empty_like(node.a)
        W[0], a[0] = node.W, node.a
        march(
            self._X, self._norms, W, a, forces, slopes, weights, *pairs, float(self.problem.lr),
            float(self.problem.alpha), self.problem.train == "both", bent,
        )  # fmt: skip
        return W, a, bent

    def _evaluate(
        self, W: np.ndarray, a: np.ndarray, active: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Z (m, n), the objective, forces (m, d) under the signs ``active``, and slopes (n,)."""
        X, y, alpha = self.gradient.X, self.gradient.y, self.problem.alpha
        Z = torch.mm(torch.from_numpy(W), X.T)
        hidden = torch.nn.functional.leaky_relu(Z, alpha)
        f = torch.mv(hidden.T, torch.from_numpy(a))
        q = output_gradient(self.problem.loss, f, y)
        positive = Z > 0 if active is None else torch.from_numpy(active)
        torch.where(positive, q, alpha * q, out=hidden)
        loss = objective(self.problem.loss, f, y).double()
        return Z.numpy(), loss.numpy(), torch.mm(hidden, X).numpy(), q.numpy()

    def state(self) -> dict[str, np.ndarray]:
        """The weights, and the start of the interval that they lie in."""
        node = {f"node_{name}": np.asarray(getattr(self.node, name)) for name in KEPT}
        signs = {"node_active": np.packbits(self.node.active)}
        return {**super().state(), **node, **signs}

    @one_thread()
    def restore(self, state: Mapping[str, np.ndarray], step: int) -> None:
        """See `Engine.restore`."""
        self.interval = None
        super().restore(state, step)
        if "node_W" not in state:
            self.node = self._start(self.W.numpy().copy(), self.a.numpy().copy(), step)
        else:
            kept: dict[str, Any] = {name: np.array(state[f"node_{name}"]) for name in KEPT}
            X = self.gradient.X.T
            Z, Z_before = (torch.mm(torch.from_numpy(W), X).numpy() for W in kept["seen"])
            signs = np.unpackbits(np.array(state["node_active"]), count=Z.size).reshape(Z.shape)
            kept |= {name: int(kept[name]) for name in COUNTS}
            self.node = Node(**kept, active=signs.astype(bool), Z=Z, Z_before=Z_before)
        self.stats["gradient_evaluations"] = self.node.evaluations


def interpolation(nodes: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Weights (S, p) of the values at p nodes in the polynomial through them, at S places."""
    gaps = nodes[:, None] - nodes
    weights = np.ones((len(at), len(nodes)))
    for r in range(len(nodes)):
        for other in range(len(nodes)):
            if other != r:
                weights[:, r] *= (at - nodes[other]) / gaps[r, other]
    return weights
