"""Neurons in the plane before alignment, after it and at the end (Figures 6 to 9, Appendix A).

Six points with mu = 0.2, and two positive points with mu = sin 0.1, sin 0.001 and 0. All four
experiments share the initialisation, the step and the iterations at which the paper shows the
neurons. The paper does not say its seeds. Ours is 0 where any seed shows what the paper shows, and
1 where its picture has one straggler, which 28 % of the seeds have.

An observation is measured on R runs at once. One run is judged by the windows of its numbers, many
seeds by the share of the runs inside them. The windows hold what was measured on 100 seeds. An
ensemble keeps its first and last weights and few losses: it is judged by what needs no more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from flowrepro.claims.claim import require
from flowrepro.claims.over_seeds import inside, share, too_few
from flowrepro.claims.published import as_published
from flowrepro.claims.verdict import Part, within
from flowrepro.core.config import Data, Descent, Init, Loss, Target, TrainingCase
from flowrepro.core.overrides import departures
from flowrepro.core.trajectory import Ensemble, Run
from flowrepro.figures import NotDrawable, style
from flowrepro.figures.line_panels import shown_steps
from flowrepro.figures.panels import Line, Mark, Panel, Points, Text
from flowrepro.papers.min2024 import PAPER
from flowrepro.papers.min2024.shared.plane import (
    cone_marks,
    data_marks,
    half_side,
    require_plane,
    square,
)
from flowrepro.papers.min2024.shared.regions import DEAD, NEGATIVE, POSITIVE, own_cosines, regions
from flowrepro.papers.min2024.shared.regions import outside as outside_cones
from flowrepro.papers.min2024.shared.toy_runs import RECORD, Runs
from flowrepro.papers.topic import Topic
from flowrepro.theory.alignment import squared_norms

topic = Topic(PAPER, "Alignment in the plane")

SHOWN, END = 7_000, 21_000
"""Iterations of the panels after alignment and at the end."""
Window = tuple[float, float]
FIRST_DROP, SECOND_DROP = (7_500, 9_000), (12_500, 15_000)
DROP_LARGE, DROP_SMALL = (7_800, 9_500), (8_400, 10_000)
"""Windows of the steepest steps of the drops of the loss."""
SETTINGS: dict[str, Any] = {
    "init": Init(name="gaussian", m=50, scale=1e-6),  # A.1: N(0, alpha^2), alpha = 1e-6, h = 50
    "loss": Loss(name="exp", reduction="mean"),
    "protocol": Descent(lr=2e-3, n_steps=END),  # the last iteration shown in Figures 7 to 9
    "record": RECORD,
}


def two_points(theta: float) -> Data:
    """Two positive points of the plane, mu = sin theta."""
    return Data(name="two-positive-points", options={"theta": theta})


def drop_target(what: str, paper: str, ours: int, window: Window) -> Target:
    """When the loss drops."""
    return Target(what=f"steepest step of the {what} of the loss", paper=paper, ours=ours,
                  window=window)  # fmt: skip


SIX_POINTS = topic.run(
    "six-points",
    "Figure 6: six points of the plane, neurons before alignment, after it and at the end.",
    data=Data(name="six-points"),
    **SETTINGS,
    targets=(
        drop_target("first drop", "first of two sharp decreases", 8_030, FIRST_DROP),
        drop_target("second drop", "second of two sharp decreases", 13_310, SECOND_DROP),
    ),
)
MU_LARGE = topic.run(
    "two-points-0.1",
    "Figure 7: two positive points, mu = sin 0.1; all live neurons reach S_+.",
    data=two_points(0.1),
    **SETTINGS,
    targets=(drop_target("drop", "one drop", 8_500, DROP_LARGE),),
)
MU_SMALL = topic.run(
    "two-points-0.001",
    "Figure 8: two positive points, mu = sin 0.001; one neuron stays outside S_+.",
    data=two_points(0.001),
    **SETTINGS,
    seed=1,
    targets=(
        drop_target("drop", "one drop", 9_170, DROP_SMALL),
        Target(what="neurons outside S_+ at the end", paper=1, ours=1, window=(1, 1)),
    ),
)
ORTHOGONAL = topic.run(
    "two-points-orthogonal",
    "Figure 9: two orthogonal positive points; neurons end in S_+, at x_1 or at x_2.",
    data=two_points(0.0),
    **SETTINGS,
    seed=1,
)
FIGURE = {SIX_POINTS.name: 6, MU_LARGE.name: 7, MU_SMALL.name: 8, ORTHOGONAL.name: 9}


# ---- observations


class Measured(NamedTuple):
    """A number of each of R runs, values (R,), and the window it must fall into."""

    note: str
    values: np.ndarray
    low: float
    high: float


Measure = Callable[[Runs], Iterable[Measured]]


class Observation(NamedTuple):
    """A statement on the paper's run ``case``, measured on any number of such runs.

    at_the_end : it needs the last weights and losses only, which an ensemble keeps.
    """

    id: str
    case: TrainingCase
    sentence: str
    measure: Measure
    at_the_end: bool

    @property
    def place(self) -> str:
        """Where the paper shows it."""
        return f"Figure {FIGURE[self.case.name]}"

    @property
    def on_most_seeds(self) -> str:
        """The sentence about many seeds."""
        return f"On most seeds: {self.sentence[0].lower()}{self.sentence[1:]}"


OBSERVATIONS: list[Observation] = []


def enough_members(ensemble: Ensemble) -> str | None:
    """At least `over_seeds.ENOUGH` members."""
    return too_few(len(ensemble.trajectory.seeds))


def shares(parts: Iterable[Measured]) -> Iterator[Part]:
    """The share of the runs in the window of each part."""
    for note, values, low, high in parts:
        yield share(f"{note} in [{low:g}, {high:g}]", inside(values, low, high), values)


def observe(
    id: str, case: TrainingCase, sentence: str, at_the_end: bool = False
) -> Callable[[Measure], Measure]:
    """Decorator: claim what a function measures, of the paper's run and, where it needs the end
    only, of an ensemble of them.
    """

    def declare(measure: Measure) -> Measure:
        seen = Observation(id, case, sentence, measure, at_the_end)
        OBSERVATIONS.append(seen)
        about: dict[str, Any] = {"place": seen.place, "kind": "reproduction", "on": (case,)}
        published = as_published(case)

        @topic.claim(id, sentence, given=(published,), **about)
        def on_run(run: Run) -> Iterator[Part]:
            for note, values, low, high in measure(Runs.of(run)):
                yield within(note, values[0], low, high)

        if not at_the_end:
            return measure

        @topic.claim(f"{id}-ensemble", seen.on_most_seeds, given=(published, enough_members),
                     over_seeds=True, **about)  # fmt: skip
        def on_ensemble(ensemble: Ensemble) -> Iterator[Part]:
            return shares(measure(Runs.of(ensemble)))

        return measure

    return declare


@observe("figure-6-drops", SIX_POINTS, "The loss has two sharp drops.")
def six_drops(runs: Runs) -> Iterator[Measured]:
    """Exactly two drops, each in its window."""
    first, second = runs.drop_steps(2).T
    yield Measured("number of sharp drops of the loss", runs.drops().sum(axis=1), 2, 2)
    yield Measured("step of the first drop", first, *FIRST_DROP)
    yield Measured("step of the second drop", second, *SECOND_DROP)


@observe("figure-6-loss", SIX_POINTS,
         "The loss moves only after the alignment, and ends near 0.", at_the_end=True)  # fmt: skip
def six_loss(runs: Runs) -> Iterator[Measured]:
    """The loss at the end of alignment and at the end."""
    yield Measured(f"L({SHOWN})/L(0)", runs.loss_at(SHOWN) / runs.loss_at(0), 0.95, 1.0)
    yield Measured(f"L({END})", runs.loss_at(END), 0.0, 0.03)


@observe("figure-6-cones", SIX_POINTS, "After alignment neurons are in S_+, in S_-, or dead.")
def six_cones(runs: Runs) -> Iterator[Measured]:
    """Up to two stragglers (22 % of the seeds have any at SHOWN, 6 % at END); no cone is empty."""
    codes = regions(runs.X, runs.y, runs.weights(END)[0])
    yield Measured(f"neurons outside their cones at {SHOWN}", runs.outside(SHOWN), 0, 2)
    yield Measured(f"neurons outside their cones at {END}", runs.outside(END), 0, 1)
    for name, code in (("S_+", POSITIVE), ("S_-", NEGATIVE), ("S_dead", DEAD)):
        yield Measured(f"neurons in {name} at {END}", np.sum(codes == code, axis=1), 1, np.inf)


@observe("figure-6-alignment", SIX_POINTS, "Live neurons are well aligned with x_+ and x_-.")
def six_alignment(runs: Runs) -> Iterator[Measured]:
    """cos(w_j, x_+-) > 0.95 for nine of ten live neurons."""
    W, a = runs.weights(SHOWN)
    live = regions(runs.X, runs.y, W) != DEAD
    aligned = live & (own_cosines(runs.X, runs.y, W, a) > 0.95)
    yield Measured(f"share of live neurons with cosine above 0.95 at {SHOWN}",
                   aligned.sum(axis=1) / live.sum(axis=1), 0.9, 1.0)  # fmt: skip


@observe("figure-6-rank", SIX_POINTS,
         "The first layer is approximately of low rank at the end.", at_the_end=True)  # fmt: skip
def six_rank(runs: Runs) -> Iterator[Measured]:
    """||W||_F^2 / ||W||_2^2. In the plane it never exceeds 2, so only its value says something."""
    norms = np.array([squared_norms(W) for W in runs.weights(END)[0]])
    yield Measured(f"stable rank at {END}", norms[:, 0] / norms[:, 1], 1.2, 1.35)


@observe("figure-7-cone", MU_LARGE, "With mu = sin 0.1 all live neurons reach S_+.")
def all_enter(runs: Runs) -> Iterator[Measured]:
    """Three stragglers at most at iteration 7000, none at 9000 and none at the end."""
    yield Measured(f"live neurons outside S_+ at {SHOWN}", runs.outside(SHOWN), 0, 3)
    yield Measured("live neurons outside S_+ at 9000", runs.outside(9_000), 0, 0)
    yield Measured(f"live neurons outside S_+ at {END}", runs.outside(END), 0, 0)
    dead = np.sum(regions(runs.X, runs.y, runs.weights(END)[0]) == DEAD, axis=1)
    yield Measured(f"dead neurons at {END}", dead, 8, 36)


NONE_NEGATIVE = "Without negative data no neuron with a_j < 0 stays alive."


@observe("figure-9-negative", ORTHOGONAL, NONE_NEGATIVE, at_the_end=True)
@observe("figure-7-negative", MU_LARGE, NONE_NEGATIVE, at_the_end=True)
def no_negative(runs: Runs) -> Iterator[Measured]:
    """Such a neuron dies, or a_j changes its sign."""
    W, a = runs.weights(END)
    alive = (a < 0) & (regions(runs.X, runs.y, W) != DEAD)
    yield Measured(f"live neurons with a_j < 0 at {END}", np.sum(alive, axis=1), 0, 0)


def one_drop(runs: Runs, window: Window) -> Iterator[Measured]:
    """One sharp drop of the loss in the window; the data are fitted at the end."""
    yield Measured("number of sharp drops of the loss", runs.drops().sum(axis=1), 1, 1)
    yield Measured("step of the drop", runs.drop_steps(1)[:, 0], *window)
    yield Measured(f"L({END})", runs.loss_at(END), 0.0, 0.012)


for _id, _case, _window in (
    ("figure-7-drop", MU_LARGE, DROP_LARGE),
    ("figure-8-drop", MU_SMALL, DROP_SMALL),
):
    observe(_id, _case, "The loss drops once, and the data are fitted.")(
        partial(one_drop, window=_window)
    )


@observe("figure-8-late", MU_SMALL,
         "With mu = sin 0.001 neurons are still outside S_+ at iteration 7000.")  # fmt: skip
def many_late(runs: Runs) -> Iterator[Measured]:
    """4 to 16 neurons on 100 seeds."""
    yield Measured(f"live neurons outside S_+ at {SHOWN}", runs.outside(SHOWN), 3, np.inf)


@observe("figure-9-stay", ORTHOGONAL,
         "With orthogonal data neurons end in S_+, at x_1 or at x_2, and only those in S_+ "
         "grow.")  # fmt: skip
def stay_outside(runs: Runs) -> Iterator[Measured]:
    """Neurons outside S_+ after alignment stay there, at x_1 or x_2, and do not grow."""
    W, _ = runs.weights(END)
    codes, norms = regions(runs.X, runs.y, W), np.linalg.norm(W, axis=2)
    out, in_cone = (codes != DEAD) & (codes != POSITIVE), codes == POSITIVE
    unit = runs.X / np.linalg.norm(runs.X, axis=1, keepdims=True)
    best = (W @ unit.T).max(axis=2) / norms
    angles = np.degrees(np.arccos(np.minimum(np.where(out, best, 1.0), 1.0)))
    largest = [np.max(norms, axis=1, where=chosen, initial=0.0) for chosen in (out, in_cone)]
    before, after = runs.outside(SHOWN), runs.outside(END)
    yield Measured(f"live neurons outside S_+ at {SHOWN}", before, 5, np.inf)
    yield Measured(f"change of their number from {SHOWN} to {END}", after - before, 0, 0)
    yield Measured(f"their largest angle to the nearer of x_1 and x_2 at {END}, degrees",
                   angles.max(axis=1), 0, 5)  # fmt: skip
    yield Measured(f"largest norm outside S_+ over largest norm in S_+ at {END}",
                   largest[0] / largest[1], 0, 0.1)  # fmt: skip


@topic.claim(
    "figure-8-straggler",
    "One neuron remains outside S_+ at iteration 21000.",
    place="Figure 8", kind="reproduction", on=(MU_SMALL,), given=(as_published(MU_SMALL),),
)  # fmt: skip
def straggler(run: Run) -> Iterator[Part]:
    """Live neurons outside S_+ at the end, on the one seed chosen to show it."""
    one = (
        f"this is of one particular instance, seed {MU_SMALL.seed} here; "
        "0, 1, 2 and 3 neurons remain on 58, 28, 11 and 3 of 100 seeds"
    )
    require(None if run.case.seed == MU_SMALL.seed else one)
    yield within(f"live neurons outside S_+ at {END}", Runs.of(run).outside(END)[0], 1, 1)


# ---- figures

NEURONS = (
    (0, style.DEAD, "dead neuron"),
    (1, style.POSITIVE, "neuron, $a_j > 0$"),
    (-1, style.NEGATIVE, "neuron, $a_j < 0$"),
)
"""Sign of a_j, or 0 if the neuron is dead -> colour, name."""


def toy_panels(run: Run) -> Iterator[Panel]:
    """Directions as lines and neurons as dots at three iterations, and the loss with these marked.

    NotDrawable for points that are not in the plane or a loss that is not finite.
    """
    require_plane(run.X)
    if not np.all(np.isfinite(run.trajectory.loss)):
        raise NotDrawable("the loss is not finite; lower the step size or rescale the points")
    steps, limit = shown_steps(run, (0, SHOWN, END)), half_side(run.X)
    for k, at in enumerate(steps):
        W, a = (weights.astype(np.float64) for weights in run.trajectory.at(at))
        left = int(np.count_nonzero(outside_cones(run.X, run.y, W, a)))
        marks = (*cone_marks(run.X, run.y, names=k == 0), *_neuron_marks(run, W, a, 0.72 * limit),
                 *data_marks(run.X, run.y))  # fmt: skip
        yield Panel(marks, title=f"iteration {at}", xlabel=rf"{left} live outside $S_\pm$",
                    **square(limit))  # fmt: skip
    step, loss = run.trajectory.step, run.trajectory.loss
    heights = np.interp(steps, step, loss)
    last = np.array(steps) > 0.95 * step[-1]  # a letter there would stand on the edge
    letters = [
        Text(at, height, letter, offset=(-3.0 if late else 3.0, 3.0), colour=style.FRAME)
        for at, height, letter, late in zip(steps, heights, "abc", last, strict=False)
    ]
    yield Panel([Line(step, loss), Points(steps, heights, size=3.0, clip=False), *letters],
                title="loss", xlabel="iteration", ylabel="loss", xlim=(0, max(1, int(step[-1]))),
                ylim=(0, 1.12 * float(loss.max())), xticks=3)  # fmt: skip


def _neuron_marks(run: Run, W: np.ndarray, a: np.ndarray, length: float) -> Iterator[Mark]:
    norms = np.linalg.norm(W, axis=1, keepdims=True)
    tips = length * W / np.where(norms > 0, norms, 1.0)
    kinds = np.where(regions(run.X, run.y, W) == DEAD, 0, np.sign(a)).astype(int)
    for kind, colour, label in NEURONS:
        own = kinds == kind
        rays = np.stack([np.zeros_like(tips[own]), tips[own]])  # (2, k, 2)
        yield Line(rays[..., 0], rays[..., 1], width=0.8, colour=colour, zorder=2 + abs(kind))
        yield Points(*W[own].T, colour=colour, size=2.5, zorder=4, label=label)


def _captioned(case: TrainingCase, what: str) -> Callable[[Run], str]:
    """The caption of a figure, which names other points than the paper's by their number."""

    def caption(run: Run) -> str:
        own = not any(key.startswith("data.") for key in departures(run.case, case))
        points = what if own else f"{len(run.y)} points of the plane ({run.case.data.name})"
        return (
            f"{points}: directions of the neurons before alignment, after it and at the end, "
            "and the loss."
        )

    return caption


for _file, _case, _what in (
    ("six-points", SIX_POINTS, "Six points of the plane, mu = 0.2"),
    ("mu-1e-1", MU_LARGE, "Two positive points, mu = sin 0.1"),
    ("mu-1e-3", MU_SMALL, "Two positive points, mu = sin 0.001"),
    ("orthogonal", ORTHOGONAL, "Two orthogonal positive points"),
):
    topic.figure(
        str(FIGURE[_case.name]), _captioned(_case, _what), on=(_case,),
        file=f"figure-{FIGURE[_case.name]}-{_file}", layout=(1, 4, style.PAGE, 2.1),
    )(toy_panels)  # fmt: skip
