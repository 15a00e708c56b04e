"""A study: dataset -> the paper's study function -> arrays in the run directory."""

from __future__ import annotations

import time

import numpy as np

from flowrepro.core.config import StudyCase
from flowrepro.core.overrides import departures
from flowrepro.core.trajectory import Dataset, Stop, StopReason, Study
from flowrepro.errors import FlowreproError, Interrupted, UsageError
from flowrepro.papers import registry
from flowrepro.run.kind import Kind, Report, Settings, described, loader_of
from flowrepro.store import provenance
from flowrepro.store.fingerprint import package_code
from flowrepro.store.reading import npz_bytes, read_npz
from flowrepro.store.run_directory import RunDirectory

FILE = "study.npz"
ENGINE = "study"
"""What stands for a study where runs name their engine; it calls engines as it needs them."""


class StudyKind(Kind):
    """What is no single trajectory: a law, a table, the analysis of a data set."""

    recomputes = True

    def compute(
        self,
        case: StudyCase,
        dataset: Dataset | None,
        directory: RunDirectory,
        settings: Settings,
        report: Report,
    ) -> Study:
        """Compute; an interrupted study starts anew, since it takes seconds.

        Raises Interrupted between two units of its work, UsageError for a function that its paper
        does not have.
        """
        study = registry.study_of(case)
        directory.begin(case)
        report.doing(f"{case.name}: a study of {case.paper}")

        def progress(done: int, total: int) -> None:
            report.progress(case.name, done, total)
            if report.interrupted():
                raise Interrupted(f"{case.name} stopped at {done} of {total}; a study starts anew")

        started = time.perf_counter()
        try:
            found = study.compute(case, dataset, progress)
        except FlowreproError:
            raise
        except (ArithmeticError, LookupError, ValueError, TypeError, MemoryError) as error:
            raise _refused(case, error) from error
        wall_s = time.perf_counter() - started
        result = Study(case, dataset, {name: np.asarray(values) for name, values in found.items()})
        if case.data is not None and case.data.name == "file":
            directory.write("inputs.npz", npz_bytes({"x": result.X, "y": result.y}))
        directory.write(FILE, npz_bytes(result.arrays))
        conditions, stop = self.conditions(case, ENGINE), Stop(StopReason.COMPLETE, 0, 0.0)
        form = described(case, dataset, ENGINE, stop, conditions, wall_s)
        directory.write_json("provenance.json", form)
        directory.seal()
        return result

    def takes_all_cores(self, case: StudyCase) -> bool:
        """Whether its study says so."""
        return registry.study_of(case).takes_all_cores

    def load(
        self, case: StudyCase, dataset: Dataset | None, directory: RunDirectory, engine: str
    ) -> Study:
        """The study in a complete folder."""
        return Study(case, dataset, read_npz(directory.file(FILE)))

    def conditions(self, case: StudyCase, engine: str) -> dict[str, str]:
        """The code that the study's function and its points reach."""
        function = registry.study_of(case).function
        package = function.__module__.partition(".")[0]
        starts = [(function.__module__, function.__name__), *loader_of(case)]
        code = package_code(package).fingerprint(starts)
        libraries = ("numba", "scipy", "torch")
        return provenance.conditions(code, libraries, threads_matter=True, engine=engine)


def _refused(case: StudyCase, error: Exception) -> Exception:
    """What a failure means.

    A case as it is declared has a defect. One that the user changed was given values that it is not
    made for.
    """
    declared = [own for own in registry.cases_of(case.command) if own.name == case.name]
    changed = departures(case, declared[0], allowed=()) if declared else []
    if not changed:
        return error
    return UsageError(
        f"case '{case.name}' cannot be computed with this {', '.join(changed)} ({error}); "
        "'flowrepro list --keys' shows what it is made for"
    )
