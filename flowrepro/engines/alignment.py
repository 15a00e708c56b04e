r"""The early alignment of small neurons without a time step: the limit of vanishing initialisation,
event by event.

While the network's output is negligible, every neuron feels the fixed force D = sum over active k
of c_k x_k with c_k = -dl/df(0, y_k) (times 1/n for a mean), and dw/dt = a D, da/dt = <D, w>
(min2024 eq. 4, Section 3; boursier2024 Section 3). Inside one activation pattern this is solved by

    w(t) = v + s kappa sinh(tau) D/||D||,   |a(t)| = kappa cosh(tau),   tau = tau0 + ||D|| t,   s =
    sign(a),

v the part of w orthogonal to D and kappa^2 = ||v||^2 + (a^2 - ||w||^2), the bracket being
conserved. For balanced neurons the direction obeys du/dt = s (I - u u^T) D. Datum k is met at
sinh(tau) = -<x_k, v> / (s kappa <x_k, D/||D||>).

At a meeting the neuron crosses, or, where the force beyond drives it back, is held: it stays on <w,
x_k> = 0 under the smallest force sum of the active plus lambda_k c_k x_k with lambda_k in [0, 1]
over all data that hold it (the Filippov solution; it needs s c_k < 0, and never happens where y_i
y_k <x_i, x_k> > 0 for all pairs). Every meeting raises <w, D>/||w||, so there are finitely many.
The time unit is that of the flow of the loss without its factor.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from typing import Literal, NamedTuple

import numpy as np
from scipy.optimize import lsq_linear

from flowrepro.core.config import Loss
from flowrepro.core.network import output_gradient
from flowrepro.errors import DataError, NumericalError

SUM_EXP = Loss(name="exp", reduction="sum")
"""min2024's convention: c_k = y_k."""

FLAT = 1e-14
"""A force whose cosine with a datum is below this is orthogonal to it."""
TOUCHING = 1e-12
"""A neuron whose cosine with a datum is below this lies on its hyperplane."""
BALANCED = 1e-12
"""A relative difference of a^2 and ||w||^2 below this is rounding."""
LARGE = 300.0
"""tau from which the direction is D/||D|| to all digits (e^-300)."""


class Fate(Enum):
    """The class a neuron ends in (min2024 Section 3)."""

    POSITIVE = "S+"
    NEGATIVE = "S-"
    DEAD = "dead"
    OTHER = "other"


class Event(NamedTuple):
    """At time t the neuron gains or loses a datum, or is held on its hyperplane."""

    t: float
    datum: int
    change: Literal["gained", "lost", "held"]


class Arc(NamedTuple):
    """Motion between two events: w = exp(log_scale) (rest + push sinh(tau0 + rate (t - start))
    along), push = s kappa.

    active, held : (n,) bool. rest, along : (d,), orthogonal; along is D/||D||, or zero where the
        force is.
    A balanced neuron on the line of the force (kappa = 0) keeps its direction ``rest`` and grows as
    exp(tau0 rate t), tau0 = +-1: towards or against the force.
    """

    start: float
    active: np.ndarray
    held: np.ndarray
    log_scale: float
    rest: np.ndarray
    along: np.ndarray
    push: float
    tau0: float
    rate: float

    def at(self, t: float) -> tuple[np.ndarray, float]:
        """Unit direction (d,) and ln ||w|| at time t."""
        if self.push == 0.0:
            return self.rest, self.log_scale + self.tau0 * self.rate * (t - self.start)
        tau = self.tau0 + self.rate * (t - self.start)
        if abs(tau) > LARGE:
            sign = np.sign(self.push) * np.sign(tau)
            return sign * self.along, self.log_scale + float(np.log(abs(self.push) / 2)) + abs(tau)
        w = self.rest + self.push * np.sinh(tau) * self.along
        norm = float(np.linalg.norm(w))
        return w / norm, self.log_scale + float(np.log(norm))


@dataclass(frozen=True)
class NeuronPath:
    """The alignment of one neuron: arcs[i] ends with events[i];

    ``limit`` (d,) is its direction as t -> infinity.
    """

    sign: int
    arcs: tuple[Arc, ...]
    events: tuple[Event, ...]
    fate: Fate
    limit: np.ndarray

    @property
    def settled(self) -> float:
        """Time of the last event, 0 without one."""
        return self.events[-1].t if self.events else 0.0

    def arc(self, t: float) -> Arc:
        """The arc that holds at t >= 0; just after an event, the one it opens."""
        starts = [arc.start for arc in self.arcs]
        return self.arcs[int(np.searchsorted(starts, t, side="right")) - 1]

    def direction(self, t: float) -> np.ndarray:
        """w/||w|| at time t, shape (d,)."""
        return self.arc(t).at(t)[0]

    def log_norm(self, t: float) -> float:
        """ln ||w|| at time t."""
        return self.arc(t).at(t)[1]


