r"""Gradient descent in one compiled loop: closed-form gradients, full batch, float64, CPU.

One step, both layers from the old values (boursier2022, Section 5; conventions in ``network.py``):

    z_kj = <w_j, x_k>,  A_kj = sigma(z_kj),  g_k = d objective / d f_k  at  f_k = sum_j a_j A_kj
    a_j <- a_j - lr sum_k g_k A_kj,     w_j <- w_j - lr a_j sum_k sigma'(z_kj) g_k x_k

The innermost loops run over neurons, so the first layer is kept transposed and padded with zero neurons to whole
SIMD vectors; a zero neuron stays zero and adds nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, TypeAlias

import numpy as np

from flowrepro.engines.base import Engine, Problem, beyond_doubles_on_cpu
from flowrepro.engines.compiled import compiled, compiled_parallel, is_compiled, range_parallel

Array: TypeAlias = np.ndarray

LANES = 8
"""Neurons are padded to a multiple of this (one AVX-512 vector of doubles)."""

BLAS_WINS = (20, 1_000_000)
"""d and n m d above which matrix products are faster (measured, see `FusedGD.advises_against`)."""

_LOSS_CODE = {"square": 0, "logistic": 1, "logistic2": 2, "exp": 3}


def protocol_of(problem: Problem) -> tuple[int, float, float, float, bool]:
    """(code, weight, alpha, lr, both), the kernels' last arguments: objective = weight sum_k l(f_k, y_k)."""
    loss = problem.loss
    weight = loss.factor / len(problem.y) if loss.reduction == "mean" else loss.factor
    return _LOSS_CODE[loss.name], weight, float(problem.alpha), float(problem.lr), problem.train == "both"


