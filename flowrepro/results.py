"""What a row gives: a run, an ensemble of seeds, or the findings of a study; computed into its folder, or read from it."""

from __future__ import annotations

from flowrepro import data
from flowrepro.errors import DataError
from flowrepro.experiment import Experiment, Row
from flowrepro.runs import RunDirectory, load_ensemble, load_trajectory
from flowrepro.storage import read_npz
from flowrepro.studying import compute_study
from flowrepro.training import Report, Settings, prepare, train, train_ensemble
from flowrepro.trajectory import Dataset, Ensemble, Findings, Run

Result = Run | Ensemble | Findings


def compute(row: Row, directory: RunDirectory, settings: Settings, report: Report) -> Result:
    """Load a row's points and compute it into its folder; raises Interrupted where it did not come to its end."""
    dataset = None if row.data is None else data.load(row.data)
    for warning in dataset.warnings if dataset else ():
        report.say(f"{row.name}: warning: {warning}")
    if not isinstance(row, Experiment):
        return compute_study(row, dataset, directory, report)
    assert dataset is not None
    problem = prepare(row, dataset)
    return (train if row.seeds is None else train_ensemble)(row, dataset, problem, directory, settings, report)


def load(directory: RunDirectory) -> Result:
    """A complete result from disk; its points are rebuilt from the row or, where they are the user's, read from inputs.npz."""
    row = directory.row()
    provenance = directory.provenance()
    dataset = _points(row, directory, str(provenance["dataset"]))
    if not isinstance(row, Experiment):
        try:
            return Findings(row, dataset, read_npz(directory.file("study.npz")))
        except ValueError as error:
            raise DataError(f"{directory.file('study.npz')} is not a study of this version of flowrepro ({error})") from error
    assert dataset is not None
    if row.seeds is not None:
        ensemble = load_ensemble(directory.file("ensemble.npz"))
        _require_together(directory, row, dataset, ensemble.W.shape[2:], ensemble.last_step)
        return Ensemble(row, dataset, ensemble, provenance["engine"])
    trajectory = load_trajectory(directory.file("trajectory.npz"))
    _require_together(directory, row, dataset, (len(trajectory.group), trajectory.W.shape[2]), trajectory.last_step)
    return Run(row, dataset, trajectory, provenance["engine"])


def _require_together(directory: RunDirectory, row: Experiment, dataset: Dataset, size: tuple[int, ...], last_step: int) -> None:
    """DataError unless a trajectory of m neurons in d dimensions may be that of the row on its points."""
    if size != (row.init.m, dataset.X.shape[1]) or last_step > row.protocol.n_steps:
        raise DataError(f"the row and the trajectory in {directory.path} do not belong together; run it again")


def _points(row: Row, directory: RunDirectory, note: str) -> Dataset | None:
    if row.data is not None and row.data.name == "file":
        arrays = read_npz(directory.file("inputs.npz"))
        return Dataset(arrays["x"], arrays["y"], note)
    return None if row.data is None else data.load(row.data)
