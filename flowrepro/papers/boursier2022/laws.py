"""What boursier2022 predicts for sweeps: when the toy leaves its two saddles, from the initial draw alone."""

from __future__ import annotations

from functools import partial

import numpy as np

from flowrepro import data
from flowrepro.core.config import TrainingCase
from flowrepro.core.initialize import initial_weights
from flowrepro.core.network import flow_time
from flowrepro.papers.boursier2022.closed_form import ClosedForm
from flowrepro.papers.paper import Law


def escape(case: TrainingCase, level: float) -> float:
    """First step at which the closed form of the case's seed has MSE < level; nan if that is not within its steps   (Section 4.2)."""
    points = data.load(case.data)
    W, a = initial_weights(case.init, case.seed, points.X.shape[1])
    form = ClosedForm.of(points.X, points.y, W, a)
    steps = np.arange(case.protocol.n_steps + 1)
    below = np.flatnonzero(
        form.mse(steps, form.growth(float(flow_time(case.loss, case.protocol.lr, 1)))) < level
    )
    return float(below[0]) if below.size else float("nan")


LAWS = tuple(
    Law(
        ("toy",),
        "init.scale",
        f"first_below_{level:g}",
        "Section 4.2",
        partial(escape, level=level),
    )
    for level in (0.99, 0.495)
)
