"""Study of the reduced cases, computed once for all tests of the theory and of the laws beyond it."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping
from typing import Any

import numpy as np

from flowrepro import data
from flowrepro.core.config import StudyCase
from flowrepro.core.trajectory import Study
from flowrepro.papers.lyu2021.beyond_experiments import BEYOND_CASES
from flowrepro.papers.lyu2021.studies import STUDIES
from flowrepro.papers.lyu2021.theory_experiments import THEORY_CASES

CASES = {case.name: case for case in (*THEORY_CASES, *BEYOND_CASES)}
SMALLER: Mapping[str, Mapping[str, Any]] = {
    "flow-symmetric": {"near": [1e2], "far": [1e4, 1e6]},
    "flow-middle": {"near": [1e2], "far": [1e4, 1e6], "m": 5},
    "flow-one-neuron": {"near": [1e2], "far": [1e4, 1e6], "seeds": 12},
    "flow-orthogonal": {"near": [1e2], "far": [1e4, 1e6], "seeds": 1},
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
    "convergence-constants": {"dimensions": [2], "halves": [6], "data_seeds": [101]},
    "early-stopping": {"sizes": [10], "n_test": 100, "q": [1.0, 3.0]},
    "table-optimum": {"sizes": [10], "m": 10, "q": [1.0, 3.0]},
}
"""Beyond the cases' own reduced variants: fewer neurons, draws and margins."""


def reduced(name: str) -> StudyCase:
    """The case with its quick overrides and those above."""
    case = CASES[name]
    quick = {key.removeprefix("options."): value for key, value in case.quick.items()}
    return dataclasses.replace(case, options={**case.options, **quick, **SMALLER.get(name, {})})


@functools.cache
def found(name: str) -> Study:
    """What the reduced case computes."""
    case = reduced(name)
    dataset = data.load(case.data) if case.data else None
    return Study(case, dataset, STUDIES[case.computes](case, dataset, lambda done, total: None))


def changed(f: Study, **arrays: np.ndarray) -> Study:
    """With other arrays."""
    return dataclasses.replace(f, arrays={**f.arrays, **arrays})


def with_options(f: Study, **options: Any) -> Study:
    """With other options of the case."""
    return dataclasses.replace(
        f, case=dataclasses.replace(f.case, options={**f.case.options, **options})
    )


def with_points(f: Study, X: np.ndarray | None = None, y: np.ndarray | None = None) -> Study:
    """With other points or labels."""
    assert f.dataset is not None
    return dataclasses.replace(
        f,
        dataset=dataclasses.replace(
            f.dataset, X=f.X if X is None else X, y=f.y if y is None else y
        ),
    )
