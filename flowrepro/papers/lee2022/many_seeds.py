"""The nine settings over many draws: how a sample tends to the population, and how often the bounds hold on it (beyond lee2022, Section 5)."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from flowrepro.claims.old_claim import none_of, number, statement, upper, window
from flowrepro.claims.old_verdict import Judgement
from flowrepro.claims.options import require_ranges
from flowrepro.claims.published import as_declared
from flowrepro.core.config import StudyCase
from flowrepro.core.trajectory import Dataset, Study
from flowrepro.engines.population import PlanePath, PlaneStart, population_descent
from flowrepro.figures import Figure, style
from flowrepro.figures.line_panels import legend_below
from flowrepro.papers.lee2022.beyond_cases import MANY_SEEDS
from flowrepro.papers.lee2022.bounds import angle_band, angle_rates, norm_band, radii
from flowrepro.papers.lee2022.clock import Clock
from flowrepro.papers.lee2022.convergence_checks import sup_distance
from flowrepro.papers.lee2022.experiments import N_STEPS, NEURONS, SIZES, STEP_SIZES, TEACHER_SCALES
from flowrepro.papers.lee2022.hypotheses import ref
from flowrepro.papers.lee2022.neuron import DEVIATIONS
from flowrepro.papers.lee2022.spherical_data import train_on
from flowrepro.papers.topic import Progress

if TYPE_CHECKING:
    from matplotlib.axes import Axes

RANGES = {"n": (10, 100_000), "d": (2, 1_000), "draws": (1, 1_000), "coarser": (1.0, 100.0)}
PAPER_DIMENSION = 100
"""d of the paper: in d dimensions, directions are sqrt(100 / d) times as long, so that ||w*|| and the step sizes stay the paper's."""
ENOUGH_DRAWS, WIDE, LEAST = 16, 16, 50
"""Draws, ratio of sizes and n / d that a slope over n needs (chosen; slopes measured in 8 times 16 draws: -0.37 to -0.58 and -0.38 to -0.62)."""
RECORDS = 100
FOLLOWS = 100
"""n / d of the paper, from which on the angle's bounds are judged on samples."""
MEASURES = ("norm", "angle", "low", "high", "angle_low", "angle_high", "allowed")


def measure(
    path: PlanePath, start: PlaneStart, lr: float, steps: np.ndarray, n: int
) -> tuple[float, ...]:
    """MEASURES of a run on n samples: sup |v - v_pop| / v*, sup |theta - theta_pop|, excess over the lower and upper bound of the norm over v*
    (0 where they hold), largest lower bound / theta and theta / upper bound (< 1 where they hold), and the excess that sample and step explain.
    """
    population = population_descent(start, lr, steps)
    clock = Clock(path.t, lr)
    band = norm_band(start, clock)
    least, most = radii(start)
    rates = angle_rates(
        start, min(least, float(path.norm.min())), max(most, float(path.norm.max()))
    )
    angle = angle_band(start, rates, clock)
    low, high = (
        max(0.0, float(excess[1:].max())) / start.teacher_norm
        for excess in (band.low - path.norm, path.norm - band.high)
    )
    ratios = (angle.low / path.theta)[1:].max(), (path.theta / angle.high)[1:].max()
    largest, m = max(start.norm, start.teacher_norm), start.depth - 1
    allowed = DEVIATIONS * float(np.sqrt(1.25 / n)) * largest / start.teacher_norm + (
        lr * largest ** (2 * m) if m else 0.0
    )
    return (
        *sup_distance(path, population, start.teacher_norm),
        low,
        high,
        *map(float, ratios),
        allowed,
    )


def compute_many_seeds(
    study: StudyCase, dataset: Dataset | None, progress: Progress
) -> Mapping[str, np.ndarray]:
    """runs (9,) names, depth (9,), ratio (9,) of the mean norms v_0 / v*, n (N,), and MEASURES, each (9, N, draws)."""
    options = study.options
    require_ranges(options, RANGES)
    sizes, d, draws, coarser = (
        [int(n) for n in options["n"]],
        int(options["d"]),
        int(options["draws"]),
        float(options["coarser"]),
    )
    n_steps = round(N_STEPS / coarser)
    found = np.empty((len(MEASURES), len(NEURONS), len(sizes), draws))
    for seed in range(draws):
        for i, n in enumerate(sizes):
            found[:, :, i, seed] = _nine(
                np.random.default_rng([study.seed, seed]), n, d, coarser, n_steps
            ).T
            progress(seed * len(sizes) + i + 1, draws * len(sizes))
    return {
        "runs": np.array(list(NEURONS)), "depth": np.repeat(list(TEACHER_SCALES), len(SIZES)), "ratio": np.tile(list(SIZES.values()), len(TEACHER_SCALES)),
        "n": np.array(sizes), **dict(zip(MEASURES, found, strict=True)),
    }  # fmt: skip


