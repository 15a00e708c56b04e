"""Marks drawn on axes of matplotlib, each by one small function."""

from __future__ import annotations

from collections.abc import Callable
from functools import singledispatch
from typing import Any

import numpy as np

from flowrepro.figures.marks import (
    Arrows,
    Band,
    Bars,
    Contour,
    Custom,
    ErrorBars,
    HeatMap,
    Horizontal,
    Image,
    Line,
    Mark,
    Note,
    Region,
    Span,
    Text,
    Vertical,
)  # fmt: skip

SMALL = 7.0
"""Size of notes, tags and names of lines, in points."""
GREYS = {"greys": ("1.0", "0.3"), "light": ("0.45", "1.0")}
"""Colour maps that leave black and coloured marks visible: first and last colour."""
DENSE_CELLS = 2000
"""Cells from which a heat map becomes pixels inside a vector file."""


def _common(mark: Mark) -> dict[str, Any]:
    known = {"label": mark.label or None, "alpha": None if mark.opacity == 1 else mark.opacity}
    return known | ({} if mark.zorder is None else {"zorder": mark.zorder})


@singledispatch
def put(mark: Mark, ax: Any) -> None:
    """Draw one mark on axes of matplotlib."""
    raise TypeError(
        f"no way is known to draw a {type(mark).__name__}; use a mark of flowrepro.figures.panels"
    )


def _look(mark: Line) -> dict[str, Any]:
    edge = (
        {"markeredgecolor": mark.edge, "markeredgewidth": min(1.0, mark.size / 16)}
        if mark.edge
        else {}
    )
    return _common(mark) | edge | {
        "color": mark.colour, "linestyle": mark.dash, "linewidth": mark.width,
        "marker": mark.marker,
        "markersize": mark.size, "markerfacecolor": mark.fill or mark.colour, "clip_on": mark.clip,
    }  # fmt: skip


@put.register
def _(mark: Line, ax: Any) -> None:
    curves = ax.plot(mark.x, mark.y, **_look(mark))
    for curve in curves[1:]:
        curve.set_label(None)


@put.register
def _(mark: ErrorBars, ax: Any) -> None:
    ax.errorbar(mark.x, mark.y, xerr=mark.xerr, yerr=mark.yerr, capsize=2, **_look(mark))


@put.register
def _(mark: Band, ax: Any) -> None:
    ax.fill_between(
        mark.x, mark.low, mark.high, color=mark.colour, linewidth=mark.width, **_common(mark)
    )


@put.register
def _(mark: Bars, ax: Any) -> None:
    ax.bar(mark.x, mark.height, mark.width, color=mark.colour, linewidth=0, **_common(mark))


def value_range(mark: HeatMap) -> tuple[float, float]:
    """The values of the first and of the last colour."""
    low = np.nanmin(mark.value) if mark.low is None else mark.low
    return float(low), float(np.nanmax(mark.value) if mark.high is None else mark.high)


def _edges(centres: np.ndarray) -> np.ndarray:
    """Edges of cells around increasing centres."""
    half = np.diff(centres) / 2 if len(centres) > 1 else np.array([0.5])
    return np.concatenate(
        [centres[:1] - half[0], centres[:-1] + half[: len(centres) - 1], centres[-1:] + half[-1]]
    )


def shades(mark: HeatMap) -> Any:
    """Its colour map."""
    from matplotlib.colors import LinearSegmentedColormap

    if mark.colours == "diverging":
        return "RdBu_r"
    ends = list(GREYS[mark.colours])  # a pair would be a colour and its opacity (matplotlib 3.8)
    return LinearSegmentedColormap.from_list(mark.colours, ends)


@put.register
def _(mark: HeatMap, ax: Any) -> None:
    value, (low, high) = np.asarray(mark.value), value_range(mark)
    x, y = (
        np.arange(count) if at is None else np.asarray(at)
        for at, count in zip((mark.x, mark.y), value.T.shape, strict=True)
    )
    look = {"cmap": shades(mark)} | ({} if mark.zorder is None else {"zorder": mark.zorder})
    if mark.levels is not None:
        ax.contourf(x, y, value, levels=mark.levels, **look)
    elif mark.x is None and mark.y is None:
        look |= {"interpolation": "nearest", "aspect": "auto", "origin": "lower"}
        ax.imshow(value, vmin=low, vmax=high, **look)
    else:
        look |= {"rasterized": value.size > DENSE_CELLS}
        ax.pcolormesh(_edges(x), _edges(y), value, vmin=low, vmax=high, **look)


