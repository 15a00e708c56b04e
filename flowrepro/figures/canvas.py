"""From a declared figure and its data to the bytes of image files: the same bytes on every run.

No global state of matplotlib is used (no pyplot, no chosen backend), and dates are left out of the
files.
"""

from __future__ import annotations

import datetime
import io
import os
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from flowrepro.errors import UsageError
from flowrepro.figures.declare import Layout, Picture
from flowrepro.figures.panels import Panel
from flowrepro.figures.style import paper_style

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

FORMATS = ("pdf", "png", "svg")
DENSE = 2000
"""Markers from which a scatter plot becomes pixels inside a vector file."""


def render(
    picture: Picture,
    layout: Layout,
    metadata: Mapping[str, str],
    formats: Iterable[str] = FORMATS,
    *,
    share: str = "",
    caption: str = "",
) -> dict[str, bytes]:
    """Draw the panels of a picture and give the image files as bytes.

    Parameters
    ----------
    metadata : what the image shows (experiment, case, seed, scale, step, engine); embedded in every
        file: PNG text chunks, the keywords of a PDF, the keywords of the SVG's Dublin Core.
    formats : members of FORMATS.
    share : as `declare.Figure`. caption : the picture's own if empty.

    Returns
    -------
    format -> bytes; equal bytes for equal arguments under one version of matplotlib.

    Raises UsageError for an unknown format or an unusable SOURCE_DATE_EPOCH.
    """
    wanted = tuple(formats)
    reject_unknown(wanted)
    reject_bad_epoch()
    with paper_style():
        canvas = _drawn(picture, layout, share)
        return {name: _saved(canvas, name, caption or picture.caption, metadata) for name in wanted}


def reject_unknown(formats: Iterable[str]) -> None:
    """Raise UsageError for a format that is not in FORMATS."""
    for name in formats:
        if name not in FORMATS:
            raise UsageError(
                f"figures are written as {', '.join(FORMATS)}, not as '{name}'; choose among these"
            )


def reject_bad_epoch() -> None:
    """Raise UsageError for a SOURCE_DATE_EPOCH that is no time; matplotlib reads it even where no
    date is written.
    """
    epoch = os.environ.get("SOURCE_DATE_EPOCH")
    if not epoch:
        return
    try:
        datetime.datetime.fromtimestamp(int(epoch), datetime.UTC)
    except (ValueError, OverflowError, OSError):
        raise UsageError(
            f"SOURCE_DATE_EPOCH must be a whole number of seconds since 1970, not '{epoch}'; "
            "correct or unset it"
        ) from None


def _drawn(picture: Picture, layout: Layout, share: str) -> Canvas:
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    from flowrepro.figures import renderer
    from flowrepro.figures.shown import Shown

    *_, width, height = layout
    canvas = Shown(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(canvas)
    renderer.draw(canvas, picture.panels, layout, share)
    _rasterise_dense(canvas)
    # One layout for all formats: each writer would otherwise solve for it again at its own
    # resolution.
    canvas.draw_without_rendering()
    canvas.set_layout_engine("none")
    return canvas


def _rasterise_dense(canvas: Canvas) -> None:
    """Turn scatter plots of more than DENSE markers into pixels, so that no vector file grows with
    the data.
    """
    for axes in canvas.axes:
        for collection in axes.collections:
            if np.shape(collection.get_offsets())[0] > DENSE:
                collection.set_rasterized(True)
        for line in axes.lines:
            if line.get_linestyle() == "None" and np.size(line.get_xdata()) > DENSE:
                line.set_rasterized(True)


def _saved(canvas: Canvas, name: str, caption: str, metadata: Mapping[str, str]) -> bytes:
    described = [f"{key}={value}" for key, value in metadata.items()]
    embedded: dict[str, dict[str, Any]] = {
        "pdf": {"CreationDate": None, "Subject": caption, "Keywords": "; ".join(described)},
        "png": {"Description": caption, **metadata},
        "svg": {"Date": None, "Description": caption, "Keywords": described},
    }
    file = io.BytesIO()
    canvas.savefig(file, format=name, metadata=embedded[name])
    return file.getvalue()


def drawn(panels: tuple[Panel, ...], layout: Layout, share: str = "") -> Canvas:
    """A figure of matplotlib with these panels, in our style, for a caller who saves or shows
    it.
    """
    with paper_style():
        return _drawn(Picture(panels, ""), layout, share)
