"""The one loop that drives every engine, and what it records on the way."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

import numpy as np

from flowrepro.core.network import activation, flow_time, gain, partial_gain
from flowrepro.core.trajectory import Stop, StopReason, Trajectory
from flowrepro.engines.base import Engine, Problem, SaveAt

CHUNK_SECONDS = 0.2


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
