"""What a training did that no figure of it would say: one sentence each, for stderr and
provenance.json; and what makes every process slow.

Nothing here is a failure. The run ended as it was asked to, and the sentences say what its numbers
do not mean.
"""

from __future__ import annotations

import functools
import sys

import numpy as np

from flowrepro import engines
from flowrepro.core.config import Descent, Loss
from flowrepro.core.network import activation, gradient, predict
from flowrepro.core.trajectory import Run
from flowrepro.papers.registry import OWN
from flowrepro.theory.tangent_kernel import tangent_kernel

RISE = 1e-3
"""Relative rise of the loss above its start that is remarked; rounding stays far below."""
UNSTABLE = 1.5
"""lr times sharpness from which descent is remarked: steps overshoot from 1, and diverge from 2."""
MOST_POINTS, MOMENTS = 2000, 12
"""Points up to which the sharpness is computed, and recorded weights at which it is."""


def remarks(run: Run) -> tuple[str, ...]:
    """The sentences for a finished training; none for one that went as a flow does."""
    with np.errstate(all="ignore"):  # huge points overflow in float64, which is no remark
        found = (*_idle(run), _rise(run), _dead(run), _underflow(run), _unstable(run))
    return tuple(sentence for sentence in found if sentence)


@functools.cache
def uncached() -> str:
    """Where numba is used and no folder for its machine code can be written: what that costs. Said
    once.
    """
    numba = sys.modules.get("numba")
    if numba is None:
        return ""
    from flowrepro.engines import compiled

    try:
        numba.njit(cache=True)(compiled.is_compiled)  # looks for the folder, compiles nothing
    except RuntimeError:  # "no locator available"
        return (
            "compiled engines cannot be kept on disk, so every process compiles them anew, which "
            "takes most of a minute; set NUMBA_CACHE_DIR to a folder that can be written"
        )
    return ""


def _idle(run: Run) -> tuple[str, ...]:
    """Settings that were changed and that this training does not use."""
    case, found = run.case, []
    if case.protocol.rtol != Descent.rtol and not engines.is_flow(run.engine):
        found.append(
            f"protocol.rtol had no effect: engine {run.engine} makes equal steps; take "
            "--engine flow, or change lr"
        )
    from_file = case.init.name == "file" and case.paper != OWN  # one's own: drawn, then given
    if case.seed and from_file and case.protocol.batch_size is None:
        found.append(
            "seed had no effect on the training: the weights are those of the file and no "
            "mini-batches are drawn; leave --seed out, or --init"
        )
    return tuple(found)


def _rise(run: Run) -> str:
    loss, k = run.trajectory.loss, int(np.argmax(run.trajectory.loss))
    if not loss[k] > loss[0] * (1 + RISE):
        return ""
    remedy = "" if engines.is_flow(run.engine) else "; lower the step size lr"
    return (
        f"the loss rose above its start, from {loss[0]:.4g} to {loss[k]:.4g} at step "
        f"{run.trajectory.step[k]}, which a gradient flow never does{remedy}"
    )


def _dead(run: Run) -> str:
    """All neurons inactive on all points; a ReLU network stays there."""
    if run.case.model.alpha != 0:
        return ""
    dead = [not np.any(run.X @ _first_layer(run, k).T > 0) for k in (0, -1)]
    if not dead[1]:
        return ""
    m = len(run.trajectory.group)
    who = f"all {m} neurons are" if m > 1 else "the neuron is"
    when = "from the start" if dead[0] else "at the end"
    return (
        f"{who} dead {when}, active on no point, so nothing trains them any more; "
        "take more neurons, another seed, or smaller steps"
    )


def _first_layer(run: Run, k: int) -> np.ndarray:
    """Directions of the first layer (G, d), which do not underflow."""
    rows = run.trajectory.log_rows
    return run.trajectory.W[k] if rows is None else np.asarray(rows[k][:, 1:-1])


