"""Gradient descent and mini-batch SGD in PyTorch, in float32 or float64, on the CPU or a GPU."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from flowrepro.engines.base import Engine, Problem
from flowrepro.engines.batches import Batches
from flowrepro.engines.torch_device import exact_arithmetic, faults_named, resolve_device
from flowrepro.engines.torch_gradient import CPU_BLOCK, BlockGradient, Gradient
from flowrepro.errors import EnvironmentFault

WARM_UP = 3
"""Eager steps before a CUDA graph is captured, as PyTorch asks for (libraries allocate on first
use).
"""


class TorchGD(Engine):
    """Plain gradient descent and SGD, any depth; the recorded loss is that of the full batch.

    Columns of X that are zero in every sample (constant pixels of centred images) are left out
    while training:
    their weights have gradient zero, so this is exact.

    stats: gradient_evaluations (full-batch or batch gradients), epochs (completed), device, and on
    CUDA cuda_graph, "captured" or "eager: <reason>".
    """

    name: ClassVar[str] = "torch"
    two_layers_only: ClassVar[bool] = False
    libraries: ClassVar[tuple[str, ...]] = ("torch",)
    threads_matter: ClassVar[bool] = True

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem)
        self._device = resolve_device(problem.device)[0]
        self.stats |= {"epochs": 0, "device": str(self._device)}
        # Whether self.gradient holds the full-batch objective and gradient of the current weights.
        self._fresh = False
        X = np.asarray(problem.X, dtype=problem.dtype)
        self._moving = np.flatnonzero(X.any(axis=0))
        self._batches = Batches(len(X), problem.batch_size, problem.seed)
        self._build(np.ascontiguousarray(X[:, self._moving]))
        self._graphs = _StepGraphs(self) if self._device.type == "cuda" else None
        if self._graphs:
            self.stats["cuda_graph"] = "captured"
        self.restore({"W": problem.W0, "a": problem.a0}, 0)

    @classmethod
    def supports(cls, problem: Problem) -> str | None:
        """None: it runs every problem. A device that is not there raises (see `resolve_device`)."""
        resolve_device(problem.device)
        return None

    def blocks(self) -> list[int]:
        """Samples per block, to be tried in this order: all at once on a GPU, then half."""
        n = len(self.problem.X)
        return [n, -(-n // 2)] if self._device.type == "cuda" else [CPU_BLOCK]

    def _build(self, X: np.ndarray) -> None:
        """Move the data and allocate all buffers.

        A full GPU gets one more try with blocks of half the size; after that "auto" takes the CPU,
        and stats say so.
        """
        m = len(self.problem.a0)
        for block in self.blocks():
            try:
                features = torch.from_numpy(X).to(self._device)
                targets = torch.from_numpy(np.array(self.problem.y, dtype=self.problem.dtype)).to(
                    self._device
                )
                self.W, self.a = features.new_zeros(m, len(self._moving)), features.new_zeros(m)
                self.gradient: Gradient = BlockGradient(
                    features,
                    targets,
                    self.problem.loss,
                    self.problem.alpha,
                    m,
                    block,
                    depth=self.problem.depth,
                )
                return
            except torch.cuda.OutOfMemoryError:
                torch.cuda.empty_cache()
        if self.problem.device != "auto":
            raise self._out_of_memory()
        self._device = torch.device("cpu")
        self.stats["device"] = "cpu, as the GPU has too little free memory"
        self._build(X)

    def _out_of_memory(self) -> EnvironmentFault:
        n, d, m = self.problem.shape
        return EnvironmentFault(
            f"device '{self._device}' has too little free memory for {n} x {d} samples and {m} "
            "neurons; use --device cpu"
        )

    def advance(self, steps: np.ndarray) -> np.ndarray:
        """See `Engine.advance`."""
        losses = self.W.new_empty(len(steps))
        with faults_named(self._device), torch.no_grad(), exact_arithmetic(self._device):
            for i, target in enumerate(steps):
                while self.step < target:
                    self._descend()
                self._evaluate_objective()
                losses[i] = self.gradient.value
        self._count()
        return losses.cpu().numpy().astype(np.float64)

    def _descend(self) -> None:
        """One step; on CUDA by replaying a captured graph."""
        rows = self._batches.rows(self.step)
        if self._graphs:
            self._graphs.replay(rows)
        else:
            if not (rows is None and self._fresh):
                self.gradient.evaluate(
                    self.W, self.a, None if rows is None else torch.from_numpy(rows)
                )
            self.update()
        self.step += 1
        self._fresh = False

    def update(self) -> None:
        """Both layers (or the first) from the gradient that is held."""
        self.W.add_(self.gradient.grad_W, alpha=-self.problem.lr)
        if self.problem.train == "both":
            self.a.add_(self.gradient.grad_a, alpha=-self.problem.lr)

    def _evaluate_objective(self) -> None:
        """The full-batch objective; with full batches also the gradient, which the next step then
        finds ready.
        """
        if not self._fresh:
            self.gradient.evaluate(self.W, self.a, value_only=self.problem.batch_size is not None)
        self._fresh = True

    def weights(self) -> tuple[np.ndarray, np.ndarray]:
        """See `Engine.weights`; the columns left out are put back."""
        W = self._W_start.copy()
        W[:, self._moving] = self.W.cpu().numpy()
        return W, self.a.cpu().numpy().copy()

    def state(self) -> dict[str, np.ndarray]:
        """The weights are all there is: batches are a function of the step."""
        W, a = self.weights()
        return {"W": W, "a": a}

    def restore(self, state: Mapping[str, np.ndarray], step: int) -> None:
        """See `Engine.restore`."""
        self._W_start = np.array(state["W"], dtype=self.problem.dtype)
        self.W.copy_(torch.from_numpy(self._W_start[:, self._moving]))
        self.a.copy_(torch.from_numpy(np.array(state["a"], dtype=self.problem.dtype)))
        self.step = step
        self._fresh = False
        self._count()

    def _count(self) -> None:
        self.stats |= {"gradient_evaluations": self.step, "epochs": self._batches.epochs(self.step)}


class _StepGraphs:
    """CUDA graphs of one step (gradient, then update), one for each batch size met.

    A graph reads the rows of its batch from a fixed index buffer. Where a capture fails the step is
    made eagerly, and the engine's stats say so.
    """

    def __init__(self, engine: TorchGD) -> None:
        self.engine = engine
        self.graphs: dict[int, torch.cuda.CUDAGraph] = {}
        self.rows: dict[int, Tensor] = {}
        self.eager = False

    def replay(self, rows: np.ndarray | None) -> None:
        """Make one step on ``rows``, None for all."""
        device, size = self.engine.W.device, 0 if rows is None else len(rows)
        with torch.cuda.device(device):
            if rows is not None:
                if size not in self.rows:
                    self.rows[size] = torch.empty(size, dtype=torch.int64, device=device)
                self.rows[size].copy_(torch.from_numpy(rows))
            if size not in self.graphs and not self.eager:
                self._capture(size)
            if self.eager:
                self._step(size)
            else:
                self.graphs[size].replay()

    def _step(self, size: int) -> None:
        engine = self.engine
        engine.gradient.evaluate(engine.W, engine.a, self.rows.get(size))
        engine.update()

    def _capture(self, size: int) -> None:
        engine = self.engine
        kept = engine.W.clone(), engine.a.clone()
        graph = torch.cuda.CUDAGraph()
        try:
            side = torch.cuda.Stream()  # type: ignore[no-untyped-call]
            side.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(side):
                for _ in range(WARM_UP):
                    self._step(size)
            torch.cuda.current_stream().wait_stream(side)
            with torch.cuda.graph(graph, stream=side):
                self._step(size)
            self.graphs[size] = graph
        except RuntimeError as error:
            self.eager = True
            engine.stats["cuda_graph"] = f"eager: {str(error).strip().splitlines()[0]}"
        engine.W.copy_(kept[0])
        engine.a.copy_(kept[1])
