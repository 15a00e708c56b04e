"""Figures: style, and saving that gives the same bytes twice. The papers' figures are in ``papers/``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Figure:
    """A declared figure: collect (pure, runs -> NamedTuple of arrays and numbers), then draw (axes only).

    id : the paper's number, "2" or "4".
    file : stem of the image files.
    rows : names of the rows whose runs ``collect`` takes, in order; the first one's directory keeps the image.
    caption : one line; what the panels show.
    layout : (rows, columns, width in inches, height in inches) of the axes that ``draw`` gets as a flat list.
    """

    id: str
    file: str
    rows: tuple[str, ...]
    caption: str
    layout: tuple[int, int, float, float]
    collect: Callable[..., Any]
    draw: Callable[..., None]
