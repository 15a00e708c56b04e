"""The values of a sweep: lists, linear and logarithmic ranges; scales below the smallest double are
read as logarithms.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from flowrepro.core.config import Case, TrainingCase
from flowrepro.core.overrides import override, parse_assignment, resolve_key
from flowrepro.errors import UsageError

SMALLEST = Decimal("1e-300")
"""Scales below are split into a double and a power of ten (init.log10_scale)."""
MOST_VALUES = 100_000


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


def points(case: Case, axes: Sequence[Axis]) -> list[Point]:
    """Every combination of the axes' values, the last axis fastest;

    UsageError for a value that its key does not take.
    """
    return [
        Point(
            values,
            override(
                case,
                {
                    key: value
                    for axis, text in zip(axes, values, strict=True)
                    for key, value in _changes(case, axis.key, text).items()
                },
            ),
        )
        for values in itertools.product(*(axis.values for axis in axes))
    ]


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
