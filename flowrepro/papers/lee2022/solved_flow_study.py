"""The closed form of the population flow against its integration, against descent, and against a sample (beyond lee2022)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.interpolate import CubicSpline

from flowrepro.claims.old_claim import NotApplicable, number, statement, upper, window
from flowrepro.claims.old_verdict import Judgement
from flowrepro.claims.options import require_ranges
from flowrepro.claims.published import as_declared
from flowrepro.core.config import StudyCase
from flowrepro.core.trajectory import Dataset, Study
from flowrepro.engines.population import PlanePath, PlaneStart, population_descent, population_flow
from flowrepro.figures import Figure, style
from flowrepro.figures.line_panels import legend_below
from flowrepro.papers.lee2022.beyond_cases import SOLVED_FLOW
from flowrepro.papers.lee2022.bounds import angle_band, angle_rates, radii
from flowrepro.papers.lee2022.clock import Clock
from flowrepro.papers.lee2022.hypotheses import FEW, ref
from flowrepro.papers.lee2022.solved_flow import ln_q, one_layer, solve
from flowrepro.papers.lee2022.spherical_data import train_on
from flowrepro.papers.topic import Progress

if TYPE_CHECKING:
    from matplotlib.axes import Axes

RANGES = {
    "depths": (1, 6),
    "ratios": (1e-3, 3.0),
    "theta0": (0.1, 3.1),
    "last": (1e-7, 0.05),
    "lr": (1e-4, 0.1),
    "n": (10, 100_000),
    "d": (2, 1_000),
}
HORIZON = 20.0
"""Flow time of the descents and of the sample, in which theta falls to 1e-4."""


def compute_solved_flow(
    study: StudyCase, dataset: Dataset | None, progress: Progress
) -> Mapping[str, np.ndarray]:
    """Differences between the solved and the integrated flow, and what descent and a sample do to the first integral.

    depth, ratio : (K,) cases. angle, norm : (K,) largest relative differences at equal times; integral : (K,) largest
    |ln(v q / (v_0 q_0)) + (1/2) int v^(2m) dt| of the integrated flow; explicit : (K,) of one layer's elementary solution, nan for others.
    lr, descent : (L,) largest |ln(v q / (v_0 q_0)) + t/2| of one layer's population descent.
    t, sample : (T,) and ln(v q e^(t/2) / (v_0 q_0)) along a sample; teacher, norm0, theta0 of its start, sample_theta (T,).
    """
    options = study.options
    require_ranges(options, RANGES)
    cases = [
        (int(depth), float(ratio)) for depth in options["depths"] for ratio in options["ratios"]
    ]
    found = []
    for k, (depth, ratio) in enumerate(cases):
        found.append(_differences(depth, ratio, float(options["theta0"]), float(options["last"])))
        progress(k + 1, len(cases) + 1)
    names = ("angle", "norm", "integral", "explicit")
    lrs = np.array(options["lr"], dtype=float)
    descents = np.array(
        [_descent_error(PlaneStart(1, 1.0, 1.0, float(options["theta0"])), lr) for lr in lrs]
    )
    arrays = dict(zip(names, np.array(found).T, strict=True))
    cases_of = {
        "depth": np.array([depth for depth, _ in cases]),
        "ratio": np.array([ratio for _, ratio in cases]),
    }
    return {**cases_of, **arrays, "lr": lrs, "descent": descents, **_sample(study)}


def _differences(
    depth: int, ratio: float, theta0: float, last: float
) -> tuple[float, float, float, float]:
    """angle, norm, integral and explicit of `compute_solved_flow`, for v* = 1."""
    start = PlaneStart(depth, 1.0, ratio, theta0)
    orbit = solve(depth, float(np.log(ratio)), theta0, last)
    t = orbit.time * ratio ** (2 - depth)
    path = population_flow(start, t)
    spent = 0.5 * CubicSpline(t, path.norm ** (2 * depth - 2)).antiderivative()(t)
    kept = np.abs(ln_integral(path, start) + spent).max()
    explicit = np.nan
    if depth == 1:
        exact = one_layer(start, t)
        explicit = max(
            np.abs(exact.theta / path.theta - 1).max(), np.abs(exact.norm / path.norm - 1).max()
        )
    return (
        np.abs(path.theta / orbit.theta - 1).max(),
        np.abs(np.log(path.norm) - orbit.ln_norm).max(),
        kept,
        explicit,
    )


def ln_integral(path: PlanePath, start: PlaneStart) -> np.ndarray:
    """ln(v q / (v_0 q_0)) along a path, (T,)."""
    return np.asarray(
        np.log(path.norm / start.norm) + ln_q(path.theta) - ln_q(np.asarray(start.theta))
    )


def _descent_error(start: PlaneStart, lr: float) -> float:
    path = population_descent(
        start, lr, np.unique(np.linspace(0, round(HORIZON / lr), 400).round().astype(np.int64))
    )
    return float(np.abs(ln_integral(path, start) + path.t / 2).max())


def _sample(study: StudyCase) -> dict[str, np.ndarray]:
    n, d, lr = int(study.options["n"]), int(study.options["d"]), float(study.options["lr"][0])
    rng = np.random.default_rng(study.seed)
    X, teacher, w0 = rng.standard_normal((n, d)), rng.standard_normal(d), rng.standard_normal(d)
    (path,) = train_on(X, w0, teacher, [(1, lr)], round(HORIZON / lr))
    start = PlaneStart.of(w0, teacher, 1)
    begun = {"teacher": start.teacher_norm, "norm0": start.norm, "theta0": start.theta}
    arrays = {
        "t": path.t,
        "sample": ln_integral(path, start) + path.t / 2,
        "sample_theta": path.theta,
    }
    return {**arrays, **{name: np.array(value) for name, value in begun.items()}}


GIVEN = (as_declared(SOLVED_FLOW, ("seed", "options")),)


@statement(
    "beyond-first-integral",
    ref("Propositions 3.1 and 3.6, beyond the paper"),
    "theory",
    ("solved-flow",),
    "the flow keeps d ln(v sin(phi) / phi) / dt = -v^(2m) / 2, and with it norm and angle are known",
    GIVEN,
)
def flow_is_solved(findings: Study) -> list[Judgement]:
    """measured: largest differences between integrated and solved flow over layers and starts, until theta = 1e-6."""
    arrays = findings.arrays
    parts = [
        upper("first integral, ln", arrays["integral"].max(), 1e-6),
        upper("angle at equal times, relative", arrays["angle"].max(), 1e-8),
        upper("norm at equal times, relative", arrays["norm"].max(), 1e-8),
    ]
    elementary = arrays["explicit"][arrays["depth"] == 1]
    return [
        *parts,
        *(
            [upper("one layer, elementary solution, relative", elementary.max(), 1e-8)]
            if elementary.size
            else []
        ),
    ]


@statement(
    "beyond-first-integral-descent",
    ref("Theorem 4.1, beyond the paper"),
    "theory",
    ("solved-flow",),
    "descent keeps the first integral up to O(lr)",
    GIVEN,
)
def descent_nearly(findings: Study) -> list[Judgement]:
    """measured: log-log slope of the largest deviation of ln(v q) from -t/2 against lr, one layer; the deviation at the largest step."""
    arrays = findings.arrays
    if len(arrays["lr"]) < 2 or arrays["lr"].max() > 0.02:
        raise NotApplicable("an order needs two steps at least, none above 0.02; change options.lr")
    slope = np.polyfit(np.log(arrays["lr"]), np.log(arrays["descent"]), 1)[0]
    return [
        window("slope", slope, 0.95, 1.05),
        number("largest deviation", arrays["descent"].max()),
    ]


@statement(
    "beyond-first-integral-sample",
    ref("Section 5.1, beyond the paper"),
    "theory",
    ("solved-flow",),
    "a sample keeps it while the angle is large, and leaves it when it is small: its late rates are the eigenvalues of its own second moments",
    GIVEN,
)
def sample_leaves(findings: Study) -> list[Judgement]:
    """measured: |ln(v q e^(t/2) / (v_0 q_0))| over sqrt(d/n) while theta > 0.5; the same at the end, which is no error of the step."""
    arrays, options = findings.arrays, findings.case.options
    share = float(np.sqrt(options["d"] / options["n"]))
    if share > FEW**-0.5:
        raise NotApplicable(
            f"n / d = {share**-2:.3g} < {FEW}: such a sample does not follow the population's dynamics"
        )
    early = arrays["sample_theta"] > 0.5
    return [
        upper("while theta > 0.5, sqrt(d/n)", np.abs(arrays["sample"][early]).max() / share, 1.0),
        number("at the end, sqrt(d/n)", arrays["sample"][-1] / share),
    ]


CLAIMS = (flow_is_solved, descent_nearly, sample_leaves)


# ---- figure


class SolvedFlow(NamedTuple):
    """Orbits as (phi, v/v*) by layers and start; one layer in time: t, theta solved, bounded and of the sample, (T,); ln of its first integral."""

    layers: tuple[int, ...]
    phi: tuple[np.ndarray, ...]
    norm: tuple[np.ndarray, ...]
    t: np.ndarray
    solved: np.ndarray
    low: np.ndarray
    high: np.ndarray
    sample: np.ndarray
    population_integral: np.ndarray
    sample_integral: np.ndarray


def collect_solved_flow(findings: Study) -> SolvedFlow:
    """Orbits of all cases to theta = 0.003; one layer from the start of the sample, with the bounds of Theorem 3.4."""
    arrays = findings.arrays
    theta0, shown = (
        float(findings.case.options["theta0"]),
        [int(depth) for depth in np.unique(arrays["depth"])][:3],
    )
    orbits = [
        (depth, solve(depth, float(np.log(ratio)), theta0, 3e-3, 120))
        for depth, ratio in zip(arrays["depth"], arrays["ratio"], strict=True)
    ]
    kept = [(int(depth), orbit) for depth, orbit in orbits if depth in shown]
    start, t = (
        PlaneStart(1, float(arrays["teacher"]), float(arrays["norm0"]), float(arrays["theta0"])),
        arrays["t"],
    )
    band = angle_band(start, angle_rates(start, *radii(start)), Clock(t))
    lr = float(arrays["lr"][0])
    descent = population_descent(start, lr, (t / lr).round().astype(np.int64))
    return SolvedFlow(
        tuple(depth for depth, _ in kept), tuple(np.pi - orbit.theta for _, orbit in kept), tuple(np.exp(orbit.ln_norm) for _, orbit in kept),
        t, one_layer(start, t).theta, band.low, band.high, arrays["sample_theta"], ln_integral(descent, start) + t / 2, arrays["sample"],
    )  # fmt: skip


def draw_solved_flow(axes: Sequence[Axes], data: SolvedFlow) -> None:
    """(a) orbits, (b) one layer's angle, solved and bounded, (c) the first integral on a sample."""
    orbits, angle, kept = axes
    dashes = dict(zip(sorted(set(data.layers)), ("-", (0, (5, 2)), (0, (1, 1.2))), strict=False))
    for layers, phi, norm in zip(data.layers, data.phi, data.norm, strict=True):
        orbits.plot(
            phi,
            norm,
            color=style.THEORY,
            linestyle=dashes[layers],
            linewidth=1.2,
            label=f"solved, {layers} layer{'s' if layers > 1 else ''}",
        )
    orbits.set(
        yscale="log", xlabel=r"angle $\varphi$ [rad]", ylabel=r"$\|w\|/v^*$", title="(a) orbits"
    )
    angle.plot(data.t, data.high, color=style.FRAME, linewidth=1.0, label="bounds of Theorem 3.4")
    angle.plot(data.t, np.where(data.low > 0, data.low, np.nan), color=style.FRAME, linewidth=1.0)
    angle.plot(data.t, data.sample, color=style.LEARNED, linewidth=1.8, label="a sample")
    angle.plot(data.t, data.solved, color=style.THEORY, linewidth=1.2)
    angle.set(
        yscale="log",
        xlabel="flow time $t$",
        ylabel=r"$\theta$ [rad]",
        title="(b) one layer",
        ylim=(1e-5, 4),
    )
    kept.plot(data.t, data.sample_integral, color=style.LEARNED, linewidth=1.8)
    kept.plot(
        data.t,
        data.population_integral,
        color=style.DATA,
        linewidth=1.0,
        linestyle=":",
        label="infinitely many points",
    )
    kept.set(
        xlabel="flow time $t$",
        ylabel=r"$\ln\,(v q\,e^{t/2}/(v_0 q_0))$",
        title="(c) first integral",
    )
    for ax in axes:
        ax.spines["right"].set_visible(False)
    legend_below(axes, columns=3)


FIGURES = (
    Figure(
        id="beyond-solved-flow",
        file="beyond-solved-flow",
        cases=("solved-flow",),
        caption="The population flow in closed form: orbits of one to three layers; one layer in time beside its bounds; the first integral on a sample.",
        layout=(1, 3, style.PAGE, 2.8),
        collect=collect_solved_flow,
        draw=draw_solved_flow,
    ),
)
