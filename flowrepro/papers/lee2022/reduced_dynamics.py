"""Propositions 3.1 and 3.6: the flow closes on norm and angle, and the gradient of a sample tends to its formula."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from scipy.integrate import solve_ivp

from flowrepro.claims.old_claim import statement, upper, window
from flowrepro.claims.old_verdict import Judgement
from flowrepro.claims.published import as_declared
from flowrepro.core.config import StudyCase
from flowrepro.core.network import activation
from flowrepro.core.trajectory import Dataset, Study
from flowrepro.engines.population import PlaneStart, angle_between, population_flow
from flowrepro.papers.lee2022.experiments import REDUCED
from flowrepro.papers.lee2022.hypotheses import ref
from flowrepro.papers.topic import Progress

DIMENSION = 7
"""Of the space in which the vector equation is integrated (chosen)."""


def population_velocity(w: np.ndarray, teacher: np.ndarray, m: int) -> np.ndarray:
    """dw/dt = -(1/2) v^(2m) w + (1/2) v^m v*^m ((phi/pi) w* + (v*/v) (sin phi / pi) w), v = ||w||   (eq 5; Proposition 3.6)."""
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


def compute_reduced(
    study: StudyCase, dataset: Dataset | None, progress: Progress
) -> Mapping[str, np.ndarray]:
    """Distance of the vector equation from the scalar ones for m = 0 ... , and errors of sampled gradients.

    m : (M,), norm_error, angle_error : (M,). n : (N,), constant : (N, M) relative gradient errors divided by sqrt(d / n).
    """
    depths, sizes, d = (
        int(study.options["depths"]),
        [int(n) for n in study.options["n"]],
        int(study.options["d"]),
    )
    rng = np.random.default_rng(study.seed)
    norm_error, angle_error = np.empty(depths), np.empty(depths)
    for m in range(depths):
        teacher, w0 = 1.3 * rng.standard_normal((2, DIMENSION)) / np.sqrt(DIMENSION)
        start = PlaneStart.of(w0, teacher, m + 1)
        t = np.linspace(0.0, 20.0 / start.teacher_norm ** (2 * m), 101)
        vector = solve_ivp(
            lambda _, w, m=m, teacher=teacher: population_velocity(w, teacher, m),
            (0, t[-1]),
            w0,
            "DOP853",
            t,
            rtol=1e-12,
            atol=1e-13,
        ).y.T
        flow = population_flow(start, t)
        norm_error[m] = np.abs(np.linalg.norm(vector, axis=1) - flow.norm).max()
        angle_error[m] = np.abs(angle_between(vector, teacher) - flow.theta).max()
    constant = np.empty((len(sizes), depths))
    for k, n in enumerate(sizes):
        X = rng.standard_normal((n, d))
        for m in range(depths):
            teacher, w = rng.standard_normal((2, d)) / np.sqrt(d)
            expected = population_velocity(w, teacher, m)
            error = np.linalg.norm(sample_velocity(X, w, teacher, m) - expected) / np.linalg.norm(
                expected
            )
            constant[k, m] = error / np.sqrt(d / n)
        progress(k + 1, len(sizes))
    return {
        "m": np.arange(depths),
        "norm_error": norm_error,
        "angle_error": angle_error,
        "n": np.array(sizes),
        "constant": constant,
    }


@statement(
    "proposition-3.6-flow",
    ref("Propositions 3.1 and 3.6"),
    "theory",
    ("reduced",),
    "the vector equation of the flow is that of norm and angle",
    (as_declared(REDUCED, ("seed", "options")),),
)
def closes(findings: Study) -> list[Judgement]:
    """measured: sup over the flow of the differences in norm and angle, m = 0 to 3, in seven dimensions."""
    return [
        upper(f"{name}, largest difference", findings.arrays[f"{name}_error"].max(), 1e-9)
        for name in ("norm", "angle")
    ]


@statement(
    "proposition-3.6-gradient",
    ref("Propositions 3.1 and 3.6"),
    "theory",
    ("reduced",),
    "the gradient of a sample tends to the population's like sqrt(d/n)",
    (as_declared(REDUCED, ("seed", "options")),),
)
def gradient_tends(findings: Study) -> list[Judgement]:
    """measured: relative error / sqrt(d/n) for growing n, averaged over m; it must neither grow nor vanish."""
    mean = findings.arrays["constant"].mean(axis=1)
    return [
        window(f"relative error / sqrt(d/n), n = {n}", value, 1.0, 2.5)
        for n, value in zip(findings.arrays["n"], mean, strict=True)
    ]


CLAIMS = (closes, gradient_tends)
