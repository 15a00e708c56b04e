"""Ranges of what a user may set in a study."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from flowrepro.core.config import StudyCase
from flowrepro.errors import UsageError


def require_ranges(options: Mapping[str, Any], ranges: Mapping[str, tuple[float, float]]) -> None:
    """UsageError for an option outside [low, high], or not whole where both are; of a list, for any
    of its entries, or an empty one.
    """
    for key, (low, high) in ranges.items():
        values = options[key] if isinstance(options[key], Sequence) else [options[key]]
        whole = isinstance(low, int) and isinstance(high, int)
        if not values or not all(
            _is_number(value) and low <= value <= high and (not whole or value == int(value))
            for value in values
        ):
            raise UsageError(
                f"options.{key} must be {'whole and ' if whole else ''}in [{low:g}, {high:g}], "
                f"not {options[key]}"
            )


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def at_least_one(study: StudyCase, name: str, most: int = 10**6) -> int:
    """A whole number from 1 to ``most``."""
    value = study.options[name]
    if value != int(value) or not 1 <= value <= most:
        raise UsageError(f"options.{name} must be a whole number from 1 to {most}, not {value}")
    return int(value)


def positive(study: StudyCase, name: str) -> float:
    """A positive number."""
    value = float(study.options[name])
    if not value > 0:
        raise UsageError(f"options.{name} must be a positive number, not {value:g}")
    return value


def numbers(study: StudyCase, name: str) -> list[float]:
    """A list of one or more numbers."""
    values = study.options[name]
    if not values or not all(map(_is_number, values)):
        raise UsageError(
            f"options.{name} must be a list of one or more numbers such as [0.1,0.2], not {values}"
        )
    return [float(value) for value in values]


def within(study: StudyCase, name: str, low: float, high: float) -> list[float]:
    """A list of one or more numbers strictly between ``low`` and ``high``."""
    values = numbers(study, name)
    if not all(low < value < high for value in values):
        raise UsageError(f"options.{name} must lie between {low:g} and {high:g}, not {values}")
    return values


def one_of(study: StudyCase, name: str, *choices: str) -> str:
    """One of these words."""
    value = study.options[name]
    if value not in choices:
        raise UsageError(f"options.{name} must be one of {', '.join(choices)}, not '{value}'")
    return str(value)
