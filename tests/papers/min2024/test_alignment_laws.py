"""Exact alignment on random sets, the laws of t1, t2, of the critical scale and of the stable rank: three ways each, and their pictures."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from flowrepro import data
from flowrepro.claims.old_verdict import Claim, Verdict
from flowrepro.core.config import Data, StudyCase, override
from flowrepro.core.trajectory import Dataset, Study
from flowrepro.engines.alignment import Fate, align
from flowrepro.errors import DataError, UsageError
from flowrepro.figures import NotDrawable
from flowrepro.figures.canvas import render
from flowrepro.papers.min2024 import (
    basins,
    critical_scale,
    rank_limit,
    theory_cases,
    theory_figures,
    time_laws,
)
from flowrepro.papers.min2024.alignment_theorem import longest_path, longest_path_by_enumeration
from flowrepro.papers.min2024.figures import FIGURES
from flowrepro.papers.min2024.studies import STUDIES

Change = Callable[[dict[str, Any]], None]
SMALL: dict[str, tuple[StudyCase, dict[str, Any]]] = {
    "theory-basins": (theory_cases.BASINS, {"sets": 4, "m": 8, "draws": 200, "largest_class": 6}),
    "fit-time": (theory_cases.FIT_TIME, {"m": 12, "ln_eps": [-8.0, -40.0, -200.0]}),
    "alignment-time": (theory_cases.ALIGNMENT_TIME, {"mu": [1e-1, 1e-4], "angles": 20}),
    "critical-scale": (
        theory_cases.CRITICAL_SCALE,
        {"theta": [0.01, 0.001], "log10_scale": [-2.0, -3.0, -4.0, -5.0, -6.0, -9.0], "seeds": 10},
    ),
    "rank-limit": (theory_cases.RANK_LIMIT, {"m": 10, "margin": [1.0, 1e3, 1e4, 1e5, 1e6]}),
}
CLAIMS: dict[str, Claim] = {
    claim.id: claim
    for part in (basins, time_laws, critical_scale, rank_limit)
    for claim in part.CLAIMS
}


@functools.cache
def findings(name: str) -> Study:
    case, changes = SMALL[name]
    case = override(case, changes)
    points = None if case.data is None else data.load(case.data)
    return Study(case, points, STUDIES[case.computes](case, points, lambda done, total: None))


def of(claim: Claim) -> Study:
    return findings(claim.cases[0])


def setting(name: str, change: Callable[[np.ndarray], Any]) -> Change:
    def tamper(arrays: dict[str, Any]) -> None:
        arrays[name] = np.asarray(change(arrays[name].copy()))

    return tamper


TAMPER: dict[str, Change] = {
    "T1.t1.limit": setting("t1", lambda t: t * 1e6),
    "T1.dur.limit": setting("path", lambda ratio: ratio + 2),
    "T1.S.limit": setting("missed", lambda count: count + 1),
    "T1.prob": setting("alive", lambda alive: alive & False),
    "basin.share": setting("alive", lambda alive: alive | True),
    "t2.law": setting("t2", lambda t: t * 1.01),
    "t2.Theta": setting("t2", lambda t: t * 100),
    "t1.law": setting("t1", lambda t: t + 1e-3),
    "scale.critical": setting("scale", lambda scale: scale**2),
    "rank.limit": setting("stable_rank", lambda rank: rank + 0.01),
}


def swapped(found: Study) -> Study:
    assert found.dataset is not None
    return replace(found, dataset=replace(found.dataset, y=np.roll(found.y, 1)))


def without(name: str) -> Callable[[Study], Study]:
    return lambda found: replace(
        found, arrays={key: values for key, values in found.arrays.items() if key != name}
    )


def first(name: str, count: int) -> Callable[[Study], Study]:
    return lambda found: replace(
        found, arrays={**found.arrays, name: found.arrays[name][..., :count]}
    )


OUTSIDE: dict[str, tuple[Callable[[Study], Study], str]] = {
    "T1.t1.limit": (without("t1"), "no random set"),
    "T1.dur.limit": (without("t1"), "no random set"),
    "T1.S.limit": (without("t1"), "no random set"),
    "T1.prob": (swapped, "Assumption 1"),
    "basin.share": (swapped, "Assumption 1"),
    "t2.law": (first("ln_eps", 1), "two scales"),
    "t2.Theta": (swapped, "Assumption 1"),
    "scale.critical": (first("outside", 3), "3 seeds"),
    "rank.limit": (first("margin", 3), "extend options.margin"),
}


@pytest.mark.parametrize("id", CLAIMS)
def test_holds(id: str) -> None:
    result = CLAIMS[id].function(of(CLAIMS[id]))
    assert result.verdict is Verdict.PASS, result


def test_every_claim_has_its_cases() -> None:
    assert TAMPER.keys() | {"T1.path.longest"} == CLAIMS.keys()
    assert CLAIMS.keys() - OUTSIDE.keys() == {
        "T1.path.longest",
        "t1.law",
    }  # neither has a hypothesis


@pytest.mark.parametrize("id", TAMPER)
def test_fails_on_tampered_results(id: str) -> None:
    found = of(CLAIMS[id])
    arrays = dict(found.arrays)
    TAMPER[id](arrays)
    assert CLAIMS[id].function(replace(found, arrays=arrays)).verdict is Verdict.FAIL


@pytest.mark.parametrize("id", OUTSIDE)
def test_does_not_apply_outside_its_hypotheses(id: str) -> None:
    change, reason = OUTSIDE[id]
    result = CLAIMS[id].function(change(of(CLAIMS[id])))
    assert result.verdict is Verdict.NOT_APPLICABLE
    assert reason in result.note


def test_the_longest_path_is_noticed_to_be_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(basins, "longest_path", lambda own, other: longest_path(own, other) + 1e-6)
    assert CLAIMS["T1.path.longest"].function(findings("theory-basins")).verdict is Verdict.FAIL


@pytest.mark.parametrize(
    ("own", "other", "expected"),
    [(3, 3, 11 / 6 + 1 / 2 + 3 / 2), (0, 2, 1.5), (2, 0, 1.0), (1, 1, 1.5)],
)
def test_longest_paths_by_hand(own: int, other: int, expected: float) -> None:
    assert longest_path(own, other) == pytest.approx(expected)
    assert longest_path_by_enumeration(own, other) == pytest.approx(expected)


def test_stays_of_an_exact_path_are_its_arcs() -> None:
    points = data.load(Data(name="six-points"))
    angle = np.radians(140.0)
    W = np.array([[np.cos(angle), np.sin(angle)]])
    alignment = align(points.X, points.y, W, np.ones(1))
    stays = basins.stays_of(alignment, points.y)
    assert list(zip(stays.positive, stays.negative, strict=True)) == [
        (0, 3),
        (1, 3),
        (2, 3),
        (3, 3),
        (3, 2),
        (3, 1),
        (3, 0),
    ]
    assert stays.t1 == pytest.approx(0.5537, abs=1e-4)
    assert stays.trap.tolist() == [False] * 6 + [True]


def test_basins_of_the_plane_in_closed_form() -> None:
    points = data.load(Data(name="six-points"))
    assert basins.basin_shares(points.X, points.y) == pytest.approx([0.63596, 0.62067], abs=1e-5)
    for sign, fate in ((1.0, Fate.POSITIVE), (-1.0, Fate.NEGATIVE)):
        angles = np.radians(np.arange(0.5, 360))
        W = np.stack([np.cos(angles), np.sin(angles)], axis=1)
        fates = align(points.X, points.y, W, np.full(360, sign)).fates
        assert np.mean([reached is fate for reached in fates]) == pytest.approx(
            basins.basin_shares(points.X, points.y)[0 if sign > 0 else 1], abs=1 / 180
        )
    surrounding = np.array([[1.0, 0.0], [-0.5, 0.8], [-0.5, -0.8]])
    assert basins.basin_shares(surrounding, np.array([1.0, -1.0, -1.0])).tolist() == [1.0, 1.0]


def test_the_least_separator_by_hand() -> None:
    assert rank_limit.least_separator(np.array([[2.0, 0.0], [4.0, 1.0]])) == pytest.approx(
        [0.5, 0.0]
    )
    assert rank_limit.least_separator(np.array([[1.0, 1.0], [1.0, -1.0]])) == pytest.approx(
        [1.0, 0.0]
    )
    right_angle = np.array([[1.0, 0.0], [0.0, 1.0]])
    assert rank_limit.limit_rank(right_angle, np.array([1.0, -1.0])) == pytest.approx(2.0)
    assert rank_limit.limit_rank(right_angle, np.ones(2)) == 1.0


def test_half_of_the_neurons_between_two_scales() -> None:
    half = critical_scale.half_scales(np.array([1e-2, 1e-4]), np.array([[10.0, 0.0], [0.0, 0.0]]))
    assert half[0] == pytest.approx(1e-3)
    assert np.isnan(half[1])


@pytest.mark.parametrize("name", SMALL)
def test_draws_its_figure(name: str) -> None:
    figures = [figure for figure in FIGURES if figure.cases == (name,)]
    assert len(figures) == 1
    drawn = figures[0].collect(findings(name))
    assert render(figures[0], drawn, {"seed": "0"}, ["png"])["png"].startswith(b"\x89PNG")


@pytest.mark.parametrize("name", ["fit-time", "rank-limit"])
def test_refuses_to_draw_what_is_not_defined(name: str) -> None:
    figure = next(figure for figure in FIGURES if figure.cases == (name,))
    with pytest.raises(NotDrawable):
        figure.collect(swapped(findings(name)))


def test_random_sets_need_a_set() -> None:
    with pytest.raises(NotDrawable, match="no random set"):
        theory_figures.collect_random_sets(without("t1")(findings("theory-basins")))


def test_a_class_without_neurons_has_no_time_to_fit() -> None:
    points = Dataset(np.array([[1.0, 0.2], [1.0, -0.2]]), np.ones(2), "one class")
    case = override(theory_cases.FIT_TIME, {"m": 6, "ln_eps": [-10.0, -20.0]})
    found = Study(case, points, time_laws.fit_time(case, points, lambda done, total: None))
    assert np.all(np.isfinite(found.arrays["t2"][:, 0]))
    assert np.all(np.isinf(found.arrays["t2"][:, 1]))
    assert CLAIMS["t2.law"].function(found).verdict is Verdict.NOT_APPLICABLE


@pytest.mark.parametrize(
    ("case", "change"),
    [
        (theory_cases.CONES, {"samples": 0}),
        (theory_cases.CONES, {"loss": "square"}),
        (theory_cases.RULE, {"reduction": "median"}),
        (theory_cases.RULE, {"lr": 0.0}),
        (theory_cases.FLOW, {"ln_eps": 1.0}),
        (theory_cases.FLOW, {"points": 0}),
        (theory_cases.BASINS, {"draws": 0}),
        (theory_cases.FIT_TIME, {"ln_eps": []}),
        (theory_cases.ALIGNMENT_TIME, {"mu": [2.0]}),
        (theory_cases.CRITICAL_SCALE, {"theta": ["a"]}),
        (theory_cases.RANK_LIMIT, {"margin": [3.0, 1.0]}),
    ],
)
def test_options_out_of_range_are_named(case: StudyCase, change: dict[str, Any]) -> None:
    (name,) = change
    points = None if case.data is None else data.load(case.data)
    with pytest.raises(UsageError, match="levels" if name == "margin" else rf"options\.{name}"):
        STUDIES[case.computes](override(case, change), points, lambda done, total: None)


def test_points_that_no_network_classifies_have_no_limit() -> None:
    points = swapped(findings("rank-limit")).dataset
    with pytest.raises(DataError, match="run case theory-flow"):
        rank_limit.rank_limit(theory_cases.RANK_LIMIT, points, lambda done, total: None)
