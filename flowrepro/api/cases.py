"""The case of a training on arrays in memory, and the training itself."""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from flowrepro import engines
from flowrepro.api.run import Run
from flowrepro.core import arguments
from flowrepro.core.config import Data, Init, Loss, Model, TrainingCase
from flowrepro.core.network import output_gradient
from flowrepro.core.trajectory import REGULAR_STOPS, Dataset
from flowrepro.core.trajectory import Run as Result
from flowrepro.core.validation import validate
from flowrepro.data.from_file import degeneracies
from flowrepro.engines.base import Problem, SaveAt
from flowrepro.engines.drive import run as drive
from flowrepro.errors import UsageError
from flowrepro.papers.registry import OWN
from flowrepro.run.training import inputs
from flowrepro.store.reading import sha256_of

INPUTS = "inputs.npz"
"""The file of a run directory that holds the points and the initial weights."""
FINE = 1e-3
"""Growth of a neuron's logarithm in one step up to which descent is read as the flow."""
WEIGHT_BYTES = 256 * 10**6
"""Memory that the recorded weights may take unless the caller says how often they are kept."""


def arrays(
    X: Any, y: Any, W: Any, a: Any, loss: Any
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Points, targets and weights in float64, once they are known to fit together."""
    name = arguments.loss_name(loss)
    X = arguments.points(X)
    return X, arguments.targets(y, len(X), name), *arguments.weights(W, a, X.shape[1])


def clock(
    t: Any, loss: Loss, records: int, X: np.ndarray, y: np.ndarray
) -> tuple[float, int, int, tuple[float, ...]]:
    """Step size, number of steps, steps between records; and the flow times of the steps unless
    they are equal.

    A step is no step of the integrator. It is so short that descent with it would follow the flow,
    which is what the hypotheses of theorems on the flow ask for.
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
    every = 1 << max(0, math.ceil(math.log2(growth / FINE))) if growth > 0 else 1
    while every > 1 and every * count > 10**9:
        every //= 2
    return gap / (loss.factor * every), every * count, every, ()


def weights_step(asked: int | None, every: int, n_steps: int, W: np.ndarray) -> int:
    """Steps from one set of weights to the next, a multiple of ``every`` unless asked for."""
    if asked is not None:
        return arguments.whole("weights_every", asked, 1)
    bytes_each = 8 * (int(W.size) + len(W))
    most = max(1, WEIGHT_BYTES // bytes_each)
    return every * max(1, -(-n_steps // (every * most)))


def common_fields(
    X: np.ndarray, y: np.ndarray, W: np.ndarray, a: np.ndarray, loss: Any, reduction: Any,
    factor: Any, alpha: Any, log10_scale: Any,
) -> dict[str, Any]:  # fmt: skip
    """What the cases of both have.

    They are the user's own, from the file that a run directory keeps of them.
    """
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


def trained(
    case: TrainingCase, X: np.ndarray, y: np.ndarray, W: np.ndarray, a: np.ndarray,
    progress: Callable[[int, int], None] | None,
) -> Run:  # fmt: skip
    """Train: the problem of the case, by the engine that it asks for."""
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
    note = f"{len(X)} point{'s' * (len(X) != 1)} in dimension {X.shape[1]}, given as arrays"
    dataset = Dataset(X, y, note, warnings=tuple(degeneracies(X, y)))
    run = Run(
        Result(case, dataset, trajectory, engine.name), problem, time.perf_counter() - started
    )
    if run.stop.reason not in REGULAR_STOPS:
        why = run.stop.note or run.stop.reason.value
        warnings.warn(
            f"the run ended with {run.stop.reason.name}: {why}", RuntimeWarning, stacklevel=3
        )
    for sentence in run.remarks:
        warnings.warn(sentence, RuntimeWarning, stacklevel=3)
    return run
