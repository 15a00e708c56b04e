"""What the statements of boursier2024 follow along a run: the classes I and N of Section 4.1, their sums, and the force D^t."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from flowrepro.core.network import predict
from flowrepro.core.trajectory import Run
from flowrepro.theory.square_descent import step_time

ON = 1e-9
"""A neuron is on one side of a datum where |<w, x_k>| exceeds this times ||w|| ||x_k||; below, the sign is rounding."""


def states(run: Run) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """(W (m, d), a (m,)) at every snapshot."""
    group = run.trajectory.group
    for W, a in zip(run.trajectory.W, run.trajectory.a, strict=True):
        yield W[group], a[group]


def active(X: np.ndarray, W: np.ndarray) -> np.ndarray:
    """Bits <w_j, x_k> > 0, (m, n)."""
    return np.asarray(W @ X.T > 0)


def reach(run: Run, a: np.ndarray, residual: np.ndarray) -> np.ndarray:
    """Most that w_j moves in one step, dt |a_j| (1/n) sum |r_k| ||x_k||, (m,): descent zigzags so far about a hyperplane that holds a neuron."""
    force = float(np.mean(np.abs(residual) * np.linalg.norm(run.X, axis=1)))
    return np.asarray(step_time(run) * force * np.abs(a))


def sides(X: np.ndarray, W: np.ndarray, within: np.ndarray | float = 0.0) -> np.ndarray:
    """Signs of <w_j, x_k>, (m, n) int8; 0 where w_j is closer to the hyperplane than ON ||w_j||, or than ``within`` (m,)."""
    near = (ON * np.linalg.norm(W, axis=1) + within)[:, None] * np.linalg.norm(X, axis=1)
    Z = W @ X.T
    return np.where(np.abs(Z) <= near, 0, np.sign(Z)).astype(np.int8)


def mixed(X: np.ndarray, W: np.ndarray, within: np.ndarray | float = 0.0) -> np.ndarray:
    """Neurons with data on both of their sides, (m,) bool   (the set N_t of Appendix F.4); ``within`` as in `sides`."""
    side = sides(X, W, within)
    return np.asarray(np.any(side > 0, axis=1) & np.any(side < 0, axis=1))


def positive_class(run: Run) -> np.ndarray:
    """I: neurons that start with a > 0 and active on some datum, (m,) bool."""
    W, a = run.trajectory.at(0)
    return np.asarray((a > 0) & active(run.X, W).any(axis=1))


def negative_class(run: Run) -> np.ndarray:
    """N: neurons that start with a < 0, (m,) bool."""
    return np.asarray(run.trajectory.at(0)[1] < 0)


def idle_class(run: Run) -> np.ndarray:
    """Neurons that start inactive on all data, (m,) bool; nothing moves them."""
    return np.asarray(~active(run.X, run.trajectory.at(0)[0]).any(axis=1))


def least_cosine_to_data(X: np.ndarray, W: np.ndarray) -> float:
    """min over j and k of <w_j, x_k> / (||w_j|| ||x_k||)."""
    Z = W @ X.T / np.linalg.norm(X, axis=1)
    return float((Z / np.linalg.norm(W, axis=1)[:, None]).min())


@dataclass(frozen=True)
class Along:
    """Per snapshot, (S, ...), in the units of L = (1/2n) sum r^2 and of its flow.

    step, t. mass : sum over I of a^2. beta : (S, d) sum over I of a w. h : (S, n). force : (S, d), D^t = (1/n) sum (y - h) x.
    L. mixed : number of neurons in N_t, up to the zigzag of a step. negative : sum over N of a^2.
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
        """Evaluated at every snapshot."""
        X, y, I, N = run.X, run.y, positive_class(run), negative_class(run)
        cases = []
        for W, a in states(run):
            h = predict(X, W, a)
            r = y - h
            cases.append(
                (
                    a[I] @ a[I],
                    a[I] @ W[I],
                    h,
                    r @ X / len(y),
                    r @ r / (2 * len(y)),
                    np.count_nonzero(mixed(X, W, reach(run, a, r))),
                    a[N] @ a[N],
                )
            )
        mass, beta, h_all, force, L, both, negative = (
            np.array(column) for column in zip(*cases, strict=True)
        )
        step = run.trajectory.snapshot_step
        return cls(step, step * step_time(run), mass, beta, h_all, force, L, both, negative)
