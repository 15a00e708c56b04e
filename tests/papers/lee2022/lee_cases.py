"""Runs and studies of lee2022 in their quick variants, computed once, and ways to spoil them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np

from flowrepro import data
from flowrepro.engines.base import Problem, SaveAt
from flowrepro.engines.base import run as drive
from flowrepro.engines.lazy.engine import LazyGD
from flowrepro.experiment import Experiment, Study, override
from flowrepro.initialize import initial_weights
from flowrepro.papers.lee2022.checks import CHECKS
from flowrepro.papers.lee2022.experiments import ROWS
from flowrepro.papers.lee2022.studies import STUDIES
from flowrepro.theory.result import CheckResult
from flowrepro.trajectory import Findings, Run

BY_ID = {check.id: check for check in CHECKS}
BY_NAME = {row.name: row for row in ROWS}


def trained(row: Experiment) -> Run:
    dataset = data.load(row.data)
    problem = Problem.of(row, dataset.X, dataset.y, *initial_weights(row.init, row.seed, dataset.X.shape[1], dataset.extra["student"]))
    return Run(row, dataset, drive(LazyGD, problem, SaveAt.of(row.record, row.protocol.n_steps)), "lazy")


@cache
def quick_run(name: str) -> Run:
    row = BY_NAME[name]
    assert isinstance(row, Experiment)
    return trained(override(row, row.quick))


def study(name: str, options: Mapping[str, Any]) -> Findings:
    row = BY_NAME[name]
    assert isinstance(row, Study)
    row = replace(row, options={**row.options, **options})
    arrays = STUDIES[row.computes](row, None, lambda done, total: None)
    return Findings(row, None, {key: np.asarray(value) for key, value in arrays.items()})


def judged(id: str, what: Run | Findings) -> CheckResult:
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
