"""Proposition B.1 in training: on the unit sphere with d times the step, a neuron follows the Gaussian population's dynamics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from flowrepro.claims.old_claim import number, statement, upper
from flowrepro.claims.old_verdict import Judgement
from flowrepro.claims.published import as_declared
from flowrepro.core.config import StudyCase
from flowrepro.core.network import activation, gain
from flowrepro.core.trajectory import Dataset, Study
from flowrepro.engines.base import Problem, SaveAt
from flowrepro.engines.lazy.together import run_together
from flowrepro.engines.population import PlanePath, PlaneStart, angle_between, population_descent
from flowrepro.papers.lee2022.convergence_checks import sup_distance
from flowrepro.papers.lee2022.experiments import HALF_MSE, SPHERE, STEP_SIZES, TEACHER_SCALES
from flowrepro.papers.lee2022.hypotheses import ref
from flowrepro.papers.topic import Progress

RECORDS = 500


def train_on(
    X: np.ndarray,
    w0: np.ndarray,
    teacher: np.ndarray,
    settings: Sequence[tuple[int, float]],
    n_steps: int,
    records: int = RECORDS,
) -> list[PlanePath]:
    """Paths of one neuron on the points X (n, d) for each (depth, lr) at once; labels of the balanced teacher, balanced start w0."""
    problems = []
    start, goal = (np.array([np.linalg.norm(w)]) for w in (w0, teacher))
    for depth, lr in settings:
        y = gain(goal, depth) * activation(X @ teacher)
        problems.append(Problem(X, y, w0[None].copy(), start, HALF_MSE, lr, n_steps, depth=depth))
    grid = np.unique(np.linspace(0, n_steps, records + 1).round().astype(np.int64))
    paths = []
    for run, (_, lr) in zip(
        run_together(problems, SaveAt(grid[[0, -1]], grid)), settings, strict=True
    ):
        w = run.W[:, 0]
        paths.append(
            PlanePath(lr * grid, np.linalg.norm(w, axis=1), run.a[:, 0], angle_between(w, teacher))
        )
    return paths


def compute_sphere(
    study: StudyCase, dataset: Dataset | None, progress: Progress
) -> Mapping[str, np.ndarray]:
    """Distances of runs on the sphere and on Gaussian points from the Gaussian population descent.

    depth : (D,). norm, angle : (D, 2) sup distances, first of the sphere (step d lr), then of the Gaussian sample.
    """
    n, d, n_steps = (int(study.options[name]) for name in ("n", "d", "n_steps"))
    depths = [int(depth) for depth in study.options["depths"]]
    rng = np.random.default_rng(study.seed)
    X, z_teacher, z_student = (
        rng.standard_normal((n, d)),
        rng.standard_normal(d),
        rng.standard_normal(d),
    )
    norm, angle = np.empty((2, len(depths), 2))
    for k, depth in enumerate(depths):
        teacher, w0, lr = (
            TEACHER_SCALES[depth] * z_teacher,
            TEACHER_SCALES[depth] * z_student,
            float(study.options["coarser"]) * STEP_SIZES[depth],
        )
        sphere, gaussian = (
            train_on(points, w0, teacher, [(depth, step)], n_steps)[0]
            for points, step in ((X / np.linalg.norm(X, axis=1, keepdims=True), d * lr), (X, lr))
        )
        population = population_descent(
            PlaneStart.of(w0, teacher, depth), lr, (gaussian.t / lr).round().astype(np.int64)
        )
        for side, path in enumerate((sphere, gaussian)):
            norm[k, side], angle[k, side] = sup_distance(
                path, population, float(np.linalg.norm(teacher))
            )
        progress(k + 1, len(depths))
    return {"depth": np.array(depths), "norm": norm, "angle": angle}


@statement(
    "proposition-B.1-training",
    ref("Proposition B.1"),
    "theory",
    ("sphere",),
    "on the unit sphere d times the step gives the same dynamics",
    (as_declared(SPHERE, ("seed", "options")),),
)
def same_dynamics(findings: Study) -> list[Judgement]:
    """measured: sup |theta - theta_pop| and sup |v - v_pop| / v* of the sphere, and for comparison of the Gaussian sample."""
    parts = []
    for k, depth in enumerate(findings.arrays["depth"]):
        (norm, norm_gauss), (angle, angle_gauss) = (
            findings.arrays["norm"][k],
            findings.arrays["angle"][k],
        )
        parts += [
            upper(f"{depth} layers: angle (finite-sample tolerance)", angle, 0.1),
            upper(f"{depth} layers: norm, v* (finite-sample tolerance)", norm, 0.1),
        ]
        parts += [
            number(f"{depth} layers, Gaussian: angle", angle_gauss),
            number(f"{depth} layers, Gaussian: norm", norm_gauss),
        ]
    return parts


CLAIMS = (same_dynamics,)
