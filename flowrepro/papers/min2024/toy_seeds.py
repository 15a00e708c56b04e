"""The experiments of Figures 6 to 9 over many seeds: what the studies compute."""

from __future__ import annotations

import numpy as np

from flowrepro import data
from flowrepro.claims.options import at_least_one, numbers
from flowrepro.core.config import Data, StudyCase, override
from flowrepro.core.initialize import initial_weights
from flowrepro.core.trajectory import Dataset
from flowrepro.engines.base import Problem, SaveAt
from flowrepro.engines.ensemble import Members, run_ensemble
from flowrepro.papers.min2024.toy_cases import MU_LARGE, SIX_POINTS
from flowrepro.papers.topic import Progress


def pair(theta: float) -> Dataset:
    """The two positive points."""
    return data.load(Data(name=MU_LARGE.data.name, options={"theta": theta}))


def points_seeds(
    study: StudyCase, dataset: Dataset | None, progress: Progress
) -> dict[str, np.ndarray]:
    """``options.seeds`` runs on the points: seeds (R,), step (T,), loss (R, T), kept (S,), W (R, S, m, d), a (R, S, m)."""
    assert dataset is not None
    return train_seeds(study, dataset, progress)


def separability_seeds(
    study: StudyCase, dataset: Dataset | None, progress: Progress
) -> dict[str, np.ndarray]:
    """The same for two positive points at each of ``options.theta``, from the same weights: loss, W and a have that axis first."""
    angles = numbers(study, "theta")
    found = [
        train_seeds(study, pair(theta), progress, done, len(angles))
        for done, theta in enumerate(angles)
    ]
    stacked = {name: np.stack([arrays[name] for arrays in found]) for name in ("loss", "W", "a")}
    return {**found[0], **stacked, "theta": np.array(angles)}


def train_seeds(
    study: StudyCase, dataset: Dataset, progress: Progress, done: int = 0, parts: int = 1
) -> dict[str, np.ndarray]:
    """The seeds study.seed, study.seed + 1, ... of the paper's run on other points: what `Seen` needs. ``done`` of ``parts`` calls came before."""
    case = override(
        SIX_POINTS, {key: study.options[key] for key in ("m", "scale", "lr", "n_steps")}
    )
    seeds = np.arange(study.seed, study.seed + at_least_one(study, "seeds"))
    weights = [initial_weights(case.init, int(seed), dataset.X.shape[1]) for seed in seeds]
    members = Members(seeds, np.stack([W for W, _ in weights]), np.stack([a for _, a in weights]))
    problem = Problem.of(case, dataset.X, dataset.y, *weights[0])
    save_at = SaveAt.of(case.record, problem.n_steps)
    trajectory = run_ensemble(
        problem,
        members,
        save_at,
        progress=lambda step: progress(done * problem.n_steps + step, parts * problem.n_steps),
    )
    return {
        "seeds": trajectory.seeds,
        "step": trajectory.step,
        "loss": trajectory.loss,
        "kept": trajectory.snapshot_step,
        "W": trajectory.W,
        "a": trajectory.a,
    }
