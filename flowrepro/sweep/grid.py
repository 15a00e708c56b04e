"""The values of a sweep: lists, linear and logarithmic ranges; scales below the smallest double are
read as logarithms.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from flowrepro.core.config import Case, TrainingCase
from flowrepro.core.overrides import override, parse_assignment, resolve_key
from flowrepro.errors import UsageError

SMALLEST = Decimal("1e-300")
"""Scales below are split into a double and a power of ten (init.log10_scale)."""
MOST_VALUES = 100_000
GOLDEN = (math.sqrt(5) - 1) / 2
"""Multiples of it, without their whole part, fill [0, 1) evenly."""


@dataclass(frozen=True)
class Axis:
    """One key of a grid: its full path, and its values as they are written in tables."""

    key: str
    values: tuple[str, ...]


@dataclass(frozen=True)
class Point:
    """One point of a grid: the values of all axes in order, and the case with them."""

    values: tuple[str, ...]
    case: Case


def parse_axis(case: Case, text: str) -> Axis:
    """``key=v1,v2,...``, ``key=lin:FIRST:LAST:COUNT`` or ``key=log:FIRST:LAST:COUNT``;

    UsageError for anything else.
    """
    key, separator, values = text.partition("=")
    if not separator or not values.strip():
        raise UsageError(
            "--grid takes key=v1,v2,... or key=lin:FIRST:LAST:COUNT or key=log:FIRST:LAST:COUNT, "
            f"not '{text}'"
        )
    path = resolve_key(case, key.strip())
    kind, *ends = values.strip().split(":")
    found = (
        _range(text, kind, ends)
        if kind in ("lin", "log")
        else [value.strip() for value in values.split(",")]
    )
    if len(set(found)) != len(found):
        raise UsageError(f"--grid {text} names a value twice; give each once")
    if len({repr(_changes(case, path, value)) for value in found}) < len(found):
        raise UsageError("the grid names the same run twice, in other words; give each value once")
    return Axis(path, tuple(found))


def _range(text: str, kind: str, ends: Sequence[str]) -> list[str]:
    try:
        first, last, count = Decimal(ends[0]), Decimal(ends[1]), int(ends[2])
        if not (
            first.is_finite()
            and last.is_finite()
            and 2 <= count <= MOST_VALUES
            and len(ends) == 3
            and (kind == "lin" or min(first, last) > 0)
        ):
            raise ValueError
        if kind == "lin":
            return [_shortest(first + (last - first) * k / (count - 1)) for k in range(count)]
        low, high = first.log10(), last.log10()
        return [
            _shortest(Decimal(10) ** (low + (high - low) * k / (count - 1))) for k in range(count)
        ]
    except (ArithmeticError, ValueError, IndexError):
        raise UsageError(
            f"--grid {text}: a range is {kind}:FIRST:LAST:COUNT with "
            f"numbers{'' if kind == 'lin' else ' above 0'} and 2 <= COUNT <= {MOST_VALUES}"
        ) from None


def _shortest(value: Decimal) -> str:
    """At most 12 significant digits: what a double holds, and no rounding noise of the range."""
    return (
        f"{value:.12g}".replace("E", "e")
        if value == 0 or abs(value) >= Decimal("1e-5")
        else _scientific(value)
    )


def _scientific(value: Decimal) -> str:
    mantissa, exponent = f"{value:.11e}".split("e")
    return f"{mantissa.rstrip('0').rstrip('.')}e{int(exponent)}"


@dataclass(frozen=True)
class Grid:
    """Every combination of the axes' values, the last axis fastest.

    A point is made when it is asked for, in about a millisecond: a grid may have millions of them.
    """

    base: Case
    axes: tuple[Axis, ...]

    def __len__(self) -> int:
        return math.prod(len(axis.values) for axis in self.axes)

    def __iter__(self) -> Iterator[Point]:
        """Raises UsageError at a value that its key does not take."""
        return map(self._point, itertools.product(*(axis.values for axis in self.axes)))

    def some(self, count: int) -> list[Point]:
        """All points, or ``count`` of more, spread evenly over every axis."""
        if len(self) <= count:
            return list(self)
        chosen = []
        for i in range(count):
            k, values = int(i * GOLDEN % 1 * len(self)), list[str]()
            for axis in reversed(self.axes):
                k, place = divmod(k, len(axis.values))
                values.insert(0, axis.values[place])
            chosen.append(self._point(tuple(values)))
        return chosen

    def _point(self, values: tuple[str, ...]) -> Point:
        changes: dict[str, Any] = {}
        for axis, text in zip(self.axes, values, strict=True):
            changes |= _changes(self.base, axis.key, text)
        return Point(values, override(self.base, changes))


def _changes(case: Case, key: str, text: str) -> dict[str, Any]:
    """What setting the key to a value as written changes in the case."""
    if key == "init.scale" and isinstance(case, TrainingCase):
        try:
            value = Decimal(text)
            if value.is_finite() and 0 < value < SMALLEST:
                mantissa, exponent = f"{value:e}".split("e")
                return {"init.scale": float(mantissa), "init.log10_scale": float(exponent)}
        except ArithmeticError:
            raise UsageError(f"--grid {key}: '{text}' is not a number") from None
    return {key: parse_assignment(f"{key}={text}")[1]}
