"""Studies beyond lee2022: every claim three ways, every figure drawn, the table filled, from small variants computed once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest
from lee_cases import BY_ID, BY_NAME, judged, study

from flowrepro.claims.old_verdict import Verdict
from flowrepro.core.config import Data, StudyCase
from flowrepro.core.trajectory import Study
from flowrepro.engines.base import Problem
from flowrepro.errors import UsageError
from flowrepro.figures import canvas
from flowrepro.figures.tables import csv_text
from flowrepro.papers.lee2022 import flips, tighter_bounds
from flowrepro.papers.lee2022.beyond_cases import BEYOND
from flowrepro.papers.lee2022.figures import FIGURES
from flowrepro.papers.lee2022.initial_norms import nine_problems
from flowrepro.papers.lee2022.other_laws import LAWS, points
from flowrepro.papers.lee2022.tables import TABLES

OPTIONS: dict[str, dict[str, Any]] = {
    "solved-flow": {
        "depths": [1, 3],
        "ratios": [0.1, 2.0],
        "lr": [8e-3, 4e-3],
        "n": 1_000,
        "d": 10,
    },
    "small-starts": {"depths": [1, 2, 3], "log10_v0": [-8.0, -6.0, -3.5, -3.0, -2.0]},
    "dips": {"m": [0, 1, 2, 5], "grid": 6},
    "many-seeds": {"n": [400, 2_000], "d": 20, "draws": 2, "coarser": 100.0},
    "tighter-bounds": {"depths": [1, 2, 3], "rounds": 1, "horizon": 6.0},
    "other-laws": {"n": 4_000, "d": 10, "depths": [1], "coarser": 100.0},
    "flips": {"coarser": 200.0},
}


def fewer_points(seed: int, coarser: float) -> dict[str, tuple[Problem, np.ndarray]]:
    """The nine runs on the first 2000 points of their draw."""
    return {
        name: (replace(problem, X=problem.X[:2_000], y=problem.y[:2_000]), teacher)
        for name, (problem, teacher) in nine_problems(seed, coarser).items()
    }


@cache
def computed(name: str) -> Study:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tighter_bounds, "TIMES", 121)
        patch.setattr(flips, "nine_problems", fewer_points)
        return study(name, OPTIONS[name])


def many_draws() -> Study:
    """Made up: distances of 16 draws of three sizes that fall like n^(-1/2)."""
    findings, n = computed("many-seeds"), np.array([1_000, 4_000, 16_000])
    scattered = np.random.default_rng(0).uniform(0.5, 1.5, (9, 3, 16)) / np.sqrt(n)[:, None]
    return replace(
        findings, arrays={**findings.arrays, "n": n, "norm": scattered, "angle": 2 * scattered}
    )


def good(id: str) -> Study:
    return many_draws() if id == "beyond-sample-rate" else computed(TAMPERED[id][0])


def changed(name: str, change: Callable[[np.ndarray], Any]) -> Callable[[Study], Study]:
    return lambda findings: replace(
        findings, arrays={**findings.arrays, name: change(findings.arrays[name].copy())}
    )


def at(index: Any, value: Any) -> Callable[[np.ndarray], np.ndarray]:
    def change(array: np.ndarray) -> np.ndarray:
        array[index] = value
        return array

    return change


TAMPERED: dict[str, tuple[str, Callable[[Study], Study]]] = {
    "beyond-first-integral": ("solved-flow", changed("integral", at(1, 1e-3))),
    "beyond-first-integral-descent": ("solved-flow", changed("descent", np.sqrt)),
    "beyond-first-integral-sample": ("solved-flow", changed("sample", lambda values: values + 1.0)),
    "beyond-small-starts": ("small-starts", changed("ln_time", lambda values: 1.01 * values)),
    "beyond-small-starts-flow": ("small-starts", changed("reached", lambda theta: 1.01 * theta)),
    "beyond-small-starts-paper": ("small-starts", changed("paper", at(2, 1.0))),
    "beyond-dip": ("dips", changed("least", at((0, 3), 0.5))),
    "beyond-shapes": ("dips", changed("shape", at((0, 5, 0), 0))),
    "beyond-sample-rate": (
        "many-seeds",
        changed("angle", lambda values: values * np.array([1.0, 3.0, 9.0])[:, None]),
    ),
    "beyond-bounds-draws": ("many-seeds", changed("high", at((4, 0, 0), 3.0))),
    "beyond-self-consistent": ("tighter-bounds", changed("theta_low", at((0, 1, 5), 3.0))),
    "beyond-restarts": ("tighter-bounds", changed("again_low", at((0, 30, 50), 0.0))),
    "beyond-symmetric-laws": ("other-laws", changed("theta", at((0, 2, 100), 3.0))),
    "beyond-uneven-law": ("other-laws", changed("theta", lambda theta: theta[:, [0, 1, 2, 3, 0]])),
    "beyond-wedge": ("flips", changed("wedge", lambda count: count + 600)),
    "beyond-flips": ("flips", changed("flips", at((3, 20), 1))),
}


def test_every_claim_and_figure_beyond_the_paper_is_here() -> None:
    assert TAMPERED.keys() == {
        id for id, claim in BY_ID.items() if set(claim.cases) & {case.name for case in BEYOND}
    }
    assert {case.name for case in BEYOND} == OPTIONS.keys() == {figure.cases[0] for figure in DRAWN}


@pytest.mark.parametrize("id", TAMPERED)
def test_holds(id: str) -> None:
    result = judged(id, good(id))
    assert result.verdict is Verdict.PASS, result.note


@pytest.mark.parametrize("id", TAMPERED)
def test_fails_on_other_numbers(id: str) -> None:
    assert judged(id, TAMPERED[id][1](good(id))).verdict is Verdict.FAIL


@pytest.mark.parametrize("id", TAMPERED)
def test_does_not_apply_to_another_study(id: str) -> None:
    findings = good(id)
    assert (
        judged(
            id, replace(findings, case=replace(findings.case, data=Data(name="two-points")))
        ).verdict
        is Verdict.NOT_APPLICABLE
    )


def with_options(name: str, **options: Any) -> Study:
    findings = computed(name)
    return replace(
        findings, case=replace(findings.case, options={**findings.case.options, **options})
    )


OUTSIDE: dict[str, Callable[[], Study]] = {
    "beyond-first-integral-descent": lambda: changed("lr", lambda lr: lr * 10)(
        computed("solved-flow")
    ),
    "beyond-first-integral-sample": lambda: with_options("solved-flow", n=100),
    "beyond-small-starts": lambda: changed("depth", lambda depth: depth[[0, 2, 2]])(
        changed("log10_v0", lambda v0: v0 + 8)(computed("small-starts"))
    ),
    "beyond-small-starts-flow": lambda: changed("reached", at(..., np.nan))(
        computed("small-starts")
    ),
    "beyond-sample-rate": lambda: changed("norm", lambda values: values[:, :, :5])(many_draws()),
    "beyond-symmetric-laws": lambda: with_options("other-laws", freedom=3.0),
    "beyond-uneven-law": lambda: with_options("other-laws", widest=1.0),
}


@pytest.mark.parametrize("id", OUTSIDE)
def test_does_not_apply_outside_its_hypotheses(id: str) -> None:
    assert judged(id, OUTSIDE[id]()).verdict is Verdict.NOT_APPLICABLE


DRAWN = [figure for figure in FIGURES if figure.id.startswith("beyond")]


@pytest.mark.parametrize("figure", DRAWN, ids=[figure.id for figure in DRAWN])
def test_figures_are_drawn(figure: Any) -> None:
    drawn = canvas._drawn(figure, figure.collect(computed(figure.cases[0])))
    assert all(ax.lines for ax in drawn.axes[:1])
    assert drawn.legends or drawn.axes[0].get_legend()


def test_the_table_has_a_line_for_each_setting_and_size() -> None:
    (table,) = TABLES
    lines = table.lines(computed(table.case))
    assert [line[:2] for line in lines[:3]] == [["1l-sn", 20.0], ["1l-sn", 100.0], ["1l-mn", 20.0]]
    assert len(lines) == 18
    assert all(len(line) == len(table.header) for line in lines)
    assert csv_text(table, lines).count("\n") == 19


@pytest.mark.parametrize("law", LAWS)
def test_points_have_the_spread_of_their_law(law: str) -> None:
    """Mean of ||x||^2 / d over a sample against the law's, within 5 %."""
    rng = np.random.default_rng(0)
    X, spread = points(law, rng.standard_normal((20_000, 5)), rng, 8.0, 4.0)
    assert np.mean(np.square(X)) == pytest.approx(spread, rel=0.05)


@pytest.mark.parametrize(
    ("name", "key", "value"),
    [
        ("solved-flow", "last", 0.5),
        ("small-starts", "depths", [0]),
        ("dips", "ratios", [0.0]),
        ("many-seeds", "draws", 0),
        ("tighter-bounds", "rounds", 1.5),
        ("other-laws", "freedom", 2.0),
        ("flips", "coarser", 1e6),
    ],
)
def test_options_out_of_range(name: str, key: str, value: Any) -> None:
    with pytest.raises(UsageError, match=f"options.{key} must be"):
        study(name, {key: value})


@pytest.mark.slow
@pytest.mark.parametrize(
    "id",
    [
        "beyond-sample-rate",
        "beyond-bounds-draws",
        "beyond-self-consistent",
        "beyond-wedge",
        "beyond-symmetric-laws",
    ],
)
def test_holds_as_declared(id: str) -> None:
    case = BY_NAME[BY_ID[id].cases[0]]
    assert isinstance(case, StudyCase)
    result = judged(id, declared(case.name))
    assert result.verdict is Verdict.PASS, result.note


@cache
def declared(name: str) -> Study:
    return study(name, {})
