"""A claim: its hypotheses, what happens while it measures, the cases that it judges."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from flowrepro.claims.claim import Claim, Hypothesis, NotApplicable, require
from flowrepro.claims.verdict import Part, Verdict, at_most, number
from flowrepro.core.config import StudyCase
from flowrepro.core.overrides import override
from flowrepro.papers.boursier2022.figure_4_five_points import FIVE_POINTS
from flowrepro.papers.boursier2022.figures_2_3_toy import TOY

STUDY = StudyCase(name="toy", command="margin", paper="lyu2021", shows="", computes="nothing")
RESULT = SimpleNamespace(case=TOY)


def holds(result: Any) -> Iterable[Part]:
    return [at_most("small", 1, 2)]


def claim(measure: Any = holds, given: tuple[Hypothesis, ...] = (), over_seeds: bool = False) -> Claim:
    return Claim(
        id="lemma-1",
        paper="boursier2022",
        place="Lemma 1",
        sentence="What is claimed.",
        kind="theory",
        cases=(TOY,),
        measure=measure,
        given=given,
        over_seeds=over_seeds,
    )


def test_a_claim_measures_the_result_that_it_is_given() -> None:
    seen: list[Any] = []

    def measure(result: Any) -> Iterator[Part]:
        seen.append(result)
        yield at_most("small", 1, 2)

    assert claim(measure).judge(RESULT).verdict is Verdict.PASS
    assert seen == [RESULT]


def test_hypotheses_come_first_and_in_order() -> None:
    asked: list[str] = []

    def hypothesis(name: str, reason: str | None) -> Hypothesis:
        def check(result: Any) -> str | None:
            asked.append(name)
            return reason

        return check

    def measure(result: Any) -> Iterable[Part]:
        raise AssertionError("measured outside the hypotheses")

    given = (hypothesis("a", None), hypothesis("b", "first reason"), hypothesis("c", "second"))
    found = claim(measure, given).judge(RESULT)
    assert (found.verdict, found.note) == (Verdict.NOT_APPLICABLE, "first reason")
    assert asked == ["a", "b"]


def test_a_hypothesis_that_fails_while_measuring() -> None:
    def measure(result: Any) -> Iterator[Part]:
        yield at_most("fails, but comes too early", 3, 2)
        require(None)
        require("too short")

    found = claim(measure).judge(RESULT)
    assert (found.verdict, found.note, found.parts) == (Verdict.NOT_APPLICABLE, "too short", ())
    assert math.isnan(found.measured)


def test_the_number_that_breaks_a_hypothesis_is_kept() -> None:
    def measure(result: Any) -> Iterable[Part]:
        raise NotApplicable("the bound exceeds 1", 1.5)

    found = claim(measure).judge(RESULT)
    assert (found.verdict, found.measured) == (Verdict.NOT_APPLICABLE, 1.5)
    assert found.to_json()["measured"] == 1.5


def test_other_errors_are_not_hidden() -> None:
    def measure(result: Any) -> Iterable[Part]:
        raise ValueError("a bug")

    with pytest.raises(ValueError, match="a bug"):
        claim(measure).judge(RESULT)
    with pytest.raises(ZeroDivisionError):
        claim(given=(lambda result: str(1 / 0),)).judge(RESULT)


def test_the_json_form_says_what_is_claimed_where_and_of_which_case() -> None:
    form = claim(lambda result: [number("n", 1)]).to_json(RESULT)
    assert form["id"] == "lemma-1"
    assert form["place"] == "boursier2022, Lemma 1"
    assert form["sentence"] == "What is claimed."
    assert (form["case"], form["kind"], form["label"]) == ("toy", "theory", "")
    assert (form["verdict"], form["measured"]) == ("INFO", 1.0)


def test_a_claim_judges_its_case_whatever_its_options() -> None:
    assert claim().judges(TOY)
    assert claim().judges(override(TOY, {"n_steps": 7, "seed": 3}))


def test_a_claim_judges_no_other_case() -> None:
    assert not claim().judges(FIVE_POINTS)
    assert not claim().judges(replace(TOY, name="tou"))


def test_cases_of_one_name_are_told_apart_by_their_command() -> None:
    assert STUDY.name == TOY.name
    assert not claim().judges(STUDY)
    assert not claim().judges(replace(TOY, command="toy2d"))


def test_a_claim_over_seeds_judges_ensembles_and_no_other_does() -> None:
    ensemble = replace(TOY, seeds=(0, 50))
    assert claim(over_seeds=True).judges(ensemble)
    assert not claim(over_seeds=True).judges(TOY)
    assert not claim().judges(ensemble)
