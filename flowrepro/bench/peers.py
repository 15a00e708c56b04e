"""One job of each paper beside the loops that others write: eager PyTorch, and JAX's compiled scan.

Every side makes the same iterates, from the same start, in the same process; rounds are
interleaved, so that a busy machine slows all alike. A library that is not installed is named in the
table. What a step that multiplies full matrices needs at least, by the rates measured here, stands
beside it: engines that share work between neurons or samples go below it.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from dataclasses import replace
from statistics import median
from typing import Any, NamedTuple, Protocol

import numpy as np

from flowrepro import data
from flowrepro.bench.clock import Work, advancing, seconds, shape
from flowrepro.bench.engines import nine_runs, on_a_line
from flowrepro.bench.result import BenchResult
from flowrepro.core.config import TrainingCase
from flowrepro.data.points import eight_pieces, three_points
from flowrepro.engines import choose
from flowrepro.engines.base import Problem
from flowrepro.papers.boursier2022.figure_4_five_points import FIVE_POINTS
from flowrepro.papers.boursier2022.figures_2_3_toy import TOY
from flowrepro.papers.boursier2022.figures_6_7_high_dimension import HIGH_DIMENSION
from flowrepro.papers.min2024.figure_5_mnist import DIGITS_1_0
from flowrepro.run.training import prepare

CACHED = 2**21
"""Bytes that stay in the caches of one core (chosen)."""


class Peer(Protocol):
    """Another's descent of a problem."""

    def advance(self, steps: int) -> None:
        """Make so many steps."""

    def weights(self) -> tuple[np.ndarray, np.ndarray]:
        """Copies of W (m, d) and a (m,)."""


class ScanLoop:
    """Gradient descent in JAX: the gradient by `jax.grad`, all steps in one compiled `lax.scan`."""

    def __init__(self, problem: Problem) -> None:
        import jax
        import jax.numpy as jnp

        config: Any = jax.config
        config.update("jax_enable_x64", True)
        X, y, W, a = (
            jnp.asarray(array, problem.dtype)
            for array in (problem.X, problem.y, problem.W0, problem.a0)
        )
        losses: dict[str, Callable[[Any], Any]] = {
            "square": lambda f: 0.5 * (f - y) ** 2,
            "logistic": lambda f: jnp.logaddexp(0.0, -y * f),
            "logistic2": lambda f: 2.0 * jnp.logaddexp(0.0, -y * f),
            "exp": lambda f: jnp.exp(-y * f),
        }
        loss, reduce = problem.loss, jnp.mean if problem.loss.reduction == "mean" else jnp.sum
        free = 2 if problem.train == "both" else 1

        def objective(*weights: Any) -> Any:
            Z = X @ weights[0].T
            f = jnp.where(Z > 0, Z, problem.alpha * Z) @ weights[1]
            return loss.factor * reduce(losses[loss.name](f))

        slopes = jax.grad(objective, argnums=tuple(range(free)))

        def step(weights: Any, _: None) -> tuple[Any, None]:
            moved = [w - problem.lr * g for w, g in zip(weights, slopes(*weights), strict=False)]
            return (*moved, *weights[free:]), None

        self._weights = (W, a)
        self._many = jax.jit(
            lambda weights, steps: jax.lax.scan(step, weights, None, length=steps)[0],
            static_argnums=1,
        )

    def advance(self, steps: int) -> None:
        """Make so many steps; a new number of them is compiled first."""
        self._weights = tuple(w.block_until_ready() for w in self._many(self._weights, steps))

    def weights(self) -> tuple[np.ndarray, np.ndarray]:
        """Copies of W (m, d) and a (m,)."""
        W, a = (np.array(array) for array in self._weights)
        return W, a


def eager(problem: Problem) -> Peer:
    """The plain PyTorch loop."""
    from flowrepro.engines.torch_baseline import PlainLoop

    return PlainLoop(problem)


PEERS: dict[str, tuple[str, Callable[[Problem], Peer]]] = {
    "eager PyTorch": ("torch", eager),
    "JAX scan": ("jax", ScanLoop),
}
"""name -> the module it needs, and what makes it from a problem."""


class Job(NamedTuple):
    """A paper's descent: steps of ours and of a peer in a round; ours goes on from round to
    round.
    """

    name: str
    problem: Problem
    ours: int
    peer: int


