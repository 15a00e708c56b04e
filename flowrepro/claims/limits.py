"""Statements that hold in a limit: below a scale or a step that a paper does not name.

A failure at one scale refutes none of them. It is a failure where the statement was seen to hold:
on the paper's own points. Elsewhere it is N/A, with the reason.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import wraps
from typing import Any

from flowrepro.claims.claim import NotApplicable
from flowrepro.claims.verdict import Part, Verdict

Measure = Callable[[Any], Iterable[Part]]


def failing(parts: Iterable[Part]) -> str:
    """The notes of the parts that fail."""
    return "; ".join(part.note for part in parts if part.verdict is Verdict.FAIL)


def in_a_limit(
    known: Callable[[Any], bool], name: str, value: Callable[[Any], float]
) -> Callable[[Measure], Measure]:
    """Decorator factory: the measure of such a statement.

    known : whether it was seen to hold on such a result. name, value : what has to be small.
    """

    def decorate(measure: Measure) -> Measure:
        @wraps(measure)
        def measured(result: Any) -> list[Part]:
            parts = list(measure(result))
            if (failed := failing(parts)) and not known(result):
                raise NotApplicable(
                    f"stated below a bound of {name} that the paper does not name, and {name} = "
                    f"{value(result):.3g} is not shown to be below it ({failed} fails)"
                )
            return parts

        return measured

    return decorate


def packaged(result: Any) -> bool:
    """Whether the points are not a user's own."""
    return bool(result.case.data is None or result.case.data.name != "file")


following_the_flow = in_a_limit(packaged, "lr", lambda run: float(run.case.protocol.lr))
"""Decorator: the statement about a run is one on the flow, and descent has it for small steps."""
