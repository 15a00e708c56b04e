"""Condition 2 of Theorem 3: neurons do not leave a manifold on their own.

Where the force keeps a neuron on an activation manifold, the flow is not unique: it may stay, or
leave at any time. The theorem is about solutions that stay. Flows from random starts do; from a
start on a manifold that repels, beside a saddle point of G, the engine takes one that leaves.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from flowrepro.claims.claim import require
from flowrepro.claims.verdict import Part, at_most, none_of, number
from flowrepro.core.trajectory import Study
from flowrepro.engines.base import Problem
from flowrepro.engines.flow.flow import integrate
from flowrepro.papers.boursier2024 import PAPER
from flowrepro.papers.boursier2024.theorem_1_other_settings import (
    LOSSES,
    NOTHING,
    Trial,
    admitted_trials,
)
from flowrepro.papers.boursier2024.training import train
from flowrepro.papers.study import Progress, option
from flowrepro.papers.topic import Topic
from flowrepro.theory.stationary import HALF_MEAN_SQUARE, force

topic = Topic(PAPER, "Condition 2")
TIMES = 40
"""Times up to tau at which the cones of the neurons are looked at."""


def followed(trial: Trial, m: int) -> dict[str, int]:
    """The numbers of `held_neurons`, from one draw of m neurons."""
    times = trial.tau * np.geomspace(1e-3, 1.0, TIMES)
    _, a, rows = trial.flow(m, np.append(0.0, times))
    w = rows[..., 1:-1]
    heights, size = w @ trial.X.T, np.linalg.norm(w, axis=-1)
    moving = size > NOTHING * np.abs(rows[..., -1])
    u = np.where(np.abs(heights) <= NOTHING * size[..., None], 0, np.sign(heights)).astype(int)
    signs = trial.forces.arrangement.signs
    homes = {
        (sign, *signs[cone].tolist())
        for sign, within in ((1, trial.forces.own), (-1, trial.forces.opposite))
        for cone in np.flatnonzero(within)
    }
    held = moving & [
        [(int(sign), *row) in homes for sign, row in zip(a, at, strict=True)] for at in u.tolist()
    ]
    left = held[:-1] & np.any(u[1:] != u[:-1], axis=-1)
    return {
        "saddles": trial.saddles,
        "neurons": m,
        "held": int(held.any(axis=0).sum()),
        "manifold": int((held & np.any(u == 0, axis=-1)).any(axis=0).sum()),
        "entered": int((held.any(axis=0) & ~held[0]).sum()),
        "left": int(left.any(axis=0).sum()),
    }


@topic.study
def held_neurons(
    *,
    dims: list[int] = option([2, 3], "dimensions", within=(2, 6)),
    slopes: list[float] = option([0.0, 0.4], "slopes of the leaky part", within=(0, 0.99)),
    losses: list[str] = option(list(LOSSES), "losses", choices=tuple(LOSSES)),
    sets: int = option(6, "sets of points of each setting", within=(1, 100)),
    m: int = option(40, "neurons", within=(1, 10_000)),
    ln_scale: float = option(-2300.0, "ln lambda", within=(-1e6, -1.0)),
    seed: int,
    progress: Progress,
) -> dict[str, np.ndarray]:
    """The points of `early_alignment`, looked at from 0 to tau; (s,) for s sets.

    saddles : saddle points of G. neurons : of each set. held : those whose force a D(w, 0) lies,
    at some time, in their own cone or manifold; manifold : on a manifold, with some <w, x_k> = 0;
    entered : not yet at the start. left : those that then leave it before tau. The condition is on
    the force at theta, which until tau differs from that at 0 by the size of the network's output.
    """
    settings = [(d, slope, loss) for d in dims for slope in slopes for loss in losses]
    found = [
        followed(trial, m)
        for trial in admitted_trials(settings, sets, ln_scale, 0.5, seed, progress)
    ]
    names = ("saddles", "neurons", "held", "manifold", "entered", "left")
    return {name: np.array([each[name] for each in found], dtype=int) for name in names}


HELD_NEURONS = held_neurons.case(
    "held-neurons",
    "Condition 2: a neuron does not leave a cone or manifold in which its own force lies.",
    quick={"options.sets": 1},
)


@topic.claim(
    "condition-2-stays",
    "Until tau a flow from a random start does not leave an activation cone or manifold once its "
    "force lies in it, beside saddle points of G too.",
    place="Condition 2, second point; Lemma 13",
    on=(HELD_NEURONS,),
)
def stays_where_it_is_held(result: Study) -> Iterable[Part]:
    """Neurons that leave, of those that are held. Lemma 13 proves it where G has no saddle point;
    elsewhere it is a condition on the solution.
    """
    arrays = result.arrays
    require(None if arrays["held"].sum() else "no neuron is held; lower options.ln_scale")
    yield none_of(f"of {arrays['held'].sum()} neurons, left", int(arrays["left"].sum()))
    yield number("of them on a manifold", arrays["manifold"].sum())
    yield number("not held at the start", arrays["entered"].sum())
    yield number("beside saddle points", arrays["held"][arrays["saddles"] > 0].sum())


@topic.study
def zero_neuron(
    *,
    horizon: float = option(3.0, "flow time", within=(1e-3, 1e3)),
    leave: list[float] = option([0.0, 0.5, 1.0], "times t_0 of leaving", within=(0, 1e3)),
    lr: float = option(1e-3, "step of descent", within=(1e-6, 1.0)),
    progress: Progress,
) -> dict[str, np.ndarray]:
    """Example 1: the point (1, 1) and a ReLU neuron that starts at w = 0, a = 0.1.

    inclusion (t0,) : largest distance of dw/dt to g(t) dsigma(w), g = 1 + t, for the solution that
    leaves at t_0. departs (t0,) : whether it leaves w = 0 although the least force there is 0.
    descent, flow : |w| at the end of both.
    """
    X, y, W, a = np.ones((1, 1)), np.ones(1), np.zeros((1, 1)), np.array([0.1])
    t = np.linspace(0, horizon, 601)
    inclusion, departs = [], []
    for t0 in leave:
        w = np.where(t > t0, (t - t0) + (t**2 - t0**2) / 2, 0.0)
        slope, middle = np.diff(w) / np.diff(t), (t[1:] + t[:-1]) / 2
        g, moved = 1 + middle, w[1:] > 0
        off = np.where(w[:-1] > 0, abs(slope - g), np.maximum(0, abs(slope - g / 2) - g / 2))
        inclusion.append(off.max())
        least = force(X, -np.ones(1), W)[0, 0]  # the element of least norm at w = 0
        departs.append(bool(least == 0 and moved.any()))
    path = integrate(X, y, W, a, HALF_MEAN_SQUARE, horizon)
    problem = Problem(X, y, W, a, HALF_MEAN_SQUARE, lr, round(horizon / lr), 0.0)
    ended = train(problem).W[-1]
    progress(1, 1)
    return {
        "inclusion": np.array(inclusion),
        "departs": np.array(departs),
        "descent": np.abs(ended).max(),
        "flow": np.abs(path.Y[-1, :, 1:-1]).max(),
    }


ZERO_NEURON = zero_neuron.case(
    "zero-neuron", "Example 1: a neuron that starts at 0 may leave at any time, and does not."
)


@topic.claim(
    "example-1",
    "Of the solutions of Example 1, which may leave 0 at any time, descent and the flow take the "
    "one of Condition 2, which never leaves.",
    place="Appendix E.1, Example 1",
    on=(ZERO_NEURON,),
    label="engine",
)
def example_1(result: Study) -> Iterable[Part]:
    """|w| at the end of both; the solutions that leave are solutions and break Condition 2."""
    arrays = result.arrays
    yield at_most("largest |w| of both", float(np.maximum(arrays["descent"], arrays["flow"])), 0.0)
    yield at_most("largest error of dw/dt", arrays["inclusion"].max(), 1e-9)
    yield none_of("leaving solutions within Condition 2", int(np.sum(~arrays["departs"])))
