"""Small variants of the studies, computed once for all tests."""

from __future__ import annotations

import dataclasses
from functools import cache
from typing import Any

from flowrepro.core.config import StudyCase
from flowrepro.core.trajectory import Dataset, Study
from flowrepro.data import load
from flowrepro.papers.boursier2024.studies import STUDIES
from flowrepro.papers.boursier2024.study_cases import STUDY_CASES

CASES = {case.name: case for case in STUDY_CASES}

SMALL: dict[str, dict[str, Any]] = {
    "analysis": {"directions": 60},
    "analysis-boxes": {"directions": 60},
    "boxes": {"samples": 300, "trained": 3, "n_steps": 7_000},
    "limit-point": {
        "m": 200,
        "lr": 1e-2,
        "n_steps": 20_000,
        "more_steps": 40_000,
        "sigmas": [0.0, 1e-9, 1e-9, 1e-3, 1e-2, 1e-2],
    },
    "scaling": {
        "log10_scales": [-3.0, -4.0, -6.0],
        "log10_scales_flow": [-10.0, -60.0],
        "m": 100,
        "m_flow": 12,
    },
    "critical-scale": {
        "widths": [20, 300],
        "scales": [0.02, 0.06, 0.2, 0.5],
        "seeds": 1,
        "nodes": 200,
        "n_steps": 8000,
    },
    "basin": {"widths": [100, 1000, 10_000], "draws": 4, "m": 200, "sigmas": [1e-7, 3e-6, 3e-5]},
    "unbalanced-width": {"widths": [20, 200], "scales": [1e-2, 1e-3], "seeds": 2},
    "infinite-width": {"nodes": 40_000, "seeds": 8, "widths": [100, 6000]},
    "omnidirectionality": {"m": 300, "lr": 1e-2, "n_steps": 3000, "growth": 1.5},
    "eight-piece-sets": {"sets": 2, "m": 60, "n_steps": 6000, "starts": 2},
    "saddle-view": {"m": 200},
    "saddle-view-eight": {"m": 200, "horizon": 1500.0},
    "label-signs": {"seeds": 1, "m": 100, "n_steps": 80_000},
    "leaky-slopes": {"seeds": 1, "slopes": [0.0, 0.001, 0.1, 0.2]},
}
"""Options of the variants that the tests compute; a second or less each."""


def no_progress(done: int, total: int) -> None:
    """Nothing to show."""


def small_case(name: str, **options: Any) -> StudyCase:
    case = CASES[name]
    return dataclasses.replace(case, options={**case.options, **SMALL[name], **options})


@cache
def small(name: str) -> Study:
    """The small variant, on the case's own points."""
    return computed(small_case(name))


def computed(case: StudyCase, dataset: Dataset | None = None) -> Study:
    """A study on its own points, or on others."""
    points = dataset or (load(case.data) if case.data else None)
    return Study(case, points, STUDIES[case.computes](case, points, no_progress))


def as_declared(findings: Study) -> Study:
    """The same arrays, as if the declared case had computed them."""
    return dataclasses.replace(findings, case=CASES[findings.case.name])


def with_options(findings: Study, **options: Any) -> Study:
    """The same arrays under other options."""
    return dataclasses.replace(
        findings,
        case=dataclasses.replace(findings.case, options={**findings.case.options, **options}),
    )


def changed(findings: Study, **arrays: Any) -> Study:
    """Arrays replaced; a function is applied to what there is."""
    new = {
        name: value(findings.arrays[name]) if callable(value) else value
        for name, value in arrays.items()
    }
    return dataclasses.replace(findings, arrays={**findings.arrays, **new})
