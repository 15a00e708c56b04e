"""From arrays to a run: `flow` integrates the gradient flow, `descend` makes gradient steps.

Both build the same case that the command line builds, so that a run can be judged, stored and repeated like any other.
"""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Literal

import numpy as np

from flowrepro import engines
from flowrepro.api.run import Run
from flowrepro.core import arguments
from flowrepro.core.config import Data, Descent, Init, Loss, Model, Record, TrainingCase, validate
from flowrepro.core.network import output_gradient
from flowrepro.core.trajectory import REGULAR_STOPS, Dataset
from flowrepro.core.trajectory import Run as Result
from flowrepro.data.from_file import degeneracies
from flowrepro.engines.base import Problem, SaveAt
from flowrepro.engines.base import run as drive
from flowrepro.errors import UsageError
from flowrepro.papers.registry import OWN
from flowrepro.run.training import inputs
from flowrepro.store.files import sha256_of

LossName = Literal["square", "logistic", "logistic2", "exp"]
Reduction = Literal["mean", "sum"]
INPUTS = "inputs.npz"
"""The file of a run directory that holds the points and the initial weights."""
FINE = 1e-3
"""Growth of a neuron's logarithm in one step up to which descent is read as the flow."""
WEIGHT_BYTES = 256 * 10**6
"""Memory that the recorded weights may take unless the caller says how often they are kept."""


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
    r"""The gradient flow of a two-layer (leaky) ReLU network, with the times of its activation events.

    f(x) = sum_j a_j sigma(<w_j, x>),  d(W, a)/dt = -grad reduction_k l(f(x_k), y_k), in the sense of Clarke and
    Filippov where a neuron reaches a hyperplane <w, x_k> = 0. The loss that is reported is factor times that one.

    Parameters
    ----------
    X : array_like, shape (n, d)
        Points, one row per sample. Lists, integers, float32 and tensors of PyTorch are converted to float64.
    y : array_like, shape (n,) or (n, 1)
        Targets; labels -1 and +1 for every loss but the square.
    W, a : array_like, shapes (m, d) and (m,)
        Initial weights, as from `flowrepro.init`.
    t : float or array_like, shape (T,)
        The horizon, or increasing flow times to record. The start, t = 0, is always the first record.
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
        Steps (``run.step``) from one set of weights to the next. Unless given there is one at every record, and fewer
        where they would take more than 256 MB.
    target_loss : float
        Stop at the first record below it.
    engine : {"flow", "smooth-flow", "grouped-boost"}
        Those after the first neither locate events nor give dense output.
    progress : callable, optional
        Called with the records made and their number.

    Returns
    -------
    Run
        ``run.stop`` says why it ended. A RuntimeWarning says so where that was not its horizon or target.

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
    X, y, W, a = _arrays(X, y, W, a, loss)
    common = _common(X, y, W, a, loss, reduction, factor, alpha, log10_scale)
    lr, n_steps, every, times = _clock(
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
            snapshot_every=_weights_every(weights_every, every, n_steps, W),
            times=times,
        ),
        **common,
    )
    return _trained(case, X, y, W, a, progress)


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

    (W, a) <- (W, a) - lr grad [factor * reduction_k l(f(x_k), y_k)], with relu'(0) = 0. Step k is flow time
    t = factor * lr * k.

    Parameters
    ----------
    X, y, W, a, loss, alpha, reduction, factor, target_loss, progress
        As for `flow`.
    lr, steps : float, int
        Step size and number of steps.
    batch_size : int, optional
        Samples in a step, reshuffled every epoch from ``seed``; all of them unless given.
    engine : str
        "auto" takes the fastest exact one; "torch" is PyTorch on any device. See `flowrepro.engines.ENGINES`.
    device : str
        "cpu", "cuda", "cuda:1", or "auto" for a GPU where there is one; other engines than "torch" need the CPU.
    dtype : {"float64", "float32"}
        Of the weights while they train.
    train : {"both", "first"}
        The layers that move.
    depth : int
        Layers; other than 2, each neuron is followed by depth - 1 equal scalars (`core.network.gain`).
    save_every, weights_every : int, optional
        Steps between two records of the loss and of the weights. There are about 1000 unless given; fewer weights
        where they would take more than 256 MB.

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
    >>> run = fr.descend(np.eye(2), [1.0, -1.0], [[0.1, 0.0]], [0.1], lr=0.1, steps=300, engine="torch")
    >>> run.step[-1], bool(run.loss[-1] < run.loss[0])
    (np.int64(300), True)
    """
    X, y, W, a = _arrays(X, y, W, a, loss)
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
            save_every=every, snapshot_every=_weights_every(weights_every, every, n_steps, W)
        ),
        seed=arguments.whole("seed", seed, 0, 2**63 - 1),
        **_common(X, y, W, a, loss, reduction, factor, alpha, 0.0),
    )
    case = replace(case, model=replace(case.model, depth=arguments.whole("depth", depth, 1, 100)))
    return _trained(case, X, y, W, a, progress)


