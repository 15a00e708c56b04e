r"""From saddle to saddle: does the force at a plateau say how fast training leaves it? (Section 5)

At a plateau of the loss the neurons that carry the output feel no force, and the others are
negligible. One in the open cone of u with sign s of a then grows along w at the rate
s <D_u, w / ||w||>, D_u = (1/n) sum over active k of (y_k - h_k) x_k. The class grows at most at the
length of the projection of s D_u on its closed cone. The fastest occupied class dominates, h
departs like e^(2 rate t), and so does the speed -dL/dt: the slope of its logarithm, halved, is the
rate that is measured.

A plateau is where the speed is least before one of its peaks, if the rise has a slope and L falls
on it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from scipy.optimize import nnls

from flowrepro.claims.claim import require
from flowrepro.claims.verdict import Part, at_most, number, within
from flowrepro.core.config import Data, Target
from flowrepro.core.network import predict
from flowrepro.core.trajectory import Dataset, Study, Trajectory
from flowrepro.figures import NotDrawable, style
from flowrepro.figures.panels import Line, Mark, Panel, Points
from flowrepro.papers.boursier2024 import PAPER
from flowrepro.papers.boursier2024.hypotheses import KNOWN_SCALE, declared, target_window
from flowrepro.papers.boursier2024.neurons import active
from flowrepro.papers.boursier2024.training import geometric_steps, law, problem_of, train
from flowrepro.papers.study import Progress, option
from flowrepro.papers.topic import Topic

topic = Topic(PAPER, "From saddle to saddle")
RESOLVED = 1e-13
"""Speeds below this part of the largest are rounding of the losses they are differences of."""
LOOKS = 1.01
"""Ratio of the times between which speeds are taken: late, where rates are small, they average over
the zigzag of neurons caught at a datum."""
RISE = 5.0
"""Least ln of the speed at a peak over that at the plateau before it; less is no plateau
(chosen)."""
FALL = 0.01
"""Least relative fall of L from a plateau to the peak; less is the zigzag of descent at a
stationary point (chosen)."""
GROWTH_PART = (0.3, 0.7)
"""Part of that rise in which the growth is a pure exponential: after other classes have died out,
before saturation (chosen)."""
SETTLED = 0.05
"""A class is at its fastest direction where the fastest neuron is this close to its rate (chosen;
1e-3 measured)."""
AGREEMENT = 0.1
"""Bound of the relative error of a predicted rate (at most 0.021 measured with 400 neurons and
more, 0.074 with 200)."""
FEWEST = 200
"""Neurons from which on the law was seen (measured: with 100 on the points of Figure 3 the last
rate is 16 and 36 % below, two seeds)."""


class Escape(NamedTuple):
    """Flow times of the plateau and of the peak, L at the plateau, and three rates.

    They are that of the fastest class, that of the fastest neuron, and the measured one.
    """

    plateau: float
    peak: float
    L: float
    predicted: float
    fastest: float
    measured: float


@topic.study
def saddle_view(
    data: Dataset,
    *,
    m: int = option(500, "neurons", within=(1, 100_000)),
    scale: float = option(1e-3, "initial scale lambda", within=(1e-12, 10.0)),
    lr: float = option(1e-2, "step of descent", within=(1e-4, 0.1)),
    horizon: float = option(600.0, "flow time of the run", within=(0.5, 1e4)),
    every: int = option(10, "steps between losses", within=(1, 100_000)),
    growth: float = option(1.05, "ratio of the steps at which neurons count", within=(1.005, 10.0)),
    seed: int,
    progress: Progress,
) -> dict[str, np.ndarray]:
    """t and speed (T,) of an unbalanced run, and the fields of its escapes, (E,) each."""
    X, y = data.X, data.y
    n_steps = max(1, int(horizon / (2.0 * lr)))
    kept = tuple(geometric_steps(n_steps, growth).tolist())
    problem = problem_of(X, y, law("gaussian", m, scale), seed, lr, n_steps)
    run = train(problem, every=every, snapshots=kept, engine="fused")
    looks = geometric_steps(len(run.step) - 1, LOOKS)
    t, L = 2.0 * lr * run.step[looks], run.loss[looks] / 2
    middle, speed = (t[1:] + t[:-1]) / 2, -np.diff(L) / np.diff(t)
    found = []
    for i, peak in plateaus(speed):
        measured = rise_rate(middle, speed, i, peak)
        if L[peak] <= (1 - FALL) * L[i] and np.isfinite(measured):
            rates = rates_at(X, y, run, middle[i] / (2.0 * lr))
            found.append(Escape(middle[i], middle[peak], L[i], *rates, measured))
    progress(1, 1)
    columns = np.array(found).reshape(-1, len(Escape._fields)).T
    return {"t": middle, "speed": speed, **dict(zip(Escape._fields, columns, strict=True))}


def plateaus(speed: np.ndarray) -> list[tuple[int, int]]:
    """Index of the least speed before every peak, and of the peak.

    A rise that goes on at the end has none.
    """
    from scipy.signal import find_peaks  # imports all of scipy.stats, which takes a second

    height = log_speed(speed)
    floor = height.min() - 2 * RISE
    peaks = find_peaks(np.concatenate([[floor], height, [floor]]), prominence=RISE)[0] - 1
    found = []
    for start, peak in zip([0, *peaks], peaks, strict=False):
        i = start + int(np.argmin(height[start : peak + 1]))
        if height[peak] - height[i] >= RISE and peak < len(height) - 1:
            found.append((i, int(peak)))
    return found


def log_speed(speed: np.ndarray) -> np.ndarray:
    """ln of the speed, or that of RESOLVED times the largest where it is lost in rounding."""
    floor = max(RESOLVED * float(speed.max()), np.finfo(float).tiny)
    return np.asarray(np.log(np.maximum(speed, floor)))


def rise_rate(t: np.ndarray, speed: np.ndarray, plateau: int, peak: int) -> float:
    """Half the slope of ln speed over GROWTH_PART of its rise; nan for fewer than five samples."""
    height = log_speed(speed[plateau : peak + 1])
    part = (height - height[0]) / (height[-1] - height[0])
    inside = (part > GROWTH_PART[0]) & (part < GROWTH_PART[1])
    if inside.sum() < 5:
        return float("nan")
    return float(np.polyfit(t[plateau : peak + 1][inside], height[inside], 1)[0] / 2)


def rates_at(X: np.ndarray, y: np.ndarray, run: Trajectory, step: float) -> tuple[float, float]:
    """Rates of the fastest occupied class and of the fastest neuron, at the nearest snapshot."""
    s = int(np.argmin(np.abs(run.snapshot_step - step)))
    W, a = run.W[s], run.a[s]
    pull = (y - predict(X, W, a)) / len(y)
    own = np.sign(a) * (np.maximum(W @ X.T, 0.0) @ pull) / np.linalg.norm(W, axis=1)
    return fastest_class(X, pull, W, a), float(own.max())


def fastest_class(X: np.ndarray, pull: np.ndarray, W: np.ndarray, a: np.ndarray) -> float:
    """Largest length, over occupied classes, of the projection of s D_u on the closed cone.

    D_u = sum over active k of pull_k x_k. The projection is what the polar cone leaves (Moreau).
    """
    classes = np.unique(np.column_stack([active(X, W), a > 0]), axis=0)
    lengths = []
    for *bits, positive in classes:
        on = np.array(bits)
        walls = np.where(on, 1.0, -1.0)[:, None] * X  # the cone is where walls @ w >= 0
        D = (1.0 if positive else -1.0) * (pull * on) @ X
        lengths.append(nnls(-walls.T, D)[1])
    return float(max(lengths))


def _ours(plateaus: int, rate: float, low: float, high: float) -> tuple[Target, Target]:
    return (
        Target(what="plateaus", paper="not in the paper", ours=plateaus,
               window=(plateaus, plateaus)),
        Target(what="rate at the last plateau", paper="not in the paper", ours=rate,
               window=(low, high)),
    )  # fmt: skip


SADDLE_VIEW = saddle_view.case(
    "saddle-view",
    "Beyond the paper: how fast an unbalanced network leaves its plateaus on the points of Figure "
    "2, predicted and measured.",
    Data(name="three-points"),
    targets=_ours(2, 0.0306, 0.0300, 0.0312),
    quick={"options.m": 200},
)
SADDLE_VIEW_EIGHT = saddle_view.case(
    "saddle-view-eight",
    "Beyond the paper: the same on the points of Figure 3, with few neurons.",
    Data(name="eight-pieces", options={"seed": None}),
    m=400,
    lr=2e-2,
    horizon=3000.0,
    targets=_ours(3, 0.00543, 0.0053, 0.0056),
    quick={"options.horizon": 1500.0},
)


def small_start(result: Study) -> str | None:
    """A scale at which neurons are negligible at a plateau."""
    scale = result.case.options["scale"]
    if scale <= KNOWN_SCALE:
        return None
    return (
        f"at scale {scale:g} the neurons that escape are not negligible at the plateau "
        f"(at most {KNOWN_SCALE:g})"
    )


def enough_neurons(result: Study) -> str | None:
    """At least as many as those with which the law was seen."""
    m = result.case.options["m"]
    if m >= FEWEST:
        return None
    return (
        f"{m} neurons are fewer than those with which the rates were seen to agree "
        f"(at least {FEWEST})"
    )


@topic.claim(
    "beyond-saddle-rates",
    "The fastest occupied class at a plateau gives the rate at which training leaves it.",
    place="beyond Section 5",
    given=(small_start, enough_neurons),
)
def saddle_rates(result: Study) -> Iterable[Part]:
    """At every plateau whose fastest class has settled and whose growth is resolved."""
    names = ("predicted", "fastest", "measured")
    predicted, fastest, measured = (result.arrays[name] for name in names)
    judged = np.abs(fastest - predicted) <= SETTLED * predicted
    if not judged.any():
        require(
            "no plateau is left whose fastest class has settled and whose growth is resolved; "
            "raise options.horizon or lower options.every"
        )
    errors = np.abs(measured[judged] / predicted[judged] - 1.0)
    yield at_most("relative error of the rate", errors.max(), AGREEMENT)
    for i, (rate, value) in enumerate(zip(predicted, measured, strict=True)):
        yield number(f"plateau {i + 1}, predicted and measured {rate:.3g}", value)


@topic.claim(
    "beyond-saddle-plateaus",
    "There are as many plateaus, and they are as slow, as were measured.",
    place="beyond Section 5",
    kind="reproduction",
    given=(declared(SADDLE_VIEW, SADDLE_VIEW_EIGHT),),
)
def saddle_plateaus(result: Study) -> Iterable[Part]:
    """Number of plateaus and the rate at the last one."""
    predicted, case = result.arrays["predicted"], result.case
    yield within("plateaus", len(predicted), *target_window(case, "plateaus"))
    if len(predicted):
        window = target_window(case, "rate at the last")
        yield within("rate at the last", predicted[-1], *window)


@topic.figure(
    "saddle-view",
    "From plateau to plateau, unbalanced: speed of the descent, and the rates at which it leaves "
    "plateaus beside those of the fastest class there.",
    layout=(1, 3, style.PAGE, 2.7),
    tolerance=(0.05, 0.1),
)
def view(*results: Study) -> Iterable[Panel]:
    """Speed with the predicted slopes, a panel per run; measured over predicted rates."""
    if any(len(result.arrays["predicted"]) == 0 for result in results):
        raise NotDrawable(
            "the figure shows how training leaves its plateaus, and one of these runs has none"
        )
    rates: list[Mark] = []
    for i, (result, name) in enumerate(zip(results, ("three points", "eight pieces"), strict=True)):
        arrays, t = result.arrays, result.arrays["t"]
        height = log_speed(arrays["speed"]) / np.log(10.0)
        marks = [Line(t, height, width=1.2, label="$-dL/dt$")]
        for start, end, rate in zip(*(arrays[key] for key in Escape._fields[:2]),
                                    arrays["predicted"], strict=True):  # fmt: skip
            inside = (t >= start) & (t <= end)
            x, h = t[inside], height[inside]
            half = int(np.argmin(np.abs(h - (h[0] + h[-1]) / 2)))
            line = h[half] + 2 * rate * (x - x[half]) / np.log(10.0)
            shown = (line >= h.min() - 0.5) & (line <= h[-1] + 0.3)
            marks.append(Line(x[shown], line[shown], colour=style.THEORY, dash="--", width=1.0,
                              label="predicted rate"))  # fmt: skip
        floor = np.log10(RESOLVED * arrays["speed"].max())
        yield Panel(marks, title=name, scale="log-linear", xlabel="flow time",
                    ylabel=r"$\log_{10}$ of the speed",
                    floor=floor if height.min() < floor + 1 else None)  # fmt: skip
        rates.append(Points(arrays["predicted"], arrays["measured"], marker="os"[i], size=5.0,
                            fill="none", colour=(style.LEARNED, style.POSITIVE)[i],
                            label=name))  # fmt: skip
    every = np.concatenate([result.arrays["predicted"] for result in results])
    ends = np.array([0.5, 2.0]) * [every.min(), every.max()]
    rates.append(Line(ends, ends, colour=style.THEORY, dash=":", width=1.0, label="equal"))
    yield Panel(rates, title="rates", scale="log-log", xlabel="predicted rate",
                ylabel="measured rate")  # fmt: skip
