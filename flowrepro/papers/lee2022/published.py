"""When a run is one of the paper's own, and its time in the paper's steps."""

from __future__ import annotations

import numpy as np

from flowrepro.papers.lee2022.experiments import NEURONS, RESTARTS
from flowrepro.papers.lee2022.neuron import Neuron
from flowrepro.theory import published
from flowrepro.trajectory import Run

FREE = (*published.FREE, "data.options.seed", "protocol.lr", "protocol.n_steps")
"""Keys that do not make a run another than the paper's, where it passes the same flow time in steps as fine as ten of the paper's."""
OWN = {row.name: row for row in (*NEURONS.values(), *RESTARTS.values())}


def same_time(run: Run) -> str | None:
    """The paper's row of that name, its flow time, and steps of at most ten times its size."""
    row = OWN[run.row.name]
    outside = published.as_published(row, FREE)(run)
    if outside:
        return outside
    coarser, longer = run.row.protocol.lr / row.protocol.lr, run.trajectory.last_step * run.row.protocol.lr / (row.protocol.n_steps * row.protocol.lr)
    if coarser > 10.01 or abs(longer - 1) > 1e-6:
        return f"the paper's observation is for its own flow time; this run passes {longer:.3g} of it, in steps {coarser:.3g} times as large"
    return None


def paper_steps(run: Run, neuron: Neuron) -> np.ndarray:
    """Times of the snapshots in steps of the paper's size, (T,)."""
    return np.asarray(neuron.path.t / (run.row.loss.factor * OWN[run.row.name].protocol.lr))