def _nine(rng: np.random.Generator, n: int, d: int, coarser: float, n_steps: int) -> np.ndarray:
    """MEASURES of the nine settings on one draw, whose directions do not depend on n; (9, 7)."""
    z_teacher, z_student, X = (
        rng.standard_normal(d),
        rng.standard_normal(d),
        rng.standard_normal((n, d)),
    )
    widen = np.sqrt(PAPER_DIMENSION / d)
    cases = [
        (depth, coarser * STEP_SIZES[depth], widen * k * z_teacher, widen * size * k * z_student)
        for depth, k in TEACHER_SCALES.items()
        for size in SIZES.values()
    ]

    def one(case: tuple[int, float, np.ndarray, np.ndarray]) -> tuple[float, ...]:
        depth, lr, teacher, w0 = case
        (path,) = train_on(X, w0, teacher, [(depth, lr)], n_steps, RECORDS)
        steps = (path.t / lr).round().astype(np.int64)
        return measure(path, PlaneStart.of(w0, teacher, depth), lr, steps, n)

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return np.array(list(pool.map(one, cases)))


def enough_draws(findings: Study) -> str | None:
    """ENOUGH_DRAWS of sizes that differ by WIDE and start at LEAST d: the sup of one draw scatters, and small samples do not follow."""
    draws, n, d = findings.arrays["norm"].shape[2], findings.arrays["n"], findings.case.options["d"]
    if draws >= ENOUGH_DRAWS and n.max() >= WIDE * n.min() and n.min() >= LEAST * d:
        return None
    return f"a rate needs {ENOUGH_DRAWS} draws, sizes that differ by {WIDE} and n >= {LEAST} d, not {draws} draws of n = {', '.join(map(str, n))} for d = {d}"


def rms_slopes(findings: Study, name: str) -> np.ndarray:
    """Log-log slopes in n of the root mean squares over the draws, (9,)."""
    rms = np.sqrt(np.mean(np.square(findings.arrays[name]), axis=2))
    return np.asarray(np.polyfit(np.log(findings.arrays["n"]), np.log(rms).T, 1)[0])


GIVEN = (as_declared(MANY_SEEDS, ("seed", "options")),)


@statement(
    "beyond-sample-rate",
    ref("Section 5, beyond the paper"),
    "theory",
    ("many-seeds",),
    "norm and angle of a sample tend to the population's like n^(-1/2)",
    (*GIVEN, enough_draws),
)
def sample_rate(findings: Study) -> list[Judgement]:
    """measured: slope in n of the rms over draws of sup |v - v_pop| / v* and sup |theta - theta_pop|, one layer from a middle norm; range over all nine."""
    at = list(findings.arrays["runs"]).index("1l-mn")
    parts = []
    for name in ("norm", "angle"):
        slopes = rms_slopes(findings, name)
        parts += [
            window(f"{name}: slope", slopes[at], -0.65, -0.3),
            number(f"{name}: steepest of nine", slopes.min()),
            number(f"{name}: flattest", slopes.max()),
        ]
    return parts


@statement(
    "beyond-bounds-draws",
    ref("Theorems A.1, A.2, A.3, 3.8 and 4.2, beyond the paper"),
    "theory",
    ("many-seeds",),
    "over many draws the angle keeps its bounds, and the norm leaves its own by what the sample explains",
    GIVEN,
)
def bounds_over_draws(findings: Study) -> list[Judgement]:
    """measured: runs with n >= 100 d whose angle leaves its bounds; largest excess of the norm over 2 sqrt(1.25/n) max(1, v_0/v*) + lr max(v_0, v*)^(2m)."""
    arrays, options = findings.arrays, findings.case.options
    large = arrays["n"] >= FOLLOWS * options["d"]
    outside = np.maximum(arrays["angle_low"], arrays["angle_high"])[:, large] >= 1
    excess = np.maximum(arrays["low"], arrays["high"]) / arrays["allowed"]
    return [
        none_of(f"angle outside its bounds, of {outside.size} runs", int(outside.sum())),
        upper("norm: largest excess / tolerance (finite-sample tolerance)", excess.max(), 1.0),
        number("share of runs whose norm keeps its bounds strictly", float(np.mean(excess == 0))),
    ]


