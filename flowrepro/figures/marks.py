"""The marks of a panel: lines, points, heat maps, arrows, texts, with the arrays that they draw.

Nothing here imports matplotlib. Colours are those of `style`, each with one meaning. Marks that
share a label share one entry of the legend. Positional arguments are data, keyword arguments are
looks; partial(Line, colour=style.THEORY) gives many lines one look. nan breaks a line and hides a
point.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike

from flowrepro.figures import style

Dash = str | tuple[float, tuple[float, ...]]
"""As matplotlib's: "-", "--", ":", "-.", or (0, (on, off, ...)) in points."""
PLACES = tuple(
    f"{v} {h}" for v in ("upper", "center", "lower") for h in ("left", "center", "right")
)
"""Places of a legend or a note inside a panel."""


@dataclass(frozen=True, eq=False)
class Mark:
    """What all marks have.

    label : entry of the legend; none if empty. colour : one of `style`, or a grey from "0" (black)
    to "1" (white).
    opacity : from 0 to 1. zorder : what is higher covers what is lower; matplotlib's usual order if
    None.
    """

    _: KW_ONLY
    label: str = ""
    colour: str = style.LEARNED
    opacity: float = 1.0
    zorder: float | None = None

    data: ClassVar[tuple[str, ...]] = ()
    """Fields that hold numbers; they become arrays of at least one axis."""
    alike: ClassVar[tuple[str, ...]] = ()
    """Those of `data` that must have as many entries as the first of them."""

    def __post_init__(self) -> None:
        arrays = {name: getattr(self, name) for name in self.data}
        for name, value in arrays.items():
            if value is not None:
                object.__setattr__(self, name, np.atleast_1d(np.asarray(value)))
        sizes = {name: len(getattr(self, name)) for name in self.alike}
        if len(set(sizes.values())) > 1:
            told = ", ".join(f"{name} has {size}" for name, size in sizes.items())
            name = f"{type(self).__name__} '{self.label}'"
            raise ValueError(f"{name}: {told} entries; give as many of each")
        if self.colour not in style.COLOURS and not re.fullmatch(
            r"[01](\.\d+)?|white", self.colour
        ):
            raise ValueError(
                f"'{self.colour}' is no colour of flowrepro.figures.style, and no grey"
            )

    @property
    def name(self) -> str:
        """Words of the label, joined; numbers are left out, as they may differ between machines."""
        words = re.sub(r"[-+]?\d[\d.]*(e[-+]?\d+)?", " ", self.label)
        return "-".join(re.findall(r"[A-Za-z]+", words)).lower() or type(self).__name__.lower()

    def as_numbers(self) -> Mapping[str, Any]:
        """The arrays of the mark by the name of their field."""
        return {name: getattr(self, name) for name in self.data}


@dataclass(frozen=True, eq=False)
class Line(Mark):
    """Curves y (T,) or (T, K) over x (T,) or (T, K): a column is a curve, all with one look.

    width and size in points. marker : of every entry, none if empty. fill : colour inside a marker
    ("none" or "white" for an open one), that of the line if None. edge : colour of its rim, "none"
    for no rim. tag : name written in its colour where the curve ends. clip : False draws over the
    edge of the axes.
    """

    x: ArrayLike
    y: ArrayLike
    _: KW_ONLY
    dash: Dash = "-"
    width: float = 1.4
    marker: str = ""
    size: float = 3.5
    fill: str | None = None
    edge: str | None = None
    tag: str = ""
    clip: bool = True

    data: ClassVar[tuple[str, ...]] = ("x", "y")
    alike = ("x", "y")


@dataclass(frozen=True, eq=False)
class Points(Line):
    """Markers at x, y (N,), with no line between them; the looks are those of `Line`."""

    _: KW_ONLY
    dash: Dash = "none"
    marker: str = "o"
    size: float = 4.0


@dataclass(frozen=True, eq=False)
class Band(Mark):
    """The area between low and high (T,) over x (T,). width : of its outline."""

    x: ArrayLike
    low: ArrayLike
    high: ArrayLike
    _: KW_ONLY
    opacity: float = 0.25
    width: float = 0.0

    data = ("x", "low", "high")

    def __post_init__(self) -> None:
        for name in ("low", "high"):  # one number is a level
            object.__setattr__(self, name, np.broadcast_to(getattr(self, name), np.shape(self.x)))
        super().__post_init__()


@dataclass(frozen=True, eq=False)
class ErrorBars(Line):
    """Points x, y (N,) with bars of half-lengths xerr, yerr: (N,), or (2, N) below and above; None
    for no bar."""

    _: KW_ONLY
    xerr: ArrayLike | None = None
    yerr: ArrayLike | None = None
    dash: Dash = "none"
    marker: str = "o"

    data = ("x", "y", "xerr", "yerr")


@dataclass(frozen=True, eq=False)
class Bars(Mark):
    """Upright bars of height (N,) centred at x (N,). width : in units of x, one number or (N,)."""

    x: ArrayLike
    height: ArrayLike
    _: KW_ONLY
    width: ArrayLike = 0.8

    data = ("x", "height")
    alike = ("x", "height")


