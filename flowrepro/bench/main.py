"""Side-by-side timings: our engines against a plain PyTorch loop, bare matrix products and general
ODE solvers.

Both sides run interleaved in one process with the same threads, and medians are compared, so that a
busy machine slows both alike. The papers' whole jobs are in engines.py, the flow beside other
solvers in flow.py, margins in margin.py, JAX in peers.py.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from flowrepro import data
from flowrepro.bench.clock import advancing, interleaved, seconds, shape
from flowrepro.bench.engines import compare_papers
from flowrepro.bench.flow import compare_flow
from flowrepro.bench.growth import compare_growth
from flowrepro.bench.margin import FURTHER, compare_margin
from flowrepro.bench.peers import compare_peers
from flowrepro.bench.result import BenchResult
from flowrepro.core.config import TrainingCase
from flowrepro.core.initialize import initial_weights
from flowrepro.engines import load
from flowrepro.engines.base import Problem, SaveAt
from flowrepro.papers.boursier2022.figure_4_five_points import FIVE_POINTS
from flowrepro.papers.boursier2022.figures_2_3_toy import TOY
from flowrepro.papers.min2024.figure_5_mnist import DIGITS_1_0


def run_benchmarks(quick: bool) -> list[BenchResult]:
    """All comparisons (one to three minutes;

    ``quick``, less than one: fewer repetitions, fewer images, a tenth of the long jobs).
    """
    repeats = 5 if quick else 15
    digits = _problem(DIGITS_1_0, samples=1_000 if quick else None)
    results = [
        compare_small(f"{case.name}: plain PyTorch loop / fused", _problem(case), repeats)
        for case in (TOY, FIVE_POINTS)
    ]
    results.append(
        compare_many_seeds(
            "10000 seeds of the toy: plain PyTorch loop / ensemble", TOY, repeats, limit=60.0
        )
    )
    return (
        results
        + compare_papers(quick)
        + compare_large("digits 1/0, float32", digits, repeats)
        + [
            compare_interpolated(
                "digits 1/0, float32, the whole run: plain PyTorch loop / interpolated", digits
            )
        ]
        + [compare_margin(1e4 if quick else FURTHER)]
        + compare_flow(quick)
        + compare_peers(quick)
        + compare_growth(1 if quick else 3)
    )


def compare_small(job: str, problem: Problem, repeats: int, steps: int = 20_000) -> BenchResult:
    """Per-step time of the compiled engine and of the plain loop (50 times fewer steps, it is
    slow).
    """
    from flowrepro.engines.torch_baseline import PlainLoop

    plain_steps = max(1, steps // 50)
    plain = PlainLoop(problem)
    ours, theirs = interleaved(
        [advancing(load("fused")(problem), steps), lambda: plain.advance(plain_steps)], repeats
    )
    ours, theirs = ours / steps * 1e6, theirs / plain_steps * 1e6
    return BenchResult(job, ours, theirs, "us/step", theirs / ours, ">= 50", shape(problem))


def compare_large(job: str, problem: Problem, repeats: int, steps: int = 2) -> list[BenchResult]:
    """Per-step time of the PyTorch engine against its two matrix products alone, and against the
    plain loop.
    """
    from flowrepro.engines.torch_baseline import MatrixProducts, PlainLoop

    products, plain = MatrixProducts(problem), PlainLoop(problem)
    sides = [
        advancing(load("torch")(problem), steps),
        lambda: products.advance(steps),
        lambda: plain.advance(steps),
    ]
    ours, bare, loop = (seconds / steps * 1e3 for seconds in interleaved(sides, repeats))
    note = f"{shape(problem)}, of which d={products.X.shape[1]} not constant"
    return [
        BenchResult(
            f"{job}: torch / its two matrix products",
            ours,
            bare,
            "ms/step",
            ours / bare,
            "<= 1.3",
            note,
        ),
        BenchResult(
            f"{job}: plain PyTorch loop / torch", ours, loop, "ms/step", loop / ours, ">= 1", note
        ),
    ]


def compare_interpolated(job: str, problem: Problem, sample: int = 20) -> BenchResult:
    """Seconds for all steps of the case by the engine "interpolated", which evaluates few of their
    gradients; the plain loop from ``sample`` steps.
    """
    from flowrepro.engines.torch_baseline import PlainLoop

    engine, plain = load("interpolated")(problem), PlainLoop(problem)
    ours_s = seconds(lambda: engine.advance(np.array([problem.n_steps])))
    plain_s = seconds(lambda: plain.advance(sample)) / sample * problem.n_steps
    gradients = engine.stats["gradient_evaluations"]
    note = (
        f"{shape(problem)}, {problem.n_steps} steps by {gradients} gradients; the plain loop "
        f"extrapolated from {sample} steps"
    )
    return BenchResult(job, ours_s, plain_s, "s", plain_s / ours_s, ">= 2", note)


def compare_many_seeds(
    job: str,
    case: TrainingCase,
    repeats: int,
    seeds: int = 10_000,
    sample: int = 200,
    steps: int = 1_000,
    limit: float | None = None,
) -> BenchResult:
    """Seconds for the whole case on ``seeds`` seeds, both sides extrapolated from what is run here.

    Ours: ``sample`` seeds at once for ``steps`` steps, on all cores. The plain loop: one seed for
    10 times fewer steps, times the seeds.
    """
    from flowrepro.engines.ensemble import Members, run_ensemble
    from flowrepro.engines.torch_baseline import PlainLoop

    X = data.load(case.data).X
    weights = [initial_weights(case.init, seed, X.shape[1]) for seed in range(sample)]
    members = Members(
        np.arange(sample), np.stack([W for W, _ in weights]), np.stack([a for _, a in weights])
    )
    problem = replace(_problem(case), n_steps=steps)
    ends, plain, plain_steps = np.array([0, steps]), PlainLoop(problem), max(1, steps // 10)
    sides = [
        lambda: run_ensemble(problem, members, SaveAt(ends, ends), levels=case.record.levels),
        lambda: plain.advance(plain_steps),
    ]
    ours, theirs = interleaved(sides, repeats)
    total = seeds * case.protocol.n_steps
    ours, theirs = ours / (sample * steps) * total, theirs / plain_steps * total
    note = (
        f"{shape(problem)}, extrapolated to {seeds} seeds x {case.protocol.n_steps} steps from "
        f"{sample} x {steps} (ours) and 1 x {plain_steps} (plain)"
    )
    return BenchResult(job, ours, theirs, "s", theirs / ours, ">= 50", note, limit)


def _problem(case: TrainingCase, samples: int | None = None) -> Problem:
    """The case's problem, on its first ``samples`` drawn images where a subset is asked for."""
    if samples is not None:
        case = replace(
            case, data=replace(case.data, options={**case.data.options, "subset": samples})
        )
    dataset = data.load(case.data)
    return Problem.of(
        case, dataset.X, dataset.y, *initial_weights(case.init, case.seed, dataset.X.shape[1])
    )
