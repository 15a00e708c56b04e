r"""How training loses omnidirectionality: the neurons by activation pattern (Section 5).

A dominated network whose positive neurons have left all cones but two cannot grow in a good
direction any more. An unbalanced one keeps some, which is why it leaves least squares.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from flowrepro.claims.claim import require
from flowrepro.claims.verdict import Part, at_least, none_of, number
from flowrepro.core.config import Data
from flowrepro.core.trajectory import Dataset, Study
from flowrepro.engines.alignment import align
from flowrepro.figures import style
from flowrepro.figures.panels import Band, Mark, Panel, Vertical
from flowrepro.papers.boursier2024 import PAPER
from flowrepro.papers.boursier2024.exact_alignment import start_directions
from flowrepro.papers.boursier2024.hypotheses import declared, spurious
from flowrepro.papers.boursier2024.neurons import sides
from flowrepro.papers.boursier2024.training import (
    LAWS,
    geometric_steps,
    law,
    problem_of,
    train,
)
from flowrepro.papers.study import Progress, option
from flowrepro.papers.topic import Topic
from flowrepro.theory.arrangement import arrangement
from flowrepro.theory.stationary import HALF_MEAN_SQUARE

topic = Topic(PAPER, "Omnidirectionality")
SLACK = 1.3
"""The limit of vanishing scale says when alignment ends; at a finite scale it may take this much
longer (1.02 measured at 1e-3)."""


@topic.study
def omnidirectionality(
    data: Dataset,
    *,
    inits: list[str] = option(["balanced", "gaussian"], "laws of the start", choices=LAWS),
    m: int = option(2000, "neurons", within=(1, 100_000)),
    scale: float = option(1e-3, "initial scale lambda", within=(1e-12, 10.0)),
    lr: float = option(1e-3, "step of descent", within=(1e-4, 0.1)),
    n_steps: int = option(300_000, "steps", within=(1, 10**8)),
    growth: float = option(1.1, "ratio of the steps at which neurons count", within=(1.01, 10.0)),
    seed: int,
    progress: Progress,
) -> dict[str, np.ndarray]:
    """t (S,), and per init, snapshot and sign of a (+, -) where the neurons are.

    part (I, S, 2, n + 1) : part of the neurons by number of active data. empty (I, S, 2) : cells
    without a neuron, of so many `cells`. latest : when the alignment of dominated neurons ends.
    """
    X, y = data.X, data.y
    steps, n, cones = geometric_steps(n_steps, growth), len(data.y), arrangement(X)
    part = np.empty((len(inits), len(steps), 2, n + 1))
    empty = np.empty((len(inits), len(steps), 2), dtype=np.int64)
    for i, name in enumerate(inits):
        problem = problem_of(X, y, law(name, m, scale), seed, lr, n_steps)
        run = train(problem, snapshots=tuple(steps.tolist()))
        for s, (W, a) in enumerate(zip(run.W, run.a, strict=True)):
            for k, sign in enumerate((1.0, -1.0)):
                side = sides(X, W[sign * a > 0])
                counts = np.bincount(np.sum(side > 0, axis=1), minlength=n + 1)
                part[i, s, k] = counts / max(1, len(side))
                taken = np.unique(side[np.all(side != 0, axis=1)], axis=0)
                empty[i, s, k] = cones.n_cells - len(taken)
        progress(i + 1, len(inits))
    W = start_directions(cones, 360, seed)
    latest = align(X, y, W, np.ones(len(W)), HALF_MEAN_SQUARE).settled
    return {
        "t": 2.0 * lr * steps,
        "part": part,
        "empty": empty,
        "cells": np.array(cones.n_cells),
        "latest": np.array(latest),
    }


OMNIDIRECTIONALITY = omnidirectionality.case(
    "omnidirectionality",
    "Beyond the paper: in which cones the neurons are along training on the points of Figure 2.",
    Data(name="three-points"),
    quick={"options.m": 500, "options.n_steps": 20_000},
)


def aligned(result: Study) -> np.ndarray:
    """(S,) bool: snapshots after every positive dominated neuron has aligned."""
    return np.asarray(result.arrays["t"] >= SLACK * float(result.arrays["latest"]))


@topic.claim(
    "section-5-omnidirectionality",
    "Once aligned, the positive neurons of dominated networks are in two cones.",
    place="Section 5",
    given=(spurious,),
)
def two_cones(result: Study) -> Iterable[Part]:
    """Later snapshots with positive neurons active on some data but not on all."""
    arrays, options, late = result.arrays, result.case.options, aligned(result)
    known = [i for i, name in enumerate(options["inits"]) if name in ("balanced", "dominated")]
    if not known or not late.any():
        require("no balanced or dominated network is followed beyond its alignment")
    if options["scale"] > 1e-2:
        require("at this scale the network's output is not negligible during the alignment")
    mixed = arrays["part"][known][:, late, 0, 1:-1].sum(axis=-1)
    yield none_of("snapshots with mixed positive neurons", int(np.sum(~(mixed <= 0))))
    yield number("alignment ends at flow time", float(arrays["latest"]))


@topic.claim(
    "section-5-unbalanced-directions",
    "An unbalanced network keeps mixed neurons.",
    place="Section 5",
    kind="reproduction",
    given=(declared(OMNIDIRECTIONALITY),),
)
def unbalanced_directions(result: Study) -> Iterable[Part]:
    """At the first snapshot after the alignment of dominated neurons."""
    i, after = result.case.options["inits"].index("gaussian"), aligned(result)
    require(None if after.any() else "no snapshot was taken after the alignment")
    first = int(np.argmax(after))
    mixed = result.arrays["part"][i, first, 0, 1:-1].sum()
    yield at_least("mixed part of the positive neurons", mixed, 0.01)
    empty = result.arrays["empty"][i, -1, 0]
    yield number("cells without positive neurons at the end", empty)


@topic.figure(
    "omnidirectionality",
    "Three points: part of the neurons by number of active data along training, balanced and "
    "unbalanced networks.",
    layout=(2, 2, style.PAGE, 4.4),
    share="both",
)
def directions(result: Study) -> Iterable[Panel]:
    """Stacked areas, a row of panels per init, positive neurons left."""
    arrays, names = result.arrays, result.case.options["inits"]
    shown = arrays["t"] > 0
    t, counts = arrays["t"][shown], arrays["part"].shape[-1]
    for i, k in np.ndindex(min(2, len(names)), 2):
        part = arrays["part"][i, shown, k]
        tops = np.cumsum(part, axis=1)
        marks: list[Mark] = [
            Band(t, top - each, top, colour=style.grey(counts - 1 - c, counts, 0.25, 0.95),
                 opacity=1.0, width=0.3, label=f"active on {c}")
            for c, (each, top) in enumerate(zip(part.T, tops.T, strict=True))
        ]  # fmt: skip
        marks.append(Vertical(arrays["latest"], colour=style.THEORY, dash="--", width=1.0,
                              label="dominated neurons aligned"))  # fmt: skip
        yield Panel(marks, title=f"{names[i]}, $a {'><'[k]} 0$", scale="log-linear",
                    ylim=(0.0, 1.0), xlim=(t[0], t[-1]), xlabel="flow time",
                    ylabel="part of the neurons")  # fmt: skip
