"""The angle of a run closes monotonically, between its two bounds (lee2022, Figure 1).

Theorems 3.4 and 3.9 bound the angle of the flow, A.2 and 4.2 that of descent, and Corollary 4.3
says when it is small. The formulas are in `bounds`. The radii r and R are those of Appendix D.3,
widened to what the norm of the run really did.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from flowrepro.claims.claim import NotApplicable
from flowrepro.claims.verdict import Part, at_least, at_most, none_of, number, within
from flowrepro.core.trajectory import Run
from flowrepro.engines.population import PlanePath, PlaneStart
from flowrepro.figures import style
from flowrepro.figures.panels import Horizontal, Line, Panel
from flowrepro.papers.lee2022 import PAPER
from flowrepro.papers.lee2022.beyond.closed_form import alignment_time
from flowrepro.papers.lee2022.bounds import (
    angle_band,
    angle_rates,
    radii,
    stopping_step,
    tight_angle_band,
)
from flowrepro.papers.lee2022.hypotheses import NEURON, layers, small_norm
from flowrepro.papers.lee2022.neuron import Clock, Neuron, first_below
from flowrepro.papers.lee2022.panels import STEPS, bounds, coarser, drawable, thinned
from flowrepro.papers.lee2022.section_5_runs import (
    ALIGNED,
    ALIGNS,
    ALL,
    FIRST_ALIGNED,
    NEURONS,
    NINE,
    same_time,
    with_layers,
)
from flowrepro.papers.topic import Topic

topic = Topic(PAPER, "The angle between its bounds", given=NEURON)

ONE_LAYER, MORE_LAYERS = with_layers(1, 1), with_layers(2, 3)
LATER = {False: (0.98, 1.3), True: (0.98, 1.8)}
"""Windows of the sample's time over the population's. From a small norm of one layer (True) the
angle is small early and the late phase decides (measured in 40 draws: 1.004 to 1.17, and 1.16 to
1.52)."""


@topic.claim(
    "figure-1-monotone",
    "The angle phi to the opposite of the teacher grows all the time.",
    place="Theorems 3.2 and 3.7; Figure 1",
    on=ALL,
)
def monotone(run: Run) -> Iterator[Part]:
    """Recorded intervals in which theta does not fall, on the sample and the population."""
    neuron = Neuron.of(run)
    for who, path in {
        "sample": neuron.path,
        "population descent": neuron.descent(),
        "population flow": neuron.flow(),
    }.items():
        yield none_of(f"{who}: records without growth", int(np.sum(~(np.diff(path.theta) < 0))))


def enclosing(start: PlaneStart, path: PlanePath) -> tuple[float, float]:
    """r and R of Appendix D.3, widened to what the norm really did."""
    (least, most), norm = radii(start), path.norm
    least, most = min(least, float(norm.min())), max(most, float(norm.max()))
    return least * (1 - 1e-12), most * (1 + 1e-12)


def _between(who: str, start: PlaneStart, path: PlanePath, clock: Clock) -> Iterator[Part]:
    """Ratios of theta to its two bounds after step 0; the lower one only where it is positive."""
    band, later = angle_band(start, angle_rates(start, *enclosing(start, path)), clock), clock.t > 0
    most = (path.theta[later] / band.high[later]).max()
    yield at_most(f"{who}: largest theta / upper bound", most, 1.0)
    binding = later & (band.low > 0)
    if binding.any():
        least = (path.theta[binding] / band.low[binding]).min()
        yield at_least(f"{who}: least theta / lower bound", least, 1.0)


def _descents(run: Run) -> Iterator[Part]:
    """The angle of the sample and of the population; the norm beside the paper's radii."""
    neuron = Neuron.of(run)
    if neuron.lr == 0:
        raise NotApplicable("the run is the flow; its own bounds are checked")
    start, path = neuron.start, neuron.path
    yield from _between("sample", start, path, neuron.clock)
    yield from _between("population descent", start, neuron.descent(), neuron.clock)
    least, most = radii(start)
    yield number("norm / r, least", path.norm.min() / least)
    yield number("norm / R, largest", path.norm.max() / most)
    tight = tight_angle_band(start, angle_rates(start, *enclosing(start, path)), neuron.clock)
    outside = np.maximum(path.theta - tight.high, tight.low - path.theta).max()
    yield number("sample outside the arctan forms of the proof by, rad", outside)


