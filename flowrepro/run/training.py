"""One training: dataset -> initial weights -> engine -> trajectory -> run directory."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np

from flowrepro import data, engines
from flowrepro.core.config import TrainingCase
from flowrepro.core.initialize import STUDENT, effective_scale, initial_weights
from flowrepro.core.trajectory import Dataset, Ensemble, Run, StopReason
from flowrepro.engines.base import Engine, Problem, SaveAt
from flowrepro.engines.drive import run as drive
from flowrepro.errors import DataError, Interrupted, UsageError
from flowrepro.run.kind import Kind, Report, Settings, described, loader_of
from flowrepro.run.remarks import remarks
from flowrepro.store import checkpoint, provenance
from flowrepro.store.checkpoint import Checkpointer
from flowrepro.store.fingerprint import Name, package_code
from flowrepro.store.reading import npz_bytes, trusting
from flowrepro.store.run_directory import CHECKPOINT, RunDirectory
from flowrepro.store.trajectories import load_trajectory, save_trajectory
from flowrepro.theory.observables import observer

FILE = "trajectory.npz"


def prepare(case: TrainingCase, dataset: Dataset) -> Problem:
    """The problem of a case: its points, its initial weights, its protocol.

    Raises DataError where points, labels and weights do not fit together.
    """
    d = dataset.X.shape[1]
    if case.loss.name != "square" and not np.all(np.abs(dataset.y) == 1):
        remedy = (
            "write the labels 0 and 1 as -1 and 1 (2 y - 1)"
            if np.all((dataset.y == 0) | (dataset.y == 1))
            else "give such labels"
        )
        raise DataError(
            f"case '{case.name}' classifies with the loss '{case.loss.name}' and needs labels y in "
            f"{{-1, +1}}; {remedy} or --set loss.name=square"
        )
    if case.init.name == "file":
        from flowrepro.data.from_file import weights_from_file

        W, a = weights_from_file(case.init.file, case.init.sha256)
        scale = effective_scale(case.init, d)
        W, a = scale * W, scale * a
        if W.shape[1] != d:
            raise DataError(
                f"{case.init.file} holds weights W of shape {W.shape} for inputs of dimension "
                f"{W.shape[1]}, but the points have dimension {d}; give W (m, {d})"
            )
    else:
        W, a = initial_weights(case.init, case.seed, d, dataset.extra.get(STUDENT))
    return Problem.of(case, dataset.X, dataset.y, W, a)


def inputs(X: np.ndarray, y: np.ndarray, W: np.ndarray, a: np.ndarray) -> bytes:
    """The bytes of inputs.npz: points X (n, d), y (n,) and initial weights W (m, d), a (m,) before
    log10_scale.
    """
    return npz_bytes({"x": X, "y": y, "W": W, "a": a})


@dataclass
class Session:
    """One attempt at a training: where it starts, and what keeps its checkpoints."""

    checkpointer: Checkpointer
    arrays: Mapping[str, np.ndarray] | None = None
    mixed: tuple[str, ...] = ()

    def going_on(self) -> AbstractContextManager[None]:
        """Around the computation: Damaged where it fails on the arrays of a checkpoint."""
        if self.arrays is None:
            return nullcontext()
        return trusting(self.checkpointer.directory.file(CHECKPOINT), "begin anew with --new")

    @classmethod
    def of(
        cls,
        case: TrainingCase,
        directory: RunDirectory,
        conditions: Mapping[str, str],
        settings: Settings,
        report: Report,
    ) -> Session:
        """Resume an unfinished folder, or start; UsageError where conditions changed since."""
        try:
            found = checkpoint.resume(directory, conditions, settings.force_resume)
        except DataError as error:
            report.say(f"{error}; computing from the start")
            found = None
        except UsageError as error:
            if not settings.restart_if_changed:
                raise
            aside = directory.set_aside("unfinished").name
            report.say(f"{error}; the unfinished one is kept as {aside}")
            directory.begin(case)
            found = None
        if found is None:
            return cls(Checkpointer(directory, conditions, 0.0))
        with trusting(directory.file(CHECKPOINT), "begin anew with --new"):
            report.doing(f"resuming {directory.path} at step {int(found.arrays['step'])}")
        keeper = Checkpointer(directory, conditions, found.spent)
        return cls(keeper, found.arrays, tuple(found.mixed))

    def require_ended(self, run: Run | Ensemble) -> None:
        """Raise Interrupted for a run that is not at its end."""
        stop = run.trajectory.stop
        if stop.reason is StopReason.INTERRUPTED:
            raise Interrupted(
                f"{run.case.name} stopped at step {stop.step} of {run.case.protocol.n_steps}; "
                f"its checkpoint is in {self.checkpointer.directory.path}"
            )

    def finish(
        self, run: Run | Ensemble, name: str, content: bytes, warnings: Sequence[str] = ()
    ) -> None:
        """Write what was computed and where it comes from, and seal the folder."""
        directory, case, stop = self.checkpointer.directory, run.case, run.trajectory.stop
        directory.write(name, content)
        stats = {
            key: value if not isinstance(value, float) or np.isfinite(value) else str(value)
            for key, value in run.trajectory.stats.items()
        }
        form = described(
            case,
            run.dataset,
            run.engine,
            stop,
            self.checkpointer.fingerprint,
            self.checkpointer.wall_s(),
            device=case.protocol.device,
            dtype=case.protocol.dtype,
            stats=stats,
            resumed_under_other_conditions=list(self.mixed),
            warnings=list(warnings),
        )
        directory.write_json("provenance.json", form)
        directory.seal()


def require_together(
    directory: RunDirectory,
    case: TrainingCase,
    dataset: Dataset,
    size: tuple[int, ...],
    last_step: int,
) -> None:
    """DataError unless a trajectory of m neurons in d dimensions may be that of the case."""
    if size != (case.init.m, dataset.X.shape[1]) or last_step > case.protocol.n_steps:
        raise DataError(
            f"the case and the trajectory in {directory.path} do not belong together; run it again"
        )


def training_conditions(case: TrainingCase, engine: type[Engine], starts: list[Name]) -> Any:
    """The conditions of a training by an engine; ``starts`` is what drives it."""
    begins = [
        (engine.__module__, engine.__name__),
        ("flowrepro.engines.base", "Problem"),
        ("flowrepro.core.initialize", "initial_weights"),
        *([("flowrepro.theory.observables", "observer")] if case.record.observe else []),
        *loader_of(case),
        *starts,
    ]
    return provenance.conditions(
        package_code().fingerprint(begins),
        engine.libraries,
        threads_matter=engine.threads_matter,
        engine=engine.name,
        device=case.protocol.device,
    )


class Training(Kind):
    """One training for one seed."""

    def compute(
        self,
        case: TrainingCase,
        dataset: Dataset | None,
        directory: RunDirectory,
        settings: Settings,
        report: Report,
    ) -> Run:
        """Train, resuming an unfinished folder."""
        assert dataset is not None
        problem = prepare(case, dataset)
        reasoned = getattr(report, "verbose", True)
        engine, why = engines.choose(case.protocol.engine, problem, reasoned)
        directory.begin(case)
        compiles = "" if engine.is_compiled() else "; it compiles first, once on this machine"
        report.doing(f"{case.name}: {why}{compiles}")
        session = Session.of(case, directory, self.conditions(case, engine.name), settings, report)
        observe: Callable[..., Any] | None = None
        if case.record.observe:
            observe = observer(case.record.observe)(dataset.X, dataset.y, case.loss)
        with session.going_on():
            trajectory = drive(
                engine,
                problem,
                SaveAt.of(case.record, case.protocol.n_steps, observe),
                target_loss=case.protocol.target_loss,
                resume=session.arrays,
                checkpoint=session.checkpointer,
                progress=lambda step: report.progress(case.name, step, case.protocol.n_steps),
                interrupted=report.interrupted,
            )
            run = Run(case, dataset, trajectory, engine.name)
            self.keep(run, problem.W0, problem.a0, session)
        return run

    def takes_all_cores(self, case: TrainingCase) -> bool:
        """Whether its engine's numbers come from all cores."""
        problem = prepare(case, data.load(case.data))
        return engines.choose(case.protocol.engine, problem, reasoned=False)[0].threads_matter

    def keep(self, run: Run, W0: np.ndarray, a0: np.ndarray, session: Session) -> None:
        """Store a run in the folder of a session, with the user's own points and weights;

        Interrupted where it is not at its end.
        """
        session.require_ended(run)
        if run.case.data.name == "file" or run.case.init.name == "file":
            content = inputs(run.X, run.y, W0, a0)
            session.checkpointer.directory.write("inputs.npz", content)
        session.finish(run, FILE, save_trajectory(run.trajectory), remarks(run))

    def store(
        self, run: Run, W0: np.ndarray, a0: np.ndarray, directory: RunDirectory, wall_s: float
    ) -> None:
        """Store a run that was computed in memory, in ``wall_s`` seconds, as `compute` would
        have.
        """
        directory.begin(run.case)
        conditions = self.conditions(run.case, run.engine)
        self.keep(run, W0, a0, Session(Checkpointer(directory, conditions, wall_s)))

    def load(
        self, case: TrainingCase, dataset: Dataset | None, directory: RunDirectory, engine: str
    ) -> Run:
        """The run in a complete folder."""
        assert dataset is not None
        trajectory = load_trajectory(directory.file(FILE))
        size = (len(trajectory.group), trajectory.W.shape[2])
        require_together(directory, case, dataset, size, trajectory.last_step)
        return Run(case, dataset, trajectory, engine)

    def conditions(self, case: TrainingCase, engine: str) -> dict[str, str]:
        """The code that the engine, the points and the recorded quantities reach."""
        starts = [("flowrepro.engines.drive", "run"), ("flowrepro.engines.base", "SaveAt")]
        return training_conditions(case, engines.load(engine), starts)  # type: ignore[no-any-return]
