"""The papers' own long jobs: seconds of each on our engines, and of a plain PyTorch loop
extrapolated from a few steps.

Ours makes every step it is credited with, but where the note says otherwise. With ``quick`` a long
job is cut to its first tenth on both sides; it is not extrapolated, as its steps do not cost the
same early and late, and has no limit.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from statistics import median
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from flowrepro import data
from flowrepro.bench.clock import Work, advancing, interleaved, seconds, shape
from flowrepro.bench.result import BenchResult
from flowrepro.core.config import Init
from flowrepro.core.initialize import initial_weights
from flowrepro.core.network import flow_time
from flowrepro.core.overrides import override
from flowrepro.core.trajectory import Dataset, StopReason
from flowrepro.data.points import eight_pieces, three_points
from flowrepro.engines import choose, load
from flowrepro.engines.base import Problem, SaveAt
from flowrepro.papers.boursier2022.figures_2_3_toy import MSE, TOY
from flowrepro.papers.boursier2022.figures_6_7_high_dimension import HIGH_DIMENSION
from flowrepro.papers.lee2022.section_5_runs import HALF_MSE, NEURONS
from flowrepro.run.training import prepare

if TYPE_CHECKING:
    from flowrepro.engines.flow.result import FlowResult


class Job(NamedTuple):
    """A descent in the papers, the engine that runs it and the seconds it may take."""

    name: str
    problem: Problem
    engine: str
    limit: float


def compare_papers(quick: bool) -> list[BenchResult]:
    """The jobs of boursier2024, boursier2022 and lee2022 (a minute or two;

    ``quick``: some ten seconds).
    """
    jobs = [
        Job(
            "boursier2024 Figure 2",
            on_a_line(three_points(), 200_000, "balanced", 2_000_000),
            "grouped",
            10.0,
        ),
        Job(
            "boursier2024 Figure 3",
            on_a_line(eight_pieces(), 20_000, "gaussian", 3_000_000),
            "grouped",
            20.0,
        ),
    ]
    results = [compare_job(job, quick) for job in jobs]
    results += [
        compare_toy_flow(exponent, limit, 15)
        for exponent, limit in ((6, 20.0), (100, 20.0), (1000, 150.0))
    ]
    return [*results, compare_high_dimension(3), compare_shared_samples(quick)]


def on_a_line(points: Dataset, m: int, init: str, n_steps: int) -> Problem:
    """A run of boursier2024: scale 1e-3 / sqrt(m), the MSE, step 1e-3, seed 0."""
    W, a = initial_weights(
        Init(name=init, m=m, scale=1e-3, divide_by="sqrt(m)"), 0, points.X.shape[1]
    )
    return Problem(points.X, points.y, W, a, MSE, 1e-3, n_steps)


def compare_job(job: Job, quick: bool, plain_steps: int = 10) -> BenchResult:
    """Seconds of the whole job, start included, beside the plain loop's."""
    problem, engine = job.problem, load(job.engine)
    steps = problem.n_steps // 10 if quick else problem.n_steps
    engine(problem).advance(np.array([1]))  # compiles
    ours, step = _around(lambda: engine(problem).advance(np.array([steps])), problem, plain_steps)
    return _in_seconds(
        f"{job.name}: plain PyTorch loop / {job.engine}",
        ours,
        step * steps,
        shape(problem),
        steps,
        plain_steps,
        None if quick else job.limit,
    )


def toy_flow(ln_scale: float) -> tuple[Callable[[], FlowResult], float]:
    """The toy's flow from scale e^ln_scale until both labels are fitted, and that flow time.

    The slower label grows like e^(t / 1.8), so 2 ln(1 / weight) + 10 is enough.
    """
    from flowrepro.engines.flow.flow import integrate

    points = data.load(TOY.data)
    unit = initial_weights(replace(TOY.init, scale=1.0), TOY.seed, points.X.shape[1])
    horizon = 2.0 * (0.5 * float(np.log(TOY.init.m)) - ln_scale) + 10.0
    flow = partial(integrate, points.X, points.y, *unit, HALF_MSE, horizon, ln_scale=ln_scale)
    return flow, horizon


