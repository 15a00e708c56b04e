"""The contract that every engine keeps.

Duties of an engine:

1. It starts from ``problem.W0, problem.a0`` at step 0 and makes the same iterates however `advance`
is cut.
2. No global random state, no disk, no printing.
3. `supports` returns None, or the reason why it cannot run a problem; `advises_against` returns
None, or the
   reason why another engine would be faster.
4. Numerical failure is a `Stop` in the trajectory, never an exception: the loop that drives
it (`drive.py`) looks at the losses.
5. `state` holds all that `restore` needs to go on bit for bit, as numpy arrays (checkpoints are npz
files).
6. It counts what it does in `stats`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np

from flowrepro.core.config import Loss, Record, TrainingCase
from flowrepro.core.network import flow_time
from flowrepro.core.trajectory import Stop

Observe = Callable[[np.ndarray, np.ndarray], Mapping[str, Any]]


@dataclass(frozen=True)
class Problem:
    """What an engine is given: points X (n, d), y (n,), weights W0 (m, d), a0 (m,) and the
    protocol.

    Conventions: ``network.py``. ``seed`` drives the mini-batches only. For the engine "flow":
    ``rtol`` is its tolerance and the start is e^ln_scale (W0, a0), so that scales below the
    smallest double can be asked for; ``times`` are the flow times of the steps 1, 2, ..., empty
    for factor * lr * step.
    """

    X: np.ndarray
    y: np.ndarray
    W0: np.ndarray
    a0: np.ndarray
    loss: Loss
    lr: float
    n_steps: int
    alpha: float = 0.0
    batch_size: int | None = None
    train: Literal["both", "first"] = "both"
    dtype: Literal["float64", "float32"] = "float64"
    device: str = "cpu"
    seed: int = 0
    depth: int = 2
    rtol: float = 1e-8
    ln_scale: float = 0.0
    times: tuple[float, ...] = ()

    def time(self, step: np.ndarray | int) -> np.ndarray:
        """Flow time of steps, of their shape."""
        if self.times:
            return np.asarray(np.append(0.0, self.times)[step])
        return np.asarray(flow_time(self.loss, self.lr, np.asarray(step, dtype=np.float64)))

    @property
    def shape(self) -> tuple[int, int, int]:
        """(n, d, m)."""
        return (*self.X.shape, len(self.a0))

    @classmethod
    def of(
        cls, case: TrainingCase, X: np.ndarray, y: np.ndarray, W0: np.ndarray, a0: np.ndarray
    ) -> Problem:
        """The problem a case states, for its points and initial weights."""
        p = case.protocol
        return cls(
            X,
            y,
            W0,
            a0,
            case.loss,
            p.lr,
            p.n_steps,
            case.model.alpha,
            p.batch_size,
            p.train,
            p.dtype,
            p.device,
            case.seed,
            case.model.depth,
            rtol=p.rtol,
            ln_scale=case.init.log10_scale * np.log(10.0),
            times=case.record.times,
        )


@dataclass(frozen=True)
class SaveAt:
    """Steps at which the loss is recorded (T,), all weights are kept (S,), and the function
    observed at the former.
    """

    curve: np.ndarray
    snapshots: np.ndarray
    observe: Observe | None = None

    @classmethod
    def of(cls, record: Record, n_steps: int, observe: Observe | None = None) -> SaveAt:
        """The grids a case's record asks for, cut at n_steps; both hold 0 and n_steps."""
        curve = np.unique(np.append(np.arange(0, n_steps + 1, record.save_every), n_steps))
        kept = {0, n_steps, *(k for k in record.snapshots if k <= n_steps)}
        if record.snapshot_every:
            kept.update(range(0, n_steps + 1, record.snapshot_every))
        if record.geometric:
            k = 0
            while k <= n_steps:
                kept.add(k)
                k = int(record.geometric * k) + 1
        return cls(curve, np.array(sorted(kept), dtype=np.int64), observe)


def beyond_doubles_on_cpu(problem: Problem) -> str | None:
    """None, or which of float32, a GPU and mini-batches the problem asks for: what most compiled
    engines do not do.
    """
    if problem.dtype != "float64":
        return f"it computes in float64 and the case asks for {problem.dtype}"
    if problem.device not in ("cpu", "auto"):
        return f"it runs on the CPU and the case asks for device {problem.device}"
    if problem.batch_size is not None:
        return f"it takes the full batch and the case asks for mini-batches of {problem.batch_size}"
    return None


class Engine(ABC):
    """A way to train. Subclasses set ``name`` and ``kind`` and keep the duties listed above.

    One that cannot go on sets ``failure`` in `advance` and returns nan from the first step that it
    did not reach.
    An engine for other depths than 2 (``network.gain``) says so with ``two_layers_only = False``.

    libraries : those whose version may change its numbers.
    threads_matter : whether its sums depend on the number of threads.
    """

    name: ClassVar[str]
    kind: ClassVar[Literal["descent", "flow"]] = "descent"
    two_layers_only: ClassVar[bool] = True
    libraries: ClassVar[tuple[str, ...]] = ("numba",)
    threads_matter: ClassVar[bool] = False

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.step = 0
        self.stats: dict[str, Any] = {"gradient_evaluations": 0}
        self.failure: Stop | None = None

    @classmethod
    @abstractmethod
    def supports(cls, problem: Problem) -> str | None:
        """None, or why this engine cannot run the problem."""

    @classmethod
    def advises_against(cls, problem: Problem) -> str | None:
        """None, or why another engine would be faster although this one could run the problem."""
        return None

    @classmethod
    def is_compiled(cls) -> bool:
        """Whether the first step starts at once; False where it compiles for some seconds."""
        return True

    @abstractmethod
    def advance(self, steps: np.ndarray) -> np.ndarray:
        """Go to step steps[-1]; the objective (len(steps),) at each of ``steps`` (increasing, >=
        the current step).
        """

    @abstractmethod
    def weights(self) -> tuple[np.ndarray, np.ndarray]:
        """Copies of W (m, d) and a (m,) at the current step, in the problem's dtype."""

    def event_log(self) -> dict[str, np.ndarray]:
        """Activation events so far as arrays (`Trajectory.events`), those of the integrator's whole
        steps; {} where none are located.
        """
        return {}

    def log_weights(self) -> np.ndarray | None:
        """Rows (ln r, w / r, a / r) (m, d + 2) at the current step;

        None where weights are doubles.
        """
        return None

    @abstractmethod
    def state(self) -> dict[str, np.ndarray]:
        """Everything `restore` needs, the step excepted."""

    @abstractmethod
    def restore(self, state: Mapping[str, np.ndarray], step: int) -> None:
        """Continue from ``state``, taken at ``step``."""
