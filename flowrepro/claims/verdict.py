"""The parts of a claim and the verdict that follows from them.

A claim measures one or more parts. The part that fails, or holds by the least relative slack,
decides.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from typing import Any, Literal, NamedTuple

Relation = Literal["<=", ">=", "in", ""]
Bound = float | tuple[float, float] | None
LOOSE = 100.0
"""Ratio of measured value and bound from which a verdict is called loose."""


class Verdict(Enum):
    """PASS and FAIL compare a measurement with a bound.

    N/A says that a hypothesis fails or that the bound is vacuous. INFO is a number without a claim.
    """

    PASS = "PASS"
    FAIL = "FAIL"
    NOT_APPLICABLE = "N/A"
    INFO = "INFO"


@dataclass(frozen=True)
class Part:
    """One measured quantity, and the bound it is compared with.

    note : what was measured. bound : a pair for the relation "in", None without a relation.
    slack : by how much the relation holds, negative where it fails, nan without a relation.
    """

    note: str
    measured: float
    relation: Relation = ""
    bound: Bound = None
    slack: float = math.nan

    @property
    def verdict(self) -> Verdict:
        """PASS where the slack is not negative; nan fails; INFO without a relation."""
        if not self.relation:
            return Verdict.INFO
        return Verdict.PASS if self.slack >= 0 else Verdict.FAIL

    @property
    def ratio(self) -> float:
        """How many times the bound could be tightened; nan where that has no meaning."""
        if self.relation not in ("<=", ">=") or not isinstance(self.bound, int | float):
            return math.nan
        loose, tight = self.bound, self.measured
        if self.relation == ">=":
            loose, tight = tight, loose
        if not (loose > 0 and tight >= 0):
            return math.nan
        return loose / tight if tight > 0 else math.inf


def at_most(note: str, measured: float, bound: float) -> Part:
    """Part: measured <= bound. A nan fails; a bound of inf excludes nothing: then a number."""
    return _compared(note, measured, "<=", float(bound), float(bound) - float(measured))


def at_least(note: str, measured: float, bound: float) -> Part:
    """Part: measured >= bound. A nan fails; a bound of -inf excludes nothing: then a number."""
    return _compared(note, measured, ">=", float(bound), float(measured) - float(bound))


def within(note: str, measured: float, low: float, high: float) -> Part:
    """Part: low <= measured <= high; the slack is the distance to the nearer end.

    A nan fails, and so does an infinity; two infinite ends exclude nothing: then a number.
    """
    low, high, measured = float(low), float(high), float(measured)
    ends = (measured - low, high - measured)
    slack = math.nan if any(map(math.isnan, ends)) else min(ends)
    return _compared(note, measured, "in", (low, high), slack)


def none_of(note: str, violations: float) -> Part:
    """Part: an exact statement without violations; measured is their number.

    What is no number of violations (nan, or below 0) fails.
    """
    return _compared(note, violations, "<=", 0.0, -abs(float(violations)))


def number(note: str, measured: float) -> Part:
    """Part: a measured number without a bound."""
    return Part(note, float(measured))


def _compared(note: str, measured: float, relation: Relation, bound: Bound, slack: float) -> Part:
    ends = bound if isinstance(bound, tuple) else (bound,)
    if slack == math.inf and all(end is not None and math.isinf(end) for end in ends):
        return number(f"{note} (its bound is infinite)", measured)
    return Part(note, float(measured), relation, bound, slack)


class Limit(NamedTuple):
    """A setting that a hypothesis bounds from above, where it is too large.

    setting : "lr" (value and most are step sizes) or "scale" (both are sizes of the start).
    """

    setting: Literal["lr", "scale"]
    value: float
    most: float


class Reason(str):
    """Why a claim does not apply, and the limit that a setting exceeds, where that is why."""

    limit: Limit | None = None

    @classmethod
    def of(cls, sentence: str, limit: Limit) -> Reason:
        """The sentence with its limit."""
        reason = cls(sentence)
        reason.limit = limit
        return reason


@dataclass(frozen=True)
class Judgement:
    """The verdict on one claim: the numbers of the part that decides, and all parts.

    note : what the decisive numbers are, or why the claim does not apply. limit : see `Reason`.
    """

    verdict: Verdict
    measured: float = math.nan
    relation: Relation = ""
    bound: Bound = None
    slack: float = math.nan
    note: str = ""
    parts: tuple[Part, ...] = ()
    limit: Limit | None = None

    @property
    def ratio(self) -> float:
        """How many times the decisive bound could be tightened; nan where that has no meaning."""
        return Part("", self.measured, self.relation, self.bound).ratio

    def to_json(self) -> dict[str, Any]:
        """The public form; a nan becomes null, infinities become "inf" and "-inf"."""
        return {
            "verdict": self.verdict.value,
            "measured": plain(self.measured),
            "relation": self.relation,
            "bound": _plain_bound(self.bound),
            "slack": plain(self.slack),
            "ratio": plain(self.ratio),
            "note": self.note,
            "parts": [_part_json(part) for part in self.parts],
            **({"limit": self.limit._asdict()} if self.limit else {}),
        }


def not_applicable(reason: str) -> Judgement:
    """A hypothesis fails, or the bound is vacuous: the note says which."""
    limit = reason.limit if isinstance(reason, Reason) else None
    return Judgement(Verdict.NOT_APPLICABLE, note=str(reason), limit=limit)


def combine(measured: Iterable[Part]) -> Judgement:
    """The judgement on a claim whose parts are given; N/A without any.

    The slack is compared relative to the size of the bound. Numbers without a bound are listed in
    the note.
    """
    parts = tuple(measured)
    if not parts:
        return not_applicable("there is nothing to measure")
    judged = [part for part in parts if part.relation]
    numbers = "; ".join(f"{part.note}: {part.measured:.6g}" for part in parts if not part.relation)
    if not judged:
        return Judgement(Verdict.INFO, parts[0].measured, note=numbers, parts=parts)
    decides = min(judged, key=_tightness)
    note = decides.note if len(judged) == 1 else "; ".join(map(listed, judged))
    return Judgement(
        decides.verdict,
        decides.measured,
        decides.relation,
        decides.bound,
        decides.slack,
        f"{note}; {numbers}" if numbers else note,
        parts,
    )


def _tightness(part: Part) -> tuple[bool, float]:
    """Failing parts first, then by slack relative to the size of the bound."""
    size = max(map(abs, part.bound)) if isinstance(part.bound, tuple) else abs(part.bound or 0.0)
    slack = -math.inf if math.isnan(part.slack) else part.slack
    return part.verdict is Verdict.PASS, slack / size if size else slack


def listed(part: Part) -> str:
    """A part as text, with its bound."""
    if isinstance(part.bound, tuple):
        bound = f"[{part.bound[0]:.6g}, {part.bound[1]:.6g}]"
    else:
        bound = f"{part.bound:.6g}"
    return f"{part.note}: {part.measured:.6g} {part.relation} {bound}"


def plain(value: float | None) -> float | str | None:
    """A number as JSON has it: null for nan, a text for an infinity."""
    if value is None or math.isnan(value):
        return None
    return float(value) if math.isfinite(value) else ("inf" if value > 0 else "-inf")


def _plain_bound(bound: Bound) -> Any:
    return [plain(end) for end in bound] if isinstance(bound, tuple) else plain(bound)


def _part_json(part: Part) -> dict[str, Any]:
    return {
        "note": part.note,
        "verdict": part.verdict.value,
        "measured": plain(part.measured),
        "relation": part.relation,
        "bound": _plain_bound(part.bound),
    }