def _arrays(X: Any, y: Any, W: Any, a: Any, loss: Any) -> tuple[np.ndarray, ...]:
    name = arguments.loss_name(loss)
    X = arguments.points(X)
    return X, arguments.targets(y, len(X), name), *arguments.weights(W, a, X.shape[1])


def _clock(
    t: Any, loss: Loss, records: int, X: np.ndarray, y: np.ndarray
) -> tuple[float, int, int, tuple[float, ...]]:
    """Step size, number of steps, steps between records; and the flow times of the steps unless they are equal.

    A step is no step of the integrator. It is so short that descent with it would follow the flow, which is what the
    hypotheses of theorems on the flow ask for.
    """
    times = arguments.times(t)
    if times[-1] == 0.0:
        raise UsageError("t is 0, where the flow starts; give a positive horizon")
    many, times = bool(np.ndim(t)), times[times > 0]
    gap = float(times[0]) if many else float(times[0]) / records
    count = len(times) if many else records
    if many and np.any(np.abs(gap * np.arange(1, count + 1) - times) > 1e-15 * times):
        return float(times[-1]) / (loss.factor * count), count, 1, tuple(map(float, times))
    pull = np.abs(output_gradient(replace(loss, factor=1.0), np.zeros(len(y)), y))
    growth = gap * float(pull @ np.linalg.norm(X, axis=1))
    every = 2 ** max(0, math.ceil(math.log2(growth / FINE))) if growth > 0 else 1
    while every > 1 and every * count > 10**9:
        every //= 2
    return gap / (loss.factor * every), every * count, every, ()


def _weights_every(asked: int | None, every: int, n_steps: int, W: np.ndarray) -> int:
    """Steps from one set of weights to the next, a multiple of ``every`` unless asked for."""
    if asked is not None:
        return arguments.whole("weights_every", asked, 1)
    bytes_each = 8 * len(W) * (W.shape[1] + 1)
    most = max(1, WEIGHT_BYTES // bytes_each)
    return every * max(1, -(-n_steps // (every * most)))


def _common(
    X: np.ndarray, y: np.ndarray, W: np.ndarray, a: np.ndarray, loss: Any, reduction: Any,
    factor: Any, alpha: Any, log10_scale: Any,
) -> dict[str, Any]:  # fmt: skip
    """What the cases of both have: they are the user's own, from the file that a run directory keeps of them."""
    sha256 = sha256_of(inputs(X, y, W, a))
    return {
        "command": OWN,
        "paper": OWN,
        "data": Data(name="file", options={"path": INPUTS, "sha256": sha256, "bias": False}),
        "init": Init(
            name="file",
            m=len(W),
            scale=1.0,
            log10_scale=arguments.between("log10_scale", log10_scale, -1e6, 1e6),
            file=INPUTS,
            sha256=sha256,
        ),
        "loss": Loss(
            name=loss,
            reduction=arguments.choice("reduction", reduction, ("mean", "sum")),  # type: ignore[arg-type]
            factor=arguments.positive("factor", factor),
        ),
        "model": Model(alpha=arguments.between("alpha", alpha, 0.0, 1.0)),
    }


def _trained(
    case: TrainingCase, X: np.ndarray, y: np.ndarray, W: np.ndarray, a: np.ndarray,
    progress: Callable[[int, int], None] | None,
) -> Run:  # fmt: skip
    validate(case)
    problem = Problem.of(case, X, y, W, a)
    engine, _ = engines.choose(case.protocol.engine, problem)
    n_steps = case.protocol.n_steps
    started = time.perf_counter()
    trajectory = drive(
        engine,
        problem,
        SaveAt.of(case.record, n_steps),
        target_loss=case.protocol.target_loss,
        progress=None if progress is None else lambda step: progress(step, n_steps),
    )
    note = f"{len(X)} points in dimension {X.shape[1]}, given as arrays"
    dataset = Dataset(X, y, note, warnings=tuple(degeneracies(X, y)))
    run = Run(
        Result(case, dataset, trajectory, engine.name), problem, time.perf_counter() - started
    )
    if run.stop.reason not in REGULAR_STOPS:
        why = run.stop.note or run.stop.reason.value
        warnings.warn(
            f"the run ended with {run.stop.reason.name}: {why}", RuntimeWarning, stacklevel=3
        )
    return run
