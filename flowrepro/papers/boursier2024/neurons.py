"""The neurons of a run as Section 4.1 sorts them, their sums, and ordinary least squares.

I are the neurons with a > 0 that start active on some datum, N those with a < 0. The force is
D^t = (1/n) sum_k (y_k - h(x_k)) x_k, and beta* = (X^T X)^-1 X^T y.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from flowrepro.claims.claim import NotApplicable
from flowrepro.core.network import predict
from flowrepro.core.trajectory import Run
from flowrepro.theory.square_descent import step_time

ON = 1e-9
"""A neuron is on one side of a datum where |<w, x_k>| exceeds this times ||w|| ||x_k||; below, the
sign is rounding."""


def least_squares(X: np.ndarray, y: np.ndarray) -> np.ndarray:
    """beta*, shape (d,), for X (n, d) and y (n,); the shortest one where it is not unique."""
    return np.linalg.lstsq(X, y, rcond=None)[0]  # type: ignore[no-any-return]


def residuals(X: np.ndarray, y: np.ndarray) -> np.ndarray:
    """r_k = y_k - <beta*, x_k>, shape (n,)."""
    return y - X @ least_squares(X, y)  # type: ignore[no-any-return]


def least_mse(X: np.ndarray, y: np.ndarray) -> float:
    """(1/n) sum_k r_k^2, the least MSE of a linear function."""
    return float(np.mean(np.square(residuals(X, y))))


def states(run: Run) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """W (m, d) and a (m,) at every snapshot."""
    group = run.trajectory.group
    for W, a in zip(run.trajectory.W, run.trajectory.a, strict=True):
        yield W[group], a[group]


def state(run: Run, step: int) -> tuple[np.ndarray, np.ndarray]:
    """W (m, d) and a (m,) at a step; NotApplicable if the run did not keep it."""
    if not run.trajectory.has(step):
        raise NotApplicable(f"the run keeps no weights at step {step}")
    return run.trajectory.at(step)


def end(run: Run) -> tuple[np.ndarray, np.ndarray]:
    """W (m, d) and a (m,) at the last step."""
    return run.trajectory.at(run.trajectory.last_step)


def distance_to_limit(run: Run) -> float:
    """max_k |h(x_k) - <beta*, x_k>| at the last step."""
    gap = predict(run.X, *end(run)) - run.X @ least_squares(run.X, run.y)
    return float(np.abs(gap).max())


def angles(W: np.ndarray) -> np.ndarray:
    """Angles in degrees, in (-180, 180], of vectors (..., 2)."""
    return np.degrees(np.arctan2(W[..., 1], W[..., 0]))  # type: ignore[no-any-return]


def active(X: np.ndarray, W: np.ndarray) -> np.ndarray:
    """Bits <w_j, x_k> > 0, shape (m, n)."""
    return np.asarray(W @ X.T > 0)


def reach(run: Run, a: np.ndarray, residual: np.ndarray) -> np.ndarray:
    """Most that w_j moves in one step, dt |a_j| (1/n) sum |r_k| ||x_k||, shape (m,).

    Descent zigzags so far about a hyperplane that holds a neuron.
    """
    force = float(np.mean(np.abs(residual) * np.linalg.norm(run.X, axis=1)))
    return np.asarray(step_time(run) * force * np.abs(a))


def sides(X: np.ndarray, W: np.ndarray, within: np.ndarray | float = 0.0) -> np.ndarray:
    """Signs of <w_j, x_k>, shape (m, n), int8.

    0 where w_j is closer to the hyperplane than ON ||w_j|| + ``within``, a number or (m,).
    """
    near = (ON * np.linalg.norm(W, axis=1) + within)[:, None] * np.linalg.norm(X, axis=1)
    Z = W @ X.T
    return np.where(np.abs(Z) <= near, 0, np.sign(Z)).astype(np.int8)


def mixed(X: np.ndarray, W: np.ndarray, within: np.ndarray | float = 0.0) -> np.ndarray:
    """Neurons with data on both of their sides, (m,) bool: the set N_t of Appendix F.4."""
    side = sides(X, W, within)
    return np.asarray(np.any(side > 0, axis=1) & np.any(side < 0, axis=1))


def positive_class(run: Run) -> np.ndarray:
    """I, shape (m,), bool."""
    W, a = run.trajectory.at(0)
    return np.asarray((a > 0) & active(run.X, W).any(axis=1))


def negative_class(run: Run) -> np.ndarray:
    """N, shape (m,), bool."""
    return np.asarray(run.trajectory.at(0)[1] < 0)


def least_cosine_to_data(X: np.ndarray, W: np.ndarray) -> float:
    """min over j and k of <w_j, x_k> / (||w_j|| ||x_k||)."""
    Z = W @ X.T / np.linalg.norm(X, axis=1)
    return float((Z / np.linalg.norm(W, axis=1)[:, None]).min())


def recorded(run: Run, **arrays: Any) -> Run:
    """The run with other arrays in its trajectory: what a claim's own control is made of."""
    trajectory: Any = replace(run.trajectory, **arrays)
    return replace(run, trajectory=trajectory)


def delayed(run: Run) -> Run:
    """The run, but its snapshots are a thousand times as late (a control)."""
    return recorded(run, snapshot_step=1000 * run.trajectory.snapshot_step)


def one_turned(run: Run, chosen: np.ndarray, w: np.ndarray) -> Run:
    """The run, but at its end the first neuron of ``chosen`` (m,) has the input weights w (d,) and
    no output (a control).
    """
    j = run.trajectory.group[np.flatnonzero(chosen)[0]]
    W, a = run.trajectory.W.copy(), run.trajectory.a.copy()
    W[-1, j], a[-1, j] = w, 0.0
    return recorded(run, W=W, a=a)


@dataclass(frozen=True)
class Along:
    """Sums per snapshot, (S, ...), in the units of L = (1/2n) sum r^2 and of its flow.

    mass, negative : sums of a^2 over I and over N. beta : (S, d), sum over I of a w. h : (S, n).
    force : (S, d), D^t. mixed : size of N_t, up to the zigzag of a step.
    """

    step: np.ndarray
    t: np.ndarray
    mass: np.ndarray
    beta: np.ndarray
    h: np.ndarray
    force: np.ndarray
    L: np.ndarray
    mixed: np.ndarray
    negative: np.ndarray

    @classmethod
    def of(cls, run: Run) -> Along:
        """At every snapshot."""
        X, y, I, N = run.X, run.y, positive_class(run), negative_class(run)
        found = []
        for W, a in states(run):
            h = predict(X, W, a)
            r = y - h
            both = np.count_nonzero(mixed(X, W, reach(run, a, r)))
            loss = r @ r / (2 * len(y))
            found.append((a[I] @ a[I], a[I] @ W[I], h, r @ X / len(y), loss, both, a[N] @ a[N]))
        step = run.trajectory.snapshot_step
        return cls(step, step * step_time(run), *map(np.array, zip(*found, strict=True)))
