"""Changes of a case by key: ``--set key=value``, and what a case changes against another."""

from __future__ import annotations

import json
import typing
from collections.abc import Iterable, Mapping
from typing import Any

from flowrepro.core.config import (
    AnyCase,
    Case,
    _nearest,
    _nested,
    computing_form,
    flatten,
    from_json,
    is_shallow,
    to_json,
)
from flowrepro.core.validation import validate
from flowrepro.errors import UsageError


def _matches(case: Case, key: str) -> list[str]:
    """The dotted paths that ``key``, a whole path or an ending of one, may mean."""
    paths = _paths(case)
    return (
        [key]
        if key in paths
        else [
            path
            for path in paths
            if path.endswith("." + key) or path.replace(".options", "") == key
        ]
    )


def _paths(case: Case) -> list[str]:
    leaves = [path for path in flatten(computing_form(case)) if path != "schema"]
    return list(
        dict.fromkeys(
            [
                *leaves,
                *(f"data.options.{name}" for name in (case.data.options if case.data else ())),
            ]
        )
    )


def knows(case: Case, key: str) -> bool:
    """Whether the case has such a key."""
    return bool(_matches(case, key))


def resolve_key(case: Case, key: str) -> str:
    """The full dotted path of ``key``, which may be any unambiguous ending of one (``n_steps``)."""
    hits = _matches(case, key)
    if len(hits) == 1:
        return hits[0]
    if hits:
        raise UsageError(
            f"--set {key} is ambiguous for case '{case.name}': it could be {' or '.join(hits)}; "
            "write one of them out"
        )
    paths = _paths(case)
    endings = {path.rpartition(".")[2] for path in paths} | set(paths)
    raise UsageError(
        f"--set {key}: case '{case.name}' has no such key{_nearest(key, endings)}; 'flowrepro "
        "list --keys' shows all"
    )


def override(case: AnyCase, changes: Mapping[str, Any]) -> AnyCase:
    """The case with the given (dotted or short) keys replaced.

    Raises UsageError for an unknown or ambiguous key, a wrong type or a value out of range.
    """
    form = to_json(case)
    for key, value in changes.items():
        *parents, leaf = resolve_key(case, key).split(".")
        place: dict[str, Any] = form
        for parent in parents:
            place = place[parent]
        if parents == ["options"]:
            _require_alike(key, place[leaf], value)
        if [*parents, leaf] == ["init", "name"]:
            from flowrepro.core.initialize import require_known

            require_known(str(value))
        place[leaf] = value
    changed = from_json(form)
    validate(changed)
    return typing.cast(AnyCase, changed)


def _require_alike(key: str, before: Any, value: Any) -> None:
    """Raise UsageError unless a study's option keeps its kind: number, text, true or false,
    list.
    """
    kinds = [kind for kind in (bool, (int, float), str, list) if isinstance(before, kind)]
    if kinds and (
        not isinstance(value, kinds[0]) or isinstance(value, bool) != isinstance(before, bool)
    ):
        raise UsageError(f"{key} must be of the kind of {json.dumps(before)}, not '{value}'")


def parse_assignment(text: str) -> tuple[str, Any]:
    """``key=value`` with the value read as JSON where possible (numbers, lists, null), else as a
    string.
    """
    key, separator, value = text.partition("=")
    if not separator or not key.strip():
        raise UsageError(f"--set takes key=value, not '{text}'")
    try:
        parsed = json.loads(value)
    except ValueError:
        parsed = _number_or_text(value.strip())
    except RecursionError:
        raise _nested(key) from None
    if not is_shallow(parsed):
        raise _nested(key)
    if (
        isinstance(parsed, float)
        and parsed == 0.0
        and any(digit in "123456789" for digit in value.lower().split("e")[0])
    ):
        raise UsageError(
            f"--set {key}={value} underflows to 0 in double precision, whose smallest positive "
            "number is 4.9e-324; "
            "for an initial scale below it --set log10_scale=... with --engine flow"
        )
    return key.strip(), parsed


def _number_or_text(value: str) -> Any:
    for kind in (int, float):
        try:
            return kind(value)
        except ValueError:
            continue
    return value


def departures(
    case: Case,
    reference: Case,
    allowed: Iterable[str] = ("seed", "protocol.engine", "protocol.device", "record."),
) -> list[str]:
    """Keys in which ``case`` differs from ``reference``, apart from those that start with an
    allowed prefix.
    """
    left, right = flatten(computing_form(case)), flatten(computing_form(reference))
    prefixes = tuple(allowed)
    return [
        key
        for key in sorted(left.keys() | right.keys())
        if left.get(key) != right.get(key) and not key.startswith(prefixes)
    ]