CLAIMS = (sample_rate, bounds_over_draws)


def bound_lines(findings: Study) -> Sequence[Sequence[float | str]]:
    """A line for each setting and sample size: shares of draws within the bounds, quantiles of the excess times sqrt(n), distances from the population."""
    arrays, d = findings.arrays, findings.case.options["d"]
    lines: list[list[float | str]] = []
    for k, name in enumerate(arrays["runs"]):
        for i, n in enumerate(arrays["n"]):
            excess = np.maximum(arrays["low"], arrays["high"])[k, i]
            angle = np.maximum(arrays["angle_low"], arrays["angle_high"])[k, i]
            median, most = np.quantile(excess * np.sqrt(n), [0.5, 0.95])
            rms = [
                float(np.sqrt(np.mean(np.square(arrays[measure][k, i]))))
                for measure in ("norm", "angle")
            ]
            lines.append(
                [
                    str(name),
                    float(n / d),
                    float(np.mean(excess == 0)),
                    float(median),
                    float(most),
                    float(np.mean(angle < 1)),
                    *rms,
                ]
            )
    return lines


# ---- figure


class ManySeeds(NamedTuple):
    """n / d (N,), rms distances from the population (9, N) of norm and angle, and the excess of the norm over v* / sqrt(n), (9, N, draws)."""

    per_dimension: np.ndarray
    norm: np.ndarray
    angle: np.ndarray
    excess: np.ndarray


def collect_many_seeds(findings: Study) -> ManySeeds:
    """Root mean squares over the draws."""
    arrays, d = findings.arrays, findings.case.options["d"]
    per_dimension = arrays["n"] / d
    norm, angle = (np.sqrt(np.mean(np.square(arrays[name]), axis=2)) for name in ("norm", "angle"))
    return ManySeeds(
        per_dimension,
        norm,
        angle,
        np.maximum(arrays["low"], arrays["high"]) * np.sqrt(arrays["n"])[:, None],
    )


def draw_many_seeds(axes: Sequence[Axes], data: ManySeeds) -> None:
    """(a, b) distances over n / d by layers (line) and start (marker); (c) excess of the norm over its bounds, every run of every setting."""
    dashes, markers = ("-", (0, (5, 2)), (0, (1, 1.2))), ("o", "s", "^")
    x = data.per_dimension
    for ax, values, title in zip(
        axes,
        (data.norm, data.angle),
        (r"(a) $\sup|v-v_{pop}|/v^*$", r"(b) $\sup|\theta-\theta_{pop}|$ [rad]"),
        strict=False,
    ):
        for k, case in enumerate(values):
            label = (
                f"{k // 3 + 1} layer{'s' if k >= 3 else ''}, {('small', 'middle', 'large')[k % 3]}"
            )
            ax.plot(
                x,
                case,
                marker=markers[k % 3],
                linestyle=dashes[k // 3],
                color=style.LEARNED,
                markersize=3.5,
                linewidth=1.0,
                markerfacecolor="white",
                label=label,
            )
        ax.plot(
            x,
            1.5 * values.max() * np.sqrt(x[0] / x),
            color=style.THEORY,
            linewidth=1.2,
            label=r"slope $-1/2$",
        )
        ax.set(xscale="log", yscale="log", title=title)
    last = axes[2]
    for i, place in enumerate(x):
        spread = place * np.geomspace(0.75, 1.35, len(data.excess))
        last.plot(
            np.repeat(spread, data.excess.shape[2]),
            data.excess[:, i].ravel(),
            ".",
            color=style.LEARNED,
            markersize=2,
        )
    last.axhline(
        DEVIATIONS * np.sqrt(1.25),
        color=style.THEORY,
        linewidth=1.2,
        linestyle=":",
        label="two deviations, $v_0=v^*$",
    )
    last.set(xscale="log", title=r"(c) excess over bounds, $v^*/\sqrt{n}$")
    for ax in axes:
        ax.set_xlabel("$n/d$")
        ax.set_xticks(x, [f"{place:g}" for place in x], minor=False)
        ax.set_xticks([], minor=True)
        ax.spines["right"].set_visible(False)
    legend_below(axes, columns=4)


FIGURES = (
    Figure(
        id="beyond-many-seeds",
        file="beyond-many-seeds",
        cases=("many-seeds",),
        caption="The nine settings over many draws: distance of a sample from the population, and what the norm exceeds its bounds by.",
        layout=(1, 3, style.PAGE, 3.2),
        collect=collect_many_seeds,
        draw=draw_many_seeds,
    ),
)
