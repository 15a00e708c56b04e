"""All figures of lee2022: angle and norm of one neuron between their bounds, and what goes beyond.

Steps are in thousands. A full line is an upper bound and a dashed one a lower bound.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from flowrepro.core.trajectory import Run, Study
from flowrepro.engines.population import PlaneStart, overlap, population_descent
from flowrepro.figures import NotDrawable, style
from flowrepro.figures.declare import Figure
from flowrepro.figures.panels import Band, Horizontal, Line, Mark, Note, Panel, Points, Text
from flowrepro.papers.lee2022.bounds import angle_band, angle_rates, norm_band, radii
from flowrepro.papers.lee2022.clock import Clock
from flowrepro.papers.lee2022.deep_network import total
from flowrepro.papers.lee2022.experiments import (
    DEEP_LARGE_LR,
    DEEP_SMALL_LR,
    NEURONS,
    RESTARTS,
)
from flowrepro.papers.lee2022.hypotheses import fine_step, one_neuron
from flowrepro.papers.lee2022.neuron import DEVIATIONS, Neuron
from flowrepro.papers.lee2022.norm_checks import restart_index
from flowrepro.papers.lee2022.other_laws import SYMMETRIC
from flowrepro.papers.lee2022.restart_checks import restart_indices
from flowrepro.papers.lee2022.solved_flow import one_layer, solve
from flowrepro.papers.lee2022.solved_flow_study import ln_integral

POINTS = 241
"""Points of a curve at most."""
STEPS = "step $T$ / 1000"
STARTS = ("small", "middle", "large")


def drawable(run: Run) -> Neuron:
    """The neuron of a run; NotDrawable where norm and angle have no bounds."""
    if reason := one_neuron(run) or fine_step(run):
        raise NotDrawable(reason)
    return Neuron.of(run)


def thinned(size: int, keep: tuple[int, ...] = ()) -> np.ndarray:
    """Indices of at most POINTS of ``size`` snapshots, evenly spread, and of those in ``keep``."""
    even = np.linspace(0, size - 1, min(size, POINTS)).round().astype(int)
    return np.unique(np.concatenate([even, np.array(keep, dtype=int)]))


def layers(depth: int) -> str:
    """2 layers."""
    return f"{depth} layer{'s' if depth > 1 else ''}"


def title(run: Run) -> str:
    """1L-MN, or for a case that has no such name, 2 layers."""
    return run.case.name.upper() if run.case.name in NEURONS else layers(run.case.model.depth)


def bounds(x: np.ndarray, low: np.ndarray, high: np.ndarray) -> list[Mark]:
    """Both bounds as lines."""
    look: Any = {"colour": style.THEORY, "width": 1.0}
    return [
        Line(x, high, label="upper bound", **look),
        Line(x, low, label="lower bound", dash=(0, (4, 2)), **look),
    ]


def angles(*runs: Run) -> Iterable[Panel]:
    """phi = pi - theta between the bounds of Theorems A.2 and 4.2, radii of Appendix D.3."""
    for run in runs:
        neuron = drawable(run)
        shown = thinned(len(neuron.step))
        x, theta = neuron.step[shown] / 1000, neuron.path.theta[shown]
        start = neuron.start
        band = angle_band(start, angle_rates(start, *radii(start)), neuron.clock)
        marks = [
            Horizontal(np.pi, label=r"$\pi$, aligned with the teacher"),
            *bounds(x, np.pi - band.high[shown], np.pi - band.low[shown]),
            Line(x, np.pi - theta, width=1.8, label=r"angle $\varphi(T)$"),
        ]
        yield Panel(marks, title=title(run), xlabel=STEPS, ylabel=r"$\varphi(T)$ [rad]",
                    xlim=(0, x[-1]), ylim=(0.6, 3.4), xticks=5)  # fmt: skip


def log_angles(*runs: Run) -> Iterable[Panel]:
    """theta on a logarithmic scale; the lower bound is left out where it is not positive."""
    for run in runs:
        neuron = drawable(run)
        shown = thinned(len(neuron.step))
        x = neuron.step[shown] / 1000
        start = neuron.start
        band = angle_band(start, angle_rates(start, *radii(start)), neuron.clock)
        low = np.where(band.low > 0, band.low, np.nan)
        marks = [
            *bounds(x, low[shown], band.high[shown]),
            Line(x, neuron.descent().theta[shown], colour=style.DATA, width=0.9, dash=":",
                 label="infinitely many points"),
            Line(x, neuron.path.theta[shown], width=1.8, label=r"angle $\theta(T)$ to the teacher"),
        ]  # fmt: skip
        yield Panel(marks, title=title(run), xlabel=STEPS, ylabel=r"$\theta(T)$ [rad]",
                    xlim=(0, x[-1]), ylim=(1e-7, 5.0), xticks=5, scale="linear-log")  # fmt: skip


def norm_panel(run: Run, restarts: tuple[int, ...], filled: bool) -> Panel:
    """||w|| between its bounds from each of the restarts on; the last pair as a band if filled."""
    neuron = drawable(run)
    shown = thinned(len(neuron.step), restarts)
    x, norm = neuron.step / 1000, neuron.path.norm
    marks: list[Mark] = [Horizontal(neuron.teacher, label=r"$\|w^*\|$")]
    lowest = np.inf
    for first in restarts:
        band = norm_band(neuron.restarted(first, neuron.path), neuron.clock.since(first))
        later = shown[shown >= first]
        pair = (x[later], band.low[later - first], band.high[later - first])
        lowest = min(lowest, float(pair[1].min()))
        if filled and first == restarts[-1]:
            named = "between the restarted bounds"
            marks.append(Band(*pair, colour=style.THEORY, opacity=0.35, width=0.8, label=named))
        else:
            marks += bounds(*pair)
    dots = np.array(restarts[1:] if filled else restarts)
    marks += [
        Line(x[shown], norm[shown], width=1.6, label=r"norm $\|w(T)\|$"),
        Points(x[dots], norm[dots], colour=style.DATA, size=3.5, clip=False, zorder=4,
               label="start of bounds"),
    ]  # fmt: skip
    top = 1.08 * max(float(norm[shown].max()), neuron.teacher)
    return Panel(marks, title=title(run), xlabel=STEPS, ylabel=r"$\|w(T)\|$",
                 xlim=(0, x[-1]), ylim=(0.0 if filled else 0.8 * lowest, top),
                 xticks=5)  # fmt: skip


def norms(*runs: Run) -> Iterable[Panel]:
    """Bounds from step 0, and from step 20000 on (Theorems A.1, A.3 and 3.8)."""
    return [norm_panel(run, (0, restart_index(drawable(run))), True) for run in runs]


def restarted(*runs: Run) -> Iterable[Panel]:
    """Bounds from the four steps that each case names."""
    return [norm_panel(run, tuple(restart_indices(run, drawable(run))), False) for run in runs]


def deep(findings: Study) -> Iterable[Panel]:
    """Total norm, norms of the layers and loss of both starts over the paper's steps.

    The steps of the large start are on a logarithmic scale, as it jumps in the first ones.
    """
    arrays, cases = findings.arrays, []
    for name, paper_lr in (("small", DEEP_SMALL_LR), ("large", DEEP_LARGE_LR)):
        small, each = name == "small", arrays[f"{name}_norms"]
        shown = np.unique(np.concatenate([np.arange(min(20, len(each))), thinned(len(each))]))
        x = arrays[f"{name}_step"][shown] * float(arrays[f"{name}_lr"]) / paper_lr
        x, each = x / (1000 if small else 1), each[shown]
        teacher = float(total(arrays[f"{name}_teacher_norms"]))
        curves = [
            Line(x, norm, colour=style.POSITIVE, width=1.0, dash=dash,
                 label=rf"$\|W_{k + 1}(T)\|$")
            for k, (norm, dash) in enumerate(zip(each.T, style.DASHES, strict=True))
        ]  # fmt: skip
        sized = [
            Line(x, total(each), label=r"$\|\Theta(T)\|$"),
            Note(rf"$\|\Theta^*\| = {teacher:.3g}$", "center right"),
        ]
        loss = [Line(x, arrays[f"{name}_loss"][shown], width=1.0)]
        steps, scale = (STEPS, "linear") if small else ("step $T$", "symlog")
        common: Any = {"xlabel": steps, "xlim": (0, float(x[-1]))}
        started = f"{name} start, $k = {float(findings.case.options[name]):g}$"
        cases.append([
            Panel(sized, title=started, ylabel=r"$\|\Theta(T)\|$", scale=f"{scale}-linear",
                  **common),
            Panel(curves, ylabel=r"$\|W_l(T)\|$", scale=f"{scale}-linear",
                  ylim=(0.0, 1.1 * float(each.max())), **common),
            Panel(loss, ylabel="loss", scale=f"{scale}-log", **common),
        ])  # fmt: skip
    return [panel for pair in zip(*cases, strict=True) for panel in pair]


def solved_flow(findings: Study) -> Iterable[Panel]:
    """Orbits, the angle of one layer, solved and bounded, and the first integral on a sample."""
    arrays, t = findings.arrays, findings.arrays["t"]
    theta0 = float(findings.case.options["theta0"])
    shown = [int(depth) for depth in np.unique(arrays["depth"])][:3]
    orbits = []
    for depth, ratio in zip(arrays["depth"], arrays["ratio"], strict=True):
        if depth in shown:
            orbit = solve(depth, float(np.log(ratio)), theta0, 3e-3, 120)
            dash = style.DASHES[shown.index(depth)]
            orbits.append(Line(np.pi - orbit.theta, np.exp(orbit.ln_norm), colour=style.THEORY,
                               dash=dash, width=1.2, label=f"solved, {layers(depth)}"))  # fmt: skip
    yield Panel(orbits, title="orbits", xlabel=r"angle $\varphi$ [rad]", ylabel=r"$\|w\|/v^*$",
                scale="linear-log")  # fmt: skip
    start = PlaneStart(1, *(float(arrays[name]) for name in ("teacher", "norm0", "theta0")))
    band = angle_band(start, angle_rates(start, *radii(start)), Clock(t))
    edges = np.stack([band.high, np.where(band.low > 0, band.low, np.nan)], axis=1)
    angle = [
        Line(t, edges, colour=style.FRAME, width=1.0, label="bounds of Theorem 3.4"),
        Line(t, arrays["sample_theta"], width=1.8, label="a sample"),
        Line(t, one_layer(start, t).theta, colour=style.THEORY, width=1.2),
    ]
    yield Panel(angle, title="one layer", xlabel="flow time $t$", ylabel=r"$\theta$ [rad]",
                scale="linear-log", ylim=(1e-5, 4))  # fmt: skip
    lr = float(arrays["lr"][0])
    descent = population_descent(start, lr, (t / lr).round().astype(np.int64))
    kept = [
        Line(t, arrays["sample"], width=1.8),
        Line(t, ln_integral(descent, start) + t / 2, colour=style.DATA, width=1.0, dash=":",
             label="infinitely many points"),
    ]  # fmt: skip
    yield Panel(kept, title="first integral", xlabel="flow time $t$",
                ylabel=r"$\ln\,(v q\,e^{t/2}/(v_0 q_0))$")  # fmt: skip


def small_starts(findings: Study) -> Iterable[Panel]:
    """Times to align over the initial norm, with the power 1 - m for each m."""
    arrays = findings.arrays
    v0, time, law = 10.0 ** arrays["log10_v0"], np.exp(arrays["ln_time"]), np.exp(arrays["ln_law"])
    marks: list[Mark] = []
    for m, predicted, measured in zip(arrays["depth"] - 1, law, time, strict=True):
        named = r"$C_m\,(v_0/v^*)^{1-m}$"
        marks += [
            Line(v0, predicted, colour=style.THEORY, width=1.0, label=named),
            Points(v0, measured, size=3.0, label="flow"),
            Text(v0[0], measured[0], f"$m={m}$", offset=(-4, 0)),
        ]
    ticks = [place for place in v0 if float(np.log10(place)).is_integer()]
    yield Panel(marks, xlabel=r"initial norm $v_0/v^*$", scale="log-log", legend="upper right",
                ylabel=r"time to $\theta<0.1$, in $v^{*\,-2m}$",
                xlim=(v0.min() / 25, v0.max() * 1.5), xticks=ticks)  # fmt: skip


def dips(findings: Study) -> Iterable[Panel]:
    """Depth of the dip over layers; the plane of starts for one layer and for two."""
    arrays = findings.arrays
    depth = arrays["m"] + 1
    marks: list[Mark] = [
        Points(depth, 1 - least, marker=marker, fill=None if marker == "o" else "none",
               label=rf"$v_0={ratio:g}\,v^*$")
        for least, ratio, marker in zip(
            arrays["least"], arrays["ratios"], style.MARKERS, strict=False)
    ]  # fmt: skip
    named = r"$1-S(\varphi_0)^{1/(m+1)}$"
    marks.append(Line(depth, 1 - arrays["limit"], colour=style.THEORY, width=1.0, label=named))
    yield Panel(marks, title="depth of the dip", xlabel="layers $m+1$", scale="log-log",
                ylabel=r"dip $1-\min\|w\|/v^*$", ylim=(0.01, 1.0), yticks=[0.01, 0.1, 1.0],
                legend="lower left")  # fmt: skip
    phi = np.linspace(0.02, np.pi - 0.02, 300)
    slope = -(np.sin(phi) + np.pi * np.cos(phi))
    falls = np.divide(phi, slope, out=np.full(len(phi), np.nan), where=slope > 0)
    for count in (1, 2):
        grows = overlap(np.pi - phi) ** (1.0 / count)
        plane: list[Mark] = [
            Band(phi, 0.1, grows),
            Line(phi, grows, width=1.2),
            Text([2.35, 0.9], [0.22, 1.6], ["grows", "falls, then grows"], size=8),
        ]
        if count == 1:
            above = np.where(falls < 10, falls, np.nan)
            plane += [
                Band(phi, above, 10.0, colour=style.THEORY),
                Line(phi, falls, colour=style.THEORY, width=1.2),
                Text(2.62, 4.5, "falls", size=8),
            ]
        yield Panel(plane, title=layers(count), xlabel=r"initial angle $\varphi_0$ [rad]",
                    ylabel=r"initial norm $v_0/v^*$", scale="linear-log",
                    xlim=(0, np.pi), ylim=(0.1, 10))  # fmt: skip


def many_seeds(findings: Study) -> Iterable[Panel]:
    """Distances over n / d by layers (line) and start (marker), and the excess of every run."""
    arrays = findings.arrays
    x = arrays["n"] / findings.case.options["d"]
    common: Any = {"xlabel": "$n/d$", "xticks": x}
    quantities = {"norm": r"$\sup|v-v_{pop}|/v^*$", "angle": r"$\sup|\theta-\theta_{pop}|$ [rad]"}
    for name, quantity in quantities.items():
        values = np.sqrt(np.mean(np.square(arrays[name]), axis=2))
        marks = [
            Line(x, case, marker="os^"[k % 3], dash=style.DASHES[k // 3], width=1.0, fill="white",
                 label=f"{layers(k // 3 + 1)}, {STARTS[k % 3]}")
            for k, case in enumerate(values)
        ]  # fmt: skip
        slope = 1.5 * values.max() * np.sqrt(x[0] / x)
        marks.append(Line(x, slope, colour=style.THEORY, width=1.2, label=r"slope $-1/2$"))
        yield Panel(marks, title=f"{name} of a sample", ylabel=quantity, scale="log-log", **common)
    excess = np.maximum(arrays["low"], arrays["high"]) * np.sqrt(arrays["n"])[:, None]
    spread = np.geomspace(0.75, 1.35, len(excess))[:, None, None] * x[:, None]
    cloud = np.broadcast_to(spread, excess.shape).ravel()
    two = Horizontal(DEVIATIONS * np.sqrt(1.25), colour=style.THEORY, width=1.2,
                     label="two deviations, $v_0=v^*$")  # fmt: skip
    yield Panel([Points(cloud, excess.ravel(), marker=".", size=2.0), two], scale="log-linear",
                title="excess over bounds", ylabel=r"excess in $v^*/\sqrt{n}$",
                **common)  # fmt: skip


def tighter_bounds(findings: Study) -> Iterable[Panel]:
    """Above: norm with its bounds by round. Below: relative width of those of the angle."""
    arrays, lag = findings.arrays, float(findings.case.options["lag"])
    t, depths = arrays["t"], arrays["depth"][:3]
    back = min(max(0, round(lag / (t[1] - t[0]))), len(t))
    common: Any = {"xlabel": r"flow time, $v^{*\,-2m}$", "xlim": (0, t[-1])}
    top = 1.1 * float(arrays["norm"][: len(depths)].max())
    for k, depth in enumerate(depths):
        again = [
            np.concatenate([np.full(back, np.nan), np.diagonal(arrays[f"again_{side}"][k], back)])
            for side in ("low", "high")
        ]
        started = f"started {lag:g} before"
        marks: list[Mark] = [
            Band(t, *again, colour=style.POSITIVE, opacity=0.3, width=0.6, label=started),
            Line(t, arrays["norm"][k], width=1.6, zorder=3, label=r"flow $\|w\|$"),
        ]
        pairs = np.stack([arrays["norm_low"][k], arrays["norm_high"][k]], axis=-1)
        marks += [
            Line(t, pair, colour=style.THEORY, width=1.0, dash=dash, label=f"round {index}")
            for index, (pair, dash) in enumerate(zip(pairs, style.DASHES[:3], strict=False))
        ]
        yield Panel(marks, title=layers(depth), ylabel=r"$\|w\|/v^*$", ylim=(0, top), **common)
    for k in range(len(depths)):
        widths = (arrays["theta_high"][k] - arrays["theta_low"][k]) / arrays["theta"][k]
        marks = [
            Line(
                t[1:], width[1:], colour=style.THEORY, width=1.0, dash=dash, label=f"round {index}"
            )
            for index, (width, dash) in enumerate(zip(widths, style.DASHES, strict=False))
        ]
        if not widths.any():
            marks = [Note("exact from round 0:\nthe norm does not enter", "center center")]
        yield Panel(marks, ylabel=r"$(\theta_{high}-\theta_{low})/\theta$", scale="linear-log",
                    ylim=(1e-6, 1e1), **common)  # fmt: skip


def other_laws(findings: Study) -> Iterable[Panel]:
    """Angle and norm for two depths; symmetric laws in one colour, the uneven one in another."""
    arrays = findings.arrays
    x = arrays["step"] / 1000
    looks = {
        "theta": (r"$\theta$ [rad]", "linear-log", (1e-3, 3)),
        "norm": (r"$\|w\|/v^*$", "linear-linear", None),
    }
    for k, depth in enumerate(arrays["depth"][:2]):
        for name, (quantity, scale, limits) in looks.items():
            marks = [Line(x, arrays[f"population_{name}"][k], colour=style.THEORY, width=3.5,
                          opacity=0.35, label="symmetric population")]  # fmt: skip
            dashes = (*style.DASHES[:4], "-")
            for law, curve, dash in zip(arrays["law"], arrays[name][k], dashes, strict=True):
                colour = style.LEARNED if law in SYMMETRIC else style.NEGATIVE
                marks.append(Line(x, curve, colour=colour, dash=dash, width=1.1, label=str(law)))
            what = "angle" if name == "theta" else "norm"
            yield Panel(marks, title=f"{layers(depth)}: {what}", xlabel="scaled step / 1000",
                        ylabel=quantity, scale=scale, ylim=limits,
                        xlim=(0, x[-1] * (0.5 if depth == 1 else 1)))  # fmt: skip


def flips(findings: Study) -> Iterable[Panel]:
    """Shares of the samples over the steps for the three starts, a panel for each depth."""
    arrays = findings.arrays
    x, n = arrays["step"] / 1000, arrays["n"]
    for k in range(len(NEURONS) // 3):
        marks: list[Mark] = []
        for j, (start, dash) in enumerate(zip(STARTS, style.DASHES, strict=False)):
            run = 3 * k + j
            changes, unlike = arrays["flips"][run] / n, arrays["wedge"][run] / n
            marks += [
                Line(x, changes, dash=dash, label=f"changes so far / n, {start} start"),
                Line(x, unlike, colour=style.DATA, dash=dash, width=1.0,
                     label=f"unlike the teacher / n, {start} start"),
                Points(x[::4], arrays["theta"][run, ::4] / np.pi, colour=style.THEORY, size=2.5,
                       label=r"$\theta/\pi$"),
            ]  # fmt: skip
        yield Panel(marks, title=layers(k + 1), xlabel=STEPS, ylabel="share of the samples",
                    scale="log-linear", xlim=(x[1], x[-1]),
                    ylim=(0, 1.1 * float((arrays["flips"] / n).max())))  # fmt: skip


def _named(depths: Iterable[int]) -> tuple[str, ...]:
    return tuple(name for name, case in NEURONS.items() if case.model.depth in set(depths))


FIGURES = (
    Figure(
        "1", "figure-1-angles",
        "Angle of one neuron of one, two and three layers from a small, middle and large initial "
        "norm, between its bounds.",
        angles, cases=tuple(NEURONS), layout=(3, 3, style.PAGE, 5.6), share="both",
    ),
    Figure(
        "1-log", "figure-1-angles-log",
        "The same angles to the teacher on a logarithmic scale, with those of the same descent on "
        "infinitely many points.",
        log_angles, cases=tuple(NEURONS), layout=(3, 3, style.PAGE, 5.6), share="both",
    ),
    Figure(
        "2", "figure-2-norms",
        "Norm of one neuron of one and two layers from a small, middle and large initial norm, "
        "between its bounds, also restarted at step 20000.",
        norms, cases=_named((1, 2)), layout=(2, 3, style.PAGE, 4.4), share="x",
    ),
    Figure(
        "2-three-layers", "figure-2-norms-three-layers",
        "The case that the paper leaves out: three layers, between the implicit bounds of Theorem "
        "3.8.",
        norms, cases=_named((3,)), layout=(1, 3, style.PAGE, 2.7),
    ),
    Figure(
        "3", "figure-3-restarted-bounds",
        "Norm of one neuron of one and two layers with bounds started at four points of the run: "
        "the latest are the tightest.",
        restarted, cases=tuple(case.name for case in RESTARTS.values()),
        layout=(1, 2, style.PAGE, 3.0),
    ),
    Figure(
        "4", "figure-4-deep-network",
        "Five weight matrices, not balanced: the norm grows from a small start and, once the "
        "first steps are over, falls from a large one.",
        deep, cases=("deep",), layout=(3, 2, style.PAGE, 5.2), share="x",
        tolerance=(2e-2, 1e-3),  # float32, whose rounding the escape from the small start amplifies
    ),
    Figure(
        "beyond-solved-flow", "beyond-solved-flow",
        "The population flow in closed form: orbits of one to three layers; one layer in time "
        "beside its bounds; the first integral on a sample.",
        solved_flow, cases=("solved-flow",), layout=(1, 3, style.PAGE, 2.8),
    ),
    Figure(
        "beyond-small-starts", "beyond-small-starts",
        "Time to align from a small norm, for m + 1 layers: one layer gets faster, two do not "
        "care, more are slowed down by powers.",
        small_starts, cases=("small-starts",), layout=(1, 1, style.COLUMN, 2.8),
    ),
    Figure(
        "beyond-dips", "beyond-dips",
        "How far the norm dips below the teacher's, by the number of layers; and the starts from "
        "which it grows, dips or falls.",
        dips, cases=("dips",), layout=(1, 3, style.PAGE, 2.5), share="y",
    ),
    Figure(
        "beyond-many-seeds", "beyond-many-seeds",
        "The nine settings over many draws: distance of a sample from the population, and what "
        "the norm exceeds its bounds by.",
        many_seeds, cases=("many-seeds",), layout=(1, 3, style.PAGE, 3.2),
    ),
    Figure(
        "beyond-tighter-bounds", "beyond-tighter-bounds",
        "Bounds of norm and angle fed into each other round by round, and bounds of the norm "
        "started again at every moment.",
        tighter_bounds, cases=("tighter-bounds",), layout=(2, 3, style.PAGE, 4.2), share="both",
        tolerance=(1e-2, 1e-6),  # widths of the last round are as small as the error of integration
    ),
    Figure(
        "beyond-other-laws", "beyond-other-laws",
        "One neuron on points of other laws, the step scaled by d / E||x||^2: symmetric laws "
        "collapse, an uneven covariance does not.",
        other_laws, cases=("other-laws",), layout=(2, 2, style.PAGE, 4.2),
    ),
    Figure(
        "beyond-flips", "beyond-flips",
        "Changes of activation along the nine runs, and samples on which the neuron differs from "
        "its teacher, beside theta / pi.",
        flips, cases=("flips",), layout=(1, 3, style.PAGE, 3.0), share="y",
        tolerance=(1e-3, 1e-3),  # a sample on the boundary counts 1 / n
    ),
)  # fmt: skip
