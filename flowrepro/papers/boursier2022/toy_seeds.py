"""What boursier2022 says of the two orthogonal points, counted over the seeds of an ensemble.

A statement about one run is here one about the probability that a run shows it: `over_seeds.CLAIMED` says which.
"""

from __future__ import annotations

import numpy as np

from flowrepro.claims.old_claim import number, require, statement, window
from flowrepro.claims.old_over_seeds import inside, share, too_few
from flowrepro.claims.old_verdict import Judgement
from flowrepro.claims.published import as_published
from flowrepro.core.trajectory import Ensemble
from flowrepro.papers.boursier2022.closed_form import ClosedForm
from flowrepro.papers.boursier2022.experiments import TOY
from flowrepro.papers.boursier2022.hypotheses import largest_cosine, ref
from flowrepro.papers.boursier2022.sign_classes import assumption_3_probability, sign_classes
from flowrepro.papers.boursier2022.toy_observations import STEP_WINDOWS
from flowrepro.theory.square_descent import step_time


def enough_seeds(ensemble: Ensemble) -> str | None:
    """At least `over_seeds.ENOUGH` members."""
    return too_few(len(ensemble.trajectory.seeds))


def keeps_levels(ensemble: Ensemble) -> str | None:
    """The first steps below the levels of STEP_WINDOWS were kept."""
    missing = [f"{level:g}" for level in STEP_WINDOWS if level not in ensemble.trajectory.levels]
    return (
        f"the ensemble keeps no first steps below {', '.join(missing)} (record.levels)"
        if missing
        else None
    )


PUBLISHED = (as_published(TOY), enough_seeds, keeps_levels)


def _mse(ensemble: Ensemble, step: int) -> np.ndarray:
    losses: np.ndarray = 2.0 * ensemble.trajectory.losses_at(step) / ensemble.case.loss.factor
    return losses


@statement(
    "figure-3-steps-seeds",
    ref("Figure 3"),
    "reproduction",
    ("toy",),
    "on most seeds the run leaves the first saddle after 5000 and the second around 11000 iterations",
    PUBLISHED,
    many_seeds=True,
)
def figure_3_steps_seeds(ensemble: Ensemble) -> list[Judgement]:
    """measured: share of seeds whose first step below each level is in the window of one run."""
    parts = []
    for level, (low, high) in STEP_WINDOWS.items():
        first = ensemble.trajectory.first_steps_below(level)
        parts.append(
            share(
                f"MSE < {level:g} first at a step in [{low:g}, {high:g}]",
                inside(first, low, high),
                first,
            )
        )
    return parts


@statement(
    "figure-2-phases-seeds",
    ref("Figures 2 and 3"),
    "reproduction",
    ("toy",),
    "on most seeds the loss is 1 after the first phase, 1/2 after the second and 0 after the third",
    PUBLISHED,
    many_seeds=True,
)
def figure_2_phases_seeds(ensemble: Ensemble) -> list[Judgement]:
    """measured: share of seeds whose MSE at steps 4000, 8000, 15000 and 20000 is in the window of one run."""
    windows = {
        4_000: (0.999, 1.001),
        8_000: (0.4995, 0.5005),
        15_000: (0.0, 5e-3),
        20_000: (0.0, 1e-10),
    }
    recorded = ensemble.trajectory.step
    require(
        None
        if np.isin(list(windows), recorded).all()
        else f"the losses are recorded every {recorded[1]} steps, not at {', '.join(map(str, windows))}"
    )
    parts = []
    for step, (low, high) in windows.items():
        losses = _mse(ensemble, step)
        parts.append(
            share(f"MSE at step {step} in [{low:g}, {high:g}]", inside(losses, low, high), losses)
        )
    return parts


def half_steps(ensemble: Ensemble) -> np.ndarray:
    """(R, 2) steps at which each class is half fitted, by the closed form from the initial weights alone."""
    forms = ClosedForm.of_many(ensemble.X, ensemble.y, *ensemble.trajectory.at(0))
    return np.array([form.half_steps(form.growth(step_time(ensemble))) for form in forms])


