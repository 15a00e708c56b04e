"""Neurons gain and lose data one way, and keep no pattern for long (min2024, Figures 2 and 4).

Claims about V_+ are judged on V_- too, with the labels exchanged.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np

from flowrepro.claims.controls import altered
from flowrepro.claims.verdict import Part, at_most, none_of, number
from flowrepro.core.trajectory import Study
from flowrepro.engines.alignment import Fate
from flowrepro.figures import NotDrawable, style
from flowrepro.figures.panels import Line, Mark, Panel, Points, Ticks
from flowrepro.papers.min2024 import PAPER
from flowrepro.papers.min2024.activation_paths import (
    CLUSTER_PATHS,
    PLANE_PATHS,
    Path,
    not_opposite,
    start_of_neurons,
    stay_bound,
    unpack,
)
from flowrepro.papers.min2024.hypotheses import assumption_1
from flowrepro.papers.min2024.shared import constants
from flowrepro.papers.topic import Topic

topic = Topic(PAPER, "Activation patterns (Figures 2 and 4)", (assumption_1,), command="toy2d")
PATHS = (PLANE_PATHS, CLUSTER_PATHS)


@topic.claim(
    "figure-4-one-way",
    "A neuron of V_+ can only gain positive and lose negative data.",
    place="eqs. (7) and (8), Figure 4",
    on=PATHS,
)
def one_way(result: Study) -> Iterator[Part]:
    """Changes of activation against the rule, and neurons with more than n changes."""
    against = long = 0
    for path in unpack(result):
        changes = np.diff(path.active.astype(int), axis=0) * path.sign * result.y
        against += int(np.sum(changes < 0))
        long += len(path.t) - 1 > len(result.y)
    yield none_of("changes against the rule", against)
    yield none_of("neurons with more than n changes", long)


@topic.claim(
    "figure-2-fates",
    "A neuron of V_+ ends in S_+ or dead, and in S_+ if it starts active on a positive datum.",
    place="Theorem 1, Figure 2",
    on=PATHS,
    given=(not_opposite,),
)
def fates(result: Study) -> Iterator[Part]:
    """Neurons that end elsewhere, and those that die although active on a datum of their sign."""
    elsewhere = wrongly_dead = 0
    for path in unpack(result):
        elsewhere += not (path.aligned or path.fate is Fate.DEAD)
        wrongly_dead += path.fate is Fate.DEAD and path.counts(result.y)[0][0] > 0
    yield none_of("neurons that end elsewhere", elsewhere)
    yield none_of("neurons that die although active on a datum of their sign", wrongly_dead)


@topic.claim(
    "figure-4-stay",
    "On its way, a neuron keeps a pattern of n_a data for at most 4 / (M sqrt(mu) X_min n_a).",
    place="Appendix C.2, Figure 4",
    on=PATHS,
    given=(not_opposite,),
    control=lambda result: altered(result, t=1e6 * result.arrays["t"]),
)
def short_stays(result: Study) -> Iterator[Part]:
    """The longest stay, times n_a, over the bound for n_a = 1; the last pattern is no stay."""
    bound = stay_bound(result)
    stays = (np.diff(path.t) * path.active[:-1].sum(axis=1) for path in unpack(result))
    worst = max((float(np.max(stay, initial=0.0)) for stay in stays), default=0.0)
    yield at_most("longest stay over its bound", worst / bound, 1.0)
    yield number("4 / (M sqrt(mu) X_min)", bound)


@topic.figure(
    "4",
    "Activation patterns of a neuron of V_+ that dies and of one that reaches S_+, and how long it "
    "keeps them, against the bound.",
    on=(PLANE_PATHS,),
    layout=(2, 2, style.PAGE, 3.6),
    file="figure-4-activation",
)
def activation(result: Study) -> Iterator[Panel]:
    """The last neuron that dies and the last one that reaches S_+.

    Above, a line of marks for each datum, filled where the neuron is active on it; below, how long
    each state lasts. NotDrawable where the bound does not hold, or where no neuron changes.
    """
    if reason := assumption_1(result) or not_opposite(result):
        raise NotDrawable(reason)
    ends = {path.fate: path for path in unpack(result) if len(path.t) > 1}
    titles = {Fate.DEAD: r"to $S_\mathrm{dead}$", Fate.POSITIVE: "to $S_+$"}
    shown = [ends[fate] for fate in titles if fate in ends]
    if not shown:
        raise NotDrawable("no neuron of options.start changes what it is active on")
    yield from (_patterns(path, result.y, titles[path.fate]) for path in shown)
    if len(shown) == 1:
        yield Panel([], frame=False)
    yield from (_durations(result, path) for path in shown)


def _patterns(path: Path, y: np.ndarray, title: str) -> Panel:
    columns, marks = np.arange(len(path.t)), list[Mark]()
    for k, label in enumerate(y):
        colour, marker = (style.POSITIVE, "P") if label > 0 else (style.NEGATIVE, "X")
        on, height = path.active[:, k], np.full(len(columns), -k)
        look = partial(Points, colour=colour, edge=colour, marker=marker, size=6)
        marks += [
            Line(columns, height, colour=style.FRAME, width=0.4, zorder=1),
            look(columns[on], height[on], label=f"active, $y_i = {int(label):+d}$"),
            look(columns[~on], height[~on], fill="white"),
        ]
    data = Ticks([-k for k in range(len(y))], [f"$x_{k + 1}$" for k in range(len(y))])
    return Panel(
        marks,
        title=title,
        xlim=(-0.5, len(columns) - 0.5),
        ylim=(0.6 - len(y), 0.6),
        xticks=(),
        yticks=data,
        ylabel="data",
    )


def _durations(result: Study, path: Path) -> Panel:
    start = start_of_neurons(result, path.start[None], np.array([path.sign]))
    unit = constants.stay_bound(constants.points_of(result), start)
    columns, bound = np.arange(len(path.t) - 1), unit / path.active[:-1].sum(axis=1)
    return Panel(
        [
            Points(columns, bound, colour=style.THEORY, marker="_", size=9,
                   label=r"bound $4/(M\sqrt{\mu}\,X_{\min} n_a)$"),
            Points(columns, np.diff(path.t), size=3.5, label="time in the state"),
        ],
        scale="linear-log",
        xlim=(-0.5, len(path.t) - 0.5),
        xticks=Ticks(range(len(path.t)), [f"{t:.3g}" for t in path.t], rotation=40),
        xlabel="start of the state (flow time)",
        ylabel="time",
    )  # fmt: skip
