"""From a plan to results on disk: submit what is missing, count what is done, say what was lost."""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from flowrepro.core.config import Case, run_id
from flowrepro.run.kind import Report
from flowrepro.run.seeds import ENSEMBLE_FROM, runs_at_once
from flowrepro.sweep.grid import Axis, Grid, Point
from flowrepro.sweep.tasks import Answer, Task, cases_of, is_done, is_intact


@dataclass(frozen=True)
class Plan:
    """A sweep: the case it varies, its axes, and its seeds A to B - 1 at every point."""

    base: Case
    axes: tuple[Axis, ...]
    seeds: tuple[int, int]
    root: Path

    @property
    def grid(self) -> Grid:
        """Its points."""
        return Grid(self.base, self.axes)

    @property
    def runs(self) -> int:
        """Seeds of all points."""
        return len(self.grid) * (self.seeds[1] - self.seeds[0])

    def cases(self, points: Iterable[Point] | None = None) -> Iterator[tuple[Point, Case]]:
        """Each point of the grid, or of some, with its cases: see `cases_of`."""
        many = self.seeds[1] - self.seeds[0] >= ENSEMBLE_FROM
        points = self.grid if points is None else points
        return cases_of(points, self.seeds, lambda case: many and runs_at_once(case))

    @property
    def name(self) -> str:
        """Folder of the summary: the case, and a hash of what is swept."""
        swept = json.dumps(
            [run_id(self.base), [[axis.key, axis.values] for axis in self.axes], self.seeds]
        )
        return f"sweep-{self.base.name}-{hashlib.sha256(swept.encode()).hexdigest()[:10]}"


@dataclass(frozen=True)
class Where:
    """Who computes: ``workers`` local processes, or a Dask cluster (an address, or one of this
    machine).
    """

    workers: int
    scheduler: str = ""
    local_cluster: bool = False


@dataclass(frozen=True)
class Ending:
    """How a sweep ended: runs computed now and missing, reasons of cases that failed, and what
    halted it.
    """

    computed: int
    failed: tuple[tuple[str, str], ...]
    missing: int
    halt: str = ""


def run_sweep(plan: Plan, where: Where, report: Report) -> Ending:
    """Compute the cases of a plan that are not on disk yet, or damaged there.

    A full disk or a folder that cannot be written ends the submission (``halt``); what is done
    stays, and the same call goes on later.
    """
    failed: list[tuple[str, str]] = []
    halts: list[str] = []
    there, computed, lost = 0, 0, 0

    def missing() -> Iterator[Task]:
        nonlocal there
        for _, case in plan.cases():
            if report.interrupted():
                return
            if is_intact(plan.root, case):
                there += _runs(case)
                report.progress(plan.base.name, there + computed + lost, plan.runs)
            else:
                yield Task(plan.root.absolute(), (case,))

    def done(task: Task, answer: Answer) -> None:
        nonlocal computed, lost
        failed.extend(answer.failed)
        if answer.halt:
            halts.append(answer.halt)
        for case in task.cases:
            if is_done(plan.root, case):
                computed += _runs(case)
            elif not answer.interrupted:
                lost += _runs(case)
        report.progress(plan.base.name, there + computed + lost, plan.runs)

    report.say(f"{plan.base.name}: {plan.runs:,} runs")
    tasks = missing()
    first = next(tasks, None)
    if first is not None:  # no worker starts where nothing is missing
        every = itertools.chain([first], tasks)
        _submit(every, where, done, lambda: bool(halts) or report.interrupted())
    left = plan.runs - there - computed
    return Ending(computed, tuple(failed), left, halts[0] if halts else "")


def _runs(case: Case) -> int:
    return case.seeds[1] - case.seeds[0] if case.seeds else 1


def _submit(
    tasks: Iterator[Task],
    where: Where,
    done: Callable[[Task, Answer], None],
    stop: Callable[[], bool],
) -> None:
    if where.scheduler or where.local_cluster:
        from flowrepro.sweep.cluster import run_on_cluster

        run_on_cluster(tasks, where.scheduler, where.workers, done, stop)
    else:
        from flowrepro.sweep.pool import run_locally

        run_locally(tasks, where.workers, done, stop)