@statement(
    "half-times-seeds",
    ref("Section 4.2"),
    "theory",
    ("toy",),
    "on every seed each label is half fitted when the logistic growth from the initial draw says so",
    PUBLISHED,
    many_seeds=True,
)
def half_times_seeds(ensemble: Ensemble) -> list[Judgement]:
    """measured: share of seeds with the first step below 0.625 and 0.125 within 3 steps of the closed form."""
    parts = []
    for level, predicted in zip((0.625, 0.125), half_steps(ensemble).T, strict=True):
        with np.errstate(
            invalid="ignore"
        ):  # inf - inf where a class has no neuron and is never fitted
            error = ensemble.trajectory.first_steps_below(level) - predicted
        parts.append(
            share(
                f"MSE < {level:g} within 3 steps of the closed form",
                np.abs(error) <= 3,
                np.where(np.isnan(error), np.inf, error),
            )
        )
    return parts


@statement(
    "minimal-norm-seeds",
    ref("Theorem 1"),
    "theory",
    ("toy",),
    "on every seed the limit has the least norm of all interpolators",
    PUBLISHED,
    many_seeds=True,
)
def minimal_norm_seeds(ensemble: Ensemble) -> list[Judgement]:
    """measured: share of seeds with | ||theta||^2 / (2 W+ + 2 W-) - 1 | <= 1e-4 at the end (descent rounds the flow by O(lr))."""
    W, a = ensemble.trajectory.at(ensemble.trajectory.last_step)
    least = 2.0 * sum(chosen.weight for chosen in sign_classes(ensemble.X, ensemble.y))
    excess = (np.sum(np.square(W), axis=(1, 2)) + np.sum(np.square(a), axis=1)) / least - 1.0
    return [share("|| theta ||^2 within 1e-4 of the least", np.abs(excess) <= 1e-4, excess)]


def independent_signs(ensemble: Ensemble) -> str | None:
    """Orthogonal inputs with labels of both signs, and a draw that is symmetric in every direction and in the signs."""
    largest = largest_cosine(ensemble.X)
    if largest > 1e-12:
        return f"the inputs are not orthogonal (largest |cos| = {largest:.3g})"
    if not (np.any(ensemble.y > 0) and np.any(ensemble.y < 0)):
        return "all labels have one sign"
    drawn = ensemble.case.init.name
    return (
        None
        if drawn in ("balanced", "gaussian")
        else f"the initial weights '{drawn}' are not Gaussian"
    )


@statement(
    "assumption-3-seeds",
    ref("Assumption 3"),
    "theory",
    ("toy",),
    "S+ and S- are both non-empty with the probability of a Gaussian draw",
    (independent_signs, enough_seeds),
    many_seeds=True,
)
def assumption_3_seeds(ensemble: Ensemble) -> list[Judgement]:
    """measured: share of draws with non-empty S+ and S-; bound: its probability, 4 standard deviations and half a draw wide."""
    W, a = ensemble.trajectory.at(0)
    R, m, d = W.shape
    classes = sign_classes(ensemble.X, ensemble.y)
    found = np.all(
        [
            chosen.members(W.reshape(-1, d), a.reshape(-1)).reshape(R, m).any(axis=1)
            for chosen in classes
        ],
        axis=0,
    )
    sizes = {chosen.sign: len(chosen.y) for chosen in classes}
    chance = assumption_3_probability(m, sizes[1.0], sizes[-1.0])
    width = 4.0 * np.sqrt(chance * (1.0 - chance) / R) + 0.5 / R
    return [
        window(f"share of {R} draws with m = {m}", found.mean(), chance - width, chance + width),
        number("probability", chance),
    ]


CLAIMS = (
    figure_3_steps_seeds,
    figure_2_phases_seeds,
    half_times_seeds,
    minimal_norm_seeds,
    assumption_3_seeds,
)
