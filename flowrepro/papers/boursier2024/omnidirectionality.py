r"""How training loses omnidirectionality: where the neurons are, by activation pattern, along runs on the points of Figure 2.

boursier2024, Section 5: a dominated network whose positive neurons have left all cones but two cannot grow in a good direction any
more; an unbalanced one keeps some, which is why it leaves least squares. The study's options: inits, m, scale, lr, n_steps,
growth (ratio of the steps at which the neurons are counted).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from flowrepro.claims.old_claim import lower, none_of, number, require, statement
from flowrepro.claims.old_verdict import Claim, Judgement
from flowrepro.core.config import Init, StudyCase
from flowrepro.core.trajectory import Dataset, Study
from flowrepro.engines.alignment import align
from flowrepro.figures import Figure, style
from flowrepro.figures.line_panels import legend_below
from flowrepro.papers.boursier2024.along import sides
from flowrepro.papers.boursier2024.analysis import start_directions
from flowrepro.papers.boursier2024.hypotheses import ref
from flowrepro.papers.boursier2024.study_hypotheses import declared, spurious
from flowrepro.papers.boursier2024.training import problem_of, train
from flowrepro.papers.topic import Progress
from flowrepro.theory.arrangement import arrangement
from flowrepro.theory.stationary import HALF_MEAN_SQUARE

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SLACK = 1.3
"""The limit of vanishing scale says when alignment ends; at a finite scale it may take this much longer (1.02 measured at 1e-3)."""


def count_by_cone(
    case: StudyCase, dataset: Dataset | None, progress: Progress
) -> Mapping[str, np.ndarray]:
    """t (S,); per init, snapshot and sign (+, -): part of the neurons by number of active data (I, S, 2, n + 1), and empty cells (I, S, 2)."""
    assert dataset is not None
    X, y, options = dataset.X, dataset.y, case.options
    steps = geometric_steps(options["n_steps"], options["growth"])
    n, names = len(y), options["inits"]
    cones = arrangement(X)
    parts, empty = (
        np.empty((len(names), len(steps), 2, n + 1)),
        np.empty((len(names), len(steps), 2), dtype=np.int64),
    )
    for i, name in enumerate(names):
        init = Init(name=name, m=options["m"], scale=options["scale"], divide_by="sqrt(m)")
        run = train(
            problem_of(X, y, init, case.seed, options["lr"], options["n_steps"]),
            snapshots=tuple(steps.tolist()),
        )
        for s, (W, a) in enumerate(zip(run.W, run.a, strict=True)):
            for column, sign in enumerate((1.0, -1.0)):
                side = sides(X, W[sign * a > 0])
                parts[i, s, column] = np.bincount(np.sum(side > 0, axis=1), minlength=n + 1) / max(
                    1, len(side)
                )
                empty[i, s, column] = cones.n_cells - len(
                    np.unique(side[np.all(side != 0, axis=1)], axis=0)
                )
        progress(i + 1, len(names))
    W = start_directions(cones, 360, case.seed)
    latest = align(X, y, W, np.ones(len(W)), HALF_MEAN_SQUARE).settled
    return {
        "t": 2.0 * options["lr"] * steps,
        "part": parts,
        "empty": empty,
        "cells": np.array(cones.n_cells),
        "latest": np.array(latest),
    }


def geometric_steps(n_steps: int, growth: float) -> np.ndarray:
    """0, 1, ..., n_steps with each the next after ``growth`` times the one before."""
    steps = [0]
    while steps[-1] < n_steps:
        steps.append(min(n_steps, int(growth * steps[-1]) + 1))
    return np.array(steps)


def aligned(findings: Study) -> np.ndarray:
    """(S,) bool: snapshots after every positive dominated neuron has aligned."""
    return findings.arrays["t"] >= SLACK * float(findings.arrays["latest"])


@statement(
    "omnidirectionality",
    ref("Section 5"),
    "theory",
    ("omnidirectionality",),
    "once aligned, dominated positive neurons are in two cones",
    given=(spurious,),
)
def omnidirectionality(findings: Study) -> Sequence[Judgement]:
    """Snapshots after the alignment with positive neurons active on some data but not on all, balanced and dominated inits."""
    arrays, names = findings.arrays, findings.case.options["inits"]
    known = [i for i, name in enumerate(names) if name in ("balanced", "dominated")]
    late = aligned(findings)
    require(
        None
        if known and late.any()
        else "no balanced or dominated network is followed beyond its alignment"
    )
    require(
        None
        if findings.case.options["scale"] <= 1e-2
        else "at this scale the network's output is not negligible during the alignment"
    )
    mixed = arrays["part"][known][:, late, 0, 1:-1].sum(axis=-1)
    return [
        none_of("snapshots with mixed positive neurons", int(np.sum(mixed > 0))),
        number("alignment ends at flow time", float(arrays["latest"])),
    ]


@statement(
    "unbalanced-directions",
    ref("Section 5"),
    "reproduction",
    ("omnidirectionality",),
    "an unbalanced network keeps mixed neurons",
    given=(declared,),
)
def unbalanced_directions(findings: Study) -> Sequence[Judgement]:
    """Part of its positive neurons that are mixed at the first snapshot after the alignment of dominated ones."""
    arrays = findings.arrays
    i, first = findings.case.options["inits"].index("gaussian"), int(np.argmax(aligned(findings)))
    return [
        lower(
            "mixed part of the positive neurons",
            float(arrays["part"][i, first, 0, 1:-1].sum()),
            0.01,
        ),
        number("cells without positive neurons at the end", float(arrays["empty"][i, -1, 0])),
    ]


class Directions(NamedTuple):
    """t (S,), the inits, part (I, S, 2, n + 1), when alignment ends."""

    t: np.ndarray
    names: tuple[str, ...]
    part: np.ndarray
    latest: float


def collect_directions(findings: Study) -> Directions:
    """As counted."""
    arrays = findings.arrays
    return Directions(
        arrays["t"], tuple(findings.case.options["inits"]), arrays["part"], float(arrays["latest"])
    )


def draw_directions(axes: Sequence[Axes], data: Directions) -> None:
    """Stacked areas, a row of panels per init, positive neurons left."""
    shades = [str(value) for value in np.linspace(0.95, 0.25, data.part.shape[-1])]
    labels = [f"active on {count}" for count in range(data.part.shape[-1])]
    shown = data.t > 0
    for index, ax in enumerate(axes):
        i, column = divmod(index, 2)
        if i >= len(data.names):
            ax.set_axis_off()
            continue
        ax.stackplot(
            data.t[shown],
            data.part[i, shown, column].T,
            colors=shades,
            labels=labels,
            linewidth=0.3,
            edgecolor=style.FRAME,
        )
        ax.axvline(
            data.latest,
            color=style.THEORY,
            linestyle="--",
            linewidth=1.0,
            label="dominated neurons aligned",
        )
        ax.set(xscale="log", ylim=(0.0, 1.0), xlim=(data.t[shown][0], data.t[-1]))
        ax.set_title(f"({'abcdefgh'[index]}) {data.names[i]}, $a {'><'[column]} 0$")
        if column == 0:
            ax.set_ylabel("part of the neurons")
        if i == len(data.names) - 1:
            ax.set_xlabel("flow time")
    legend_below(axes, columns=3)


CLAIMS: tuple[Claim, ...] = (omnidirectionality, unbalanced_directions)
FIGURES = (
    Figure(
        id="omnidirectionality",
        file="omnidirectionality",
        cases=("omnidirectionality",),
        caption="Three points: part of the neurons by number of active data along training, balanced and unbalanced networks.",
        layout=(2, 2, style.PAGE, 4.4),
        collect=collect_directions,
        draw=draw_directions,
    ),
)
