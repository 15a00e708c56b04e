"""From a study case to its findings: dataset -> the paper's study function -> run directory."""

from __future__ import annotations

import time

import numpy as np

from flowrepro.core.config import StudyCase, departures
from flowrepro.core.trajectory import Dataset, StopReason, Study
from flowrepro.errors import Interrupted, UsageError
from flowrepro.papers import registry
from flowrepro.run.training import Report
from flowrepro.store import provenance
from flowrepro.store.files import npz_bytes
from flowrepro.store.run_directory import RunDirectory

ENGINE = "study"
"""What stands for a study where runs name their engine; the study function calls engines as it needs them."""


def compute_study(
    case: StudyCase, dataset: Dataset | None, directory: RunDirectory, report: Report
) -> Study:
    """Compute a study into its folder with its provenance. An interrupted study starts anew: it takes seconds.

    Raises Interrupted between two units of its work, UsageError for a case whose function the wing does not have.
    """
    study = registry.study_of(case)
    directory.begin(case)
    report.say(f"{case.name}: a study of {case.paper}")

    def progress(done: int, total: int) -> None:
        report.progress(case.name, done, total)
        if report.interrupted():
            raise Interrupted(f"{case.name} stopped at {done} of {total}; a study starts anew")

    started = time.perf_counter()
    try:
        found = study.compute(case, dataset, progress)
    except (ArithmeticError, LookupError, ValueError, TypeError, MemoryError) as error:
        raise _refused(case, error) from error
    findings = Study(case, dataset, {name: np.asarray(values) for name, values in found.items()})
    wall_s = time.perf_counter() - started
    if case.data is not None and case.data.name == "file":
        directory.write("inputs.npz", npz_bytes({"x": findings.X, "y": findings.y}))
    directory.write("study.npz", npz_bytes(findings.arrays))
    directory.write_json("provenance.json", _provenance(findings, wall_s))
    directory.seal()
    return findings


def _refused(case: StudyCase, error: Exception) -> Exception:
    """What a failure means: a case as it is declared has a defect; one that the user changed was given values it is not made for."""
    declared = next(
        (
            other
            for other in registry.cases_of(case.command)
            if other.name == case.name and isinstance(other, StudyCase)
        ),
        case,
    )
    changed = departures(case, declared, allowed=())
    if not changed:
        return error
    return UsageError(
        f"case '{case.name}' cannot be computed with this {', '.join(changed)} ({error}); 'flowrepro list --keys' shows what it is made for"
    )


def _provenance(findings: Study, wall_s: float) -> dict[str, object]:
    case, stop = findings.case, StopReason.COMPLETE
    return {
        "experiment": case.command,
        "case": case.name,
        "seed": case.seed,
        "engine": ENGINE,
        "dataset": findings.dataset.note if findings.dataset else "",
        "stop": {"reason": stop.name, "meaning": stop.value, "note": ""},
        "stats": {},
        "wall_s": round(wall_s, 3),
        "fingerprint": provenance.study_fingerprint(case.paper),
        **provenance.describe(),
    }
