"""The norm of a run stays between its bounds (lee2022, Figure 2).

It falls above a threshold and grows below it. Theorems 3.3 and 3.8 bound the norm of the flow, A.1
and A.3 that of descent; eq 11 is the threshold v* S(phi)^(1/(m+1)). On a sample a bound may be
exceeded by what a finite sample explains, 2 sqrt(1.25 / n) max(v_0, v*), and for more than one
layer by lr max(v_0, v*)^(2m) v*, the order of the error that Theorem 4.1 leaves.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from flowrepro.claims.claim import NotApplicable
from flowrepro.claims.verdict import Part, at_least, at_most, none_of, number
from flowrepro.core.trajectory import Run
from flowrepro.engines.population import PlanePath, PlaneStart, overlap, population_flow
from flowrepro.figures import style
from flowrepro.figures.panels import Panel
from flowrepro.papers.lee2022 import PAPER
from flowrepro.papers.lee2022.bounds import deficit_of, limit_norm, norm_band, scalar_norm
from flowrepro.papers.lee2022.hypotheses import NEURON, layers, small_norm
from flowrepro.papers.lee2022.neuron import Clock, Neuron
from flowrepro.papers.lee2022.panels import coarser, drawable, norm_panel
from flowrepro.papers.lee2022.section_5_runs import ALL, NEURONS, NINE, same_time, with_layers
from flowrepro.papers.topic import Topic
from flowrepro.theory.conservation import imbalance

topic = Topic(PAPER, "The norm between its bounds", given=NEURON)

RESTART = 0.2
"""Share of a run after which Figure 2 starts its bounds again (step 20000 of 100000)."""
ROUNDING, INTEGRATION = 1e-12, 1e-10
"""Relative excess over a strict bound that rounding (descent) and the integrator (flow) may
make."""
NEAR = 0.05
"""Relative distance to the threshold of eq 11 within which a sample's norm may go either way
(chosen; measured 0.02)."""
SIX, THREE = ([c for c in NINE if (c.model.depth <= 2) == drawn] for drawn in (True, False))
"""The runs of Figure 2, and those of three layers, which it leaves out."""


def _excess(
    who: str, start: PlaneStart, path: PlanePath, clock: Clock, tolerance: float
) -> Iterator[Part]:
    """How far the norm exceeds its bounds after step 0, in units of v*, as the tolerance is."""
    band, later, goal = norm_band(start, clock), clock.t > 0, start.teacher_norm
    over = float((path.norm - band.high)[later].max()) / goal
    yield at_most(f"{who}: above the upper bound by, v*", over, tolerance)
    under = float((band.low - path.norm)[later].max()) / goal
    yield at_most(f"{who}: below the lower bound by, v*", under, tolerance)


def _later(path: PlanePath, index: int) -> PlanePath:
    return PlanePath(path.t[index:], path.norm[index:], path.scalar[index:], path.theta[index:])


def restart_index(neuron: Neuron) -> int:
    """First snapshot after RESTART of the run."""
    return int(np.searchsorted(neuron.step, RESTART * neuron.step[-1]))


def _descents(run: Run) -> Iterator[Part]:
    """Sample and population, from the start and restarted; the population of one layer strictly."""
    neuron = Neuron.of(run)
    if neuron.lr == 0:
        raise NotApplicable("the run is the flow; its own bounds are checked")
    index = restart_index(neuron)
    step = max(neuron.step_tolerance / neuron.teacher, ROUNDING)
    for who, path, tolerance in (
        ("population descent", neuron.descent(), step),
        (
            "sample (finite-sample tolerance)",
            neuron.path,
            neuron.sample_tolerance / neuron.teacher + step,
        ),
    ):
        yield from _excess(who, neuron.start, path, neuron.clock, tolerance)
        again, clock = neuron.restarted(index, path), neuron.clock.since(index)
        yield from _excess(f"{who}, restarted", again, _later(path, index), clock, tolerance)


def _flow(run: Run) -> Iterator[Part]:
    """The norm of the population flow from the start of the run."""
    neuron = Neuron.of(run)
    clock = Clock(neuron.path.t)
    return _excess("population flow", neuron.start, neuron.flow(), clock, INTEGRATION)


theorem_a1 = topic.claim(
    "theorem-a-1",
    "The norm of descent with one layer stays between its bounds: strictly on the population, up "
    "to 2 sqrt(1.25/n) max(v_0, v*) on the sample.",
    place="Theorem A.1; Figure 2a-c",
    on=with_layers(1, 1),
    given=(layers(1, 1),),
)(_descents)
theorem_a3 = topic.claim(
    "theorem-a-3",
    "The norm of descent with two layers stays between its bounds up to O(lr), and on the sample "
    "up to 2 sqrt(1.25/n) max(v_0, v*) more.",
    place="Theorem A.3; Figure 2d-f",
    on=with_layers(2, 2),
    given=(layers(2, 2),),
)(_descents)
theorem_3_8_descent = topic.claim(
    "theorem-3-8-descent",
    "The norm of descent with three layers stays between the implicit bounds up to O(lr), and on "
    "the sample up to 2 sqrt(1.25/n) max(v_0, v*) more.",
    place="Theorem 3.8",
    on=with_layers(3, 3),
    given=(layers(3),),
)(_descents)
theorem_3_3 = topic.claim(
    "theorem-3-3",
    "The norm of the flow with one layer stays between its bounds.",
    place="Theorem 3.3",
    on=with_layers(1, 1),
    given=(layers(1, 1),),
)(_flow)
theorem_3_8 = topic.claim(
    "theorem-3-8",
    "The norm of the flow with two and more layers stays between u(t; eps_0) and u(t; 0), each "
    "with the same epsilon in both of its terms.",
    place="Theorem 3.8",
    on=with_layers(2, 3),
    given=(layers(2),),
)(_flow)


@topic.claim(
    "equation-8-small-norm",
    "As the initial norm v_0 of one layer tends to 0, the norm lies between the bounds without "
    "v_0: it exceeds the upper one by v_0 at most.",
    place="eq 8; Theorem A.1, a norm near 0",
    on=(NEURONS["1l-sn"],),
    given=(layers(1, 1), small_norm),
)
def small_norm_bounds(run: Run) -> Iterator[Part]:
    """The flow from v_0, v_0/10 and v_0/100 and the descent from v_0 on the population; the sample.

    The sample has the finite-sample tolerance besides.
    """
    neuron = Neuron.of(run)
    start, t, loose = neuron.start, neuron.path.t, neuron.sample_tolerance
    paths = [
        ("sample (finite-sample tolerance)", neuron.path, neuron.clock, loose),
        ("population descent", neuron.descent(), neuron.clock, 0.0),
    ]
    for smaller in (1, 10, 100):
        less = PlaneStart(start.depth, start.teacher_norm, start.norm / smaller, start.theta)
        paths.append((f"flow from v_0/{smaller}", population_flow(less, t), Clock(t), 0.0))
    for who, path, clock, extra in paths:
        later, high = clock.t > 0, (1 - clock.decay(0.5)) * neuron.teacher
        low = (1 - deficit_of(start)) * high
        over = float((path.norm - high)[later].max()) / path.norm[0]
        yield at_most(f"{who}: above the upper bound by, v_0", over, 1.0 + extra / path.norm[0])
        under = float((low - path.norm)[later].max()) / neuron.teacher
        allowed = INTEGRATION + extra / neuron.teacher
        yield at_most(f"{who}: below the lower bound by, v*", under, allowed)


@topic.claim(
    "lemma-c-2",
    "Of the scalar flows that bound the norm, one with a larger right-hand side has a larger "
    "solution.",
    place="Lemma C.2",
    on=ALL,
)
def comparison(run: Run) -> Iterator[Part]:
    """u(t; eps) for five eps from 0 to eps_0: where a larger eps gives a larger u, by how much.

    The lemma needs a Lipschitz right-hand side, as these are: x' = 2 sqrt(|x|) has the solutions
    t^2 and 0.
    """
    neuron = Neuron.of(run)
    clock = Clock(neuron.path.t)
    deficits = np.linspace(0.0, deficit_of(neuron.start), 5)
    ordered = [scalar_norm(neuron.start, clock, float(deficit)) for deficit in deficits]
    wrong = np.diff(ordered, axis=0).max() / neuron.teacher
    yield at_most("larger in spite of a smaller right-hand side by, v*", wrong, INTEGRATION)
    apart = np.ptp(ordered, axis=0).max() / neuron.teacher
    yield at_least("largest difference of the solutions, v*", apart, 1e-3)


def turns(norm: np.ndarray, least: float) -> tuple[int, int]:
    """Interior minima and maxima of a series that stand out by more than ``least``."""
    found = {1: 0, -1: 0}  # sign of the motion after the turn -> number
    direction, lowest, highest = 0, norm[0], norm[0]
    for value in norm:
        lowest, highest = min(lowest, value), max(highest, value)
        moves = 1 if value - lowest > least else -1 if highest - value > least else 0
        if moves and moves != direction:
            found[moves] += direction != 0
            direction, lowest, highest = moves, value, value
        elif direction > 0:
            lowest = highest
        elif direction < 0:
            highest = lowest
    return found[1], found[-1]


def threshold(neuron: Neuron, theta: np.ndarray) -> np.ndarray:
    """v* S^(1/(m+1)), above which the norm falls and below which it grows   (eq 11)."""
    return np.asarray(neuron.teacher * overlap(theta) ** (1.0 / (neuron.m + 1)))


@topic.claim(
    "equation-11",
    "The norm falls exactly where it is above v* S(phi)^(1/(m+1)), so it has one minimum at most, "
    "and none from a start below.",
    place="eq 11",
    on=ALL,
)
def equation_11(run: Run) -> Iterator[Part]:
    """Intervals on one side of the threshold in which the norm goes the wrong way; turns."""
    neuron = Neuron.of(run)
    # descent ends above v* by O(lr), as its balancedness drifts
    drift = max(1e-3, neuron.step_tolerance / neuron.teacher)
    for who, path, margin in (
        ("population flow", neuron.flow(), 1e-6),
        ("population descent", neuron.descent(), drift),
        ("sample", neuron.path, NEAR),
    ):
        ratio, change = path.norm / threshold(neuron, path.theta), np.diff(path.norm)
        above, below = ratio > 1 + margin, ratio < 1 - margin
        wrong = (above[:-1] & above[1:] & (change >= 0)) | (below[:-1] & below[1:] & (change <= 0))
        yield none_of(f"{who}: intervals in the wrong direction", int(wrong.sum()))
    low, high = turns(neuron.flow().norm, INTEGRATION * neuron.teacher)
    starts_above = bool(neuron.start.norm > threshold(neuron, np.asarray(neuron.start.theta)))
    yield at_most("population flow: minima", low, float(starts_above))
    yield none_of("population flow: maxima", high)


@topic.claim(
    "figure-2-shape",
    "From a small norm ||w|| grows throughout; from a middle and a large one it first falls and "
    "then grows.",
    place="Figure 2",
    on=SIX,
    kind="reproduction",
    given=(same_time,),
)
def figure_2_shape(run: Run) -> Iterator[Part]:
    """Minima and maxima that stand out by more than O(lr), by which descent ends off v*."""
    neuron = Neuron.of(run)
    norm = neuron.path.norm
    low, high = turns(norm, max(INTEGRATION * neuron.teacher, neuron.step_tolerance))
    if run.case.name.endswith("sn"):
        yield none_of("turns", low + high)
        yield at_least("norm, end / start", norm[-1] / neuron.start.norm, 1.0)
    else:
        yield none_of("minima off one", abs(low - 1))
        yield none_of("maxima", high)


@topic.claim(
    "figure-2-restart",
    "The limit of the lower bound started again at step 20000 is at most half as far from v* as "
    "that of the original one.",
    place="Figure 2; Section 5.2",
    on=SIX,
    kind="reproduction",
    given=(same_time,),
)
def figure_2_restart(run: Run) -> Iterator[Part]:
    """Distance of the lower bound's limit from v*, restarted over original."""
    neuron = Neuron.of(run)
    again = neuron.restarted(restart_index(neuron), neuron.path)
    first, second = (1 - limit_norm(start) / neuron.teacher for start in (neuron.start, again))
    yield at_most("gap restarted / original", second / first, 0.5)
    yield number("gap restarted, v*", second)


