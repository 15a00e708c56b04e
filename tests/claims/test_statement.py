import pytest

from flowrepro.claims.old_claim import (
    NotApplicable,
    lower,
    none_of,
    number,
    statement,
    target_window,
    upper,
    window,
)
from flowrepro.claims.old_verdict import Ref, Verdict
from flowrepro.papers.boursier2022.experiments import FIVE_POINTS, TOY

REF = Ref("paper", "Lemma 1")


def judge(parts, given=()):
    @statement("claim", REF, "theory", ("row",), "what is claimed", given)
    def check(run):
        """measured: the parts."""
        if isinstance(parts, Exception):
            raise parts
        return parts

    assert (check.id, check.ref, check.rows, check.claim) == (
        "claim",
        REF,
        ("row",),
        "what is claimed",
    )
    assert check.function.__doc__ == "measured: the parts."
    return check.function(None)


def test_the_part_that_fails_decides():
    result = judge(
        [
            upper("small", 1, 2),
            lower("large", 1, 2),
            window("inside", 1, 0, 3),
            none_of("violations", 0),
        ]
    )
    assert (result.id, result.ref, result.verdict, result.measured, result.relation) == (
        "claim",
        REF,
        Verdict.FAIL,
        1.0,
        ">=",
    )
    assert "small: 1 <= 2" in result.note


def test_numbers_are_listed_and_do_not_decide():
    result = judge([number("other", 7), upper("small", 1, 2)])
    assert (result.verdict, result.measured) == (Verdict.PASS, 1.0)
    assert result.note == "small; other: 7"


def test_numbers_alone_are_info():
    result = judge([number("first", 3), number("second", 4)])
    assert (result.verdict, result.measured, result.note) == (
        Verdict.INFO,
        3.0,
        "first: 3; second: 4",
    )


def test_hypotheses_come_first_and_in_order():
    result = judge(
        [upper("never", 3, 2)],
        [lambda run: None, lambda run: "first reason", lambda run: "second reason"],
    )
    assert (result.verdict, result.note) == (Verdict.NOT_APPLICABLE, "first reason")


def test_a_hypothesis_that_fails_while_measuring():
    result = judge(NotApplicable("too short"))
    assert (result.verdict, result.note, result.id) == (
        Verdict.NOT_APPLICABLE,
        "too short",
        "claim",
    )


def test_the_window_of_a_target_is_found_by_what_it_says():
    assert target_window(TOY, "first step with MSE < 0.99 ") == TOY.targets[0].window
    assert target_window(FIVE_POINTS, "MSE at the saddle") == FIVE_POINTS.targets[0].window
    with pytest.raises(KeyError, match="2 targets 'first step'"):
        target_window(TOY, "first step")
    with pytest.raises(KeyError, match="0 targets 'last step'"):
        target_window(TOY, "last step")


def test_other_errors_are_not_hidden():
    with pytest.raises(ValueError, match="a bug"):
        judge(ValueError("a bug"))
