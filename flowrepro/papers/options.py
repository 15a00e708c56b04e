"""Ranges of what a user may set in a study."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from flowrepro.errors import UsageError


def require_ranges(options: Mapping[str, Any], ranges: Mapping[str, tuple[float, float]]) -> None:
    """UsageError for an option outside [low, high], or not whole where both are; of a list, for any of its entries, or an empty one."""
    for key, (low, high) in ranges.items():
        values = options[key] if isinstance(options[key], Sequence) else [options[key]]
        whole = isinstance(low, int) and isinstance(high, int)
        if not values or not all(isinstance(value, int | float) and low <= value <= high and (not whole or value == int(value)) for value in values):
            raise UsageError(f"options.{key} must be {'whole and ' if whole else ''}in [{low:g}, {high:g}], not {options[key]}")


def require_member(options: Mapping[str, Any], key: str, members: Sequence[str]) -> None:
    """UsageError for an option that is none of the members."""
    if options[key] not in members:
        raise UsageError(f"options.{key} must be one of {', '.join(members)}, not '{options[key]}'")
