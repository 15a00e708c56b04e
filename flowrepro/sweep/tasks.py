"""The unit of work of a sweep: some cases, computed one after the other into their run
directories.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from flowrepro.core.config import Case, TrainingCase, from_json, run_id, to_json
from flowrepro.core.overrides import override
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
SWEEP = {"figures": (), "wait": True, "restart_if_changed": True}
"""How a sweep runs its cases."""


SAID_EVERY = 0.2
"""Seconds between two remarks on the progress of one worker."""
Remark = list[Any]
"""What a worker says on the way: ["say", text], ["doing", text], ["progress", step, steps]."""


@dataclass(frozen=True)
class Task:
    """Cases to compute below ``root``; what travels to a worker is its JSON.

    options : fields of `Settings` besides; those of a sweep unless given. earlier : complete cases
    that a figure shows beside these.
    """

    root: Path
    cases: tuple[Case, ...]
    options: Mapping[str, Any] = field(default_factory=lambda: SWEEP)
    earlier: tuple[Case, ...] = ()

    def to_json(self) -> str:
        """The message for a worker."""
        cases, earlier = ([*map(to_json, some)] for some in (self.cases, self.earlier))
        form = {"root": str(self.root), "options": dict(self.options)}
        return json.dumps({**form, "cases": cases, "earlier": earlier})

    @classmethod
    def from_json(cls, text: str) -> Task:
        """The task of a message."""
        form = json.loads(text)
        cases, earlier = (tuple(map(from_json, form[key])) for key in ("cases", "earlier"))
        options = {
            key: tuple(value) if isinstance(value, list) else value
            for key, value in form["options"].items()
        }
        return cls(Path(form["root"]), cases, options, earlier)

    @property
    def name(self) -> str:
        """The run ids of its cases."""
        return ", ".join(run_id(case) for case in self.cases)


@dataclass(frozen=True)
class Answer:
    """What became of a task: the cases that failed with their reasons;

    halt : nothing more can be written (disk, rights). code, trace : exit code of the first failure,
    and where a defect came from. done : what `Outcome` says of each case beside its folder.
    """

    failed: tuple[tuple[str, str], ...] = ()
    interrupted: bool = False
    halt: str = ""
    code: int = 0
    trace: str = ""
    done: tuple[Mapping[str, Any], ...] = ()

    def to_json(self) -> str:
        """The message of a worker."""
        return json.dumps(dataclasses.asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Answer:
        """The answer of a message."""
        form = json.loads(text)
        failed = tuple((name, reason) for name, reason in form["failed"])
        return cls(**{**form, "failed": failed, "done": tuple(form["done"])})


def cases_of(
    points: Iterable[Point], seeds: tuple[int, int], at_once: Callable[[TrainingCase], bool]
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


class _Telling:
    """The report of a worker: its driver hears what it says, and it stops when it is told to."""

    def __init__(
        self, interrupted: Callable[[], bool], tell: Callable[[Remark], object], verbose: bool
    ) -> None:
        self.interrupted, self.tell, self.verbose = interrupted, tell, verbose
        self._told = 0.0

    def say(self, text: str) -> None:
        self.tell(["say", text])

    def doing(self, text: str) -> None:
        self.tell(["doing", text])

    def progress(self, label: str, step: int, n_steps: int) -> None:
        if time.monotonic() - self._told > SAID_EVERY:
            self._told = time.monotonic()
            self.tell(["progress", int(step), int(n_steps)])


def perform(
    task: Task,
    interrupted: Callable[[], bool],
    tell: Callable[[Remark], object] = lambda remark: None,
) -> Answer:
    """Compute the cases that are missing; a case that fails does not keep the others from being
    computed.
    """
    from flowrepro.papers.plugins import add_installed
    from flowrepro.run.kind import Settings
    from flowrepro.run.pipeline import execute_case
    from flowrepro.run.results import load

    add_installed()
    options = dict(task.options)
    report = _Telling(interrupted, tell, options.pop("verbose", False))
    settings = Settings(root=task.root, **options)
    earlier = {
        case.name: functools.cache(functools.partial(load, RunDirectory.of(task.root, case)))
        for case in task.earlier
    }
    failed: list[tuple[str, str]] = []
    done: list[dict[str, Any]] = []
    code, trace = 0, ""
    for case in task.cases:
        try:
            outcome, _ = execute_case(case, settings, report, earlier)
            figures = [str(path) for path in outcome.figures]
            done.append({"figures": figures, "reused": outcome.reused, "timings": outcome.timings})
        except Interrupted:
            return Answer(tuple(failed), interrupted=True)
        except DiskFault as error:
            return Answer(tuple(failed), halt=str(error))
        except FlowreproError as error:
            failed.append((run_id(case), str(error)))
            code = code or error.exit_code
        except (
            Exception
        ) as error:  # a defect in one case must not end the sweep; it is named in the summary
            failed.append((run_id(case), f"internal error: {type(error).__name__}: {error}"))
            code, trace = code or 1, trace or traceback.format_exc()
    return Answer(tuple(failed), code=code, trace=trace, done=tuple(done))
