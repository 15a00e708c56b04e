"""How small a start must be, how the slower sign fades, when hints take over; their figures."""

from __future__ import annotations

from typing import Any

import pytest
from theory_results import Change, changed, found, lost, plus, three_ways, times

from flowrepro.claims.claim import Claim
from flowrepro.core.config import StudyCase
from flowrepro.core.trajectory import Study
from flowrepro.errors import UsageError
from flowrepro.figures import canvas
from flowrepro.papers.lyu2021.beyond.small_starts import (
    FADING_MIDDLE,
    FADING_RIGHT,
    HINT_CROSSOVER,
    SMALL_ENOUGH,
    crossover,
    fading,
    fading_powers,
    fading_sign,
    hint_crossover,
    hint_takes_over,
    pass_rate,
    scale_is_small_enough,
    small_enough,
)


def squared(f: Study) -> Study:
    return changed(f, ratio=f.arrays["ratio"] ** 2)


@pytest.mark.parametrize(
    ("claim", "case", "broken", "outside"),
    [
        (scale_is_small_enough, SMALL_ENOUGH, plus("stray", 1), times("scale", 1e6)),
        (fading_sign, FADING_MIDDLE, squared, lost("ratio")),
        (hint_takes_over, HINT_CROSSOVER, times("gamma", 0.8), times("slack", -1.0)),
    ],
    ids=lambda value: getattr(value, "id", None),
)
def test_claims(claim: Claim, case: StudyCase, broken: Change, outside: Change) -> None:
    three_ways(claim, case, broken, outside)


@pytest.mark.parametrize(
    ("figure", "cases"),
    [(pass_rate, [SMALL_ENOUGH]), (fading_powers, [FADING_MIDDLE, FADING_RIGHT]), (crossover, [HINT_CROSSOVER])],
    ids=["pass-rate", "fading", "crossover"],
)
def test_figures_are_drawn(figure: Any, cases: list[StudyCase]) -> None:
    picture = figure.collect(*map(found, cases))
    assert len(picture.panels) == len(cases)
    assert canvas.render(picture, figure.layout, {}, ["svg"], share=figure.share)["svg"].startswith(b"<?xml")


def test_options_out_of_range_are_named() -> None:
    points = found(SMALL_ENOUGH).dataset
    with pytest.raises(UsageError, match=r"options\.scales"):
        small_enough(points, scales=[0.0])
    with pytest.raises(UsageError, match=r"options\.seeds"):
        fading(points, seeds=0.5)
    with pytest.raises(UsageError, match=r"options\.K"):
        hint_crossover(K=[-1.0])
