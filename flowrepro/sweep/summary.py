"""One tidy table of a sweep, read from the run directories: a line per run and seed, times in the
last column.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from flowrepro.core.config import Case, TrainingCase, run_id
from flowrepro.core.trajectory import Ensemble, Run
from flowrepro.errors import DataError, UsageError
from flowrepro.papers import registry
from flowrepro.run.results import load
from flowrepro.store.reading import trusting
from flowrepro.store.run_directory import RunDirectory
from flowrepro.sweep.driver import Plan
from flowrepro.sweep.grid import Point
from flowrepro.sweep.tasks import is_done

Line = dict[str, Any]
TIME = "wall_s"
SAMPLE = 200
"""Points of a large grid that are asked for the columns of their runs."""


def summary_lines(plan: Plan, failed: Mapping[str, str]) -> list[Line]:
    """A line per run, of an ensemble per member: the axes' values, seed, status, final loss,
    verdicts, measured values, seconds.
    """
    return [line for point, case in plan.cases() for line in lines_of(plan, point, case, failed)]


def lines_of(plan: Plan, point: Point, case: Case, failed: Mapping[str, str]) -> Iterator[Line]:
    """The lines of one case at a point, whether it is there or not."""
    values = dict(zip((axis.key for axis in plan.axes), point.values, strict=True))
    directory = RunDirectory.of(plan.root, case)
    seeds = range(*case.seeds) if case.seeds else [case.seed]
    if not is_done(plan.root, case):
        reason = failed.get(run_id(case), "missing")
        yield from ({**values, "seed": seed, "status": reason} for seed in seeds)
        return
    try:
        with trusting(directory.path):
            lines = list(_stored_lines(directory))
    except DataError as error:
        yield from ({**values, "seed": seed, "status": f"damaged: {error}"} for seed in seeds)
        return
    yield from ({**values, **line} for line in lines)


def _stored_lines(directory: RunDirectory) -> Iterator[Line]:
    """The lines of a complete folder, without the values of the axes."""
    stored, found = directory.provenance(), load(directory)
    claims = {key: value for claim in directory.claims() for key, value in _columns(claim).items()}
    status, time = {"status": stored["stop"]["reason"]}, {TIME: stored["wall_s"]}
    if isinstance(found, Ensemble):
        trajectory = found.trajectory
        for k, seed in enumerate(trajectory.seeds):
            below = zip(trajectory.levels, trajectory.first_below[k], strict=True)
            first = {f"first_below_{level:g}": int(step) for level, step in below}
            loss = float(trajectory.loss[k, -1])
            yield {"seed": int(seed), **status, "loss": loss, **first, **claims, **time}
    elif isinstance(found, Run):
        steps = {level: found.trajectory.first_below(level) for level in found.case.record.levels}
        first = {
            f"first_below_{level:g}": -1 if step is None else step for level, step in steps.items()
        }
        loss = float(found.trajectory.loss[-1])
        yield {"seed": found.case.seed, **status, "loss": loss, **first, **claims, **time}
    else:
        yield {"seed": found.case.seed, **status, **claims, **time}


def require_measure(plan: Plan, name: str) -> None:
    """UsageError, before anything is computed, for a measure that no run of the plan can have."""
    known = {TIME, *(axis.key for axis in plan.axes)}
    known |= {f"{claim.id}.measured" for claim in registry.claims_of(plan.base)}
    for case in (point.case for point in plan.grid.some(SAMPLE)):
        if isinstance(case, TrainingCase):
            known |= {"loss", *(f"first_below_{level:g}" for level in case.record.levels)}
    if name not in known:
        raise UsageError(
            f"--measure {name} is no column with numbers; there are {', '.join(sorted(known))}"
        )


def _columns(claim: Mapping[str, Any]) -> Line:
    return {claim["id"]: claim["verdict"], f"{claim['id']}.measured": claim["measured"]}


def csv_text(lines: Sequence[Line]) -> str:
    """The table as CSV; every column of every line, the seconds last."""
    names = [
        name for name in dict.fromkeys(name for line in lines for name in line) if name != TIME
    ]
    text = io.StringIO()
    table = csv.DictWriter(text, [*names, TIME], restval="", lineterminator="\n")
    table.writeheader()
    table.writerows(
        {name: "" if value is None else value for name, value in line.items()} for line in lines
    )
    return text.getvalue()


def column(lines: Sequence[Line], name: str) -> np.ndarray:
    """A column as float64, nan where it is empty; UsageError unless there are numbers in it."""
    values = np.array(
        [
            float(value) if isinstance(value := line.get(name), int | float) else np.nan
            for line in lines
        ]
    )
    if np.all(np.isnan(values)):
        numeric = sorted(
            {
                key
                for line in lines
                for key, value in line.items()
                if isinstance(value, float | int) and not isinstance(value, bool)
            }
        )
        raise UsageError(
            f"--measure {name} is no column with numbers; there are "
            f"{', '.join(numeric) or 'none yet'}"
        )
    return values
