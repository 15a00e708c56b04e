"""What lee2022 says about the end of a run, and how near a sample of points is to the population."""

from __future__ import annotations

import numpy as np

from flowrepro.claims.old_claim import (
    NotApplicable,
    lower,
    none_of,
    number,
    statement,
    upper,
    window,
)
from flowrepro.claims.old_verdict import Judgement
from flowrepro.core.network import activation, gain, partial_gain
from flowrepro.core.trajectory import Run
from flowrepro.engines.population import PlanePath, PlaneStart, population_flow
from flowrepro.papers.lee2022.angle_checks import NINE, first_below
from flowrepro.papers.lee2022.experiments import ALIGNED, RESTARTS
from flowrepro.papers.lee2022.hypotheses import NEURON, layers, ref
from flowrepro.papers.lee2022.neuron import Neuron
from flowrepro.papers.lee2022.norm_checks import DEEPER

ALL = (*NINE, *(case.name for case in RESTARTS.values()))
CONVERGED = 0.03
"""Angle of the population companion at the end below which the sample is expected to have converged (chosen)."""
LONGER = 20
"""Multiple of the run's time up to which the population flow is followed to say when it would align."""


def _would_align(start: PlaneStart, horizon: float) -> str:
    """When the population flow aligns, for the reason of an N/A."""
    t = np.linspace(0.0, LONGER * horizon, 4001)
    late = first_below(population_flow(start, t, 1e-8).theta, t, ALIGNED) / horizon
    return (
        f"after {late:.2f} times this run"
        if np.isfinite(late)
        else f"not within {LONGER} times this run"
    )


@statement("theorem-3.7", ref("Theorems 3.2 and 3.7"), "theory", ALL, "w converges to w*", NEURON)
def convergence(run: Run) -> list[Judgement]:
    """measured: angle and relative norm at the end, where the population companion ends below 0.03."""
    neuron = Neuron.of(run)
    companion = neuron.descent()
    if companion.theta[-1] >= CONVERGED:
        when = _would_align(neuron.start, float(neuron.path.t[-1]))
        raise NotApplicable(
            f"the run is too short: its population companion ends at theta = {companion.theta[-1]:.3g} and reaches {ALIGNED:g} {when}"
        )
    parts = []
    for who, path in (("population", companion), ("sample", neuron.path)):
        parts += [
            upper(f"{who}: theta at the end", path.theta[-1], ALIGNED),
            upper(f"{who}: |v/v* - 1|", abs(path.norm[-1] / neuron.teacher - 1), 1e-2),
        ]
    return parts


@statement("loss-falls", ref("Section 4"), "theory", ALL, "the training loss never grows", NEURON)
def loss_falls(run: Run) -> list[Judgement]:
    """measured: recorded intervals in which the loss grows."""
    return [none_of("records with a larger loss", int(np.sum(np.diff(run.trajectory.loss) > 0)))]


def sup_distance(path: PlanePath, other: PlanePath, teacher: float) -> tuple[float, float]:
    """sup |v - v'| / v* and sup |theta - theta'| along two paths on the same times."""
    return float(np.abs(path.norm - other.norm).max()) / teacher, float(
        np.abs(path.theta - other.theta).max()
    )


@statement(
    "proposition-3.6",
    ref("Propositions 3.1 and 3.6"),
    "theory",
    ALL,
    "norm and angle of a sample follow the dynamics of the population",
    NEURON,
)
def follows(run: Run) -> list[Judgement]:
    """measured: sup |v - v_pop| / v* and sup |theta - theta_pop|; for n / d = 100 they were 0.065 and 0.097 at most in 500 runs."""
    neuron = Neuron.of(run)
    n, d = neuron.shape
    widen = max(1.0, float(np.sqrt(100.0 * d / n)))
    norm, angle = sup_distance(neuron.path, neuron.descent(), neuron.teacher)
    return [
        upper("norm, v* (finite-sample tolerance)", norm, 0.1 * widen),
        upper("angle, rad (finite-sample tolerance)", angle, 0.15 * widen),
    ]


def active_moments(X: np.ndarray, teacher: np.ndarray) -> np.ndarray:
    """Ascending eigenvalues of (1/n) sum over <w*, x> > 0 of x x^T, (d,)."""
    active = X[X @ teacher > 0]
    return np.asarray(np.linalg.eigvalsh(active.T @ active / len(X)))


