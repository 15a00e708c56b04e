"""From a row to a stored trajectory: dataset -> initial weights -> engine -> trajectory -> run directory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from flowrepro import engines, provenance
from flowrepro.engines.base import Problem, SaveAt
from flowrepro.engines.base import run as drive
from flowrepro.errors import DataError, Interrupted, UsageError
from flowrepro.experiment import Experiment, Record
from flowrepro.initialize import STUDENT, effective_scale, initial_weights
from flowrepro.runs import Checkpointer, RunDirectory, save_ensemble, save_trajectory
from flowrepro.storage import npz_bytes
from flowrepro.theory.observables import observer
from flowrepro.trajectory import Dataset, Ensemble, Run, StopReason

CURVE_POINTS = 200
"""Intervals of an ensemble's loss curve at most (chosen: 16 MB for 10000 seeds); first steps below a level are exact all the same."""


class Report(Protocol):
    """Where a run says what it does; the console's and the tests' own implement it."""

    def say(self, text: str) -> None:
        """One line about what was chosen or found."""

    def progress(self, label: str, step: int, n_steps: int) -> None:
        """Steps made so far."""

    def interrupted(self) -> bool:
        """Whether to stop at the next safe moment."""


@dataclass(frozen=True)
class Settings:
    """How rows are run: folder, what to do about earlier results, figures to draw.

    restart_if_changed : begin an unfinished run anew where code, versions or threads changed, instead of refusing to mix.
    figures : ids to draw, or None for all. formats : image formats. animations : formats of the animations to draw, none by default.
    """

    root: Path = Path("runs")
    fresh: bool = False
    new: bool = False
    force_resume: bool = False
    wait: bool = False
    restart_if_changed: bool = False
    figures: tuple[str, ...] | None = None
    formats: tuple[str, ...] = ("pdf", "png", "svg")
    animations: tuple[str, ...] = ()


def prepare(row: Experiment, dataset: Dataset) -> Problem:
    """The problem of a row: its points, its initial weights, its protocol.

    Raises DataError where points, labels and weights do not fit together.
    """
    d = dataset.X.shape[1]
    if row.loss.name != "square" and not np.all(np.abs(dataset.y) == 1):
        raise DataError(
            f"row '{row.name}' classifies with the loss '{row.loss.name}' and needs labels y in {{-1, +1}}; give such labels or --set loss.name=square"
        )
    if row.init.name == "file":
        from flowrepro.data.from_file import weights_from_file

        W, a = weights_from_file(row.init.file, row.init.sha256)
        scale = effective_scale(row.init, d)
        W, a = scale * W, scale * a
        if W.shape[1] != d:
            raise DataError(
                f"{row.init.file} holds weights W of shape {W.shape} for inputs of dimension {W.shape[1]}, but the points have dimension {d}; give W (m, {d})"
            )
    else:
        W, a = initial_weights(row.init, row.seed, d, dataset.extra.get(STUDENT))
    return Problem.of(row, dataset.X, dataset.y, W, a)


def train(row: Experiment, dataset: Dataset, problem: Problem, directory: RunDirectory, settings: Settings, report: Report) -> Run:
    """Compute a row's trajectory, resuming an unfinished folder, and write it with its provenance.

    Raises Interrupted after a last checkpoint.
    """
    engine, why = engines.choose(row.protocol.engine, problem)
    directory.begin(row)
    report.say(f"{row.name}: {why}{'' if engine.is_compiled() else '; it compiles first, once on this machine'}")
    fingerprint = provenance.fingerprint(engine.name, row.protocol.device)
    resumed = _resume(row, directory, fingerprint, settings, report)
    checkpointer = Checkpointer(directory, fingerprint, resumed[1] if resumed else 0.0)
    observe = observer(row.record.observe)(dataset.X, dataset.y, row.loss) if row.record.observe else None
    trajectory = drive(
        engine,
        problem,
        SaveAt.of(row.record, row.protocol.n_steps, observe),
        target_loss=row.protocol.target_loss,
        resume=resumed[0] if resumed else None,
        checkpoint=checkpointer,
        progress=lambda step: report.progress(row.name, step, row.protocol.n_steps),
        interrupted=report.interrupted,
    )
    if row.data.name == "file" or row.init.name == "file":
        directory.write("inputs.npz", npz_bytes({"x": dataset.X, "y": dataset.y, "W": problem.W0, "a": problem.a0}))
    run = Run(row, dataset, trajectory, engine.name)
    _finish(run, directory, "trajectory.npz", save_trajectory(trajectory), checkpointer, resumed[2] if resumed else [])
    return run


