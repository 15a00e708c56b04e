r"""The flow closes on norm and angle (lee2022, Propositions 3.1 and 3.6).

With v = ||w||, phi = pi - theta and m scalars, the population flow (eq 5) is

    dw/dt = -(1/2) v^(2m) w + (1/2) v^m v*^m ((phi/pi) w* + (v*/v) (sin phi / pi) w).

This vector equation is integrated in seven dimensions and compared with the equations of norm and
angle; the gradient of a sample is compared with it for growing n.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy.integrate import solve_ivp

from flowrepro.claims.verdict import Part, at_most, within
from flowrepro.core.network import activation
from flowrepro.core.trajectory import Study
from flowrepro.engines.population import PlaneStart, angle_between, population_flow
from flowrepro.papers.lee2022 import PAPER
from flowrepro.papers.lee2022.hypotheses import draws_its_points
from flowrepro.papers.study import Progress, option
from flowrepro.papers.topic import Topic

topic = Topic(PAPER, "The flow in norm and angle", given=(draws_its_points,))

DIMENSION = 7
"""Of the space in which the vector equation is integrated (chosen)."""


def population_velocity(w: np.ndarray, teacher: np.ndarray, m: int) -> np.ndarray:
    """dw/dt of the module's formula, (d,)."""
    v, goal = float(np.linalg.norm(w)), float(np.linalg.norm(teacher))
    phi = np.pi - float(angle_between(w, teacher))
    pull = phi / np.pi * teacher + goal / v * np.sin(phi) / np.pi * w
    return np.asarray(-0.5 * v ** (2 * m) * w + 0.5 * v**m * goal**m * pull)


def sample_velocity(X: np.ndarray, w: np.ndarray, teacher: np.ndarray, m: int) -> np.ndarray:
    """-dL/dw of a sample X (n, d) at a balanced w, whose teacher is balanced too; (d,)."""
    gain, goal = np.linalg.norm(w) ** m, np.linalg.norm(teacher) ** m
    on = X @ w > 0
    residual = gain * activation(X @ w) - goal * activation(X @ teacher)
    return np.asarray(-gain * ((residual * on) @ X) / len(X))


def _vector_flow(w0: np.ndarray, teacher: np.ndarray, m: int, t: np.ndarray) -> np.ndarray:
    """w at times t, (T, d)."""
    ends, accuracy = (0, t[-1]), {"rtol": 1e-12, "atol": 1e-13}
    velocity = lambda _, w: population_velocity(w, teacher, m)  # noqa: E731
    return np.asarray(solve_ivp(velocity, ends, w0, "DOP853", t, **accuracy).y.T)


@topic.study
def reduced(
    *,
    depths: int = option(4, "numbers of layers, from 1 on", within=(1, 8)),
    n: list[int] = option([1_000, 10_000, 100_000], "sizes of samples", within=(10, 1_000_000)),
    d: int = option(30, "dimension of the samples", within=(2, 1_000)),
    seed: int,
    progress: Progress,
) -> dict[str, np.ndarray]:
    """Distance of the vector equation from that of norm and angle, and errors of sample gradients.

    m : (M,), norm_error, angle_error : (M,). n : (N,), constant : (N, M) relative gradient errors
    divided by sqrt(d / n).
    """
    rng = np.random.default_rng(seed)
    norm_error, angle_error = np.empty((2, depths))
    for m in range(depths):
        teacher, w0 = 1.3 * rng.standard_normal((2, DIMENSION)) / np.sqrt(DIMENSION)
        start = PlaneStart.of(w0, teacher, m + 1)
        t = np.linspace(0.0, 20.0 / start.teacher_norm ** (2 * m), 101)
        vector, flow = _vector_flow(w0, teacher, m, t), population_flow(start, t)
        norm_error[m] = np.abs(np.linalg.norm(vector, axis=1) - flow.norm).max()
        angle_error[m] = np.abs(angle_between(vector, teacher) - flow.theta).max()
    constant = np.empty((len(n), depths))
    for k, size in enumerate(n):
        X = rng.standard_normal((size, d))
        for m in range(depths):
            teacher, w = rng.standard_normal((2, d)) / np.sqrt(d)
            expected = population_velocity(w, teacher, m)
            off = np.linalg.norm(sample_velocity(X, w, teacher, m) - expected)
            constant[k, m] = off / np.linalg.norm(expected) / np.sqrt(d / size)
        progress(k + 1, len(n))
    errors = {"m": np.arange(depths), "norm_error": norm_error, "angle_error": angle_error}
    return {**errors, "n": np.array(n), "constant": constant}


REDUCED = reduced.case(
    "reduced", "Propositions 3.1 and 3.6: the flow in norm and angle", quick={"n": [1_000, 10_000]}
)


@topic.claim(
    "proposition-3-6-flow",
    "The vector equation of the population flow is that of its norm and its angle.",
    place="Propositions 3.1 and 3.6",
)
def closes(study: Study) -> Iterator[Part]:
    """sup over the flow of the differences in norm and angle, m = 0 to 3."""
    for name in ("norm", "angle"):
        yield at_most(f"{name}, largest difference", study.arrays[f"{name}_error"].max(), 1e-9)


@topic.claim(
    "proposition-3-6-gradient",
    "The gradient of a sample tends to that of the population like sqrt(d/n).",
    place="Propositions 3.1 and 3.6",
)
def gradient_tends(study: Study) -> Iterator[Part]:
    """Relative error / sqrt(d/n), averaged over m; it must neither grow nor vanish."""
    mean = study.arrays["constant"].mean(axis=1)
    for n, value in zip(study.arrays["n"], mean, strict=True):
        yield within(f"relative error / sqrt(d/n), n = {n}", value, 1.0, 2.5)
