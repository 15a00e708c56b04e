"""The arrows of a run: row -> dataset -> weights -> engine -> trajectory -> checks -> figures -> run directory."""

from __future__ import annotations

import contextlib
import math
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from flowrepro import papers, provenance
from flowrepro.drawing import Filled, draw_animations, draw_figures, fill_tables
from flowrepro.errors import DataError, Interrupted, UsageError
from flowrepro.experiment import AnyRow, Row, Study, knows, override
from flowrepro.results import Result, compute, load
from flowrepro.runs import RunDirectory
from flowrepro.storage import locked, read_json, require_writable
from flowrepro.theory.result import Check
from flowrepro.training import Report, Settings
from flowrepro.trajectory import StopReason


@dataclass(frozen=True)
class Outcome:
    """A row after its pipeline: where it lies, its verdicts (as stored), its images, whether it was reused.

    unique_until : flow time from which the run is one of several flows; inf for descents and unique flows.
    """

    row: Row
    directory: Path
    engine: str
    stop: StopReason
    stop_note: str
    checks: tuple[Mapping[str, Any], ...]
    figures: tuple[Path, ...] = ()
    tables: tuple[Filled, ...] = ()
    reused: bool = False
    wall_s: float = 0.0
    timings: Mapping[str, float] = field(default_factory=dict)
    unique_until: float = math.inf


def quick_variant(row: AnyRow) -> AnyRow:
    """The row with its reduced protocol; keys that its (user's) data does not know are left out."""
    return override(row, {key: value for key, value in row.quick.items() if knows(row, key)})


# ---- checking


def declared_checks(row: Row) -> tuple[Check, ...]:
    """The checks of the row's paper that are declared for it; for an ensemble, those of many seeds."""
    many = row.seeds is not None
    return tuple(check for check in papers.wing(row.paper, "checks").CHECKS if row.name in check.rows and check.many_seeds == many)


def evaluate(run: Result) -> list[dict[str, Any]]:
    """Every declared check of the run's row, as stored in checks.json."""
    return [{**check.function(run).to_json(), "row": run.row.name, "family": check.family, "claim": check.claim} for check in declared_checks(run.row)]


# ---- the whole pipeline


def execute(rows: Sequence[Row], settings: Settings, report: Report, done: Callable[[Outcome], None] = lambda outcome: None) -> list[Outcome]:
    """Run, check and draw rows of one subcommand; ``done`` sees each row's outcome as soon as it is sealed."""
    require_writable(settings.root)
    outcomes: list[Outcome] = []
    runs: dict[str, Callable[[], Result]] = {}
    for row in rows:
        outcome, run = execute_row(row, settings, report, runs)
        runs[row.name] = run
        outcomes.append(outcome)
        done(outcome)
        if report.interrupted():
            raise Interrupted(f"stopped after row {row.name}; finished rows are in {settings.root}")
    return outcomes


def execute_row(row: Row, settings: Settings, report: Report, earlier: Mapping[str, Callable[[], Result]]) -> tuple[Outcome, Callable[[], Result]]:
    """One row; ``earlier`` gives the runs that a figure may need besides this one."""
    directory = RunDirectory.of(settings.root, row)
    with locked(directory.lock, settings.wait, report.interrupted):
        directory.clean()
        started = time.perf_counter()
        run = _run_or_reuse(row, directory, settings, report)
        reused = run is None
        trained = time.perf_counter()
        cache = [] if run is None else [run]

        def get() -> Result:
            if not cache:
                cache.append(load(directory))
            return cache[0]

        checks = _checks(directory, get, report)
        checked = time.perf_counter()
        figures = draw_figures(row, directory, get, earlier, settings, report)
        tables = fill_tables(row, directory, get)
        figures += draw_animations(row, directory, get, settings, report)
        drawn = time.perf_counter()
        stored = directory.provenance()
    stop = stored["stop"]
    timings = {"train": trained - started, "checks": checked - trained, "figures": drawn - checked}
    outcome = Outcome(
        row=row,
        directory=directory.path,
        engine=stored["engine"],
        stop=StopReason[stop["reason"]],
        stop_note=stop["note"],
        checks=tuple(checks),
        figures=tuple(figures),
        tables=tuple(tables),
        reused=reused,
        wall_s=float(stored["wall_s"]),
        unique_until=float(stored["stats"].get("unique_until", math.inf)),
        timings={name: round(seconds, 3) for name, seconds in timings.items()},
    )
    return outcome, get


