"""The picture of a sweep: one key as a line with the band of its seeds, two keys as a heat map of
medians.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from flowrepro.errors import UsageError
from flowrepro.figures import Figure, style
from flowrepro.papers.paper import Law
from flowrepro.sweep.driver import Plan
from flowrepro.sweep.summary import Line, column

if TYPE_CHECKING:
    from matplotlib.axes import Axes

BAND = (0.05, 0.95)
"""Quantiles over the seeds that the band shows."""


class Profile(NamedTuple):
    """values as written, their places on the axis (V,), quantiles and median (V,) of the measure,
    and the law's prediction or None.
    """

    values: tuple[str, ...]
    x: np.ndarray
    low: np.ndarray
    median: np.ndarray
    high: np.ndarray
    predicted: np.ndarray | None
    name: str
    measure: str
    logarithm: bool


class HeatMap(NamedTuple):
    """Median of the measure for every pair of values, (first key, second key)."""

    cases: tuple[str, ...]
    columns: tuple[str, ...]
    median: np.ndarray
    names: tuple[str, str]
    measure: str


def place(values: Sequence[str]) -> tuple[np.ndarray, bool]:
    """Where values lie on an axis, and whether that is their log10: numbers that span two decades,
    or cannot be doubles, are.
    """
    try:
        numbers = [Decimal(value) for value in values]
    except InvalidOperation:
        return np.arange(len(values), dtype=float), False
    if min(numbers) > 0 and max(numbers) >= 100 * min(numbers):
        return np.array([float(number.log10()) for number in numbers]), True
    return np.array([float(number) for number in numbers]), False


def collect(plan: Plan, lines: Sequence[Line], measure: str, law: Law | None) -> Profile | HeatMap:
    """What the picture shows;

    UsageError for a sweep of more than two keys or a measure that is no column.
    """
    shown = column(lines, measure)
    keys = [axis.key for axis in plan.axes]

    groups: dict[tuple[str, ...], list[float]] = {}
    for line, value in zip(lines, shown, strict=True):
        if not np.isnan(value):
            groups.setdefault(tuple(str(line[key]) for key in keys), []).append(value)

    def of(*values: str) -> np.ndarray:
        return np.array(groups.get(values, [np.nan]))

    if len(keys) == 1:
        (axis,) = plan.axes
        x, logarithm = place(axis.values)
        found = [of(value) for value in axis.values]
        low, median, high = (
            np.array([np.quantile(values, q) for values in found]) for q in (BAND[0], 0.5, BAND[1])
        )
        cases = {point.values[0]: point.case for point, _ in plan.cases}
        predicted = (
            None if law is None else np.array([law.predict(cases[value]) for value in axis.values])
        )
        return Profile(axis.values, x, low, median, high, predicted, axis.key, measure, logarithm)
    if len(keys) == 2:
        first, second = plan.axes
        table = np.array(
            [[np.median(of(one, other)) for other in second.values] for one in first.values]
        )
        return HeatMap(first.values, second.values, table, (first.key, second.key), measure)
    raise UsageError(f"a sweep of {len(keys)} keys has no picture; the CSV holds all of it")


def draw(axes: Sequence[Axes], data: Profile | HeatMap) -> None:
    """One panel."""
    (ax,) = axes
    if isinstance(data, HeatMap):
        _draw_map(ax, data)
        return
    ax.fill_between(
        data.x,
        data.low,
        data.high,
        color=style.LEARNED,
        alpha=0.25,
        linewidth=0,
        label="5 to 95 % of the seeds",
    )
    ax.plot(data.x, data.median, color=style.LEARNED, marker="o", markersize=4, label="median")
    if data.predicted is not None:
        ax.plot(
            data.x, data.predicted, color="black", linestyle="--", linewidth=1.2, label="predicted"
        )
    ax.set_xlabel(f"log10 {data.name}" if data.logarithm else data.name)
    if not data.logarithm and not _are_numbers(data.values):
        ax.set_xticks(data.x, data.values)
    positive = data.low[np.isfinite(data.low)]
    if positive.size and positive.min() > 0 and np.nanmax(data.high) > 100 * positive.min():
        ax.set_yscale("log")
    ax.set_ylabel(data.measure)
    ax.legend()


def _draw_map(ax: Axes, data: HeatMap) -> None:
    image = ax.imshow(data.median, origin="lower", aspect="auto", cmap="cividis")
    ax.set_xticks(range(len(data.columns)), data.columns, rotation=45, ha="right")
    ax.set_yticks(range(len(data.cases)), data.cases)
    ax.set_xlabel(data.names[1])
    ax.set_ylabel(data.names[0])
    ax.figure.colorbar(image, ax=ax, label=f"median of {data.measure}")


def _are_numbers(values: Sequence[str]) -> bool:
    try:
        [Decimal(value) for value in values]
    except InvalidOperation:
        return False
    return True


SWEEP = Figure(
    id="sweep",
    file="summary",
    cases=(),
    caption="A sweep: the measure over the grid.",
    layout=(1, 1, 5.0, 3.4),
    collect=collect,
    draw=draw,
)
