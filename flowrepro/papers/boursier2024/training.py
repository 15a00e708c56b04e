"""One training run inside a study of boursier2024: descent of the MSE by the engine that fits its size."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from flowrepro.core.config import Init, Loss
from flowrepro.core.initialize import initial_weights
from flowrepro.core.trajectory import Trajectory
from flowrepro.engines import choose
from flowrepro.engines.base import Problem, SaveAt, run

MSE = Loss(name="square", reduction="mean", factor=2.0)
"""The paper's experiments descend it; t = 2 lr step is the time of the flow of its half, which the theory has."""


def problem_of(
    X: np.ndarray, y: np.ndarray, init: Init, seed: int, lr: float, n_steps: int, alpha: float = 0.0
) -> Problem:
    """Descent of the MSE on (X, y) from the named initialisation."""
    W, a = initial_weights(init, seed, X.shape[1])
    return Problem(X, y, W, a, MSE, lr, n_steps, alpha)


def train(
    problem: Problem,
    every: int | None = None,
    snapshots: tuple[int, ...] = (),
    target_loss: float = 0.0,
    engine: str = "auto",
) -> Trajectory:
    """The trajectory with the loss every so many steps (None: at both ends only) and the weights at the snapshots and both ends."""
    last = problem.n_steps
    curve = np.unique([*range(0, last, every or last), last])
    kept = np.unique([0, *snapshots, last])
    chosen, _ = choose(engine, problem)
    return run(chosen, problem, SaveAt(curve, kept), target_loss=target_loss)


def go_on(problem: Problem, W: np.ndarray, a: np.ndarray, n_steps: int) -> Problem:
    """The same problem from other weights, for so many steps."""
    return replace(problem, W0=W, a0=a, n_steps=n_steps)
