"""What lee2022 says about the norm of a run: its bounds, from the start and restarted, when it falls, and the shape of Figure 2."""

from __future__ import annotations

import numpy as np

from flowrepro.claims.old_claim import NotApplicable, lower, none_of, number, statement, upper
from flowrepro.claims.old_verdict import Judgement
from flowrepro.core.trajectory import Run
from flowrepro.engines.population import PlanePath, PlaneStart, overlap
from flowrepro.papers.lee2022.angle_checks import MORE_LAYERS, NINE, ONE_LAYER
from flowrepro.papers.lee2022.bounds import limit_norm, norm_band
from flowrepro.papers.lee2022.clock import Clock
from flowrepro.papers.lee2022.experiments import NEURONS, RESTART, RESTARTS
from flowrepro.papers.lee2022.hypotheses import NEURON, layers, ref
from flowrepro.papers.lee2022.neuron import Neuron
from flowrepro.papers.lee2022.published import same_time
from flowrepro.theory.conservation import imbalance

ROUNDING, INTEGRATION = 1e-12, 1e-10
"""Relative excess over a strict bound that rounding (descent) and the integrator (flow) may make."""
NEAR = 0.05
"""Relative distance to the threshold of eq 11 within which a sample's norm may go either way (chosen; measured 0.02)."""
DEEPER = (*(name for name, case in NEURONS.items() if case.model.depth > 2),)
TWO_LAYERS = tuple(name for name in MORE_LAYERS if name not in DEEPER)


def _excess(
    who: str, start: PlaneStart, path: PlanePath, clock: Clock, tolerance: float
) -> list[Judgement]:
    """How far the norm goes past its bounds after step 0, in units of v*; ``tolerance`` is in that unit."""
    band, later = norm_band(start, clock), clock.t > 0
    over, under = (
        float(gap[later].max()) / start.teacher_norm
        for gap in (path.norm - band.high, band.low - path.norm)
    )
    return [
        upper(f"{who}: above the upper bound by, v*", over, tolerance),
        upper(f"{who}: below the lower bound by, v*", under, tolerance),
    ]


def _later(path: PlanePath, index: int) -> PlanePath:
    return PlanePath(path.t[index:], path.norm[index:], path.scalar[index:], path.theta[index:])


def restart_index(neuron: Neuron) -> int:
    """First snapshot after RESTART of the run."""
    return int(np.searchsorted(neuron.step, RESTART * neuron.step[-1]))


def _descents(run: Run) -> list[Judgement]:
    """Sample and population descent, from the start and restarted; the population strictly where descent keeps the bounds exactly."""
    neuron = Neuron.of(run)
    if neuron.lr == 0:
        raise NotApplicable("the run is the flow; its own bounds are checked")
    index = restart_index(neuron)
    step, sample = (
        max(neuron.step_tolerance / neuron.teacher, ROUNDING),
        neuron.sample_tolerance / neuron.teacher,
    )
    parts = []
    for who, path, tolerance in (
        ("population descent", neuron.descent(), step),
        ("sample (finite-sample tolerance)", neuron.path, sample + step),
    ):
        parts += _excess(who, neuron.start, path, neuron.clock, tolerance)
        parts += _excess(
            f"{who}, restarted",
            neuron.restarted(index, path),
            _later(path, index),
            neuron.clock.since(index),
            tolerance,
        )
    return parts


def _flows(run: Run) -> list[Judgement]:
    neuron = Neuron.of(run)
    return _excess(
        "population flow", neuron.start, neuron.flow(), Clock(neuron.path.t), INTEGRATION
    )


@statement(
    "theorem-A1",
    ref("Theorem A.1; Figure 2a-c"),
    "theory",
    ONE_LAYER,
    "one layer, descent: the norm stays between its bounds",
    (*NEURON, layers(1, 1)),
)
def theorem_a1(run: Run) -> list[Judgement]:
    """measured: excess over the bounds in units of v*; strict on the population, 0.1 sqrt(d/n) max(1, v_0/v*) on the sample."""
    return _descents(run)


@statement(
    "theorem-A3",
    ref("Theorem A.3; Figure 2d-f"),
    "theory",
    TWO_LAYERS,
    "two layers, descent: the norm stays between its bounds up to O(lr)",
    (*NEURON, layers(2, 2)),
)
def theorem_a3(run: Run) -> list[Judgement]:
    """measured: as for Theorem A.1, with lr max(v_0, v*)^2 for the step, the order of the error that Theorem 4.1 leaves."""
    return _descents(run)


@statement(
    "theorem-3.8-descent",
    ref("Theorem 3.8"),
    "theory",
    DEEPER,
    "three layers: the norm of descent stays between the implicit bounds up to O(lr)",
    (*NEURON, layers(3)),
)
def theorem_3_8_descent(run: Run) -> list[Judgement]:
    """measured: as for Theorem A.3, with the hypergeometric bounds of the flow."""
    return _descents(run)


@statement(
    "theorem-3.3",
    ref("Theorem 3.3"),
    "theory",
    ONE_LAYER,
    "one layer, flow: the norm stays between its bounds",
    (*NEURON, layers(1, 1)),
)
def theorem_3_3(run: Run) -> list[Judgement]:
    """measured: excess over the bounds on the population flow."""
    return _flows(run)