def padded_width(m: int) -> int:
    """Neurons of a whole number of SIMD vectors."""
    return -(-m // LANES) * LANES


@compiled
def _value(code: int, f: float, y: float) -> float:
    """l(f, y), the formulas of ``network.LOSSES``."""
    if code == 0:
        return 0.5 * (f - y) * (f - y)
    u = -y * f
    if code == 3:
        return float(np.exp(u))
    softplus = float(np.log1p(np.exp(-abs(u)))) + (u if u > 0.0 else 0.0)
    return 2.0 * softplus if code == 2 else softplus


@compiled
def _slope(code: int, f: float, y: float) -> float:
    """dl/df."""
    if code == 0:
        return f - y
    if code == 3:
        return -y * float(np.exp(-y * f))
    slope = -y / (1.0 + float(np.exp(y * f)))
    return 2.0 * slope if code == 2 else slope


@compiled
def _forward(X: Array, W: Array, a: Array, alpha: float, hidden: Array, f: Array) -> None:
    """Fill hidden (n, m) and f (n,); ``not z > 0`` lets nan through."""
    n, d = X.shape
    m = a.shape[0]
    for k in range(n):
        row = hidden[k]
        x = X[k, 0]
        for j in range(m):
            row[j] = x * W[0, j]
        for i in range(1, d):
            x = X[k, i]
            for j in range(m):
                row[j] += x * W[i, j]
        total = 0.0
        for j in range(m):
            z = row[j]
            z = z if z > 0.0 else alpha * z
            row[j] = z
            total += a[j] * z
        f[k] = total


@compiled
def _update(X: Array, W: Array, a: Array, g: Array, alpha: float, lr: float, both: bool, hidden: Array, grad_W: Array, grad_a: Array) -> None:
    """One step of both layers (or the first) from hidden (n, m) and g_k = d objective / d f_k."""
    n, d = X.shape
    m = a.shape[0]
    slope = grad_W[d]  # scratch
    grad_W[:] = 0.0
    grad_a[:] = 0.0
    for k in range(n):
        row = hidden[k]
        gk = g[k]
        for j in range(m):
            slope[j] = gk if row[j] > 0.0 else alpha * gk
            grad_a[j] += gk * row[j]
        for i in range(d):
            x = X[k, i]
            for j in range(m):
                grad_W[i, j] += slope[j] * x
    for i in range(d):
        for j in range(m):
            W[i, j] -= lr * a[j] * grad_W[i, j]
    if both:
        for j in range(m):
            a[j] -= lr * grad_a[j]


@compiled
def _descend(
    X: Array, y: Array, W: Array, a: Array, step: int, steps: Array, losses: Array, code: int, weight: float, alpha: float, lr: float, both: bool
) -> None:
    """From ``step`` to steps[-1] in place; losses[i] at steps[i].

    Every state is evaluated by the same `_forward`, so neither the recording grid nor the cuts change a bit.
    """
    n, d = X.shape
    m = a.shape[0]
    hidden, f = np.empty((n, m)), np.empty(n)
    grad_W, grad_a = np.empty((d + 1, m)), np.empty(m)
    recorded = 0
    while True:
        _forward(X, W, a, alpha, hidden, f)
        if step == steps[recorded]:
            total = 0.0
            for k in range(n):
                total += _value(code, f[k], y[k])
            losses[recorded] = weight * total
            recorded += 1
            if recorded == len(steps):
                return
        for k in range(n):
            f[k] = weight * _slope(code, f[k], y[k])
        _update(X, W, a, f, alpha, lr, both, hidden, grad_W, grad_a)
        step += 1


@compiled_parallel
def descend_members(
    X: Array,
    y: Array,
    W: Array,
    a: Array,
    step: int,
    steps: Array,
    kept: Array,
    losses: Array,
    levels: Array,
    first_below: Array,
    code: int,
    weight: float,
    alpha: float,
    lr: float,
    both: bool,
) -> None:
    """`_descend` for every member r of W (R, d, m), a (R, m) in place, members shared among the cores.

    losses[r, i] at steps[kept[i]]; first_below[r, l], where it is negative, becomes the first of ``steps`` with loss < levels[l].
    It stands in this file because numba compiles a kernel anew only when the kernel's own file changes.
    """
    for r in range_parallel(W.shape[0]):
        every = np.empty(len(steps))
        _descend(X, y, W[r], a[r], step, steps, every, code, weight, alpha, lr, both)
        for i in range(len(kept)):
            losses[r, i] = every[kept[i]]
        for l in range(len(levels)):
            if first_below[r, l] < 0:
                for i in range(len(steps)):
                    if every[i] < levels[l]:
                        first_below[r, l] = steps[i]
                        break


class FusedGD(Engine):
    """Plain gradient descent, compiled (measured, one core: 0.14 us a step for n=2, d=2, m=60)."""

    name: ClassVar[str] = "fused"

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem)
        _, d, m = problem.shape
        self._X = np.ascontiguousarray(problem.X, dtype=np.float64)
        self._y = np.ascontiguousarray(problem.y, dtype=np.float64)
        self._protocol = protocol_of(problem)
        self._W, self._a = np.zeros((d, padded_width(m))), np.zeros(padded_width(m))
        self.restore({"W": problem.W0, "a": problem.a0}, 0)

    @classmethod
    def supports(cls, problem: Problem) -> str | None:
        """None, or what it lacks: float32, a GPU, mini-batches."""
        return beyond_doubles_on_cpu(problem)

    @classmethod
    def advises_against(cls, problem: Problem) -> str | None:
        """For large inputs BLAS is faster; for few coordinates the products are thin and the loop wins at any size.

        Measured in float64 on one core, us a step, this loop against matrix products: (n, d, m) = (1000, 3, 300) 183 : 1204,
        (200, 20, 200) 115 : 179, (75, 75, 200) 168 : 155, (1000, 100, 50) 1054 : 544.
        """
        (n, d, m), (coordinates, size) = problem.shape, BLAS_WINS
        if d <= coordinates or n * m * d <= size:
            return None
        return f"matrix products are faster for d = {d} > {coordinates} and n m d = {n * m * d:.2g} > {size:.0e}"

    @classmethod
    def is_compiled(cls) -> bool:
        """Whether the first step starts at once (False: the first call compiles for some seconds)."""
        return is_compiled(_descend)

    def advance(self, steps: np.ndarray) -> np.ndarray:
        """See `Engine.advance`."""
        steps = np.ascontiguousarray(steps, dtype=np.int64)
        losses = np.empty(len(steps))
        _descend(self._X, self._y, self._W, self._a, self.step, steps, losses, *self._protocol)
        self.step = int(steps[-1])
        self.stats["gradient_evaluations"] = self.step
        return losses

    def weights(self) -> tuple[np.ndarray, np.ndarray]:
        """See `Engine.weights`."""
        m = len(self.problem.a0)
        return self._W[:, :m].T.copy(), self._a[:m].copy()

    def state(self) -> dict[str, np.ndarray]:
        """The weights are all there is."""
        W, a = self.weights()
        return {"W": W, "a": a}

    def restore(self, state: Mapping[str, np.ndarray], step: int) -> None:
        """See `Engine.restore`."""
        m = len(self.problem.a0)
        self._W[:], self._a[:] = 0.0, 0.0
        self._W[:, :m], self._a[:m] = state["W"].T, state["a"]
        self.step = step
        self.stats["gradient_evaluations"] = step
