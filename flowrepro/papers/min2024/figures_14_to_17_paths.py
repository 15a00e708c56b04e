"""Activation paths on the lattice of (k_+, k_-) (min2024, Appendix C.2; Figures 14 to 17).

The proof of Theorem 1 bounds the time to S_+ along a path P by T(P), and T(P) by that of the
maximal path. Claims about V_+ are judged on V_- too, with the labels exchanged.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial

import numpy as np

from flowrepro.claims.controls import altered
from flowrepro.claims.verdict import Part, at_most, none_of, number
from flowrepro.core.trajectory import Study
from flowrepro.figures import NotDrawable, style
from flowrepro.figures.panels import Line, Mark, Panel, Points, Text
from flowrepro.papers.min2024 import PAPER
from flowrepro.papers.min2024.activation_paths import (
    CLUSTER_PATHS,
    PLANE_PATHS,
    Path,
    not_opposite,
    stay_bound,
    unpack,
)
from flowrepro.papers.min2024.hypotheses import assumption_1
from flowrepro.papers.min2024.shared.lattice import (
    Edge,
    State,
    counterpart,
    edge_time,
    edges,
    is_path,
    maximal_path,
    travel_time,
)
from flowrepro.papers.topic import Topic

topic = Topic(
    PAPER,
    "Activation paths on the lattice (Figures 14 to 17)",
    given=(assumption_1, not_opposite),
    command="toy2d",
)
PATHS = (PLANE_PATHS, CLUSTER_PATHS)
LENGTH = 10
"""Moves of the path in the paper's Figure 14."""


def arrivals(result: Study) -> list[tuple[Path, list[State], tuple[int, int]]]:
    """Neurons that reach the cone of their sign, their states on the lattice, and its corner."""
    reached = (path for path in unpack(result) if path.aligned)
    return [(path, path.counts(result.y), path.sizes(result.y)) for path in reached]


@topic.claim(
    "figure-14-path",
    "A neuron that reaches S_+ walks on the lattice of (k_+, k_-) to (n_+, 0) and avoids (0, 0).",
    place="Appendix C.2, Figure 14",
    on=PATHS,
)
def walks(result: Study) -> Iterator[Part]:
    """Neurons that arrive on something else than a path in unit moves."""
    found = arrivals(result)
    wrong = sum(not is_path(states, *sizes) for _, states, sizes in found)
    yield none_of(f"walks that are no path, of {len(found)}", wrong)
    longest = max((len(path.t) - 1 for path, *_ in found), default=0)
    yield number("moves of the longest path", longest)


@topic.claim(
    "figure-15-maximal-path",
    "The time T to S_+ satisfies T <= T(P) <= T(P_max).",
    place="Appendix C.2, Figure 15",
    on=PATHS,
    control=lambda result: altered(result, t=1e6 * result.arrays["t"]),
)
def maximal(result: Study) -> Iterator[Part]:
    """Largest T(P) / T(P_max), and largest time to the cone over T(P)."""
    bound, ratios, speeds = stay_bound(result), [0.0], [0.0]
    for path, states, sizes in arrivals(result):
        if (travel := travel_time(states)) > 0:
            ratios.append(travel / travel_time(maximal_path(*sizes)))
            speeds.append(float(path.t[-1]) / (bound * travel))
    yield at_most("largest T(P) / T(P_max)", np.max(ratios), 1.0 + 1e-12)
    yield at_most("largest time to S_+ over T(P)", np.max(speeds), 1.0)


@topic.claim(
    "figure-16-edges",
    "Each edge of a path corresponds to an edge of its own of the maximal path, which takes at "
    "least as long.",
    place="Appendix C.2, Figures 16 and 17",
    on=PATHS,
)
def correspondence(result: Study) -> Iterator[Part]:
    """Counterparts that are met twice or lie outside P_max, and edges longer than theirs."""
    twice = foreign = longer = 0
    for _, states, sizes in arrivals(result):
        own = edges(states)
        images = [counterpart(edge) for edge in own]
        known = set(edges(maximal_path(*sizes)))
        twice += len(images) - len(set(images))
        foreign += sum(image not in known for image in images)
        pairs = zip(own, images, strict=True)
        longer += sum(edge_time(edge) > edge_time(image) for edge, image in pairs)
    yield none_of("counterparts met twice", twice)
    yield none_of("counterparts outside P_max", foreign)
    yield none_of("edges longer than their counterpart", longer)


