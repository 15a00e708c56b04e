"""`integrate`: the gradient flow at requested times, with its events and why it stopped."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from flowrepro.core import arguments
from flowrepro.core.config import Loss
from flowrepro.core.trajectory import Stop, StopReason
from flowrepro.engines.flow.fast_forward import forward, negligible_log_radius
from flowrepro.engines.flow.forces import STEPS, Drive, Work, loss_and_force, make_work
from flowrepro.engines.flow.march import Limits, Output, Room, begin, march
from flowrepro.engines.flow.net import Net, make_net
from flowrepro.engines.flow.resolve import (
    KINDS,
    NON_UNIQUE,
    REVIVAL,
    THROUGH_ZERO,
    Log,
    empty_log,
)
from flowrepro.engines.flow.result import REASONS, Events, FlowResult
from flowrepro.engines.flow.state import (
    LOSS,
    SCALE,
    State,
    copied,
    copy_state,
    log_polar,
    start,
    with_rank,
)
from flowrepro.engines.flow.stepping import DIVERGED, LOG_FULL, MAX_STEPS, NEEDS_RANK, OK, Options
from flowrepro.errors import UsageError

NOISE = 0.3
"""What rtol leaves undetermined in g, over rtol: with less, neurons chatter in and out of slides
once g has decayed to noise (measured on 40 nets at rtol 1e-6: up to 113 instead of 38 located
events at 0.1, a Zeno stop at 0).
"""

SLICE = 2e6
"""Sizes m (n + P + 1) (d + 2) times steps that are made between two moments at which Python hears a
signal: some 10 ms of computing, over 0.1 ms to enter compiled code.
"""


class Integration:
    """A flow that can be advanced, saved and restored.

    Parameters
    ----------
    X (n, d), y (n,), W0 (m, d), a0 (m,), loss, alpha : conventions of core/network.py. The time is
        that of the flow of the loss without its factor, which multiplies nothing here; `integrate`
        reports factor times the loss.
    rtol : l2 error per step of each neuron's row (ln r, w / r, a / r).
    ln_scale : the start is e^ln_scale (W0, a0).
    batch : settle several events in one step where that moves nothing by more than about rtol.
    fast : use closed forms as long as the net is negligible (relative size 1e-12).
    max_steps, max_events : caps of all steps tried and of all events since the start; a run that
        hits one ends with its status.
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
        X, y, W0, a0 = checked(X, y, W0, a0, loss, alpha)
        arguments.positive("rtol", rtol)
        arguments.number("ln_scale", ln_scale)
        self.net: Net = make_net(X, y, loss, alpha)
        (m, d), n, P = W0.shape, len(self.net.y), len(self.net.normal)
        self.limits = Limits(max_steps, max_events)
        self.at_once = max(1, int(SLICE / (m * (n + P + 1) * (d + 2))))
        norms, at_zero = self.net.norm, self._forces_at_zero()
        noise = NOISE * rtol * at_zero
        spread = n * float(norms.max(initial=0.0))
        burst = 200.0 * (1 + n)
        self.options = Options(
            rtol,
            noise,
            burst,
            batch,
            self.net.weight * n * float(norms.max(initial=0.0)) ** 2,
            spread,
        )
        self.drive = Drive(True, np.zeros((5, n)), 0.0, 1.0)
        self.work: Work = make_work(m, d, n, P)
        self.local: Work = make_work(1, d, n, P)
        self.log, self.silent = empty_log(4096 + 40 * m), empty_log(1)
        self.past: list[tuple[np.ndarray, np.ndarray]] = []
        self.n_events = 0
        self.status = OK
        self.samples = tuple(
            tuple(
                int(k) for k in np.flatnonzero(np.linalg.norm(X, axis=1) > 0)[self.net.plane == p]
            )
            for p in range(P)
        )
        self._allocate(start(log_polar(W0, a0, ln_scale), P, min(d, P, 4)))
        first = 1e-2 / at_zero if at_zero > 0 else 1.0
        while not begin(self.net, self.state, self.drive, self.work, first, self.log):
            self._more_rank()
        self.mode = self.state.mode.copy()
        self.reached = 0.0
        self.skipped = 0.0
        if not np.isfinite(self.state.clock[LOSS]):
            self.status = DIVERGED
        elif fast:
            self._skip()

    def _forces_at_zero(self) -> float:
        """sum_k |g_k| ||x_k|| at h = 0: the unit of velocities."""
        return float(
            sum(
                self.net.weight * abs(loss_and_force(self.net.loss, 0.0, y)[1]) * norm
                for y, norm in zip(self.net.y, self.net.norm, strict=True)
            )
        )

    def _allocate(self, state: State) -> None:
        self.state = state
        self.start, self.other = copied(state), copied(state)

    def _skip(self) -> None:
        """Go to the time at which the net stops being negligible by closed forms."""
        self.early = copied(self.state)
        reach = negligible_log_radius(self.net, len(self.state.Y))

        def still(t: float) -> bool:
            return self._forward(t, self.silent) and float(self.other.Y[:, 0].max()) <= reach

        if self.state.Y[:, 0].max() > reach or self.state.clock[SCALE] == 0.0:
            return
        low, high = 0.0, 1.0 / float(self.state.clock[SCALE])
        longest = 1e12 * high
        while still(high) and high < longest:
            low, high = high, 2.0 * high
        if low == 0.0:
            return
        while high - low > 1e-6 * high:
            middle = 0.5 * (low + high)
            low, high = (middle, high) if still(middle) else (low, middle)
        log = empty_log(1024)
        self._forward(low, log)
        while log.n[0] > len(log.t):
            log = empty_log(int(log.n[0]))
            self._forward(low, log)
        self._drain(self.log)
        self._drain(log)
        copy_state(self.other, self.state)
        self.skipped = low

    def _forward(self, t: float, log: Log) -> bool:
        """The state at a time t of the negligible phase into ``other``;

        False if closed forms do not lead there.
        """
        while True:
            copy_state(self.early, self.other)
            log.n[0] = 0
            if forward(self.net, self.other, self.drive, self.work, t, log):
                return True
            if self.state.Q.shape[1] == self.state.Q.shape[2]:
                return False
            self._more_rank()

    def _more_rank(self) -> None:
        """Make room for larger sliding sets."""
        self._allocate(with_rank(self.state, min(2 * self.state.Q.shape[1], self.state.Q.shape[2])))

    def _drain(self, log: Log) -> None:
        """Keep the events of a log and empty it."""
        count = int(log.n[0])
        if count:
            self.past.append((log.t[:count].copy(), log.what[:count].copy()))
        self.n_events += count
        log.n[0] = 0

    @property
    def t(self) -> float:
        """Flow time of the internal state, at or before the last save time."""
        return float(self.state.clock[0])

    def advance(self, times: np.ndarray, keep: bool = False) -> tuple[np.ndarray, np.ndarray]:
        """Go to times[-1] (increasing, none before the last save time): loss (T,), rows (T or 1, m,
        d+2).

        ``status`` is not OK if the flow ended before; then fewer than T losses come back.
        UsageError for times that do not increase, are not finite, or lie before the last save time.
        """
        times = arguments.times(times, "times")
        if times[0] < self.t and times[0] >= self.skipped:
            raise UsageError(
                f"the flow has gone to t={self.t:g} and does not go back to {times[0]:g}; start a "
                "new one"
            )
        loss = np.full(len(times), np.nan)
        rows = np.zeros((len(times) if keep else 1, *self.state.Y.shape))
        saved = 0
        if self.status != OK:
            return loss[:0], rows[:0]
        while saved < len(times) and times[saved] < self.skipped:
            self._forward(times[saved], self.silent)
            loss[saved], rows[saved if keep else 0] = self.other.clock[LOSS], self.other.Y
            self.mode[:] = self.other.mode
            saved += 1
        while saved < len(times):
            output = Output(loss[saved:], rows[saved:] if keep else rows, self.mode)
            left = self.limits.steps - int(self.work.tally[STEPS])
            limits = Limits(min(left, self.at_once), self.limits.events - self.n_events)
            status, count = march(
                self.net,
                self.state,
                Room(self.start, self.other, self.work, self.local, self.silent),
                self.drive,
                self.options,
                limits,
                times[saved:],
                output,
                self.log,
            )
            saved += count
            if status == NEEDS_RANK:
                self._more_rank()
            elif status == LOG_FULL:
                if self.log.n[0] == 0:
                    self.log = empty_log(2 * len(self.log.t))
                self._drain(self.log)
            elif status != OK and (status != MAX_STEPS or left <= self.at_once):
                self.status = status
                break
        self._drain(self.log)
        self.reached = float(times[saved - 1]) if saved == len(times) else max(self.reached, self.t)
        return loss[:saved], rows[:saved] if keep else rows

    def arrays(self) -> dict[str, np.ndarray]:
        """All that `restore` needs, as arrays; the modes are part of it."""
        form = {name: array.copy() for name, array in zip(State._fields, self.state, strict=True)}
        t, what = self._recorded()
        return {
            **form,
            "reached": np.array(self.reached),
            "events_t": t,
            "events": what,
            "tally": self.work.tally.copy(),
            "facts": self.work.facts.copy(),
            "graze": self.local.facts.copy(),
        }

    def restore(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Go on from what `arrays` gave, bit for bit."""
        state = State(**{name: np.array(arrays[name]) for name in State._fields})
        self._allocate(with_rank(state, max(state.Q.shape[1], self.state.Q.shape[1])))
        self.reached = float(arrays["reached"])
        self.past = [(np.array(arrays["events_t"]), np.array(arrays["events"]))]
        self.n_events, self.log.n[0], self.status = len(arrays["events"]), 0, OK
        for kept, name in (
            (self.work.tally, "tally"),
            (self.work.facts, "facts"),
            (self.local.facts, "graze"),
        ):
            kept[:] = arrays[name]

    def _recorded(self) -> tuple[np.ndarray, np.ndarray]:
        if len(self.past) > 1:
            parts = zip(*self.past, strict=True)
            self.past = [(np.concatenate(next(parts)), np.concatenate(next(parts)))]
        return self.past[0] if self.past else (np.empty(0), np.empty((0, 3), dtype=np.int64))

    def events(self) -> Events:
        """Everything recorded so far, sorted by time."""
        t, what = self._recorded()
        order = np.argsort(t, kind="stable")
        order = order[t[order] <= self.reached]
        return Events(t[order], what[order, 0], what[order, 1], what[order, 2], self.samples)

    def stats(self) -> dict[str, Any]:
        """Counts: right-hand sides, steps, events by kind; the measured errors of batches;
        ``graze_margin``.

        unique_until : time of the first event after which this is one of several flows, or which
        neighbouring flows leave differently: non_unique, revival_ambiguous, through_zero (w = 0);
        inf if there is none.
        graze_margin : smallest |<w, n>| / r at which a neuron turned back from a repelling plane.
        Grazing one is where the flow is discontinuous in its start, so this is the condition number
        of the run; inf if nothing came near.
        """
        rhs, steps, rejected, resteps, located, local, slaved, shrunk, substeps = (
            int(count) for count in self.work.tally
        )
        rise, sum_e2, max_e2, graze = (float(fact) for fact in self.work.facts)
        t, what = self._recorded()
        found = {f"events {kind}": int(np.sum(what[:, 2] == i)) for i, kind in enumerate(KINDS)}
        ambiguous = np.isin(what[:, 2], [NON_UNIQUE, REVIVAL, THROUGH_ZERO])
        return {
            "gradient_evaluations": rhs,
            "fast_forward_until": self.skipped,
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
        return Stop(
            REASONS[self.status], step, self.t, f"at t={self.t:.9g}; last events: {last or 'none'}"
        )


def checked(
    X: np.ndarray, y: np.ndarray, W0: np.ndarray, a0: np.ndarray, loss: Loss, alpha: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Points, targets and weights in float64;

    UsageError or DataError for those that no flow can start from.
    """
    if not isinstance(loss, Loss):
        raise UsageError(
            f"loss must be a Loss such as Loss(name='square', reduction='mean'), not {loss!r}"
        )
    arguments.loss_name(loss.name)
    arguments.between("alpha", alpha, 0.0, 1.0)
    X = arguments.points(X)
    return X, arguments.targets(y, len(X)), *arguments.weights(W0, a0, X.shape[1])


def integrate(
    X: np.ndarray,
    y: np.ndarray,
    W0: np.ndarray,
    a0: np.ndarray,
    loss: Loss,
    times: np.ndarray | float,
    alpha: float = 0.0,
    **options: Any,
) -> FlowResult:
    """The Clarke/Filippov gradient flow of reduction_k l(f(x_k), y_k) from (W0, a0) at time 0.

    Parameters
    ----------
    times : flow times at which the state is wanted, increasing; one number is the horizon.
    options : see `Integration`.

    Returns
    -------
    FlowResult
        With the states that were reached; ``stop`` says why there may be fewer than asked for. Its
        loss is loss.factor times the reduced loss, as on the command line.

    Raises
    ------
    UsageError, DataError
        An argument of a wrong shape, that is not finite or out of its range; one sentence says
        which.
    """
    times = arguments.times(times, "times")
    flow = Integration(X, y, W0, a0, loss, alpha, **options)
    values, rows = flow.advance(times, keep=True)
    stop = flow.failure() or Stop(StopReason.HORIZON, -1, float(times[-1]))
    return FlowResult(
        times[: len(values)],
        loss.factor * values,
        rows,
        flow.mode.copy(),
        flow.events(),
        flow.stats(),
        stop,
    )