def jobs() -> list[Job]:
    """Descents of every paper with a constant step: milliseconds a round."""
    two_layers = next(problem for problem in nine_runs(10_000, 100_000) if problem.depth == 2)
    wide = on_a_line(three_points(), 200_000, "balanced", 2_000_000)
    pieces = on_a_line(eight_pieces(), 20_000, "gaussian", 3_000_000)
    return [
        Job("boursier2022 Figure 3", _of(TOY), 20_000, 200),
        Job("boursier2022 Figure 4", _of(FIVE_POINTS), 20_000, 200),
        Job("boursier2022 Figure 6", _of(HIGH_DIMENSION), 50, 20),
        Job("boursier2024 Figure 2", wide, 5_000, 2),
        Job("boursier2024 Figure 3", pieces, 500, 4),
        Job("lee2022 Figure 1, two layers", two_layers, 200, 2),
        Job("min2024 Figure 5", _of(DIGITS_1_0), 20, 1),
    ]


def _of(case: TrainingCase) -> Problem:
    return prepare(case, data.load(case.data))


def compare_peers(quick: bool) -> list[BenchResult]:
    """Every job beside every peer that is installed, and a line for each that is not."""
    rates = machine_rates()
    results = [result for job in jobs() for result in compare_job(job, rates, 5 if quick else 25)]
    nan = float("nan")
    return results + [
        BenchResult(
            f"{name}: not compared", nan, nan, "us/step", nan, "",
            f"{module} is not installed; pip install 'flowrepro[bench]' brings it",
        )
        for name, (module, _) in PEERS.items()
        if not _installed(module)
    ]  # fmt: skip


def compare_job(job: Job, rates: tuple[float, float], repeats: int) -> list[BenchResult]:
    """Microseconds per step of the engine that "auto" takes, and of each peer, with their spread:
    the least and the largest of ``repeats`` rounds.
    """
    engine = choose("auto", job.problem)[0]
    there = {name: make for name, (module, make) in PEERS.items() if _installed(module)}
    ours = engine(replace(job.problem, n_steps=job.ours * (repeats + 1)))
    peers = [make(job.problem) for make in there.values()]
    sides: list[Work] = [advancing(ours, job.ours)]
    sides += [lambda peer=peer: peer.advance(job.peer) for peer in peers]  # type: ignore[misc]
    rounds = [[seconds(side) for side in sides] for _ in range(repeats + 1)][1:]
    steps = [job.ours, *[job.peer] * len(peers)]
    times = [
        [1e6 * taken / count for taken in column]
        for column, count in zip(zip(*rounds, strict=True), steps, strict=True)
    ]
    least, why = floor(job.problem, rates)
    note = f"{shape(job.problem)}; {engine.name} {_spread(times[0])}"
    return [
        BenchResult(
            f"{job.name}: {name} / {engine.name}",
            median(times[0]),
            median(theirs),
            "us/step",
            median(theirs) / median(times[0]),
            "",
            f"{note}, {name} {_spread(theirs)}; a dense step takes {least:.3g} at least ({why})",
        )
        for name, theirs in zip(there, times[1:], strict=True)
    ]


def _spread(times: list[float]) -> str:
    return f"{min(times):.3g} to {max(times):.3g}"


def _installed(module: str) -> bool:
    return importlib.util.find_spec(module) is not None


def machine_rates(size: int = 1_000, words: int = 4_000_000) -> tuple[float, float]:
    """Floating-point operations of a product of matrices of doubles, and bytes read and written by
    a copy, per second: the best of five.
    """
    A, out = np.random.default_rng(0).standard_normal((size, size)), np.empty((size, size))
    line, copy = np.ones(words), np.empty(words)
    product = min(seconds(lambda: np.matmul(A, A, out=out)) for _ in range(5))
    copied = min(seconds(lambda: np.copyto(copy, line)) for _ in range(5))
    return 2.0 * size**3 / product, 16.0 * words / copied


def floor(problem: Problem, rates: tuple[float, float]) -> tuple[float, str]:
    """Microseconds that a step with full matrices needs, and what limits it.

    Its products make 4 n m d operations, of which float32 counts half. It reads X and the weights
    and writes the weights, which costs nothing where they fit in a cache.
    """
    n, d, m = problem.shape
    width = np.dtype(problem.dtype).itemsize
    flops, moved = 4.0 * n * m * d, width * (n * d + 2 * m * (d + 1))
    compute, memory = 1e6 * flops / rates[0] * width / 8, 1e6 * moved / rates[1]
    memory = memory if moved > CACHED else 0.0
    if compute >= memory:
        return compute, f"{flops:.2g} operations, {rates[0] / 1e9:.3g} Gflop/s measured"
    return memory, f"{moved:.2g} bytes, {rates[1] / 1e9:.3g} GB/s measured"