@statement(
    "theorem-3.8",
    ref("Theorem 3.8"),
    "theory",
    MORE_LAYERS,
    "two layers and more, flow: u(t; eps_0) < ||w|| < u(t; 0)",
    (*NEURON, layers(2)),
)
def theorem_3_8(run: Run) -> list[Judgement]:
    """measured: excess over the bounds on the population flow; both constants with the same epsilon (errata: implicit-constant)."""
    return _flows(run)


def turns(norm: np.ndarray, least: float) -> tuple[int, int]:
    """Numbers of interior minima and maxima of a recorded series that stand out by more than ``least`` on both sides."""
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


@statement(
    "equation-11",
    ref("eq 11"),
    "theory",
    (*NINE, *(case.name for case in RESTARTS.values())),
    "the norm falls iff it is above v* S(phi)^(1/(m+1)); so it has one minimum at most, and none from a small start",
    NEURON,
)
def equation_11(run: Run) -> list[Judgement]:
    """measured: recorded intervals on one side of the threshold in which the norm goes the wrong way; its minima and maxima."""
    neuron = Neuron.of(run)
    parts = []
    drift = max(
        1e-3, neuron.step_tolerance / neuron.teacher
    )  # descent ends above v* by O(lr), as its balancedness drifts
    for who, path, margin in (
        ("population flow", neuron.flow(), 1e-6),
        ("population descent", neuron.descent(), drift),
        ("sample", neuron.path, NEAR),
    ):
        ratio = path.norm / threshold(neuron, path.theta)
        above, below = ratio > 1 + margin, ratio < 1 - margin
        change = np.diff(path.norm)
        wrong = (above[:-1] & above[1:] & (change >= 0)) | (below[:-1] & below[1:] & (change <= 0))
        parts.append(none_of(f"{who}: intervals in the wrong direction", int(wrong.sum())))
    low, high = turns(neuron.flow().norm, INTEGRATION * neuron.teacher)
    starts_above = bool(neuron.start.norm > threshold(neuron, np.asarray(neuron.start.theta)))
    return [
        *parts,
        upper("population flow: minima", low, float(starts_above)),
        none_of("population flow: maxima", high),
    ]


@statement(
    "figure-2-shape",
    ref("Figure 2"),
    "reproduction",
    tuple(name for name, case in NEURONS.items() if case.model.depth <= 2),
    "from a small norm ||w|| grows throughout; from a middle and a large one it falls first and grows then",
    (same_time, *NEURON),
)
def figure_2_shape(run: Run) -> list[Judgement]:
    """measured: minima and maxima of the recorded norm that stand out by more than O(lr), at which descent ends off v*; growth of a small start."""
    neuron = Neuron.of(run)
    low, high = turns(neuron.path.norm, max(INTEGRATION * neuron.teacher, neuron.step_tolerance))
    if run.case.name.endswith("sn"):
        return [
            none_of("turns", low + high),
            lower("norm, end / start", neuron.path.norm[-1] / neuron.start.norm, 1.0),
        ]
    return [none_of("minima off one", abs(low - 1)), none_of("maxima", high)]


@statement(
    "figure-2-restart",
    ref("Figure 2; Section 5.2"),
    "reproduction",
    tuple(name for name, case in NEURONS.items() if case.model.depth <= 2),
    "bounds started again at step 20000 are much tighter",
    (same_time, *NEURON),
)
def figure_2_restart(run: Run) -> list[Judgement]:
    """measured: distance of the lower bound's limit from v*, restarted over original."""
    neuron = Neuron.of(run)
    again = neuron.restarted(restart_index(neuron), neuron.path)
    first, second = (1 - limit_norm(start) / neuron.teacher for start in (neuron.start, again))
    return [
        upper("gap restarted / original", second / first, 0.5),
        number("gap restarted, v*", second),
    ]


@statement(
    "balancedness",
    ref("Section 3.2"),
    "theory",
    MORE_LAYERS,
    "v^2 - ||w||^2 is kept, by descent up to O(lr)",
    (*NEURON, layers(2)),
)
def balancedness(run: Run) -> list[Judgement]:
    """measured: largest |v^2 - ||w||^2| / v*^2 against lr v*^(2m) max(1, v_0/v*)^(2m+2); least scalar, which must stay positive (Proposition 3.5)."""
    neuron = Neuron.of(run)
    drift = np.abs(imbalance(run.trajectory.W, run.trajectory.a)).max() / neuron.teacher**2
    scale = max(1.0, neuron.start.norm / neuron.teacher) ** (2 * neuron.m + 2)
    allowed = run.case.loss.factor * run.case.protocol.lr * neuron.teacher ** (2 * neuron.m) * scale
    return [
        upper("drift, v*^2", drift, allowed),
        lower("least scalar, v*", neuron.path.scalar.min() / neuron.teacher, 0.0),
    ]


CLAIMS = (
    theorem_a1,
    theorem_a3,
    theorem_3_8_descent,
    theorem_3_3,
    theorem_3_8,
    equation_11,
    figure_2_shape,
    figure_2_restart,
    balancedness,
)
