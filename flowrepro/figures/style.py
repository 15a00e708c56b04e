"""The one style of all figures: fonts, sizes, and one colour per meaning.

Importable without matplotlib.
"""

from __future__ import annotations

import contextlib
import logging
import os
import warnings
from collections.abc import Iterator
from typing import Any

POSITIVE = "#0072B2"
"""Neurons with a positive output weight."""
NEGATIVE = "#D55E00"
"""Neurons with a negative output weight."""
DEAD = "#8C8C8C"
"""Neurons that are active on no sample."""
DATA = "#000000"
"""Samples."""
LEARNED = "#007A5A"
"""What the run learned, and its loss."""
THEORY = "#B0468F"
"""A closed form, a bound, a reference solution."""
FRAME = "#6E6E6E"
"""Zero lines, marks and notes that carry no quantity of their own."""
ENGINES = {"torch": "#56B4E9", "fused": "#E69F00"}
"""Engines, where a figure compares them.

All hues are those of Okabe and Ito's palette (green and purple darkened for thin lines), which
colour-blind readers tell apart.
"""

COLOURS = frozenset((POSITIVE, NEGATIVE, DEAD, DATA, LEARNED, THEORY, FRAME, *ENGINES.values()))
"""All colours of the figures, beside greys."""
DASHES: tuple[str | tuple[float, tuple[float, ...]], ...] = (
    "-", (0, (5, 2)), (0, (1, 1.2)), (0, (6, 1.5, 1, 1.5)), (0, (3, 1, 1, 1, 1, 1)),
)  # fmt: skip
"""Dashes of curves that differ in a parameter only, in its order."""
MARKERS = "osD^v<>"
"""Markers of points that differ in a parameter only, in its order."""

COLUMN, PAGE = 3.4, 6.8
"""Widths in inches of one column and of the whole page of a two-column paper."""

STYLE: Any = {
    "font.family": "DejaVu Sans",  # shipped with matplotlib
    "mathtext.fontset": "dejavusans",
    "text.usetex": False,
    "font.size": 8.0,
    "axes.titlesize": 8.0,
    "axes.labelsize": 8.0,
    "xtick.labelsize": 7.0,
    "ytick.labelsize": 7.0,
    "legend.fontsize": 7.0,
    "legend.frameon": False,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "lines.linewidth": 1.4,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "figure.dpi": 100.0,
    "savefig.dpi": 200.0,
    "savefig.bbox": None,
    "pdf.fonttype": 42,
    "svg.fonttype": "path",
    "svg.hashsalt": "flowrepro",
}

_NOT_OURS = ("backend", "backend_fallback", "interactive")


def grey(k: int, count: int, dark: float = 0.0, light: float = 0.75) -> str:
    """The k-th of ``count`` greys from dark to light, where shades are an order."""
    return f"{dark + (light - dark) * k / max(1, count - 1):.3f}"


@contextlib.contextmanager
def paper_style() -> Iterator[None]:
    """Matplotlib's own defaults with STYLE on top, whatever the user's matplotlibrc says; undone on
    leaving.
    """
    logging.getLogger("matplotlib").setLevel(logging.ERROR)  # it reports where it keeps its caches
    with _without_backend_variable():
        import matplotlib
    with matplotlib.rc_context():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # defaults of deprecated parameters
            defaults: Any = {
                key: value
                for key, value in matplotlib.rcParamsDefault.items()
                if key not in _NOT_OURS
            }
            matplotlib.rcParams.update(defaults)
        matplotlib.rcParams.update(STYLE)
        yield


@contextlib.contextmanager
def _without_backend_variable() -> Iterator[None]:
    """Matplotlib refuses to be imported under an MPLBACKEND it does not know; no backend is chosen
    by name here.
    """
    backend = os.environ.pop("MPLBACKEND", None)
    try:
        yield
    finally:
        if backend is not None:
            os.environ["MPLBACKEND"] = backend
