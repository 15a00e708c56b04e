"""The benchmark's structure; no test depends on a clock."""

from __future__ import annotations

import pytest
from problems import random_problem

from flowrepro.bench import main as bench
from flowrepro.bench.main import BenchResult, compare_interpolated, compare_large, compare_many_seeds, compare_small
from flowrepro.core.config import Loss
from flowrepro.core.overrides import override
from flowrepro.papers.boursier2022.figures_2_3_toy import TOY


def test_small_problems_compare_the_plain_loop_with_the_compiled_one() -> None:
    result = compare_small("tiny: plain PyTorch loop / fused", random_problem(), repeats=2, steps=100)
    assert result.ours > 0
    assert result.plain > 0
    assert result.ratio == pytest.approx(result.plain / result.ours)
    assert (result.unit, result.target, result.note) == ("us/step", ">= 50", "n=5, d=2, m=7")


def test_many_seeds_are_extrapolated_and_say_so() -> None:
    case = override(TOY, {"n_steps": 4_000})
    result = compare_many_seeds("many", case, repeats=2, seeds=1_000, sample=3, steps=100)
    assert min(result.plain, result.ours) > 0
    assert result.ratio == pytest.approx(result.plain / result.ours)
    assert (
        result.note == "n=2, d=2, m=60, extrapolated to 1000 seeds x 4000 steps from 3 x 100 (ours) and 1 x 10 (plain)"
    )


def test_large_problems_compare_with_the_products_and_with_the_plain_loop() -> None:
    problem = random_problem(20, 4, 6, Loss(name="exp", reduction="mean"), dtype="float32", lr=1e-3)
    products, plain = compare_large("tiny", problem, repeats=2, steps=1)
    assert products.ours == plain.ours > 0
    assert products.ratio == pytest.approx(products.ours / products.plain)
    assert plain.ratio == pytest.approx(plain.plain / plain.ours)
    assert (products.target, plain.target) == ("<= 1.3", ">= 1")


def test_the_interpolated_run_is_whole_and_the_plain_loop_extrapolated() -> None:
    problem = random_problem(20, 4, 6, Loss(name="exp", reduction="mean"), lr=1e-3)
    result = compare_interpolated("tiny", problem, sample=2)
    assert min(result.ours, result.plain) > 0
    assert result.ratio == pytest.approx(result.plain / result.ours)
    assert f"{problem.n_steps} steps" in result.note


def test_quick_runs_fewer_repetitions_on_fewer_images(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[int, int]] = []

    def record(job: str, problem: object, repeats: int) -> BenchResult:
        asked.append((len(problem.X), repeats))  # type: ignore[attr-defined]
        return BenchResult(job, 1.0, 1.0, "", 1.0, "", "")

    monkeypatch.setattr(bench, "compare_small", record)
    monkeypatch.setattr(
        bench, "compare_many_seeds", lambda job, case, repeats, limit: BenchResult(job, 1.0, 1.0, "", 1.0, "", "")
    )
    monkeypatch.setattr(bench, "compare_flow", lambda quick: [])
    monkeypatch.setattr(bench, "compare_peers", lambda quick: [])
    monkeypatch.setattr(bench, "compare_growth", lambda repeats: [])
    monkeypatch.setattr(bench, "compare_margin", lambda q: BenchResult("margin", 1.0, 1.0, "", 1.0, "", ""))
    monkeypatch.setattr(bench, "compare_interpolated", lambda job, problem: BenchResult(job, 1.0, 1.0, "", 1.0, "", ""))
    monkeypatch.setattr(bench, "compare_papers", lambda quick: [])
    monkeypatch.setattr(bench, "compare_large", lambda *arguments: [record(*arguments)])
    assert [result.job.partition(":")[0] for result in bench.run_benchmarks(True)] == [
        "toy",
        "five-points",
        "10000 seeds of the toy",
        "digits 1/0, float32",
        "digits 1/0, float32, the whole run",
        "margin",
    ]
    assert asked == [(2, 5), (5, 5), (1000, 5)]


@pytest.mark.parametrize(
    ("ratio", "target", "limit", "met"),
    [
        (2.0, "", None, ""),
        (2.0, ">= 2", None, "yes"),
        (2.0, "<= 1.5", None, "no"),
        (2.0, "", 4.0, "yes"),
        (float("nan"), "", 4.0, "yes"),
        (2.0, "", 2.0, "no"),
        (2.0, ">= 3", 4.0, "no"),
        (2.0, ">= 2", 2.0, "no"),
    ],
)
def test_targets_bound_the_ratio_and_limits_bound_ours(
    ratio: float, target: str, limit: float | None, met: str
) -> None:
    assert BenchResult("job", 3.0, 6.0, "s", ratio, target, "", limit).met == met


def test_the_public_form_has_null_for_what_is_not_a_number() -> None:
    form = BenchResult("job", 3.0, float("nan"), "s", float("nan"), "", "", 4.0).to_json()
    assert form == {
        "job": "job",
        "ours": 3.0,
        "plain": None,
        "unit": "s",
        "ratio": None,
        "target": "",
        "note": "",
        "limit": 4.0,
        "met": "yes",
    }
