"""When a run is one of the paper's own, and its time in the paper's steps."""

from __future__ import annotations

import numpy as np

from flowrepro.claims import published as published
from flowrepro.core.trajectory import Run
from flowrepro.papers.lee2022.experiments import NEURONS, RESTARTS
from flowrepro.papers.lee2022.neuron import Neuron

FREE = (*published.FREE, "data.options.seed", "protocol.lr", "protocol.n_steps")
"""Keys that do not make a run another than the paper's, where it passes the same flow time in steps as fine as ten of the paper's."""
OWN = {case.name: case for case in (*NEURONS.values(), *RESTARTS.values())}


def same_time(run: Run) -> str | None:
    """The paper's case of that name, its flow time, and steps of at most ten times its size."""
    case = OWN[run.case.name]
    outside = published.as_published(case, FREE)(run)
    if outside:
        return outside
    coarser, longer = (
        run.case.protocol.lr / case.protocol.lr,
        run.trajectory.last_step
        * run.case.protocol.lr
        / (case.protocol.n_steps * case.protocol.lr),
    )
    if coarser > 10.01 or abs(longer - 1) > 1e-6:
        return f"the paper's observation is for its own flow time; this run passes {longer:.3g} of it, in steps {coarser:.3g} times as large"
    return None


def paper_steps(run: Run, neuron: Neuron) -> np.ndarray:
    """Times of the snapshots in steps of the paper's size, (T,)."""
    return np.asarray(neuron.path.t / (run.case.loss.factor * OWN[run.case.name].protocol.lr))
