"""Mutants of claims: the code that measures a claim with one constant, sign, exponent or comparison
changed.

That code is the claim's own function and every function of the papers that runs when a result is
judged; hypotheses are no part of it. A mutant is noticed if some verdict on the result, or on a
wrong one made from it, is another than the claim's. A doubled tolerance is noticed only by a result
that is barely wrong enough. So the controls are calibrated: each is applied by the least amount from
which on a part of the claim fails, and by a little less. What changes no number that is judged, on
any of these results, is no mutant of the measured value: words, branches not taken, symmetries.
"""

from __future__ import annotations

import gc
import inspect
import signal
import sys
import time
import warnings
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from types import CodeType
from typing import Any

import numpy as np
from mutate import PAPERS, Mutated, Place, functions, places
from scipy.optimize import brentq

from flowrepro.claims.claim import Claim
from flowrepro.claims.controls import CONTROLS, _recorded, _with
from flowrepro.claims.verdict import Part, Verdict

# ---- what a claim says


class TooLong(BaseException):
    """A mutant does not end."""


def judged(claim: Claim, result: Any, seconds: float = 0.0) -> tuple[str, list[Part]]:
    """(the verdict, the parts with a bound); "unreadable" after so many seconds, if not 0."""

    def stop(*_: object) -> None:
        raise TooLong

    before = signal.signal(signal.SIGALRM, stop)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            signal.setitimer(signal.ITIMER_REAL, seconds)
            judgement = claim.judge(result)
        except (Exception, TooLong):  # nonsense may break anything
            return "unreadable", []
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)
    return judgement.verdict.value, [part for part in judgement.parts if part.relation]


def verdicts(said: tuple[str, list[Part]]) -> list[str]:
    """The verdicts of a claim and of its parts."""
    return [said[0], *(part.verdict.value for part in said[1])]


def numbers(said: tuple[str, list[Part]]) -> str:
    """All numbers that decide, nan included."""
    return repr([(part.measured, part.relation, part.bound) for part in said[1]])


def measured_by(claim: Claim, result: Any) -> dict[CodeType, set[int]]:
    """The functions of the papers that run when a claim measures a result, and the lines that do.

    What lives in a call only is part of the function around it.
    """
    seen: dict[CodeType, set[int]] = {}

    def called(frame: Any, event: str, _: Any) -> Any:
        if not frame.f_code.co_filename.startswith(PAPERS):
            return None
        seen.setdefault(frame.f_code, set()).add(frame.f_lineno)
        return called

    sys.settrace(called)
    try:
        judged(replace(claim, given=()), result)
    finally:
        sys.settrace(None)
    gc.collect()
    lines: dict[str, set[int]] = {}
    for code, own in seen.items():
        lines.setdefault(code.co_filename, set()).update(own)
    return {code: lines[code.co_filename] for code in seen if functions(code)}


# ---- calibrated controls

ONSETS = 2
"""Wrong results that are calibrated for each part of a claim."""
QUICK, MODERATE = 0.02, 0.3
"""Seconds of a judgement from which on only one is, and none."""
LEAST = -14.0
"""Decimal logarithm of the least amount of a control."""


def partly(good: Any, wrong: Any, entries: bool, exponent: float) -> Any:
    """A result that is wrong by 10**exponent of 1: in that share of its entries, or all a bit.

    Counts and truth values are wrong in a share of the entries always.
    """
    amount, fine, mixed = 10.0**exponent, _recorded(good), _recorded(wrong)
    for name, array in mixed.items():
        if entries or array.dtype.kind != "f":
            chosen = np.random.default_rng(0).random(array.shape) < amount
            mixed[name] = np.where(chosen, array, fine[name])
        else:
            mixed[name] = (fine[name] + amount * (array - fine[name])).astype(array.dtype)
    result = _with(wrong, mixed)
    if good.dataset is None:
        return result
    X, y = good.X + amount * (wrong.X - good.X), good.y + amount * (wrong.y - good.y)
    return replace(result, dataset=replace(result.dataset, X=X, y=y))


def calibrated(claim: Claim, good: Any, wrong: list[Any], onsets: int) -> Iterator[Any]:
    """For every part of the claim, wrong results on which it just fails, and just does not."""
    parts, met = judged(claim, good)[1], Counter[int]()
    shapes = {name: array.shape for name, array in _recorded(good).items()}
    for far in wrong:
        if {name: array.shape for name, array in _recorded(far).items()} != shapes:
            continue
        failed = judged(claim, far)[1]
        for k in range(len(parts)):
            if met[k] < onsets and failed[k:] and failed[k].verdict is Verdict.FAIL:
                met[k] += 1
                for entries in (False, True):
                    yield from onset(claim, k, partial(partly, good, far, entries))


