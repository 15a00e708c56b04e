"""The descent of lyu2021 (Appendices I and J) into the late phase, compiled or in PyTorch."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from flowrepro.core.trajectory import StopReason
from flowrepro.engines.log_domain.integrate import STATUS, integrate, late_run, validate
from flowrepro.engines.log_domain.late_run import Classification, LateRun
from flowrepro.errors import EnvironmentFault, UsageError

ENGINES = ("auto", "log-domain", "torch")
"""What may compute a descent: "log-domain" compiled, full batch, CPU; "torch" by autograd."""


def on_torch(engine: str, device: str, batch_size: int | None) -> bool:
    """Whether `descend` takes PyTorch."""
    return engine == "torch" or (engine == "auto" and (device != "cpu" or batch_size is not None))


def descend(
    task: Classification,
    W: np.ndarray,
    a: np.ndarray,
    levels: Sequence[float] | np.ndarray,
    *,
    lr: float,
    engine: str = "auto",
    device: str = "cpu",
    batch_size: int | None = None,
    seed: int = 0,
    max_steps: int = 50_000_000,
    pulse: Callable[[], None] = lambda: None,
) -> LateRun:
    """Descend until min_i q_i is at the last level, keeping the first state at or past each.

    The step size is ``lr`` until L < weight ln 2. Then it is loss-based, with backtracking on ln L
    ("the learning rate is raised after interpolation", Appendix J). Both engines make the same
    steps up to rounding.

    Parameters
    ----------
    W, a : ndarray, shapes (m, d) and (m,)
    engine : one of ENGINES; "auto" is "torch" for another device than the CPU and for mini-batches,
        else "log-domain".
    device : see `torch_device.resolve_device`.
    batch_size : None for all points (LateRun.method "gd"), or points in a batch ("sgd"). The loss
        is looked at, and the step size set, once an epoch. ``seed`` shuffles the epochs.
    pulse : called by engine "torch" before every pass; it may raise to stop.

    Raises
    ------
    UsageError
        An engine that does not exist or cannot do it, a device that does not exist.
    EnvironmentFault
        PyTorch or a GPU is asked for and cannot be used.
    """
    if engine not in ENGINES:
        raise UsageError(f"engine must be one of {', '.join(ENGINES)}, not '{engine}'")
    if engine == "log-domain" and on_torch("auto", device, batch_size):
        raise UsageError(
            "engine 'log-domain' takes all points at once on the CPU; for mini-batches or another "
            "device take engine torch"
        )
    levels = np.asarray(levels, dtype=np.float64)
    if not on_torch(engine, device, batch_size):
        return integrate(task, W, a, levels, method="gd", control=lr, max_steps=max_steps)
    validate(task, W, a, levels, "gd", "q", lr)
    if batch_size is not None and batch_size < 1:
        raise UsageError(f"batch_size must be null (all points) or at least 1, not {batch_size}")
    try:
        from flowrepro.engines.torch_late import march_torch
    except (ImportError, OSError) as error:
        raise EnvironmentFault(
            f"engine 'torch' needs torch, which cannot be imported here ({error}); reinstall it "
            "with 'pip install --force-reinstall torch'"
        ) from error
    status, columns, thetas, stats = march_torch(
        task, W, a, levels, lr=lr, device=device, batch_size=batch_size, seed=seed,
        max_steps=max_steps, pulse=pulse,
    )  # fmt: skip
    stop = STATUS.get(status, StopReason.TARGET_LOSS)
    method = "gd" if batch_size is None else "sgd"
    return late_run(task, method, columns, thetas, stop, stats)
