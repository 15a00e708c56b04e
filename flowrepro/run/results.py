"""What a case gives: computed into its folder, or read from it, whatever its kind."""

from __future__ import annotations

from flowrepro import data
from flowrepro.core.config import Case, StudyCase, run_id
from flowrepro.core.trajectory import Dataset
from flowrepro.errors import DataError
from flowrepro.papers import registry
from flowrepro.run.ensembles import ManySeeds
from flowrepro.run.kind import Kind, Report, Result, Settings
from flowrepro.run.remarks import uncached
from flowrepro.run.studies import StudyKind
from flowrepro.run.training import Training
from flowrepro.store.reading import read_npz, trusting
from flowrepro.store.run_directory import RunDirectory


def kind_of(case: Case) -> Kind:
    """The kind of a case; the only place that asks."""
    if isinstance(case, StudyCase):
        return StudyKind()
    return Training() if case.seeds is None else ManySeeds()


def compute(case: Case, directory: RunDirectory, settings: Settings, report: Report) -> Result:
    """Load a case's points and compute it into its folder; Interrupted where it did not end."""
    if sentence := uncached():
        report.say(f"warning: {sentence}")
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
    with trusting(directory.path):
        dataset = _points(case, directory, str(stored["dataset"]))
        return kind_of(case).load(case, dataset, directory, stored["engine"])


def _points(case: Case, directory: RunDirectory, note: str) -> Dataset | None:
    if case.data is not None and case.data.name == "file":
        arrays = read_npz(directory.file("inputs.npz"))
        return Dataset(arrays["x"], arrays["y"], note)
    return None if case.data is None else data.load(case.data)


def require_own_case(directory: RunDirectory) -> None:
    """DataError unless the folder is named after the case in it, and the case is known."""
    case = directory.case()
    if not directory.path.name.startswith(run_id(case)):
        raise DataError(
            f"{directory.path} holds the case whose folder is named {run_id(case)}: its name or "
            "its experiment.json was changed, so nothing in it can be judged"
        )
    if case.paper == case.command == registry.OWN:
        return
    known = case.paper in registry.PAPERS and case.command in registry.commands()
    if not known or not any(own.name == case.name for own in registry.cases_of(case.command)):
        raise DataError(
            f"{directory.path} holds the case '{case.name}' of {case.command}, which this version "
            "does not declare, so nothing in it can be judged; see 'flowrepro list'"
        )
