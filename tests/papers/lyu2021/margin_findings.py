"""Findings of the rows of Figures 1 to 4, computed once for all test files."""

from __future__ import annotations

import functools
from dataclasses import replace
from typing import Any

import numpy as np

from flowrepro import data
from flowrepro.experiment import override
from flowrepro.papers.lyu2021.experiments import ROWS, TABLE
from flowrepro.papers.lyu2021.studies import STUDIES
from flowrepro.trajectory import Dataset, Findings

BY_NAME = {row.name: row for row in ROWS}


def silent(done: int, total: int) -> None:
    """A progress that nobody watches."""
    assert 0 < done <= total


@functools.cache
def found(name: str) -> Findings:
    """The row as declared."""
    return computed(name)


def computed(name: str, dataset: Dataset | None = None, **options: Any) -> Findings:
    """The row with other options, on other points."""
    row = override(BY_NAME[name], {f"options.{key}": value for key, value in options.items()})
    points = dataset if dataset is not None or row.data is None else data.load(row.data)
    return Findings(row, points, {key: np.asarray(values) for key, values in STUDIES[row.computes](row, points, silent).items()})


@functools.cache
def quick(name: str) -> Findings:
    """The row's quick variant."""
    row = BY_NAME[name]
    return computed(name, **{key.removeprefix("options."): value for key, value in row.quick.items()})


@functools.cache
def small_table() -> Findings:
    """Two sizes, two seeds, narrow nets, few test points."""
    return computed("table", sizes=[10, 20], seeds=2, n_test=300, m=20, q=20.0)


def table() -> Findings:
    """The declared row with the errors that are expected of it, and the rest plausible: what its checks read, not computed here."""
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
    return Findings(TABLE, None, arrays)


def mirrored_table() -> Findings:
    """The same for the mirrored sets."""
    ones = np.ones((3, 2))
    arrays = {"agreement": 0.996 * ones, "margin_ratio": 0.999 * ones, "residual": 1e-14 * ones, "reached": 1001.0 * ones}
    return Findings(BY_NAME["table-mirrored"], None, arrays)


def tampered(findings: Findings, **arrays: Any) -> Findings:
    """The same findings with some arrays replaced; a function is applied to the array instead."""
    changed = {name: np.asarray(value(findings.arrays[name].copy()) if callable(value) else value) for name, value in arrays.items()}
    return replace(findings, arrays={**findings.arrays, **changed})


def elsewhere(findings: Findings, **options: Any) -> Findings:
    """The same findings, said to be of other options."""
    return replace(findings, row=override(findings.row, {f"options.{key}": value for key, value in options.items()}))
