"""The nine settings over many draws (beyond lee2022, Section 5).

How a sample tends to the population, and how often the bounds hold on it.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from flowrepro.claims.verdict import Part, at_most, none_of, number, within
from flowrepro.core.trajectory import Study
from flowrepro.engines.population import PlanePath, PlaneStart, population_descent
from flowrepro.figures import style
from flowrepro.figures.panels import Horizontal, Line, Panel, Points
from flowrepro.papers.lee2022 import PAPER
from flowrepro.papers.lee2022.bounds import angle_band, angle_rates, norm_band, radii
from flowrepro.papers.lee2022.hypotheses import draws_its_points
from flowrepro.papers.lee2022.neuron import DEVIATIONS, Clock, sup_distance
from flowrepro.papers.lee2022.section_5_runs import (
    N_STEPS,
    NEURONS,
    SIZES,
    STARTS,
    STEP_SIZES,
    TEACHER_SCALES,
    counted,
    train_on,
)
from flowrepro.papers.study import Progress, option
from flowrepro.papers.topic import Topic

topic = Topic(PAPER, "The nine settings over many draws", given=(draws_its_points,))

PAPER_DIMENSION = 100
"""d of the paper: in d dimensions, directions are sqrt(100 / d) times as long, so that ||w*|| and
the step sizes stay the paper's."""
ENOUGH_DRAWS, WIDE, LEAST = 16, 16, 50
"""Draws, ratio of sizes and n / d that a slope over n needs (chosen; slopes measured in 8 times 16
draws: -0.37 to -0.58 and -0.38 to -0.62)."""
RECORDS = 100
FOLLOWS = 100
"""n / d of the paper, from which on the angle's bounds are judged on samples."""
MEASURES = ("norm", "angle", "low", "high", "angle_low", "angle_high", "allowed")


def measure(
    path: PlanePath, start: PlaneStart, lr: float, steps: np.ndarray, n: int
) -> tuple[float, ...]:
    """MEASURES of a run on n samples.

    norm, angle : sup |v - v_pop| / v*, sup |theta - theta_pop|. low, high : excess over the lower
    and upper bound of the norm over v*, 0 where they hold. angle_low, angle_high : largest lower
    bound / theta and theta / upper bound, < 1 where they hold. allowed : the excess that sample and
    step explain.
    """
    clock, (least, most), goal = Clock(path.t, lr), radii(start), start.teacher_norm
    least, most = min(least, float(path.norm.min())), max(most, float(path.norm.max()))
    norm, angle = norm_band(start, clock), angle_band(start, angle_rates(start, least, most), clock)
    largest, m = max(start.norm, goal), start.depth - 1
    allowed = DEVIATIONS * float(np.sqrt(1.25 / n)) * largest / goal
    return (
        *sup_distance(path, population_descent(start, lr, steps), goal),
        max(0.0, float((norm.low - path.norm)[1:].max())) / goal,
        max(0.0, float((path.norm - norm.high)[1:].max())) / goal,
        float((angle.low / path.theta)[1:].max()),
        float((path.theta / angle.high)[1:].max()),
        allowed + (lr * largest ** (2 * m) if m else 0.0),
    )


@topic.study
def many_seeds(
    *,
    n: list[int] = option([1_000, 4_000, 16_000], "sizes of samples", within=(10, 100_000)),
    d: int = option(20, "dimension", within=(2, 1_000)),
    draws: int = option(16, "draws", within=(1, 1_000)),
    coarser: float = option(50.0, "size of a step over the paper's", within=(1.0, 100.0)),
    seed: int,
    progress: Progress,
) -> dict[str, np.ndarray]:
    """MEASURES of the nine settings over sizes and draws, each (9, N, draws).

    runs : (9,) names, depth : (9,), ratio : (9,) of the mean norms v_0 / v*, n : (N,).
    """
    n_steps = round(N_STEPS / coarser)
    found = np.empty((len(MEASURES), len(NEURONS), len(n), draws))
    for draw in range(draws):
        for i, size in enumerate(n):
            rng = np.random.default_rng([seed, draw])
            found[:, :, i, draw] = _nine(rng, size, d, coarser, n_steps).T
            progress(draw * len(n) + i + 1, draws * len(n))
    return {
        "runs": np.array(list(NEURONS)),
        "depth": np.repeat(list(TEACHER_SCALES), len(SIZES)),
        "ratio": np.tile(list(SIZES.values()), len(TEACHER_SCALES)),
        "n": np.array(n),
        **dict(zip(MEASURES, found, strict=True)),
    }


def _nine(rng: np.random.Generator, n: int, d: int, coarser: float, n_steps: int) -> np.ndarray:
    """MEASURES of the nine settings on one draw, whose directions do not depend on n; (9, 7)."""
    z_teacher, z_student, X = (rng.standard_normal(shape) for shape in (d, d, (n, d)))
    widen = np.sqrt(PAPER_DIMENSION / d)

    def one(setting: tuple[int, float]) -> tuple[float, ...]:
        depth, size = setting
        lr, k = coarser * STEP_SIZES[depth], TEACHER_SCALES[depth]
        teacher, w0 = widen * k * z_teacher, widen * size * k * z_student
        (path,) = train_on(X, w0, teacher, [(depth, lr)], n_steps, RECORDS)
        steps = (path.t / lr).round().astype(np.int64)
        return measure(path, PlaneStart.of(w0, teacher, depth), lr, steps, n)

    settings = [(depth, size) for depth in TEACHER_SCALES for size in SIZES.values()]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return np.array(list(pool.map(one, settings)))


