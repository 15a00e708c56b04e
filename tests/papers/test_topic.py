"""A topic: options with their ranges, what declarations register, and what a paper refuses."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import numpy as np
import pytest

from flowrepro.claims.verdict import Part, at_most, number
from flowrepro.core.config import Data, Descent, Init, Loss, from_json, to_json
from flowrepro.core.overrides import override
from flowrepro.errors import UsageError
from flowrepro.figures.panels import Panel
from flowrepro.papers.paper import Command, Contents, Flag, Misprint, Misprints, Paper, Readings
from flowrepro.papers.study import Option, option
from flowrepro.papers.topic import Topic

PAPER = Paper("x2026", "X: A paper (2026)", (Command("first", "One."), Command("second", "Two.")))
PLACE = {"place": "Theorem 1"}


def topic(paper: Paper = PAPER) -> Topic:
    return Topic(paper, "A subject")


def declared(subject: Topic) -> Any:
    """A study with an option of every kind; it gives what it was called with."""

    @subject.study
    def some_study(
        *,
        q: float = option(1.0, "a margin", within=(0.5, 2.0)),
        m: list[int] = option([2, 3], "widths", within=(1, 8)),
        starts: list[tuple[int, float]] = option([(1, 0.5)], "width and angle", within=((1, 9), (0.0, 1.0))),
        loss: str = option("exp", "a loss", choices=("exp", "logistic")),
        inits: list[str] = option(["gaussian"], "starts", choices=("gaussian", "sphere")),
        more: list[float] = option([], "further margins", within=(0.0, 1.0)),
        cap: float | None = option(None, "a cap", within=(1.0, 9.0)),
        exact: bool = option(False, "whether to be exact"),
        seed: int,
        progress: Any,
    ) -> dict[str, np.ndarray]:
        """Everything it is given."""
        progress(1, 1)
        kinds = [type(entry).__name__ for entry in (q, m[0], starts[0])]
        return {"q": np.array(q), "seed": np.array(seed), "kinds": np.array(kinds)}

    return some_study


STUDY = declared(topic())

# Options ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [0.5, 1, 2.0])
def test_a_number_lies_within_both_ends(value: float) -> None:
    assert Option(1.0, "a margin", (0.5, 2.0)).refusal(value) is None


@pytest.mark.parametrize(
    ("options", "rule"),
    [
        ({"q": 0.49}, r"options.q \(a margin\) must lie in \[0.5, 2\], not 0.49"),
        ({"q": float("nan")}, r"must lie in \[0.5, 2\]"),
        ({"m": [2, 9]}, r"options.m \(widths\) must lie in \[1, 8\], not \[2, 9\]"),
        ({"m": []}, r"options.m \(widths\) must not be empty"),
        ({"starts": [[1, 0.5], [10, 0.5]]}, r"must lie in \[1, 9\] and \[0, 1\]"),
        ({"starts": [[1, 1.5]]}, r"must lie in \[1, 9\] and \[0, 1\]"),
        ({"starts": []}, "must not be empty"),
        ({"loss": "square"}, r"options.loss \(a loss\) must be one of exp, logistic, not square"),
        ({"inits": ["gaussian", "cube"]}, "must be one of gaussian, sphere"),
        ({"inits": []}, "must not be empty"),
        ({"more": [2.0]}, r"must lie in \[0, 1\]"),
        ({"cap": 0.5}, r"must lie in \[1, 9\]"),
    ],
)
def test_a_value_outside_its_range_is_refused_with_the_rule(options: dict[str, Any], rule: str) -> None:
    with pytest.raises(UsageError, match=rule):
        STUDY(**options)
    with pytest.raises(UsageError, match=rule):
        STUDY.refuse(options)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"q": 2},
        {"m": [1, 8]},
        {"starts": [[9, 1], [1, 0]]},
        {"inits": ["sphere", "gaussian"]},
        {"more": []},
        {"more": [0, 1]},
        {"cap": 9},
        {"exact": True},
    ],
)
def test_values_in_their_range_are_taken(options: dict[str, Any]) -> None:
    assert STUDY(**options)["seed"] == 0


def test_values_get_the_type_of_their_option() -> None:
    found = STUDY.validated({"q": 2, "m": [3.0], "starts": [[2.0, 1]], "cap": 3})
    assert (found["q"], type(found["q"])) == (2.0, float)
    assert (found["m"], type(found["m"][0])) == ([3], int)
    assert found["starts"] == [(2, 1.0)]
    assert [type(entry) for entry in found["starts"][0]] == [int, float]
    assert (found["cap"], type(found["cap"])) == (3.0, float)
    assert list(STUDY(q=2, m=(3.0,), starts=((1, 1),))["kinds"]) == ["float", "int", "tuple"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"q": "much"}, "options.q must be of type float"),
        ({"q": True}, "options.q must be of type float"),
        ({"m": 3}, "options.m must be a list"),
        ({"m": [1.5]}, "options.m must be of type int"),
        ({"starts": [[1]]}, "options.starts must be a list"),
        ({"starts": [1]}, "options.starts must be a list"),
        ({"exact": 1}, "options.exact must be of type bool"),
    ],
)
def test_a_value_of_another_type_is_refused(options: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        STUDY.validated(options)


def test_an_unknown_option_is_named_with_those_there_are() -> None:
    with pytest.raises(UsageError, match="some-study has no option 'p'; there are q, m, starts"):
        STUDY(p=1)


def test_a_call_fills_in_the_defaults() -> None:
    found = STUDY(seed=7)
    assert (found["q"], found["seed"]) == (1.0, 7)
    assert STUDY.validated({})["starts"] == [(1, 0.5)]


def test_a_parameter_without_an_option_is_refused_at_once() -> None:
    with pytest.raises(TypeError, match="study f: n has no option"):

        @topic().study
        def f(*, n: int = 3) -> dict[str, np.ndarray]:
            """Nothing."""
            return {}


# Cases --------------------------------------------------------------------------------------------


def test_a_case_keeps_every_option_as_json_and_gives_them_back() -> None:
    study = declared(topic())
    case = study.case("one", "What it shows.", q=2, starts=[(3, 1.0)], quick={"m": [2], "seed": 5})
    assert case.options == json.loads(json.dumps(study.validated({"q": 2, "starts": [(3, 1.0)]})))
    assert case.options["starts"] == [[3, 1.0]]
    assert from_json(json.loads(json.dumps(to_json(case)))) == case
    assert study.compute(case, None, lambda done, total: None)["q"] == 2.0
    reduced = override(case, dict(case.quick))
    assert (reduced.options["m"], reduced.seed) == ([2], 5)
    assert (case.paper, case.command, case.computes) == ("x2026", "first", "some-study")


def test_a_case_refuses_what_its_study_does_not_take() -> None:
    study = declared(topic())
    with pytest.raises(UsageError, match="has no option 'p'"):
        study.case("one", "What it shows.", p=1)
    with pytest.raises(UsageError, match="must lie in"):
        study.case("one", "What it shows.", q=3)
    with pytest.raises(UsageError, match="must lie in"):
        study.case("one", "What it shows.", quick={"m": [99]})
    assert study.topic.cases == []


def run_case(subject: Topic, name: str = "toy", **more: Any) -> Any:
    return subject.run(
        name,
        "A run.",
        data=Data(name="two-points"),
        init=Init(name="balanced", m=3, scale=1.0),
        loss=Loss(name="square", reduction="mean"),
        protocol=Descent(lr=0.1, n_steps=5),
        **more,
    )


def test_cases_belong_to_the_first_subcommand_unless_another_is_named() -> None:
    subject, other = topic(), Topic(PAPER, "Another subject", command="second")
    assert run_case(subject).command == "first"
    assert run_case(subject, "own", command="second").command == "second"
    assert run_case(other).command == "second"
    assert declared(other).case("one", "It shows.").command == "second"


# Claims and figures -------------------------------------------------------------------------------


def small(result: Any) -> Iterable[Part]:
    return [at_most("small", 1, 2)]


def panels(*results: Any) -> Iterable[Panel]:
    return []


def test_a_claim_is_about_all_cases_declared_before_it_unless_said() -> None:
    subject = topic()
    one, two = run_case(subject, "one"), run_case(subject, "two")
    every = subject.claim("all-of-them", "All.", **PLACE)(small)
    first = subject.claim("the-first", "The first.", on=(one,), **PLACE)(small)
    three = run_case(subject, "three")
    assert every.cases == (one, two)
    assert first.cases == (one,)
    assert not every.judges(three)
    assert subject.claims == [every, first]
    assert (every.paper, every.place, every.kind) == ("x2026", "Theorem 1", "theory")


def test_hypotheses_of_the_topic_come_before_those_of_the_claim() -> None:
    subject = Topic(PAPER, "A subject", given=(lambda result: "the topic's",))
    claim = subject.claim("c", "C.", given=(lambda result: "its own",), **PLACE)(small)
    assert claim.judge(None).note == "the topic's"
    assert len(claim.given) == 2


def test_a_figure_is_of_all_cases_and_its_file_has_its_id_unless_said() -> None:
    subject = topic()
    run_case(subject, "one")
    last = run_case(subject, "two")
    every = subject.figure("2", "All.", layout=(1, 1, 3, 2))(panels)
    own = subject.figure("3", "One.", layout=(1, 1, 3, 2), on=(last,), file="three")(panels)
    assert (every.cases, every.file) == (("one", "two"), "2")
    assert (own.cases, own.file) == (("two",), "three")
    assert subject.figures == [every, own]


# Contents -----------------------------------------------------------------------------------------


def test_the_contents_are_those_of_the_topics_in_order() -> None:
    first, second = topic(), topic()
    cases = (run_case(first, "one"), run_case(second, "two"))
    claims = tuple(each.claim(id, "C.", **PLACE)(small) for each, id in ((first, "a"), (second, "b")))
    contents = Contents(PAPER, (first, second))
    assert contents.cases == cases
    assert contents.claims == claims
    assert contents.figures == ()


def test_two_cases_of_one_name_need_two_subcommands() -> None:
    subject = topic()
    run_case(subject)
    run_case(subject, command="second")
    Contents(PAPER, (subject,))
    run_case(subject)
    with pytest.raises(ValueError, match="paper x2026 declares the case 'first toy' twice"):
        Contents(PAPER, (subject,))


def test_what_is_declared_twice_is_refused() -> None:
    first, second = topic(), topic()
    for each in (first, second):
        each.claim("same", "C.", **PLACE)(small)
    with pytest.raises(ValueError, match="the claim 'same' twice; rename one of them"):
        Contents(PAPER, (first, second))
    pictured = topic()
    for id in ("2", "3"):
        pictured.figure(id, "F.", layout=(1, 1, 3, 2), file="same")(panels)
    with pytest.raises(ValueError, match="the figure 'same' twice"):
        Contents(PAPER, (pictured,))
    misprint = Misprint("eq-1", "remark", "(1)", "x", "y", "harmless")
    with pytest.raises(ValueError, match="the misprint 'eq-1' twice"):
        Contents(PAPER, (), (misprint, misprint))


GOOD, BAD = at_most("twice one", 2, 2), at_most("twice one", 2, 1)


@pytest.mark.parametrize(
    ("readings", "proved"),
    [
        ((BAD, GOOD), True),
        ((BAD, GOOD, GOOD), True),
        ((GOOD, GOOD), False),  # what is printed holds
        ((BAD, BAD), False),  # the correction is wrong too
        ((BAD, GOOD, BAD), False),  # a hypothesis fails
        ((BAD,), False),  # nothing is corrected
        ((BAD, number("a number", 1)), False),
        ((), False),
    ],
)
def test_a_misprint_is_proved_where_only_the_printed_reading_fails(readings: Readings, proved: bool) -> None:
    declared = Misprints()

    @declared.proved("eq-1", "constant", "(1)", printed="2 <= 1", correct="2 <= 2")
    def twice() -> Readings:
        """Twice
        one."""
        return readings

    assert twice.is_proved() == proved
    assert [twice] == declared
    assert twice.reason == "Twice one."


def test_an_accusation_needs_a_proof() -> None:
    with pytest.raises(ValueError, match="the misprint 'eq-1' accuses without a proof"):
        Misprint("eq-1", "constant", "(1)", "2 <= 1", "2 <= 2", "obvious")
    remarks = Misprints()
    remarks.remark("eq-1", "(1)", printed="x", correct="y", reason="Harmless.")
    assert remarks[0].readings() == ()
    assert not remarks[0].is_proved()


@pytest.mark.parametrize(
    "command",
    [
        Command("first", "One.", data_cases=("toy", "absent")),
        Command("first", "One.", flags={"--few": Flag("Few.", cases=("absent",))}),
        Command("first", "One.", flags={"--few": Flag("Few.", changes={"absent": {"m": 2}})}),
    ],
)
def test_a_subcommand_names_only_cases_that_there_are(command: Command) -> None:
    subject = topic(paper := Paper("x2026", "X", (command, Command("second", "Two."))))
    run_case(subject)
    run_case(subject, "absent", command="second")  # that of another subcommand does not count
    with pytest.raises(ValueError, match="'first' names the case 'absent', which no topic"):
        Contents(paper, (subject,))
    run_case(subject, "absent")
    assert len(Contents(paper, (subject,)).cases) == 3
