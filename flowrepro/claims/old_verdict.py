"""The result of a claim: verdict, measured value, bound and slack.

A claim is a pure function of a run. It tests its hypotheses first; outside them the verdict is N/A
with the reason, never PASS. It draws no numbers, plots nothing, and touches no disk.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Literal

Family = Literal["reproduction", "theory"]


class Verdict(Enum):
    """PASS and FAIL compare a measurement with a bound;

    N/A: a hypothesis fails; INFO: a number, no claim.
    """

    PASS = "PASS"
    FAIL = "FAIL"
    NOT_APPLICABLE = "N/A"
    INFO = "INFO"


@dataclass(frozen=True)
class Ref:
    """Where the statement stands: the paper's key and the place in it."""

    paper: str
    place: str

    def __str__(self) -> str:
        return f"{self.paper}, {self.place}"


@dataclass(frozen=True)
class Judgement:
    """One verdict.

    measured, bound : numbers in the unit the note names; ``bound`` is a pair for relation "in".
    slack : by how much the relation holds, negative where it fails; nan without a relation.
    """

    id: str
    ref: Ref
    verdict: Verdict
    measured: float = math.nan
    relation: Literal["<=", ">=", "in", "==", ""] = ""
    bound: float | tuple[float, float] | None = None
    slack: float = math.nan
    note: str = ""

    def to_json(self) -> dict[str, Any]:
        """The public form; numbers that are not finite become null (or the strings "inf",
        "-inf").
        """
        bound = (
            [_plain(x) for x in self.bound] if isinstance(self.bound, tuple) else _plain(self.bound)
        )
        return {
            "id": self.id,
            "ref": str(self.ref),
            "verdict": self.verdict.value,
            "measured": _plain(self.measured),
            "relation": self.relation,
            "bound": bound,
            "slack": _plain(self.slack),
            "note": self.note,
        }


def _plain(value: float | None) -> float | str | None:
    if value is None or math.isnan(value):
        return None
    return float(value) if math.isfinite(value) else ("inf" if value > 0 else "-inf")


def at_most(id: str, ref: Ref, measured: float, bound: float, note: str = "") -> Judgement:
    """PASS iff measured <= bound (nan fails); slack = bound - measured."""
    return _judged(id, ref, measured, "<=", bound, bound - measured, note)


def at_least(id: str, ref: Ref, measured: float, bound: float, note: str = "") -> Judgement:
    """PASS iff measured >= bound (nan fails); slack = measured - bound."""
    return _judged(id, ref, measured, ">=", bound, measured - bound, note)


def within(
    id: str, ref: Ref, measured: float, window: tuple[float, float], note: str = ""
) -> Judgement:
    """PASS iff window[0] <= measured <= window[1]; slack is the distance to the nearer end."""
    low, high = window
    return _judged(id, ref, measured, "in", (low, high), min(measured - low, high - measured), note)


def holds(id: str, ref: Ref, violations: int, note: str = "") -> Judgement:
    """PASS iff an exact statement has no violation; measured is their number, bound 0."""
    return _judged(id, ref, violations, "<=", 0.0, -violations, note)


def not_applicable(id: str, ref: Ref, reason: str) -> Judgement:
    """A hypothesis fails, or the bound is vacuous: the note says which."""
    return Judgement(id, ref, Verdict.NOT_APPLICABLE, note=reason)


def info(id: str, ref: Ref, measured: float, note: str) -> Judgement:
    """A measured number without a claim."""
    return Judgement(id, ref, Verdict.INFO, float(measured), note=note)


def worst(id: str, ref: Ref, parts: Sequence[Judgement], note: str = "") -> Judgement:
    """One result for a statement with several parts: that of the part that fails, or holds by
    least.

    Slack is compared relative to the size of the bound. The note lists every part's measurement.
    """
    judged = [part for part in parts if part.verdict in (Verdict.PASS, Verdict.FAIL)]
    if not judged:
        return parts[0]
    tightest = min(judged, key=_relative_slack)
    listing = "; ".join(
        f"{part.note}: {part.measured:.6g} {part.relation} {_show(part.bound)}" for part in parts
    )
    return Judgement(
        id,
        ref,
        tightest.verdict,
        tightest.measured,
        tightest.relation,
        tightest.bound,
        tightest.slack,
        f"{note}{': ' if note else ''}{listing}",
    )


def _relative_slack(part: Judgement) -> tuple[bool, float]:
    size = max(map(abs, part.bound)) if isinstance(part.bound, tuple) else abs(part.bound or 0.0)
    slack = -math.inf if math.isnan(part.slack) else part.slack
    return part.verdict is Verdict.PASS, slack / size if size else slack


def _show(bound: float | tuple[float, float] | None) -> str:
    return f"[{bound[0]:.6g}, {bound[1]:.6g}]" if isinstance(bound, tuple) else f"{bound:.6g}"


def _judged(
    id: str, ref: Ref, measured: float, relation: Any, bound: Any, slack: float, note: str
) -> Judgement:
    verdict = Verdict.PASS if slack >= 0 else Verdict.FAIL
    return Judgement(id, ref, verdict, float(measured), relation, bound, float(slack), note)


@dataclass(frozen=True)
class Claim:
    """A declared claim: its id, place, family, the cases it is evaluated on, and the pure function
    of a `Run`.

    With ``many_seeds`` it is a function of an `Ensemble`, evaluated where one of these cases was
    run for many seeds.
    """

    id: str
    ref: Ref
    family: Family
    cases: tuple[str, ...]
    sentence: str
    function: Callable[[Any], Judgement]
    many_seeds: bool = False


@dataclass(frozen=True)
class Misprint:
    """A place where a paper prints something else than what is right: ``reason`` says how we
    know.
    """

    id: str
    place: str
    printed: str
    correct: str
    reason: str
