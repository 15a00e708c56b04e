"""From a case to a stored trajectory: dataset -> initial weights -> engine -> trajectory -> run directory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from flowrepro import engines
from flowrepro.core.config import Record, TrainingCase
from flowrepro.core.initialize import STUDENT, effective_scale, initial_weights
from flowrepro.core.trajectory import Dataset, Ensemble, Run, StopReason
from flowrepro.engines.base import Problem, SaveAt
from flowrepro.engines.base import run as drive
from flowrepro.errors import DataError, Interrupted, UsageError
from flowrepro.store import provenance
from flowrepro.store.files import npz_bytes
from flowrepro.store.run_directory import Checkpointer, RunDirectory, save_ensemble, save_trajectory
from flowrepro.theory.observables import observer

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
    """How cases are run: folder, what to do about earlier results, figures to draw.

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


def prepare(case: TrainingCase, dataset: Dataset) -> Problem:
    """The problem of a case: its points, its initial weights, its protocol.

    Raises DataError where points, labels and weights do not fit together.
    """
    d = dataset.X.shape[1]
    if case.loss.name != "square" and not np.all(np.abs(dataset.y) == 1):
        raise DataError(
            f"case '{case.name}' classifies with the loss '{case.loss.name}' and needs labels y in {{-1, +1}}; give such labels or --set loss.name=square"
        )
    if case.init.name == "file":
        from flowrepro.data.from_file import weights_from_file

        W, a = weights_from_file(case.init.file, case.init.sha256)
        scale = effective_scale(case.init, d)
        W, a = scale * W, scale * a
        if W.shape[1] != d:
            raise DataError(
                f"{case.init.file} holds weights W of shape {W.shape} for inputs of dimension {W.shape[1]}, but the points have dimension {d}; give W (m, {d})"
            )
    else:
        W, a = initial_weights(case.init, case.seed, d, dataset.extra.get(STUDENT))
    return Problem.of(case, dataset.X, dataset.y, W, a)


def train(
    case: TrainingCase,
    dataset: Dataset,
    problem: Problem,
    directory: RunDirectory,
    settings: Settings,
    report: Report,
) -> Run:
    """Compute a case's trajectory, resuming an unfinished folder, and write it with its provenance.

    Raises Interrupted after a last checkpoint.
    """
    engine, why = engines.choose(case.protocol.engine, problem)
    directory.begin(case)
    report.say(
        f"{case.name}: {why}{'' if engine.is_compiled() else '; it compiles first, once on this machine'}"
    )
    fingerprint = provenance.fingerprint(engine.name, case.protocol.device)
    resumed = _resume(case, directory, fingerprint, settings, report)
    checkpointer = Checkpointer(directory, fingerprint, resumed[1] if resumed else 0.0)
    observe = (
        observer(case.record.observe)(dataset.X, dataset.y, case.loss)
        if case.record.observe
        else None
    )
    trajectory = drive(
        engine,
        problem,
        SaveAt.of(case.record, case.protocol.n_steps, observe),
        target_loss=case.protocol.target_loss,
        resume=resumed[0] if resumed else None,
        checkpoint=checkpointer,
        progress=lambda step: report.progress(case.name, step, case.protocol.n_steps),
        interrupted=report.interrupted,
    )
    if case.data.name == "file" or case.init.name == "file":
        directory.write(
            "inputs.npz",
            npz_bytes({"x": dataset.X, "y": dataset.y, "W": problem.W0, "a": problem.a0}),
        )
    run = Run(case, dataset, trajectory, engine.name)
    _finish(
        run,
        directory,
        "trajectory.npz",
        save_trajectory(trajectory),
        checkpointer,
        resumed[2] if resumed else [],
    )
    return run


