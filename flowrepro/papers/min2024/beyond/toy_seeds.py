"""Figures 6 to 9 over many seeds: what of the pictures depends on the initial draw."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from flowrepro import data as datasets
from flowrepro.claims.claim import NotApplicable, require
from flowrepro.claims.over_seeds import share, too_few
from flowrepro.claims.published import as_declared
from flowrepro.claims.verdict import Part
from flowrepro.core.config import StudyCase, TrainingCase
from flowrepro.core.initialize import initial_weights
from flowrepro.core.overrides import override
from flowrepro.core.trajectory import Dataset, EnsembleTrajectory, Study
from flowrepro.engines.base import Problem, SaveAt
from flowrepro.engines.ensemble import Members, run_ensemble
from flowrepro.figures import NotDrawable, style
from flowrepro.figures.panels import Band, Bars, Line, Panel
from flowrepro.papers.min2024 import PAPER
from flowrepro.papers.min2024.figures_6_to_9_toy import (
    END,
    MU_LARGE,
    MU_SMALL,
    OBSERVATIONS,
    ORTHOGONAL,
    SHOWN,
    SIX_POINTS,
    Observation,
    shares,
    two_points,
)
from flowrepro.papers.min2024.shared.regions import POSITIVE, regions
from flowrepro.papers.min2024.shared.toy_runs import Runs
from flowrepro.papers.study import Progress, option
from flowrepro.papers.topic import Topic

topic = Topic(PAPER, "The experiments in the plane over many seeds")

SEEDS = option(100, "runs, from as many seeds", within=(1, 10_000))
NEURONS = option(50, "neurons", within=(1, 1_000))
SCALE = option(1e-6, "deviation of the initial weights", within=(1e-100, 10.0))
STEP = option(2e-3, "step size", within=(1e-6, 1.0))
ITERATIONS = option(END, "iterations", within=(1, 1_000_000))


def descend(
    points: Dataset, first: int, seeds: int, progress: Progress, **changes: float
) -> EnsembleTrajectory:
    """The paper's run on the points for ``seeds`` seeds from ``first`` on, other keys changed."""
    case = override(SIX_POINTS, changes)
    members = np.arange(first, first + seeds)
    weights = [initial_weights(case.init, int(seed), points.X.shape[1]) for seed in members]
    W, a = (np.stack(arrays) for arrays in zip(*weights, strict=True))
    problem = Problem.of(case, points.X, points.y, *weights[0])
    n_steps = problem.n_steps
    return run_ensemble(problem, Members(members, W, a), SaveAt.of(case.record, n_steps),
                        progress=lambda step: progress(step, n_steps))  # fmt: skip


def arrays_of(found: EnsembleTrajectory) -> dict[str, np.ndarray]:
    """What `Runs` needs."""
    return {"seeds": found.seeds, "step": found.step, "loss": found.loss,
            "kept": found.snapshot_step, "W": found.W, "a": found.a}  # fmt: skip


@topic.study
def toy_seeds(
    data: Dataset,
    *,
    seeds: int = SEEDS,
    m: int = NEURONS,
    scale: float = SCALE,
    lr: float = STEP,
    n_steps: int = ITERATIONS,
    seed: int,
    progress: Progress,
) -> dict[str, np.ndarray]:
    """Many runs: seeds (R,), step (T,), loss (R, T), kept (S,), W (R, S, m, d), a (R, S, m)."""
    changes = {"m": m, "scale": scale, "lr": lr, "n_steps": n_steps}
    return arrays_of(descend(data, seed, seeds, progress, **changes))


@topic.study
def separability_seeds(
    *,
    seeds: int = SEEDS,
    m: int = NEURONS,
    scale: float = SCALE,
    lr: float = STEP,
    n_steps: int = ITERATIONS,
    theta: list[float] = option([0.1, 0.001, 0.0], "angles with mu = sin theta", within=(0, 1.57)),
    seed: int,
    progress: Progress,
) -> dict[str, np.ndarray]:
    """The same for two positive points with mu = sin theta, from the same weights for all theta.

    theta (A,); loss, W and a have that axis first.
    """
    changes = {"m": m, "scale": scale, "lr": lr, "n_steps": n_steps}
    found = []
    for place, angle in enumerate(theta):

        def partly(done: int, total: int, place: int = place) -> None:
            progress(place * total + done, len(theta) * total)

        found.append(arrays_of(descend(pair(angle), seed, seeds, partly, **changes)))
    stacked = {name: np.stack([arrays[name] for arrays in found]) for name in ("loss", "W", "a")}
    return {**found[0], **stacked, "theta": np.array(theta)}


def pair(theta: float) -> Dataset:
    """The two positive points with mu = sin theta."""
    return datasets.load(two_points(theta))


SIX_POINTS_SEEDS = toy_seeds.case(
    "six-points-seeds",
    "Figure 6 over many seeds: times of the two drops of the loss, stragglers.",
    data=SIX_POINTS.data,
    quick={"options.seeds": 5},
)
TWO_POINTS_SEEDS = separability_seeds.case(
    "two-points-seeds",
    "Figures 7, 8 and 9 over many seeds: stragglers against the separability of the data.",
    quick={"options.seeds": 5},
)
FREE = ("seed", "options.seeds", "options.theta")


