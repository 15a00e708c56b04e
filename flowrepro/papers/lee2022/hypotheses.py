"""What the theorems of lee2022 assume, as functions of a result: None, or why it is outside."""

from __future__ import annotations

import numpy as np

from flowrepro.claims.claim import Hypothesis
from flowrepro.claims.published import coarse_step
from flowrepro.core.trajectory import Run, StopReason, Study
from flowrepro.engines.population import angle_between
from flowrepro.papers.lee2022.bounds import angle_rates, radii
from flowrepro.papers.lee2022.neuron import Neuron
from flowrepro.theory.conservation import imbalance

FEW = 20
"""Samples per dimension below which a sample says little about the population (chosen; the paper
has 100)."""

SMALL = 0.2
"""Largest v_0 / v* of a norm near 0 (chosen; the paper's small norm is 0.1, up to the draw)."""


def draws_its_points(study: Study) -> str | None:
    """The study draws its own points, as all studies of this paper do."""
    return (
        None if study.case.data is None else "the study draws its own points; this one has others"
    )


def one_neuron(run: Run) -> str | None:
    """One ReLU neuron (chain) learns another by full-batch steps on half the mean square.

    It starts balanced and not aligned, and stays finite.
    """
    case, trajectory = run.case, run.trajectory
    if "teacher" not in run.dataset.extra:
        return (
            "the points come without a teacher neuron, so norm and angle have nothing to be "
            "compared with"
        )
    if len(trajectory.group) != 1 or case.model.alpha != 0:
        return "the statement is about one ReLU neuron"
    if (case.loss.name, case.loss.reduction) != ("square", "mean"):
        return "the loss is not the mean of squares"
    protocol = case.protocol
    full_batch = protocol.batch_size is None and protocol.train == "both"
    if not full_batch or protocol.dtype != "float64":
        return "the statement is about full-batch steps of all weights, here in float64"
    finite = np.all(np.isfinite(trajectory.W)) and np.all(np.isfinite(trajectory.a))
    if trajectory.stop.reason is StopReason.DIVERGED or not finite:
        return "the run diverged"
    W, a = trajectory.at(0)
    if not np.any(W) or not 0 < float(angle_between(W[0], run.dataset.extra["teacher"])) < np.pi:
        return "the initial weight is zero or on the teacher's line"
    if case.model.depth > 1 and (a[0] <= 0 or abs(float(imbalance(W, a)[0])) > 1e-10 * a[0] ** 2):
        return "the initialisation is not balanced with positive scalars"
    return None


def many_samples(run: Run) -> str | None:
    """n / d is large enough for the sample to follow the population."""
    n, d = run.X.shape
    if n >= FEW * d:
        return None
    return f"n / d = {n / d:.3g} < {FEW}: such a sample does not follow the population's dynamics"


def fine_step(run: Run) -> str | None:
    """(1 - 3 c_u lr) and the rates of the norm stay positive, with room."""
    neuron = Neuron.of(run)
    angle = 3 * angle_rates(neuron.start, *radii(neuron.start)).fast
    product = max(angle, neuron.largest ** (2 * neuron.m)) * neuron.lr
    return coarse_step(run, product, 0.1, "c lr")


def small_norm(run: Run) -> str | None:
    """The initial norm is small beside the teacher's."""
    start = Neuron.of(run).start
    ratio = start.norm / start.teacher_norm
    if ratio <= SMALL:
        return None
    return f"the statement is for a norm near 0; this run starts at {ratio:.3g} ||w*|| > {SMALL:g}"


NEURON: tuple[Hypothesis, ...] = (one_neuron, many_samples, fine_step)
"""The setting of every theorem, as far as a sample and a step can be in it."""


def layers(least: int, most: int = 100) -> Hypothesis:
    """Factory: the number of layers lies between these."""
    asked = f"{least}" if least == most else f"{least} and more" if most == 100 else ""

    def hypothesis(run: Run) -> str | None:
        depth = run.case.model.depth
        if least <= depth <= most:
            return None
        return f"the run has {depth} layers; the statement is for {asked or f'{least} to {most}'}"

    return hypothesis
