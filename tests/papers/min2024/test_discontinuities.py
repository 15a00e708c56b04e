"""Figures 18 to 21: one neuron where the flow is discontinuous."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import pytest

from flowrepro import data
from flowrepro.claims.old_verdict import Judgement, Verdict
from flowrepro.core.config import StudyCase, override
from flowrepro.core.network import gradient
from flowrepro.core.trajectory import Dataset, Study
from flowrepro.engines.alignment import SUM_EXP
from flowrepro.errors import UsageError
from flowrepro.figures import Figure, NotDrawable
from flowrepro.figures.canvas import render
from flowrepro.papers.min2024 import caratheodory_figures, dead_boundary, held_neuron, toy_cases
from flowrepro.papers.min2024.studies import STUDIES

Change = Callable[[Study], Study]


def computed(study: StudyCase) -> Study:
    dataset = data.load(study.data) if study.data else None
    return Study(study, dataset, STUDIES[study.computes](study, dataset, lambda done, total: None))


@pytest.fixture(scope="module")
def findings() -> dict[str, Study]:
    return {study.name: computed(study) for study in (toy_cases.HELD, toy_cases.DEAD_BOUNDARY)}


def arrays(**changes: Callable[[np.ndarray], np.ndarray]) -> Change:
    def change(found: Study) -> Study:
        altered = {name: alter(found.arrays[name].copy()) for name, alter in changes.items()}
        return dataclasses.replace(found, arrays={**found.arrays, **altered})

    return change


def swapped(found: Study) -> Study:
    """The second descent of either case is that of the other one."""
    a, b = found.arrays["held.1"], found.arrays["crossing.1"]
    return dataclasses.replace(found, arrays={**found.arrays, "held.1": b, "crossing.1": a})


def elsewhere(found: Study) -> Study:
    return dataclasses.replace(
        found, arrays={**found.arrays, "held.flow": found.arrays["held.flow"] + 0.1}
    )


def longer(found: Study) -> Study:
    return dataclasses.replace(found, case=override(found.case, {"horizon": 0.6}))


def curve_leaves(theta: np.ndarray) -> np.ndarray:
    theta[-1, -1, 0] = 1.0
    return theta


TABLE: dict[str, tuple[Change, Change]] = {
    "F18.zeno": (swapped, longer),
    "F18.filippov": (elsewhere, longer),
    "F19.crossing": (swapped, longer),
    "F20.constant": (
        arrays(after=lambda after: after + 1e-9),
        arrays(slope=lambda slope: slope + 0.5),
    ),
    "F20.jump": (arrays(after=lambda after: after + 1e-9), arrays(slope=lambda slope: 0 * slope)),
    "F21.family": (
        arrays(residual=lambda r: 10 * r),
        arrays(leave=lambda leave: np.full_like(leave, np.inf)),
    ),
    "F21.regular": (arrays(theta=curve_leaves), arrays(leave=lambda leave: np.minimum(leave, 9.0))),
}
CLAIMS = {claim.id: claim for claim in (*held_neuron.CLAIMS, *dead_boundary.CLAIMS)}


def expect(result: Judgement, verdict: Verdict) -> None:
    assert result.verdict is verdict, f"{result.id}: {result.note}"


def test_the_table_covers_every_claim() -> None:
    assert set(TABLE) == set(CLAIMS)


@pytest.mark.parametrize("id", TABLE)
def test_each_claim_three_ways(id: str, findings: dict[str, Study]) -> None:
    tamper, leave = TABLE[id]
    claim = CLAIMS[id]
    found = findings[claim.cases[0]]
    expect(claim.function(found), Verdict.PASS)
    expect(claim.function(tamper(found)), Verdict.FAIL)
    expect(claim.function(leave(found)), Verdict.NOT_APPLICABLE)


def test_velocity_is_minus_the_gradient() -> None:
    points = data.load(toy_cases.HELD.data)  # type: ignore[arg-type]
    rng = np.random.default_rng(0)
    w, a = rng.standard_normal((5, 2)), rng.standard_normal(5)
    dw, da = held_neuron.velocity(points.X, points.y, w, a)
    for j in range(5):
        grad_W, grad_a = gradient(points.X, points.y, w[[j]], a[[j]], SUM_EXP)
        np.testing.assert_allclose(dw[j], -grad_W[0], atol=1e-14)
        np.testing.assert_allclose(da[j], -grad_a[0], atol=1e-14)


def test_a_subgradient_at_zero_counts_only_there() -> None:
    X, y, a = np.array([[1.0, 0.0]]), np.array([-1.0]), np.array(1.0)
    on, _ = held_neuron.velocity(X, y, np.array([0.0, 1.0]), a, at_zero=0.5)
    np.testing.assert_array_equal(on, [-0.5, 0.0])
    beside, _ = held_neuron.velocity(X, y, np.array([-1e-300, 1.0]), a, at_zero=0.5)
    np.testing.assert_array_equal(beside, [0.0, 0.0])


def test_crossings_and_share_of_the_held_neuron(findings: dict[str, Study]) -> None:
    coarse, middle, fine = held_neuron.descents(findings["held-neuron"], "held")
    assert [coarse.crossings, middle.crossings, fine.crossings] == [31, 310, 3096]
    assert fine.active == pytest.approx(0.4902, abs=1e-4)
    assert fine.weight == pytest.approx(0.4901, abs=1e-4)


def test_the_flow_stays_on_the_hyperplane(findings: dict[str, Study]) -> None:
    held, crossing = (findings["held-neuron"].arrays[f"{case}.flow"] for case in held_neuron.CASES)
    assert abs(held[-1, 0]) < 1e-12
    assert crossing[-1, 0] > 0.05


def test_where_the_neuron_is_after_leaving(findings: dict[str, Study]) -> None:
    """p(1) = 0.711128, a(1) = 1.227071; p(5) = 1.590355, a(5) = 1.878624; the same a unit of time later for t_0 = 1."""
    t, theta = findings["dead-boundary"].arrays["t"], findings["dead-boundary"].arrays["theta"]
    at = int(np.searchsorted(t, 1.0))
    np.testing.assert_allclose(
        theta[0, [at, -1]], [[0.711128, 1.0, 1.227071], [1.590355, 1.0, 1.878624]], atol=1e-6
    )
    np.testing.assert_allclose(theta[1, 2 * at], theta[0, at], atol=1e-9)
    assert dead_boundary.travelled(0.711128) == pytest.approx(1.0, abs=1e-5)


def test_options_out_of_range_are_named(findings: dict[str, Study]) -> None:
    cases = (
        (toy_cases.HELD, {"options.lr": [1e-9]}, r"options\.lr"),
        (toy_cases.HELD, {"options.lr": []}, r"options\.lr"),
        (toy_cases.HELD, {"options.w": [1.0, 2.0, 3.0]}, r"options\.w"),
        (toy_cases.HELD, {"options.horizon": 0.0}, r"options\.horizon"),
        (toy_cases.DEAD_BOUNDARY, {"options.slope": []}, r"options\.slope"),
        (toy_cases.DEAD_BOUNDARY, {"options.cells": 0}, r"options\.cells"),
    )
    for study, changes, message in cases:
        with pytest.raises(UsageError, match=message):
            computed(override(study, changes))


@pytest.mark.parametrize("figure", caratheodory_figures.FIGURES, ids=lambda figure: figure.id)
def test_figures_are_drawn(figure: Figure, findings: dict[str, Study]) -> None:
    shown = figure.collect(*(findings[name] for name in figure.cases))
    assert render(figure, shown, {}, ["png"])["png"].startswith(b"\x89PNG")


def test_figures_show_what_was_computed(findings: dict[str, Study]) -> None:
    held = caratheodory_figures.collect_held(findings["held-neuron"])
    assert [curve.crossings for curve in held.curves] == [31, 310, 3096]
    towards = held.arrows[:, 0] * held.points[:, 0]
    assert np.all(towards[held.points[:, 0] != 0] < 0)
    through = caratheodory_figures.collect_crossing(findings["held-neuron"])
    assert np.all(through.arrows[:, 0] > 0)
    family = caratheodory_figures.collect_family(findings["dead-boundary"])
    assert family.leave.tolist() == [0.0, 1.0, 2.0, np.inf]
    assert family.w1.shape == (4, len(family.t))
    residual = caratheodory_figures.collect_no_solution(findings["dead-boundary"]).residual
    np.testing.assert_allclose(residual[:, -1], [0.0, 0.5, 1.0])
    solid = dataclasses.replace(
        findings["held-neuron"], dataset=Dataset(np.eye(3), np.ones(3), "solid")
    )
    with pytest.raises(NotDrawable, match="plane"):
        caratheodory_figures.collect_held(solid)