def _flow(run: Run) -> Iterator[Part]:
    """The angle of the population flow from the start of the run."""
    neuron = Neuron.of(run)
    return _between("population flow", neuron.start, neuron.flow(), Clock(neuron.path.t))


theorem_a2 = topic.claim(
    "theorem-a-2",
    "The angle phi of descent with one layer stays between its bounds, which hold without "
    "tolerance on the sample and on the population.",
    place="Theorem A.2; Figure 1a-c",
    on=ONE_LAYER,
    given=(layers(1, 1),),
)(_descents)
theorem_4_2 = topic.claim(
    "theorem-4-2",
    "The angle phi of descent with two and more layers stays between its bounds, whose rates are "
    "multiples of r^(m-1) v*^(m+1) and R^(m-1) v*^(m+1).",
    place="Theorem 4.2; Figure 1d-i",
    on=MORE_LAYERS,
    given=(layers(2),),
)(_descents)
theorem_3_4 = topic.claim(
    "theorem-3-4",
    "The angle phi of the flow with one layer stays between its bounds.",
    place="Theorem 3.4",
    on=ONE_LAYER,
    given=(layers(1, 1),),
)(_flow)
theorem_3_9 = topic.claim(
    "theorem-3-9",
    "The angle phi of the flow with two and more layers stays between its bounds.",
    place="Theorem 3.9",
    on=MORE_LAYERS,
    given=(layers(2),),
)(_flow)


@topic.claim(
    "theorem-3-4-small-norm",
    "From a small norm of one layer the angle phi is above its lower bound with R = ||w*||, for "
    "the flow and for descent.",
    place="Theorems 3.4 and A.2, a norm near 0",
    on=(NEURONS["1l-sn"],),
    given=(layers(1, 1), small_norm),
)
def small_norm_angle(run: Run) -> Iterator[Part]:
    """Largest theta / (2 cot(phi_0/2) e^{-phi_0 t / (2 pi)}) after t = 0; a power for descent."""
    neuron = Neuron.of(run)
    start, flow_clock = neuron.start, Clock(neuron.path.t)
    rates = angle_rates(start, start.norm, neuron.teacher)
    for who, path, clock in (
        ("population flow", neuron.flow(), flow_clock),
        ("population descent", neuron.descent(), neuron.clock),
        ("sample", neuron.path, neuron.clock),
    ):
        ratio = path.theta / angle_band(start, rates, clock).high
        yield at_most(f"{who}: largest theta / upper bound", ratio[clock.t > 0].max(), 1.0)


@topic.claim(
    "corollary-4-3",
    "The angle theta is below epsilon from the predicted step on.",
    place="Corollary 4.3",
    on=ALL,
)
def corollary_4_3(run: Run) -> Iterator[Part]:
    """First step with theta < 0.5 and 0.1 over the predicted one, where the run is long enough."""
    neuron = Neuron.of(run)
    if neuron.lr == 0:
        raise NotApplicable("the run is the flow; the corollary counts steps")
    start, last = neuron.start, neuron.step[-1]
    rates = angle_rates(start, *enclosing(start, neuron.path))
    predicted = {angle: stopping_step(start, rates, neuron.lr, angle) for angle in (0.5, ALIGNED)}
    inside = {angle: step for angle, step in predicted.items() if 0 < step <= last}
    if not inside:
        told = (f"theta < {angle:g} is predicted for step {step:.0f}"
                for angle, step in predicted.items())  # fmt: skip
        raise NotApplicable(f"{' and '.join(told)}, outside the {last} steps of the run")
    for angle, step in inside.items():
        first = first_below(neuron.path.theta, neuron.step, angle)
        note = f"first step / predicted {step:.0f}, theta < {angle:g}"
        yield at_most(note, first / step, 1.0)


