"""What a case gives: computed into its folder, or read from it, whatever its kind."""

from __future__ import annotations

from flowrepro import data
from flowrepro.core.config import Case, StudyCase
from flowrepro.core.trajectory import Dataset
from flowrepro.run.ensembles import ManySeeds
from flowrepro.run.kind import Kind, Report, Result, Settings
from flowrepro.run.studies import StudyKind
from flowrepro.run.training import Training
from flowrepro.store.files import read_npz
from flowrepro.store.run_directory import RunDirectory


def kind_of(case: Case) -> Kind:
    """The kind of a case; the only place that asks."""
    if isinstance(case, StudyCase):
        return StudyKind()
    return Training() if case.seeds is None else ManySeeds()


def compute(case: Case, directory: RunDirectory, settings: Settings, report: Report) -> Result:
    """Load a case's points and compute it into its folder; Interrupted where it did not end."""
    dataset = None if case.data is None else data.load(case.data)
    if dataset and case.data and case.data.name == "file":
        report.doing(dataset.note)
    for warning in dataset.warnings if dataset else ():
        report.say(f"{case.name}: warning: {warning}")
    return kind_of(case).compute(case, dataset, directory, settings, report)


def load(directory: RunDirectory) -> Result:
    """A complete result from disk.

    Its points are rebuilt from the case or, where they are the user's, read from inputs.npz.
    """
    case, stored = directory.case(), directory.provenance()
    dataset = _points(case, directory, str(stored["dataset"]))
    return kind_of(case).load(case, dataset, directory, stored["engine"])


def _points(case: Case, directory: RunDirectory, note: str) -> Dataset | None:
    if case.data is not None and case.data.name == "file":
        arrays = read_npz(directory.file("inputs.npz"))
        return Dataset(arrays["x"], arrays["y"], note)
    return None if case.data is None else data.load(case.data)
