"""Parts of a claim, the verdict that follows from them, and its form in JSON."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest

from flowrepro.claims.over_seeds import inside, share
from flowrepro.claims.verdict import (
    LOOSE,
    Judgement,
    Part,
    Verdict,
    at_least,
    at_most,
    combine,
    none_of,
    not_applicable,
    number,
    plain,
    within,
)

NAN, INF = math.nan, math.inf
PASS, FAIL, INFO = Verdict.PASS, Verdict.FAIL, Verdict.INFO


@pytest.mark.parametrize(
    ("part", "verdict", "slack"),
    [
        (at_most("n", 1, 2), PASS, 1),
        (at_most("n", 2, 2), PASS, 0),
        (at_most("n", 3, 2), FAIL, -1),
        (at_most("n", -INF, 2), PASS, INF),
        (at_least("n", 3, 2), PASS, 1),
        (at_least("n", 2, 2), PASS, 0),
        (at_least("n", 1, 2), FAIL, -1),
        (within("n", 2, 1, 5), PASS, 1),
        (within("n", 1, 1, 5), PASS, 0),
        (within("n", 5, 1, 5), PASS, 0),
        (within("n", 0, 1, 5), FAIL, -1),
        (within("n", 7, 1, 5), FAIL, -2),
        (none_of("n", 0), PASS, 0),
        (none_of("n", 3), FAIL, -3),
    ],
)
def test_a_part_passes_at_equality_and_fails_beyond(part: Part, verdict: Verdict, slack: float) -> None:
    assert (part.verdict, part.slack) == (verdict, slack)


@pytest.mark.parametrize(
    "part",
    [
        at_most("n", NAN, 1),
        at_most("n", 1, NAN),
        at_most("n", INF, 1),
        at_most("n", INF, INF),
        at_most("n", NAN, INF),
        at_most("n", 1, -INF),
        at_least("n", NAN, 1),
        at_least("n", 1, NAN),
        at_least("n", -INF, 1),
        at_least("n", -INF, -INF),
        at_least("n", NAN, -INF),
        at_least("n", 1, INF),
        within("n", NAN, 0, 1),
        within("n", 0.5, NAN, 1),
        within("n", 0.5, 0, NAN),
        within("n", INF, 0, INF),
        within("n", -INF, -INF, 1),
        within("n", NAN, -INF, INF),
        within("n", 0.5, 1, 0),
        none_of("n", NAN),
        none_of("n", INF),
        none_of("n", -1),
        none_of("n", 0.5),
        share("n", inside(np.full(100, NAN), -1, 1), np.full(100, NAN)),
    ],
)
def test_what_is_no_number_fails(part: Part) -> None:
    assert part.verdict is FAIL
    assert combine([at_most("holds", 1, 2), part]).verdict is FAIL


@pytest.mark.parametrize("part", [at_most("n", 1, INF), at_least("n", 1, -INF), within("n", 1, -INF, INF)])
def test_an_infinite_bound_decides_nothing(part: Part) -> None:
    assert (part.verdict, part.measured, part.relation) == (INFO, 1.0, "")
    assert combine([part]).verdict is INFO
    assert combine([part, at_most("holds", 1, 2)]).verdict is PASS
    assert within("n", 1, 0, INF).verdict is PASS


@pytest.mark.parametrize("build", [at_most, at_least, none_of, number])
@pytest.mark.parametrize("nothing", [np.array([]), None, np.array([1.0, 2.0])])
def test_what_is_not_one_number_is_no_part(build: Any, nothing: Any) -> None:
    bound = () if build in (none_of, number) else (1,)
    with pytest.raises(TypeError):
        build("n", nothing, *bound)


def test_nothing_measured_is_not_applicable() -> None:
    found = combine([])
    assert (found.verdict, found.note) == (Verdict.NOT_APPLICABLE, "there is nothing to measure")


def test_a_number_without_a_bound_is_information() -> None:
    part = number("n", 3)
    assert (part.verdict, part.measured, part.bound) == (INFO, 3.0, None)
    assert math.isnan(part.slack)


def test_the_part_that_fails_decides() -> None:
    parts = [at_most("small", 1, 2), at_least("large", 1, 2), within("inside", 1, 0, 3), none_of("violations", 0)]
    found = combine(parts)
    assert (found.verdict, found.measured, found.relation, found.bound) == (FAIL, 1.0, ">=", 2.0)
    assert found.slack == -1
    assert found.parts == tuple(parts)
    assert "small: 1 <= 2" in found.note
    assert "inside: 1 in [0, 3]" in found.note


def test_else_the_least_slack_relative_to_its_bound_decides() -> None:
    """1 of 100 is less than 0.5 of 1."""
    found = combine([at_most("one", 0.5, 1), at_most("hundred", 99, 100)])
    assert (found.verdict, found.measured, found.slack) == (PASS, 99.0, 1.0)
    wide = combine([within("wide", 1, 0, 200), at_least("near", 1.1, 1)])
    assert wide.bound == (0.0, 200.0)


def test_the_worst_of_several_failures_decides() -> None:
    found = combine([at_most("by a tenth", 11, 10), at_most("by all", 2, 1), at_most("n", 0, 1)])
    assert (found.verdict, found.measured) == (FAIL, 2.0)
    assert combine([at_most("by all", 2, 1), at_most("nan", NAN, 1)]).note.startswith("by all: 2")
    assert math.isnan(combine([at_most("by all", 2, 1), at_most("nan", NAN, 1)]).measured)


def test_a_slack_over_the_bound_0_is_taken_as_it_is() -> None:
    found = combine([at_most("at zero", -3, 0), at_most("at one", 0.5, 1)])
    assert found.measured == 0.5


def test_numbers_are_listed_and_do_not_decide() -> None:
    found = combine([number("other", 7), at_most("small", 1, 2)])
    assert (found.verdict, found.measured) == (PASS, 1.0)
    assert found.note == "small; other: 7"


def test_numbers_alone_are_information() -> None:
    found = combine([number("first", 3), number("second", 4)])
    assert (found.verdict, found.measured, found.note) == (INFO, 3.0, "first: 3; second: 4")


def test_parts_may_come_one_by_one() -> None:
    assert combine(at_most("n", k, 5) for k in range(3)).measured == 2.0


@pytest.mark.parametrize(
    ("part", "ratio"),
    [
        (at_most("n", 1, 50), 50),
        (at_least("n", 50, 1), 50),
        (at_most("n", 2, 1), 0.5),
        (at_most("n", 0, 1), INF),
        (at_most("n", -1, 1), NAN),
        (at_most("n", 1, 0), NAN),
        (at_least("n", 1, 0), INF),
        (within("n", 1, 0, 2), NAN),
        (none_of("n", 0), NAN),
        (number("n", 1), NAN),
    ],
)
def test_how_many_times_a_bound_could_be_tightened(part: Part, ratio: float) -> None:
    assert part.ratio == pytest.approx(ratio, nan_ok=True)
    assert combine([part]).ratio == pytest.approx(ratio, nan_ok=True)


def test_a_bound_is_loose_from_a_hundred_times_on() -> None:
    assert LOOSE == 100
    assert combine([at_most("n", 1, 100)]).ratio >= LOOSE
    assert combine([at_most("n", 1, 99)]).ratio < LOOSE


def test_what_does_not_apply_has_a_reason_and_no_numbers() -> None:
    found = not_applicable("one label sign")
    assert (found.verdict, found.note, found.parts) == (Verdict.NOT_APPLICABLE, "one label sign", ())
    assert found.to_json() == {
        "verdict": "N/A",
        "measured": None,
        "relation": "",
        "bound": None,
        "slack": None,
        "ratio": None,
        "note": "one label sign",
        "parts": [],
    }


def test_the_json_form_holds_the_decisive_numbers_and_every_part() -> None:
    found = combine([within("inside", 1, 0, 3), at_most("small", 1, 2), number("other", 7)])
    form = found.to_json()
    assert form["verdict"] == "PASS"
    assert (form["measured"], form["relation"], form["bound"]) == (1.0, "in", [0.0, 3.0])
    assert (form["slack"], form["ratio"]) == (1.0, None)
    assert form["parts"] == [
        {"note": "inside", "verdict": "PASS", "measured": 1.0, "relation": "in", "bound": [0, 3]},
        {"note": "small", "verdict": "PASS", "measured": 1.0, "relation": "<=", "bound": 2.0},
        {"note": "other", "verdict": "INFO", "measured": 7.0, "relation": "", "bound": None},
    ]


def test_json_has_null_for_nan_and_words_for_infinities() -> None:
    assert [plain(value) for value in (None, NAN, INF, -INF, 1)] == [None, None, "inf", "-inf", 1]
    form = combine([at_most("n", NAN, INF)]).to_json()
    assert (form["measured"], form["bound"], form["slack"]) == (None, "inf", None)
    assert combine([within("n", 0, -INF, 1)]).to_json()["bound"] == ["-inf", 1.0]
    assert combine([at_most("n", 0, 1)]).to_json()["ratio"] == "inf"
    for judgement in (combine([at_most("n", NAN, INF)]), Judgement(INFO)):
        text = json.dumps(judgement.to_json(), allow_nan=False)
        assert json.loads(text) == judgement.to_json()
