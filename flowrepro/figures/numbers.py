"""The numbers behind a figure as plain JSON, and the comparison of two such sets.

Images change with every version of a font library; these numbers do not.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

Value = float | int | str | None
Numbers = dict[str, list[Value]]
MOST = 200
"""Entries kept of a series."""


def numbers(data: Any) -> Numbers:
    """The arrays and numbers of a figure's data, as JSON: name -> list.

    What has ``as_numbers`` (a picture, a panel, a mark) is asked for them.
    Nested tuples are flattened to dotted names ("panels.0.x"), arrays to one axis. A series of more
    than MOST entries is thinned evenly, both ends kept. Numbers have 10 significant digits; nan is
    null, infinities are "inf" and "-inf". Text and what is absent (None) is left out.
    """
    return {
        name: [_plain(value) for value in _thinned(series).tolist()]
        for name, series in _series(data, "")
    }


def compare_numbers(
    ours: Mapping[str, Sequence[Value]],
    reference: Mapping[str, Sequence[Value]],
    rtol: float,
    atol: float,
) -> list[str]:
    """One sentence for each series with an entry that breaks |ours - reference| <= atol + rtol
    |reference|.

    An empty list means agreement; null agrees with null only, an infinity with itself only.
    """
    names = list(dict.fromkeys([*reference, *ours]))
    return [
        f"{name}: {fault}"
        for name in names
        if (fault := _difference(ours.get(name), reference.get(name), rtol, atol))
    ]


def _series(data: Any, name: str) -> Iterator[tuple[str, np.ndarray]]:
    if data is None or isinstance(data, str):
        return
    if hasattr(data, "as_numbers"):
        data = data.as_numbers()
    if isinstance(data, Mapping):
        children = [(str(key), value) for key, value in data.items()]
    elif hasattr(data, "_fields"):
        children = list(zip(data._fields, data, strict=True))
    elif isinstance(data, tuple | list):
        children = [(str(index), value) for index, value in enumerate(data)]
    else:
        yield name, np.atleast_1d(np.asarray(data)).ravel()
        return
    for key, value in children:
        yield from _series(value, f"{name}.{key}" if name else key)


def _thinned(series: np.ndarray) -> np.ndarray:
    if len(series) <= MOST:
        return series
    kept: np.ndarray = series[np.linspace(0, len(series) - 1, MOST).round().astype(int)]
    return kept


def _plain(value: Any) -> Value:
    if isinstance(value, int):
        return int(value)
    if math.isnan(value):
        return None
    return float(f"{value:.10g}") if math.isfinite(value) else str(value)


def _difference(
    ours: Sequence[Value] | None, reference: Sequence[Value] | None, rtol: float, atol: float
) -> str:
    if ours is None or reference is None:
        return "missing" if ours is None else "not in the reference"
    if len(ours) != len(reference):
        return f"{len(ours)} entries, the reference has {len(reference)}"
    left, right = _floats(ours), _floats(reference)
    with np.errstate(invalid="ignore"):
        close = np.isclose(left, right, rtol=rtol, atol=atol, equal_nan=True)
        if close.all():
            return ""
        distance = np.where(close, 0.0, np.nan_to_num(np.abs(left - right), nan=np.inf))
    worst = int(np.argmax(distance))
    return (
        f"{int((~close).sum())} of {len(left)} entries differ, most at index {worst}: "
        f"{left[worst]:.10g} instead of {right[worst]:.10g}"
    )


def _floats(values: Sequence[Value]) -> np.ndarray:
    return np.array([math.nan if value is None else float(value) for value in values])
