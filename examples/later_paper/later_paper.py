r"""A later paper as one file: early directional convergence of two-homogeneous networks.

A. Kumar and J. Haupt (2024) show that a two-homogeneous network which starts small stays small
while its weights converge in direction to a KKT point of the neural correlation function

    N(u) = sum_k y_k H(x_k; u),      for one ReLU neuron u = (w, a):   a sum_k y_k sigma(<w, x_k>).

At a KKT point the gradient of N is parallel to u. So every neuron that moves has a cosine between
u and grad N(u) that tends to 1 before the loss falls, and the smaller the start the closer it gets.

    flowrepro --plugin examples/later_paper/later_paper.py early-directions
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from flowrepro.claims.claim import require
from flowrepro.claims.verdict import Part, at_least, number
from flowrepro.core.config import Data, Descent, Init, Loss, Record
from flowrepro.core.trajectory import Run
from flowrepro.figures import style
from flowrepro.figures.panels import Line, Panel, Vertical
from flowrepro.papers.paper import Command, Contents, Paper
from flowrepro.papers.topic import Topic

PAPER = Paper(
    "kumar2024",
    "Kumar, Haupt: Directional convergence near small initializations and saddles in "
    "two-homogeneous neural networks (2024)",
    (Command("early-directions", "Small weights converge in direction first (kumar2024)."),),
)
topic = Topic(PAPER, "Early directional convergence")

SMALL = topic.run(
    "small",
    "Fifty neurons on two points from a start of size 1e-6.",
    data=Data(name="two-points"),
    init=Init(name="balanced", m=50, scale=1e-6),
    loss=Loss(name="square", reduction="mean"),
    protocol=Descent(lr=1e-3, n_steps=40_000),
    record=Record(save_every=100, snapshot_every=100),
)
LARGE = topic.run(
    "large",
    "The same from a start of size 1, where weights need not align before the loss falls.",
    data=SMALL.data,
    init=Init(name="balanced", m=50, scale=1.0),
    loss=SMALL.loss,
    protocol=SMALL.protocol,
    record=SMALL.record,
)


def alignment(run: Run) -> np.ndarray:
    """Cosine between each neuron u = (w, a) and the gradient of N at it.

    Returns
    -------
    ndarray, shape (S, m)
        One line per snapshot; nan for a neuron that is active on no sample.
    """
    W, a = run.trajectory.W, run.trajectory.a
    Z = W @ run.X.T
    toward = (Z > 0) * run.y
    gradient = np.concatenate(
        [a[..., None] * (toward @ run.X), (toward * Z).sum(-1)[..., None]], -1
    )
    neuron = np.concatenate([W, a[..., None]], -1)
    sizes = np.linalg.norm(neuron, axis=-1) * np.linalg.norm(gradient, axis=-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray((neuron * gradient).sum(-1) / sizes)


def falls(run: Run) -> int:
    """Index of the last snapshot before the loss has fallen by one per cent."""
    fallen = run.trajectory.loss < 0.99 * run.trajectory.loss[0]
    return int(np.argmax(fallen)) - 1


def loss_falls(run: Run) -> str | None:
    """The loss falls by one per cent within the run, and not at once."""
    return None if falls(run) > 0 else "the loss does not fall after a plateau"


@topic.claim(
    "directional-convergence",
    "Before the loss falls, every neuron that grows points along the gradient of N.",
    place="main theorem",
    on=(SMALL, LARGE),
)
def aligned(run: Run) -> Iterator[Part]:
    """measured: the least cosine over the neurons that have grown."""
    k = falls(run)
    if loss_falls(run):
        yield number("least cosine at the start; the loss falls at once", np.nanmin(alignment(run)))
        return
    size = np.linalg.norm(run.trajectory.W, axis=-1)
    grown = size[k] > 2 * size[0]
    require(None if grown.any() else "no neuron has grown before the loss falls")
    yield at_least("least cosine of a grown neuron", alignment(run)[k][grown].min(), 0.99)
    yield number("neurons that have grown", grown.sum())


@topic.claim(
    "weights-stay-small",
    "The directions have converged while the weights are still small.",
    place="main theorem",
    on=(SMALL,),
    given=(loss_falls,),
)
def small(run: Run) -> Iterator[Part]:
    """measured: how far before the fall of the loss the median cosine passes 0.99, in steps."""
    cosine = np.nanmedian(alignment(run), axis=1)
    first = int(np.argmax(cosine > 0.99))
    steps = run.trajectory.snapshot_step
    yield at_least(
        "steps from alignment to the fall of the loss", steps[falls(run)] - steps[first], 1
    )


@topic.figure(
    "directions",
    "Cosine between every neuron and the gradient of N; the dotted line marks the fall of the "
    "loss.",
    on=(SMALL, LARGE),
    layout=(1, 2, style.PAGE, 2.6),
)
def directions(*runs: Run) -> Iterator[Panel]:
    """One panel per start."""
    for run in runs:
        step = run.trajectory.snapshot_step
        yield Panel(
            [
                Line(step, alignment(run), width=0.6, opacity=0.5, label="a neuron"),
                Vertical(step[max(falls(run), 0)], label="the loss falls"),
            ],
            title=f"start of size {run.case.init.scale:g}",
            xlabel="step",
            ylabel="cosine",
        )


CONTENTS = Contents(PAPER, topics=(topic,))
