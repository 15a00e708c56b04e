"""Results of cases of lyu2021, computed once for all tests, and three verdicts on a claim."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from flowrepro import data
from flowrepro.claims.claim import Claim
from flowrepro.claims.verdict import Verdict
from flowrepro.core.config import StudyCase
from flowrepro.core.overrides import override
from flowrepro.core.trajectory import Dataset, Study
from flowrepro.figures.canvas import render
from flowrepro.figures.declare import Figure
from flowrepro.figures.panels import Panel, numbers
from flowrepro.papers import registry
from flowrepro.papers.lyu2021.table_1 import TABLE

Change = Callable[[np.ndarray], np.ndarray]


def silent(done: int, total: int) -> None:
    """A progress that counts from 1 to the total."""
    assert 0 < done <= total


def computed(case: StudyCase, points: Dataset | None = None, **options: Any) -> Study:
    """The case with other options, on other points."""
    changed = override(case, {f"options.{key}": value for key, value in options.items()})
    points = data.load(case.data) if points is None and case.data else points
    arrays = registry.study_of(case).compute(changed, points, silent)
    return Study(changed, points, {key: np.asarray(value) for key, value in arrays.items()})


@functools.cache
def _cached(name: str, quick: bool) -> Study:
    case = registry.find_case("margin", name)
    return computed(override(case, case.quick) if quick else case)


def found(case: StudyCase) -> Study:
    """The case as declared."""
    return _cached(case.name, False)


def quick(case: StudyCase) -> Study:
    """The case's quick variant."""
    return _cached(case.name, True)


@functools.cache
def small_table() -> Study:
    """Two sizes, two seeds, narrow nets, few test points."""
    return computed(TABLE, sizes=[10, 20], seeds=2, n_test=300, m=20, q=20.0)


def tampered(result: Study, **arrays: Any) -> Study:
    """The same result with some arrays replaced; a function is applied to the array instead."""
    changed = {
        name: np.asarray(value(result.arrays[name].copy()) if callable(value) else value)
        for name, value in arrays.items()
    }
    return replace(result, arrays={**result.arrays, **changed})


def elsewhere(result: Study, **options: Any) -> Study:
    """The same result, said to be of other options."""
    changed = {f"options.{key}": value for key, value in options.items()}
    return replace(result, case=override(result.case, changed))


def judge_three_ways(claim: Claim, good: Study, spoiled: dict[str, Any], outside: dict[str, Any]) -> None:
    """PASS on a good result; FAIL with spoiled arrays; N/A with arrays or options outside."""
    judged = claim.judge(good)
    assert judged.verdict is Verdict.PASS, judged.note
    judged = claim.judge(tampered(good, **spoiled))
    assert judged.verdict is Verdict.FAIL, judged.note
    assert not judged.slack >= 0
    if outside:
        arrays = {key: value for key, value in outside.items() if key in good.arrays}
        options = {key: value for key, value in outside.items() if key not in good.arrays}
        judged = claim.judge(tampered(elsewhere(good, **options), **arrays))
        assert judged.verdict is Verdict.NOT_APPLICABLE, (judged.verdict, judged.note)
        assert len(judged.note) > 10


def drawn(figure: Figure, *results: Study) -> tuple[Panel, ...]:
    """The panels of a figure, once they have numbers and are drawn."""
    picture = figure.collect(*results)
    assert numbers(picture.panels)
    assert render(picture, figure.layout, {}, ("svg",), share=figure.share)["svg"].startswith(b"<?xml")
    return picture.panels


def end(factor: float) -> Change:
    """Multiplies the last entry."""

    def change(values: np.ndarray) -> np.ndarray:
        values[-1] *= factor
        return values

    return change


def times(factor: float) -> Change:
    """Multiplies all entries."""
    return lambda values: factor * values
