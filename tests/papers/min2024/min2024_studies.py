"""Results of studies of min2024 for its tests, and how they are tampered with."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from flowrepro import data
from flowrepro.claims.claim import Claim
from flowrepro.claims.verdict import Verdict
from flowrepro.core.config import Data, StudyCase
from flowrepro.core.overrides import override
from flowrepro.core.trajectory import Study
from flowrepro.figures.canvas import render
from flowrepro.figures.declare import Figure, Picture
from flowrepro.papers import registry
from flowrepro.papers.min2024.theorem_1_flow import FLOW_10D, LOG_SCALE_10D
from flowrepro.papers.study import silent

Change = Callable[[Study], Study]
EASY = Data(name="separated-clusters", options={"seed": 0, "n": 6, "d": 3, "angle": 20.0, "sigma": 0.2})
"""Points so well separated that Theorem 1 allows ln eps = -25000."""


def computed(case: StudyCase, **options: Any) -> Study:
    """The result of a case with other options."""
    case = override(case, {f"options.{name}": value for name, value in options.items()})
    dataset = data.load(case.data) if case.data else None
    return Study(case, dataset, registry.study_of(case).compute(case, dataset, silent))


def easy(case: StudyCase, **options: Any) -> Study:
    """The same on the easy points."""
    return computed(dataclasses.replace(case, data=EASY), **options)


@functools.cache
def flow(kind: str) -> Study:
    """A flow at a scale that doubles hold ("float") or that Theorem 1 allows ("tiny")."""
    case = FLOW_10D if kind == "float" else override(LOG_SCALE_10D, {"ln_eps": -30_000.0})
    return easy(case, m=12, points=60, after=6.0)


def change(**changes: Callable[[np.ndarray], Any]) -> Change:
    """Give other values to some arrays of a result; each function gets a copy."""

    def tamper(result: Study) -> Study:
        altered = {name: np.asarray(f(result.arrays[name].copy())) for name, f in changes.items()}
        return dataclasses.replace(result, arrays={**result.arrays, **altered})

    return tamper


def relabelled(result: Study) -> Study:
    """Assumption 1 fails."""
    assert result.dataset is not None
    dataset = dataclasses.replace(result.dataset, y=np.roll(result.y, 1))
    return dataclasses.replace(result, dataset=dataset)


def with_options(result: Study, **options: Any) -> Study:
    """The same numbers as if they came from other options."""
    return dataclasses.replace(result, case=override(result.case, options))


def expect(claim: Claim, result: Study, verdict: Verdict, reason: str = "") -> None:
    """The verdict, and a part of its note."""
    judgement = claim.judge(result)
    assert judgement.verdict is verdict, f"{claim.id}: {judgement}"
    assert reason in judgement.note


def ids(claims: Iterable[Claim]) -> set[str]:
    """Their ids."""
    return {claim.id for claim in claims}


def drawn(figure: Figure, *results: Study) -> Picture:
    """The picture of a figure, which can be drawn."""
    picture = figure.collect(*results)
    assert render(picture, figure.layout, {}, ["png"], share=figure.share)["png"].startswith(b"\x89PNG")
    return picture
