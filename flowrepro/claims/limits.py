"""Statements that hold in a limit: below a scale or a step that a paper does not name.

A failure at one scale refutes none of them. It is a failure where the statement was seen to hold:
on a case as it is declared, and below. Elsewhere it is N/A, with the reason.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import wraps
from typing import Any

from flowrepro.claims.claim import NotApplicable
from flowrepro.claims.published import COMPUTED_BY, FREE
from flowrepro.claims.verdict import Part, Verdict
from flowrepro.core.config import Case, StudyCase
from flowrepro.core.overrides import departures, override

Measure = Callable[[Any], Iterable[Part]]
FREELY = (*FREE, *COMPUTED_BY, "protocol.n_steps", "options.n_steps", "protocol.rtol")
"""Keys that leave a statement as it was seen to hold; for a run any horizon will do."""


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


def as_declared(cases: Sequence[Case], key: str, free: tuple[str, ...] = ()) -> Callable[..., bool]:
    """Whether a result's case is one of ``cases``, or the quick variant of one, but for keys that
    do not matter here (FREELY and ``free``) and for a smaller number at ``key``.
    """

    def known(result: Any) -> bool:
        ours, name = result.case, (result.case.command, result.case.name)
        own = (case for case in cases if (case.command, case.name) == name)
        return any(
            set(departures(ours, form, (*FREELY, *free))) <= {key}
            and number_at(ours, key) <= number_at(form, key)
            for case in own
            for form in (case, override(case, case.quick))
        )

    return known


def number_at(case: Case, key: str) -> float:
    """The number at ``options.NAME`` of a study, at ``protocol.NAME`` of a training."""
    name = key.rpartition(".")[2]
    if isinstance(case, StudyCase):
        return float(case.options[name])
    return float(getattr(case.protocol, name))


def following_the_flow(*cases: Case) -> Callable[[Measure], Measure]:
    """Decorator factory: the statement is one on the flow, and descent has it for small steps.

    cases : on which it was seen to hold.
    """
    key = "options.lr" if isinstance(cases[0], StudyCase) else "protocol.lr"
    return in_a_limit(as_declared(cases, key), "lr", lambda result: number_at(result.case, key))
