r"""Does a leaky activation leave the trap? Training on the points of Figure 2 over the slope of the leaky part.

With slope gamma > 0 no neuron is without force, and inactive ones move; Theorem 1 of boursier2024 covers gamma in [0, 1),
Theorem 2 gamma = 0 only. The study's options: slopes, m, scale, seeds, lr, n_steps.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from flowrepro.claims.old_claim import lower, number, require, statement, upper
from flowrepro.claims.old_verdict import Claim, Judgement
from flowrepro.core.config import Init, StudyCase
from flowrepro.core.trajectory import Dataset, Study
from flowrepro.figures import Figure, style
from flowrepro.papers.boursier2024.hypotheses import ref
from flowrepro.papers.boursier2024.least_squares import least_mse
from flowrepro.papers.boursier2024.study_hypotheses import declared, spurious
from flowrepro.papers.boursier2024.training import problem_of, train
from flowrepro.papers.topic import Progress
from flowrepro.theory.arrangement import arrangement
from flowrepro.theory.arrangement_extremal import Kind, extremal_vectors, subgradients

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LOOKS = 200


def sweep_slopes(
    case: StudyCase, dataset: Dataset | None, progress: Progress
) -> Mapping[str, np.ndarray]:
    """Per slope (g,): maxima and minima of G; per slope and seed (g, seeds): the MSE at the end and the flow time at which it halves that of least squares."""
    assert dataset is not None
    X, y, options = dataset.X, dataset.y, case.options
    cones, slopes = arrangement(X), options["slopes"]
    end, departure = (
        np.empty((len(slopes), options["seeds"])),
        np.full((len(slopes), options["seeds"]), np.inf),
    )
    kinds = np.zeros((len(slopes), 2), dtype=np.int64)
    for i, gamma in enumerate(slopes):
        found = [
            extremal.kind for extremal in extremal_vectors(subgradients(cones, y / len(y), gamma))
        ]
        kinds[i] = found.count(Kind.MAXIMUM), found.count(Kind.MINIMUM)
        for j in range(options["seeds"]):
            init = Init(
                name="balanced", m=options["m"], scale=options["scale"], divide_by="sqrt(m)"
            )
            problem = problem_of(
                X, y, init, case.seed + j, options["lr"], options["n_steps"], gamma
            )
            run = train(problem, every=max(1, options["n_steps"] // LOOKS), engine="fused")
            end[i, j] = run.loss[-1]
            below = run.first_below(0.5 * least_mse(X, y))
            departure[i, j] = np.inf if below is None else 2.0 * options["lr"] * below
            progress(i * options["seeds"] + j + 1, end.size)
    return {"end": end, "departure": departure, "kinds": kinds}


@statement(
    "relu-trapped",
    ref("Theorem 2"),
    "theory",
    ("leaky-slopes",),
    "with slope 0 training ends at least squares",
    given=(spurious,),
)
def relu_trapped(findings: Study) -> Sequence[Judgement]:
    """Distance of the MSE at slope 0; the other slopes as numbers."""
    slopes, end, least = (
        np.array(findings.case.options["slopes"]),
        findings.arrays["end"],
        least_mse(findings.X, findings.y),
    )
    require(None if np.any(slopes == 0) else "slope 0 is not among options.slopes")
    return [
        upper(
            "distance of the MSE from least squares",
            float(np.abs(end[slopes == 0] - least).max()),
            1e-9,
        ),
        *(
            number(f"part that fits at slope {gamma:g}", float(np.mean(case < 0.5 * least)))
            for gamma, case in zip(slopes, end, strict=True)
            if gamma > 0
        ),
    ]


class Slopes(NamedTuple):
    """Slopes (g,), MSE at the end over that of least squares (g, seeds), time of departure (g, seeds; nan where none)."""

    slopes: np.ndarray
    ratio: np.ndarray
    departure: np.ndarray


def collect_slopes(findings: Study) -> Slopes:
    """Where training ends, over the slope."""
    departure = findings.arrays["departure"]
    ratio = findings.arrays["end"] / least_mse(findings.X, findings.y)
    return Slopes(
        np.array(findings.case.options["slopes"]),
        ratio,
        np.where(np.isfinite(departure), departure, np.nan),
    )


def draw_slopes(axes: Sequence[Axes], data: Slopes) -> None:
    """Part of the runs that leave least squares, and when; one place per slope."""
    fits, time = axes
    places = np.arange(len(data.slopes))
    fits.plot(
        places,
        np.mean(data.ratio < 0.5, axis=1),
        "o-",
        color=style.LEARNED,
        markersize=4,
        linewidth=1.0,
    )
    fits.set(ylabel="part of runs that fit", title="(a)", ylim=(-0.03, 1.03))
    for column in data.departure.T:
        time.plot(places, column, "o", color=style.LEARNED, markersize=4, markerfacecolor="none")
    time.set(ylabel="time of departure", title="(b)")
    for ax in axes:
        ax.set_xticks(places, [f"{slope:g}" for slope in data.slopes])
        ax.set_xlabel("slope of the leaky part")
        ax.set_xlim(-0.5, len(places) - 0.5)


@statement(
    "leaky-leaves",
    ref("Section 2"),
    "reproduction",
    ("leaky-slopes",),
    "at slopes 0.1 and 0.2 training fits the points",
    given=(declared,),
)
def leaky_leaves(findings: Study) -> Sequence[Judgement]:
    """Part of the runs that fit: 11 or 12 of 12 at slopes 0.1 and 0.2 together, 0 to 2 of 6 at 0.001 (measured for six seeds, m = 200)."""
    slopes, end, least = (
        np.array(findings.case.options["slopes"]),
        findings.arrays["end"],
        least_mse(findings.X, findings.y),
    )
    leaky = (slopes == 0.1) | (slopes == 0.2)
    return [
        lower("part that fits at 0.1 and 0.2", float(np.mean(end[leaky] < 0.5 * least)), 0.75),
        lower(
            "by how much more than at 0.001",
            float(np.mean(end[leaky] < 0.5 * least) - np.mean(end[slopes == 0.001] < 0.5 * least)),
            0.3,
        ),
        lower(
            "minima of G at positive slopes",
            float(findings.arrays["kinds"][slopes > 0, 1].min()),
            1.0,
        ),
    ]


CLAIMS: tuple[Claim, ...] = (relu_trapped, leaky_leaves)
FIGURES = (
    Figure(
        id="leaky-slopes",
        file="leaky-slopes",
        cases=("leaky-slopes",),
        caption="Three points, leaky activations: where training ends and when it leaves least squares, over the slope of the leaky part.",
        layout=(1, 2, style.PAGE, 2.6),
        collect=collect_slopes,
        draw=draw_slopes,
        tolerance=(0.05, 0.2),
    ),
)
