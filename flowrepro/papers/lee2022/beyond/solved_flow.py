"""The population flow in closed form (beyond lee2022, Theorems 3.3 to 3.9).

The formulas of `closed_form` against the integrated flow, against descent, and against a sample.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import product
from typing import Any

import numpy as np
from scipy.interpolate import CubicSpline

from flowrepro.claims.claim import NotApplicable
from flowrepro.claims.verdict import Part, at_most, number, within
from flowrepro.core.trajectory import Study
from flowrepro.engines.population import PlaneStart, population_descent, population_flow
from flowrepro.figures import style
from flowrepro.figures.panels import Line, Panel
from flowrepro.papers.lee2022 import PAPER
from flowrepro.papers.lee2022.beyond.closed_form import ln_integral, one_layer, solve
from flowrepro.papers.lee2022.bounds import angle_band, angle_rates, radii
from flowrepro.papers.lee2022.hypotheses import FEW, draws_its_points
from flowrepro.papers.lee2022.neuron import Clock
from flowrepro.papers.lee2022.section_5_runs import counted, train_on
from flowrepro.papers.study import Progress, option
from flowrepro.papers.topic import Topic

topic = Topic(PAPER, "The flow in closed form", given=(draws_its_points,))

HORIZON = 20.0
"""Flow time of the descents and of the sample, in which theta falls to 1e-4."""


@topic.study
def solved_flow(
    *,
    depths: list[int] = option([1, 2, 3, 4], "numbers of layers", within=(1, 6)),
    # the paper's small, middle and large starts
    ratios: list[float] = option([0.1, 1.0, 2.0], "v_0 / v*", within=(1e-3, 3.0)),
    theta0: float = option(1.6, "initial angle", within=(0.1, 3.1)),
    last: float = option(1e-6, "angle at which the flows end", within=(1e-7, 0.05)),
    lr: list[float] = option([4e-3, 2e-3, 1e-3], "step sizes of descents", within=(1e-4, 0.1)),
    n: int = option(4_000, "points of the sample", within=(10, 100_000)),
    d: int = option(40, "dimension of the sample", within=(2, 1_000)),
    seed: int,
    progress: Progress,
) -> dict[str, np.ndarray]:
    """Differences between the solved and the integrated flow, and what descent and a sample do to
    the first integral.

    depth, ratio : (K,) cases. angle, norm : (K,) largest relative differences at equal times;
    integral : (K,) largest |ln(v q / (v_0 q_0)) + (1/2) int v^(2m) dt| of the integrated flow;
    explicit : (K,) of one layer's elementary solution, nan for others. lr, descent : (L,) largest
    |ln(v q / (v_0 q_0)) + t/2| of one layer's population descent. t, sample : (T,) and
    ln(v q e^(t/2) / (v_0 q_0)) along a sample; teacher, norm0, theta0 of its start, sample_theta
    (T,).
    """
    cases = list(product(depths, ratios))
    found = []
    for k, (depth, ratio) in enumerate(cases):
        found.append(_differences(depth, ratio, theta0, last))
        progress(k + 1, len(cases) + 1)
    names, steps = ("angle", "norm", "integral", "explicit"), np.array(lr)
    start = PlaneStart(1, 1.0, 1.0, theta0)
    return {
        "depth": np.array([depth for depth, _ in cases]),
        "ratio": np.array([ratio for _, ratio in cases]),
        **dict(zip(names, np.array(found).T, strict=True)),
        "lr": steps,
        "descent": np.array([_descent_error(start, step) for step in steps]),
        **_sample(n, d, lr[0], np.random.default_rng(seed)),
    }


def _differences(
    depth: int, ratio: float, theta0: float, last: float
) -> tuple[float, float, float, float]:
    """angle, norm, integral and explicit of `solved_flow`, for v* = 1."""
    start = PlaneStart(depth, 1.0, ratio, theta0)
    orbit = solve(depth, float(np.log(ratio)), theta0, last)
    t = orbit.time * ratio ** (2 - depth)
    path = population_flow(start, t)
    spent = 0.5 * CubicSpline(t, path.norm ** (2 * depth - 2)).antiderivative()(t)
    explicit = np.nan
    if depth == 1:
        exact = one_layer(start, t)
        pairs = ((exact.theta, path.theta), (exact.norm, path.norm))
        explicit = max(np.abs(ours / theirs - 1).max() for ours, theirs in pairs)
    return (
        np.abs(path.theta / orbit.theta - 1).max(),
        np.abs(np.log(path.norm) - orbit.ln_norm).max(),
        np.abs(ln_integral(path, start) + spent).max(),
        explicit,
    )


def _descent_error(start: PlaneStart, lr: float) -> float:
    steps = np.unique(np.linspace(0, round(HORIZON / lr), 400).round().astype(np.int64))
    path = population_descent(start, lr, steps)
    return float(np.abs(ln_integral(path, start) + path.t / 2).max())


def _sample(n: int, d: int, lr: float, rng: np.random.Generator) -> dict[str, np.ndarray]:
    X, teacher, w0 = rng.standard_normal((n, d)), rng.standard_normal(d), rng.standard_normal(d)
    (path,) = train_on(X, w0, teacher, [(1, lr)], round(HORIZON / lr))
    start = PlaneStart.of(w0, teacher, 1)
    return {
        "t": path.t,
        "sample": ln_integral(path, start) + path.t / 2,
        "sample_theta": path.theta,
        "teacher": np.array(start.teacher_norm),
        "norm0": np.array(start.norm),
        "theta0": np.array(start.theta),
    }


SOLVED_FLOW = solved_flow.case(
    "solved-flow",
    "beyond Theorems 3.3 to 3.9: the population flow in closed form, against its integration, "
    "descent and a sample",
    quick={"depths": [1, 3], "ratios": [0.1, 2.0]},
)


@topic.claim(
    "beyond-first-integral",
    "The flow keeps d ln(v sin(phi) / phi) / dt = -v^(2m) / 2, and with it norm and angle are "
    "known in closed form.",
    place="Propositions 3.1 and 3.6, beyond the paper",
)
def flow_is_solved(study: Study) -> Iterator[Part]:
    """Largest differences between integrated and solved flow, until theta = 1e-6."""
    arrays = study.arrays
    yield at_most("first integral, ln", arrays["integral"].max(), 1e-6)
    yield at_most("angle at equal times, relative", arrays["angle"].max(), 1e-8)
    yield at_most("norm at equal times, relative", arrays["norm"].max(), 1e-8)
    elementary = arrays["explicit"][arrays["depth"] == 1]
    if elementary.size:
        yield at_most("one layer, elementary solution, relative", elementary.max(), 1e-8)


@topic.claim(
    "beyond-first-integral-descent",
    "Descent keeps the first integral up to O(lr).",
    place="Theorem 4.1, beyond the paper",
)
def descent_nearly(study: Study) -> Iterator[Part]:
    """Slope of ln of the largest deviation of ln(v q) from -t/2 against ln lr, one layer."""
    lr, descent = study.arrays["lr"], study.arrays["descent"]
    if len(lr) < 2 or lr.max() > 0.02:
        raise NotApplicable("an order needs two steps at least, none above 0.02; change options.lr")
    yield within("slope", np.polyfit(np.log(lr), np.log(descent), 1)[0], 0.95, 1.05)
    yield number("largest deviation", descent.max())


@topic.claim(
    "beyond-first-integral-sample",
    "A sample keeps the first integral while the angle is large. It leaves it when the angle is "
    "small: its late rates are the eigenvalues of its own second moments.",
    place="Section 5.1, beyond the paper",
)
def sample_leaves(study: Study) -> Iterator[Part]:
    """|ln(v q e^(t/2) / (v_0 q_0))| over sqrt(d/n) while theta > 0.5; the same at the end."""
    arrays, options = study.arrays, study.case.options
    share = float(np.sqrt(options["d"] / options["n"]))
    if share > FEW**-0.5:
        raise NotApplicable(
            f"n / d = {share**-2:.3g} < {FEW}: such a sample does not follow the population's "
            "dynamics"
        )
    early = arrays["sample_theta"] > 0.5
    largest = np.abs(arrays["sample"][early]).max() / share
    yield at_most("while theta > 0.5, sqrt(d/n)", largest, 1.0)
    yield number("at the end, sqrt(d/n)", arrays["sample"][-1] / share)


@topic.figure(
    "beyond-solved-flow",
    "The population flow in closed form: orbits of one to three layers; the angle of one layer in "
    "time beside its bounds; the first integral on a sample.",
    layout=(1, 3, style.PAGE, 2.8),
)
def orbits_and_integral(study: Study) -> Iterable[Panel]:
    """Orbits, the angle of one layer, solved and bounded, and the first integral on a sample."""
    arrays, t = study.arrays, study.arrays["t"]
    theta0 = float(study.case.options["theta0"])
    shown = [int(depth) for depth in np.unique(arrays["depth"])][:3]
    orbits = []
    for depth, ratio in zip(arrays["depth"], arrays["ratio"], strict=True):
        if depth in shown:
            orbit = solve(depth, float(np.log(ratio)), theta0, 3e-3, 120)
            dash = style.DASHES[shown.index(depth)]
            look: Any = {"colour": style.THEORY, "dash": dash, "label": f"solved, {counted(depth)}"}
            orbits.append(Line(np.pi - orbit.theta, np.exp(orbit.ln_norm), width=1.2, **look))
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