@statement(
    "late-rate",
    ref("Theorems 3.4 and 3.9"),
    "theory",
    ALL,
    "late in a run theta decays at a rate between those of the sample's second moments",
    NEURON,
)
def late_rate(run: Run) -> list[Judgement]:
    """measured: -d ln theta / dt / v*^(2m) over the last tenth, between lambda_min of the active points (less 0.01) and 1/2, the population's rate."""
    neuron = Neuron.of(run)
    path, tail = neuron.path, max(2, len(neuron.step) // 10)
    if path.theta[-1] > 1e-2:
        raise NotApplicable(
            f"theta is still {path.theta[-1]:.3g} at the end; the late phase is below 0.01"
        )
    slope = np.polyfit(path.t[-tail:], np.log(path.theta[-tail:]), 1)[0]
    least = active_moments(run.X, run.dataset.extra["teacher"])[0]
    return [
        window(
            "rate of ln theta, v*^(2m)",
            -slope / neuron.teacher ** (2 * neuron.m),
            least - 0.01,
            0.5,
        )
    ]


THREE_POINTS = np.array([[1.0, 0.0], [-0.5, np.sqrt(3) / 2], [-0.5, -np.sqrt(3) / 2]])
"""Mean 0 and covariance I / 2: a law for which Proposition B.2 promises that (1, 0) is the only minimiser."""


@statement(
    "proposition-B.2",
    ref("Proposition B.2"),
    "theory",
    ALL,
    "the second moments of the active points have full rank, so w* is the only minimiser (corrected: errata, uniqueness)",
    NEURON,
)
def uniqueness(run: Run) -> list[Judgement]:
    """measured: ends of the spectrum of the active second moments relative to (1 -+ sqrt(2d/n))^2 / 2; the loss of another w on three points."""
    n, d = run.X.shape
    values = active_moments(run.X, run.dataset.extra["teacher"])
    ends = [0.5 * (1 + side * np.sqrt(2 * d / n)) ** 2 for side in (-1, 1)]
    f, target = (activation(THREE_POINTS @ np.array(w)) for w in ((1.0, 0.1), (1.0, 0.0)))
    return [
        window("least eigenvalue / Marchenko and Pastur's", values[0] / ends[0], 0.9, 1.1),
        window("largest eigenvalue / Marchenko and Pastur's", values[-1] / ends[1], 0.9, 1.1),
        number(
            "loss of (1, 0.1) for the teacher (1, 0) on three points of full covariance",
            float(0.5 * np.mean((f - target) ** 2)),
        ),
    ]


@statement(
    "proposition-3.5",
    ref("Proposition 3.5"),
    "theory",
    DEEPER,
    "a scalar v_k <= 0 below the top one stops all training",
    (*NEURON, layers(3)),
)
def dead_scalar(run: Run) -> list[Judgement]:
    """measured: gradient norm of the run's start with one scalar made 0 or negative, and unchanged."""
    w = run.trajectory.at(0)[0][0]
    v = float(np.linalg.norm(w))
    m = run.case.model.depth - 1
    dead = [
        float(
            np.linalg.norm(chain_gradient(run.X, run.y, w, np.where(np.arange(m) == k, value, v)))
        )
        for k in range(1, m)
        for value in (0.0, -v)
    ]
    equal = chain_gradient(run.X, run.y, w, np.full(m, v))
    f = float(gain(np.array(v), m + 1)) * activation(run.X @ w)
    inner = float(np.mean((f - run.y) * activation(run.X @ w)))
    return [
        upper("with a dead scalar: largest gradient norm", max(dead), 0.0),
        lower("without: gradient norm", float(np.linalg.norm(equal)), 1e-12),
        upper(
            "equal scalars against the network's own derivative, relative",
            abs(equal[-1] / (float(partial_gain(np.array(v), m + 1)) * inner) - 1),
            1e-9,
        ),
    ]


def chain_gradient(X: np.ndarray, y: np.ndarray, w: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Gradient (d + m,) in (w, v_1 ... v_m) of half the mean square for f = v_1 relu(v_2 relu(... v_m relu(<w, x>)))."""
    hidden = [activation(X @ w)]
    for factor in v[:0:-1]:
        hidden.append(activation(factor * hidden[-1]))
    back = (v[0] * hidden[-1] - y) / len(y)
    gradient = [float(back @ hidden[-1])]
    back = back * v[0]
    for factor, below, output in zip(v[1:], hidden[-2::-1], hidden[:0:-1], strict=True):
        back = np.where(output > 0, back, 0.0)
        gradient.append(float(back @ below))
        back = back * factor
    return np.concatenate([np.where(hidden[0] > 0, back, 0.0) @ X, gradient])


CLAIMS = (convergence, loss_falls, follows, late_rate, uniqueness, dead_scalar)