MANY_SEEDS = many_seeds.case(
    "many-seeds",
    "beyond Section 5: the nine settings over many draws and sample sizes, against the population "
    "and the bounds",
    quick={"draws": 4, "n": [1_000, 4_000]},
)


def enough_draws(study: Study) -> str | None:
    """The sup of one draw scatters, and small samples do not follow."""
    n, d, draws = study.arrays["n"], study.case.options["d"], study.arrays["norm"].shape[2]
    if draws >= ENOUGH_DRAWS and n.max() >= WIDE * n.min() and n.min() >= LEAST * d:
        return None
    return (
        f"a rate needs {ENOUGH_DRAWS} draws, sizes that differ by {WIDE} and n >= {LEAST} d, not "
        f"{draws} draws of n = {', '.join(map(str, n))} for d = {d}"
    )


def rms(study: Study, name: str) -> np.ndarray:
    """Root mean squares over the draws, (9, N)."""
    return np.asarray(np.sqrt(np.mean(np.square(study.arrays[name]), axis=2)))


@topic.claim(
    "beyond-sample-rate",
    "Norm and angle of a sample tend to the population's like n^(-1/2), for one layer from a "
    "middle norm.",
    place="Section 5, beyond the paper",
    given=(enough_draws,),
)
def sample_rate(study: Study) -> Iterator[Part]:
    """Slopes in n of the rms of the sup distances; their range over all nine settings."""
    at = list(study.arrays["runs"]).index("1l-mn")
    for name in ("norm", "angle"):
        slopes = np.polyfit(np.log(study.arrays["n"]), np.log(rms(study, name)).T, 1)[0]
        yield within(f"{name}: slope", slopes[at], -0.65, -0.3)
        yield number(f"{name}: steepest of nine", slopes.min())
        yield number(f"{name}: flattest", slopes.max())


@topic.claim(
    "beyond-bounds-draws",
    "Over many draws the angle keeps its bounds. The norm keeps its own strictly in a minority of "
    "the runs, and exceeds them by no more than the sample and the step explain.",
    place="Theorems A.1, A.2, A.3, 3.8 and 4.2, beyond the paper",
)
def bounds_over_draws(study: Study) -> Iterator[Part]:
    """Runs with n >= 100 d whose angle leaves its bounds; excess of the norm / tolerance."""
    arrays = study.arrays
    large = arrays["n"] >= FOLLOWS * study.case.options["d"]
    outside = ~(np.maximum(arrays["angle_low"], arrays["angle_high"])[:, large] < 1)
    yield none_of(f"angle outside its bounds, of {outside.size} runs", int(outside.sum()))
    excess = np.maximum(arrays["low"], arrays["high"]) / arrays["allowed"]
    note = "norm: largest excess / tolerance (finite-sample tolerance)"
    yield at_most(note, excess.max(), 1.0)
    note = "share of runs whose norm keeps its bounds strictly"
    yield number(note, float(np.mean(excess == 0)))


@topic.table(
    "many-seeds",
    "How often samples keep the bounds of the norm and the angle, and how far they are from the "
    "population; excess in units of v* / sqrt(n).",
    ("run", "n/d", "norm within", "excess, median", "excess, 95 %", "angle within",
     "norm, rms / v*", "angle, rms / rad"),
    on=MANY_SEEDS,
    file="bounds-over-seeds",
)  # fmt: skip
def bounds_over_seeds(study: Study) -> Sequence[Sequence[float | str]]:
    """A line for each setting and sample size."""
    arrays, d = study.arrays, study.case.options["d"]
    lines: list[list[float | str]] = []
    for k, name in enumerate(arrays["runs"]):
        for i, n in enumerate(arrays["n"]):
            excess = np.maximum(arrays["low"], arrays["high"])[k, i]
            angle = np.maximum(arrays["angle_low"], arrays["angle_high"])[k, i]
            median, most = np.quantile(excess * np.sqrt(n), [0.5, 0.95])
            shares = float(np.mean(excess == 0)), float(np.mean(angle < 1))
            distances = (float(rms(study, each)[k, i]) for each in ("norm", "angle"))
            lines.append([str(name), float(n / d), shares[0], float(median), float(most),
                          shares[1], *distances])  # fmt: skip
    return lines


@topic.figure(
    "beyond-many-seeds",
    lambda study: (
        "The nine settings: distance of a sample from the population (root mean square "
        f"over {study.arrays['norm'].shape[2]} draws), and what the norm exceeds its bounds by in "
        "every run."
    ),
    layout=(1, 3, style.PAGE, 3.2),
)
def distances_and_excess(study: Study) -> Iterable[Panel]:
    """Distances over n / d by layers (line) and start (marker), and the excess of every run."""
    arrays = study.arrays
    x = arrays["n"] / study.case.options["d"]
    common: Any = {"xlabel": "$n/d$", "xticks": x}
    quantities = {"norm": r"$\sup|v-v_{pop}|/v^*$", "angle": r"$\sup|\theta-\theta_{pop}|$ [rad]"}
    for name, quantity in quantities.items():
        values = rms(study, name)
        marks = [
            Line(x, setting, marker="os^"[k % 3], dash=style.DASHES[k // 3], width=1.0,
                 fill="white", label=f"{counted(k // 3 + 1)}, {STARTS[k % 3]}")
            for k, setting in enumerate(values)
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