def _underflow(run: Run) -> str:
    """A loss of 0 that no finite network has, or a gradient that is 0 in doubles only."""
    loss, name = run.trajectory.loss, run.case.loss.name
    if name != "square" and np.any(loss == 0):
        step = run.trajectory.step[np.argmax(loss == 0)]
        return (
            f"the loss {name} underflowed to 0 at step {step}, where its gradient is 0 too and "
            "training stands still; stop earlier, at a target_loss such as 1e-300"
        )
    if run.trajectory.log_rows is not None or run.case.model.depth != 2:
        return ""
    group = run.trajectory.group
    W, a = run.trajectory.W[-1][group], run.trajectory.a[-1][group]
    if not np.any(W) and not np.any(a):
        return (
            "all weights are 0 in double precision, so the gradient is 0; start at a larger scale, "
            "or give the engine flow its log10_scale"
        )
    if not np.any(predict(run.X, W, a, run.case.model.alpha) - run.y):
        return ""
    if loss[-1] == 0:
        return "the square loss underflowed to 0 before the network fits; multiply y by a constant"
    active = run.case.model.alpha != 0 or np.any(run.X @ W.T > 0)
    slopes = gradient(run.X, run.y, W, a, run.case.loss, run.case.model.alpha)
    if active and not any(np.any(slope) for slope in slopes):
        return f"the gradient underflowed to 0 while the loss is {loss[-1]:.4g}"
    return ""


FEW_POINTS = 200
"""Size up to which all eigenvalues of a matrix take milliseconds."""


def _unstable(run: Run) -> str:
    """Descent whose steps are too long for its loss to follow the flow."""
    case, t = run.case, run.trajectory
    if engines.is_flow(run.engine) or case.model.depth != 2 or len(run.y) > MOST_POINTS:
        return ""
    moments = np.unique(np.linspace(0, len(t.a) - 1, MOMENTS).astype(int))
    with np.errstate(all="ignore"):
        found = [case.protocol.lr * _sharpness(run, int(k)) for k in moments]
    worst = int(np.argmax(found))
    if not found[worst] >= UNSTABLE:
        return ""
    lower = case.protocol.lr * 0.1 / found[worst]
    return (
        f"lr times sharpness is {found[worst]:.3g} at step {t.snapshot_step[moments[worst]]} (from "
        "2 on descent is unstable), so this is descent far from the flow; it follows the flow "
        f"with lr = {lower:.1g}"
    )


def _sharpness(run: Run, k: int) -> float:
    """Largest eigenvalue of the Gauss-Newton part of the Hessian at recorded weights; 0 where they
    are not finite.
    """
    W, a = (weights[k][run.trajectory.group] for weights in (run.trajectory.W, run.trajectory.a))
    alpha, loss = run.case.model.alpha, run.case.loss
    if run.case.protocol.train == "first":
        slopes = np.where(run.X @ W.T > 0, 1.0, alpha) * a
        kernel = (slopes @ slopes.T) * (run.X @ run.X.T)
    else:
        kernel = tangent_kernel(run.X, run.X, W, a, alpha)
    root = np.sqrt(_curvature(loss, activation(run.X @ W.T, alpha) @ a, run.y))
    form = root[:, None] * kernel * root
    return _largest_eigenvalue(form) if np.all(np.isfinite(form)) else 0.0


def _largest_eigenvalue(form: np.ndarray) -> float:
    """That of a symmetric matrix (n, n): all of them at once where n is small, else to six digits
    by Lanczos' method, which costs little and can be interrupted between its steps.
    """
    if len(form) <= FEW_POINTS or not np.any(form):
        return float(np.linalg.eigvalsh(form)[-1])
    from scipy.sparse.linalg import ArpackNoConvergence, eigsh

    start = np.sqrt(np.abs(np.diagonal(form))) + 1e-300
    try:
        found = eigsh(form, k=1, which="LA", tol=1e-6, v0=start, return_eigenvectors=False)
    except ArpackNoConvergence:
        return float(np.linalg.eigvalsh(form)[-1])
    return float(found[0])


def _curvature(loss: Loss, f: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Second derivative of the objective by every output, (n,)."""
    if loss.name == "square":
        second = np.ones_like(f)
    elif loss.name == "exp":
        second = np.exp(-y * f)
    else:
        second = np.exp(-np.logaddexp(0.0, f) - np.logaddexp(0.0, -f))
        second = 2 * second if loss.name == "logistic2" else second
    return second * (loss.factor / (len(y) if loss.reduction == "mean" else 1.0))