@dataclass(frozen=True)
class Alignment:
    """The paths of all neurons, in their order."""

    paths: tuple[NeuronPath, ...]

    @property
    def settled(self) -> float:
        """Time of the last event of all neurons: t1 of min2024 Theorem 1."""
        return max((path.settled for path in self.paths), default=0.0)

    @property
    def fates(self) -> tuple[Fate, ...]:
        """Fate of each neuron."""
        return tuple(path.fate for path in self.paths)

    def directions(self, t: float) -> np.ndarray:
        """Unit directions (m, d) at time t."""
        return np.stack([path.direction(t) for path in self.paths])

    def log_norms(self, t: float) -> np.ndarray:
        """ln ||w_j|| (m,) at time t."""
        return np.array([path.log_norm(t) for path in self.paths])

    def patterns(self, t: float) -> np.ndarray:
        """Activations (m, n) at time t; a datum that holds a neuron is not active."""
        return np.stack([path.arc(t).active for path in self.paths])


def classify(active: np.ndarray, y: np.ndarray) -> Fate:
    """Class of the activation pattern (n,) for labels y (n,), dead first (min2024 Section 3)."""
    if not active.any():
        return Fate.DEAD
    if np.array_equal(active, y > 0):
        return Fate.POSITIVE
    return Fate.NEGATIVE if np.array_equal(active, y < 0) else Fate.OTHER


def align(
    X: np.ndarray, y: np.ndarray, W: np.ndarray, a: np.ndarray, loss: Loss = SUM_EXP
) -> Alignment:
    """Exact alignment of the neurons (w_j, a_j) of a network whose output stays negligible.

    Parameters
    ----------
    X (n, d), y (n,) : data. W (m, d), a (m,) : start; only directions, signs and |a_j|/||w_j||
        matter, and ln ||w_j||.
    loss : decides the forces c_k and so the unit of time: sum of exp (or logistic2), c_k = y_k, for
        min2024; mean of the square, c_k = y_k / n, for boursier2024. Its factor is left out.

    Raises
    ------
    DataError
        If a neuron is zero or has |a_j| < ||w_j||, so that the sign of a_j may change and
        continuations are not unique.
    NumericalError
        If a neuron goes on for more than 100 (n + 1) events.
    """
    X, y, W, a = (np.asarray(array, dtype=np.float64) for array in (X, y, W, a))
    peaks = np.abs(W).max(axis=1, initial=0.0)
    if not (np.all(np.isfinite(W)) and np.all(peaks > 0)):
        raise DataError(
            "alignment needs finite neurons w_j other than zero, which has no direction: remove "
            "the others"
        )
    W = W / peaks[:, None]  # squares of 1e-200 would underflow
    norms = np.linalg.norm(W, axis=1)
    excess = (a / peaks / norms) ** 2 - 1
    if not np.all(excess >= -BALANCED):
        raise DataError(
            "alignment needs |a_j| >= ||w_j||, else the sign of a_j may change: balance the "
            "neurons, |a_j| = ||w_j||"
        )
    pull = -output_gradient(replace(loss, factor=1.0), np.zeros(len(y)), y)
    neurons = _Neurons(
        X,
        pull,
        W / norms[:, None],
        np.sign(a),
        np.log(norms) + np.log(peaks),
        np.where(excess < BALANCED, 0.0, excess),
    )
    neurons.run()
    return Alignment(tuple(neurons.path(j, y) for j in range(len(a))))


