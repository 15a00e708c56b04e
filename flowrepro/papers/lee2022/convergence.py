"""The end of a run, and how near a sample of points is to the population.

lee2022, Theorems 3.2, 3.4, 3.7 and 3.9; Propositions 3.1, 3.5, 3.6 and B.2.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from flowrepro.claims.claim import NotApplicable
from flowrepro.claims.verdict import Part, at_least, at_most, none_of, number, within
from flowrepro.core.network import activation, gain, partial_gain
from flowrepro.core.trajectory import Run
from flowrepro.engines.population import PlaneStart, population_flow
from flowrepro.papers.lee2022 import PAPER
from flowrepro.papers.lee2022.hypotheses import NEURON, layers
from flowrepro.papers.lee2022.neuron import Neuron, first_below, sup_distance
from flowrepro.papers.lee2022.section_5_runs import ALIGNED, ALL, with_layers
from flowrepro.papers.topic import Topic

topic = Topic(PAPER, "Convergence, and a sample beside the population", given=NEURON)

CONVERGED = 0.03
"""Angle of the population companion at the end below which the sample is expected to have
converged (chosen)."""
LONGER = 20
"""Multiple of the run's time up to which the population flow is followed to say when it would
align."""


def _would_align(start: PlaneStart, horizon: float) -> str:
    """When the population flow aligns, for the reason of an N/A."""
    t = np.linspace(0.0, LONGER * horizon, 4001)
    late = first_below(population_flow(start, t, 1e-8).theta, t, ALIGNED) / horizon
    if np.isfinite(late):
        return f"after {late:.2f} times this run"
    return f"not within {LONGER} times this run"


@topic.claim(
    "theorem-3-7",
    "The weight w converges to the teacher w*.",
    place="Theorems 3.2 and 3.7",
    on=ALL,
)
def convergence(run: Run) -> Iterator[Part]:
    """Angle and relative norm at the end, where the population companion ends below 0.03."""
    neuron = Neuron.of(run)
    companion = neuron.descent()
    if companion.theta[-1] >= CONVERGED:
        when = _would_align(neuron.start, float(neuron.path.t[-1]))
        raise NotApplicable(
            "the run is too short: its population companion ends at theta = "
            f"{companion.theta[-1]:.3g} and reaches {ALIGNED:g} {when}"
        )
    for who, path in (("population", companion), ("sample", neuron.path)):
        yield at_most(f"{who}: theta at the end", path.theta[-1], ALIGNED)
        yield at_most(f"{who}: |v/v* - 1|", abs(path.norm[-1] / neuron.teacher - 1), 1e-2)


@topic.claim("section-4-loss-falls", "The training loss never grows.", place="Section 4", on=ALL)
def loss_falls(run: Run) -> Iterator[Part]:
    """Recorded intervals in which the loss grows."""
    yield none_of("records with a larger loss", int(np.sum(~(np.diff(run.trajectory.loss) <= 0))))


@topic.claim(
    "proposition-3-6",
    "Norm and angle of a sample follow the dynamics of the population.",
    place="Propositions 3.1 and 3.6",
    on=ALL,
)
def follows(run: Run) -> Iterator[Part]:
    """sup distances; for n / d = 100 they were 0.065 and 0.097 at most in 500 runs."""
    neuron = Neuron.of(run)
    n, d = neuron.shape
    widen = max(1.0, float(np.sqrt(100.0 * d / n)))
    norm, angle = sup_distance(neuron.path, neuron.descent(), neuron.teacher)
    yield at_most("norm, v* (finite-sample tolerance)", norm, 0.1 * widen)
    yield at_most("angle, rad (finite-sample tolerance)", angle, 0.15 * widen)


def active_moments(X: np.ndarray, teacher: np.ndarray) -> np.ndarray:
    """Ascending eigenvalues of (1/n) sum over <w*, x> > 0 of x x^T, (d,)."""
    active = X[X @ teacher > 0]
    return np.asarray(np.linalg.eigvalsh(active.T @ active / len(X)))


@topic.claim(
    "theorem-3-9-late-rate",
    "Late in a run the angle theta decays at a rate between the least eigenvalue of the sample's "
    "active second moments and the population's 1/2, in units of v*^(2m).",
    place="Theorems 3.4 and 3.9",
    on=ALL,
)
def late_rate(run: Run) -> Iterator[Part]:
    """-d ln theta / dt / v*^(2m) over the last tenth, between lambda_min - 0.01 and 1/2."""
    neuron = Neuron.of(run)
    path, tail = neuron.path, max(2, len(neuron.step) // 10)
    if path.theta[-1] > 1e-2:
        raise NotApplicable(
            f"theta is still {path.theta[-1]:.3g} at the end; the late phase is below 0.01"
        )
    slope = np.polyfit(path.t[-tail:], np.log(path.theta[-tail:]), 1)[0]
    least = active_moments(run.X, run.dataset.extra["teacher"])[0]
    rate = -slope / neuron.teacher ** (2 * neuron.m)
    yield within("rate of ln theta, v*^(2m)", rate, least - 0.01, 0.5)


THREE_POINTS = np.array([[1.0, 0.0], [-0.5, np.sqrt(3) / 2], [-0.5, -np.sqrt(3) / 2]])
"""Mean 0 and covariance I / 2: a law for which Proposition B.2 promises that (1, 0) is the only
minimiser."""


@topic.claim(
    "proposition-b-2",
    "The second moments of the active points have full rank, so w* is the only minimiser (with "
    "the corrected hypothesis).",
    place="Proposition B.2",
    on=ALL,
    label="identity",  # a property of the drawn points
)
def uniqueness(run: Run) -> Iterator[Part]:
    """Ends of the spectrum over (1 -+ sqrt(2d/n))^2 / 2 (misprint: uniqueness)."""
    n, d = run.X.shape
    values = active_moments(run.X, run.dataset.extra["teacher"])
    for name, side, value in (("least", -1, values[0]), ("largest", 1, values[-1])):
        end = 0.5 * (1 + side * np.sqrt(2 * d / n)) ** 2
        yield within(f"{name} eigenvalue / Marchenko and Pastur's", value / end, 0.9, 1.1)
    f, target = (activation(THREE_POINTS @ np.array(w)) for w in ((1.0, 0.1), (1.0, 0.0)))
    note = "loss of (1, 0.1) for the teacher (1, 0) on three points of full covariance"
    yield number(note, float(0.5 * np.mean((f - target) ** 2)))


@topic.claim(
    "proposition-3-5",
    "A scalar v_k <= 0 below the top one stops all training.",
    place="Proposition 3.5",
    on=with_layers(3, 3),
    given=(layers(3),),
    label="identity",  # the gradient is zero by the chain rule
)
def dead_scalar(run: Run) -> Iterator[Part]:
    """Gradient norm of the run's start with one scalar made 0 or negative, and unchanged."""
    w, m = run.trajectory.at(0)[0][0], run.case.model.depth - 1
    v = float(np.linalg.norm(w))
    dead = [
        float(
            np.linalg.norm(chain_gradient(run.X, run.y, w, np.where(np.arange(m) == k, value, v)))
        )
        for k in range(1, m)
        for value in (0.0, -v)
    ]
    yield at_most("with a dead scalar: largest gradient norm", np.max(dead), 0.0)
    equal = chain_gradient(run.X, run.y, w, np.full(m, v))
    yield at_least("without: gradient norm", float(np.linalg.norm(equal)), 1e-12)
    f = float(gain(np.array(v), m + 1)) * activation(run.X @ w)
    inner = float(np.mean((f - run.y) * activation(run.X @ w)))
    off = abs(equal[-1] / (float(partial_gain(np.array(v), m + 1)) * inner) - 1)
    yield at_most("equal scalars against the network's own derivative, relative", off, 1e-9)


def chain_gradient(X: np.ndarray, y: np.ndarray, w: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Gradient (d + m,) in (w, v_1 ... v_m) for f = v_1 relu(v_2 relu(... relu(<w, x>)))."""
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
