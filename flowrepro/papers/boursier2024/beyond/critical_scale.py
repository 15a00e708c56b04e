r"""The scale above which training on the points of Figure 2 fits them (beyond Theorem 2).

A run counts as trapped when its MSE stays above half that of least squares. The critical scale of
infinite width is bisected on the nodes of the law; it does not depend on the width.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from flowrepro.claims.claim import require
from flowrepro.claims.verdict import Part, at_most, none_of, number, within
from flowrepro.core.config import Data, Init, Target
from flowrepro.core.trajectory import Dataset, Study
from flowrepro.figures import style
from flowrepro.figures.panels import HeatMap, Mark, Panel, Text, Ticks, Vertical
from flowrepro.papers.boursier2024 import PAPER
from flowrepro.papers.boursier2024.hypotheses import declared, spurious, target_window
from flowrepro.papers.boursier2024.neurons import least_mse
from flowrepro.papers.boursier2024.training import law, problem_of, train
from flowrepro.papers.study import Progress, option
from flowrepro.papers.topic import Topic
from flowrepro.theory.arrangement import arrangement
from flowrepro.theory.arrangement_constants import alignment_constants
from flowrepro.theory.arrangement_extremal import subgradients

topic = Topic(PAPER, "The critical scale")
LOOKS = 100
"""Times at which a run is asked whether it has left least squares."""
FUSED = 4000
"""Neurons up to which every one is stepped by itself (measured); sharing steps does not pay while
neurons are caught at the data."""
SMALLEST = 2
"""Scales, the first ones, at which dominated networks are trained too."""
ACCURACY = 1.003
"""Ratio of the ends at which the bisection stops."""


def trapped(X: np.ndarray, y: np.ndarray, init: Init, seed: int, lr: float, n_steps: int) -> bool:
    """Whether the MSE stays above half that of least squares for all steps."""
    level, every = 0.5 * least_mse(X, y), max(1, n_steps // LOOKS)
    engine = "fused" if init.m <= FUSED else "auto"
    problem = problem_of(X, y, init, seed, lr, n_steps)
    run = train(problem, every=every, target_loss=level, engine=engine)
    return bool(run.loss[-1] >= level)


@topic.study
def critical_scale(
    data: Dataset,
    *,
    widths: list[int] = option([20, 200, 2000], "neurons", within=(1, 100_000)),
    scales: list[float] = option(
        [0.01, 0.02, 0.04, 0.06, 0.08, 0.12, 0.2, 0.4], "initial scales", within=(1e-12, 10.0)
    ),
    seeds: int = option(20, "runs of each pair", within=(1, 1000)),
    laws: list[str] = option(
        ["balanced", "dominated"], "laws of infinite width", choices=("balanced", "dominated")
    ),
    nodes: int = option(1000, "nodes of infinite width, even", within=(2, 10**6)),
    low: float = option(0.02, "trapped scale at which the bisection starts", within=(1e-12, 10.0)),
    high: float = option(0.5, "escaping scale at which it starts", within=(1e-12, 10.0)),
    lr: float = option(1e-2, "step of descent", within=(1e-4, 0.1)),
    n_steps: int = option(15_000, "steps", within=(1, 10**7)),
    alpha0: float = option(1.0, "alpha_0 of the scale lambda* beside", within=(1e-3, 1.0)),
    eps: float = option(0.1, "eps of the scale lambda* beside", within=(1e-3, 0.3333)),
    seed: int,
    progress: Progress,
) -> dict[str, np.ndarray]:
    """escaped (widths, scales, seeds) bool for the balanced law, and the critical scales.

    dominated (widths, SMALLEST, seeds) : the same for the dominated law at the first scales.
    bracket (laws, 2) : of the critical scale. alignment_scale : lambda* of Theorem 1.
    """
    X, y = data.X, data.y
    some = min(SMALLEST, len(scales))
    balanced = np.zeros((len(widths), len(scales), seeds), dtype=bool)
    dominated = np.zeros((len(widths), some, seeds), dtype=bool)
    work, done = balanced.size + dominated.size + len(laws), 0
    for name, array in (("balanced", balanced), ("dominated", dominated)):
        for i, j, k in np.ndindex(array.shape):
            init = law(name, widths[i], scales[j])
            array[i, j, k] = not trapped(X, y, init, seed + k, lr, n_steps)
            progress(done := done + 1, work)

    def bisected(name: str) -> tuple[float, float]:
        """A trapped scale and an escaping one; nan where low and high are not."""

        def is_trapped(scale: float) -> bool:
            return trapped(X, y, law(f"{name}-quadrature", nodes, scale), seed, lr, n_steps)

        below, above = low, high
        if not is_trapped(below) or is_trapped(above):
            return float("nan"), float("nan")
        while above / below > ACCURACY:
            middle = float(np.sqrt(below * above))
            below, above = (middle, above) if is_trapped(middle) else (below, middle)
        return below, above

    brackets = []
    for name in laws:
        brackets.append(bisected(name))
        progress(done := done + 1, work)
    constants = alignment_constants(subgradients(arrangement(X), y / len(y)))
    return {
        "escaped": balanced,
        "dominated": dominated,
        "bracket": np.array(brackets),
        "alignment_scale": np.array(constants.critical_scale(alpha0, eps)),
    }


CRITICAL_SCALE = critical_scale.case(
    "critical-scale",
    "Beyond the paper: above which scale training fits the points of Figure 2, over the width.",
    Data(name="three-points"),
    targets=(
        Target(what="critical scale, balanced", paper="not in the paper", ours=0.0946,
               window=(0.091, 0.097)),
        Target(what="critical scale, dominated", paper="not in the paper", ours=0.228,
               window=(0.213, 0.235)),
    ),
    quick={"options.widths": [20, 200], "options.seeds": 1},
)  # fmt: skip


def both_sides(result: Study) -> str | None:
    """The bisection found scales on either side."""
    if np.all(np.isfinite(result.arrays["bracket"])):
        return None
    return "the critical scale does not lie between options.low and options.high"


@topic.claim(
    "theorem-2-any-width",
    "Small scales are trapped whatever the width.",
    place="Theorem 2",
    given=(spurious, both_sides),
)
def width_independence(result: Study) -> Iterable[Part]:
    """No run of any width leaves below 2/3 of the critical scale of infinite width."""
    arrays, low = result.arrays, float(result.arrays["bracket"][0, 0])
    small = np.array(result.case.options["scales"]) <= low * 2 / 3
    if not small.any():
        require("no scale lies below 2/3 of the critical one")
    balanced = arrays["escaped"][:, small]
    dominated = arrays["dominated"][:, small[:SMALLEST]]
    yield none_of("balanced runs that escape", int(balanced.sum()))
    yield none_of("dominated runs that escape", int(dominated.sum()))
    yield number("runs", balanced.size + dominated.size)
    yield number("critical scale of infinite width", low)
    yield number("lambda* of Theorem 1", float(arrays["alignment_scale"]))


@topic.claim(
    "beyond-critical-scale",
    "The critical scale of infinite width is known, and wide networks escape above it.",
    place="beyond Theorem 2",
    kind="reproduction",
    given=(declared(CRITICAL_SCALE), both_sides),
)
def known_scale(result: Study) -> Iterable[Part]:
    """Balanced and dominated law; lambda* lies below."""
    options, arrays = result.case.options, result.arrays
    large = np.array(options["scales"]) >= 1.4 * float(arrays["bracket"][0, 1])
    wide = np.array(options["widths"]) >= 200
    for name, bracket in zip(options["laws"], arrays["bracket"], strict=True):
        window = target_window(result.case, f"critical scale, {name}")
        yield within(f"{name} law", np.sqrt(np.prod(bracket)), *window)
    kept = int(np.sum(~arrays["escaped"][wide][:, large]))
    yield none_of("wide networks trapped at 1.4 times the scale or more", kept)
    yield at_most("lambda* of Theorem 1", float(arrays["alignment_scale"]), arrays["bracket"][0, 1])


@topic.figure(
    "critical-scale",
    lambda result: (
        f"Three points, balanced initialisation: part of {result.case.options['seeds']} runs that "
        "leave least squares, over width and scale."
    ),
    layout=(1, 1, style.COLUMN, 3.0),
)
def scale_map(result: Study) -> Iterable[Panel]:
    """One cell per width and scale, with the critical scale and lambda* between the columns."""
    options, arrays = result.case.options, result.arrays
    scales, part = np.array(options["scales"]), arrays["escaped"].mean(axis=2)
    columns, rows = np.arange(len(scales)), np.arange(len(options["widths"]))
    cells = list(np.ndenumerate(part))
    marks: list[Mark] = [HeatMap(part, low=0.0, high=1.0)]
    for shown, colour in ((part <= 0.6, "0"), (part > 0.6, "1")):
        places = [
            (j, i, f"{value:.2g}".replace("0.", ".")) for (i, j), value in cells if shown[i, j]
        ]
        if places:
            marks.append(Text(*map(list, zip(*places, strict=True)), colour=colour))
    for value, colour, dash, label in (
        (np.sqrt(np.prod(arrays["bracket"][0])), style.THEORY, "--",
         "critical scale, infinite width"),
        (arrays["alignment_scale"], style.POSITIVE, ":", r"$\lambda^*$ of Theorem 1"),
    ):  # fmt: skip
        place = float(np.interp(np.log(value), np.log(scales), columns))
        marks.append(Vertical(place, colour=colour, dash=dash, width=1.4, label=label))
    yield Panel(marks, title="part of the runs that fit the points",
                xlabel=r"initial scale $\lambda$", ylabel="width $m$",
                xticks=Ticks(columns, [f"{scale:g}" for scale in scales], rotation=45),
                yticks=Ticks(rows, [str(width) for width in options["widths"]]))  # fmt: skip