def runs_of(result: Study, case: TrainingCase) -> Runs:
    """The runs of a study on the points of ``case``; NotApplicable where the study has others."""
    found, loss_and_weights = result.arrays, ("loss", "W", "a")
    if result.dataset is not None:
        points = result.dataset
        loss, W, a = (found[name] for name in loss_and_weights)
    else:
        theta, angles = case.data.options["theta"], list(result.case.options["theta"])
        others = ", ".join(f"{angle:g}" for angle in angles)
        missing = f"needs theta = {theta:g} among options.theta, which are {others}"
        require(None if theta in angles else missing)
        points = pair(theta)
        loss, W, a = (found[name][angles.index(theta)] for name in loss_and_weights)
    return Runs(points.X, points.y, found["step"], loss, found["kept"], W, a)


def enough_seeds(result: Study) -> str | None:
    """At least `over_seeds.ENOUGH` seeds."""
    return too_few(len(result.arrays["seeds"]))


def _judge_over_seeds(seen: Observation, study: StudyCase) -> None:
    """Claim that most seeds of a study show an observation of one run."""

    @topic.claim(f"{seen.id}-seeds", seen.on_most_seeds, place=seen.place, kind="reproduction",
                 on=(study,), given=(as_declared(study, FREE), enough_seeds))  # fmt: skip
    def over_seeds(result: Study) -> Iterator[Part]:
        return shares(seen.measure(runs_of(result, seen.case)))


for _seen in OBSERVATIONS:
    _judge_over_seeds(_seen, SIX_POINTS_SEEDS if _seen.case is SIX_POINTS else TWO_POINTS_SEEDS)


@topic.claim(
    "figure-8-slower-seeds",
    "As mu decreases, the time until all live neurons reach S_+ increases.",
    place="Appendix A.2", kind="reproduction", on=(TWO_POINTS_SEEDS,),
    given=(as_declared(TWO_POINTS_SEEDS, FREE), enough_seeds),
)  # fmt: skip
def slower(result: Study) -> Iterator[Part]:
    """Seeds with more neurons outside S_+ at mu = sin 0.001 than at sin 0.1, same weights."""
    large, small = (runs_of(result, case).outside(SHOWN) for case in (MU_LARGE, MU_SMALL))
    yield share(f"more neurons outside S_+ at {SHOWN} than with mu = sin 0.1",
                small > large, small - large)  # fmt: skip


@topic.claim(
    "figure-9-fewer-seeds",
    "With orthogonal data clearly fewer neurons end in S_+ than with mu > 0.",
    place="Appendix A.3", kind="reproduction", on=(TWO_POINTS_SEEDS,),
    given=(as_declared(TWO_POINTS_SEEDS, FREE), enough_seeds),
)  # fmt: skip
def fewer(result: Study) -> Iterator[Part]:
    """Seeds with fewer neurons in S_+ at the end than at mu = sin 0.1 (mean ratio 0.35)."""
    views = (runs_of(result, case) for case in (MU_LARGE, ORTHOGONAL))
    large, none = (
        np.sum(regions(runs.X, runs.y, runs.weights(END)[0]) == POSITIVE, axis=1) for runs in views
    )
    yield share(f"fewer neurons in S_+ at {END} than with mu = sin 0.1",
                none < large, none / large)  # fmt: skip


EXPERIMENTS = (
    (SIX_POINTS, "six points\n(Figure 6)"),
    (MU_LARGE, "$\\mu = \\sin 0.1$\n(Figure 7)"),
    (MU_SMALL, "$\\mu = \\sin 0.001$\n(Figure 8)"),
    (ORTHOGONAL, "$\\mu = 0$\n(Figure 9)"),
)


@topic.figure(
    "beyond-toy-seeds",
    "Figures 6 to 9 over many seeds: median and 5 to 95 % band of the loss, and how many live "
    "neurons are outside their cones.",
    on=(SIX_POINTS_SEEDS, TWO_POINTS_SEEDS), layout=(2, 4, style.PAGE, 3.5), share="y",
)  # fmt: skip
def over_seeds(six: Study, two: Study) -> Iterator[Panel]:
    """Losses, and below them the shares of seeds with k = 0, 1, ... neurons outside their cones.

    NotDrawable where the studies do not hold the paper's four experiments.
    """
    try:
        experiments = [
            (runs_of(six if case is SIX_POINTS else two, case), title)
            for case, title in EXPERIMENTS
        ]
    except NotApplicable as reason:
        raise NotDrawable(str(reason)) from None
    R = len(six.arrays["seeds"])
    for runs, title in experiments:
        low, median, high = np.percentile(runs.loss, (5.0, 50.0, 95.0), axis=0)
        yield Panel([Band(runs.step, low, high, opacity=0.3, label=f"5 to 95 % of {R} seeds"),
                     Line(runs.step, median, width=1.0, label="median loss")],
                    title=title, xlabel="iteration", ylabel="loss", xticks=3,
                    xlim=(0, max(1, int(runs.step[-1]))), ylim=(0, None))  # fmt: skip
    for runs, _ in experiments:
        counts = np.stack([runs.outside(step) for step in (SHOWN, END)])
        k = np.arange(int(counts.max()) + 1)
        bars = [
            Bars(k + shift, np.bincount(own, minlength=len(k)) / R, width=0.4, colour=colour,
                 label=f"iteration {step}")
            for shift, own, colour, step in zip((-0.2, 0.2), counts, (style.DEAD, style.DATA),
                                                (SHOWN, END), strict=True)
        ]  # fmt: skip
        yield Panel(bars, xlabel=r"live neurons outside $S_\pm$", ylabel="share of seeds",
                    xlim=(-0.7, max(3, int(k[-1])) + 0.7), ylim=(0, 1), xticks=3)  # fmt: skip
