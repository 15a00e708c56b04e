"""What goes beyond the paper: every claim three ways, closed cases, and figures."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from boursier2024_results import (
    COLLINEAR,
    UNDECLARED,
    Row,
    as_declared,
    changed,
    computed,
    on_study,
    options,
    small,
    small_case,
    tampered,
)

from flowrepro.claims.verdict import Verdict
from flowrepro.core.overrides import override
from flowrepro.core.trajectory import Study
from flowrepro.errors import UsageError
from flowrepro.figures.canvas import render
from flowrepro.papers import registry
from flowrepro.papers.boursier2024.beyond import (
    basin,
    critical_scale,
    eight_piece_sets,
    infinite_width,
    label_signs,
    leaky_slopes,
    omnidirectionality,
    saddle_view,
    scaling_laws,
    unbalanced_width,
)
from flowrepro.papers.boursier2024.training import law, problem_of, train

TOPICS = (
    basin, critical_scale, eight_piece_sets, infinite_width, label_signs, leaky_slopes,
    omnidirectionality, saddle_view, scaling_laws, unbalanced_width,
)  # fmt: skip


def measured_map(result: Study) -> Study:
    """What the declared case gives, but for the time it takes."""
    escaped = np.array(as_declared(result).case.options["scales"]) >= 0.12
    return changed(
        as_declared(result),
        escaped=np.broadcast_to(escaped[:, None], (3, 8, 3)),
        bracket=np.array([[0.0944, 0.0946], [0.2278, 0.2281]]),
    )


def longer_plateaus(result: Study) -> Study:
    later = lambda t: np.concatenate([t, t + 101.0 * 2], axis=1)  # noqa: E731
    return changed(as_declared(result), departure=later)


def more_slopes(result: Study) -> Study:
    places = [0, 1, 1, 1, 1, 2, 3, 3]
    return changed(as_declared(result), end=lambda e: e[places], kinds=lambda k: k[places])


def third_width(result: Study) -> Study:
    return changed(as_declared(result), finite=lambda h: np.repeat(h, 2, axis=0)[1:])


NOT_REACHED = tampered(tau_3=lambda t: np.nan * t)
ONE_LOST = tampered(lost=lambda d: d | (np.arange(len(d)) == 0)[:, None, None, None])
ROWS = [
    on_study(basin.basin_width, "basin", tampered(rho=np.sqrt),
             tampered(rho=lambda r: r + np.inf)),
    on_study(basin.basin_escape, "basin", tampered(escaped=lambda e: ~e),
             tampered(end_mse=lambda e: e + 1.0)),
    on_study(critical_scale.width_independence, "critical-scale",
             tampered(dominated=np.ones_like), COLLINEAR),
    on_study(critical_scale.known_scale, "critical-scale", tampered(bracket=lambda b: 1.1 * b),
             UNDECLARED, measured_map),
    on_study(eight_piece_sets.not_fitted, "eight-piece-sets", tampered(mse=lambda e: 1e-3 * e),
             UNDECLARED, as_declared),
    on_study(infinite_width.width_error, "infinite-width", tampered(finite=lambda h: h + 0.1),
             options(widths=[100, 200])),
    on_study(infinite_width.known_limit, "infinite-width", tampered(limit=lambda h: h + 1e-3),
             UNDECLARED, third_width),
    on_study(label_signs.lost_data, "label-signs", ONE_LOST, tampered(y=np.ones(3))),
    on_study(label_signs.both_signs_measured, "label-signs", tampered(lost=np.zeros_like),
             UNDECLARED, as_declared),
    on_study(leaky_slopes.relu_trapped, "leaky-slopes", tampered(end=lambda e: 0.0 * e), COLLINEAR),
    on_study(leaky_slopes.leaky_leaves, "leaky-slopes", tampered(end=lambda e: 0.0 * e + 1.0),
             UNDECLARED, more_slopes),
    on_study(omnidirectionality.two_cones, "omnidirectionality",
             tampered(part=lambda p: p + 0.01), options(inits=["gaussian", "he"])),
    on_study(omnidirectionality.unbalanced_directions, "omnidirectionality",
             tampered(part=lambda p: 0.0 * p), UNDECLARED, as_declared),
    on_study(saddle_view.saddle_rates, "saddle-view-eight", tampered(measured=lambda r: 1.2 * r),
             options(scale=0.1)),
    on_study(saddle_view.saddle_plateaus, "saddle-view", tampered(predicted=lambda r: 1.1 * r),
             UNDECLARED, as_declared),
    on_study(scaling_laws.tau_2_law, "scaling", tampered(tau_2=lambda t: 1.01 * t), NOT_REACHED),
    on_study(scaling_laws.misalignment_law, "scaling", tampered(misalignment=np.sqrt),
             NOT_REACHED),
    on_study(scaling_laws.phase_2b_length, "scaling",
             tampered(tau_3=lambda t: t + np.arange(len(t))), COLLINEAR),
    on_study(scaling_laws.phase_2b_measured, "scaling", tampered(tau_3=lambda t: t + 1.0),
             UNDECLARED, as_declared),
    on_study(unbalanced_width.unbalanced_leaves, "unbalanced-width",
             tampered(departure=lambda t: t + np.inf), options(widths=[20])),
    on_study(unbalanced_width.unbalanced_plateau, "unbalanced-width",
             tampered(departure=lambda t: t**0.5), UNDECLARED, longer_plateaus),
]  # fmt: skip


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_claims_hold_fail_and_do_not_apply(row: Row) -> None:
    row.check()


def test_every_claim_is_broken() -> None:
    claims = {claim.id for module in TOPICS for claim in module.topic.claims}
    assert claims - {row.claim.id for row in ROWS} == {"appendix-b-2-best-fit"}


def test_the_distance_from_the_best_fit_is_a_number() -> None:
    result = as_declared(small("eight-piece-sets"))
    judged = eight_piece_sets.above_the_best_fit.judge(result)
    ratio = result.arrays["mse"] / result.arrays["best_mse"]
    assert judged.verdict is Verdict.INFO
    assert judged.measured == pytest.approx(np.median(ratio))


@pytest.mark.slow
@pytest.mark.parametrize("figure", [each for module in TOPICS for each in module.topic.figures], ids=lambda f: f.id)
def test_figures_are_drawn(figure) -> None:  # type: ignore[no-untyped-def]
    picture = figure.collect(*(small(case) for case in figure.cases))
    assert render(picture, figure.layout, {}, ("png",), share=figure.share)["png"].startswith(b"\x89PNG")


def test_reduced_variants_have_options_that_fit() -> None:
    for module in TOPICS:
        for case in module.topic.cases:
            registry.study_of(case).refuse(override(case, case.quick).options)


def test_the_chance_of_escape_is_that_of_drawn_noise() -> None:
    rng = np.random.default_rng(0)
    X, residual = small("basin").X, np.array([0.4, -0.5, 0.1])
    W = -np.abs(rng.standard_normal((4, 2))) * [0.1, 1.0]
    noise = 0.5 * rng.standard_normal((40_000, *W.shape))
    half = np.array([0.5])
    awake = np.any((W + noise) @ X[residual > 0].T > 0, axis=(1, 2)).mean()
    chance = basin.escape_chance(X, residual, W, half)[0]
    assert chance == pytest.approx(awake, abs=0.15)  # data taken as independent
    first = np.any((W + noise) @ X[0] > 0, axis=1).mean()
    chance = basin.escape_chance(X[:1], residual[:1], W, half)[0]
    assert chance == pytest.approx(first, abs=0.01)


def test_the_best_fit_finds_the_kinks_of_a_piecewise_linear_function() -> None:
    x = np.linspace(-1.0, 1.0, 60)
    y = np.abs(x - 0.21) - 2.0 * np.maximum(x + 0.43, 0.0)
    rng = np.random.default_rng(0)
    assert eight_piece_sets.best_fit(x, y, np.array([0.0, 0.5]), rng, 5) < 1e-12
    line = np.mean((y - np.polyval(np.polyfit(x, y, 1), x)) ** 2)
    assert eight_piece_sets.best_fit(x, y, np.array([]), rng, 5) == pytest.approx(line)


def test_neurons_are_counted_by_active_data() -> None:
    arrays = small("omnidirectionality").arrays
    assert np.allclose(arrays["part"].sum(axis=-1), 1.0)
    assert np.all(np.diff(arrays["part"][0, :, 0, 0]) == 0)  # positive inactive neurons never move
    assert arrays["empty"].max() <= arrays["cells"]


def test_crossings_lie_between_samples() -> None:
    t = np.array([0.0, 1.0, 2.0])
    assert scaling_laws.first_crossing(t, np.array([0.0, 1.0, 3.0]), 2.0) == 1.5
    assert np.isnan(scaling_laws.first_crossing(t, np.zeros(3), 1.0))
    assert np.isnan(scaling_laws.first_crossing(t, np.ones(3), 0.5))


def test_tiny_angles_are_resolved() -> None:
    W = np.array([[1.0, 0.0], [1.0, 1e-12]])
    assert scaling_laws.misalignment(W) == pytest.approx(0.5e-24, rel=1e-6)


def test_a_small_scale_is_trapped_and_a_large_one_is_not() -> None:
    X, y = small("critical-scale").X, small("critical-scale").y
    assert critical_scale.trapped(X, y, law("balanced", 100, 1e-3), 0, 1e-2, 5000)
    assert not critical_scale.trapped(X, y, law("balanced", 300, 1.0), 0, 1e-2, 5000)


def test_runs_inside_studies_keep_what_is_asked_for() -> None:
    X, y = small("basin").X, small("basin").y
    problem = problem_of(X, y, law("balanced", 50, 1e-3), 0, 1e-2, 100)
    run = train(problem, every=30, snapshots=(40,))
    assert run.step.tolist() == [0, 30, 60, 90, 100]
    assert run.snapshot_step.tolist() == [0, 40, 100]


def test_a_lost_datum_keeps_the_loss_of_a_zero_output() -> None:
    result = small("label-signs")
    names, end, lost = result.case.options, result.arrays["end"], result.arrays["lost"]
    assert result.arrays["y"].tolist() == [1.0, -1.0, 1.0]
    dominated = names["laws"].index("dominated")
    for i, name in enumerate(names["losses"]):
        zero = label_signs.AT_ZERO[name]
        assert lost[i, dominated, 0].tolist() == [False, True, False]
        assert zero / 3 <= end[i, dominated, 0] + 1e-12 < 1.05 * zero / 3


def test_fates_are_compared_between_dominated_runs_only() -> None:
    result = small("label-signs")
    for outside in (
        options(laws=["balanced", "he", "gaussian"]),
        options(scale=1e-3),
        options(lr=0.02),
        tampered(end=lambda e: e + 0.1),
    ):
        judged = label_signs.lost_data.judge(outside(result))
        assert judged.verdict is Verdict.NOT_APPLICABLE
    one_loss = np.zeros_like(result.arrays["lost"])
    # a balanced run that loses a datum under one loss
    one_loss[0, result.case.options["laws"].index("balanced"), 0, 1] = True
    apart = changed(result, lost=lambda lost: lost | one_loss)
    assert label_signs.lost_data.judge(apart).verdict is Verdict.PASS


def test_unknown_names_are_refused() -> None:
    with pytest.raises(UsageError, match="logistic, square"):
        computed(small_case("label-signs", losses=["hinge"]))
    with pytest.raises(UsageError, match="balanced, dominated"):
        computed(small_case("critical-scale", laws=["gaussian"]))


def test_a_scale_that_is_not_below_names_no_bracket() -> None:
    nowhere = dataclasses.replace(small("critical-scale"))
    nowhere = changed(nowhere, bracket=lambda b: np.nan * b)
    judged = critical_scale.width_independence.judge(nowhere)
    assert judged.verdict is Verdict.NOT_APPLICABLE
