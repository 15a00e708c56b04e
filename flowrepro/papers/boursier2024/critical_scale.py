r"""The scale above which training on the points of Figure 2 fits them: its independence of the width (boursier2024, Theorem 2).

A run counts as trapped when its MSE stays above half that of least squares. The critical scale of infinite width is bisected
on the nodes of the law. The study's options: widths, scales, seeds (runs of each pair), laws and nodes (of infinite width),
low and high (where the bisection starts), lr, n_steps; eps and alpha0 of the scale lambda* of Theorem 1 that is drawn beside.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from flowrepro.claims.old_claim import (
    none_of,
    number,
    require,
    statement,
    target_window,
    upper,
    window,
)
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
from flowrepro.theory.arrangement_constants import alignment_constants
from flowrepro.theory.arrangement_extremal import subgradients

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LOOKS = 100
"""Times at which a run is asked whether it has left least squares."""
FUSED = 4000
"""Neurons up to which every one is stepped by itself (measured)."""
SMALLEST = 2
"""Scales, the first ones, at which dominated networks are trained too."""
ACCURACY = 1.003
"""Ratio of the ends at which the bisection stops."""


def trapped(X: np.ndarray, y: np.ndarray, init: Init, seed: int, lr: float, n_steps: int) -> bool:
    """Whether the MSE stays above half that of least squares for all steps."""
    level = 0.5 * least_mse(X, y)
    engine = (
        "fused" if init.m <= FUSED else "auto"
    )  # sharing steps does not pay while neurons are caught at the data
    run = train(
        problem_of(X, y, init, seed, lr, n_steps),
        every=max(1, n_steps // LOOKS),
        target_loss=level,
        engine=engine,
    )
    return bool(run.loss[-1] >= level)


def map_scales(
    case: StudyCase, dataset: Dataset | None, progress: Progress
) -> Mapping[str, np.ndarray]:
    """escaped (widths, scales, seeds) bool for the balanced law, dominated (widths, SMALLEST, seeds) for the dominated one at the first
    scales, and the bracket of the critical scale per law (laws, 2).
    """
    assert dataset is not None
    X, y, options = dataset.X, dataset.y, case.options
    escaped = {
        name: np.zeros((len(options["widths"]), scales, options["seeds"]), dtype=bool)
        for name, scales in _maps(case)
    }
    work, done = sum(array.size for array in escaped.values()) + len(options["laws"]), 0
    for name, array in escaped.items():
        for i, j, k in np.ndindex(array.shape):
            init = Init(
                name=name, m=options["widths"][i], scale=options["scales"][j], divide_by="sqrt(m)"
            )
            array[i, j, k] = not trapped(
                X, y, init, case.seed + k, options["lr"], options["n_steps"]
            )
            done += 1
            progress(done, work)
    brackets = []
    for law in options["laws"]:
        brackets.append(bisected(X, y, f"{law}-quadrature", case))
        progress(done + len(brackets), work)
    constants = alignment_constants(subgradients(arrangement(X), y / len(y)))
    return {
        "escaped": escaped["balanced"],
        "dominated": escaped["dominated"],
        "bracket": np.array(brackets),
        "alignment_scale": np.array(constants.critical_scale(options["alpha0"], options["eps"])),
    }


def _maps(case: StudyCase) -> tuple[tuple[str, int], tuple[str, int]]:
    """(law, number of scales) of the two maps."""
    scales = len(case.options["scales"])
    return ("balanced", scales), ("dominated", min(SMALLEST, scales))


def bisected(X: np.ndarray, y: np.ndarray, law: str, case: StudyCase) -> tuple[float, float]:
    """A trapped scale and an escaping one, as near as ACCURACY; nan where the first two are not."""
    options = case.options
    low, high = float(options["low"]), float(options["high"])

    def is_trapped(scale: float) -> bool:
        return trapped(
            X,
            y,
            Init(name=law, m=options["nodes"], scale=scale, divide_by="sqrt(m)"),
            case.seed,
            options["lr"],
            options["n_steps"],
        )

    if not is_trapped(low) or is_trapped(high):
        return float("nan"), float("nan")
    while high / low > ACCURACY:
        middle = float(np.sqrt(low * high))
        low, high = (middle, high) if is_trapped(middle) else (low, middle)
    return low, high


def both_sides(findings: Study) -> str | None:
    """The bisection found scales on either side."""
    return (
        None
        if np.all(np.isfinite(findings.arrays["bracket"]))
        else "the critical scale does not lie between options.low and options.high"
    )


@statement(
    "width-independence",
    ref("Theorem 2"),
    "theory",
    ("critical-scale",),
    "small scales are trapped whatever the width",
    given=(spurious, both_sides),
)
def width_independence(findings: Study) -> Sequence[Judgement]:
    """Below 2/3 of the critical scale of infinite width no run of any width leaves least squares."""
    options, arrays = findings.case.options, findings.arrays
    scales, low = np.array(options["scales"]), float(arrays["bracket"][0, 0])
    small = scales <= low * 2 / 3
    require(None if small.any() else "no scale lies below 2/3 of the critical one")
    return [
        none_of("balanced runs that escape", int(arrays["escaped"][:, small].sum())),
        none_of("dominated runs that escape", int(arrays["dominated"][:, small[:SMALLEST]].sum())),
        number(
            "runs",
            float(arrays["escaped"][:, small].size + arrays["dominated"][:, small[:SMALLEST]].size),
        ),
        number("critical scale of infinite width", low),
        number("lambda* of Theorem 1", float(arrays["alignment_scale"])),
    ]


@statement(
    "critical-scale",
    ref("Theorem 2"),
    "reproduction",
    ("critical-scale",),
    "the critical scale of infinite width",
    given=(declared, both_sides),
)
def critical_scale(findings: Study) -> Sequence[Judgement]:
    """Balanced and dominated law; wide networks escape above it, and lambda* lies below."""
    options, arrays = findings.case.options, findings.arrays
    large = np.array(options["scales"]) >= 1.4 * float(arrays["bracket"][0, 1])
    wide = np.array(options["widths"]) >= 200
    return [
        *(
            window(
                f"{law} law",
                float(np.sqrt(np.prod(bracket))),
                *target_window(findings.case, f"critical scale, {law}"),
            )
            for law, bracket in zip(options["laws"], arrays["bracket"], strict=True)
        ),
        none_of(
            "wide networks trapped at 1.4 times the scale or more",
            int(np.sum(~arrays["escaped"][wide][:, large])),
        ),
        upper(
            "lambda* of Theorem 1", float(arrays["alignment_scale"]), float(arrays["bracket"][0, 1])
        ),
    ]


class ScaleMap(NamedTuple):
    """Part of the runs that escape (widths, scales); critical scale of infinite width; lambda* of Theorem 1."""

    widths: np.ndarray
    scales: np.ndarray
    part: np.ndarray
    critical: float
    alignment_scale: float


def collect_map(findings: Study) -> ScaleMap:
    """The map."""
    options, arrays = findings.case.options, findings.arrays
    middle = float(np.sqrt(np.prod(arrays["bracket"][0])))
    return ScaleMap(
        np.array(options["widths"]),
        np.array(options["scales"]),
        arrays["escaped"].mean(axis=2),
        middle,
        float(arrays["alignment_scale"]),
    )


def draw_map(axes: Sequence[Axes], data: ScaleMap) -> None:
    """One cell per width and scale."""
    (ax,) = axes
    columns = np.arange(len(data.scales))
    ax.imshow(data.part, cmap="Greys", vmin=0.0, vmax=1.3, aspect="auto", origin="lower")
    for (i, j), part in np.ndenumerate(data.part):
        text, colour = f"{part:.2g}".replace("0.", "."), "white" if part > 0.6 else "black"
        ax.annotate(text, (j, i), ha="center", va="center", fontsize=7, color=colour)
    marks = (
        (data.critical, style.THEORY, "--", "critical scale, infinite width"),
        (data.alignment_scale, style.POSITIVE, ":", "$\\lambda^*$ of Theorem 1"),
    )
    for value, colour, line, label in marks:
        ax.axvline(
            float(np.interp(np.log(value), np.log(data.scales), columns)),
            color=colour,
            linestyle=line,
            label=label,
        )
    ax.set_xticks(columns, [f"{scale:g}" for scale in data.scales], rotation=45)
    ax.set_yticks(range(len(data.widths)), [str(width) for width in data.widths])
    ax.set_xlabel("initial scale $\\lambda$")
    ax.set_ylabel("width $m$")
    ax.set_title("part of the runs that fit the points")
    ax.figure.legend(loc="outside lower center", ncols=1)


CLAIMS: tuple[Claim, ...] = (width_independence, critical_scale)
FIGURES = (
    Figure(
        id="critical-scale",
        file="critical-scale",
        cases=("critical-scale",),
        caption="Three points, balanced initialisation: part of the runs that leave least squares, over width and scale.",
        layout=(1, 1, style.COLUMN, 3.0),
        collect=collect_map,
        draw=draw_map,
    ),
)
