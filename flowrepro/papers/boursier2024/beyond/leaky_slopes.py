r"""Does a leaky activation leave the trap of Figure 2?

With slope gamma > 0 no neuron is without force, and inactive ones move. Theorem 1 covers gamma in
[0, 1), Theorem 2 only gamma = 0.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from flowrepro.claims.claim import require
from flowrepro.claims.verdict import Part, at_least, at_most, number
from flowrepro.core.config import Data
from flowrepro.core.trajectory import Dataset, Study
from flowrepro.figures import style
from flowrepro.figures.panels import Panel, Points, Ticks
from flowrepro.papers.boursier2024 import PAPER
from flowrepro.papers.boursier2024.hypotheses import declared, spurious
from flowrepro.papers.boursier2024.neurons import least_mse
from flowrepro.papers.boursier2024.training import law, problem_of, train
from flowrepro.papers.study import Progress, option
from flowrepro.papers.topic import Topic
from flowrepro.theory.arrangement import arrangement
from flowrepro.theory.arrangement_extremal import Kind, extremal_vectors, subgradients

topic = Topic(PAPER, "Leaky activations")
LOOKS = 200


@topic.study
def leaky_slopes(
    data: Dataset,
    *,
    slopes: list[float] = option(
        [0.0, 0.001, 0.003, 0.01, 0.03, 0.1, 0.2, 0.5],
        "slopes of the leaky part",
        within=(0, 0.999),
    ),
    m: int = option(200, "neurons", within=(1, 100_000)),
    scale: float = option(1e-3, "initial scale lambda", within=(1e-12, 10.0)),
    seeds: int = option(6, "runs of each slope", within=(1, 1000)),
    lr: float = option(2e-2, "step of descent", within=(1e-4, 0.1)),
    n_steps: int = option(25_000, "steps", within=(1, 10**7)),
    seed: int,
    progress: Progress,
) -> dict[str, np.ndarray]:
    """kinds (g, 2): maxima and minima of G per slope. end (g, seeds): MSE at the end.

    departure (g, seeds): flow time at which the MSE is below half that of least squares, or inf.
    """
    X, y = data.X, data.y
    cones, init = arrangement(X), law("balanced", m, scale)
    end = np.empty((len(slopes), seeds))
    departure = np.full_like(end, np.inf)
    kinds = np.zeros((len(slopes), 2), dtype=np.int64)
    for i, gamma in enumerate(slopes):
        found = [each.kind for each in extremal_vectors(subgradients(cones, y / len(y), gamma))]
        kinds[i] = found.count(Kind.MAXIMUM), found.count(Kind.MINIMUM)
        for j in range(seeds):
            problem = problem_of(X, y, init, seed + j, lr, n_steps, gamma)
            run = train(problem, every=max(1, n_steps // LOOKS), engine="fused")
            end[i, j] = run.loss[-1]
            below = run.first_below(0.5 * least_mse(X, y))
            departure[i, j] = np.inf if below is None else 2.0 * lr * below
            progress(i * seeds + j + 1, end.size)
    return {"end": end, "departure": departure, "kinds": kinds}


LEAKY_SLOPES = leaky_slopes.case(
    "leaky-slopes",
    "Beyond the paper: the trap of Figure 2 under leaky activations.",
    Data(name="three-points"),
    quick={"options.seeds": 1},
)


def fits(result: Study) -> tuple[np.ndarray, np.ndarray]:
    """Slopes (g,), and which runs fit, (g, seeds) bool."""
    level = 0.5 * least_mse(result.X, result.y)
    return np.array(result.case.options["slopes"]), result.arrays["end"] < level


@topic.claim(
    "theorem-2-relu",
    "With slope 0 training ends at least squares.",
    place="Theorem 2",
    given=(spurious,),
)
def relu_trapped(result: Study) -> Iterable[Part]:
    """Distance of the MSE at slope 0; the other slopes as numbers."""
    slopes, fit = fits(result)
    if not np.any(slopes == 0):
        require("slope 0 is not among options.slopes")
    gap = np.abs(result.arrays["end"][slopes == 0] - least_mse(result.X, result.y)).max()
    yield at_most("distance of the MSE from least squares", gap, 1e-9)
    for gamma, each in zip(slopes, fit, strict=True):
        if gamma > 0:
            yield number(f"part that fits at slope {gamma:g}", np.mean(each))


@topic.claim(
    "beyond-leaky-leaves",
    "At slopes 0.1 and 0.2 training fits the points.",
    place="beyond Section 2",
    kind="reproduction",
    given=(declared(LEAKY_SLOPES),),
)
def leaky_leaves(result: Study) -> Iterable[Part]:
    """11 or 12 of 12 runs at 0.1 and 0.2 together, 0 to 2 of 6 at 0.001 (measured, six seeds)."""
    slopes, fit = fits(result)
    leaky = np.mean(fit[(slopes == 0.1) | (slopes == 0.2)])
    minima = result.arrays["kinds"][slopes > 0, 1].min()
    yield at_least("part that fits at 0.1 and 0.2", leaky, 0.75)
    yield at_least("by how much more than at 0.001", leaky - np.mean(fit[slopes == 0.001]), 0.3)
    yield at_least("minima of G at positive slopes", minima, 1.0)


@topic.figure(
    "leaky-slopes",
    "Three points, leaky activations: part of the runs that leave least squares, and when, over "
    "the slope of the leaky part.",
    layout=(1, 2, style.PAGE, 2.6),
    tolerance=(0.05, 0.2),
)
def slopes_figure(result: Study) -> Iterable[Panel]:
    """The loss at the end over that of least squares, and the time of departure, run by run."""
    slopes, fit = fits(result)
    departure = result.arrays["departure"]
    places = np.arange(len(slopes))
    axis: Any = {
        "xlabel": "slope of the leaky part",
        "xticks": Ticks(places, [f"{slope:g}" for slope in slopes]),
        "xlim": (-0.5, len(slopes) - 0.5),
    }
    seeds = departure.shape[1]
    yield Panel([Points(places, fit.mean(axis=1), size=5.0)], title="departures", grid=True,
                ylabel=f"part of {seeds} run{'s' if seeds > 1 else ''} that fit",
                ylim=(-0.03, 1.03), **axis)  # fmt: skip
    spread = np.linspace(-0.15, 0.15, seeds) if seeds > 1 else np.zeros(1)
    times = Points((places[:, None] + spread).ravel(),
                   np.where(np.isfinite(departure), departure, np.nan).ravel(),
                   fill="none")  # fmt: skip
    yield Panel([times], title="times", ylabel="flow time of departure", **axis)
