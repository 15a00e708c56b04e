"""Reduced results of the theory of lyu2021, computed once, and changes that break them."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from flowrepro import data
from flowrepro.claims.claim import Claim
from flowrepro.claims.verdict import Verdict
from flowrepro.core.config import StudyCase
from flowrepro.core.overrides import override
from flowrepro.core.trajectory import Study
from flowrepro.papers.registry import find_case, study_of

Change = Callable[[Study], Study]
FAR = {"near": [1e2], "far": [1e4, 1e6]}
SMALLER: Mapping[str, Mapping[str, Any]] = {
    "flow-symmetric": FAR,
    "flow-middle": {**FAR, "m": 5},
    "flow-one-neuron": {**FAR, "seeds": 12},
    "flow-orthogonal": {**FAR, "seeds": 1},
    "flow-orthogonal-leaky": {"seeds": 1},
    "early-symmetric": {"seeds": 3, "radii": [0.1, 0.03]},
    "early-middle": {"m": 3, "radii": [1e-3, 3e-4], "scales": [1e-10, 1e-12]},
    "probability-symmetric": {"q": 30.0},
    "probability-right": {"seeds": 50, "widths": [1, 2], "q": 100.0},
    "two-neurons": {"q": [1e2, 1e6]},
    "escape-symmetric": {"alphas": [0.35], "q": 1e8},
    "escape-middle": {"q": 1e6},
    "escape-right": {"q": 1e6},
    "hint-crossover": {"K": [0.3, 0.8], "q": 1e3},
    "small-enough": {"scales": [1e-2, 1e-5, 1e-10], "seeds": 5},
}
"""Beyond the cases' own reduced variants: fewer neurons, draws and margins."""


@functools.cache
def _computed(name: str) -> Study:
    case = find_case("margin", name)
    assert isinstance(case, StudyCase)
    smaller = {f"options.{key}": value for key, value in SMALLER.get(name, {}).items()}
    case = override(case, {**case.quick, **smaller})
    points = data.load(case.data) if case.data else None
    return Study(case, points, study_of(case).compute(case, points, lambda done, total: None))


def found(case: StudyCase) -> Study:
    """What the reduced case computes."""
    return _computed(case.name)


def three_ways(claim: Claim, case: StudyCase, broken: Change | None, outside: Change | None) -> None:
    """The claim holds, fails on a broken result, and does not apply outside its hypotheses."""
    assert case in claim.cases
    result = found(case)
    judgement = claim.judge(result)
    assert judgement.verdict is Verdict.PASS, judgement.note
    if broken is not None:
        assert claim.judge(broken(result)).verdict is Verdict.FAIL
    if outside is not None:
        judgement = claim.judge(outside(result))
        assert judgement.verdict is Verdict.NOT_APPLICABLE, judgement.note
        assert judgement.note


def changed(f: Study, **arrays: np.ndarray) -> Study:
    """With other arrays."""
    return dataclasses.replace(f, arrays={**f.arrays, **arrays})


def with_options(**options: Any) -> Change:
    """With other options of the case."""
    return lambda f: dataclasses.replace(f, case=dataclasses.replace(f.case, options={**f.case.options, **options}))


def with_points(f: Study, X: np.ndarray | None = None, y: np.ndarray | None = None) -> Study:
    """With other points or labels."""
    assert f.dataset is not None
    points = dataclasses.replace(f.dataset, X=f.X if X is None else X, y=f.y if y is None else y)
    return dataclasses.replace(f, dataset=points)


def at(name: str, index: int, factor: float) -> Change:
    """``name`` times ``factor`` at record ``index`` of every run, -1 being the last."""

    def change(f: Study) -> Study:
        values = f.arrays[name].copy()
        values[:, index] *= factor
        return changed(f, **{name: values})

    return change


def last(name: str, factor: float) -> Change:
    """``name`` times ``factor`` at the last record of every run."""
    return at(name, -1, factor)


def times(name: str, factor: float) -> Change:
    """``name`` times ``factor``."""
    return lambda f: changed(f, **{name: factor * f.arrays[name]})


def plus(name: str, term: float) -> Change:
    """``name`` plus ``term``."""
    return lambda f: changed(f, **{name: f.arrays[name] + term})


def lost(name: str) -> Change:
    """``name`` all nan."""
    return lambda f: changed(f, **{name: np.full_like(f.arrays[name], np.nan)})


def unlabelled(f: Study) -> Study:
    """Labels +2 and -2."""
    return with_points(f, y=2 * f.y)


def asymmetric(f: Study) -> Study:
    """Points whose mirror images are not in the set."""
    return with_points(f, X=f.X * np.linspace(1.0, 1.1, len(f.X))[:, None])


def flipped(f: Study) -> Study:
    """All labels flipped."""
    return with_points(f, y=-f.y)


def inseparable(f: Study) -> Study:
    """The first label flipped."""
    return with_points(f, y=np.where(np.arange(len(f.y)) == 0, -f.y, f.y))
