"""How a statement of a paper becomes a claim: hypotheses first, then measured parts, the tightest
of which decides.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

from flowrepro.claims.old_verdict import (
    Claim,
    Family,
    Judgement,
    Ref,
    Verdict,
    at_least,
    at_most,
    holds,
    info,
    not_applicable,
    within,
    worst,
)
from flowrepro.core.config import Case
from flowrepro.core.trajectory import Run

Hypothesis = Callable[[Run], str | None]
"""None where a run satisfies it, else one sentence saying why not."""

_PART = Ref("", "")


class NotApplicable(Exception):
    """A hypothesis that shows up only while measuring fails; the message is the reason."""


def statement(
    id: str,
    ref: Ref,
    family: Family,
    cases: tuple[str, ...],
    sentence: str,
    given: Sequence[Callable[[Any], str | None]] = (),
    many_seeds: bool = False,
) -> Callable[[Callable[[Any], Sequence[Judgement]]], Claim]:
    """Decorator: the claim whose parts the function measures on runs that satisfy ``given``.

    The verdict is N/A with the reason of the first hypothesis that fails, or of a NotApplicable
    raised by the function; otherwise that of the part that fails or holds by least. INFO parts are
    listed in the note.
    With ``many_seeds`` the function measures ensembles.
    """

    def declare(measure: Callable[[Any], Sequence[Judgement]]) -> Claim:
        def judge(run: Any) -> Judgement:
            try:
                for hypothesis in given:
                    require(hypothesis(run))
                return _combine(id, ref, measure(run))
            except NotApplicable as reason:
                return not_applicable(id, ref, str(reason))

        judge.__doc__ = measure.__doc__
        return Claim(id, ref, family, cases, sentence, judge, many_seeds)

    return declare


def require(reason: str | None) -> None:
    """Raise NotApplicable unless ``reason`` is None."""
    if reason is not None:
        raise NotApplicable(reason)


def _combine(id: str, ref: Ref, parts: Sequence[Judgement]) -> Judgement:
    judged = [part for part in parts if part.verdict is not Verdict.INFO]
    numbers = "; ".join(
        f"{part.note}: {part.measured:.6g}" for part in parts if part.verdict is Verdict.INFO
    )
    if not judged:
        return info(id, ref, parts[0].measured, numbers)
    result = (
        worst(id, ref, judged)
        if len(judged) > 1
        else dataclasses.replace(judged[0], id=id, ref=ref)
    )
    return dataclasses.replace(result, note=f"{result.note}; {numbers}") if numbers else result


def target_window(case: Case, what: str) -> tuple[float, float]:
    """The window of the case's target whose description starts with ``what``;

    KeyError unless there is exactly one with a window.
    """
    windows = [
        target.window
        for target in case.targets
        if target.what.startswith(what) and target.window is not None
    ]
    if len(windows) != 1:
        raise KeyError(f"case {case.name} has {len(windows)} targets '{what}' with a window")
    return windows[0]


def upper(note: str, measured: float, bound: float) -> Judgement:
    """Part: measured <= bound."""
    return at_most("", _PART, float(measured), float(bound), note)


def lower(note: str, measured: float, bound: float) -> Judgement:
    """Part: measured >= bound."""
    return at_least("", _PART, float(measured), float(bound), note)


def window(note: str, measured: float, low: float, high: float) -> Judgement:
    """Part: low <= measured <= high."""
    return within("", _PART, float(measured), (float(low), float(high)), note)


def none_of(note: str, violations: int) -> Judgement:
    """Part: an exact statement without violations."""
    return holds("", _PART, int(violations), note)


def number(note: str, measured: float) -> Judgement:
    """Part: a measured number without a claim."""
    return info("", _PART, float(measured), note)
