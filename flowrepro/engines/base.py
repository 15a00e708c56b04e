"""The contract every engine keeps, and the one loop that drives them all.

Duties of an engine:

1. It starts from ``problem.W0, problem.a0`` at step 0 and makes the same iterates however `advance`
is cut.
2. No global random state, no disk, no printing.
3. `supports` returns None, or the reason why it cannot run a problem; `advises_against` returns
None, or the
   reason why another engine would be faster.
4. Numerical failure is a `Stop` in the trajectory, never an exception: the loop below looks at the
losses.
5. `state` holds all that `restore` needs to go on bit for bit, as numpy arrays (checkpoints are npz
files).
6. It counts what it does in `stats`.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np

from flowrepro.core.config import Loss, Record, TrainingCase
from flowrepro.core.network import activation, flow_time, gain, partial_gain
from flowrepro.core.trajectory import Stop, StopReason, Trajectory

Observe = Callable[[np.ndarray, np.ndarray], Mapping[str, Any]]
CHUNK_SECONDS = 0.2


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


def run(
    engine_class: type[Engine],
    problem: Problem,
    save_at: SaveAt,
    *,
    target_loss: float = 0.0,
    resume: Mapping[str, np.ndarray] | None = None,
    checkpoint: Callable[[Callable[[], dict[str, np.ndarray]], bool], None] | None = None,
    progress: Callable[[int], None] | None = None,
    interrupted: Callable[[], bool] = lambda: False,
) -> Trajectory:
    """Drive an engine over the recording grid and return the trajectory.

    Parameters
    ----------
    target_loss : stop at the first recorded loss below it.
    resume : arrays that an earlier ``checkpoint`` call received; the result is bit-identical to an
        unbroken run.
    checkpoint : called after every chunk (about CHUNK_SECONDS) with a function that gives the
        arrays to continue from, and whether this is the last chunk before an interruption; it
        decides what to keep.
    progress : called with the current step.
    interrupted : asked after every chunk; True ends the run with INTERRUPTED after a last
        checkpoint.
    """
    recorder = _Recorder(problem, save_at, engine_class(problem), resume)
    chunk = 1
    while recorder.stop is None:
        started = time.perf_counter()
        before = recorder.engine.step
        recorder.advance(chunk, target_loss)
        elapsed = time.perf_counter() - started
        made = max(1, recorder.engine.step - before)
        if made == chunk or elapsed > CHUNK_SECONDS:
            chunk = max(
                1, min(int(chunk * np.clip(CHUNK_SECONDS / max(elapsed, 1e-9), 0.25, 4.0)), 10**9)
            )
        if progress:
            progress(recorder.engine.step)
        if recorder.stop is None:
            asked = interrupted()
            if checkpoint:
                checkpoint(recorder.arrays, asked)
            if asked:
                recorder.stop = recorder.stop_at(StopReason.INTERRUPTED)
    return recorder.trajectory()


class _Recorder:
    """The engine together with what has been recorded so far."""

    def __init__(
        self,
        problem: Problem,
        save_at: SaveAt,
        engine: Engine,
        resume: Mapping[str, np.ndarray] | None,
    ) -> None:
        self.problem, self.save_at, self.engine = problem, save_at, engine
        self.stop: Stop | None = None
        self.loss: list[np.ndarray] = []
        self.recorded = 0
        self.snapshots: list[tuple[int, np.ndarray, np.ndarray]] = []
        self.log_rows: list[np.ndarray] = []
        self.observed: dict[str, list[np.ndarray]] = {}
        stops = (
            save_at.snapshots
            if save_at.observe is None
            else np.union1d(save_at.snapshots, save_at.curve)
        )
        self.stops = np.union1d(stops, [problem.n_steps])
        if resume is not None:
            self._resume(resume)

    def advance(self, chunk: int, target_loss: float) -> None:
        """Go on by at most ``chunk`` steps, to the next step at which something but the loss is
        recorded.
        """
        engine, start = self.engine, self.engine.step
        fresh = self.recorded == 0
        ahead = self.stops[np.searchsorted(self.stops, start, side="left" if fresh else "right")]
        until = int(min(ahead, start + chunk))
        curve = self.save_at.curve[
            self.recorded : np.searchsorted(self.save_at.curve, until, side="right")
        ]
        steps = curve if curve.size and curve[-1] == until else np.append(curve, until)
        kept = engine.state()
        losses = engine.advance(steps)
        if engine.failure is not None:
            self._record(losses[: len(curve)][np.isfinite(losses[: len(curve)])])
            self.stop = engine.failure
            return
        if not np.all(np.isfinite(losses)):
            self._diverge(kept, start, steps, losses)
            return
        reached = np.flatnonzero(losses[: len(curve)] < target_loss)
        if reached.size:
            last = int(curve[reached[0]])
            if last < until:
                engine.restore(kept, start)
                steps = curve = curve[: reached[0] + 1]
                losses = engine.advance(steps)
        self._record(losses[: len(curve)])
        if engine.step in self.stops or reached.size:
            self._observe(engine.step in self.save_at.snapshots or bool(reached.size))
        if reached.size:
            self.stop = self.stop_at(StopReason.TARGET_LOSS)
        elif engine.step >= self.problem.n_steps:
            self.stop = self.stop_at(StopReason.HORIZON)

    def stop_at(self, reason: StopReason, note: str = "") -> Stop:
        """A stop at the engine's current step."""
        return Stop(reason, self.engine.step, float(self.problem.time(self.engine.step)), note)

    def _record(self, losses: np.ndarray) -> None:
        self.loss.append(np.asarray(losses, dtype=np.float64))
        self.recorded += len(losses)

    def _observe(self, keep_weights: bool) -> None:
        W, a = self.engine.weights()
        if keep_weights:
            self._keep(W, a)
        if (
            self.save_at.observe is not None
            and self.engine.step == self.save_at.curve[self.recorded - 1]
        ):
            for name, value in self.save_at.observe(W, a).items():
                self.observed.setdefault(name, []).append(np.asarray(value))

    def _keep(self, W: np.ndarray, a: np.ndarray) -> None:
        self.snapshots.append((self.engine.step, W, a))
        rows = self.engine.log_weights() if self.problem.ln_scale != 0 else None
        if rows is not None:
            self.log_rows.append(rows)

    def _diverge(
        self, kept: dict[str, np.ndarray], start: int, steps: np.ndarray, losses: np.ndarray
    ) -> None:
        """Find the last step with a finite loss by repeating the chunk step by step, and stop
        there.
        """
        engine = self.engine
        engine.restore(kept, start)
        bad = int(steps[np.flatnonzero(~np.isfinite(losses))[0]])
        every = engine.advance(np.arange(start, bad + 1))
        last = start + max(0, int(np.flatnonzero(~np.isfinite(every))[0]) - 1)
        curve = self.save_at.curve[
            self.recorded : np.searchsorted(self.save_at.curve, last, side="right")
        ]
        self._record(every[curve - start])
        sane = start + int(np.nanargmin(np.where(np.isfinite(every), every, np.inf)))
        engine.restore(kept, start)
        engine.advance(np.array([sane]))
        bound = step_bound(self.problem, *engine.weights())
        advice = (
            f"gradient descent is stable below about 2/L = {bound:.3g} at the weights of step "
            f"{sane}"
            if bound > 0
            else "the weights are too large for doubles"
        )
        engine.restore(kept, start)
        engine.advance(np.array([last]))
        self.stop = self.stop_at(
            StopReason.DIVERGED,
            f"the loss was finite for the last time at step {last} "
            f"(t={flow_time(self.problem.loss, self.problem.lr, last):.6g}); "
            f"lr={self.problem.lr:g} is too large: {advice}",
        )

    def arrays(self) -> dict[str, np.ndarray]:
        """The checkpoint: engine state and everything recorded, as plain arrays."""
        arrays = {f"engine.{name}": value for name, value in self.engine.state().items()}
        arrays |= {f"observed.{name}": np.stack(values) for name, values in self.observed.items()}
        arrays |= {f"stats.{name}": np.asarray(value) for name, value in self.engine.stats.items()}
        arrays["step"] = np.array(self.engine.step, dtype=np.int64)
        arrays["loss"] = np.concatenate(self.loss) if self.loss else np.empty(0)
        arrays["snapshot_step"] = np.array([step for step, _, _ in self.snapshots], dtype=np.int64)
        for name, index in (("W", 1), ("a", 2)):
            if self.snapshots:
                arrays[name] = np.stack([snapshot[index] for snapshot in self.snapshots])
        if self.log_rows:
            arrays["log_rows"] = np.stack(self.log_rows)
        return arrays

    def _resume(self, arrays: Mapping[str, np.ndarray]) -> None:
        def part(prefix: str) -> dict[str, np.ndarray]:
            return {
                name.removeprefix(prefix): arrays[name]
                for name in arrays
                if name.startswith(prefix)
            }

        self.engine.restore(part("engine."), int(arrays["step"]))
        self.engine.stats.update({name: value.item() for name, value in part("stats.").items()})
        self.observed = {name: list(values) for name, values in part("observed.").items()}
        self._record(arrays["loss"])
        self.log_rows = list(arrays["log_rows"]) if "log_rows" in arrays else []
        steps = arrays["snapshot_step"]
        self.snapshots = [
            (int(step), arrays["W"][i], arrays["a"][i]) for i, step in enumerate(steps)
        ]

    def trajectory(self) -> Trajectory:
        """What was recorded, with the last finite weights as the last snapshot."""
        assert self.stop is not None
        if not self.snapshots or self.snapshots[-1][0] != self.engine.step:
            self._keep(*self.engine.weights())
        step = self.save_at.curve[: self.recorded].astype(np.int64)
        return Trajectory(
            step=step,
            t=self.problem.time(step),
            loss=np.concatenate(self.loss) if self.loss else np.empty(0),
            snapshot_step=np.array([k for k, _, _ in self.snapshots], dtype=np.int64),
            W=np.stack([W for _, W, _ in self.snapshots]),
            a=np.stack([a for _, _, a in self.snapshots]),
            group=np.arange(len(self.problem.a0)),
            stop=self.stop,
            observed={name: np.stack(values) for name, values in self.observed.items()},
            stats=dict(self.engine.stats),
            events=self.engine.event_log(),
            log_rows=np.stack(self.log_rows) if self.log_rows else None,
        )


def step_bound(problem: Problem, W: np.ndarray, a: np.ndarray) -> float:
    """2 / L, L the largest eigenvalue of the Gauss-Newton matrix of the square loss at (W, a), on
    at most 500 samples.
    """
    X, W, a = (np.asarray(array, dtype=np.float64) for array in (problem.X[:500], W, a))
    with np.errstate(all="ignore"):  # weights may be huge by now
        Z = X @ W.T
        slopes, hidden = np.where(Z > 0, 1.0, problem.alpha), activation(Z, problem.alpha)
        first, one_scalar = gain(a, problem.depth), partial_gain(a, problem.depth)
        tangent_kernel = (slopes * first**2) @ slopes.T * (X @ X.T) + (problem.depth - 1) * (
            hidden * one_scalar**2
        ) @ hidden.T
    weight = problem.loss.factor / (len(X) if problem.loss.reduction == "mean" else 1.0)
    top = (
        float(np.linalg.eigvalsh(tangent_kernel)[-1]) * weight
        if np.all(np.isfinite(tangent_kernel))
        else np.inf
    )
    return 2.0 / top if top > 0 else float("inf")
