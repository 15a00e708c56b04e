"""The studies of boursier2024: closed cases, refusals, figures."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from study_findings import CASES, computed, small, small_case

from flowrepro.core.config import Init, StudyCase, override
from flowrepro.core.initialize import initial_weights
from flowrepro.core.trajectory import Dataset
from flowrepro.errors import DataError, UsageError
from flowrepro.figures import Figure, NotDrawable
from flowrepro.figures.canvas import render
from flowrepro.papers.boursier2024.basin import escape_chance, idle_positive
from flowrepro.papers.boursier2024.critical_scale import trapped
from flowrepro.papers.boursier2024.eight_piece_sets import best_fit
from flowrepro.papers.boursier2024.figures import FIGURES
from flowrepro.papers.boursier2024.limit_point import basin_radius, inventory
from flowrepro.papers.boursier2024.scaling_laws import first_crossing, misalignment
from flowrepro.papers.boursier2024.study_cases import STUDY_CASES
from flowrepro.papers.boursier2024.training import problem_of, train

STUDY_FIGURES = {figure.id: figure for figure in FIGURES if set(figure.cases) <= set(CASES)}


def space(n: int = 6, d: int = 3) -> Dataset:
    rng = np.random.default_rng(1)
    return Dataset(rng.standard_normal((n, d)), rng.standard_normal(n), "random points")


def test_points_in_space_are_analysed() -> None:
    findings = computed(small_case("analysis"), space())
    assert findings.arrays["cells"] == findings.arrays["cover_bound"]
    assert findings.arrays["start"].shape[1] == 3
    with pytest.raises(NotDrawable, match="span the plane"):
        STUDY_FIGURES["arrangement"].collect(findings)


def test_leaky_activations_have_no_closed_alignment() -> None:
    findings = computed(small_case("analysis", alpha=0.2))
    assert findings.arrays["start"].size == 0
    assert STUDY_FIGURES["arrangement"].collect(findings).settled.size == 0


def test_an_analysis_refuses_what_it_cannot_answer() -> None:
    with pytest.raises(UsageError, match="alpha"):
        computed(small_case("analysis", alpha=1.0))
    with pytest.raises(DataError, match="all zero"):
        computed(small_case("analysis"), Dataset(np.eye(2), np.zeros(2), ""))


def test_alignment_settles_at_the_rays_last() -> None:
    arrays = small("analysis").arrays
    assert arrays["settled"][:, 0].max() == pytest.approx(3.058, abs=1e-3)
    assert np.all(arrays["settled"][arrays["inactive"][:, 0] & arrays["inactive"][:, 1], 0] >= 0)


def test_the_radius_is_known_before_training() -> None:
    case, findings = small_case("limit-point"), small("limit-point")
    assert findings.dataset is not None
    X, y = findings.X, findings.y
    for name, rho in zip(case.options["inits"], findings.arrays["rho"], strict=True):
        init = problem_init(name, case.options["m"])
        assert (
            basin_radius(
                X,
                y - X @ np.linalg.lstsq(X, y, rcond=None)[0],
                idle_positive(X, *initial_weights(init, 0, 2)),
            )
            == rho
        )


def problem_init(name: str, m: int) -> Init:
    return Init(name=name, m=m, scale=1e-3, divide_by="sqrt(m)")


def test_neurons_are_counted_by_class() -> None:
    X, y = small("limit-point").X, small("limit-point").y
    W = np.array([[0.0, 1.0], [0.0, -1.0], [0.0, -2.0], [3.0, 1.0], [0.0, 0.0]])
    found = inventory(X, y, W, np.array([1.0, 1.0, -1.0, 1.0, 0.0]), 1.0)
    assert {name: found[name] for name in ("all_active", "inactive_positive", "inactive_negative", "mixed", "zero")} == {
        "all_active": 1, "inactive_positive": 1, "inactive_negative": 1, "mixed": 1, "zero": 1,
    }  # fmt: skip
    assert found["rho"] == pytest.approx(min(1 / np.hypot(0.75, 1), 1 / np.hypot(0.125, 1)))


def test_the_chance_of_escape_is_that_of_drawn_noise() -> None:
    rng = np.random.default_rng(0)
    X, residual = small("basin").X, np.array([0.4, -0.5, 0.1])
    W = -np.abs(rng.standard_normal((4, 2))) * [0.1, 1.0]
    noise = 0.5 * rng.standard_normal((40_000, *W.shape))
    awake = np.any((W + noise) @ X[residual > 0].T > 0, axis=(1, 2)).mean()
    assert escape_chance(X, residual, W, np.array([0.5]))[0] == pytest.approx(
        awake, abs=0.15
    )  # data taken as independent
    assert escape_chance(X[:1], residual[:1], W, np.array([0.5]))[0] == pytest.approx(
        np.any((W + noise) @ X[0] > 0, axis=1).mean(), abs=0.01
    )


def test_the_best_fit_finds_the_kinks_of_a_piecewise_linear_function() -> None:
    x = np.linspace(-1.0, 1.0, 60)
    y = np.abs(x - 0.21) - 2.0 * np.maximum(x + 0.43, 0.0)
    assert best_fit(x, y, np.array([0.0, 0.5]), np.random.default_rng(0), 5) < 1e-12
    assert best_fit(x, y, np.array([]), np.random.default_rng(0), 5) == pytest.approx(
        np.mean((y - np.polyval(np.polyfit(x, y, 1), x)) ** 2)
    )


def test_neurons_are_counted_by_active_data() -> None:
    arrays = small("omnidirectionality").arrays
    assert np.allclose(arrays["part"].sum(axis=-1), 1.0)
    assert np.all(np.diff(arrays["part"][0, :, 0, 0]) == 0)  # positive inactive neurons never move
    assert arrays["empty"].max() <= arrays["cells"]


def test_crossings_lie_between_samples() -> None:
    t = np.array([0.0, 1.0, 2.0])
    assert first_crossing(t, np.array([0.0, 1.0, 3.0]), 2.0) == 1.5
    assert np.isnan(first_crossing(t, np.zeros(3), 1.0))
    assert np.isnan(first_crossing(t, np.ones(3), 0.5))


def test_tiny_angles_are_resolved() -> None:
    assert misalignment(np.array([[1.0, 0.0], [1.0, 1e-12]])) == pytest.approx(0.5e-24, rel=1e-6)


def test_a_small_scale_is_trapped_and_a_large_one_is_not() -> None:
    X, y = small("critical-scale").X, small("critical-scale").y
    assert trapped(X, y, problem_init("balanced", 100), 0, 1e-2, 5000)
    large = dataclasses.replace(problem_init("balanced", 300), scale=1.0)
    assert not trapped(X, y, large, 0, 1e-2, 5000)


def test_runs_inside_studies_keep_what_is_asked_for() -> None:
    X, y = small("basin").X, small("basin").y
    run = train(
        problem_of(X, y, problem_init("balanced", 50), 0, 1e-2, 100), every=30, snapshots=(40,)
    )
    assert run.step.tolist() == [0, 30, 60, 90, 100]
    assert run.snapshot_step.tolist() == [0, 40, 100]


@pytest.mark.parametrize("figure", STUDY_FIGURES.values(), ids=STUDY_FIGURES)
def test_every_figure_of_a_study_is_drawn(figure: Figure) -> None:
    data = figure.collect(*(small(case) for case in figure.cases))
    assert render(figure, data, {}, ("png",))["png"].startswith(b"\x89PNG")


@pytest.mark.parametrize("case", STUDY_CASES, ids=lambda case: case.name)
def test_reduced_variants_name_existing_options(case: StudyCase) -> None:
    assert override(case, case.quick).options.keys() == case.options.keys()