def train_ensemble(row: Experiment, dataset: Dataset, problem: Problem, directory: RunDirectory, settings: Settings, report: Report) -> Ensemble:
    """Compute all seeds of a row at once, with its first and last weights and a loss curve of at most CURVE_POINTS + 2 points.

    As `train` otherwise. Raises UsageError for a row that cannot be run so.
    """
    from flowrepro.engines import ensemble

    assert row.seeds is not None
    reason = ensemble_refusal(row, problem)
    if reason:
        raise UsageError(f"row '{row.name}' cannot be run for many seeds at once: {reason}; run its seeds one by one")
    n_steps = row.protocol.n_steps
    save_at = SaveAt.of(Record(save_every=max(row.record.save_every, -(-n_steps // CURVE_POINTS))), n_steps)
    ensemble.require_room(problem, row.seeds[1] - row.seeds[0], save_at)
    directory.begin(row)
    threads, seeds = provenance.threads(), np.arange(*row.seeds)
    _, engine = ensemble.kernel(problem)
    compiles = "" if ensemble.is_ready() or engine != "fused" else "; it compiles first, once on this machine"
    where = f"on up to {threads} cores" if engine == "fused" else f"on device {row.protocol.device}"
    report.say(f"{row.name}: {len(seeds)} seeds at once by engine {engine} {where}{compiles}")
    fingerprint = provenance.fingerprint(engine, row.protocol.device)
    resumed = _resume(row, directory, fingerprint, settings, report)
    checkpointer = Checkpointer(directory, fingerprint, resumed[1] if resumed else 0.0)
    weights = [initial_weights(row.init, int(seed), dataset.X.shape[1], dataset.extra.get(STUDENT)) for seed in seeds]
    trajectory = ensemble.run_ensemble(
        problem,
        ensemble.Members(seeds, np.stack([W for W, _ in weights]), np.stack([a for _, a in weights])),
        save_at,
        levels=row.record.levels,
        threads=threads,
        resume=resumed[0] if resumed else None,
        checkpoint=checkpointer,
        progress=lambda step: report.progress(row.name, step, n_steps),
        interrupted=report.interrupted,
    )
    if row.data.name == "file":
        directory.write("inputs.npz", npz_bytes({"x": dataset.X, "y": dataset.y}))
    run = Ensemble(row, dataset, trajectory, engine)
    _finish(run, directory, "ensemble.npz", save_ensemble(trajectory), checkpointer, resumed[2] if resumed else [])
    return run


def ensemble_refusal(row: Experiment, problem: Problem) -> str | None:
    """None, or why all seeds of a row cannot be run at once."""
    able = ("auto", "fused") if row.protocol.device == "cpu" else ("auto", "torch")
    if row.protocol.engine not in able:
        return f"on device {row.protocol.device} that is done by engine {able[1]} and the row asks for {row.protocol.engine}"
    if row.init.name == "file":
        return "its initial weights come from a file, not from a seed"
    if row.init.name == STUDENT:
        return "its initial weights come with its points, which each seed draws anew"
    if row.record.observe:
        return f"it observes '{row.record.observe}', which is done for single runs"
    if row.protocol.target_loss > 0:
        return "it stops at a target loss, each seed at another step"
    from flowrepro.engines import ensemble

    return ensemble.supports(problem)


def _finish(run: Run | Ensemble, directory: RunDirectory, name: str, content: bytes, checkpointer: Checkpointer, mixed: list[str]) -> None:
    """Write what was computed and where it comes from, and seal the folder; raises Interrupted for a run that is not at its end."""
    stop = run.trajectory.stop
    if stop.reason is StopReason.INTERRUPTED:
        raise Interrupted(f"{run.row.name} stopped at step {stop.step} of {run.row.protocol.n_steps}; its checkpoint is in {directory.path}")
    directory.write(name, content)
    directory.write_json("provenance.json", _provenance(run, checkpointer, mixed))
    directory.seal()


def _resume(
    row: Experiment, directory: RunDirectory, fingerprint: Mapping[str, str], settings: Settings, report: Report
) -> tuple[dict[str, np.ndarray], float, list[str]] | None:
    try:
        resumed = directory.resume(fingerprint, settings.force_resume)
    except DataError as error:
        report.say(f"{error}; computing from the start")
        return None
    except UsageError as error:
        if not settings.restart_if_changed:
            raise
        report.say(f"{error}; the unfinished one is kept as {directory.set_aside('unfinished').name}")
        directory.begin(row)
        return None
    if resumed:
        report.say(f"resuming {directory.path} at step {int(resumed[0]['step'])}")
    return resumed


def _provenance(run: Run | Ensemble, checkpointer: Checkpointer, mixed: list[str]) -> dict[str, Any]:
    row, stop = run.row, run.trajectory.stop
    return {
        "experiment": row.command,
        "row": row.name,
        **({"seed": row.seed} if row.seeds is None else {"seeds": list(row.seeds)}),
        "engine": run.engine,
        "device": row.protocol.device,
        "dtype": row.protocol.dtype,
        "dataset": run.dataset.note,
        "stop": {"reason": stop.reason.name, "meaning": stop.reason.value, "step": stop.step, "t": stop.t, "note": stop.note},
        "stats": {name: value if not isinstance(value, float) or np.isfinite(value) else str(value) for name, value in run.trajectory.stats.items()},
        "wall_s": round(checkpointer.wall_s(), 3),
        "resumed_under_other_conditions": mixed,
        "fingerprint": checkpointer.fingerprint,
        **provenance.describe(),
    }