@dataclass(frozen=True, eq=False)
class HeatMap(Mark):
    """value (R, C) as shades: row i at y[i], column j at x[j]; at 0, 1, 2, ... if x and y are None.

    colours : "greys" (darker is higher, never black), "light" (lighter is higher), "diverging"
    (blue, white, red).
    low, high : values of the first and the last colour, those of the data if None. bar : name of
    the colour bar; no bar if empty, one bar for all panels that name it alike. bar_ticks : low,
    middle and high if None. bar_side : "right" or "bottom". levels : number of filled contours
    instead of cells, None for cells.
    """

    value: ArrayLike
    _: KW_ONLY
    x: ArrayLike | None = None
    y: ArrayLike | None = None
    colours: str = "greys"
    low: float | None = None
    high: float | None = None
    bar: str = ""
    bar_ticks: Sequence[float] | None = None
    bar_side: str = "right"
    levels: int | None = None

    data = ("value", "x", "y")


@dataclass(frozen=True, eq=False)
class Contour(Mark):
    """The line value = level of a value (R, C) on columns x (C,) and rows y (R,); nothing where it
    is not crossed."""

    x: ArrayLike
    y: ArrayLike
    value: ArrayLike
    _: KW_ONLY
    level: float = 0.0
    dash: str = "-"
    width: float = 1.4

    data = ("x", "y", "value")


@dataclass(frozen=True, eq=False)
class Image(Mark):
    """A grey picture (R, C), first row on top, white is high, square pixels. Its panel has neither
    ticks nor frame."""

    value: ArrayLike

    data = ("value",)


@dataclass(frozen=True, eq=False)
class Arrows(Mark):
    """Arrows from start to end, each (K, 2) or, for one arrow, (2,). head : size in points."""

    start: ArrayLike
    end: ArrayLike
    _: KW_ONLY
    width: float = 1.2
    head: float = 8.0

    data = ("start", "end")

    def __post_init__(self) -> None:
        start, end = (np.atleast_2d(np.asarray(ends)) for ends in (self.start, self.end))
        for name, value in zip(("start", "end"), np.broadcast_arrays(start, end), strict=True):
            object.__setattr__(self, name, value)
        super().__post_init__()


@dataclass(frozen=True, eq=False)
class Region(Mark):
    """A filled polygon with corners x, y (N,)."""

    x: ArrayLike
    y: ArrayLike
    _: KW_ONLY
    opacity: float = 0.25

    data = alike = ("x", "y")


@dataclass(frozen=True, eq=False)
class Span(Mark):
    """A filled strip over the whole panel: x from..to, or y from..to; on polar axes x is a
    sector."""

    _: KW_ONLY
    x: tuple[float, float] | None = None
    y: tuple[float, float] | None = None
    colour: str = style.FRAME
    opacity: float = 0.15

    data = ("x", "y")

    def __post_init__(self) -> None:
        if (self.x is None) == (self.y is None):
            raise ValueError("a Span has either x=(from, to) or y=(from, to)")
        super().__post_init__()


@dataclass(frozen=True, eq=False)
class Vertical(Mark):
    """Lines over the whole height at x, a number or (K,). tag : its name beside it, at this share
    of the height."""

    x: ArrayLike
    _: KW_ONLY
    colour: str = style.FRAME
    dash: Dash = ":"
    width: float = 0.8
    tag: str = ""
    at: float = 0.97

    data = ("x",)


@dataclass(frozen=True, eq=False)
class Horizontal(Mark):
    """Lines over the whole width at y, a number or (K,). tag : its name above it, at the right
    end."""

    y: ArrayLike
    _: KW_ONLY
    colour: str = style.FRAME
    dash: Dash = ":"
    width: float = 0.8
    tag: str = ""

    data = ("y",)


@dataclass(frozen=True, eq=False)
class Text(Mark):
    """Texts at points of the axes: numbers and one string, or x, y (K,) and K strings.

    offset : (right, up) in points; the text stands on that side of the point, and is centred where
    an offset is 0.
    """

    x: ArrayLike
    y: ArrayLike
    text: str | Sequence[str]
    _: KW_ONLY
    offset: tuple[float, float] = (0.0, 0.0)
    size: float = 7.0
    colour: str = style.DATA

    data = alike = ("x", "y")


@dataclass(frozen=True, eq=False)
class Note(Mark):
    """A text at one of PLACES inside the panel."""

    text: str
    place: str = "upper right"
    _: KW_ONLY
    colour: str = style.FRAME

    def __post_init__(self) -> None:
        require("place of a note", self.place, PLACES)
        super().__post_init__()


@dataclass(frozen=True, eq=False)
class Custom(Mark):
    """What no other mark can draw: draw(ax, values) calls matplotlib; values are counted among the
    numbers."""

    draw: Callable[[Any, Any], None]
    values: Any = field(default_factory=dict)

    data = ()

    def as_numbers(self) -> Mapping[str, Any]:
        """The values."""
        return {"values": self.values}


def require(what: str, value: str, allowed: Sequence[str]) -> None:
    """Raise ValueError unless ``value`` is one of ``allowed``."""
    if value not in allowed:
        raise ValueError(f"{what}: '{value}'; choose among {', '.join(map(repr, allowed))}")
