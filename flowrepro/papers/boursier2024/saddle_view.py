r"""From saddle to saddle: does the force at a plateau of the loss say how fast training leaves it? (boursier2024, Section 5)

At a plateau the neurons that carry the output feel no force, and the others are negligible. One in the open cone of u with sign s
of a then grows along w at the rate s <D_u, w / ||w||>, D_u = (1/n) sum over active k of (y_k - h_k) x_k, and the class at most at
the length of the projection of s D_u on its closed cone. The fastest occupied class dominates, h departs like e^(2 rate t), and so
does the speed -dL/dt: the slope of its logarithm, halved, is the rate that is measured.

A plateau is where the speed is least before one of its peaks, if the rise has a slope and L falls on it.
The study's options: m, scale, lr, horizon (flow time), every (steps between losses), growth (ratio of the steps at which the
neurons are looked at).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.optimize import nnls
from scipy.signal import find_peaks

from flowrepro.claims.old_claim import number, require, statement, target_window, upper, window
from flowrepro.claims.old_verdict import Claim, Judgement
from flowrepro.core.config import Init, StudyCase
from flowrepro.core.network import predict
from flowrepro.core.trajectory import Dataset, Study, Trajectory
from flowrepro.figures import Figure, NotDrawable, style
from flowrepro.figures.line_panels import legend_below
from flowrepro.papers.boursier2024.along import active
from flowrepro.papers.boursier2024.hypotheses import KNOWN_SCALE, ref
from flowrepro.papers.boursier2024.omnidirectionality import geometric_steps
from flowrepro.papers.boursier2024.study_hypotheses import declared
from flowrepro.papers.boursier2024.training import problem_of, train
from flowrepro.papers.topic import Progress

if TYPE_CHECKING:
    from matplotlib.axes import Axes

CASES = ("saddle-view", "saddle-view-eight")
RESOLVED = 1e-13
"""Speeds below this part of the largest are rounding of the losses they are differences of."""
LOOKS = 1.01
"""Ratio of the times between which speeds are taken: late, where rates are small, they average over the zigzag of neurons caught at a datum."""
RISE = 5.0
"""Least ln of the speed at a peak over that at the plateau before it; less is no plateau (chosen)."""
FALL = 0.01
"""Least relative fall of L from a plateau to the peak; less is the zigzag of descent at a stationary point (chosen)."""
GROWTH_PART = (0.3, 0.7)
"""Part of that rise in which the growth is a pure exponential: after other classes have died out, before saturation (chosen)."""
SETTLED = 0.05
"""A class is at its fastest direction where the fastest neuron is this close to its rate (chosen; 1e-3 measured)."""
AGREEMENT = 0.1
"""Bound of the relative error of a predicted rate (at most 0.021 measured with 400 neurons and more, 0.074 with 200)."""
FEWEST = 200
"""Neurons from which on the law was seen (measured: with 100 on the points of Figure 3 the last rate is 16 and 36 % below, two seeds)."""


class Escape(NamedTuple):
    """Flow times of the plateau and of the peak, L at the plateau, and three rates: of the fastest class, of the fastest neuron, measured."""

    plateau: float
    peak: float
    L: float
    predicted: float
    fastest: float
    measured: float


def watch_escapes(
    case: StudyCase, dataset: Dataset | None, progress: Progress
) -> Mapping[str, np.ndarray]:
    """t and speed (T,) of an unbalanced run, and the fields of its escapes (E,) each."""
    assert dataset is not None
    X, y, options = dataset.X, dataset.y, case.options
    n_steps = int(options["horizon"] / (2.0 * options["lr"]))
    init = Init(name="gaussian", m=options["m"], scale=options["scale"], divide_by="sqrt(m)")
    kept = tuple(geometric_steps(n_steps, options["growth"]).tolist())
    run = train(
        problem_of(X, y, init, case.seed, options["lr"], n_steps),
        every=options["every"],
        snapshots=kept,
        engine="fused",
    )
    looks = geometric_steps(len(run.step) - 1, LOOKS)
    t, L = 2.0 * options["lr"] * run.step[looks], run.loss[looks] / 2
    middle, speed = (t[1:] + t[:-1]) / 2, -np.diff(L) / np.diff(t)
    found = [
        Escape(
            middle[i],
            middle[peak],
            L[i],
            *rates_at(X, y, run, middle[i] / (2.0 * options["lr"])),
            growth(middle, speed, i, peak),
        )
        for i, peak in plateaus(speed)
        if L[peak] <= (1 - FALL) * L[i] and np.isfinite(growth(middle, speed, i, peak))
    ]
    progress(1, 1)
    columns = np.array(found).reshape(-1, len(Escape._fields)).T
    return {"t": middle, "speed": speed, **dict(zip(Escape._fields, columns, strict=True))}


def plateaus(speed: np.ndarray) -> list[tuple[int, int]]:
    """Index of the least speed before every peak, and of the peak; a rise that goes on at the end has none."""
    height = log_speed(speed)
    floor = height.min() - 2 * RISE
    peaks = find_peaks(np.concatenate([[floor], height, [floor]]), prominence=RISE)[0] - 1
    before = [0, *peaks][: len(peaks)]
    pairs = [
        (start + int(np.argmin(height[start : peak + 1])), int(peak))
        for start, peak in zip(before, peaks, strict=True)
    ]
    return [
        (i, peak)
        for i, peak in pairs
        if height[peak] - height[i] >= RISE and peak < len(height) - 1
    ]


def log_speed(speed: np.ndarray) -> np.ndarray:
    """ln of the speed, that of RESOLVED times the largest where it is lost in rounding."""
    return np.log(np.maximum(speed, RESOLVED * speed.max()))  # type: ignore[no-any-return]


def growth(t: np.ndarray, speed: np.ndarray, plateau: int, peak: int) -> float:
    """Half the slope of ln speed over GROWTH_PART of its rise; nan where fewer than five samples lie there."""
    height = log_speed(speed[plateau : peak + 1])
    part = (height - height[0]) / (height[-1] - height[0])
    inside = (part > GROWTH_PART[0]) & (part < GROWTH_PART[1])
    return (
        float(np.polyfit(t[plateau : peak + 1][inside], height[inside], 1)[0] / 2)
        if inside.sum() >= 5
        else float("nan")
    )


def rates_at(X: np.ndarray, y: np.ndarray, run: Trajectory, step: float) -> tuple[float, float]:
    """Rates of the fastest occupied class and of the fastest neuron, at the snapshot next to a step."""
    s = int(np.argmin(np.abs(run.snapshot_step - step)))
    W, a = run.W[s], run.a[s]
    pull = (y - predict(X, W, a)) / len(y)
    own = np.sign(a) * (np.maximum(W @ X.T, 0.0) @ pull) / np.linalg.norm(W, axis=1)
    return fastest_class(X, pull, W, a), float(own.max())


def fastest_class(X: np.ndarray, pull: np.ndarray, W: np.ndarray, a: np.ndarray) -> float:
    """max over occupied classes (bits, s) of the length of the projection of s D_u on the closed cone, D_u = sum over active k of pull_k x_k."""
    classes = np.unique(np.column_stack([active(X, W), a > 0]), axis=0)
    lengths = []
    for *bits, positive in classes:
        on = np.array(bits)
        walls = np.where(on, 1.0, -1.0)[:, None] * X  # the cone is where walls @ w >= 0
        D = (1.0 if positive else -1.0) * (pull * on) @ X
        lengths.append(nnls(-walls.T, D)[1])  # what the polar cone leaves of D (Moreau)
    return float(max(lengths))


def small_start(findings: Study) -> str | None:
    """A scale at which neurons are negligible at a plateau."""
    scale = findings.case.options["scale"]
    return (
        None
        if scale <= KNOWN_SCALE
        else f"at scale {scale:g} the neurons that escape are not negligible at the plateau (at most {KNOWN_SCALE:g})"
    )


def enough_neurons(findings: Study) -> str | None:
    """At least as many as those with which the law was seen."""
    m = findings.case.options["m"]
    return (
        None
        if m >= FEWEST
        else f"{m} neurons are fewer than those with which the rates were seen to agree (at least {FEWEST})"
    )


@statement(
    "saddle-rates",
    ref("Section 5"),
    "theory",
    CASES,
    "the fastest occupied class at a plateau gives the rate at which training leaves it",
    given=(small_start, enough_neurons),
)
def saddle_rates(findings: Study) -> Sequence[Judgement]:
    """Relative error of the predicted rate at every plateau whose fastest class has settled and whose growth is resolved; the rates as numbers."""
    predicted, fastest, measured = (
        findings.arrays[name] for name in ("predicted", "fastest", "measured")
    )
    judged = np.abs(fastest - predicted) <= SETTLED * predicted
    require(
        None
        if judged.any()
        else "no plateau is left whose fastest class has settled and whose growth is resolved; raise options.horizon or lower options.every"
    )
    errors = np.abs(measured[judged] / predicted[judged] - 1.0)
    numbers = [
        number(f"plateau {i + 1}, predicted and measured {rate:.3g}", value)
        for i, (rate, value) in enumerate(zip(predicted, measured, strict=True))
    ]
    return [upper("relative error of the rate", float(errors.max()), AGREEMENT), *numbers]


@statement(
    "saddle-plateaus",
    ref("Section 5"),
    "reproduction",
    CASES,
    "as many plateaus, and as slow, as were measured",
    given=(declared,),
)
def saddle_plateaus(findings: Study) -> Sequence[Judgement]:
    """Number of plateaus and the rate at the last one."""
    predicted, case = findings.arrays["predicted"], findings.case
    parts = [window("plateaus", float(len(predicted)), *target_window(case, "plateaus"))]
    return (
        parts
        if len(predicted) == 0
        else [
            *parts,
            window(
                "rate at the last", float(predicted[-1]), *target_window(case, "rate at the last")
            ),
        ]
    )


class View(NamedTuple):
    """Of each of the two runs: t and speed (T,), and plateau, peak, predicted and measured (E,)."""

    t: tuple[np.ndarray, ...]
    speed: tuple[np.ndarray, ...]
    plateau: tuple[np.ndarray, ...]
    peak: tuple[np.ndarray, ...]
    predicted: tuple[np.ndarray, ...]
    measured: tuple[np.ndarray, ...]


def collect_view(*runs: Study) -> View:
    """As computed; NotDrawable for a run without plateaus."""
    if any(len(findings.arrays["predicted"]) == 0 for findings in runs):
        raise NotDrawable(
            "the figure shows how training leaves its plateaus, and one of these runs has none"
        )
    return View(*(tuple(findings.arrays[name] for findings in runs) for name in View._fields))


def draw_view(axes: Sequence[Axes], data: View) -> None:
    """Speed with the predicted slopes, a panel per run; measured over predicted rates."""
    *curves, rates = axes
    for i, (ax, name) in enumerate(zip(curves, ("three points", "eight pieces"), strict=True)):
        height = log_speed(data.speed[i]) / np.log(10.0)
        ax.plot(data.t[i], height, color=style.LEARNED, linewidth=1.2, label="$-dL/dt$")
        for start, end, rate in zip(data.plateau[i], data.peak[i], data.predicted[i], strict=True):
            inside = (data.t[i] >= start) & (data.t[i] <= end)
            t, h = data.t[i][inside], height[inside]
            half = int(np.argmin(np.abs(h - (h[0] + h[-1]) / 2)))
            line = h[half] + 2 * rate * (t - t[half]) / np.log(10.0)
            shown = (line >= h.min() - 0.5) & (line <= h[-1] + 0.3)
            ax.plot(
                t[shown],
                line[shown],
                "--",
                color=style.THEORY,
                linewidth=1.0,
                label="predicted rate",
            )
        ax.set(xscale="log", xlabel="flow time", title=f"({'ab'[i]}) {name}")
        rates.plot(
            data.predicted[i],
            data.measured[i],
            "os"[i],
            color=(style.LEARNED, style.POSITIVE)[i],
            markersize=5,
            markerfacecolor="none",
            label=name,
        )
    curves[0].set_ylabel(r"$\log_{10}$ of the speed")
    ends = np.array([0.5, 2.0]) * [
        min(np.min(p) for p in data.predicted),
        max(np.max(p) for p in data.predicted),
    ]
    rates.plot(ends, ends, "--", color=style.THEORY, linewidth=1.0)
    rates.set(
        xscale="log",
        yscale="log",
        xlabel="predicted rate",
        ylabel="measured rate",
        title="(c) dashed: equal",
    )
    legend_below(axes, columns=4)


CLAIMS: tuple[Claim, ...] = (saddle_rates, saddle_plateaus)
FIGURES = (
    Figure(
        id="saddle-view",
        file="saddle-view",
        cases=CASES,
        caption="From plateau to plateau, unbalanced: speed of the descent, and the rates at which it leaves plateaus beside those of the fastest class there.",
        layout=(1, 3, style.PAGE, 2.7),
        collect=collect_view,
        draw=draw_view,
        tolerance=(0.05, 0.1),
    ),
)
