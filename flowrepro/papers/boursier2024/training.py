"""Training inside the studies: descent of the MSE by the engine that fits its size."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from flowrepro.core.config import Init, Loss
from flowrepro.core.initialize import initial_weights
from flowrepro.core.trajectory import Trajectory
from flowrepro.engines import choose
from flowrepro.engines.base import Problem, SaveAt
from flowrepro.engines.drive import run

MSE = Loss(name="square", reduction="mean", factor=2.0)
"""The paper's experiments descend it: the published animations come out at their iteration numbers
only so. The flow of its half, which the theory has, is at t = 2 lr step."""
LAWS = ("balanced", "dominated", "gaussian", "unit-output", "he")
"""Initialisations that a study may take; "gaussian" is the paper's unbalanced one."""


def law(name: str, m: int, scale: float) -> Init:
    """m neurons of size scale / sqrt(m), the lambda / sqrt(m) of the paper."""
    return Init(name=name, m=m, scale=scale, divide_by="sqrt(m)")


def problem_of(
    X: np.ndarray, y: np.ndarray, init: Init, seed: int, lr: float, n_steps: int, alpha: float = 0.0
) -> Problem:
    """Descent of the MSE on X (n, d), y (n,) from the named initialisation."""
    W, a = initial_weights(init, seed, X.shape[1])
    return Problem(X, y, W, a, MSE, lr, n_steps, alpha)


def train(
    problem: Problem,
    every: int | None = None,
    snapshots: tuple[int, ...] = (),
    target_loss: float = 0.0,
    engine: str = "auto",
) -> Trajectory:
    """The trajectory, with the loss every so many steps (None: at both ends only).

    The weights are kept at the snapshots and at both ends.
    """
    last = problem.n_steps
    curve = np.unique([*range(0, last, every or last), last])
    kept = np.unique([0, *snapshots, last])
    chosen, _ = choose(engine, problem)
    return run(chosen, problem, SaveAt(curve, kept), target_loss=target_loss)


def disturbed(
    problem: Problem,
    W: np.ndarray,
    a: np.ndarray,
    sigma: float,
    steps: int,
    rng: np.random.Generator,
) -> Problem:
    """The problem for so many steps from W, a with noise of deviation sigma on every parameter."""
    noisy_W = W + sigma * rng.standard_normal(W.shape)
    return replace(problem, W0=noisy_W, a0=a + sigma * rng.standard_normal(a.shape), n_steps=steps)


def geometric_steps(n_steps: int, growth: float) -> np.ndarray:
    """0, 1, ..., n_steps with each the next after ``growth`` times the one before."""
    steps = [0]
    while steps[-1] < n_steps:
        steps.append(min(n_steps, int(growth * steps[-1]) + 1))
    return np.array(steps)