def shown_arrival(result: Study) -> tuple[list[State], tuple[int, int]]:
    """The states of a neuron of V_+ that reaches S_+, and (n_+, n_-): the first one whose path is
    as long as the paper's, or whose path comes nearest to that.
    """
    reached = [path for path in unpack(result) if path.sign > 0 and path.aligned]
    if not reached:
        raise NotDrawable("no neuron of V_+ reaches S_+; take more of them with options.neurons")
    path = min(reached, key=lambda path: abs(len(path.t) - 1 - LENGTH))
    return path.counts(result.y), path.sizes(result.y)


def _lattice(sizes: tuple[int, int], marks: Iterable[Mark]) -> Panel:
    plus, minus = sizes
    grid = np.stack(np.meshgrid(np.arange(plus + 1), np.arange(minus + 1)), axis=-1).reshape(-1, 2)
    return Panel(
        [Points(*grid.T, colour=style.DEAD, size=2, zorder=1), *marks],
        aspect="equal",
        xlim=(-0.5, plus + 0.5),
        ylim=(-0.5, minus + 0.5),
        xticks=range(plus + 1),
        yticks=range(minus + 1),
        xlabel="active positive data $k_+$",
        ylabel="active negative data $k_-$",
    )


def _walk(states: list[State]) -> Line:
    return Line(*np.array(states).T, marker="o", zorder=3, label="path of a neuron")


def _both(states: list[State], sizes: tuple[int, int]) -> list[Mark]:
    longest = np.array(maximal_path(*sizes)).T
    look = partial(Line, colour=style.THEORY, dash="--", width=2.2, marker="o", zorder=2)
    return [look(*longest, label="maximal path"), _walk(states)]


def _numbered(states: list[State], gain: bool) -> Iterator[Text]:
    """The number of every gain (or loss), beside the edge and beside its counterpart."""
    chosen = [edge for edge in edges(states) if (edge[1][0] > edge[0][0]) == gain]
    for k, edge in enumerate(chosen, start=1):
        image = counterpart(edge)
        yield _beside(edge, str(k), style.LEARNED, 0.24)
        yield _beside(image, str(k), style.THEORY, -0.24 if edge == image else 0.24)


def _beside(edge: Edge, text: str, colour: str, shift: float) -> Text:
    x, y = np.mean(edge, axis=0)
    if edge[0][0] == edge[1][0]:
        return Text(x + shift, y, text, colour=colour, size=6.5, zorder=5)
    return Text(x, y + shift, text, colour=colour, size=6.5, zorder=5)


lattice_figure = partial(topic.figure, on=(CLUSTER_PATHS,), layout=(1, 1, style.COLUMN, 3.3))


@lattice_figure(
    "14",
    "Path of the numbers of active positive and negative data of a neuron that reaches S_+.",
    file="figure-14-path",
)
def path_of_a_neuron(result: Study) -> Iterator[Panel]:
    """A neuron of V_+ on its path to S_+."""
    states, sizes = shown_arrival(result)
    yield _lattice(sizes, [_walk(states)])


@lattice_figure(
    "15",
    "The same path and the maximal one, which takes the most time.",
    file="figure-15-maximal-path",
)
def path_and_maximal_path(result: Study) -> Iterator[Panel]:
    """The path of Figure 14 over P_max."""
    states, sizes = shown_arrival(result)
    yield _lattice(sizes, _both(states, sizes))


@lattice_figure(
    "16",
    "Edges at which a negative datum is lost, and the edges of the maximal path they correspond "
    "to.",
    file="figure-16-losses",
)
def losses(result: Study) -> Iterator[Panel]:
    """Losses of the path of Figure 14, numbered as their counterparts."""
    states, sizes = shown_arrival(result)
    yield _lattice(sizes, [*_both(states, sizes), *_numbered(states, gain=False)])


@lattice_figure(
    "17",
    "Edges at which a positive datum is gained, and the edges of the maximal path they correspond "
    "to.",
    file="figure-17-gains",
)
def gains(result: Study) -> Iterator[Panel]:
    """Gains of the path of Figure 14, numbered as their counterparts."""
    states, sizes = shown_arrival(result)
    yield _lattice(sizes, [*_both(states, sizes), *_numbered(states, gain=True)])
