"""One training for many seeds at once: the members differ in their initial weights."""

from __future__ import annotations

import numpy as np

from flowrepro import engines
from flowrepro.core.config import Record, TrainingCase
from flowrepro.core.initialize import STUDENT, initial_weights
from flowrepro.core.trajectory import Dataset, Ensemble
from flowrepro.engines.base import Problem, SaveAt
from flowrepro.errors import UsageError
from flowrepro.run.kind import Kind, Report, Settings
from flowrepro.run.training import Session, prepare, require_together, training_conditions
from flowrepro.store import provenance
from flowrepro.store.reading import npz_bytes
from flowrepro.store.run_directory import RunDirectory
from flowrepro.store.trajectories import load_ensemble, save_ensemble

FILE = "ensemble.npz"
CURVE_POINTS = 200
"""Intervals of an ensemble's loss curve at most (chosen: 16 MB for 10000 seeds).

First steps below a level are exact all the same.
"""


def ensemble_refusal(case: TrainingCase, problem: Problem) -> str | None:
    """None, or why all seeds of a case cannot be run at once."""
    able = ("auto", "fused") if case.protocol.device == "cpu" else ("auto", "torch")
    if case.protocol.engine not in able:
        return (
            f"on device {case.protocol.device} that is done by engine {able[1]} and the case asks "
            f"for {case.protocol.engine}"
        )
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


def ensemble_records(case: TrainingCase) -> SaveAt:
    """The steps at which every member's loss is recorded, and the first and last weights."""
    n_steps = case.protocol.n_steps
    every = max(case.record.save_every, -(-n_steps // CURVE_POINTS))
    return SaveAt.of(Record(save_every=every), n_steps)


class ManySeeds(Kind):
    """One training for the seeds A to B - 1."""

    def compute(
        self,
        case: TrainingCase,
        dataset: Dataset | None,
        directory: RunDirectory,
        settings: Settings,
        report: Report,
    ) -> Ensemble:
        """Train all seeds, keeping first and last weights and a thinned loss curve.

        Raises UsageError for a case that cannot be run so.
        """
        from flowrepro.engines import ensemble

        assert case.seeds is not None
        assert dataset is not None
        problem = prepare(case, dataset)
        reason = ensemble_refusal(case, problem)
        if reason:
            raise UsageError(
                f"case '{case.name}' cannot be run for many seeds at once: {reason}; "
                "run its seeds one by one"
            )
        n_steps = case.protocol.n_steps
        save_at = ensemble_records(case)
        ensemble.require_room(problem, case.seeds[1] - case.seeds[0], save_at)
        directory.begin(case)
        threads, seeds = provenance.threads(), np.arange(*case.seeds)
        _, engine = ensemble.kernel(problem)
        report.doing(f"{case.name}: {len(seeds)} seeds at once by engine {engine} "
                     f"{_where(case, engine, threads)}")  # fmt: skip
        session = Session.of(case, directory, self.conditions(case, engine), settings, report)
        d, student = dataset.X.shape[1], dataset.extra.get(STUDENT)
        weights = [initial_weights(case.init, int(seed), d, student) for seed in seeds]
        W0, a0 = (np.stack(layer) for layer in zip(*weights, strict=True))
        with session.going_on():
            trajectory = ensemble.run_ensemble(
                problem,
                ensemble.Members(seeds, W0, a0),
                save_at,
                levels=case.record.levels,
                threads=threads,
                resume=session.arrays,
                checkpoint=session.checkpointer,
                progress=lambda step: report.progress(case.name, step, n_steps),
                interrupted=report.interrupted,
            )
        if case.data.name == "file":
            directory.write("inputs.npz", npz_bytes({"x": dataset.X, "y": dataset.y}))
        found = Ensemble(case, dataset, trajectory, engine)
        session.require_ended(found)
        session.finish(found, FILE, save_ensemble(trajectory))
        return found

    def takes_all_cores(self, case: TrainingCase) -> bool:
        """True: its seeds are shared among the cores."""
        return True

    def load(
        self, case: TrainingCase, dataset: Dataset | None, directory: RunDirectory, engine: str
    ) -> Ensemble:
        """The ensemble in a complete folder."""
        assert dataset is not None
        ensemble = load_ensemble(directory.file(FILE))
        require_together(directory, case, dataset, ensemble.W.shape[2:], ensemble.last_step)
        return Ensemble(case, dataset, ensemble, engine)

    def conditions(self, case: TrainingCase, engine: str) -> dict[str, str]:
        """The code that the members' steps and the points reach."""
        starts = [("flowrepro.engines.ensemble", "run_ensemble")]
        return training_conditions(case, engines.load(engine), starts)  # type: ignore[no-any-return]


def _where(case: TrainingCase, engine: str, threads: int) -> str:
    from flowrepro.engines import ensemble

    if engine != "fused":
        return f"on device {case.protocol.device}"
    compiles = "" if ensemble.is_ready() else "; it compiles first, once on this machine"
    return f"on up to {threads} cores{compiles}"
