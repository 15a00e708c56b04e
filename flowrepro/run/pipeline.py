"""The arrows of a run: case -> dataset -> weights -> engine -> trajectory -> claims -> figures ->
run directory.
"""

from __future__ import annotations

import contextlib
import math
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from flowrepro.claims.claim import Claim
from flowrepro.claims.verdict import none_of
from flowrepro.core.config import AnyCase, Case
from flowrepro.core.overrides import knows, override
from flowrepro.core.trajectory import StopReason, unique_until
from flowrepro.errors import DataError, Interrupted, UsageError
from flowrepro.papers import registry
from flowrepro.run.consistency import inconsistencies
from flowrepro.run.drawing import Filled, draw_animations, draw_figures, fill_tables
from flowrepro.run.kind import Report, Result, Settings
from flowrepro.run.results import compute, kind_of, load, require_own_case
from flowrepro.store import provenance
from flowrepro.store.files import require_writable
from flowrepro.store.locks import locked
from flowrepro.store.places import is_plain_file, shown
from flowrepro.store.reading import trusting
from flowrepro.store.run_directory import CHECKPOINT, RunDirectory

FRESH = "compute it again with --fresh, which says more"
NAMED = 10
"""Files that a message names one by one."""


@dataclass(frozen=True)
class Outcome:
    """A case after its pipeline: where it lies, its verdicts (as stored), its images, whether it
    was reused.

    unique_until : flow time from which the run is one of several flows; inf for descents and unique
        flows. warnings : what the run says of itself (`remarks`).
    """

    case: Case
    directory: Path
    engine: str
    stop: StopReason
    stop_note: str
    claims: tuple[Mapping[str, Any], ...]
    figures: tuple[Path, ...] = ()
    tables: tuple[Filled, ...] = ()
    reused: bool = False
    wall_s: float = 0.0
    timings: Mapping[str, float] = field(default_factory=dict)
    unique_until: float = math.inf
    warnings: tuple[str, ...] = ()


def quick_variant(case: AnyCase) -> AnyCase:
    """The case with its reduced protocol; keys that its (user's) data does not know are left
    out.
    """
    return override(case, {key: value for key, value in case.quick.items() if knows(case, key)})


# ---- checking


def evaluate(result: Result, directory: RunDirectory | None = None) -> list[dict[str, Any]]:
    """Every claim that judges the result's case, as stored in claims.json.

    A result that does not belong to its case passes none of them. ``directory`` is where it is
    stored, for a result that was not computed just now.
    """
    faults = inconsistencies(result, directory)
    claims = registry.claims_of(result.case)
    if not faults:
        return [claim.to_json(result) for claim in claims]
    note = f"the stored result is inconsistent: {'; '.join(faults)}"
    own = Claim(
        id="consistency",
        paper=result.case.paper,
        place="every claim",
        sentence="The stored result belongs to its own case.",
        kind="theory",
        cases=(result.case,),
        measure=lambda _: [none_of(note, len(faults))],
        label="engine",
    )
    plain = [getattr(claim, "claim", claim) for claim in claims]  # without `Elsewhere`
    failing = [replace(claim, given=(), measure=own.measure) for claim in plain]
    return [claim.to_json(result) for claim in (*failing, own)]


# ---- the whole pipeline


def execute(
    cases: Sequence[Case],
    settings: Settings,
    report: Report,
    done: Callable[[Outcome], None] = lambda outcome: None,
) -> list[Outcome]:
    """Run, claim and draw cases of one subcommand;

    ``done`` sees each case's outcome as soon as it is sealed.
    """
    require_writable(settings.root)
    outcomes: list[Outcome] = []
    runs: dict[str, Callable[[], Result]] = {}
    for case in cases:
        outcome, run = execute_case(case, settings, report, runs)
        runs[case.name] = run
        outcomes.append(outcome)
        done(outcome)
        if report.interrupted():
            raise Interrupted(
                f"stopped after case {case.name}; finished cases are in {settings.root}"
            )
    return outcomes


def execute_case(
    case: Case, settings: Settings, report: Report, earlier: Mapping[str, Callable[[], Result]]
) -> tuple[Outcome, Callable[[], Result]]:
    """One case; ``earlier`` gives the runs that a figure may need besides this one."""
    directory = RunDirectory.of(settings.root, case)
    with locked(directory.lock, settings.wait, report.interrupted):
        directory.clean()
        started, begun = time.perf_counter(), is_plain_file(directory.file(CHECKPOINT))
        run = _run_or_reuse(case, directory, settings, report)
        reused = run is None
        trained = time.perf_counter()
        for sentence in directory.provenance().get("warnings", ()):
            report.say(f"{case.name}: warning: {sentence}")
        cache = [] if run is None else [run]

        def get() -> Result:
            if not cache:
                cache.append(load(directory))
            return cache[0]

        with trusting(directory.path, FRESH) if reused or begun else contextlib.nullcontext():
            claims = _claims(directory, get, report)
            checked = time.perf_counter()
            figures = draw_figures(case, directory, get, earlier, settings, report)
            tables = fill_tables(case, directory, get)
            figures += draw_animations(case, directory, get, settings, report)
        drawn = time.perf_counter()
    timings = {"train": trained - started, "claims": checked - trained, "figures": drawn - checked}
    outcome = replace(
        outcome_of(case, directory, claims, figures),
        tables=tuple(tables),
        reused=reused,
        timings={name: round(seconds, 3) for name, seconds in timings.items()},
    )
    return outcome, get


