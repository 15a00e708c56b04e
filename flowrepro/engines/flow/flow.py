"""`integrate`: the gradient flow at requested times, with its events and why it stopped."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from flowrepro.engines.flow.forces import Drive, Work, make_work
from flowrepro.engines.flow.march import Limits, Output, begin, march
from flowrepro.engines.flow.net import Net, make_net
from flowrepro.engines.flow.resolve import KINDS, NON_UNIQUE, REVIVAL, Log
from flowrepro.engines.flow.state import State, cartesian, log_polar, start
from flowrepro.engines.flow.stepping import (
    DIVERGED,
    LOG_FULL,
    MAX_EVENTS,
    MAX_STEPS,
    NEEDS_RANK,
    OK,
    STATIONARY,
    TARGET,
    UNDERFLOW,
    ZENO,
    Options,
)
from flowrepro.experiment import Loss
from flowrepro.trajectory import Stop, StopReason

REASONS = {
    OK: StopReason.HORIZON,
    UNDERFLOW: StopReason.STEP_UNDERFLOW,
    ZENO: StopReason.ZENO,
    MAX_STEPS: StopReason.MAX_STEPS,
    MAX_EVENTS: StopReason.MAX_EVENTS,
    DIVERGED: StopReason.DIVERGED,
    TARGET: StopReason.TARGET_LOSS,
    STATIONARY: StopReason.STATIONARY,
}


@dataclass(frozen=True)
class Events:
    """What happened, in the order of time: t (E,), neuron (E,), plane (E,) with -1 for none, kind (E,) into KINDS.

    ``samples`` lists the indices of the samples of each plane.
    """

    t: np.ndarray
    neuron: np.ndarray
    plane: np.ndarray
    kind: np.ndarray
    samples: tuple[tuple[int, ...], ...]

    def of(self, *kinds: str) -> Events:
        """Events of these kinds only."""
        wanted = np.isin(self.kind, [KINDS.index(kind) for kind in kinds])
        return Events(self.t[wanted], self.neuron[wanted], self.plane[wanted], self.kind[wanted], self.samples)

    def __len__(self) -> int:
        return len(self.t)

    def describe(self, i: int) -> str:
        """One event in words."""
        where = f" samples {self.samples[self.plane[i]]}" if self.plane[i] >= 0 else ""
        return f"{KINDS[self.kind[i]]} of neuron {self.neuron[i]}{where} at t={self.t[i]:.9g}"


@dataclass(frozen=True)
class FlowResult:
    """States at the save times that were reached.

    t (T,) flow time, loss (T,) of the un-scaled objective, Y (T, m, d+2) rows (ln r, w / r, a / r), r^2 = ||w||^2 + a^2.
    mode (m, P) at the end: 0 minus side, 1 plus side, 2 sliding.
    """

    t: np.ndarray
    loss: np.ndarray
    Y: np.ndarray
    mode: np.ndarray
    events: Events
    stats: Mapping[str, Any]
    stop: Stop

    def weights(self, index: int = -1) -> tuple[np.ndarray, np.ndarray]:
        """(W (m, d), a (m,)) at a save time; underflows to 0 where a weight is below the smallest double."""
        return cartesian(self.Y[index])


class Integration:
    """A flow that can be advanced, saved and restored.

    Parameters
    ----------
    X (n, d), y (n,), W0 (m, d), a0 (m,), loss, alpha : conventions of flowrepro/network.py; loss.factor plays no part.
    rtol : l2 error per step of each neuron's row (ln r, w / r, a / r).
    ln_scale : the start is e^ln_scale (W0, a0).
    batch : settle several events in one step where that moves nothing by more than about rtol.
    """

    def __init__(
        self,
        X: np.ndarray,
        y: np.ndarray,
        W0: np.ndarray,
        a0: np.ndarray,
        loss: Loss,
        alpha: float = 0.0,
        *,
        rtol: float = 1e-8,
        ln_scale: float = 0.0,
        batch: bool = True,
        fast: bool = True,
        max_steps: int = 10_000_000,
        max_events: int = 10_000_000,
    ) -> None:
        self.net: Net = make_net(X, y, loss, alpha)
        (m, d), n, P = W0.shape, len(self.net.y), len(self.net.normal)
        self.limits = Limits(max_steps, max_events, -np.inf)
        norms, at_zero = self.net.norm, self._forces_at_zero()
        noise = rtol * at_zero
        spread = n * float(norms.max(initial=0.0))
        burst = 200.0 * (1 + n)
        self.options = Options(rtol, noise, burst, batch, self.net.weight * n * float(norms.max(initial=0.0)) ** 2, spread)
        self.drive = Drive(True, np.zeros((5, n)), 0.0, 1.0)
        self.work: Work = make_work(m, d, n, P)
        self.local: Work = make_work(1, d, n, P)
        self.log, self.silent = _empty_log(4096 + 40 * m), _empty_log(1)
        self.past: list[tuple[np.ndarray, np.ndarray]] = []
        self.n_events = 0
        self.status = OK
        self.samples = tuple(tuple(int(k) for k in np.flatnonzero(np.linalg.norm(X, axis=1) > 0)[self.net.plane == p]) for p in range(P))
        self._allocate(start(log_polar(W0, a0, ln_scale), P, min(d, P, 4)))
        first = 1e-2 / at_zero if at_zero > 0 else 1.0
        self._retry_rank(lambda: bool(begin(self.net, self.state, self.drive, self.work, first, self.log)))

    def _forces_at_zero(self) -> float:
        """sum_k |g_k| ||x_k|| at h = 0: the unit of velocities."""
        from flowrepro.engines.flow.forces import loss_and_force

        return float(sum(self.net.weight * abs(loss_and_force(self.net.loss, 0.0, y)[1]) * norm for y, norm in zip(self.net.y, self.net.norm, strict=True)))

    def _allocate(self, state: State) -> None:
        self.state = state
        self.start, self.other = (State(*(array.copy() for array in state)) for _ in range(2))

    def _retry_rank(self, attempt: Any) -> None:
        while not attempt():
            self._more_rank()

    def _more_rank(self) -> None:
        """Make room for larger sliding sets."""
        S = self.state
        m, cap, d = S.Q.shape
        Q = np.zeros((m, min(2 * cap, d), d))
        Q[:, :cap] = S.Q
        self._allocate(S._replace(Q=Q))

    def _drain(self) -> None:
        count = int(self.log.count[0])
        self.past.append((self.log.t[:count].copy(), self.log.what[:count].copy()))
        self.n_events += count
        self.log.count[0] = 0

    @property
    def t(self) -> float:
        """Flow time of the internal state, at or before the last save time."""
        return float(self.state.clock[0])

    def advance(self, times: np.ndarray, keep: bool = False) -> tuple[np.ndarray, np.ndarray]:
        """Go to times[-1] (increasing, none before the last save time): loss (T,), rows (T or 1, m, d+2).

        ``status`` is not OK if the flow ended before; then fewer than T losses come back.
        """
        times = np.ascontiguousarray(times, dtype=np.float64)
        loss = np.full(len(times), np.nan)
        rows = np.zeros((len(times) if keep else 1, *self.state.Y.shape))
        saved = 0
        while saved < len(times):
            output = Output(loss[saved:], rows[saved:] if keep else rows)
            limits = self.limits._replace(events=self.limits.events - self.n_events)
            status, count = march(
                self.net, self.state, self.start, self.other, self.drive, self.work, self.local, self.options,
                limits, times[saved:], output, self.log, self.silent,
            )  # fmt: skip
            saved += count
            if status == NEEDS_RANK:
                self._more_rank()
            elif status == LOG_FULL:
                if self.log.count[0] == 0:
                    self.log = _empty_log(2 * len(self.log.t))
                self._drain()
            elif status != OK:
                self.status = status
                break
        self._drain()
        return loss[:saved], rows[:saved] if keep else rows

    def arrays(self) -> dict[str, np.ndarray]:
        """All that `restore` needs, as arrays; the modes are part of it."""
        form = {name: array.copy() for name, array in zip(State._fields, self.state, strict=True)}
        t, what = self._recorded()
        return {**form, "events_t": t, "events": what, "tally": self.work.tally.copy(), "facts": self.work.facts.copy(), "graze": self.local.facts.copy()}

    def restore(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Go on from what `arrays` gave, bit for bit."""
        self._allocate(State(**{name: np.array(arrays[name]) for name in State._fields}))
        self.past = [(np.array(arrays["events_t"]), np.array(arrays["events"]))]
        self.n_events, self.log.count[0], self.status = len(arrays["events"]), 0, OK
        for kept, name in ((self.work.tally, "tally"), (self.work.facts, "facts"), (self.local.facts, "graze")):
            kept[:] = arrays[name]

    def _recorded(self) -> tuple[np.ndarray, np.ndarray]:
        if not self.past:
            return np.empty(0), np.empty((0, 3), dtype=np.int64)
        return np.concatenate([chunk[0] for chunk in self.past]), np.concatenate([chunk[1] for chunk in self.past])

    def events(self) -> Events:
        """Everything recorded so far, sorted by time."""
        t, what = self._recorded()
        order = np.argsort(t, kind="stable")
        return Events(t[order], what[order, 0], what[order, 1], what[order, 2], self.samples)

    def stats(self) -> dict[str, Any]:
        """Counts: right-hand sides, steps, events by kind; measured errors; ``unique_until``, the time of the first release
        whose continuation is one of several (inf: none): from there on this is one of several flows.
        """
        rhs, steps, rejected, resteps, located, local, slaved, shrunk, substeps = (int(count) for count in self.work.tally)
        rise, sum_e2, max_e2, graze = (float(fact) for fact in self.work.facts)
        t, what = self._recorded()
        found = {f"events {kind}": int(np.sum(what[:, 2] == i)) for i, kind in enumerate(KINDS)}
        ambiguous = np.isin(what[:, 2], [NON_UNIQUE, REVIVAL])
        return {
            "gradient_evaluations": rhs,
            "steps": steps,
            "rejected": rejected,
            "resteps": resteps,
            "located": located,
            "local_evaluations": local,
            "slaved": slaved,
            "shrunk": shrunk,
            "substeps": substeps,
            "largest_rise": rise,
            "sum_e2": sum_e2,
            "max_e2_over_rtol": max_e2,
            "graze_margin": min(graze, float(self.local.facts[3])),
            "unique_until": float(t[ambiguous].min(initial=np.inf)),
            **found,
        }

    def failure(self, step: int = -1) -> Stop | None:
        """Why the flow ended before the time asked for, or None."""
        if self.status == OK:
            return None
        events = self.events()
        last = "; ".join(events.describe(i) for i in range(max(0, len(events) - 3), len(events)))
        return Stop(REASONS[self.status], step, self.t, f"at t={self.t:.9g}; last events: {last or 'none'}")


def _empty_log(capacity: int) -> Log:
    return Log(np.zeros(capacity), np.zeros((capacity, 3), dtype=np.int64), np.zeros(1, dtype=np.int64))


def integrate(X: np.ndarray, y: np.ndarray, W0: np.ndarray, a0: np.ndarray, loss: Loss, times: np.ndarray | float, alpha: float = 0.0, **options: Any) -> FlowResult:
    """The Clarke/Filippov gradient flow of reduction_k l(f(x_k), y_k) from (W0, a0) at time 0.

    Parameters
    ----------
    times : flow times at which the state is wanted, increasing; one number is the horizon.
    options : see `Integration`.

    Returns
    -------
    FlowResult
        With the states that were reached; ``stop`` says why there may be fewer than asked for.
    """
    times = np.atleast_1d(np.asarray(times, dtype=np.float64))
    flow = Integration(X, y, W0, a0, loss, alpha, **options)
    values, rows = flow.advance(times, keep=True)
    stop = flow.failure() or Stop(StopReason.HORIZON, -1, float(times[-1]))
    return FlowResult(times[: len(values)], values, rows, flow.state.mode.copy(), flow.events(), flow.stats(), stop)
