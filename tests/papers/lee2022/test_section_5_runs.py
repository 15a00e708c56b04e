"""Which draws, norms and steps the cases stand for, and what seeds and own points make of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from command_line import Result

from flowrepro.cli.select import chosen_cases
from flowrepro.core.config import TrainingCase
from flowrepro.papers.lee2022.section_5_runs import NEURONS

from .results import quick_run

NOTHING = {
    "figures": (), "assignments": (), "seeds": None, "engine": None, "device": None,
    "data_file": None, "init_file": None, "quick": False, "seed": None,
}  # fmt: skip


def cases(*names: str, **changes: object) -> list[TrainingCase]:
    chosen = chosen_cases("single-neuron", case_names=names, **{**NOTHING, **changes})  # type: ignore[arg-type]
    return [case for batch in chosen for case in batch if isinstance(case, TrainingCase)]


def test_the_nine_runs_of_a_seed_share_points_direction_and_angle() -> None:
    first, *others = [quick_run(name) for name in NEURONS]
    direction = first.trajectory.W[0, 0] / np.linalg.norm(first.trajectory.W[0, 0])
    for run in others:
        w, teacher = run.trajectory.W[0, 0], run.dataset.extra["teacher"]
        scaled = teacher / run.case.data.options["scale"]
        assert np.array_equal(run.X, first.X)
        assert scaled == pytest.approx(first.dataset.extra["teacher"])
        assert w / np.linalg.norm(w) == pytest.approx(direction)
        assert run.trajectory.a[0, 0] == pytest.approx(np.linalg.norm(w)), "balanced"


@pytest.mark.parametrize(("size", "ratio"), [("sn", 0.1), ("mn", 1.0), ("ln", 2.0)])
def test_sizes_are_ratios_of_standard_deviations(size: str, ratio: float) -> None:
    """Seed 0: ||z*|| = 11.087, ||z0|| = 9.773, so the large start is 1.76 ||w*||."""
    run = quick_run(f"2l-{size}")
    norms = [np.linalg.norm(w) for w in (run.trajectory.W[0], run.dataset.extra["teacher"])]
    assert norms[0] / norms[1] == pytest.approx(ratio * 9.773 / 11.087, rel=1e-3)


def test_a_seed_draws_points_teacher_and_student_anew() -> None:
    (case,) = cases("1l-sn", seed=3)
    assert (case.seed, case.data.options["seed"]) == (3, 3)
    (case,) = cases("1l-sn", seed=3, assignments=("data.options.seed=5",))
    assert (case.seed, case.data.options["seed"]) == (3, 5)
    many = cases("1l-sn", seeds="0:60")
    assert [case.data.options["seed"] for case in many] == list(range(60)), "never one ensemble"


def test_a_users_points_are_learned_from_a_start_drawn_from_the_seed(
    flowrepro: Callable[..., Result], tmp_path: Path
) -> None:
    rng = np.random.default_rng(0)
    x = rng.standard_normal((300, 3))
    np.savez(tmp_path / "points.npz", x=x, y=np.maximum(x @ np.array([1.0, -2.0, 0.5]), 0.0))
    chosen = "--case", "1l-mn", "--set", "n_steps=200", "--set", "lr=0.1", "--seed", "4"
    places = "--data", tmp_path / "points.npz", "--out", tmp_path / "runs"
    result = flowrepro("single-neuron", *chosen, *places, "--no-figures")
    assert result.code == 0
    assert "0 FAIL" in result.out
    (stored,) = (tmp_path / "runs").rglob("trajectory.npz")
    with np.load(stored) as arrays:
        assert arrays["W"][0, 0] == pytest.approx(np.random.default_rng(4).standard_normal(3))
        assert arrays["W"][-1, 0] == pytest.approx([1.0, -2.0, 0.5], abs=1e-2)
