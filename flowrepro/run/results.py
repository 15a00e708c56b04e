"""What a case gives: a run, an ensemble of seeds, or the findings of a study; computed into its folder, or read from it."""

from __future__ import annotations

from flowrepro import data
from flowrepro.core.config import Case, TrainingCase
from flowrepro.core.trajectory import Dataset, Ensemble, Run, Study
from flowrepro.errors import DataError
from flowrepro.run.studying import compute_study
from flowrepro.run.training import Report, Settings, prepare, train, train_ensemble
from flowrepro.store.files import read_npz
from flowrepro.store.run_directory import RunDirectory, load_ensemble, load_trajectory

Result = Run | Ensemble | Study


def compute(case: Case, directory: RunDirectory, settings: Settings, report: Report) -> Result:
    """Load a case's points and compute it into its folder; raises Interrupted where it did not come to its end."""
    dataset = None if case.data is None else data.load(case.data)
    for warning in dataset.warnings if dataset else ():
        report.say(f"{case.name}: warning: {warning}")
    if not isinstance(case, TrainingCase):
        return compute_study(case, dataset, directory, report)
    assert dataset is not None
    problem = prepare(case, dataset)
    return (train if case.seeds is None else train_ensemble)(
        case, dataset, problem, directory, settings, report
    )


def load(directory: RunDirectory) -> Result:
    """A complete result from disk; its points are rebuilt from the case or, where they are the user's, read from inputs.npz."""
    case = directory.case()
    provenance = directory.provenance()
    dataset = _points(case, directory, str(provenance["dataset"]))
    if not isinstance(case, TrainingCase):
        try:
            return Study(case, dataset, read_npz(directory.file("study.npz")))
        except ValueError as error:
            raise DataError(
                f"{directory.file('study.npz')} is not a study of this version of flowrepro ({error})"
            ) from error
    assert dataset is not None
    if case.seeds is not None:
        ensemble = load_ensemble(directory.file("ensemble.npz"))
        _require_together(directory, case, dataset, ensemble.W.shape[2:], ensemble.last_step)
        return Ensemble(case, dataset, ensemble, provenance["engine"])
    trajectory = load_trajectory(directory.file("trajectory.npz"))
    _require_together(
        directory,
        case,
        dataset,
        (len(trajectory.group), trajectory.W.shape[2]),
        trajectory.last_step,
    )
    return Run(case, dataset, trajectory, provenance["engine"])


def _require_together(
    directory: RunDirectory,
    case: TrainingCase,
    dataset: Dataset,
    size: tuple[int, ...],
    last_step: int,
) -> None:
    """DataError unless a trajectory of m neurons in d dimensions may be that of the case on its points."""
    if size != (case.init.m, dataset.X.shape[1]) or last_step > case.protocol.n_steps:
        raise DataError(
            f"the case and the trajectory in {directory.path} do not belong together; run it again"
        )


def _points(case: Case, directory: RunDirectory, note: str) -> Dataset | None:
    if case.data is not None and case.data.name == "file":
        arrays = read_npz(directory.file("inputs.npz"))
        return Dataset(arrays["x"], arrays["y"], note)
    return None if case.data is None else data.load(case.data)
