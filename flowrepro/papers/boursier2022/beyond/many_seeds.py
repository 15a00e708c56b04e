"""The two orthogonal points for many seeds: what of Figures 2 and 3 depends on the initial draw.

A statement about one run is here one about the probability that a run shows it;
`over_seeds.CLAIMED` says which.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np

from flowrepro.claims.claim import require
from flowrepro.claims.over_seeds import inside, share, too_few
from flowrepro.claims.published import as_published
from flowrepro.claims.verdict import Part, number, within
from flowrepro.core.trajectory import Ensemble, StopReason
from flowrepro.figures import NotDrawable, style
from flowrepro.figures.panels import Band, ErrorBars, Line, Mark, Panel
from flowrepro.papers.boursier2022 import PAPER
from flowrepro.papers.boursier2022.closed_form import ClosedForm
from flowrepro.papers.boursier2022.figures_2_3_toy import STEP_WINDOWS, TOY
from flowrepro.papers.boursier2022.sign_classes import (
    assumption_3_probability,
    largest_cosine,
    sign_classes,
)
from flowrepro.papers.topic import Topic
from flowrepro.theory.square_descent import step_time

topic = Topic(PAPER, "Two orthogonal points for many seeds")


def enough_seeds(ensemble: Ensemble) -> str | None:
    """At least `over_seeds.ENOUGH` members."""
    return too_few(len(ensemble.trajectory.seeds))


def keeps_levels(ensemble: Ensemble) -> str | None:
    """The first steps below the levels of STEP_WINDOWS were kept."""
    kept = ensemble.trajectory.levels
    missing = ", ".join(f"{level:g}" for level in STEP_WINDOWS if level not in kept)
    if not missing:
        return None
    return f"the ensemble keeps no first steps below {missing} (record.levels)"


PUBLISHED = (as_published(TOY), enough_seeds, keeps_levels)
claim = partial(topic.claim, on=(TOY,), given=PUBLISHED, over_seeds=True)


@claim(
    "figure-3-steps-seeds",
    "On most seeds the run leaves the first saddle after 5000 and the second around 11000 steps.",
    place="Figure 3",
    kind="reproduction",
)
def figure_3_steps_seeds(ensemble: Ensemble) -> Iterator[Part]:
    """Share of seeds whose first step below each level is in the window of one run."""
    for level, (low, high) in STEP_WINDOWS.items():
        first = ensemble.trajectory.first_steps_below(level)
        note = f"MSE < {level:g} first at a step in [{low:g}, {high:g}]"
        yield share(note, inside(first, low, high), first)


@claim(
    "figure-2-phases-seeds",
    "On most seeds the loss is 1 after the first phase, 1/2 after the second and 0 after the "
    "third.",
    place="Figures 2 and 3",
    kind="reproduction",
)
def figure_2_phases_seeds(ensemble: Ensemble) -> Iterator[Part]:
    """Share of seeds whose MSE at four steps is in the window of one run."""
    windows = {
        4_000: (0.999, 1.001),
        8_000: (0.4995, 0.5005),
        15_000: (0.0, 5e-3),
        20_000: (0.0, 1e-10),
    }
    recorded = ensemble.trajectory.step
    if not np.isin(list(windows), recorded).all():
        steps = ", ".join(map(str, windows))
        require(f"the losses are recorded every {recorded[1]} steps, not at {steps}")
    for step, (low, high) in windows.items():
        losses = 2.0 * ensemble.trajectory.losses_at(step) / ensemble.case.loss.factor
        note = f"MSE at step {step} in [{low:g}, {high:g}]"
        yield share(note, inside(losses, low, high), losses)


def half_steps(ensemble: Ensemble) -> np.ndarray:
    """(R, 2) steps at which each class is half fitted, by the closed form from the draw alone."""
    forms = ClosedForm.of_many(ensemble.X, ensemble.y, *ensemble.trajectory.at(0))
    return np.array([form.half_steps(form.growth(step_time(ensemble))) for form in forms])


@claim(
    "section-4-2-half-times-seeds",
    "On every seed each label is half fitted when the logistic growth from the initial draw says.",
    place="Section 4.2",
)
def half_times_seeds(ensemble: Ensemble) -> Iterator[Part]:
    """Share of seeds with the first step below 0.625, 0.125 within 3 steps of the closed form."""
    for level, predicted in zip((0.625, 0.125), half_steps(ensemble).T, strict=True):
        with np.errstate(invalid="ignore"):  # inf - inf where a class is empty and never fitted
            error = ensemble.trajectory.first_steps_below(level) - predicted
        note = f"MSE < {level:g} within 3 steps of the closed form"
        yield share(note, np.abs(error) <= 3, np.where(np.isnan(error), np.inf, error))


@claim(
    "theorem-1-minimal-norm-seeds",
    "On every seed the limit has the least norm of all interpolators.",
    place="Theorem 1",
)
def minimal_norm_seeds(ensemble: Ensemble) -> Iterator[Part]:
    """| ||theta||^2 / (2 W+ + 2 W-) - 1 | <= 1e-4 at the end; descent rounds the flow by O(lr)."""
    W, a = ensemble.trajectory.at(ensemble.trajectory.last_step)
    least = 2.0 * sum(chosen.weight for chosen in sign_classes(ensemble.X, ensemble.y))
    excess = (np.sum(np.square(W), axis=(1, 2)) + np.sum(np.square(a), axis=1)) / least - 1.0
    yield share("|| theta ||^2 within 1e-4 of the least", np.abs(excess) <= 1e-4, excess)


def independent_signs(ensemble: Ensemble) -> str | None:
    """Orthogonal inputs, labels of both signs, and a draw symmetric in directions and signs."""
    largest = largest_cosine(ensemble.X)
    if largest > 1e-12:
        return f"the inputs are not orthogonal (largest |cos| = {largest:.3g})"
    if not (np.any(ensemble.y > 0) and np.any(ensemble.y < 0)):
        return "all labels have one sign"
    drawn = ensemble.case.init.name
    if drawn in ("balanced", "gaussian"):
        return None
    return f"the initial weights '{drawn}' are not Gaussian"


@claim(
    "assumption-3-seeds",
    "S+ and S- are both non-empty with the probability of a Gaussian draw.",
    place="Assumption 3",
    given=(independent_signs, enough_seeds),
)
def assumption_3_seeds(ensemble: Ensemble) -> Iterator[Part]:
    """Share of such draws against the probability, 4 standard deviations and half a draw wide."""
    W, a = ensemble.trajectory.at(0)
    R, m, d = W.shape
    classes = sign_classes(ensemble.X, ensemble.y)
    members = [chosen.members(W.reshape(-1, d), a.reshape(-1)) for chosen in classes]
    found = np.all([each.reshape(R, m).any(axis=1) for each in members], axis=0)
    chance = assumption_3_probability(m, *(len(chosen.y) for chosen in classes))
    width = 4.0 * np.sqrt(chance * (1.0 - chance) / R) + 0.5 / R
    yield within(f"share of {R} draws with m = {m}", found.mean(), chance - width, chance + width)
    yield number("probability", chance)


BAND = (5.0, 50.0, 95.0)
"""Percentiles over the seeds."""


def half_percentiles(ensemble: Ensemble) -> np.ndarray | None:
    """(2, 3) percentiles BAND of `half_steps`; None where the closed form does not apply.

    Order statistics, not their interpolation: half-times may be infinite.
    """
    if as_published(TOY)(ensemble):
        return None
    return np.asarray(np.percentile(half_steps(ensemble), BAND, axis=0, method="nearest").T)


@topic.figure(
    "3-seeds",
    "Two orthogonal points, many seeds: median and 5 to 95 % band of the training MSE, and the "
    "half-times from the initial weights alone.",
    on=(TOY,),
    file="figure-3-seeds-toy-loss",
    layout=(1, 1, style.COLUMN, 2.7),
    over_seeds=True,
)
def loss_band(ensemble: Ensemble) -> Iterator[Panel]:
    """Band and median over the seeds, and a bar at each half-time of the closed form."""
    trajectory = ensemble.trajectory
    if trajectory.stop.reason is not StopReason.HORIZON:
        raise NotDrawable(f"not all seeds reached the end: {trajectory.stop.note}")
    step, seeds = trajectory.step, len(trajectory.seeds)
    low, median, high = np.percentile(trajectory.loss, BAND, axis=0)
    marks: list[Mark] = [
        Band(step, low, high, colour=style.LEARNED, label=f"5 to 95 % of {seeds} seeds"),
        Line(step, median, label="median over the seeds, gradient descent"),
    ]
    half = half_percentiles(ensemble)
    if half is not None:
        early, middle, late = half.T
        levels = np.array([0.625, 0.125]) * ensemble.case.loss.factor / 2
        bars = np.stack([middle - early, late - middle])
        named = "half-times of the closed form, median and 5 to 95 %"
        marks.append(ErrorBars(middle, levels, xerr=bars, colour=style.THEORY, label=named))
    yield Panel(
        marks,
        xlabel="step",
        ylabel="training MSE",
        xticks=4,
        xlim=(0, step[-1]),
        ylim=(0.0, 1.08 * float(high.max()) or 1.0),
    )