class _Neurons:
    """All neurons at their own latest event, advanced together by one event per round."""

    def __init__(
        self,
        X: np.ndarray,
        pull: np.ndarray,
        U: np.ndarray,
        sign: np.ndarray,
        log_norm: np.ndarray,
        excess: np.ndarray,
    ) -> None:
        self.X, self.pull, self.U, self.sign, self.log_norm = X, pull, U, sign, log_norm
        self.excess = excess  # (a^2 - ||w||^2) / ||w||^2 now
        self.sizes = np.linalg.norm(X, axis=1)
        self.t = np.zeros(len(U))
        self.active = U @ X.T > 0
        self.share = self.active.astype(
            np.float64
        )  # lambda: 1 active, 0 not, between for those that hold
        self.held = np.zeros_like(self.active)
        self.arcs: list[list[Arc]] = [[] for _ in U]
        self.events: list[list[Event]] = [[] for _ in U]

    def run(self) -> None:
        """Round by round, until no neuron meets anything."""
        alive = np.arange(len(self.U))
        for _ in range(100 * (len(self.X) + 1)):
            if alive.size == 0:
                return
            alive = self._round(alive)
        raise NumericalError(
            f"the alignment of {alive.size} neurons goes on for more than "
            f"{100 * (len(self.X) + 1)} events: perturb the data slightly"
        )

    def _round(self, alive: np.ndarray) -> np.ndarray:
        """Open an arc for each neuron, close it at its first meeting; those that met something."""
        U, sign = self.U[alive], self.sign[alive]
        forces = self.share[alive] * self.pull
        along, rate = _unit(forces @ self.X, np.abs(forces) @ self.sizes)
        part = np.sum(U * along, axis=1)
        rest = U - part[:, None] * along
        rest -= np.sum(rest * along, axis=1)[:, None] * along
        # <w, along> = sign kappa sinh tau and a = sign kappa cosh tau, as a^2 - ||w||^2 is kept.
        kappa = np.sqrt(np.sum(rest**2, axis=1) + self.excess[alive])
        push = sign * kappa
        with np.errstate(all="ignore"):
            tau0 = np.where(kappa > 0, np.arcsinh(part / push), 0.0)
        tau = self._meetings(alive, along, rest, push)
        datum = np.argmin(tau, axis=1)
        tau = np.maximum(tau[np.arange(len(alive)), datum], tau0)
        with np.errstate(all="ignore"):
            wait = np.where(rate > 0, (tau - tau0) / rate, np.inf)
        on_line = kappa == 0
        rest[on_line], tau0[on_line] = U[on_line], np.sign(sign * part)[on_line]
        for i, j in enumerate(alive.tolist()):
            geometry = (rest[i], along[i], float(push[i]), float(tau0[i]), float(rate[i]))
            self.arcs[j].append(
                Arc(
                    float(self.t[j]),
                    self.active[j].copy(),
                    self.held[j].copy(),
                    float(self.log_norm[j]),
                    *geometry,
                )
            )
        met = np.flatnonzero(np.isfinite(wait))
        for i in met.tolist():
            self._meet(int(alive[i]), int(datum[i]), float(wait[i]))
        return alive[met]

    def _meetings(
        self, alive: np.ndarray, along: np.ndarray, rest: np.ndarray, push: np.ndarray
    ) -> np.ndarray:
        """tau (alive, n) at which each datum is met, inf for those that the neuron moves away
        from.
        """
        slope = along @ self.X.T
        # sinh is monotone, so each datum is met at most once on an arc.
        moving = np.where(np.abs(slope) > FLAT * self.sizes, np.sign(slope * push[:, None]), 0.0)
        towards = np.where(self.active[alive], moving < 0, moving > 0) & ~self.held[alive]
        with np.errstate(all="ignore"):
            return np.where(
                towards, np.arcsinh(-(rest @ self.X.T) / (push[:, None] * slope)), np.inf
            )

    def _meet(self, j: int, k: int, wait: float) -> None:
        """Move neuron j to datum k and settle what it does there."""
        self.t[j] += wait
        self.U[j], log_norm = self.arcs[j][-1].at(float(self.t[j]))
        self.excess[j] *= np.exp(2 * (self.log_norm[j] - log_norm))
        self.log_norm[j] = log_norm
        self.active[j, k] = not self.active[j, k]
        self.share[j, k] = self.active[j, k]
        self._hold(j, k)
        change: Literal["gained", "lost", "held"] = (
            "held" if self.held[j, k] else "gained" if self.active[j, k] else "lost"
        )
        self.events[j].append(Event(float(self.t[j]), k, change))

    def _hold(self, j: int, k: int) -> None:
        """Which of the data that could hold neuron j do, and with which shares."""
        on_it = np.abs(self.X @ self.U[j]) <= TOUCHING * self.sizes
        on_it[k] = True
        pulling = (self.sign[j] * self.pull < 0) & (self.sizes > 0)  # a point at 0 holds nothing
        holders = np.flatnonzero((on_it | self.held[j]) & pulling)
        if holders.size == 0:
            return
        self.share[j, holders] = 0.0
        base = (self.share[j] * self.pull) @ self.X
        share = smallest_force(base, self.pull[holders, None] * self.X[holders])
        self.share[j, holders] = share
        self.active[j, holders] = share == 1.0
        self.held[j, holders] = (share > 0.0) & (share < 1.0)

    def path(self, j: int, y: np.ndarray) -> NeuronPath:
        """What neuron j did."""
        arcs = self.arcs[j]
        last = arcs[-1]
        limit = (
            np.sign(last.push) * last.along
            if last.rate > 0 and last.push != 0
            else last.rest / np.linalg.norm(last.rest)
        )
        fate = Fate.OTHER if last.held.any() else classify(last.active, y)
        return NeuronPath(int(self.sign[j]), tuple(arcs), tuple(self.events[j]), fate, limit)


def _unit(D: np.ndarray, terms: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rows of D (p, d) normalised and their norms, both zero where D is the rounding of terms of
    summed size (p,).
    """
    norms = np.linalg.norm(D, axis=1)
    norms = np.where(norms > FLAT * terms, norms, 0.0)
    D = np.where(norms[:, None] > 0, D, 0.0)
    return D / np.where(norms > 0, norms, 1.0)[:, None], norms


def smallest_force(base: np.ndarray, forces: np.ndarray) -> np.ndarray:
    """Shares in [0, 1] (p,) that minimise ||base + share @ forces||, forces (p, d); exactly 0 and 1
    at the ends.
    """
    alone = len(forces) == 1
    share = (
        np.clip(-(forces @ base) / np.sum(forces**2), 0.0, 1.0)
        if alone
        else lsq_linear(forces.T, -base, bounds=(0.0, 1.0), method="bvls").x
    )
    return np.where(share < FLAT, 0.0, np.where(share > 1 - FLAT, 1.0, share))
