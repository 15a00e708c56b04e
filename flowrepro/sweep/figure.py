"""The picture of a sweep: a line with the band of its seeds for one key, a heat map for two."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal, InvalidOperation

import numpy as np

from flowrepro.errors import UsageError
from flowrepro.figures import style
from flowrepro.figures.declare import Layout, Picture
from flowrepro.figures.panels import Band, HeatMap, Line, Mark, Panel, Ticks
from flowrepro.papers.paper import Law
from flowrepro.sweep.driver import Plan
from flowrepro.sweep.summary import Line as Row
from flowrepro.sweep.summary import column

BAND = (0.05, 0.95)
"""Quantiles over the seeds that the band shows."""
LAYOUT: Layout = (1, 1, 5.0, 3.4)


def place(values: Sequence[str]) -> tuple[np.ndarray, bool]:
    """Where values lie on an axis, and whether that is their log10.

    It is for numbers that span two decades, or cannot be doubles.
    """
    try:
        numbers = [Decimal(value) for value in values]
    except InvalidOperation:
        return np.arange(len(values), dtype=float), False
    if min(numbers) > 0 and max(numbers) >= 100 * min(numbers):
        return np.array([float(number.log10()) for number in numbers]), True
    return np.array([float(number) for number in numbers]), False


def picture(plan: Plan, lines: Sequence[Row], measure: str, law: Law | None) -> Picture:
    """The measure over the grid, with what a law predicts.

    Raises UsageError for a sweep of more than two keys or a measure that is no column.
    """
    groups: dict[tuple[str, ...], list[float]] = {}
    for line, value in zip(lines, column(lines, measure), strict=True):
        if not np.isnan(value):
            groups.setdefault(tuple(str(line[axis.key]) for axis in plan.axes), []).append(value)
    if len(plan.axes) not in (1, 2):
        raise UsageError(
            f"a sweep of {len(plan.axes)} keys has no picture; the CSV holds all of it"
        )
    draw = _profile if len(plan.axes) == 1 else _table
    caption = f"{measure} over {' and '.join(axis.key for axis in plan.axes)}, by seeds."
    return Picture((draw(plan, groups, measure, law),), caption)


Groups = dict[tuple[str, ...], list[float]]


def _profile(plan: Plan, groups: Groups, measure: str, law: Law | None) -> Panel:
    (axis,) = plan.axes
    x, logarithm = place(axis.values)
    found = [groups.get((value,), [np.nan]) for value in axis.values]
    low, median, high = (
        np.array([np.quantile(values, q) for values in found]) for q in (BAND[0], 0.5, BAND[1])
    )
    seeds = max(map(len, found))
    marks: list[Mark] = [
        Band(x, low, high, label=f"5 to 95 % of {seeds} seeds"),
        Line(x, median, marker="o", size=4.0, label="median"),
    ]
    if law is not None:
        cases = {point.values[0]: point.case for point in plan.grid}
        predicted = [law.predict(cases[value]) for value in axis.values]
        marks.append(Line(x, predicted, colour=style.THEORY, dash="--", label="predicted"))
    positive = low[np.isfinite(low)]
    wide = positive.size and positive.min() > 0 and np.nanmax(high) > 100 * positive.min()
    words = not logarithm and not _are_numbers(axis.values)
    return Panel(
        marks,
        xlabel=f"log10 {axis.key}" if logarithm else axis.key,
        ylabel=measure,
        scale="linear-log" if wide else "linear-linear",
        xticks=Ticks(x, axis.values) if words else None,
    )


def _table(plan: Plan, groups: Groups, measure: str, law: Law | None) -> Panel:
    first, second = plan.axes
    medians = [
        [np.median(groups.get((one, other), [np.nan])) for other in second.values]
        for one in first.values
    ]
    return Panel(
        [HeatMap(np.array(medians), colours="light", bar=f"median of {measure}")],
        xlabel=second.key,
        ylabel=first.key,
        xticks=Ticks(range(len(second.values)), second.values, rotation=45.0),
        yticks=Ticks(range(len(first.values)), first.values),
    )


def _are_numbers(values: Sequence[str]) -> bool:
    try:
        [Decimal(value) for value in values]
    except InvalidOperation:
        return False
    return True
