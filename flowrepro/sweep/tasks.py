"""The unit of work of a sweep: some cases, computed one after the other into their run
directories.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from flowrepro.core.config import Case, TrainingCase, from_json, override, run_id, to_json
from flowrepro.errors import DiskFault, FlowreproError, Interrupted
from flowrepro.run.seeds import seed_changes
from flowrepro.store import provenance
from flowrepro.store.places import is_plain_folder
from flowrepro.store.run_directory import RunDirectory
from flowrepro.sweep.grid import Point

STEPS_PER_TASK = 60_000_000
"""Steps of all seeds of an ensemble that make one task (chosen: about 8 s of the toy)."""
SEEDS_PER_TASK = 2_500
"""Seeds of one ensemble at most (chosen: 4 MB of losses)."""


@dataclass(frozen=True)
class Task:
    """Cases to compute below ``root``; what travels to a worker is its JSON."""

    root: Path
    cases: tuple[Case, ...]

    def to_json(self) -> str:
        """The message for a worker."""
        return json.dumps({"root": str(self.root), "cases": [to_json(case) for case in self.cases]})

    @classmethod
    def from_json(cls, text: str) -> Task:
        """The task of a message."""
        form = json.loads(text)
        return cls(Path(form["root"]), tuple(from_json(case) for case in form["cases"]))

    @property
    def name(self) -> str:
        """The run ids of its cases."""
        return ", ".join(run_id(case) for case in self.cases)


@dataclass(frozen=True)
class Answer:
    """What became of a task: the cases that failed with their reasons;

    ``halt``: nothing more can be written (disk, rights).
    """

    failed: tuple[tuple[str, str], ...] = ()
    interrupted: bool = False
    halt: str = ""

    def to_json(self) -> str:
        """The message of a worker."""
        return json.dumps(
            {"failed": self.failed, "interrupted": self.interrupted, "halt": self.halt}
        )

    @classmethod
    def from_json(cls, text: str) -> Answer:
        """The answer of a message."""
        form = json.loads(text)
        return cls(
            tuple((name, reason) for name, reason in form["failed"]),
            form["interrupted"],
            form["halt"],
        )


def cases_of(
    points: Sequence[Point], seeds: tuple[int, int], at_once: Callable[[TrainingCase], bool]
) -> Iterator[tuple[Point, Case]]:
    """Each point with its cases: one for every seed, or ensembles of seeds where ``at_once`` says
    that they can be run so.
    """
    first, last = seeds
    for point in points:
        if isinstance(point.case, TrainingCase) and at_once(point.case):
            size = max(1, min(SEEDS_PER_TASK, STEPS_PER_TASK // point.case.protocol.n_steps))
            for start in range(first, last, size):
                yield point, replace(point.case, seeds=(start, min(start + size, last)))
        else:
            for seed in range(first, last):
                yield point, override(point.case, seed_changes(point.case, seed))


def is_done(root: Path, case: Case) -> bool:
    """Whether the case's folder is complete, every file has its size, and the verdicts are of the
    present code.
    """
    directory = RunDirectory.of(root, case)
    try:
        there = (
            is_plain_folder(directory.path)
            and directory.is_complete()
            and directory.has_sizes()
            and directory.holds("claims.json")
        )
        return there and directory.judged()["package"] == provenance.package_hash()
    except FlowreproError:
        return False


def is_intact(root: Path, case: Case) -> bool:
    """Whether the case is done and every file has its sha256;

    False also where a later version wrote it.
    """
    try:
        return is_done(root, case) and not RunDirectory.of(root, case).damage()
    except FlowreproError:
        return False


class _Quiet:
    """The report of a worker: says nothing, stops when it is told to."""

    def __init__(self, interrupted: Callable[[], bool]) -> None:
        self.interrupted = interrupted

    def say(self, text: str) -> None:
        pass

    def progress(self, label: str, step: int, n_steps: int) -> None:
        pass


def perform(task: Task, interrupted: Callable[[], bool]) -> Answer:
    """Compute the cases that are missing; a case that fails does not keep the others from being
    computed.
    """
    from flowrepro.papers.plugins import add_installed
    from flowrepro.run.kind import Settings
    from flowrepro.run.pipeline import execute_case

    add_installed()
    failed: list[tuple[str, str]] = []
    for case in task.cases:
        try:
            execute_case(
                case,
                Settings(root=task.root, figures=(), wait=True, restart_if_changed=True),
                _Quiet(interrupted),
                {},
            )
        except Interrupted:
            return Answer(tuple(failed), interrupted=True)
        except DiskFault as error:
            return Answer(tuple(failed), halt=str(error))
        except FlowreproError as error:
            failed.append((run_id(case), str(error)))
        except (
            Exception
        ) as error:  # a defect in one case must not end the sweep; it is named in the summary
            failed.append((run_id(case), f"internal error: {type(error).__name__}: {error}"))
    return Answer(tuple(failed))
