"""A failure counts where the statement was seen to hold, and is N/A with the reason elsewhere."""

import pytest

from flowrepro.claims.claim import NotApplicable
from flowrepro.claims.limits import failing, in_a_limit
from flowrepro.claims.verdict import Verdict, at_most, number


@in_a_limit(lambda scale: scale == 1.0, "lambda", lambda scale: scale)
def doubled(scale):
    """Twice the scale is at most 1."""
    yield at_most("twice the scale", 2 * scale, 1.0)
    yield number("scale", scale)


def test_a_failure_counts_where_the_statement_was_seen_to_hold():
    parts = doubled(1.0)
    assert [part.verdict for part in parts] == [Verdict.FAIL, Verdict.INFO]
    assert failing(parts) == "twice the scale"


def test_elsewhere_it_says_what_has_to_be_smaller():
    with pytest.raises(NotApplicable, match=r"lambda = 3 is not .* \(twice the scale fails\)"):
        doubled(3.0)
    assert doubled(0.25)[0].verdict is Verdict.PASS
    assert doubled.__doc__ == "Twice the scale is at most 1."
