r"""Plain gradient descent on the square loss, for few neurons (or chains of neurons) and many
samples.

With u_j = gain(a_j) w_j, gain(a) = a^(depth - 1) (see ``network.gain``), and q_j the gradient of
the loss in u_j,

    w_j <- w_j - lr gain(a_j) q_j,      a_j <- a_j - lr a_j^(depth - 2) <w_j, q_j>,      both from
    the old values.

These are the steps of lee2022, Section 2 and 4 (one neuron; depth 1, 2, 3), and for depth 2 of
every two-layer network.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, NamedTuple

import numpy as np

from flowrepro.engines.base import Engine, Problem, beyond_doubles_on_cpu
from flowrepro.engines.compiled import compiled, is_compiled
from flowrepro.engines.lazy.quadratic import (
    Quadratic,
    Samples,
    evaluate,
    flip,
    gram_matrix,
    recentre,
    should_recentre,
)
from flowrepro.engines.lazy.watch import SURE, Watch, ask, fresh_watch, travel

MAX_SIZE = 2_000
"""Largest m d: the Gram matrix of (m d)^2 doubles takes 32 MB."""

ASKED, FLIPPED, RECENTRED = range(3)


@compiled
def _product(a: float, factors: int, depth: int) -> float:
    """a^factors; the hidden ReLUs of depth >= 3 give 0 for a <= 0, nan passes."""
    if depth >= 3 and a <= 0.0:
        return 0.0
    product = 1.0
    for _ in range(factors):
        product *= a
    return product


@compiled
def _place(W: np.ndarray, a: np.ndarray, depth: int, u: np.ndarray) -> None:
    """Fill u (m d,)."""
    m, d = W.shape
    for j in range(m):
        gain = _product(a[j], depth - 1, depth)
        for i in range(d):
            u[j * d + i] = gain * W[j, i]


@compiled
def _move(
    W: np.ndarray, a: np.ndarray, j: int, q: np.ndarray, lr: float, depth: int, both: bool
) -> tuple[float, float]:
    """One step of neuron j from the gradient q (d,) in u_j; the length of the step of w_j and the
    norm it ends with.
    """
    d = len(q)
    w = W[j]
    rate = lr * _product(a[j], depth - 1, depth)
    product, moved, largest, norm = 0.0, 0.0, 0.0, 0.0
    for i in range(d):
        product += w[i] * q[i]
        ahead = w[i] - rate * q[i]
        difference = abs(ahead - w[i])
        moved += difference * difference
        largest = max(largest, difference)
        norm += ahead * ahead
        w[i] = ahead
    if both and depth >= 2:
        a[j] -= lr * product * _product(a[j], depth - 2, depth)
    in_range = 1e-280 < moved < 1e280
    return float(np.sqrt(moved)) if in_range else largest * float(np.sqrt(d)), float(np.sqrt(norm))


class Rule(NamedTuple):
    """The objective's weight, its step size, the slope of the leaky part, the depth, whether a is
    trained, and the share of the distance to a boundary that may be travelled unasked.
    """

    weight: float
    lr: float
    alpha: float
    depth: int
    both: bool
    sure: float


class State(NamedTuple):
    """W (m, d), a (m,), their quadratic and their watch; counts (3,) of what was done."""

    W: np.ndarray
    a: np.ndarray
    quadratic: Quadratic
    watch: Watch
    counts: np.ndarray


@compiled
def _step(samples: Samples, state: State, q: np.ndarray, rule: Rule, flipped: np.ndarray) -> None:
    """One step of all neurons, and the changes of activation that it makes, in the order of the
    samples.
    """
    W, a, quadratic, watch, counts = state
    m, d = W.shape
    lr, count = rule.weight * rule.lr, 0
    for j in range(m):
        length, norm = _move(W, a, j, q[j * d : (j + 1) * d], lr, rule.depth, rule.both)
        if length == 0.0:
            continue
        watch.path[j] = travel(watch.path[j], length)
        if watch.path[j] < np.inf:
            count, asked = ask(samples, watch, W, j, norm, rule.sure, quadratic.on, flipped, count)
            counts[ASKED] += asked
    counts[FLIPPED] += count
    flipped[:count].sort()
    for change in flipped[:count]:
        flip(samples, quadratic, change % m, change // m, rule.alpha)


@compiled
def _descend(
    samples: Samples, state: State, step: int, steps: np.ndarray, losses: np.ndarray, rule: Rule
) -> None:
    """From ``step`` to steps[-1] in place; losses[i] at steps[i].

    What happens at a step depends on the state alone.
    """
    quadratic = state.quadratic
    size = state.W.size
    u, q, scratch = np.empty(size), np.empty(size), np.empty(size)
    flipped = np.empty(quadratic.on.size, dtype=np.int64)
    recorded = 0
    while True:
        _place(state.W, state.a, rule.depth, u)
        loss = evaluate(quadratic, u, q, scratch)
        if should_recentre(quadratic, loss, samples.energy):
            recentre(samples, quadratic, u, rule.alpha)
            state.counts[RECENTRED] += 1
            loss = evaluate(quadratic, u, q, scratch)
        if step == steps[recorded]:
            losses[recorded] = rule.weight * loss
            recorded += 1
            if recorded == len(steps):
                return
        _step(samples, state, q, rule, flipped)
        step += 1


def _gain(problem: Problem) -> float:
    """Largest lr times curvature of one neuron at the start, all samples active; from 2 on descent
    is not stable. An upper bound where that is below 2.
    """
    weight = problem.loss.factor / (len(problem.y) if problem.loss.reduction == "mean" else 1)
    with np.errstate(over="ignore", invalid="ignore"):  # numbers of numpy: inf, not an exception
        inner = np.max(np.abs(problem.a0), initial=np.float64(0.0)) ** (2 * problem.depth - 2)
        rate = problem.lr * weight * inner
        bound = rate * np.linalg.norm(problem.X) ** 2
        return float(rate * np.linalg.norm(problem.X, 2) ** 2 if bound > 2.0 else bound)


class LazyGD(Engine):
    """Gradient descent whose cost per step is (m d)^2 plus some ten samples, whatever their number.

    stats: gradient_evaluations, activation_tests (samples asked), activation_flips, recentred
    (passes over all samples).
    """

    name: ClassVar[str] = "lazy"
    two_layers_only: ClassVar[bool] = False
    sure: ClassVar[float] = SURE

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem)
        loss, (n, d, m) = problem.loss, problem.shape
        X, y = (np.ascontiguousarray(array, dtype=np.float64) for array in (problem.X, problem.y))
        self._samples = Samples(X, y, np.linalg.norm(X, axis=1), 0.5 * float(y @ y))
        weight = loss.factor / n if loss.reduction == "mean" else loss.factor
        self._rule = Rule(
            float(weight),
            float(problem.lr),
            float(problem.alpha),
            problem.depth,
            problem.train == "both",
            self.sure,
        )
        W, a = (np.array(array, dtype=np.float64, order="C") for array in (problem.W0, problem.a0))
        on = X @ W.T > 0
        quadratic = Quadratic(
            gram_matrix(X, on.T, problem.alpha),
            np.empty(m * d),
            np.empty(m * d),
            np.empty(1),
            np.ascontiguousarray(on.T),
        )
        u = np.empty(m * d)
        _place(W, a, problem.depth, u)
        recentre(self._samples, quadratic, u, float(problem.alpha))
        watch = fresh_watch(self._samples, W)
        self._state = State(W, a, quadratic, watch, np.zeros(3, dtype=np.int64))
        self._count()

    @classmethod
    def supports(cls, problem: Problem) -> str | None:
        """None, or what it lacks: losses but the square, many neurons, float32, a GPU,
        mini-batches.
        """
        _, d, m = problem.shape
        if problem.loss.name != "square":
            return f"it needs the square loss and the case asks for {problem.loss.name}"
        if m * d > MAX_SIZE:
            return f"it keeps a matrix of (m d)^2 numbers and m d = {m * d} is past {MAX_SIZE}"
        return beyond_doubles_on_cpu(problem)

    @classmethod
    def advises_against(cls, problem: Problem) -> str | None:
        """A dense step takes 4 n m d operations, a lazy one 2 (m d)^2; the bookkeeping pays from n
        = 4 m d on. Beyond the limit of stability weights may jump so far that its sums cancel.
        """
        n, d, m = problem.shape
        gain = _gain(problem)
        if gain > 2.0:
            return f"the first step is beyond the limit of stability, {gain:.2g} > 2"
        if problem.depth == 2 and n < max(4 * m * d, 200):
            return f"n = {n} samples are too few for m d = {m * d} weights, a dense step is faster"
        return None

    @classmethod
    def is_compiled(cls) -> bool:
        """Whether the first step starts at once (False: the first call compiles for some
        seconds).
        """
        return is_compiled(_descend)

    def advance(self, steps: np.ndarray) -> np.ndarray:
        """See `Engine.advance`."""
        steps = np.ascontiguousarray(steps, dtype=np.int64)
        losses = np.empty(len(steps))
        _descend(self._samples, self._state, self.step, steps, losses, self._rule)
        self.step = int(steps[-1])
        self._count()
        return losses

    def weights(self) -> tuple[np.ndarray, np.ndarray]:
        """See `Engine.weights`."""
        return self._state.W.copy(), self._state.a.copy()

    def state(self) -> dict[str, np.ndarray]:
        """Weights, the quadratic with its pattern, the watch, and the counts."""
        return {name: array.copy() for name, array in self._arrays().items()}

    def restore(self, state: Mapping[str, np.ndarray], step: int) -> None:
        """See `Engine.restore`."""
        for name, array in self._arrays().items():
            array[...] = state[name]
        self.step = step
        self._count()

    def _arrays(self) -> dict[str, np.ndarray]:
        W, a, quadratic, watch, counts = self._state
        return {"W": W, "a": a, "counts": counts, **quadratic._asdict(), **watch._asdict()}

    def _count(self) -> None:
        asked, flips, recentred = (int(count) for count in self._state.counts)
        self.stats |= {
            "gradient_evaluations": self.step,
            "activation_tests": asked,
            "activation_flips": flips,
            "recentred": recentred,
        }