@topic.claim(
    "section-3-2-balance",
    "Descent keeps v^2 - ||w||^2 up to O(lr), and the scalar stays positive.",
    place="Section 3.2",
    on=with_layers(2, 3),
    given=(layers(2),),
)
def balancedness(run: Run) -> Iterator[Part]:
    """|v^2 - ||w||^2| / v*^2 against lr v*^(2m) max(1, v_0/v*)^(2m+2); least scalar."""
    neuron = Neuron.of(run)
    drift = np.abs(imbalance(run.trajectory.W, run.trajectory.a)).max() / neuron.teacher**2
    scale = max(1.0, neuron.start.norm / neuron.teacher) ** (2 * neuron.m + 2)
    allowed = run.case.loss.factor * run.case.protocol.lr * neuron.teacher ** (2 * neuron.m) * scale
    yield at_most("drift, v*^2", drift, allowed)
    yield at_least("least scalar, v*", neuron.path.scalar.min() / neuron.teacher, 0.0)


@topic.figure(
    "2",
    lambda *runs: (
        "The norm of one neuron of one and two layers from a small, a middle and a large "
        "initial norm lies between its bounds, also between those restarted after a fifth of the "
        f"run (the paper: at step 20000 of 100000).{coarser(*runs)}"
    ),
    on=SIX,
    file="figure-2-norms",
    layout=(2, 3, style.PAGE, 4.4),
    share="x",
)
def norms(*runs: Run) -> Iterable[Panel]:
    """Bounds from step 0, and from a fifth of the run on (Theorems A.1, A.3 and 3.8)."""
    for run in runs:
        restarts = (0, restart_index(drawable(run)))
        yield norm_panel(run, run.case.name.upper(), restarts, from_zero=True)


@topic.figure(
    "2-three-layers",
    lambda *runs: (
        "The norm of three layers, which the paper's Figure 2 leaves out, lies between "
        f"the implicit bounds of Theorem 3.8.{coarser(*runs)}"
    ),
    on=THREE,
    file="figure-2-norms-three-layers",
    layout=(1, 3, style.PAGE, 2.7),
)
def norms_of_three_layers(*runs: Run) -> Iterable[Panel]:
    """As Figure 2."""
    return norms.panels(*runs)
