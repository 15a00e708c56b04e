"""From arrays to a run: `flow` integrates the gradient flow, `descend` makes gradient steps.

Both build the same case that the command line builds, so that a run can be judged, stored and
repeated like any other.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Literal

import numpy as np

from flowrepro import engines
from flowrepro.api.cases import arrays, clock, common_fields, trained, weights_step
from flowrepro.api.run import Run
from flowrepro.core import arguments
from flowrepro.core.config import Descent, Record, TrainingCase

LossName = Literal["square", "logistic", "logistic2", "exp"]
Reduction = Literal["mean", "sum"]


def flow(
    X: Any,
    y: Any,
    W: Any,
    a: Any,
    *,
    t: Any,
    loss: LossName = "square",
    alpha: float = 0.0,
    rtol: float = 1e-8,
    log10_scale: float = 0.0,
    reduction: Reduction = "mean",
    factor: float = 1.0,
    records: int = 1024,
    weights_every: int | None = None,
    target_loss: float = 0.0,
    engine: str = "flow",
    progress: Callable[[int, int], None] | None = None,
) -> Run:
    r"""The gradient flow of a two-layer (leaky) ReLU network, with the times of its activation
    events.

    f(x) = sum_j a_j sigma(<w_j, x>),  d(W, a)/dt = -grad reduction_k l(f(x_k), y_k), in the sense
    of Clarke and Filippov where a neuron reaches a hyperplane <w, x_k> = 0. The loss that is
    reported is factor times that one.

    Parameters
    ----------
    X : array_like, shape (n, d)
        Points, one row per sample. Lists, integers, float32 and tensors of PyTorch are converted to
        float64.
    y : array_like, shape (n,) or (n, 1)
        Targets; labels -1 and +1 for every loss but the square.
    W, a : array_like, shapes (m, d) and (m,)
        Initial weights, as from `flowrepro.init`.
    t : float or array_like, shape (T,)
        The horizon, or increasing flow times to record. The start, t = 0, is always the first
        record.
    loss : {"square", "logistic", "logistic2", "exp"}
        l = (f - y)^2 / 2, log(1 + exp(-y f)), twice that, exp(-y f).
    alpha : float
        Slope of the leaky part in [0, 1); 0 for ReLU.
    rtol : float
        Relative error per step of every neuron, in [1e-13, 1e-2].
    log10_scale : float
        The start is 10^log10_scale (W, a), which may lie below the smallest double.
    reduction, factor : {"mean", "sum"}, float
        As on the command line: the objective is factor * reduction_k l.
    records : int
        Number of records at equal distances where t is a horizon.
    weights_every : int, optional
        Steps (``run.step``) from one set of weights to the next. Unless given there is one at every
        record, and fewer where they would take more than 256 MB.
    target_loss : float
        Stop at the first record below it.
    engine : {"flow", "smooth-flow", "grouped-boost"}
        Those after the first neither locate events nor give dense output.
    progress : callable, optional
        Called with the records made and their number.

    Returns
    -------
    Run
        ``run.stop`` says why it ended. A RuntimeWarning says so where that was not its horizon or
        target.

    Raises
    ------
    UsageError, DataError
        An argument of a wrong shape or out of its range; both are ValueErrors.

    Examples
    --------
    >>> import numpy as np, flowrepro as fr
    >>> run = fr.flow(np.eye(2), [1.0, -1.0], [[1e-3, 0.0]], [1e-3], t=30.0)
    >>> bool(abs(run.a[-1, 0] * run.W[-1, 0, 0] - 1) < 1e-6)
    True
    """
    X, y, W, a = arrays(X, y, W, a, loss)
    common = common_fields(X, y, W, a, loss, reduction, factor, alpha, log10_scale)
    lr, n_steps, every, times = clock(
        t, common["loss"], arguments.whole("records", records, 1), X, y
    )
    flows = [name for name in engines.ENGINES if engines.is_flow(name)]
    hint = "; fr.descend takes the other engines"
    protocol = Descent(
        lr=lr,
        n_steps=n_steps,
        engine=arguments.choice("engine", engine, flows, hint),
        target_loss=arguments.between("target_loss", target_loss, 0.0, np.inf),
        rtol=arguments.between("rtol", rtol, 1e-13, 1e-2, ", what double precision resolves"),
    )
    case = TrainingCase(
        name="flow",
        shows="The gradient flow of the user's own points and weights.",
        protocol=protocol,
        record=Record(
            save_every=every,
            snapshot_every=weights_step(weights_every, every, n_steps, W),
            times=times,
        ),
        **common,
    )
    return trained(case, X, y, W, a, progress)


def descend(
    X: Any,
    y: Any,
    W: Any,
    a: Any,
    *,
    lr: float,
    steps: int,
    loss: LossName = "square",
    alpha: float = 0.0,
    batch_size: int | None = None,
    engine: str = "auto",
    device: str = "cpu",
    dtype: Literal["float64", "float32"] = "float64",
    reduction: Reduction = "mean",
    factor: float = 1.0,
    train: Literal["both", "first"] = "both",
    depth: int = 2,
    save_every: int | None = None,
    weights_every: int | None = None,
    target_loss: float = 0.0,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> Run:
    r"""Gradient descent, or SGD, of a two-layer (leaky) ReLU network.

    (W, a) <- (W, a) - lr grad [factor * reduction_k l(f(x_k), y_k)], with relu'(0) = 0. Step k is
    flow time t = factor * lr * k.

    Parameters
    ----------
    X, y, W, a, loss, alpha, reduction, factor, target_loss, progress
        As for `flow`.
    lr, steps : float, int
        Step size and number of steps.
    batch_size : int, optional
        Samples in a step, reshuffled every epoch from ``seed``; all of them unless given.
    engine : str "auto" takes the fastest exact one; "torch" is PyTorch on any device. See
        `flowrepro.engines.ENGINES`.
    device : str "cpu", "cuda", "cuda:1", or "auto" for a GPU where there is one; other engines than
        "torch" need the CPU.
    dtype : {"float64", "float32"}
        Of the weights while they train.
    train : {"both", "first"}
        The layers that move.
    depth : int Layers; other than 2, each neuron is followed by depth - 1 equal scalars
        (`core.network.gain`).
    save_every, weights_every : int, optional
        Steps between two records of the loss and of the weights. There are about 1000 unless given;
        fewer weights where they would take more than 256 MB.

    Returns
    -------
    Run

    Raises
    ------
    UsageError, DataError
        As for `flow`; also where the engine cannot run the problem, with its reason.
    EnvironmentFault
        The device or a library is not there.

    Examples
    --------
    >>> import numpy as np, flowrepro as fr
    >>> W, a = [[0.1, 0.0]], [0.1]
    >>> run = fr.descend(np.eye(2), [1, -1], W, a, lr=0.1, steps=300, engine="torch")
    >>> int(run.step[-1]), bool(run.loss[-1] < run.loss[0])
    (300, True)
    """
    X, y, W, a = arrays(X, y, W, a, loss)
    n_steps = arguments.whole("steps", steps, 1)
    others = ["auto", *(name for name in engines.ENGINES if not engines.is_flow(name))]
    hint = "; fr.flow integrates the flow" if engines.is_flow(str(engine)) else ""
    protocol = Descent(
        lr=arguments.positive("lr", lr),
        n_steps=n_steps,
        engine=arguments.choice("engine", engine, others, hint),
        batch_size=None
        if batch_size is None
        else arguments.whole("batch_size", batch_size, 1, len(X)),
        train=arguments.choice("train", train, ("both", "first")),  # type: ignore[arg-type]
        dtype=arguments.choice("dtype", dtype, ("float64", "float32")),  # type: ignore[arg-type]
        device=str(device),
        target_loss=arguments.between("target_loss", target_loss, 0.0, np.inf),
    )
    every = (
        -(-n_steps // 1000) if save_every is None else arguments.whole("save_every", save_every, 1)
    )
    case = TrainingCase(
        name="descent",
        shows="Gradient descent on the user's own points from their own weights.",
        protocol=protocol,
        record=Record(
            save_every=every, snapshot_every=weights_step(weights_every, every, n_steps, W)
        ),
        seed=arguments.whole("seed", seed, 0, 2**63 - 1),
        **common_fields(X, y, W, a, loss, reduction, factor, alpha, 0.0),
    )
    case = replace(case, model=replace(case.model, depth=arguments.whole("depth", depth, 1, 100)))
    return trained(case, X, y, W, a, progress)
