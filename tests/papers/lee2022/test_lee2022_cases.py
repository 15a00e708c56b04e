"""The cases: which draws, norms and steps they stand for, and what --seed and the user's own points make of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from command_line import Result
from lee_cases import BY_NAME, quick_run

from flowrepro.cli.select import chosen_cases
from flowrepro.core.config import TrainingCase
from flowrepro.papers.lee2022.checks import CLAIMS
from flowrepro.papers.lee2022.errata import MISPRINTS
from flowrepro.papers.lee2022.experiments import NEURONS
from flowrepro.papers.lee2022.studies import STUDIES

NOTHING = {
    "figures": (),
    "assignments": (),
    "seeds": None,
    "engine": None,
    "device": None,
    "data_file": None,
    "init_file": None,
    "quick": False,
}


def cases(*names: str, **changes: object) -> list[TrainingCase]:
    chosen = chosen_cases("single-neuron", case_names=names, **{**NOTHING, "seed": None, **changes})  # type: ignore[arg-type]
    return [case for batch in chosen for case in batch if isinstance(case, TrainingCase)]


def test_the_nine_runs_of_a_seed_share_points_direction_and_angle() -> None:
    first, *others = [quick_run(name) for name in NEURONS]
    direction = first.trajectory.W[0, 0] / np.linalg.norm(first.trajectory.W[0, 0])
    for run in others:
        w, teacher = run.trajectory.W[0, 0], run.dataset.extra["teacher"]
        assert np.array_equal(run.X, first.X)
        assert teacher / run.case.data.options["scale"] == pytest.approx(
            first.dataset.extra["teacher"]
        )
        assert w / np.linalg.norm(w) == pytest.approx(direction)
        assert run.trajectory.a[0, 0] == pytest.approx(np.linalg.norm(w)), "balanced"


@pytest.mark.parametrize(("size", "ratio"), [("sn", 0.1), ("mn", 1.0), ("ln", 2.0)])
def test_sizes_are_ratios_of_standard_deviations(size: str, ratio: float) -> None:
    """Seed 0: ||z*|| = 11.087, ||z0|| = 9.773."""
    run = quick_run(f"2l-{size}")
    assert np.linalg.norm(run.trajectory.W[0]) / np.linalg.norm(
        run.dataset.extra["teacher"]
    ) == pytest.approx(ratio * 9.773 / 11.087, rel=1e-3)


def test_a_seed_draws_points_teacher_and_student_anew() -> None:
    (case,) = cases("1l-sn", seed=3)
    assert (case.seed, case.data.options["seed"]) == (3, 3)
    (case,) = cases("1l-sn", seed=3, assignments=("data.options.seed=5",))
    assert (case.seed, case.data.options["seed"]) == (3, 5)
    assert [case.data.options["seed"] for case in cases("1l-sn", seeds="0:60")] == list(
        range(60)
    ), "never one ensemble of equal starts"


def test_a_users_points_are_learned_from_a_start_drawn_from_the_seed(
    flowrepro: Callable[..., Result], tmp_path: Path
) -> None:
    rng = np.random.default_rng(0)
    x = rng.standard_normal((300, 3))
    np.savez(tmp_path / "points.npz", x=x, y=np.maximum(x @ np.array([1.0, -2.0, 0.5]), 0.0))
    words = (
        "--data",
        tmp_path / "points.npz",
        "--case",
        "1l-mn",
        "--set",
        "n_steps=200",
        "--set",
        "lr=0.1",
        "--seed",
        "4",
        "--out",
        tmp_path / "runs",
    )
    result = flowrepro("single-neuron", *words, "--no-figures")
    assert result.code == 0
    assert "0 FAIL" in result.out
    (stored,) = (tmp_path / "runs").rglob("trajectory.npz")
    with np.load(stored) as arrays:
        assert arrays["W"][0, 0] == pytest.approx(np.random.default_rng(4).standard_normal(3))
        assert arrays["W"][-1, 0] == pytest.approx([1.0, -2.0, 0.5], abs=1e-2)


def test_every_claim_names_existing_cases_and_every_study_is_known() -> None:
    for claim in CLAIMS:
        assert set(claim.cases) <= BY_NAME.keys(), claim.id
    assert len({claim.id for claim in CLAIMS}) == len(CLAIMS)
    assert {
        case.computes for case in BY_NAME.values() if not isinstance(case, TrainingCase)
    } <= STUDIES.keys()
    assert len({item.id for item in MISPRINTS}) == len(MISPRINTS) >= 11
