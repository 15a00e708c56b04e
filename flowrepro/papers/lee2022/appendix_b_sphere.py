"""Training on points of the unit sphere (lee2022, Proposition B.1).

With d times the step, a neuron follows the dynamics of the Gaussian population.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from flowrepro.claims.verdict import Part, at_most, number
from flowrepro.core.trajectory import Study
from flowrepro.engines.population import PlaneStart, population_descent
from flowrepro.papers.lee2022 import PAPER
from flowrepro.papers.lee2022.hypotheses import draws_its_points
from flowrepro.papers.lee2022.neuron import sup_distance
from flowrepro.papers.lee2022.section_5_runs import STEP_SIZES, TEACHER_SCALES, train_on
from flowrepro.papers.study import Progress, option
from flowrepro.papers.topic import Topic

topic = Topic(PAPER, "Points on the unit sphere", given=(draws_its_points,))


@topic.study
def sphere(
    *,
    n: int = option(10_000, "points", within=(10, 1_000_000)),
    d: int = option(100, "dimension", within=(2, 1_000)),
    depths: list[int] = option([1, 2], "numbers of layers", within=(1, 3)),
    n_steps: int = option(10_000, "steps", within=(1, 1_000_000)),
    coarser: float = option(10.0, "size of a step over the paper's", within=(1.0, 100.0)),
    seed: int,
    progress: Progress,
) -> dict[str, np.ndarray]:
    """Distances of runs on the sphere and on Gaussian points from the population descent.

    depth : (D,). norm, angle : (D, 2) sup distances, first of the sphere (step d lr), then of the
    Gaussian sample.
    """
    rng = np.random.default_rng(seed)
    X, z_teacher, z_student = (rng.standard_normal(shape) for shape in ((n, d), d, d))
    norm, angle = np.empty((2, len(depths), 2))
    for k, depth in enumerate(depths):
        teacher, w0 = TEACHER_SCALES[depth] * z_teacher, TEACHER_SCALES[depth] * z_student
        lr = coarser * STEP_SIZES[depth]
        steps = np.unique(np.linspace(0, n_steps, 501).round().astype(np.int64))
        population = population_descent(PlaneStart.of(w0, teacher, depth), lr, steps)
        unit = X / np.linalg.norm(X, axis=1, keepdims=True)
        for side, (points, step) in enumerate(((unit, d * lr), (X, lr))):
            (path,) = train_on(points, w0, teacher, [(depth, step)], n_steps)
            goal = float(np.linalg.norm(teacher))
            norm[k, side], angle[k, side] = sup_distance(path, population, goal)
        progress(k + 1, len(depths))
    return {"depth": np.array(depths), "norm": norm, "angle": angle}


SPHERE = sphere.case(
    "sphere",
    "Proposition B.1 in training: points on the unit sphere, d times the step",
    quick={"n": 4_000},
)


@topic.claim(
    "proposition-b-1-training",
    "On the unit sphere d times the step gives the dynamics of the Gaussian population.",
    place="Proposition B.1",
)
def same_dynamics(study: Study) -> Iterator[Part]:
    """sup |theta - theta_pop| and sup |v - v_pop| / v*, of the Gaussian sample for comparison."""
    arrays = study.arrays
    for k, depth in enumerate(arrays["depth"]):
        (norm, norm_gauss), (angle, angle_gauss) = arrays["norm"][k], arrays["angle"][k]
        yield at_most(f"{depth} layers: angle (finite-sample tolerance)", angle, 0.1)
        yield at_most(f"{depth} layers: norm, v* (finite-sample tolerance)", norm, 0.1)
        yield number(f"{depth} layers, Gaussian: angle", angle_gauss)
        yield number(f"{depth} layers, Gaussian: norm", norm_gauss)