@put.register
def _(mark: Contour, ax: Any) -> None:
    value, common = np.asarray(mark.value), _common(mark)
    label = common.pop("label")
    if np.nanmin(value) < mark.level < np.nanmax(value):
        look = {"colors": [mark.colour], "linewidths": mark.width, "linestyles": [mark.dash]}
        ax.contour(mark.x, mark.y, value, levels=[mark.level], **look, **common)
    ax.plot([], [], color=mark.colour, linewidth=mark.width, linestyle=mark.dash, label=label)


@put.register
def _(mark: Image, ax: Any) -> None:
    value = np.asarray(mark.value)
    if np.isfinite(value).all():
        ax.imshow(
            value,
            cmap="gray",
            aspect="equal" if len(value) > 1 else "auto",
            interpolation="nearest",
        )
    ax.set_anchor("N")


@put.register
def _(mark: Arrows, ax: Any) -> None:
    tips = {
        "arrowstyle": "-|>",
        "color": mark.colour,
        "linewidth": mark.width,
        "mutation_scale": mark.head,
    }
    common = _common(mark)
    label = common.pop("label")
    for start, end in zip(np.asarray(mark.start), np.asarray(mark.end), strict=True):
        ax.annotate("", end, start, arrowprops=tips | {"shrinkA": 0, "shrinkB": 0} | common)
    if label:
        ax.plot(
            [], [], color=mark.colour, linewidth=mark.width, marker=">", markersize=4, label=label
        )


@put.register
def _(mark: Region, ax: Any) -> None:
    ax.fill(mark.x, mark.y, color=mark.colour, linewidth=0, **_common(mark))


@put.register
def _(mark: Span, ax: Any) -> None:
    draw_span, ends = (ax.axhspan, mark.y) if mark.x is None else (ax.axvspan, mark.x)
    draw_span(*np.asarray(ends), color=mark.colour, linewidth=0, **_common(mark))


def _lines(draw_line: Callable[..., Any], at: Any, mark: Vertical | Horizontal) -> None:
    for place in np.ravel(at):
        draw_line(
            place, color=mark.colour, linestyle=mark.dash, linewidth=mark.width, **_common(mark)
        )


@put.register
def _(mark: Vertical, ax: Any) -> None:
    _lines(ax.axvline, mark.x, mark)


@put.register
def _(mark: Horizontal, ax: Any) -> None:
    _lines(ax.axhline, mark.y, mark)


@put.register
def _(mark: Text, ax: Any) -> None:
    x, y = np.ravel(mark.x), np.ravel(mark.y)
    texts = [mark.text] * len(x) if isinstance(mark.text, str) else mark.text
    right, up = mark.offset
    sides = {
        "ha": ("center", "left", "right")[int(np.sign(right))],
        "va": ("center", "bottom", "top")[int(np.sign(up))],
    }
    look = {
        "textcoords": "offset points",
        "fontsize": mark.size,
        "color": mark.colour,
        "annotation_clip": False,
    }
    for a, b, text in zip(x, y, texts, strict=True):
        ax.annotate(text, (a, b), mark.offset, **look, **sides, **_common(mark) | {"label": None})


@put.register
def _(mark: Note, ax: Any) -> None:
    up, along = mark.place.split()
    x, side = {"left": (0.03, "left"), "center": (0.5, "center"), "right": (0.97, "right")}[along]
    y, top = {"lower": (0.03, "bottom"), "center": (0.5, "center"), "upper": (0.97, "top")}[up]
    ax.text(
        x, y, mark.text, transform=ax.transAxes, ha=side, va=top, fontsize=SMALL, color=mark.colour
    )


@put.register
def _(mark: Custom, ax: Any) -> None:
    mark.draw(ax, mark.values)