def _run_or_reuse(row: Row, directory: RunDirectory, settings: Settings, report: Report) -> Result | None:
    """The run if it was computed now, None if the folder already holds it complete and intact."""
    if directory.is_complete() and not settings.fresh:
        damage = directory.damage(results_only=True)
        if not damage and (derived := directory.damage()):
            report.say(f"{directory.path}: {'; '.join(derived)}; verdicts and figures are made anew")
            directory.drop_derived()
        if not damage and not (isinstance(row, Study) and (changed := _changed(row, directory))):
            _say_reuse(row, directory, report)
            return None
        if not damage:
            report.say(f"{directory.path} was computed under another {', '.join(changed)}; kept as {directory.set_aside('replaced').name} and computed anew")
            return compute(row, directory, settings, report)
        report.say(f"{directory.path} is invalid ({'; '.join(damage)}); moved aside to {directory.set_aside('invalid').name} and computed anew")
    elif directory.is_complete():
        report.say(f"computing {directory.path} afresh; the earlier result is kept as {directory.set_aside('replaced').name}")
    elif settings.new and directory.file("checkpoint.npz").exists():
        report.say(f"starting {directory.path} anew; the unfinished one is kept as {directory.set_aside('unfinished').name}")
    return compute(row, directory, settings, report)


def _say_reuse(row: Row, directory: RunDirectory, report: Report) -> None:
    changed = _changed(row, directory)
    remark = f" (computed under another {', '.join(changed)}; --fresh recomputes)" if changed else ""
    report.say(f"{row.name}: reusing {directory.path}{remark}")


def _changed(row: Row, directory: RunDirectory) -> list[str]:
    """What differs between now and when a result was computed."""
    stored = directory.provenance()
    now = provenance.study_fingerprint(row.paper) if isinstance(row, Study) else provenance.fingerprint(stored["engine"], row.protocol.device)
    return [key for key, value in stored["fingerprint"].items() if now.get(key) != value]


def _checks(directory: RunDirectory, get: Callable[[], Result], report: Report) -> list[dict[str, Any]]:
    """The stored verdicts if the code is still the same, else evaluated and stored anew."""
    path = directory.file("checks.json")
    if path.exists():
        stored = read_json(path)
        if stored["package"] == provenance.package_hash():
            return list(stored["checks"])
    report.say("checking")
    return evaluate_and_store(directory, get())


def evaluate_and_store(directory: RunDirectory, run: Result) -> list[dict[str, Any]]:
    """Evaluate every check of a run and keep the verdicts in its folder."""
    checks = evaluate(run)
    directory.write_json("checks.json", {"package": provenance.package_hash(), "checks": checks})
    directory.seal()
    return checks


# ---- verifying


def verify_targets(targets: Sequence[str], root: Path, quick: bool, report: Report) -> tuple[list[dict[str, Any]], list[StopReason]]:
    """The checks and the stops of experiments (by name; run first where missing below ``root``) and of run directories, evaluated anew.

    Raises DataError for a run directory that is unfinished or whose files do not have their sha256.
    """
    directories: list[RunDirectory] = []
    for target in targets:
        if target in papers.COMMANDS:
            rows = [quick_variant(row) if quick else row for row in papers.rows_of(target)]
            execute(rows, Settings(root=root, figures=()), report)
            directories += [RunDirectory.of(root, row) for row in rows]
        elif Path(target).is_dir():
            directories.append(RunDirectory(Path(target)))
        else:
            raise UsageError(f"'{target}' is neither an experiment ({', '.join(papers.COMMANDS)}) nor a run directory")
    checks, stops = [], []
    for directory in directories:
        found, stop = verify_run(directory, report)
        checks += found
        stops.append(stop)
    return checks, stops


def verify_run(directory: RunDirectory, report: Report) -> tuple[list[dict[str, Any]], StopReason]:
    """Re-hash a complete run and evaluate its checks anew, keeping the verdicts where the folder can be written."""
    if not directory.is_complete():
        raise DataError(f"{directory.path} is not a complete run; the command that began it finishes it")
    writable = os.access(directory.path, os.W_OK)
    with locked(directory.lock) if writable else contextlib.nullcontext():
        if damage := directory.damage():
            raise DataError(f"{directory.path} is invalid: {'; '.join(damage)}; run it again, which keeps the damaged folder beside")
        stop = StopReason[directory.provenance()["stop"]["reason"]]
        if writable:
            return evaluate_and_store(directory, load(directory)), stop
        report.say(f"{directory.path} is read-only; the verdicts are not kept")
        return evaluate(load(directory)), stop