def onset(claim: Claim, k: int, wrong: Callable[[float], Any]) -> Iterator[Any]:
    """Wrong results on both sides of the amount from which on part k fails, close and closer."""

    def slack(amount: float) -> float:
        parts = judged(claim, wrong(amount))[1]
        return float(np.nan_to_num(parts[k].slack, nan=-1.0)) if parts[k:] else -1.0

    with np.errstate(all="ignore"):
        if slack(LEAST) * slack(0.0) > 0:
            return
        root = brentq(slack, LEAST, 0.0, xtol=1e-13, maxiter=30, disp=False)
        yield from (wrong(root + off) for off in (-1e-2, 1e-2, -1e-12, 1e-12))


# ---- the fate of mutants

SAME, MOVED, NOTICED = range(3)
"""A mutant changes no number that is judged, some, some verdict."""
DRAWN = 8
"""Mutants of a claim that are drawn, at most half of them in its own function if it calls others."""
SECONDS = 10.0
"""What the wrong results take at most that one mutant meets."""


@dataclass
class Fate:
    """What became of one mutant, on all results that it met."""

    place: Place
    seen: int = SAME


def drawn(claim: Claim, result: Any) -> list[Fate]:
    """The mutants of a claim that are judged, drawn evenly; the seed follows from the claim."""
    rng = np.random.default_rng(zlib.crc32(f"{claim.paper} {claim.id}".encode()))
    main = inspect.unwrap(claim.measure).__code__
    pools: dict[bool, list[Place]] = {True: [], False: []}
    for code, lines in measured_by(claim, result).items():
        pools[code is main] += [place for place in places(code) if place.line in lines]
    own, called = (list(rng.permutation(len(pools[mine]))) for mine in (True, False))
    half = max(DRAWN // 2, DRAWN - len(called))
    chosen = [pools[True][k] for k in sorted(own[:half])]
    chosen += [pools[False][k] for k in sorted(called[: DRAWN - len(chosen)])]
    return [Fate(place) for place in chosen]


def meet(claim: Claim, good: Any, fates: list[Fate]) -> None:
    """Raise the fates of a claim's mutants to what the controls of one result show.

    What changes no number on any wrong result is not tried on calibrated ones.
    """
    begun = time.perf_counter()
    expected = numbers(judged(claim, good))
    seconds = time.perf_counter() - begun
    own = [] if claim.control is None else [claim.control(good)]
    made = [*own, *(one for control in CONTROLS for one in control.results(good))]
    made = made[:: max(1, round(len(made) * seconds / SECONDS))]
    wrong = [one for one in made if numbers(judged(claim, one)) != expected]
    compare(claim, [good, *wrong], [fate for fate in fates if fate.seen != NOTICED], seconds)
    moved = [fate for fate in fates if fate.seen == MOVED]
    if moved and seconds < MODERATE:
        onsets = ONSETS if seconds < QUICK else 1
        compare(claim, list(calibrated(claim, good, wrong, onsets)), moved, seconds)


def compare(claim: Claim, results: list[Any], fates: list[Fate], seconds: float) -> None:
    """Raise the fates of mutants to what these results show; one judgement takes ``seconds``."""
    said = [judged(claim, one) for one in results]
    for fate in fates:
        with Mutated(fate.place):
            for one, own in zip(results, said, strict=True):
                words = judged(claim, one, 2 + 20 * seconds)
                if verdicts(words) != verdicts(own):
                    fate.seen = NOTICED
                    break
                if numbers(words) != numbers(own):
                    fate.seen = MOVED


def reason(claim: Claim, result: Any, place: Place) -> str:
    """What a change that nothing notices does to the right result."""
    own = judged(claim, result)[1]
    with Mutated(place):
        changed = judged(claim, result)[1]
    pairs = list(zip(own, changed, strict=True))
    with np.errstate(all="ignore"):
        moves = [float(np.abs(np.float64(b.measured) / a.measured - 1)) for a, b in pairs]
    if moved := max((move for move in moves if move > 0), default=0.0):
        return f"the number moves by {moved:.2g} of it" if moved < np.inf else "0 moves"
    bounds = any(repr(a.bound) != repr(b.bound) for a, b in pairs)
    return "only a bound moves" if bounds else "only wrong results move"


def fates_of(claim: Claim, results: list[Any]) -> list[Fate]:
    """What becomes of the mutants of a claim on results on which it passes."""
    fates = drawn(claim, results[0])
    for result in results:
        if any(fate.seen != NOTICED for fate in fates):
            meet(claim, result, fates)
    return fates


def counted(fates: list[Fate]) -> tuple[int, int, int]:
    """(noticed, not noticed, no mutants)."""
    seen = Counter(fate.seen for fate in fates)
    return seen[NOTICED], seen[MOVED], seen[SAME]


def row(claim: Claim, result: Any, fates: list[Fate]) -> str:
    """What the page says of a claim with mutants that nothing notices."""
    noticed, missed, _ = counted(fates)
    left = [fate.place for fate in fates if fate.seen == MOVED]
    listed = "; ".join(f"`{place}` ({reason(claim, result, place)})" for place in left)
    return f"{noticed} of {noticed + missed}; not {listed}"
