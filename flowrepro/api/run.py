"""What a run recorded, and what follows from it."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from flowrepro.api.dense import DenseOutput, State
from flowrepro.core import arguments
from flowrepro.core.config import TrainingCase
from flowrepro.core.network import activation, gain, objective
from flowrepro.core.trajectory import Run as Result
from flowrepro.core.trajectory import Stop
from flowrepro.engines.base import Problem
from flowrepro.engines.flow.state import log_polar
from flowrepro.errors import UsageError
from flowrepro.run.remarks import remarks
from flowrepro.theory.arrangement import sign_vectors

if TYPE_CHECKING:
    from flowrepro.core.models import Chains, TwoLayer


class Event(NamedTuple):
    """What happened to a neuron: at flow time ``t``, at the hyperplane of ``samples`` (empty for
    none).

    kind : "cross+" and "cross-" (it becomes active, or inactive), "slide" (it stays on the
        hyperplane), "leave+" and "leave-", "death" (active on no sample any more), "sign" (a_j =
        0), and the marks of flows that are not unique: "non_unique", "revival_ambiguous",
        "through_zero".
    """

    t: float
    neuron: int
    samples: tuple[int, ...]
    kind: str


@dataclass(frozen=True, eq=False)
class Run:
    """A training that `flow`, `descend` or `load` gave.

    T records of the loss, S of the weights (S = T unless ``weights_every`` was given or memory was
    short), m neurons, n samples, d dimensions.

    Attributes
    ----------
    result : the run as claims, figures and files have it.
    problem : what the engine was given.
    wall_s : seconds that it took.

    Examples
    --------
    >>> import numpy as np, flowrepro as fr
    >>> W, a = fr.init.balanced(m=6, d=2, scale=1e-3, seed=1)
    >>> run = fr.flow(np.eye(2), [1.0, -0.5], W, a, t=40.0, records=64)
    >>> run.W.shape, run.log_norms.shape, run.patterns.shape
    ((65, 6, 2), (65, 6), (65, 6, 2))
    >>> run.at(12.5).W.shape
    (6, 2)
    """

    result: Result
    problem: Problem
    wall_s: float

    # ---- what was recorded

    @property
    def case(self) -> TrainingCase:
        """The configuration that the run follows from."""
        return self.result.case

    @property
    def X(self) -> np.ndarray:
        """Points, (n, d)."""
        return self.result.X

    @property
    def y(self) -> np.ndarray:
        """Targets, (n,)."""
        return self.result.y

    @property
    def t(self) -> np.ndarray:
        """Flow times of the records, (T,); a descent's step k is at factor * lr * k."""
        return self.result.trajectory.t

    @property
    def step(self) -> np.ndarray:
        """Steps of the records, (T,) int64; those of a flow only count its time."""
        return self.result.trajectory.step

    @property
    def loss(self) -> np.ndarray:
        """The objective at the records, (T,), its factor included."""
        return self.result.trajectory.loss

    @property
    def weights_t(self) -> np.ndarray:
        """Flow times of the recorded weights, (S,)."""
        return self.problem.time(self.weights_step)

    @property
    def weights_step(self) -> np.ndarray:
        """Steps of the recorded weights, (S,) int64."""
        return self.result.trajectory.snapshot_step

    @functools.cached_property
    def W(self) -> np.ndarray:
        """First layer, (S, m, d).

        0 where a weight is below the smallest double (`log_weights` has it).
        """
        trajectory = self.result.trajectory
        return trajectory.W[:, trajectory.group]

    @functools.cached_property
    def a(self) -> np.ndarray:
        """Second layer, (S, m)."""
        trajectory = self.result.trajectory
        return trajectory.a[:, trajectory.group]

    @property
    def stop(self) -> Stop:
        """Why the run ended: reason, step, flow time, and a note where there is more to say."""
        return self.result.trajectory.stop

    @functools.cached_property
    def events(self) -> tuple[Event, ...]:
        """Activation events in the order of time; none for engines that do not locate them."""
        log = self.result.trajectory.events
        if not log:
            return ()
        planes = int(log["plane_of_sample"].max(initial=-1)) + 1
        samples = [
            tuple(map(int, np.flatnonzero(log["plane_of_sample"] == p))) for p in range(planes)
        ]
        kinds = [str(kind) for kind in log["kinds"]]
        rows = zip(log["t"], log["neuron"], log["plane"], log["kind"], strict=True)
        return tuple(
            Event(float(t), int(j), samples[p] if p >= 0 else (), kinds[k]) for t, j, p, k in rows
        )

    # ---- what follows from it

    @functools.cached_property
    def remarks(self) -> tuple[str, ...]:
        """What the run does not say by its numbers, one sentence each.

        The loss rose, all neurons are dead, something underflowed, the steps were far too long.
        """
        return remarks(self.result)

    def log_weights(self) -> np.ndarray:
        """Rows (ln r, w / r, a / r), (S, m, d + 2), r^2 = ||w||^2 + a^2: finite at every scale.

        A neuron that is zero has ln r = -inf and zeros.
        """
        return self._log_rows

    @functools.cached_property
    def _log_rows(self) -> np.ndarray:
        trajectory = self.result.trajectory
        if trajectory.log_rows is not None:
            return trajectory.log_rows[:, trajectory.group]
        with np.errstate(divide="ignore"):
            return np.stack([log_polar(W, a) for W, a in zip(self.W, self.a, strict=True)])

    @functools.cached_property
    def log_norms(self) -> np.ndarray:
        """ln ||w_j||, (S, m), finite below the smallest double; -inf where w_j = 0."""
        rows = self.log_weights()
        with np.errstate(divide="ignore"):
            return np.asarray(rows[..., 0] + np.log(np.linalg.norm(rows[..., 1:-1], axis=-1)))

    @functools.cached_property
    def directions(self) -> np.ndarray:
        """w_j / ||w_j||, (S, m, d); nan where w_j = 0."""
        u = self.log_weights()[..., 1:-1]
        with np.errstate(invalid="ignore"):
            return np.asarray(u / np.linalg.norm(u, axis=-1, keepdims=True))

    @functools.cached_property
    def patterns(self) -> np.ndarray:
        """Activation patterns sign(<w_j, x_k>), (S, m, n) int8.

        0 where w_j lies on the hyperplane of x_k.
        """
        return sign_vectors(self.X, np.nan_to_num(self.directions))

    def predict(self, Z: Any, t: float | None = None) -> np.ndarray:
        """f(z), (p,), at points Z (p, d).

        At the end of the run, or at flow time ``t`` (see `at`).
        """
        Z = arguments.points(Z, "Z", self.X.shape[1])
        W, a = (self.W[-1], self.a[-1]) if t is None else self._weights_at(t)
        return _output(self.problem, Z, W, a)

    def at(self, t: Any, *, nearest: bool = False) -> State:
        """The state at a flow time, or at increasing times (T,).

        A flow has one at every time up to its end: it is integrated again, from its start or on
        from the last time asked for, to the tolerance of the run. A descent has states at its
        recorded weights only.

        Parameters
        ----------
        t : float or array_like, shape (T,)
        nearest : bool
            Take the nearest record of a descent instead of refusing a time between two.

        Raises
        ------
        UsageError
            A time after the end of the run, or between two records of a descent.
        """
        times = arguments.times(t)
        if times[-1] > self.stop.t * (1 + 1e-14):
            raise UsageError(
                f"the run ends at t={self.stop.t:g} and has no state at {times[-1]:g}; "
                "train it longer"
            )
        state = self._dense.at(times) if self.problem_is_flow else self._recorded(times, nearest)
        if np.ndim(t):
            return state
        loss, end = (np.asarray(value)[0] for value in (state.loss, state.t))
        return State(float(end), float(loss), state.W[0], state.a[0], state.log_weights[0])

    @property
    def problem_is_flow(self) -> bool:
        """Whether the run has dense output."""
        return self.result.engine == "flow"

    @functools.cached_property
    def _dense(self) -> DenseOutput:
        return DenseOutput(self.problem)

    def _recorded(self, times: np.ndarray, nearest: bool) -> State:
        """The recorded states at times (T,)."""
        at = self.weights_t
        k = np.abs(at[:, None] - times).argmin(axis=0)
        off = np.abs(at[k] - times) > 1e-12 * max(self.stop.t, 1e-300)
        if off.any() and not nearest:
            asked = times[np.argmax(off)]
            after = min(int(np.searchsorted(at, asked)), len(at) - 1)
            raise UsageError(
                f"engine '{self.result.engine}' keeps no state at t={asked:g}; those next to it "
                "are "
                f"at t={at[max(0, after - 1)]:.10g} and {at[after]:.10g}; take one, or say "
                "nearest=True"
            )
        W, a = self.W[k], self.a[k]
        loss = [
            objective(self.problem.loss, _output(self.problem, self.X, *w), self.y)
            for w in zip(W, a, strict=True)
        ]
        return State(at[k], np.array(loss), W, a, self.log_weights()[k])

    def _weights_at(self, t: float) -> tuple[np.ndarray, np.ndarray]:
        state = self.at(arguments.number("t", t))
        return state.W, state.a

    def to_torch(self) -> TwoLayer | Chains:
        """The trained network as a module of PyTorch, in the dtype of its weights.

        Chains where its depth is not 2.
        """
        from flowrepro.core.models import Chains, TwoLayer

        W, a, model = self.W[-1], self.a[-1], self.case.model
        if model.depth != 2:
            return Chains(W, a, model.depth, model.alpha)
        return TwoLayer(W, a, model.alpha)

    def save(self, folder: str | Path) -> Path:
        """Store the run below a folder, as the command line stores it with ``--out``.

        `flowrepro show`, `verify`, `rerun` and `report` read the run directory, whose path is
        returned. The claims are judged and kept too. UsageError where it holds another result of
        the same case; nothing is replaced.
        """
        from flowrepro.api.stored import save

        return save(self, folder)

    def __repr__(self) -> str:
        """One line: what was trained, how far, and why it ended."""
        n, d, m = self.problem.shape
        count = f", {len(self.events)} events" if self.problem_is_flow else ""
        return (
            f"<Run: {self.result.engine}, n={n} d={d} m={m}, t=0 to {self.stop.t:g}, loss "
            f"{self.loss[0]:.4g} -> {self.loss[-1]:.4g}{count}, {self.stop.reason.name}>"
        )


def _output(problem: Problem, Z: np.ndarray, W: np.ndarray, a: np.ndarray) -> np.ndarray:
    return np.asarray(activation(Z @ W.T, problem.alpha) @ gain(a, problem.depth))
