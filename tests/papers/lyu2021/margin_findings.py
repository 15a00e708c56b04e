"""Study of the rows of Figures 1 to 4, computed once for all test files."""

from __future__ import annotations

import functools
from dataclasses import replace
from typing import Any

import numpy as np

from flowrepro import data
from flowrepro.core.config import override
from flowrepro.core.trajectory import Dataset, Study
from flowrepro.papers.lyu2021.experiments import CASES, TABLE
from flowrepro.papers.lyu2021.studies import STUDIES

BY_NAME = {case.name: case for case in CASES}


def silent(done: int, total: int) -> None:
    """A progress that nobody watches."""
    assert 0 < done <= total


@functools.cache
def found(name: str) -> Study:
    """The case as declared."""
    return computed(name)


def computed(name: str, dataset: Dataset | None = None, **options: Any) -> Study:
    """The case with other options, on other points."""
    case = override(BY_NAME[name], {f"options.{key}": value for key, value in options.items()})
    points = dataset if dataset is not None or case.data is None else data.load(case.data)
    return Study(
        case,
        points,
        {
            key: np.asarray(values)
            for key, values in STUDIES[case.computes](case, points, silent).items()
        },
    )


@functools.cache
def quick(name: str) -> Study:
    """The case's quick variant."""
    case = BY_NAME[name]
    return computed(
        name, **{key.removeprefix("options."): value for key, value in case.quick.items()}
    )


@functools.cache
def small_table() -> Study:
    """Two sizes, two seeds, narrow nets, few test points."""
    return computed("table", sizes=[10, 20], seeds=2, n_test=300, m=20, q=20.0)


def table() -> Study:
    """The declared case with the errors that are expected of it, and the rest plausible: what its claims read, not computed here."""
    ours = np.array([target.ours for target in TABLE.targets], dtype=float)[:, None]
    ones = np.ones((10, 5))
    arrays = {
        "size": np.arange(10, 101, 10),
        "svm": ours * ones,
        "net": 0.93 * ours * ones,
        "agreement": 0.97 * ones,
        "margin_ratio": 1.05 * ones,
        "residual": 1e-14 * ones,
        "reached": 100.5 * ones,
        "ln_loss": -101.0 * ones,
        "tilt_svm": np.linspace(-50, -25, 10),
        "tilt_net": np.linspace(-51, -23, 10),
        "bend": np.full(10, 1e-4),
    }
    return Study(TABLE, None, arrays)


def mirrored_table() -> Study:
    """The same for the mirrored sets."""
    ones = np.ones((3, 2))
    arrays = {
        "agreement": 0.996 * ones,
        "margin_ratio": 0.999 * ones,
        "residual": 1e-14 * ones,
        "reached": 1001.0 * ones,
    }
    return Study(BY_NAME["table-mirrored"], None, arrays)


def tampered(findings: Study, **arrays: Any) -> Study:
    """The same findings with some arrays replaced; a function is applied to the array instead."""
    changed = {
        name: np.asarray(value(findings.arrays[name].copy()) if callable(value) else value)
        for name, value in arrays.items()
    }
    return replace(findings, arrays={**findings.arrays, **changed})


def elsewhere(findings: Study, **options: Any) -> Study:
    """The same findings, said to be of other options."""
    return replace(
        findings,
        case=override(findings.case, {f"options.{key}": value for key, value in options.items()}),
    )
