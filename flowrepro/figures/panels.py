"""The panels of a figure as data: marks (marks.py) and what the axes around them look like.

A figure's function returns panels; `renderer` draws them; `numbers` gives the arrays in them as
JSON. Nothing here imports matplotlib.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from typing import Any

import numpy as np

from flowrepro.figures import numbers as plain
from flowrepro.figures.marks import (
    PLACES,
    Arrows,
    Band,
    Bars,
    Contour,
    Custom,
    Dash,
    ErrorBars,
    HeatMap,
    Horizontal,
    Image,
    Line,
    Mark,
    Note,
    Points,
    Region,
    Span,
    Text,
    Vertical,
    require,
)

# fmt: off
__all__ = [
    "PLACES", "PROJECTIONS", "SCALES", "Arrows", "Band", "Bars", "Contour", "Custom", "Dash",
    "ErrorBars", "HeatMap", "Horizontal", "Image", "Limits", "Line", "Mark", "Note", "Panel",
    "Points", "Region", "Span", "Text", "Ticks", "Vertical", "numbers",
]
# fmt: on

Limits = tuple[float | None, float | None]
SCALES = ("linear", "log", "symlog")
PROJECTIONS = ("", "polar", "3d")


@dataclass(frozen=True)
class Ticks:
    """Places of ticks with their labels (the numbers themselves if None), turned by rotation
    degrees."""

    at: Sequence[float] | np.ndarray
    labels: Sequence[str] | None = None
    rotation: float = 0.0


@dataclass(frozen=True, eq=False)
class Panel:
    """One pair of axes.

    marks : drawn in this order. title : without a letter, which the renderer adds. xlabel, ylabel :
    required on axes with ticks, wherever the panel stands; repeated ones are shown at the outer
    panels only.
    scale : of x and y, joined by a hyphen, each one of SCALES. xlim, ylim : None for what the data
    needs, at both ends or at one. xticks, yticks : places, `Ticks`, a number for at most so many,
    () for none, None for matplotlib's.
    aspect : "equal" for one unit on both axes. projection : one of PROJECTIONS; x of a polar panel
    is in radians.
    hole : of a polar panel, radius of the circle y = 0 over that of the outer circle. legend : one
    of PLACES for a legend inside; below the figure if empty. floor : height below which values are
    rounding errors.
    twin : a panel drawn over this one with a y axis of its own on the right. ycolour, yside : of
    the y axis.
    grid : thin lines at the ticks. frame : False for marks only, without axes.
    """

    marks: Iterable[Mark]
    _: KW_ONLY
    title: str = ""
    xlabel: str = ""
    ylabel: str = ""
    scale: str = "linear-linear"
    xlim: Limits | None = None
    ylim: Limits | None = None
    xticks: Ticks | Sequence[float] | np.ndarray | int | None = None
    yticks: Ticks | Sequence[float] | np.ndarray | int | None = None
    aspect: str = ""
    projection: str = ""
    hole: float = 0.0
    legend: str = ""
    floor: float | None = None
    twin: Panel | None = None
    ycolour: str | None = None
    yside: str = "left"
    grid: bool = False
    frame: bool = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "marks", tuple(self.marks))
        scales = self.scale.split("-")
        if len(scales) != 2 or not set(scales) <= set(SCALES):
            known = ", ".join(SCALES)
            raise ValueError(
                f"scale='{self.scale}': join two of {known} by a hyphen, x first: 'log-linear'"
            )
        require("projection", self.projection, PROJECTIONS)
        require("place of a legend", self.legend, ("", *PLACES))
        require("aspect", self.aspect, ("", "equal"))
        require("yside", self.yside, ("left", "right"))

    def has(self, kind: type[Mark]) -> bool:
        """Whether one of the marks is of this kind."""
        return any(isinstance(mark, kind) for mark in self.marks)

    @property
    def boxed(self) -> bool:
        """Whether all four sides are drawn: around heat maps and planes without ticks."""
        return self.has(HeatMap) or (_no_ticks(self.xticks) and _no_ticks(self.yticks))

    def as_numbers(self) -> Mapping[str, Any]:
        """The arrays by mark, '2-trained-net' or '2-line', and those of the twin."""
        named = {f"{k}-{mark.name}": mark.as_numbers() for k, mark in enumerate(self.marks)}
        return named | ({} if self.twin is None else {"twin": self.twin.as_numbers()})

    def missing_labels(self) -> list[str]:
        """Those of xlabel and ylabel that the panel needs and does not have."""
        if not self.frame or self.projection or self.has(Image):
            return []
        axes = {"xlabel": (self.xlabel, self.xticks), "ylabel": (self.ylabel, self.yticks)}
        missing = [
            name for name, (label, ticks) in axes.items() if not label and not _no_ticks(ticks)
        ]
        if self.twin is not None and not self.twin.ylabel and not _no_ticks(self.twin.yticks):
            missing.append("ylabel of the twin")
        return missing


def numbers(panels: Iterable[Panel]) -> plain.Numbers:
    """The arrays of all panels as JSON: '0.2-trained-net.y' -> at most 200 numbers of panel 0, mark
    2, field y.

    Numbers in a label are left out of the name, as they may differ between machines.
    """
    return plain.numbers({str(k): panel.as_numbers() for k, panel in enumerate(panels)})


def _no_ticks(ticks: Any) -> bool:
    return ticks is not None and not isinstance(ticks, int | Ticks) and len(ticks) == 0
