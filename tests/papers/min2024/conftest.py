"""The paper's run on 1000 of its images, and the same run with a made-up end at iteration 15000."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from min2024_results import trained

from flowrepro.core.overrides import override
from flowrepro.core.trajectory import Run
from flowrepro.papers.min2024.figure_5_mnist import DIGITS_1_0

END = 15_000


@pytest.fixture(scope="session")
def quick_run() -> Run:
    """The quick variant, 1000 images and 4000 iterations, as a flow: the same up to O(lr)."""
    return trained(override(DIGITS_1_0, {**DIGITS_1_0.quick, "rtol": 1e-3}), "smooth-flow")


@pytest.fixture(scope="session")
def paper_run(quick_run: Run) -> Run:
    """The quick run with a record and weights at iteration 15000, like those of all images."""
    trajectory = quick_run.trajectory
    observed = {name: np.concatenate([values, values[-1:]]) for name, values in trajectory.observed.items()}
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