def compare_toy_flow(
    exponent: int, limit: float, repeats: int, plain_steps: int = 200
) -> BenchResult:
    """Milliseconds of the toy's flow from scale 10^-exponent until both labels are fitted,
    compiled; the plain loop makes its Euler steps. The loss that is reached is in the note.
    """
    from flowrepro.engines.torch_baseline import PlainLoop

    flow, horizon = toy_flow(-exponent * float(np.log(10.0)))
    result = flow()
    sides: list[Work] = [flow]
    steps = round(horizon / float(flow_time(MSE, TOY.protocol.lr, 1)))
    scale = 10.0**-exponent
    if scale > 0:
        start = replace(TOY, init=replace(TOY.init, scale=scale))
        loop = PlainLoop(replace(prepare(start, data.load(TOY.data)), n_steps=steps))
        sides.append(lambda: loop.advance(plain_steps))
        said = f"plain extrapolated to {steps} steps from {plain_steps}"
    else:
        said = "plain impossible: the weights are below the smallest double"
    times = interleaved(sides, repeats)
    ours, plain = (
        times[0] * 1e3,
        times[1] / plain_steps * steps * 1e3 if scale > 0 else float("nan"),
    )
    reached = (
        f"loss {result.loss[-1]:.1e} at"
        if result.stop.reason is StopReason.HORIZON
        else f"{result.stop.reason.name} before"
    )
    return BenchResult(
        f"boursier2022 toy at scale 1e-{exponent}: plain PyTorch loop / flow",
        ours,
        plain,
        "ms",
        plain / ours,
        "",
        f"{reached} t={horizon:.4g}; {said}",
        limit,
    )


def compare_high_dimension(repeats: int, steps: int = 2_000, plain_steps: int = 100) -> BenchResult:
    """Seconds of boursier2022's Figure 6, on the authors' points, by the engine that "auto"
    takes.
    """
    from flowrepro.engines.torch_baseline import PlainLoop

    problem = prepare(HIGH_DIMENSION, data.load(HIGH_DIMENSION.data))
    engine, loop = choose("auto", problem)[0], PlainLoop(problem)
    ours, plain = interleaved(
        [advancing(engine(problem), steps), lambda: loop.advance(plain_steps)], repeats
    )
    ours, plain = ours / steps * problem.n_steps, plain / plain_steps * problem.n_steps
    note = (
        f"{shape(problem)}, extrapolated to {problem.n_steps} steps from {steps} (ours) and "
        f"{plain_steps} (plain)"
    )
    return BenchResult(
        f"boursier2022 Figure 6: plain PyTorch loop / {engine.name}",
        ours,
        plain,
        "s",
        plain / ours,
        "",
        note,
        20.0,
    )


def compare_shared_samples(
    quick: bool, n: int = 10_000, n_steps: int = 100_000, plain_steps: int = 20
) -> BenchResult:
    """Seconds of the nine runs of lee2022's Figure 1 on all cores; the plain loop makes two-layer
    steps on the same samples.
    """
    from flowrepro.engines.lazy.together import run_together

    problems = nine_runs(n, n_steps // 10 if quick else n_steps)
    steps = problems[0].n_steps
    ends = np.array([0, steps])
    run_together(
        [replace(problem, n_steps=1) for problem in problems],
        SaveAt(np.array([0, 1]), np.array([0, 1])),
    )  # compiles
    two_layers = next(problem for problem in problems if problem.depth == 2)
    ours, step = _around(
        lambda: run_together(problems, SaveAt(ends, ends)), two_layers, plain_steps
    )
    plain, what = (
        step * steps * len(problems),
        f"{shape(two_layers)}, all nine with two layers in the plain loop",
    )
    return _in_seconds(
        "lee2022 Figure 1, nine runs: plain PyTorch loop / lazy",
        ours,
        plain,
        what,
        steps,
        plain_steps,
        None if quick else 40.0,
    )


def nine_runs(n: int, n_steps: int, d: int = 100) -> list[Problem]:
    """The runs of lee2022, Figure 1, all on the same samples."""
    cases = [
        override(case, {"data.options.n": n, "data.options.d": d, "n_steps": n_steps})
        for case in NEURONS.values()
    ]
    return [prepare(case, data.load(case.data)) for case in cases]


def _around(work: Work, problem: Problem, plain_steps: int) -> tuple[float, float]:
    """Seconds of ``work``, and the median of single steps of the plain loop made right before and
    right after it.
    """
    from flowrepro.engines.torch_baseline import PlainLoop

    loop = PlainLoop(problem)
    loop.advance(1)  # allocates
    plain = [seconds(lambda: loop.advance(1)) for _ in range(plain_steps)]
    ours = seconds(work)
    plain += [seconds(lambda: loop.advance(1)) for _ in range(plain_steps)]
    return ours, median(plain)


def _in_seconds(
    job: str,
    ours: float,
    plain: float,
    what: str,
    steps: int,
    plain_steps: int,
    limit: float | None,
) -> BenchResult:
    """The result of a job of ``steps`` steps; ``limit`` None where it was cut short."""
    cut = "" if limit is not None else " (the first tenth only)"
    note = f"{what}, {steps} steps{cut}; plain extrapolated from {2 * plain_steps}"
    return BenchResult(job, ours, plain, "s", plain / ours, "", note, limit)
