"""The papers' jobs in the benchmark, cut to sizes that take no time; no test depends on a clock."""

from __future__ import annotations

import math

import numpy as np
import pytest
from problems import random_problem

from flowrepro.bench import engines as bench_engines
from flowrepro.bench.engines import (
    Job,
    compare_high_dimension,
    compare_job,
    compare_papers,
    compare_shared_samples,
    compare_toy_flow,
    nine_runs,
    on_a_line,
)
from flowrepro.bench.result import BenchResult
from flowrepro.data.points import three_points


def result(job: str) -> BenchResult:
    return BenchResult(job, 1.0, 2.0, "s", 2.0, "", "", 3.0)


@pytest.mark.parametrize(("quick", "steps", "limit"), [(False, 400, 7.0), (True, 40, None)])
def test_a_job_runs_for_real_and_says_what_is_extrapolated(
    quick: bool, steps: int, limit: float | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bench_engines, "seconds", lambda work: (work(), 0.5)[1])
    done = compare_job(Job("tiny", random_problem(n_steps=400), "grouped", 7.0), quick, plain_steps=2)
    assert (done.job, done.unit, done.limit) == ("tiny: plain PyTorch loop / grouped", "s", limit)
    assert (done.ours, done.plain) == (0.5, 0.5 * steps)
    assert done.ratio == done.plain / done.ours
    assert (
        done.note
        == f"n=5, d=2, m=7, {steps} steps{' (the first tenth only)' if quick else ''}; plain extrapolated from 4"
    )


def test_a_job_makes_all_its_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[int] = []
    engine = bench_engines.load("grouped")
    monkeypatch.setattr(engine, "advance", lambda self, steps: made.append(int(steps[-1])))
    compare_job(Job("tiny", random_problem(n_steps=400), "grouped", 7.0), quick=False, plain_steps=1)
    assert made == [1, 400]


def test_figure_2_starts_balanced_at_the_scale_of_the_paper() -> None:
    problem = on_a_line(three_points(), 50, "balanced", 2_000_000)
    assert np.allclose(np.abs(problem.a0), np.linalg.norm(problem.W0, axis=1))
    assert np.sqrt(np.mean(problem.W0**2)) == pytest.approx(1e-3 / np.sqrt(50), rel=0.2)
    assert (problem.shape, problem.lr, problem.loss.factor, problem.n_steps) == ((3, 2, 50), 1e-3, 2.0, 2_000_000)


def test_the_toy_flow_has_a_plain_side_where_doubles_reach() -> None:
    near, far = (compare_toy_flow(exponent, limit=1e9, repeats=1, plain_steps=2) for exponent in (6, 1000))
    assert near.plain > 0
    assert "plain extrapolated to 20863 steps from 2" in near.note
    assert math.isnan(far.plain)
    assert "impossible" in far.note
    for done in (near, far):
        assert done.ours > 0
        assert float(done.note.split()[1]) < 1e-12  # the loss at the end
        assert done.met == "yes"


def test_the_high_dimension_is_extrapolated_and_says_so() -> None:
    done = compare_high_dimension(repeats=1, steps=4, plain_steps=2)
    assert done.ratio == pytest.approx(done.plain / done.ours)
    assert "n=75, d=150, m=200, extrapolated to 200000 steps from 4 (ours) and 2 (plain)" in done.note


def test_nine_runs_share_their_samples() -> None:
    problems = nine_runs(n=50, n_steps=10)
    assert [problem.depth for problem in problems] == [1, 1, 1, 2, 2, 2, 3, 3, 3]
    assert all(np.array_equal(problem.X, problems[0].X) for problem in problems)
    norms = [float(np.linalg.norm(problem.W0)) for problem in problems]
    assert np.allclose(np.array(norms).reshape(3, 3) / norms[1], np.outer([1.0, 0.5, 0.3], [0.1, 1.0, 2.0]))


def test_nine_runs_count_nine_times_in_the_plain_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench_engines, "seconds", lambda work: (work(), 0.5)[1])
    done = compare_shared_samples(quick=True, n=50, n_steps=100, plain_steps=1)
    assert (done.ours, done.plain, done.limit) == (0.5, 0.5 * 9 * 10, None)


@pytest.mark.parametrize(("quick", "wide"), [(False, 2_000_000), (True, 200_000)])
def test_every_job_of_the_papers_is_there(quick: bool, wide: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench_engines, "on_a_line", lambda points, m, init, n_steps: random_problem(n_steps=n_steps))
    monkeypatch.setattr(
        bench_engines,
        "compare_job",
        lambda job, quick: result(f"{job.name} {job.engine} {job.problem.n_steps} {job.limit}"),
    )
    monkeypatch.setattr(
        bench_engines, "compare_toy_flow", lambda exponent, limit, repeats: result(f"toy {exponent} {limit}")
    )
    monkeypatch.setattr(bench_engines, "compare_high_dimension", lambda repeats: result("high"))
    monkeypatch.setattr(bench_engines, "compare_shared_samples", lambda quick: result("nine"))
    assert [done.job for done in compare_papers(quick)] == [
        "boursier2024 Figure 2 grouped 2000000 10.0",
        "boursier2024 Figure 3 grouped 3000000 20.0",
        "toy 6 20.0",
        "toy 100 20.0",
        "toy 1000 150.0",
        "high",
        "nine",
    ]
