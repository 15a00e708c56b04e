"""From a plan to results on disk: submit what is missing, count what is done, say what was lost."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from flowrepro.core.config import Case, run_id
from flowrepro.run.kind import Report
from flowrepro.sweep.grid import Axis, Point
from flowrepro.sweep.tasks import Answer, Task, is_done, is_intact


@dataclass(frozen=True)
class Plan:
    """A sweep: the case it varies, its axes, its seeds A to B - 1, and every point with a case to
    compute.
    """

    base: Case
    axes: tuple[Axis, ...]
    seeds: tuple[int, int]
    cases: tuple[tuple[Point, Case], ...]
    root: Path

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
    """How a sweep ended: cases computed now, reasons of those that failed, whether it was stopped,
    and by what.
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
    missing = [case for _, case in plan.cases if not is_intact(plan.root, case)]
    report.say(
        f"{plan.base.name}: {len(plan.cases)} runs, {len(plan.cases) - len(missing)} of them "
        f"there, {len(missing)} to compute"
    )
    failed: list[tuple[str, str]] = []
    halts: list[str] = []
    finished = 0

    def done(task: Task, answer: Answer) -> None:
        nonlocal finished
        failed.extend(answer.failed)
        if answer.halt:
            halts.append(answer.halt)
        if not answer.interrupted:
            finished += len(task.cases)
            report.progress(plan.base.name, finished, len(missing))

    tasks = [Task(plan.root.absolute(), (case,)) for case in missing]
    if tasks:
        _submit(tasks, where, done, lambda: bool(halts) or report.interrupted())
    left = sum(not is_done(plan.root, case) for case in missing)
    return Ending(len(missing) - left, tuple(failed), left, halts[0] if halts else "")


def _submit(
    tasks: Sequence[Task],
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