@topic.claim(
    "figure-1-times",
    "Eight of the nine runs align within 100000 steps of the paper's size, when the population "
    "does; three layers from a small norm do not.",
    place="Figure 1",
    on=NINE,
    kind="reproduction",
    given=(same_time,),
)
def times(run: Run) -> Iterator[Part]:
    """First recorded step with theta < 0.1, in steps of the paper's size."""
    neuron, case = Neuron.of(run), NEURONS[run.case.name]
    theta, steps = neuron.path.theta, neuron.path.t / (run.case.loss.factor * case.protocol.lr)
    if case.name == "3l-sn":
        yield at_least("theta at the end", theta[-1], 0.3)
        late = alignment_time(neuron.start, ALIGNED) / neuron.path.t[-1] * steps[-1]
        yield number("step with theta < 0.1 by the law of small starts", late)
        return
    first, expected = (first_below(t, steps, ALIGNED) for t in (theta, neuron.descent().theta))
    low, high = LATER[case.name == "1l-sn"]
    if high * expected > steps[-1]:
        raise NotApplicable(
            "the run may be too short for this draw: its population companion aligns at step "
            f"{expected:.0f} of {steps[-1]:.0f}"
        )
    yield within(f"{ALIGNS} / the population's", first / expected, low, high)
    if run.case.data == case.data:
        ours = FIRST_ALIGNED[case.name]
        yield within(ALIGNS, first, 0.97 * ours, 1.03 * ours)


def _bounded(run: Run) -> Iterable[np.ndarray]:
    """Thousands of steps, theta, its bounds with the radii of Appendix D.3, population's theta."""
    neuron = drawable(run)
    shown, start = thinned(len(neuron.step)), neuron.start
    band = angle_band(start, angle_rates(start, *radii(start)), neuron.clock)
    curves = (neuron.path.theta, band.low, band.high, neuron.descent().theta)
    return [neuron.step[shown] / 1000, *(curve[shown] for curve in curves)]


def _caption(*runs: Run) -> str:
    large = drawable(runs[2]).start
    return (
        "The angle of one neuron of one, two and three layers (1L, 2L, 3L) from a small, a middle "
        "and a large initial norm (SN, MN, LN) lies between its bounds. The large norm is "
        f"{large.norm / large.teacher_norm:.3g} ||w*|| (the paper: above 2).{coarser(*runs)}"
    )


@topic.figure(
    "1", _caption, on=NINE, file="figure-1-angles", layout=(3, 3, style.PAGE, 5.6), share="both"
)
def angles(*runs: Run) -> Iterable[Panel]:
    """phi = pi - theta between the bounds of Theorems A.2 and 4.2, radii of Appendix D.3."""
    for run in runs:
        x, theta, low, high, _ = _bounded(run)
        marks = [
            Horizontal(np.pi, label=r"$\pi$, aligned with the teacher"),
            *bounds(x, np.pi - high, np.pi - low),
            Line(x, np.pi - theta, width=1.8, label=r"angle $\varphi(T)$"),
        ]
        yield Panel(marks, title=run.case.name.upper(), xlabel=STEPS, ylabel=r"$\varphi(T)$ [rad]",
                    xlim=(0, x[-1]), ylim=(0.6, 3.4), xticks=5)  # fmt: skip


@topic.figure(
    "1-log",
    lambda *runs: (
        "The angles of Figure 1 to the teacher on a logarithmic scale, with those of the "
        f"same descent on infinitely many points.{coarser(*runs)}"
    ),
    on=NINE,
    file="figure-1-angles-log",
    layout=(3, 3, style.PAGE, 5.6),
    share="both",
)
def log_angles(*runs: Run) -> Iterable[Panel]:
    """theta on a logarithmic scale; the lower bound is left out where it is not positive."""
    for run in runs:
        x, theta, low, high, population = _bounded(run)
        marks = [
            *bounds(x, np.where(low > 0, low, np.nan), high),
            Line(x, population, colour=style.DATA, width=0.9, dash=":",
                 label="infinitely many points"),
            Line(x, theta, width=1.8, label=r"angle $\theta(T)$ to the teacher"),
        ]  # fmt: skip
        yield Panel(marks, title=run.case.name.upper(), xlabel=STEPS, ylabel=r"$\theta(T)$ [rad]",
                    xlim=(0, x[-1]), ylim=(1e-7, 5.0), xticks=5, scale="linear-log")  # fmt: skip
