"""One neuron that is held on the hyperplane of a datum, or crosses it (min2024, Figures 18 and 19).

Where the flow points to {<x_1, w> = 0} from both sides no Caratheodory solution goes on (Appendix
E.2). Gradient descent then crosses the hyperplane ever more often as its step gets smaller, and
follows the Filippov solution (Appendix F), which is active for a share of the time,

    lambda = -y_2 exp(-y_2 f_2) <x_1, x_2> / (y_1 ||x_1||^2).

With all labels +1 the same points satisfy Assumption 1, and the neuron crosses once.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import NamedTuple

import numpy as np

from flowrepro.claims.claim import require
from flowrepro.claims.published import as_declared
from flowrepro.claims.verdict import Part, at_most, number, within
from flowrepro.core.config import Data
from flowrepro.core.trajectory import Dataset, Study
from flowrepro.engines.alignment import SUM_EXP
from flowrepro.engines.flow.flow import integrate
from flowrepro.errors import UsageError
from flowrepro.figures import NotDrawable, style
from flowrepro.figures.panels import Arrows, Horizontal, Line, Mark, Panel, Points, Vertical
from flowrepro.papers.min2024 import PAPER
from flowrepro.papers.study import Progress, option, silent
from flowrepro.papers.topic import Topic

LABELLINGS = ("held", "crossing")
"""With the labels of the data set, and with all labels +1."""
FLOW_TIMES = 201
MOST_STEPS = 1e6
"""Steps of the finest descent, tens of seconds (chosen)."""
FINITE = (-2.0, 2.0)
"""Range of a start and of its output weight in which exp(-y f) stays moderate."""

topic = Topic(PAPER, "A neuron held on a hyperplane (Figures 18 and 19)", command="toy2d")


def velocity(
    X: np.ndarray, y: np.ndarray, w: np.ndarray, a: np.ndarray, at_zero: float = 0.0
) -> tuple[np.ndarray, np.ndarray]:
    """-grad of sum_k exp(-y_k a relu(<w, x_k>)) with relu'(0) = ``at_zero``.

    For neurons w (..., d) with output weights a (...); returns (..., d) and (...).
    """
    z = w @ X.T
    slope = np.where(z > 0, 1.0, np.where(z == 0, at_zero, 0.0))
    hidden = np.maximum(z, 0.0)
    pull = y * np.exp(-y * a[..., None] * hidden)
    return a[..., None] * ((slope * pull) @ X), np.sum(pull * hidden, axis=-1)


def descend(
    X: np.ndarray,
    y: np.ndarray,
    w: np.ndarray,
    a: float,
    lr: float,
    n_steps: int,
    at_zero: float = 0.0,
) -> np.ndarray:
    """All iterates (n_steps + 1, d + 1) of (w, a) under gradient descent on that sum."""
    theta = np.empty((n_steps + 1, len(w) + 1))
    theta[0] = *w, a
    for k in range(n_steps):
        dw, da = velocity(X, y, theta[k, :-1], theta[k, -1:].reshape(()), at_zero)
        theta[k + 1, :-1], theta[k + 1, -1] = theta[k, :-1] + lr * dw, theta[k, -1] + lr * da
    return theta


@topic.study
def held_neuron(
    data: Dataset,
    *,
    w: list[float] = option([-0.01, 0.1], "start of the neuron, d numbers", within=FINITE),
    a: float = option(0.1005, "start of its output weight", within=FINITE),
    lr: list[float] = option([1e-2, 1e-3, 1e-4], "step sizes of the descents", within=(1e-9, 1.0)),
    horizon: float = option(0.5, "flow time at which all runs end", within=(1e-6, 100.0)),
    progress: Progress = silent,
) -> dict[str, np.ndarray]:
    """Descent with each step size, and the flow, under both LABELLINGS of two points.

    Returns <labelling>.<i> (K_i + 1, d + 1), every iterate (w, a) of the i-th descent, and
    <labelling>.flow (T, d + 1) at the times t (T,).
    """
    start, X = np.array(w), data.X
    if len(start) != X.shape[1] or len(X) != 2:
        raise UsageError(
            "held-neuron needs two points and d entries in options.w; these are "
            f"{len(X)} points with d = {X.shape[1]}"
        )
    if not all(horizon / MOST_STEPS <= step <= horizon for step in lr):
        raise UsageError(
            f"options.lr must lie between options.horizon / {MOST_STEPS:g} and options.horizon, "
            f"not {lr}"
        )
    times = np.linspace(0.0, horizon, FLOW_TIMES)
    found = {"t": times}
    for done, labelling in enumerate(LABELLINGS, start=1):
        y = labels(data.y, labelling)
        for i, step in enumerate(lr):
            found[f"{labelling}.{i}"] = descend(X, y, start, a, step, round(horizon / step))
        flow = integrate(
            X, y, start[None], np.array([a]), SUM_EXP, times, rtol=1e-10, fast=False
        )  # fmt: skip
        states = [np.append(*(part[0] for part in flow.weights(k))) for k in range(len(flow.t))]
        found[f"{labelling}.flow"] = np.stack(states)
        progress(done, len(LABELLINGS))
    return found


HELD = held_neuron.case(
    "held-neuron",
    "Figures 18 and 19: a neuron held on a hyperplane crosses it ever more often; without the "
    "conflict it crosses once",
    data=Data(name="held-points"),
)


def labels(y: np.ndarray, labelling: str) -> np.ndarray:
    """The labels (n,) under one of the LABELLINGS."""
    return y if labelling == "held" else np.abs(y)


class Descent(NamedTuple):
    """What descent with one step size does at the hyperplane of the first datum.

    theta : (K + 1, d + 1) its iterates (w, a). height : (K + 1,) <x_1, w>. crossings of height 0.
    amplitude : the largest |height| after the first crossing. active : the share of the steps since
    then with height > 0. weight : the mean of lambda over them.
    """

    lr: float
    theta: np.ndarray
    height: np.ndarray
    crossings: int
    amplitude: float
    active: float
    weight: float


def descents(result: Study, labelling: str) -> Iterator[Descent]:
    """One for each step size of the study."""
    X, y = result.X, labels(result.y, labelling)
    for i, lr in enumerate(result.case.options["lr"]):
        theta = result.arrays[f"{labelling}.{i}"]
        height = theta[:, :-1] @ X[0]
        crossed = np.flatnonzero(np.diff(height > 0))
        since = int(crossed[0]) + 1 if crossed.size else len(height) - 1
        f2 = theta[since:, -1] * np.maximum(theta[since:, :-1] @ X[1], 0.0)
        weight = -y[1] * np.exp(-y[1] * f2) * (X[0] @ X[1]) / (y[0] * (X[0] @ X[0]))
        yield Descent(
            lr,
            theta,
            height,
            int(crossed.size),
            float(np.abs(height[since:]).max()),
            float(np.mean(height[since:] > 0)),
            float(weight.mean()),
        )


def two_step_sizes(result: Study) -> str | None:
    """Two or more step sizes, to see what does not depend on them."""
    if len(result.case.options["lr"]) >= 2:
        return None
    return "needs two or more step sizes in options.lr"


GIVEN = (as_declared(HELD, ("options.lr", "seed")), two_step_sizes)


@topic.claim(
    "figure-18-crossings",
    "Where the flow points to a hyperplane from both sides, descent crosses it ever more often as "
    "its step gets smaller.",
    place="Appendix E.2, Figure 18",
    given=GIVEN,
)
def zeno(result: Study) -> Iterator[Part]:
    """Crossings times step size, and amplitude over step size: largest over smallest."""
    found = list(descents(result, "held"))
    rates = [one.crossings * one.lr for one in found]
    heights = [one.amplitude / one.lr for one in found]
    yield at_most(
        "crossings times step size, largest over smallest",
        max(rates) / max(min(rates), 1e-300),
        1.1,
    )
    yield at_most(
        "distance from the hyperplane over step size, largest over smallest",
        max(heights) / min(heights),
        1.1,
    )
    for one in found:
        yield number(f"crossings with step size {one.lr:g}", one.crossings)


@topic.claim(
    "figure-18-filippov",
    "Held descent is active for the Filippov share of the time, and follows the Filippov solution.",
    place="Appendix F, Figure 18",
    given=GIVEN,
)
def filippov(result: Study) -> Iterator[Part]:
    """|active share - lambda| against 10 lr + 1e-3, and the distance to the flow over lr."""
    end = result.arrays["held.flow"][-1]
    for one in descents(result, "held"):
        yield at_most(
            f"|active share - lambda| with step size {one.lr:g}",
            abs(one.active - one.weight),
            10 * one.lr + 1e-3,
        )
        yield at_most(
            f"distance to the flow at the end over step size {one.lr:g}",
            float(np.abs(one.theta[-1] - end).max()) / one.lr,
            1.0,
        )


@topic.claim(
    "figure-19-crossing",
    "Where the flow points through a hyperplane, descent crosses it once.",
    place="Appendix E.2, Figure 19",
    given=GIVEN,
)
def crossing(result: Study) -> Iterator[Part]:
    """Crossings for each step size, with labels that satisfy Assumption 1."""
    Z = labels(result.y, "crossing")[:, None] * result.X
    holds = np.min(Z @ Z.T) > 0
    require(None if holds else "Assumption 1 fails for these points even with all labels +1")
    for one in descents(result, "crossing"):
        yield within(f"crossings with step size {one.lr:g}", one.crossings, 1, 1)


def _panels(result: Study, labelling: str) -> Iterator[Panel]:
    """The coarsest descent in the plane, with the flow on both sides; the distances over time."""
    X, flow = result.X, result.arrays[f"{labelling}.flow"]
    if X.shape != (2, 2):
        raise NotDrawable("this figure is of two points of the plane")
    found = sorted(descents(result, labelling), key=lambda one: -one.lr)
    w = found[0].theta[:, :2]
    middle = np.array([0.0, (w[:, 1].max() + w[:, 1].min()) / 2])  # on the hyperplane
    half = np.array([1.1 * np.abs(w[:, 0]).max(), 0.6 * np.ptp(w[:, 1])])
    if not np.all(half > 0):
        raise NotDrawable("the neuron does not leave the axes of the plane")
    sides = np.meshgrid(np.linspace(-0.9, 0.9, 8), np.linspace(-0.9, 0.9, 5))
    points = middle + half * np.stack(sides, axis=-1).reshape(-1, 2)
    a = np.full(len(points), result.arrays[f"{labelling}.0"][0, 2])
    speed = velocity(X, labels(result.y, labelling), points, a)[0] / half
    lengths = np.linalg.norm(speed, axis=1, keepdims=True)
    arrows = 0.14 * half * speed / np.where(lengths > 0, lengths, 1.0)  # of one length on paper
    yield Panel(
        [
            Arrows(points, points + arrows, colour=style.DEAD, width=0.8, head=5, zorder=1),
            Line(*w.T, width=0.9, zorder=3),
            Line(*flow[:, :2].T, colour=style.THEORY, dash="--", zorder=4, label="Filippov flow"),
            Points(*w[0], zorder=5),
            Vertical(0.0, dash="-", label=r"$\langle x_1, w\rangle = 0$"),
        ],
        title=f"descent with step {found[0].lr:g}",
        xlim=(-1.08 * half[0], 1.08 * half[0]),  # no arrow leaves the panel
        ylim=(middle[1] - 1.08 * half[1], middle[1] + 1.08 * half[1]),
        xticks=4,
        yticks=4,
        xlabel="$w_1$",
        ylabel="$w_2$",
    )
    curves: list[Mark] = [Horizontal(0.0, dash="-", zorder=0)]
    ends = []
    colours = (style.LEARNED, style.DATA, style.FRAME, style.DEAD)
    for one, colour, dash in zip(found, colours, ("-", "--", ":", "-."), strict=False):
        t, times = one.lr * np.arange(len(one.height)), f"crossing{'s' * (one.crossings != 1)}"
        label = f"step {one.lr:g}: {one.crossings} {times}"
        curves.append(Line(t, one.height, colour=colour, dash=dash, width=1.0, label=label))
        ends.append(np.abs(one.height[t > t[-1] / 2]).max())
    yield Panel(
        curves,
        title="distance from the hyperplane",
        xlabel="flow time",
        ylabel=r"$\langle x_1, w\rangle$",
        ylim=(-1.6 * max(ends), 1.6 * max(ends)),
    )


held_figure = partial(topic.figure, layout=(1, 2, style.PAGE, 2.7))


@held_figure(
    "18",
    "The flow points to a hyperplane from both sides: descent crosses it ever more often as the "
    "step gets smaller.",
    file="figure-18-no-solution",
)
def held_on_the_hyperplane(result: Study) -> Iterator[Panel]:
    """The neuron under the labels of the data set."""
    return _panels(result, "held")


@held_figure(
    "19",
    "The flow points through the hyperplane, as Assumption 1 ensures: it is crossed once.",
    file="figure-19-crossing",
)
def through_the_hyperplane(result: Study) -> Iterator[Panel]:
    """The neuron when all labels are +1."""
    return _panels(result, "crossing")
