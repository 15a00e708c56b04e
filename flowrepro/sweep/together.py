"""The cases of experiments on the workers of a sweep: the longest first.

A case that itself uses all cores is run before them, by this process. What is computed is the same
to the bit either way.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path

from flowrepro.core.config import Case, run_id
from flowrepro.errors import DiskFault, FlowreproError, Interrupted
from flowrepro.run.console import Board
from flowrepro.run.drawing import completed_figures, fill_tables
from flowrepro.run.estimate import SECONDS
from flowrepro.run.kind import Settings
from flowrepro.run.pipeline import Outcome, execute, outcome_of
from flowrepro.run.results import kind_of, load
from flowrepro.store.files import require_writable
from flowrepro.store.run_directory import RunDirectory
from flowrepro.sweep.pool import run_locally
from flowrepro.sweep.tasks import Answer, Remark, Task

LIMITS = ("NUMBA_NUM_THREADS",)
"""Matrix products keep the threads of a single run, as some studies' sums depend on their number
in the last bits (measured).
"""


def execute_together(
    batches: Sequence[Sequence[Case]],
    settings: Settings,
    workers: int,
    board: Board,
    done: Callable[[Outcome], None],
) -> None:
    """As `execute` for every batch, ``workers`` cases at a time; ``done`` sees them as they end.

    The first case that fails ends the others at their next safe moment, and its error is raised.
    """
    require_writable(settings.root)
    groups = [group for batch in batches for group in _linked(batch, settings)]
    alone = [any(kind_of(case).takes_all_cores(case) for case in group) for group in groups]
    board.total = sum(map(len, groups))

    def seen(outcome: Outcome) -> None:
        counts = Counter(str(claim["verdict"]) for claim in outcome.claims)
        verdicts = ", ".join(f"{count} {verdict}" for verdict, count in sorted(counts.items()))
        name = f"{outcome.case.command} {outcome.case.name}"
        board.finished(name, sum(outcome.timings.values()), verdicts or "no claim")
        done(outcome)

    for group in sorted(_where(groups, alone, True), key=_seconds, reverse=True):
        execute(group, settings, board, seen)
    run_tasks(list(_tasks(_where(groups, alone, False), settings, board)), workers, board, seen)


def run_tasks(
    tasks: Sequence[Task], workers: int, board: Board, done: Callable[[Outcome], None]
) -> None:
    """Give one case each to the workers."""
    complete: set[str] = set()
    failures: list[Answer] = []

    def answered(task: Task, answer: Answer) -> None:
        board.left(task.name)
        if answer.failed or answer.halt:
            failures.append(answer)
        elif not answer.interrupted:
            complete.add(task.name)
            done(_outcome(task, answer))

    def ready(task: Task) -> bool:
        return all(run_id(case) in complete for case in task.earlier)

    def heard(task: Task, remark: Remark) -> None:
        board.heard(task.name, f"{task.cases[0].command} {task.cases[0].name}", *remark)

    run_locally(
        sorted(tasks, key=lambda task: _seconds(task.cases), reverse=True),
        workers,
        answered,
        lambda: bool(failures) or board.interrupted(),
        ready,
        heard,
        LIMITS,
    )
    for failure in failures:
        raise _error(failure)
    if board.interrupted():
        raise Interrupted("stopped; finished cases, and checkpoints of the others, are kept")


def _error(failure: Answer) -> Exception:
    """What a worker met, as this process would have."""
    if failure.halt:
        return DiskFault(failure.halt)
    name, reason = failure.failed[0]
    if failure.trace:
        error = RuntimeError(f"{name}: {reason}")
        error.add_note(failure.trace)
        return error
    said = FlowreproError(reason)
    said.exit_code = failure.code
    return said


def _outcome(task: Task, answer: Answer) -> Outcome:
    (case,), (form,) = task.cases, answer.done
    directory = RunDirectory.of(task.root, case)
    tables = fill_tables(case, directory, lambda: load(directory))
    found = outcome_of(case, directory, figures=[Path(path) for path in form["figures"]])
    return replace(
        found, tables=tuple(tables), reused=form["reused"], timings=dict(form["timings"])
    )


def _tasks(groups: Iterable[Sequence[Case]], settings: Settings, board: Board) -> Iterator[Task]:
    options = {**asdict(settings), "verbose": board.verbose}
    root = options.pop("root")
    for group in groups:
        for case, earlier in zip(group, _earlier(group, settings), strict=True):
            yield Task(root, (case,), options, earlier)


def _earlier(batch: Sequence[Case], settings: Settings) -> list[tuple[Case, ...]]:
    """The cases before each one that the figures which it completes show beside it."""
    found = []
    for k, case in enumerate(batch):
        figures = completed_figures(case, [other.name for other in batch[:k]], settings)
        names = {name for figure in figures for name in figure.cases}
        found.append(tuple(other for other in batch[:k] if other.name in names))
    return found


def _linked(batch: Sequence[Case], settings: Settings) -> list[list[Case]]:
    """The cases of a batch in groups, those that a figure shows together in one."""
    groups: list[list[Case]] = []
    for case, earlier in zip(batch, _earlier(batch, settings), strict=True):
        mine = [group for group in groups if any(other in group for other in earlier)]
        groups = [group for group in groups if group not in mine]
        groups.append([*(other for group in mine for other in group), case])
    return groups


def _where(groups: Sequence[list[Case]], marks: Sequence[bool], mark: bool) -> list[list[Case]]:
    return [group for group, own in zip(groups, marks, strict=True) if own == mark]


def _seconds(cases: Iterable[Case]) -> float:
    return sum(SECONDS.get(f"{case.command} {case.name}", 1.0) for case in cases)
