"""Declared figures and films, whose functions return panels as data.

def loss(run: Run) -> Iterable[Panel]:
    yield Panel([Line(run.t, run.loss)], xlabel="step", ylabel="loss", scale="linear-log")

Figure("3", "figure-3-loss", "Two points: the loss.", loss, cases=("toy",), layout=(1, 1,
style.COLUMN, 2.7))
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import KW_ONLY, dataclass
from typing import Any

from flowrepro.figures.panels import Panel

Layout = tuple[int, int, float, float] | tuple[str, float, float]
"""(rows, columns, width, height) in inches, or (mosaic, width, height) with rows of letters such as
"AAB;CCB"."""
SHARES = ("", "x", "y", "both")


@dataclass(frozen=True)
class Picture:
    """The panels of a figure for given results, and its caption for them."""

    panels: tuple[Panel, ...]
    caption: str

    def as_numbers(self) -> Mapping[str, Any]:
        """The arrays of the panels by place, panel and mark (`panels.numbers`)."""
        return {str(k): panel.as_numbers() for k, panel in enumerate(self.panels)}


@dataclass(frozen=True)
class Figure:
    """A declared figure.

    id : the paper's number, "2" or "4". file : stem of the image files.
    caption : one line; what the panels show. A function of the results where it states numbers.
    panels : results -> panels, in the order of the layout; fewer leave the last places blank. May
    raise `NotDrawable`.
    cases : names of the cases whose results `panels` takes, in order; the last one's directory
    keeps the image.
    layout : places of the panels, and the size of the figure.
    share : "x" where the panels of a column have one x axis, "y" where those of a row have one y
        axis, or "both": they get the same limits, and numbers at the outer panels only.
    many_seeds : whether `panels` takes ensembles instead of runs.
    tolerance : (relative, absolute) difference of its numbers between two machines; None for the
    gallery's usual one.
    """

    id: str
    file: str
    caption: str | Callable[..., str]
    panels: Callable[..., Iterable[Panel]]
    _: KW_ONLY
    cases: tuple[str, ...]
    layout: Layout
    share: str = ""
    many_seeds: bool = False
    tolerance: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        if self.share not in SHARES:
            raise ValueError(f"share='{self.share}'; choose among {', '.join(map(repr, SHARES))}")

    def collect(self, *results: Any) -> Picture:
        """What the figure shows of these results."""
        caption = self.caption if isinstance(self.caption, str) else self.caption(*results)
        return Picture(tuple(self.panels(*results)), caption)


@dataclass(frozen=True)
class Film:
    """A declared animation: frames gives, for a run, the panels of every frame; each frame has the
    same axes.

    The other fields are those of `Figure`; case is the one case whose run it shows. Marks without
    points keep their label in the legend, which is that of the first frame.
    """

    id: str
    file: str
    caption: str
    frames: Callable[..., Iterable[Iterable[Panel]]]
    _: KW_ONLY
    case: str
    layout: Layout
    share: str = ""
