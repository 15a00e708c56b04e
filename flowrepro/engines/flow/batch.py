r"""Many events in one step (regime of many neurons or samples).

An event in one neuron touches the others only through h. With every neuron's modes frozen, a neuron
with an event at fraction theta of the step is *hot*; what it does to the rest is at most (1/2)(h
(1-theta))^2 r^2 |b| max|J| times `Options.coupling`, in the units of rtol. Those whose effects sum
up to 3 rtol are *light*: each is integrated again on its own, with its own exact events, under the
g(t) of the frozen step. The first of the others, *heavy*, cuts the step.
The error this makes is measured, not only bounded: see `_measure`.
"""

from __future__ import annotations

import numpy as np

from flowrepro.engines.flow.compiled import inner
from flowrepro.engines.flow.events import NONE
from flowrepro.engines.flow.forces import (
    JUMP,
    LOCAL,
    MAX_E2,
    RHS,
    SHRUNK,
    SUM_E2,
    Drive,
    Work,
    update_forces,
)
from flowrepro.engines.flow.locate import adopt, cut, settle
from flowrepro.engines.flow.net import Net
from flowrepro.engines.flow.resolve import Log
from flowrepro.engines.flow.runge_kutta import dense, step
from flowrepro.engines.flow.state import BURST, STEP, TIME, State, project_row
from flowrepro.engines.flow.stepping import (
    NEEDS_RANK,
    OK,
    UNDERFLOW,
    ZENO,
    Options,
    accept,
    alone,
    collect,
    grow,
    trial,
)

LIGHT = 3.0
"""Light neurons may move the others by this many rtol per step in all."""


@inner
def flow_step(
    net: Net, S: State, drive: Drive, W: Work, LW: Work, options: Options, until: float, log: Log
) -> int:
    """One step of the net: light events (none unless options.batch) are settled neuron by neuron,
    the first heavy one ends it.
    """
    theta = np.empty(len(S.Y))
    for _ in range(100):
        h, error = trial(net, S, drive, W, options, until)
        if h == 0.0:
            return UNDERFLOW
        hot = collect(net, S, W, h, options.noise, theta)
        if len(hot) == 0:
            accept(S, W, h)
            grow(S, h, error, options.rtol, 5.0)
            return OK
        light, heavy, effect = _weigh(S, W, h, options, hot, theta)
        if not options.batch:
            break
        # Many heavy events in a row cost a step each: one short step makes them light together.
        shrink = (
            max(0.02, 0.9 * (LIGHT * options.rtol / effect) ** (1.0 / 3.0))
            if len(heavy) >= 3
            else 1.0
        )
        if shrink < 1.0 and 1.0 / shrink < 1.5 * len(heavy):
            W.tally[SHRUNK] += 1
            S.clock[STEP] = h * shrink
            continue
        break
    tau = h
    what = np.empty(4, dtype=np.int64)
    what[0], what[1] = -1, NONE
    if len(heavy) > 0:
        tau = cut(net, S, drive, W, h, options.noise, heavy, what)
    status = _settle_light(net, S, drive, W, LW, options, tau, h, light, theta, len(heavy) > 0, log)
    if status != OK:
        return status
    if len(heavy) > 0:
        if not settle(net, S, drive, W, tau, heavy, what, log):
            return NEEDS_RANK
        adopt(net, S, W)
        return ZENO if S.clock[BURST] > options.burst else OK
    S.Y[:] = W.Y1
    S.clock[TIME] += h
    hot_now = np.zeros(len(S.Y), dtype=np.bool_)
    hot_now[light] = True
    for j in range(len(S.Y)):
        if not S.dead[j] and not hot_now[j]:
            project_row(S.Y[j], S.c0[j], S.rho0[j])
    frozen = W.g.copy()
    update_forces(net, S, drive, S.clock[TIME], S.Y, W)
    _measure(W, frozen, h, options)
    adopt(net, S, W)
    grow(S, h, error, options.rtol, 2.0)
    return OK


@inner
def _weigh(
    S: State, W: Work, h: float, options: Options, hot: np.ndarray, theta: np.ndarray
) -> tuple[np.ndarray, np.ndarray, float]:
    """(light, heavy, sum of the effects) of the hot neurons.

    The largest jump of all planes enters, not that of the plane met: a neuron may meet others after
    it (measured on 40 nets at rtol 1e-8: error 5e-9, with the plane's own jump 4e-7).
    """
    jump = max(np.abs(S.F[JUMP]).max(), np.abs(W.F[JUMP]).max())
    effect = np.empty(len(hot))
    for i in range(len(hot)):
        j = hot[i]
        effect[i] = (
            0.5
            * (h * (1.0 - theta[j])) ** 2
            * np.exp(2.0 * S.Y[j, 0])
            * abs(S.Y[j, -1])
            * jump
            * options.coupling
        )
    order = np.argsort(effect)
    total, count = 0.0, 0
    for i in order:
        if not options.batch or total + effect[i] > LIGHT * options.rtol:
            break
        total += effect[i]
        count += 1
    return hot[order[:count]], hot[order[count:]], effect.sum()


@inner
def _settle_light(
    net: Net,
    S: State,
    drive: Drive,
    W: Work,
    LW: Work,
    options: Options,
    tau: float,
    h: float,
    light: np.ndarray,
    theta: np.ndarray,
    was_cut: bool,
    log: Log,
) -> int:
    """Integrate the light neurons alone over the step of length tau; their rows of W.Y1 are
    renewed.
    """
    inside = light[theta[light] * h < tau] if was_cut else light
    if len(inside) == 0:
        return OK
    end = W.Y1.copy()
    if was_cut:
        step(net, S, drive, tau, W)
    # g over the step as a quartic through five equidistant values, the order of `dense`.
    values = np.empty((5, len(net.y)))
    for i in range(5):
        if i == 4:
            W.Ys[:] = W.Y1
        else:
            dense(S, W, tau, 0.25 * i, W.Ys)
        update_forces(net, S, drive, S.clock[TIME] + 0.25 * i * tau, W.Ys, W)
        values[i] = W.g
    own = Drive(False, values, S.clock[TIME], tau)
    goal = S.clock[TIME] + tau
    W.Y1[:] = end
    for j in inside:
        status = alone(net, S, j, goal, own, LW, options, tau, log)
        if status != OK:
            return status
        W.Y1[j] = S.Y[j]
    W.tally[LOCAL] += LW.tally[RHS]
    LW.tally[RHS] = 0
    return OK


@inner
def _measure(W: Work, frozen: np.ndarray, h: float, options: Options) -> None:
    """h max_k |g_true - g_frozen| n max||x|| / 3: what the light events really did to the other
    neurons.
    """
    worst = 0.0
    for k in range(len(frozen)):
        worst = max(worst, abs(W.g[k] - frozen[k]))
    error = h * worst * options.spread / 3.0
    W.facts[SUM_E2] += error
    W.facts[MAX_E2] = max(W.facts[MAX_E2], error / options.rtol)
