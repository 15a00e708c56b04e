"""Many seeds of one small case at once: the kernel of the engine "fused", members shared among the
cores.

Every member makes the iterates of `FusedGD` bit for bit, whatever the number of threads and however
the run is cut.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from flowrepro.core.network import flow_time
from flowrepro.core.trajectory import EnsembleTrajectory, Stop, StopReason
from flowrepro.engines.base import Problem, SaveAt
from flowrepro.engines.compiled import at_most_threads, is_compiled
from flowrepro.engines.drive import CHUNK_SECONDS
from flowrepro.engines.fused_gd import FusedGD, padded_width, rule_of
from flowrepro.engines.fused_kernels import Record, descend_members
from flowrepro.errors import UsageError

MOST_BYTES = 4 * 10**9
"""Memory that the recorded losses and weights of an ensemble may take."""
SMALL = 10_000
"""n m d up to which all seeds are run at once without being told (chosen: a few us a step; other
engines may be faster beyond).
"""
LONGEST_CHUNK = 10_000
"""Steps between two looks at the clock; bounds the losses that each core holds."""


Kernel = Callable[..., None]
"""`fused_kernels.descend_members`, or what has its signature."""


@dataclass(frozen=True)
class Members:
    """What differs between the runs: seeds (R,), initial weights W0 (R, m, d), a0 (R, m)."""

    seeds: np.ndarray
    W0: np.ndarray
    a0: np.ndarray


def supports(problem: Problem) -> str | None:
    """None, or why a problem cannot be run for many seeds at once."""
    if problem.depth != 2:
        return f"it trains two-layer networks and the case asks for depth {problem.depth}"
    return FusedGD.supports(replace(problem, device="cpu"))


def kernel(problem: Problem) -> tuple[Kernel, str]:
    """What makes the members' steps, and its name: the compiled loop on all cores, or batched
    products on a GPU.
    """
    if problem.device == "cpu":
        return descend_members, "fused"
    from flowrepro.engines.torch_members import DeviceMembers

    on_device = DeviceMembers(problem)
    return (descend_members, "fused") if on_device.device.type == "cpu" else (on_device, "torch")


def is_small(problem: Problem) -> bool:
    """Whether a step is so cheap that running all seeds at once is the obvious choice."""
    return int(np.prod(problem.shape)) <= SMALL


def is_ready() -> bool:
    """Whether the first step starts at once; False where it compiles for some seconds."""
    return is_compiled(descend_members)


def run_ensemble(
    problem: Problem,
    members: Members,
    save_at: SaveAt,
    *,
    levels: Sequence[float] = (),
    threads: int | None = None,
    resume: Mapping[str, np.ndarray] | None = None,
    checkpoint: Callable[[Callable[[], dict[str, np.ndarray]], bool], None] | None = None,
    progress: Callable[[int], None] | None = None,
    interrupted: Callable[[], bool] = lambda: False,
) -> EnsembleTrajectory:
    """Train every member on the points and protocol of ``problem`` (its own weights are not used).

    Parameters
    ----------
    save_at : steps at which losses and weights are kept; both are arrays with one row per member,
        so keep them few.
    levels : losses of which the first step below is kept, to the step (which costs nothing in
        memory).
    threads : cores to use at most; None for all.
    resume, checkpoint, progress, interrupted : as for ``engines.drive.run``.

    Raises UsageError where more than MOST_BYTES would be kept.
    """
    recorder = _Recorder(problem, members, save_at, np.asarray(levels, dtype=np.float64), resume)
    chunk, stopped = 1, False
    with at_most_threads(threads):
        while recorder.step < problem.n_steps and not stopped:
            before, started = recorder.step, time.perf_counter()
            recorder.advance(chunk)
            speed = (recorder.step - before) / max(time.perf_counter() - started, 1e-9)
            chunk = int(
                np.clip(CHUNK_SECONDS * speed, max(1, chunk // 4), min(4 * chunk, LONGEST_CHUNK))
            )
            if progress:
                progress(recorder.step)
            if recorder.step < problem.n_steps:
                stopped = interrupted()
                if checkpoint:
                    checkpoint(recorder.arrays, stopped)
    return recorder.trajectory(stopped)


def require_room(problem: Problem, R: int, save_at: SaveAt) -> None:
    """Raise UsageError where ``R`` members would keep more than MOST_BYTES."""
    _, d, m = problem.shape
    needed = 8 * R * (len(save_at.curve) + (len(save_at.snapshots) + 1) * padded_width(m) * (d + 1))
    if needed > MOST_BYTES:
        raise UsageError(
            f"{R} seeds would keep {needed / 1e9:.1f} GB in memory, more than "
            f"{MOST_BYTES / 1e9:.0f}; take fewer seeds (--seeds A:B) or keep less of each"
        )


class _Recorder:
    """The members' weights, W (R, d, padded m) and a (R, padded m), and what has been recorded so
    far.
    """

    def __init__(
        self,
        problem: Problem,
        members: Members,
        save_at: SaveAt,
        levels: np.ndarray,
        resume: Mapping[str, np.ndarray] | None,
    ) -> None:
        _, d, m = problem.shape
        R, T, S = len(members.seeds), len(save_at.curve), len(save_at.snapshots)
        require_room(problem, R, save_at)
        self.problem, self.members, self.save_at, self.levels = problem, members, save_at, levels
        self.descend, _ = kernel(problem)
        self.X = np.ascontiguousarray(problem.X, dtype=np.float64)
        self.y = np.ascontiguousarray(problem.y, dtype=np.float64)
        self.W, self.a = np.zeros((R, d, padded_width(m))), np.zeros((R, padded_width(m)))
        self.W[:, :, :m], self.a[:, :m] = members.W0.transpose(0, 2, 1), members.a0
        self.step = self.recorded = 0
        self.loss = np.empty((R, T))
        self.first_below = np.full((R, len(levels)), -1, dtype=np.int64)
        self.kept_W, self.kept_a = np.empty((R, S, m, d)), np.empty((R, S, m))
        if resume is not None:
            self._resume(resume)
        elif save_at.snapshots[0] == 0:
            self._keep_weights()

    def advance(self, chunk: int) -> None:
        """Go on by at most ``chunk`` steps, to the next step at which weights are kept."""
        snapshots, curve = self.save_at.snapshots, self.save_at.curve
        until = min(self.step + chunk, self.problem.n_steps, *snapshots[snapshots > self.step])
        due = curve[self.recorded : np.searchsorted(curve, until, side="right")]
        steps = np.arange(self.step, until + 1) if self.levels.size else np.union1d(due, [until])
        losses = np.empty((len(self.members.seeds), len(due)))
        kept = np.searchsorted(steps, due)
        record = Record(steps, kept, losses, self.levels, self.first_below)
        self.descend(self.X, self.y, self.W, self.a, self.step, record, rule_of(self.problem))
        self.loss[:, self.recorded : self.recorded + len(due)] = losses
        self.step, self.recorded = int(until), self.recorded + len(due)
        if self.step in snapshots:
            self._keep_weights()

    def _keep_weights(self) -> None:
        index, m = np.searchsorted(self.save_at.snapshots, self.step), self.problem.shape[2]
        self.kept_W[:, index], self.kept_a[:, index] = (
            self.W[:, :, :m].transpose(0, 2, 1),
            self.a[:, :m],
        )

    def arrays(self) -> dict[str, np.ndarray]:
        """The checkpoint: weights and everything recorded, as plain arrays."""
        seen = int(np.searchsorted(self.save_at.snapshots, self.step, side="right"))
        return {
            "step": np.array(self.step, dtype=np.int64),
            "W": self.W,
            "a": self.a,
            "loss": self.loss[:, : self.recorded],
            "first_below": self.first_below,
            "kept_W": self.kept_W[:, :seen],
            "kept_a": self.kept_a[:, :seen],
        }

    def _resume(self, arrays: Mapping[str, np.ndarray]) -> None:
        self.step, self.recorded, seen = (
            int(arrays["step"]),
            arrays["loss"].shape[1],
            arrays["kept_W"].shape[1],
        )
        self.W[:], self.a[:], self.first_below[:] = arrays["W"], arrays["a"], arrays["first_below"]
        self.loss[:, : self.recorded] = arrays["loss"]
        self.kept_W[:, :seen], self.kept_a[:, :seen] = arrays["kept_W"], arrays["kept_a"]

    def trajectory(self, stopped: bool) -> EnsembleTrajectory:
        """What was recorded."""
        step = self.save_at.curve[: self.recorded].astype(np.int64)
        seen = int(np.searchsorted(self.save_at.snapshots, self.step, side="right"))
        return EnsembleTrajectory(
            seeds=np.asarray(self.members.seeds, dtype=np.int64),
            step=step,
            t=np.asarray(self._time(step)),
            loss=self.loss[:, : self.recorded],
            levels=self.levels,
            first_below=self.first_below,
            snapshot_step=self.save_at.snapshots[:seen].astype(np.int64),
            W=self.kept_W[:, :seen],
            a=self.kept_a[:, :seen],
            stop=self._stop(stopped),
            stats={
                "members": len(self.members.seeds),
                "gradient_evaluations": self.step * len(self.members.seeds),
            },
        )

    def _time(self, step: np.ndarray | int) -> np.ndarray | float:
        return flow_time(self.problem.loss, self.problem.lr, np.asarray(step, dtype=np.float64))

    def _stop(self, stopped: bool) -> Stop:
        """HORIZON or INTERRUPTED at the present step;

        DIVERGED at the last recorded step at which all losses are finite.
        """
        finite = np.isfinite(self.loss[:, : self.recorded])
        lost = np.flatnonzero(~finite.all(axis=1))
        if stopped or not lost.size:
            return Stop(
                StopReason.INTERRUPTED if stopped else StopReason.HORIZON,
                self.step,
                float(self._time(self.step)),
            )
        last = int(self.save_at.curve[max(0, int(finite.all(axis=0).argmin()) - 1)])
        first, R = int(self.members.seeds[lost[0]]), len(finite)
        note = (
            f"{lost.size} of {R} members diverged, the first of them seed {first}; lower lr "
            f"('--seed {first}' alone says below which value)"
        )
        return Stop(StopReason.DIVERGED, last, float(self._time(last)), note)
