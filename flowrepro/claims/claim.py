"""A claim: one statement of a paper, its hypotheses, and the function that measures it.

The function is pure. It takes a result (a run, an ensemble, a study) and yields parts
(`verdict.py`).
It draws no random numbers, plots nothing and touches no disk. Hypotheses come first: outside them
the verdict is N/A with the reason, never PASS.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any, Literal

from flowrepro.claims.verdict import Judgement, Part, combine, not_applicable
from flowrepro.core.config import Case
from flowrepro.errors import UsageError

Kind = Literal["theory", "reproduction"]
Label = Literal["", "identity", "engine"]
Hypothesis = Callable[[Any], str | None]
"""None where a result satisfies it, else one sentence (or a `Reason`) that says why not."""


class NotApplicable(Exception):
    """A hypothesis that shows up only while measuring fails; the message is the reason.

    reason : a sentence, which may be a `Reason`. measured : the number that breaks it, where there
    is one.
    """

    def __init__(self, reason: str, measured: float = math.nan) -> None:
        super().__init__(reason)
        self.reason, self.measured = reason, measured


def require(reason: str | None) -> None:
    """Raise NotApplicable unless ``reason`` is None."""
    if reason is not None:
        raise NotApplicable(reason)


@dataclass(frozen=True, eq=False)
class Claim:
    """One statement of a paper that results can confirm or refute.

    paper, place : key of the paper and the place in it. sentence : the statement in words.
    kind : "reproduction" of what the paper observed, or "theory".
    cases : the cases whose results it judges. over_seeds : it judges ensembles of many seeds.
    measure : the pure function that yields the parts. given : its hypotheses.
    label : "identity" for what cannot fail by construction, "engine" for a test of our own code.
    control : makes of a result on which the claim passes one on which it must fail, where none of
    the common controls concerns what it measures (`controls.py`).
    """

    id: str
    paper: str
    place: str
    sentence: str
    kind: Kind
    cases: tuple[Case, ...]
    measure: Callable[[Any], Iterable[Part]]
    given: tuple[Hypothesis, ...] = ()
    label: Label = ""
    over_seeds: bool = False
    control: Callable[[Any], Any] | None = None

    def judges(self, case: Case) -> bool:
        """Whether the claim is declared for this case, which options may have changed."""
        if self.over_seeds != (case.seeds is not None):
            return False
        return any((case.command, case.name) == (own.command, own.name) for own in self.cases)

    def judge(self, result: Any) -> Judgement:
        """The verdict on a result: N/A with the first hypothesis that fails, else that of the
        parts.
        """
        try:
            for hypothesis in self.given:
                require(hypothesis(result))
            measured = self.measure(result)
            parts = tuple(measured) if isinstance(measured, Iterable) else (measured,)
            if not all(isinstance(part, Part) and type(part.note) is str for part in parts):
                raise UsageError(
                    f"the claim '{self.id}' gives {parts!r:.60} and no parts of a verdict; yield "
                    "number(...), at_most(...) or the like"
                )
            return combine(parts)
        except NotApplicable as raised:
            return replace(not_applicable(raised.reason), measured=raised.measured)

    def to_json(self, result: Any) -> dict[str, Any]:
        """The claim with its verdict on a result, as claims.json keeps it."""
        about = {"id": self.id, "place": f"{self.paper}, {self.place}", "sentence": self.sentence}
        more = {"case": result.case.name, "kind": self.kind, "label": self.label}
        return {**about, **self.judge(result).to_json(), **more}
