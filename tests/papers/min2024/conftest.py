"""The paper's run on 1000 of its images, and the same run with a made-up end at iteration 15000."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from flowrepro import data, engines
from flowrepro.core.config import override
from flowrepro.core.initialize import initial_weights
from flowrepro.core.trajectory import Run
from flowrepro.engines.base import Problem, SaveAt
from flowrepro.engines.base import run as drive
from flowrepro.papers.min2024.figure_5_mnist import DIGITS_1_0
from flowrepro.theory.observables import OBSERVABLES

END = 15_000


@pytest.fixture(scope="session")
def quick_run() -> Run:
    """The quick variant: 1000 images, 4000 iterations."""
    case = override(DIGITS_1_0, DIGITS_1_0.quick)
    dataset = data.load(case.data)
    W, a = initial_weights(case.init, case.seed, dataset.X.shape[1])
    problem = Problem.of(case, dataset.X, dataset.y, W, a)
    observe = OBSERVABLES[case.record.observe](dataset.X, dataset.y, case.loss)
    engine, _ = engines.choose("auto", problem)
    return Run(
        case,
        dataset,
        drive(engine, problem, SaveAt.of(case.record, case.protocol.n_steps, observe)),
        engine.name,
    )


@pytest.fixture(scope="session")
def paper_run(quick_run: Run) -> Run:
    """The quick run with one more record and snapshot at iteration 15000, like those measured on all images."""
    trajectory = quick_run.trajectory
    observed = {
        name: np.concatenate([values, values[-1:]]) for name, values in trajectory.observed.items()
    }
    observed["mean_cos"][-1] = 0.942, 0.922
    finished = replace(
        trajectory,
        step=np.append(trajectory.step, END),
        t=np.append(trajectory.t, 30.0),
        loss=np.append(trajectory.loss, 0.013),
        snapshot_step=np.append(trajectory.snapshot_step, END),
        W=np.concatenate([trajectory.W, trajectory.W[-1:]]),
        a=np.concatenate([trajectory.a, trajectory.a[-1:]]),
        observed=observed,
    )
    return replace(quick_run, case=override(quick_run.case, {"n_steps": END}), trajectory=finished)
