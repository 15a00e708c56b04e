"""Runs and studies of lee2022, computed once, ways to spoil them, and what every claim must say."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import cache
from typing import Any

import matplotlib.figure
import numpy as np

from flowrepro import data
from flowrepro.claims.claim import Claim
from flowrepro.claims.verdict import Verdict
from flowrepro.core.config import Data, StudyCase, TrainingCase
from flowrepro.core.initialize import initial_weights
from flowrepro.core.overrides import override
from flowrepro.core.trajectory import Run, StopReason, Study
from flowrepro.engines.base import Problem, SaveAt
from flowrepro.engines.drive import run as drive
from flowrepro.engines.lazy.engine import LazyGD
from flowrepro.figures import canvas
from flowrepro.figures.declare import Figure
from flowrepro.papers import registry
from flowrepro.papers.lee2022.section_5_runs import OWN
from flowrepro.run.pipeline import quick_variant

PASS, FAIL, NOT_APPLICABLE = Verdict.PASS, Verdict.FAIL, Verdict.NOT_APPLICABLE
Tampered = Callable[[Any], Any]


def trained(case: TrainingCase) -> Run:
    points = data.load(case.data)
    d = points.X.shape[1]
    weights = initial_weights(case.init, case.seed, d, points.extra["student"])
    problem = Problem.of(case, points.X, points.y, *weights)
    at = SaveAt.of(case.record, case.protocol.n_steps)
    return Run(case, points, drive(LazyGD, problem, at), "lazy")


@cache
def quick_run(name: str) -> Run:
    return trained(quick_variant(OWN[name]))


def study(case: StudyCase, **options: Any) -> Study:
    case = replace(case, options={**case.options, **options})
    arrays = registry.study_of(case).compute(case, None, lambda done, total: None)
    return Study(case, None, {key: np.asarray(value) for key, value in arrays.items()})


def judgements(claims: Iterable[Claim]) -> list[tuple[Claim, str]]:
    return [(claim, case.name) for claim in claims for case in claim.cases]


def ids(value: Any) -> str | None:
    return value.id if isinstance(value, Claim | Figure) else None


def three_ways(claim: Claim, good: Study, tamper: Tampered) -> None:
    """It holds, fails on other numbers, and does not apply to a study of other points."""
    result = claim.judge(good)
    assert result.verdict is PASS, result.note
    assert claim.judge(tamper(good)).verdict is FAIL
    other = replace(good, case=replace(good.case, data=Data(name="two-points")))
    assert claim.judge(other).verdict is NOT_APPLICABLE


def outside(run: Run) -> Iterator[Run]:
    """The run without its teacher, with few samples, of mini-batches, diverged."""
    yield untaught(run)
    yield replace(run, dataset=replace(run.dataset, X=run.X[:500], y=run.y[:500]))
    yield replace(run, case=override(run.case, {"batch_size": 10}))
    stop = replace(run.trajectory.stop, reason=StopReason.DIVERGED)
    yield replace(run, trajectory=replace(run.trajectory, stop=stop))


def drawn(figure: Figure, *results: Any) -> matplotlib.figure.Figure:
    canvas_ = canvas._drawn(figure.collect(*results), figure.layout, figure.share)
    assert all(ax.lines or ax.texts for ax in canvas_.axes)
    assert canvas_.legends or canvas_.axes[0].get_legend()
    return canvas_


def changed(name: str, change: Callable[[np.ndarray], Any]) -> Tampered:
    def tamper(good: Study) -> Study:
        return replace(good, arrays={**good.arrays, name: change(good.arrays[name].copy())})

    return tamper


def at(index: Any, value: Any) -> Callable[[np.ndarray], np.ndarray]:
    def change(array: np.ndarray) -> np.ndarray:
        array[index] = value
        return array

    return change


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