def train_ensemble(
    case: TrainingCase,
    dataset: Dataset,
    problem: Problem,
    directory: RunDirectory,
    settings: Settings,
    report: Report,
) -> Ensemble:
    """Compute all seeds of a case at once, with its first and last weights and a loss curve of at most CURVE_POINTS + 2 points.

    As `train` otherwise. Raises UsageError for a case that cannot be run so.
    """
    from flowrepro.engines import ensemble

    assert case.seeds is not None
    reason = ensemble_refusal(case, problem)
    if reason:
        raise UsageError(
            f"case '{case.name}' cannot be run for many seeds at once: {reason}; run its seeds one by one"
        )
    n_steps = case.protocol.n_steps
    save_at = SaveAt.of(
        Record(save_every=max(case.record.save_every, -(-n_steps // CURVE_POINTS))), n_steps
    )
    ensemble.require_room(problem, case.seeds[1] - case.seeds[0], save_at)
    directory.begin(case)
    threads, seeds = provenance.threads(), np.arange(*case.seeds)
    _, engine = ensemble.kernel(problem)
    compiles = (
        ""
        if ensemble.is_ready() or engine != "fused"
        else "; it compiles first, once on this machine"
    )
    where = (
        f"on up to {threads} cores" if engine == "fused" else f"on device {case.protocol.device}"
    )
    report.say(f"{case.name}: {len(seeds)} seeds at once by engine {engine} {where}{compiles}")
    fingerprint = provenance.fingerprint(engine, case.protocol.device)
    resumed = _resume(case, directory, fingerprint, settings, report)
    checkpointer = Checkpointer(directory, fingerprint, resumed[1] if resumed else 0.0)
    weights = [
        initial_weights(case.init, int(seed), dataset.X.shape[1], dataset.extra.get(STUDENT))
        for seed in seeds
    ]
    trajectory = ensemble.run_ensemble(
        problem,
        ensemble.Members(
            seeds, np.stack([W for W, _ in weights]), np.stack([a for _, a in weights])
        ),
        save_at,
        levels=case.record.levels,
        threads=threads,
        resume=resumed[0] if resumed else None,
        checkpoint=checkpointer,
        progress=lambda step: report.progress(case.name, step, n_steps),
        interrupted=report.interrupted,
    )
    if case.data.name == "file":
        directory.write("inputs.npz", npz_bytes({"x": dataset.X, "y": dataset.y}))
    run = Ensemble(case, dataset, trajectory, engine)
    _finish(
        run,
        directory,
        "ensemble.npz",
        save_ensemble(trajectory),
        checkpointer,
        resumed[2] if resumed else [],
    )
    return run


def ensemble_refusal(case: TrainingCase, problem: Problem) -> str | None:
    """None, or why all seeds of a case cannot be run at once."""
    able = ("auto", "fused") if case.protocol.device == "cpu" else ("auto", "torch")
    if case.protocol.engine not in able:
        return f"on device {case.protocol.device} that is done by engine {able[1]} and the case asks for {case.protocol.engine}"
    if case.init.name == "file":
        return "its initial weights come from a file, not from a seed"
    if case.init.name == STUDENT:
        return "its initial weights come with its points, which each seed draws anew"
    if case.record.observe:
        return f"it observes '{case.record.observe}', which is done for single runs"
    if case.protocol.target_loss > 0:
        return "it stops at a target loss, each seed at another step"
    from flowrepro.engines import ensemble

    return ensemble.supports(problem)


def _finish(
    run: Run | Ensemble,
    directory: RunDirectory,
    name: str,
    content: bytes,
    checkpointer: Checkpointer,
    mixed: list[str],
) -> None:
    """Write what was computed and where it comes from, and seal the folder; raises Interrupted for a run that is not at its end."""
    stop = run.trajectory.stop
    if stop.reason is StopReason.INTERRUPTED:
        raise Interrupted(
            f"{run.case.name} stopped at step {stop.step} of {run.case.protocol.n_steps}; its checkpoint is in {directory.path}"
        )
    directory.write(name, content)
    directory.write_json("provenance.json", _provenance(run, checkpointer, mixed))
    directory.seal()


def _resume(
    case: TrainingCase,
    directory: RunDirectory,
    fingerprint: Mapping[str, str],
    settings: Settings,
    report: Report,
) -> tuple[dict[str, np.ndarray], float, list[str]] | None:
    try:
        resumed = directory.resume(fingerprint, settings.force_resume)
    except DataError as error:
        report.say(f"{error}; computing from the start")
        return None
    except UsageError as error:
        if not settings.restart_if_changed:
            raise
        report.say(
            f"{error}; the unfinished one is kept as {directory.set_aside('unfinished').name}"
        )
        directory.begin(case)
        return None
    if resumed:
        report.say(f"resuming {directory.path} at step {int(resumed[0]['step'])}")
    return resumed


def _provenance(
    run: Run | Ensemble, checkpointer: Checkpointer, mixed: list[str]
) -> dict[str, Any]:
    case, stop = run.case, run.trajectory.stop
    return {
        "experiment": case.command,
        "case": case.name,
        **({"seed": case.seed} if case.seeds is None else {"seeds": list(case.seeds)}),
        "engine": run.engine,
        "device": case.protocol.device,
        "dtype": case.protocol.dtype,
        "dataset": run.dataset.note,
        "stop": {
            "reason": stop.reason.name,
            "meaning": stop.reason.value,
            "step": stop.step,
            "t": stop.t,
            "note": stop.note,
        },
        "stats": {
            name: value if not isinstance(value, float) or np.isfinite(value) else str(value)
            for name, value in run.trajectory.stats.items()
        },
        "wall_s": round(checkpointer.wall_s(), 3),
        "resumed_under_other_conditions": mixed,
        "fingerprint": checkpointer.fingerprint,
        **provenance.describe(),
    }
