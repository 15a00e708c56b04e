"""Descent on a mean of squares by a two-layer ReLU network: the setting of boursier2022 and
boursier2024, as hypotheses and units.
"""

from __future__ import annotations

import numpy as np

from flowrepro.core.trajectory import Ensemble, Run, StopReason

MODERATE = 1e70
"""Sizes of points and labels, and of their inverses, up to which products of four of them are
doubles.
"""


def moderate(run: Run) -> str | None:
    """Points and labels whose squares and products neither overflow nor underflow."""
    sizes = np.concatenate([np.abs(run.X).max(axis=1), np.abs(run.y)])
    sizes = sizes[sizes > 0]
    if np.all((sizes <= MODERATE) & (sizes >= 1 / MODERATE)):
        return None
    return (
        f"points or labels of size {sizes.min():.2g} to {sizes.max():.2g} have squares beyond "
        "double precision; rescale them"
    )


def two_layer_relu(run: Run) -> str | None:
    """f(x) = sum_j a_j relu(<w_j, x>)."""
    if run.case.model.alpha != 0.0:
        return "the activation is leaky; the statement is for ReLU"
    return (
        None
        if run.case.model.depth == 2
        else f"the network has depth {run.case.model.depth}; the statement is for two layers"
    )


def descent_on_squares(run: Run) -> str | None:
    """Full-batch descent of both layers of a two-layer ReLU network on a mean of squares of
    moderate data, in float64, that stayed finite.
    """
    row, trajectory = run.case, run.trajectory
    outside = moderate(run) or two_layer_relu(run)
    if outside:
        return outside
    if (row.loss.name, row.loss.reduction) != ("square", "mean"):
        return "the loss is not the mean of squares"
    if row.protocol.batch_size is not None:
        return "mini-batches do not follow the gradient flow"
    if row.protocol.train != "both":
        return "only one layer is trained"
    if row.protocol.dtype != "float64":
        return "float32 rounds above the tolerance"
    if trajectory.stop.reason is StopReason.DIVERGED or not (
        np.all(np.isfinite(trajectory.W)) and np.all(np.isfinite(trajectory.a))
    ):
        return "the run diverged"
    if not np.any(trajectory.W[0]):
        return "all initial weights are zero, a stationary point"
    return None


def step_time(run: Run | Ensemble) -> float:
    """Units of flow time per descent step, factor * lr."""
    return run.case.loss.factor * run.case.protocol.lr


def mse(run: Run) -> np.ndarray:
    """(1/n) sum_k (f(x_k) - y_k)^2 along the loss curve, shape (T,)."""
    return 2.0 * run.trajectory.loss / run.case.loss.factor
