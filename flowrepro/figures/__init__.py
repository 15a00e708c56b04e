"""Figures: style, and saving that gives the same bytes twice. The papers' figures are in
``papers/``.

style.py         fonts, sizes and the one colour of every meaning
panels.py        panels and their marks as data
declare.py       a figure and a film, declared by a function that returns panels
renderer.py      panels -> axes, with the rules that hold for every figure; marks.py draws the marks
canvas.py        a declared figure and its data -> bytes of PDF, PNG and SVG
numbers.py       the numbers behind a figure as JSON, and their comparison
line_panels.py   the learned function on the line with the kinks of its neurons
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from flowrepro.errors import UsageError


class NotDrawable(UsageError):
    """Raised by a figure's ``collect``: this run cannot be drawn that way; the message says why."""


@dataclass(frozen=True)
class Figure:
    """A declared figure: collect (pure, runs -> NamedTuple of arrays and numbers), then draw (axes
    only).

    id : the paper's number, "2" or "4".
    file : stem of the image files.
    cases : names of the cases whose runs ``collect`` takes, in order; the first one's directory
        keeps the image.
    caption : one line; what the panels show.
    layout : (cases, columns, width in inches, height in inches) of the axes that ``draw`` gets as a
        flat list, or (mosaic, width, height) with cases of letters such as "AAB;CCB", whose axes
        come in the order of the letters.
    projections : letter of the mosaic, or place in the grid as text -> "polar" or "3d", for axes
        that are not rectangular.
    tolerance : (relative, absolute) difference of its numbers between two machines; None for the
        gallery's usual one.
    many_seeds : whether ``collect`` takes ensembles instead of runs.
    collect : may raise `NotDrawable` for a run (a user's own points, say) that has no such picture.
    """

    id: str
    file: str
    cases: tuple[str, ...]
    caption: str
    layout: tuple[int, int, float, float] | tuple[str, float, float]
    collect: Callable[..., Any]
    draw: Callable[..., None]
    many_seeds: bool = False
    projections: Mapping[str, str] = field(default_factory=dict)
    tolerance: tuple[float, float] | None = None
