"""Results of small cases, changed results, and drawn figures for the tests of min2024's topics."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from flowrepro import data, engines
from flowrepro.claims.claim import Claim
from flowrepro.claims.verdict import Verdict
from flowrepro.core.config import StudyCase, TrainingCase
from flowrepro.core.initialize import initial_weights
from flowrepro.core.overrides import override
from flowrepro.core.trajectory import Run, Study
from flowrepro.engines.base import Problem, SaveAt
from flowrepro.engines.drive import run as drive
from flowrepro.figures.canvas import render
from flowrepro.figures.declare import Figure
from flowrepro.papers.study import StudyFunction, silent
from flowrepro.papers.topic import Topic
from flowrepro.theory.observables import observer

Changed = Callable[[np.ndarray], Any]


def claims_of(*topics: Topic) -> dict[str, Claim]:
    """Id -> claim."""
    return {claim.id: claim for topic in topics for claim in topic.claims}


def computed(study: StudyFunction, case: StudyCase, **options: Any) -> Study:
    """A case with other options."""
    case = override(case, {f"options.{name}": value for name, value in options.items()})
    points = None if case.data is None else data.load(case.data)
    return Study(case, points, study.compute(case, points, silent))


def trained(case: TrainingCase, engine: str = "auto") -> Run:
    """The run of a case."""
    points = data.load(case.data)
    weights = initial_weights(case.init, case.seed, points.X.shape[1])
    problem = Problem.of(case, points.X, points.y, *weights)
    chosen, _ = engines.choose(engine, problem)
    name = case.record.observe
    observe = observer(name)(points.X, points.y, case.loss) if name else None
    save_at = SaveAt.of(case.record, case.protocol.n_steps, observe)
    return Run(case, points, drive(chosen, problem, save_at), chosen.name)


def with_arrays(result: Study, **changes: Changed) -> Study:
    """The study with some arrays changed."""
    arrays = {name: change(result.arrays[name].copy()) for name, change in changes.items()}
    return replace(result, arrays={**result.arrays, **arrays})


def relabelled(result: Study) -> Study:
    """Labels moved on by one point, so that Assumption 1 fails."""
    assert result.dataset is not None
    return replace(result, dataset=replace(result.dataset, y=np.roll(result.y, 1)))


def with_trajectory(run: Run, **changes: Any) -> Run:
    """The run with some fields of its trajectory changed."""
    return replace(run, trajectory=replace(run.trajectory, **changes))


def observing(run: Run, name: str, change: Callable[[np.ndarray, np.ndarray], Any]) -> Run:
    """An observed quantity replaced by change(step, its values)."""
    seen = run.trajectory.observed
    return with_trajectory(run, observed={**seen, name: change(run.trajectory.step, seen[name].copy())})


def losing(run: Run, change: Callable[[np.ndarray, np.ndarray], Any]) -> Run:
    """The loss replaced by change(step, its values)."""
    return with_trajectory(run, loss=change(run.trajectory.step, run.trajectory.loss.copy()))


def expect(claim: Claim, result: Any, verdict: Verdict, note: str = "") -> None:
    """The verdict, and words of the note."""
    judged = claim.judge(result)
    assert judged.verdict is verdict, f"{claim.id}: {judged.note}"
    assert note in judged.note


def png(figure: Figure, *results: Any) -> bytes:
    """The figure drawn."""
    image = render(figure.collect(*results), figure.layout, {"seed": "0"}, ["png"], share=figure.share)["png"]
    assert image.startswith(b"\x89PNG")
    return image
