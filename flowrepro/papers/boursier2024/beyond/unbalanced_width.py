r"""How many unbalanced neurons it takes to leave least squares, and when (beyond Section 5).

Without |a| >= ||w|| some neurons survive the alignment off the cone of D*. With enough of them
training fits the points, after a plateau that lengthens by a constant for every decade of the
scale. A run departs when its MSE falls below half that of least squares.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from flowrepro.claims.claim import require
from flowrepro.claims.controls import altered
from flowrepro.claims.verdict import Part, at_least, number, within
from flowrepro.core.config import Data, Target
from flowrepro.core.trajectory import Dataset, Study
from flowrepro.figures import style
from flowrepro.figures.panels import Panel, Points, Ticks
from flowrepro.papers.boursier2024 import PAPER
from flowrepro.papers.boursier2024.hypotheses import declared, spurious, target_window
from flowrepro.papers.boursier2024.neurons import least_mse
from flowrepro.papers.boursier2024.training import law, problem_of, train
from flowrepro.papers.study import Progress, option
from flowrepro.papers.topic import Topic

topic = Topic(PAPER, "Unbalanced networks over the width")
WIDE = 200
"""Neurons from which all runs leave least squares (measured; of 20 some do not)."""
LOOKS = 300
"""Times at which a run is asked whether it has left; departures are known up to horizon / LOOKS."""


@topic.study
def unbalanced_width(
    data: Dataset,
    *,
    widths: list[int] = option([20, 50, 100, 200, 500], "neurons", within=(1, 100_000)),
    scales: list[float] = option([1e-2, 1e-3, 1e-4, 1e-5], "initial scales", within=(1e-12, 10.0)),
    seeds: int = option(6, "runs of each pair", within=(1, 1000)),
    lr: float = option(2e-2, "step of descent", within=(1e-4, 0.1)),
    horizon: float = option(900.0, "flow time of a run", within=(1.0, 1e4)),
    seed: int,
    progress: Progress,
) -> dict[str, np.ndarray]:
    """departure (widths, scales, seeds): flow time, inf if a run never departs."""
    X, y = data.X, data.y
    level, n_steps = 0.5 * least_mse(X, y), int(horizon / (2.0 * lr))
    departure = np.full((len(widths), len(scales), seeds), np.inf)
    for done, (i, j, k) in enumerate(np.ndindex(departure.shape)):
        init = law("gaussian", widths[i], scales[j])
        problem = problem_of(X, y, init, seed + k, lr, n_steps)
        run = train(problem, every=max(1, n_steps // LOOKS), target_loss=level, engine="fused")
        if run.loss[-1] < level:
            departure[i, j, k] = run.t[-1]
        progress(done + 1, departure.size)
    return {"departure": departure}


UNBALANCED_WIDTH = unbalanced_width.case(
    "unbalanced-width",
    "Beyond the paper: how many unbalanced neurons leave least squares on the points of Figure 2, "
    "and when.",
    Data(name="three-points"),
    targets=(
        Target(
            what="plateau per decade of 1/lambda, in flow time (MSE below half of least squares)",
            paper="not in the paper",
            ours=101.0,
            window=(80.0, 128.0),
        ),
    ),
    quick={"options.widths": [20, 200], "options.scales": [1e-2, 1e-3], "options.seeds": 2},
)


def least_widths(result: Study) -> np.ndarray:
    """(scales,) the least width from which on all runs depart; inf where the widest does not."""
    widths = np.array(result.case.options["widths"], dtype=np.float64)
    all_depart = np.all(np.isfinite(result.arrays["departure"]), axis=2)
    from_there_on = np.logical_and.accumulate(all_depart[::-1], axis=0)[::-1]
    return np.where(from_there_on.any(axis=0), widths[np.argmax(from_there_on, axis=0)], np.inf)


def per_decade(result: Study) -> float:
    """Growth of the median departure of the widest networks per decade of 1/lambda."""
    times, powers = result.arrays["departure"][-1], -np.log10(result.case.options["scales"])
    seen = np.isfinite(times).any(axis=1)
    if seen.sum() < 2:
        require("fewer than two scales have runs that depart within options.horizon; raise it")
    medians = [np.median(each[np.isfinite(each)]) for each in times[seen]]
    return float(np.polyfit(powers[seen], medians, 1)[0])


@topic.claim(
    "beyond-unbalanced-leaves",
    "Wide unbalanced networks leave least squares.",
    place="beyond Section 5",
    given=(spurious,),
    control=lambda study: altered(study, departure=np.full_like(study.arrays["departure"], np.inf)),
)
def unbalanced_leaves(result: Study) -> Iterable[Part]:
    """Part of the widest runs at the largest scale that depart before the horizon."""
    departure, scales = result.arrays["departure"], result.case.options["scales"]
    widths = result.case.options["widths"]
    largest, widest = int(np.argmax(scales)), int(np.argmax(widths))
    if widths[widest] < WIDE:
        require(f"wide means {WIDE} neurons or more, and the widest network has {widths[widest]}")
    if scales[largest] < 1e-3:
        require("at smaller scales the plateau is longer than any horizon is sure to be")
    yield at_least("part that departs", np.mean(np.isfinite(departure[widest, largest])), 1.0)
    for scale, width in zip(scales, least_widths(result), strict=True):
        yield number(f"least width at lambda = {scale:g}", width)


@topic.claim(
    "beyond-unbalanced-plateau",
    "The plateau lengthens by a constant per decade of 1/lambda, and few neurons are trapped.",
    place="beyond Section 5",
    kind="reproduction",
    given=(declared(UNBALANCED_WIDTH),),
)
def unbalanced_plateau(result: Study) -> Iterable[Part]:
    """Flow time; parts of the narrowest and of the widest networks."""
    departure, window = result.arrays["departure"], target_window(result.case, "plateau per decade")
    stay, leave = np.mean(np.isinf(departure[0])), np.mean(np.isfinite(departure[-1]))
    yield within("flow time per decade", per_decade(result), *window)
    yield at_least("part of the narrowest networks that stay", stay, 0.5)
    yield at_least("part of the widest networks that depart", leave, 0.7)


@topic.figure(
    "unbalanced-width",
    "Three points, unbalanced initialisation: part of the runs that leave least squares, over "
    "width and scale, and when they do.",
    layout=(1, 2, style.PAGE, 2.7),
    tolerance=(0.05, 0.2),
)
def departures(result: Study) -> Iterable[Panel]:
    """Part that departs over the width, points of one width side by side; times over the scale."""
    options, departure = result.case.options, result.arrays["departure"]
    widths, scales = np.array(options["widths"]), options["scales"]
    part = np.isfinite(departure).mean(axis=2)
    looks: list[Any] = [
        {
            "marker": style.MARKERS[j % 7],
            "colour": style.grey(j, len(scales), light=0.6),
            "fill": "none",
        }
        for j in range(len(scales))
    ]
    shift = 0.14 * (np.arange(len(scales)) - (len(scales) - 1) / 2)
    parts = [
        Points(np.arange(len(widths)) + shift[j], part[:, j], label=rf"$\lambda$ = {scale:g}",
               **looks[j])
        for j, scale in enumerate(scales)
    ]  # fmt: skip
    yield Panel(parts, title="departures", xlabel="width $m$", ylim=(-0.03, 1.03), grid=True,
                ylabel=f"part of {options['seeds']} runs that fit",
                xticks=Ticks(np.arange(len(widths)), [str(width) for width in widths]))  # fmt: skip
    times = np.where(np.isfinite(departure[-1]), departure[-1], np.nan)
    when = [Points(np.full(len(times[j]), scale), times[j], **looks[j])
            for j, scale in enumerate(scales)]  # fmt: skip
    yield Panel(when, title=f"times for $m = {widths[-1]}$", scale="log-linear",
                xlabel=r"initial scale $\lambda$",
                ylabel="flow time of departure")  # fmt: skip