def outcome_of(
    case: Case,
    directory: RunDirectory,
    claims: Sequence[Mapping[str, Any]] | None = None,
    figures: Sequence[Path] = (),
) -> Outcome:
    """The outcome that a complete folder holds; its verdicts are read unless given."""
    stored = directory.provenance()
    stop = stored["stop"]
    return Outcome(
        case=case,
        directory=directory.path,
        engine=stored["engine"],
        stop=StopReason[stop["reason"]],
        stop_note=stop["note"],
        claims=tuple(directory.claims() if claims is None else claims),
        figures=tuple(figures),
        wall_s=float(stored["wall_s"]),
        unique_until=unique_until(stored["stats"]),
        warnings=tuple(map(str, stored.get("warnings", ()))),
    )


def _run_or_reuse(
    case: Case, directory: RunDirectory, settings: Settings, report: Report
) -> Result | None:
    """The run if it was computed now, None if the folder already holds it complete and intact."""
    if directory.is_complete() and not settings.fresh:
        damage = directory.damage(results_only=True)
        if not damage and (derived := directory.damage()):
            report.say(
                f"{directory.path}: {'; '.join(derived)}; verdicts and figures are made anew"
            )
            directory.drop_derived()
        if not damage and not (kind_of(case).recomputes and (changed := _changed(case, directory))):
            _say_reuse(case, directory, report)
            return None
        if not damage:
            report.say(
                f"{directory.path} was computed under another {', '.join(changed)}; kept as "
                f"{directory.set_aside('replaced').name} and computed anew"
            )
            return compute(case, directory, settings, report)
        report.say(
            f"{directory.path} is invalid ({'; '.join(damage)}); moved aside to "
            f"{directory.set_aside('invalid').name} and computed anew"
        )
    elif directory.is_complete():
        report.say(
            f"computing {directory.path} afresh; the earlier result is kept as "
            f"{directory.set_aside('replaced').name}"
        )
    elif settings.new and is_plain_file(directory.file(CHECKPOINT)):
        report.say(
            f"starting {directory.path} anew; the unfinished one is kept as "
            f"{directory.set_aside('unfinished').name}"
        )
    return compute(case, directory, settings, report)


def _say_reuse(case: Case, directory: RunDirectory, report: Report) -> None:
    changed = _changed(case, directory)
    remark = (
        f" (computed under another {', '.join(changed)}; --fresh recomputes)" if changed else ""
    )
    say = report.say if changed else report.doing
    say(f"{case.name}: reusing {directory.path}{remark}")


def _changed(case: Case, directory: RunDirectory) -> list[str]:
    """What differs between now and when a result was computed."""
    stored = directory.provenance()
    now = kind_of(case).conditions(case, stored["engine"])
    return [key for key, value in stored["fingerprint"].items() if now.get(key) != value]


def _claims(
    directory: RunDirectory, get: Callable[[], Result], report: Report
) -> list[dict[str, Any]]:
    """The stored verdicts if the code is still the same, else evaluated and stored anew."""
    if directory.holds("claims.json"):
        stored = directory.judged()
        if stored["package"] == provenance.package_hash():
            return list(stored["claims"])
    report.doing("checking")
    return evaluate_and_store(directory, get())


def evaluate_and_store(
    directory: RunDirectory, run: Result, stored: bool = False
) -> list[dict[str, Any]]:
    """Evaluate every claim of a run and keep the verdicts in its folder."""
    claims = evaluate(run, directory if stored else None)
    directory.write_json("claims.json", {"package": provenance.package_hash(), "claims": claims})
    directory.seal()
    return claims


# ---- verifying


def verify_targets(
    targets: Sequence[str], root: Path, quick: bool, report: Report
) -> tuple[list[dict[str, Any]], list[StopReason]]:
    """The claims and the stops of experiments (by name; run first where missing below ``root``) and
    of run directories, evaluated anew.

    Raises DataError for a run directory that is unfinished or whose files do not have their sha256.
    """
    directories: list[RunDirectory] = []
    for target in targets:
        if target in registry.commands():
            cases = [quick_variant(case) if quick else case for case in registry.cases_of(target)]
            execute(cases, Settings(root=root, figures=()), report)
            directories += [RunDirectory.of(root, case) for case in cases]
        elif Path(target).is_dir():
            directories.append(RunDirectory.named(Path(target)))
        else:
            raise UsageError(
                f"'{target}' is neither an experiment ({', '.join(registry.commands())}) nor a "
                "run directory"
            )
    claims, stops = [], []
    for directory in directories:
        found, stop = verify_run(directory, report)
        claims += found
        stops.append(stop)
    return claims, stops


def verify_run(directory: RunDirectory, report: Report) -> tuple[list[dict[str, Any]], StopReason]:
    """Re-hash a complete run and evaluate its claims anew, keeping the verdicts where the folder
    can be written.
    """
    if not directory.is_complete():
        raise DataError(
            f"{directory.path} is not a complete run; the command that began it finishes it"
        )
    writable = os.access(directory.path, os.W_OK)
    with locked(directory.lock) if writable else contextlib.nullcontext():
        if damage := directory.damage():
            raise DataError(
                f"{directory.path} is invalid: {'; '.join(damage)}; run it again, which keeps the "
                "damaged folder beside"
            )
        if foreign := directory.foreign():
            rest = f" and {len(foreign) - NAMED} more" if len(foreign) > NAMED else ""
            report.say(
                f"{directory.path} also holds what no run wrote, which is not verified: "
                f"{', '.join(map(shown, foreign[:NAMED]))}{rest}"
            )
        require_own_case(directory)
        stop = StopReason[directory.provenance()["stop"]["reason"]]
        result = load(directory)
        with trusting(directory.path, FRESH):
            if writable:
                return evaluate_and_store(directory, result, stored=True), stop
            report.say(f"{directory.path} is read-only; the verdicts are not kept")
            return evaluate(result, directory), stop
