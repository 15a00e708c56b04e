r"""Gradient descent in one compiled loop: closed-form gradients, full batch, float64, CPU.

One step, both layers from the old values (boursier2022, Section 5; conventions in ``network.py``):

    z_kj = <w_j, x_k>,  A_kj = sigma(z_kj),  g_k = d objective / d f_k  at  f_k = sum_j a_j A_kj
    a_j <- a_j - lr sum_k g_k A_kj,     w_j <- w_j - lr a_j sum_k sigma'(z_kj) g_k x_k

The innermost loops run over neurons, so the first layer is kept transposed and padded with zero
neurons to whole SIMD vectors; a zero neuron stays zero and adds nothing.

With fewer samples than coordinates (`works_in_span`) the same step is made in the span of the
samples, which no w_j - w_j(0) leaves:
w_j = w_j(0) + sum_k c_kj x_k, z = X W(0)^T + X X^T c, c_kj <- c_kj - lr a_j sigma'(z_kj) g_k. That
is one product of size n n m a step instead of two of size n d m.
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

SPAN_PAYS = 100_000
"""n m d from which the loop in the span of the samples is taken; below it, steps cost a few us
either way, and an ensemble's members are the single runs bit for bit."""

_LOSS_CODE = {"square": 0, "logistic": 1, "logistic2": 2, "exp": 3}


def protocol_of(problem: Problem) -> tuple[int, float, float, float, bool]:
    """(code, weight, alpha, lr, both), the kernels' last arguments: objective = weight sum_k l(f_k,
    y_k).
    """
    loss = problem.loss
    weight = loss.factor / len(problem.y) if loss.reduction == "mean" else loss.factor
    return (
        _LOSS_CODE[loss.name],
        weight,
        float(problem.alpha),
        float(problem.lr),
        problem.train == "both",
    )


def works_in_span(problem: Problem) -> bool:
    """Whether steps are made in the span of the samples."""
    n, d, m = problem.shape
    return n < d and n * m * d >= SPAN_PAYS


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
def _update(
    X: Array,
    W: Array,
    a: Array,
    g: Array,
    alpha: float,
    lr: float,
    both: bool,
    hidden: Array,
    grad_W: Array,
    grad_a: Array,
) -> None:
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
    X: Array,
    y: Array,
    W: Array,
    a: Array,
    step: int,
    steps: Array,
    losses: Array,
    code: int,
    weight: float,
    alpha: float,
    lr: float,
    both: bool,
) -> None:
    """From ``step`` to steps[-1] in place; losses[i] at steps[i].

    Every state is evaluated by the same `_forward`, so neither the recording grid nor the cuts
    change a bit.
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


@compiled
def _add_product(K: Array, C: Array, Z: Array) -> None:
    """Z (n, m) += K (n, n) C (n, m); blocks of 2 x 4 leave three memory accesses to eight
    multiplications.
    """
    n, m = C.shape
    for k in range(0, n - 1, 2):
        above, below = Z[k], Z[k + 1]
        for i in range(0, n - 3, 4):
            p0, p1, p2, p3 = K[k, i], K[k, i + 1], K[k, i + 2], K[k, i + 3]
            q0, q1, q2, q3 = K[k + 1, i], K[k + 1, i + 1], K[k + 1, i + 2], K[k + 1, i + 3]
            for j in range(m):
                c0, c1, c2, c3 = C[i, j], C[i + 1, j], C[i + 2, j], C[i + 3, j]
                above[j] += p0 * c0 + p1 * c1 + p2 * c2 + p3 * c3
                below[j] += q0 * c0 + q1 * c1 + q2 * c2 + q3 * c3
        for i in range(n - n % 4, n):
            for j in range(m):
                above[j] += K[k, i] * C[i, j]
                below[j] += K[k + 1, i] * C[i, j]
    if n % 2 == 1:
        for i in range(n):
            for j in range(m):
                Z[n - 1, j] += K[n - 1, i] * C[i, j]


@compiled
def _descend_in_span(
    K: Array,
    Z0: Array,
    y: Array,
    C: Array,
    a: Array,
    step: int,
    steps: Array,
    losses: Array,
    code: int,
    weight: float,
    alpha: float,
    lr: float,
    both: bool,
) -> None:
    """`_descend` for w_j = w_j(0) + sum_k C[k, j] x_k: K = X X^T (n, n), Z0 = X W(0)^T (n, m), C
    (n, m) and a in place.
    """
    n, m = Z0.shape
    Z, f, grad_a = np.empty((n, m)), np.empty(n), np.empty(m)
    recorded = 0
    while True:
        Z[:] = Z0
        _add_product(K, C, Z)
        for k in range(n):
            row, total = Z[k], 0.0
            for j in range(m):
                z = row[j]
                z = z if z > 0.0 else alpha * z
                row[j] = z
                total += a[j] * z
            f[k] = total
        if step == steps[recorded]:
            total = 0.0
            for k in range(n):
                total += _value(code, f[k], y[k])
            losses[recorded] = weight * total
            recorded += 1
            if recorded == len(steps):
                return
        grad_a[:] = 0.0
        for k in range(n):
            row, moved = Z[k], C[k]
            g = weight * _slope(code, f[k], y[k])
            for j in range(m):
                grad_a[j] += g * row[j]
                moved[j] -= lr * a[j] * (g if row[j] > 0.0 else alpha * g)
        if both:
            for j in range(m):
                a[j] -= lr * grad_a[j]
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
    """`_descend` for every member r of W (R, d, m), a (R, m) in place, members shared among the
    cores.

    losses[r, i] at steps[kept[i]]; first_below[r, l], where it is negative, becomes the first of
    ``steps`` with loss < levels[l].
    It stands in this file because numba compiles a kernel anew only when the kernel's own file
    changes.
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
    """Plain gradient descent, compiled (measured, one core: 0.14 us a step for n=2, d=2, m=60; 50
    us for n=75, d=150, m=200).
    """

    name: ClassVar[str] = "fused"

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem)
        n, d, m = problem.shape
        self._X = np.ascontiguousarray(problem.X, dtype=np.float64)
        self._y = np.ascontiguousarray(problem.y, dtype=np.float64)
        self._protocol = protocol_of(problem)
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
        return is_compiled(_descend)

    def advance(self, steps: np.ndarray) -> np.ndarray:
        """See `Engine.advance`."""
        steps = np.ascontiguousarray(steps, dtype=np.int64)
        losses = np.empty(len(steps))
        if self._in_span:
            _descend_in_span(
                self._gram,
                self._Z0,
                self._y,
                self._first,
                self._a,
                self.step,
                steps,
                losses,
                *self._protocol,
            )
        else:
            _descend(
                self._X, self._y, self._first, self._a, self.step, steps, losses, *self._protocol
            )
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
