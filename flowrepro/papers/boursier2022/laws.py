"""What boursier2022 predicts for sweeps: when the toy leaves its two saddles, from the initial draw alone."""

from __future__ import annotations

from functools import partial

import numpy as np

from flowrepro import data
from flowrepro.experiment import Experiment
from flowrepro.initialize import initial_weights
from flowrepro.network import flow_time
from flowrepro.papers import Law
from flowrepro.papers.boursier2022.closed_form import ClosedForm


def escape(row: Experiment, level: float) -> float:
    """First step at which the closed form of the row's seed has MSE < level; nan if that is not within its steps   (Section 4.2)."""
    points = data.load(row.data)
    W, a = initial_weights(row.init, row.seed, points.X.shape[1])
    form = ClosedForm.of(points.X, points.y, W, a)
    steps = np.arange(row.protocol.n_steps + 1)
    below = np.flatnonzero(form.mse(steps, form.growth(float(flow_time(row.loss, row.protocol.lr, 1)))) < level)
    return float(below[0]) if below.size else float("nan")


LAWS = tuple(Law(("toy",), "init.scale", f"first_below_{level:g}", "Section 4.2", partial(escape, level=level)) for level in (0.99, 0.495))
