"""Runs and studies of lee2022 in their quick variants, computed once, and ways to spoil them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np

from flowrepro import data
from flowrepro.claims.old_verdict import Judgement
from flowrepro.core.config import StudyCase, TrainingCase, override
from flowrepro.core.initialize import initial_weights
from flowrepro.core.trajectory import Run, Study
from flowrepro.engines.base import Problem, SaveAt
from flowrepro.engines.base import run as drive
from flowrepro.engines.lazy.engine import LazyGD
from flowrepro.papers.lee2022.checks import CLAIMS
from flowrepro.papers.lee2022.experiments import CASES
from flowrepro.papers.lee2022.studies import STUDIES

BY_ID = {claim.id: claim for claim in CLAIMS}
BY_NAME = {case.name: case for case in CASES}


def trained(case: TrainingCase) -> Run:
    dataset = data.load(case.data)
    problem = Problem.of(
        case,
        dataset.X,
        dataset.y,
        *initial_weights(case.init, case.seed, dataset.X.shape[1], dataset.extra["student"]),
    )
    return Run(
        case, dataset, drive(LazyGD, problem, SaveAt.of(case.record, case.protocol.n_steps)), "lazy"
    )


@cache
def quick_run(name: str) -> Run:
    case = BY_NAME[name]
    assert isinstance(case, TrainingCase)
    return trained(override(case, case.quick))


def study(name: str, options: Mapping[str, Any]) -> Study:
    case = BY_NAME[name]
    assert isinstance(case, StudyCase)
    case = replace(case, options={**case.options, **options})
    arrays = STUDIES[case.computes](case, None, lambda done, total: None)
    return Study(case, None, {key: np.asarray(value) for key, value in arrays.items()})


def judged(id: str, what: Run | Study) -> Judgement:
    return BY_ID[id].function(what)


def with_path(run: Run, W: np.ndarray, **arrays: Any) -> Run:
    return replace(run, trajectory=replace(run.trajectory, W=W, **arrays))


def stuck(run: Run) -> Run:
    """The direction never turns; the norm is as it was."""
    W = run.trajectory.W
    norms = np.linalg.norm(W, axis=2, keepdims=True)
    return with_path(run, norms * W[0] / norms[0])


def reopening(run: Run) -> Run:
    """The direction, backwards; the norm is as it was."""
    W = run.trajectory.W
    norms = np.linalg.norm(W, axis=2, keepdims=True)
    return with_path(run, (W / norms)[::-1] * norms)


def swollen(run: Run) -> Run:
    """From the middle on the norm is twice what it was."""
    W = run.trajectory.W.copy()
    W[len(W) // 2 :] *= 2.0
    return with_path(run, W)


def shrinking(run: Run) -> Run:
    """The norm falls evenly to the half of its first value; the angle is as it was."""
    W = run.trajectory.W
    norms = np.linalg.norm(W, axis=2, keepdims=True)
    return with_path(run, W / norms * norms[0] * np.linspace(1.0, 0.5, len(W))[:, None, None])


def hesitating(run: Run) -> Run:
    """One state is kept for one record."""
    W = run.trajectory.W.copy()
    W[51] = W[50]
    return with_path(run, W)


def stopped_late(run: Run) -> Run:
    """Nothing moves in the last tenth."""
    W = run.trajectory.W.copy()
    W[-len(W) // 10 - 1 :] = W[-len(W) // 10 - 1]
    return with_path(run, W)


def uneven(run: Run) -> Run:
    """The scalar is larger by a tenth from the middle on."""
    a = run.trajectory.a.copy()
    a[len(a) // 2 :] *= 1.1
    return with_path(run, run.trajectory.W, a=a)


def rising(run: Run) -> Run:
    """The loss, backwards."""
    return replace(run, trajectory=replace(run.trajectory, loss=run.trajectory.loss[::-1].copy()))


def flat(run: Run) -> Run:
    """All points lie in a hyperplane."""
    X = run.X.copy()
    X[:, 0] = 0.0
    return replace(run, dataset=replace(run.dataset, X=X))


def untaught(run: Run) -> Run:
    """Points without a teacher, as a user's own."""
    return replace(run, dataset=replace(run.dataset, extra={}))
