"""Problems for engines: random ones of every awkward size, and ones whose gradient flow is known in
closed form.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from flowrepro.core.config import Loss
from flowrepro.engines.base import Problem

HALF_SQUARE = Loss(name="square", reduction="sum")
MEAN_SQUARE = Loss(name="square", reduction="mean")


def random_problem(
    n: int = 5, d: int = 2, m: int = 7, loss: Loss = MEAN_SQUARE, *, seed: int = 0, lr: float = 0.05, **options: Any
) -> Problem:
    """Gaussian points and weights of order one, labels +-1 (so that every loss makes sense)."""
    rng = np.random.default_rng([seed, n, d, m])
    X, y = rng.standard_normal((n, d)), np.where(rng.random(n) < 0.5, -1.0, 1.0)
    W, a = rng.standard_normal((m, d)) / np.sqrt(d), rng.standard_normal(m) / np.sqrt(m)
    return Problem(X, y, W, a, loss, lr, **{"n_steps": 40, **options})


@dataclass(frozen=True)
class Known:
    """A problem with its flow at time ``horizon``: descent with step lr must come within O(lr) of
    (W, a).
    """

    name: str
    horizon: float
    problem: Callable[[float], Problem]
    W: np.ndarray
    a: np.ndarray


def logistic_growth(u0: float, limit: float, rate: float, t: float) -> float:
    """u(t) of u' = rate u (1 - u / limit)."""
    return limit / (1 + (limit / u0 - 1) * np.exp(-rate * t))


def _balanced(directions: np.ndarray, signs: np.ndarray, u: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Neurons with a_j ||w_j|| = s_j u_j along unit directions."""
    return directions * np.sqrt(u)[:, None], signs * np.sqrt(u)


def one_aligned_neuron() -> Known:
    """One sample x, one balanced neuron along x, loss (f - y)^2 / 2: u = a ||w|| obeys u' = 2 ||x||
    y u (1 - u ||x|| / y).
    """
    x, y, u0, horizon = np.array([0.6, -0.8]) * 1.5, 0.9, 0.02, 2.0
    norm = np.linalg.norm(x)
    return _known(
        "one aligned neuron",
        x[None],
        np.array([y]),
        x[None] / norm,
        np.ones(1),
        u0,
        HALF_SQUARE,
        horizon,
        [y / norm],
        [2 * norm * y],
    )


def orthogonal_classes() -> Known:
    """Orthonormal inputs, one balanced neuron along D+ and one along -D- (boursier2022 Section 4,
    after alignment).

    u+- = |a| ||w|| obeys u' = 2 ||D+-|| u (1 - u / W+-) with D+- = (1/n) sum_{+-} y_k x_k and W+- =
    n ||D+-||.
    """
    y = np.array([1.0, 0.6, -0.5, -0.3])
    D = np.stack([np.where(y > 0, y, 0.0), np.where(y < 0, y, 0.0)]) / 4
    norms = np.linalg.norm(D, axis=1)
    signs = np.array([1.0, -1.0])
    return _known(
        "orthogonal classes",
        np.eye(4),
        y,
        signs[:, None] * D / norms[:, None],
        signs,
        0.05,
        MEAN_SQUARE,
        6.0,
        4 * norms,
        2 * norms,
    )


def leaky_line() -> Known:
    """Slope 1 everywhere (alpha = 1, a linear network) on one sample of negative label: the
    logistic of a ||w|| again.
    """
    x, y, u0 = np.array([2.0]), -1.0, 0.1
    return _known(
        "linear network",
        x[None],
        np.array([y]),
        np.ones((1, 1)),
        -np.ones(1),
        u0,
        HALF_SQUARE,
        1.0,
        [0.5],
        [4.0],
        alpha=1.0,
    )


def _known(
    name: str,
    X: np.ndarray,
    y: np.ndarray,
    directions: np.ndarray,
    signs: np.ndarray,
    u0: float,
    loss: Loss,
    horizon: float,
    limits: Any,
    rates: Any,
    **options: Any,
) -> Known:
    start = _balanced(directions, signs, np.full(len(signs), u0))
    end = _balanced(
        directions,
        signs,
        np.array([logistic_growth(u0, limit, rate, horizon) for limit, rate in zip(limits, rates, strict=True)]),
    )

    def problem(lr: float) -> Problem:
        return Problem(X, y, *start, loss, lr, n_steps=round(horizon / (lr * loss.factor)), **options)

    return Known(name, horizon, problem, *end)


KNOWN = (one_aligned_neuron(), orthogonal_classes(), leaky_line())


def linear_phase(lr: float = 1e-2, n_steps: int = 500) -> tuple[Problem, np.ndarray, np.ndarray]:
    """A neuron too small to be felt (1e-12) whose activations never change, and its exact descent.

    With D = -(d objective / d f_k at f = 0) x summed over the active samples, the step is linear:
    a + p and a - p, p = <w, D> / ||D||, are multiplied by 1 +- lr ||D||; the rest of w stays.
    """
    X, y = np.array([[1.0, 0.2], [0.8, 0.4], [-1.0, -0.3]]), np.array([1.0, 0.5, 0.7])
    w, a = 1e-12 * np.array([1.0, 0.5]), 0.5e-12
    D = (y[:2] @ X[:2]) / 3
    norm, unit = np.linalg.norm(D), D / np.linalg.norm(D)
    p, rest = w @ unit, w - (w @ unit) * unit
    grow, decay = (a + p) * (1 + lr * norm) ** n_steps, (a - p) * (1 - lr * norm) ** n_steps
    problem = Problem(X, y, w[None], np.array([a]), MEAN_SQUARE, lr, n_steps=n_steps)
    return problem, ((grow - decay) / 2 * unit + rest)[None], np.array([(grow + decay) / 2])
