"""From a study row to its findings: dataset -> the paper's study function -> run directory."""

from __future__ import annotations

import time

import numpy as np

from flowrepro import papers, provenance
from flowrepro.errors import Interrupted, UsageError
from flowrepro.experiment import Study, departures
from flowrepro.runs import RunDirectory
from flowrepro.storage import npz_bytes
from flowrepro.training import Report
from flowrepro.trajectory import Dataset, Findings, StopReason

ENGINE = "study"
"""What stands for a study where runs name their engine; the study function calls engines as it needs them."""


def compute_study(row: Study, dataset: Dataset | None, directory: RunDirectory, report: Report) -> Findings:
    """Compute a study into its folder with its provenance. An interrupted study starts anew: it takes seconds.

    Raises Interrupted between two units of its work, UsageError for a row whose function the wing does not have.
    """
    functions = papers.wing(row.paper, "studies").STUDIES
    if row.computes not in functions:
        raise UsageError(f"row '{row.name}' computes '{row.computes}', but the studies of {row.paper} are {', '.join(functions)}")
    directory.begin(row)
    report.say(f"{row.name}: a study of {row.paper}")

    def progress(done: int, total: int) -> None:
        report.progress(row.name, done, total)
        if report.interrupted():
            raise Interrupted(f"{row.name} stopped at {done} of {total}; a study starts anew")

    started = time.perf_counter()
    try:
        found = functions[row.computes](row, dataset, progress)
    except (ArithmeticError, LookupError, ValueError, TypeError, MemoryError) as error:
        raise _refused(row, error) from error
    findings = Findings(row, dataset, {name: np.asarray(values) for name, values in found.items()})
    wall_s = time.perf_counter() - started
    if row.data is not None and row.data.name == "file":
        directory.write("inputs.npz", npz_bytes({"x": findings.X, "y": findings.y}))
    directory.write("study.npz", npz_bytes(findings.arrays))
    directory.write_json("provenance.json", _provenance(findings, wall_s))
    directory.seal()
    return findings


def _refused(row: Study, error: Exception) -> Exception:
    """What a failure means: a row as it is declared has a defect; one that the user changed was given values it is not made for."""
    declared = next((other for other in papers.rows_of(row.command) if other.name == row.name and isinstance(other, Study)), row)
    changed = departures(row, declared, allowed=())
    if not changed:
        return error
    return UsageError(f"row '{row.name}' cannot be computed with this {', '.join(changed)} ({error}); 'flowrepro list --keys' shows what it is made for")


def _provenance(findings: Findings, wall_s: float) -> dict[str, object]:
    row, stop = findings.row, StopReason.COMPLETE
    return {
        "experiment": row.command,
        "row": row.name,
        "seed": row.seed,
        "engine": ENGINE,
        "dataset": findings.dataset.note if findings.dataset else "",
        "stop": {"reason": stop.name, "meaning": stop.value, "note": ""},
        "stats": {},
        "wall_s": round(wall_s, 3),
        "fingerprint": provenance.study_fingerprint(row.paper),
        **provenance.describe(),
    }
